"""The inside of the virtual terminal that commands work on: slots, display, keypad, the one client, who uses what."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.terminal.sicct.events import (
    Event,
    KeyCode,
    card_inserted,
    card_removed,
    key_pressed,
    unit_added,
    unit_removed,
)
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.units import DISPLAY, KEYPAD
from tiaas.terminal.virtual.admission import ClientState, SessionRole
from tiaas.terminal.virtual.config import PinHolder, PinMode, PinPolicy, SlotCard, TerminalConfig
from tiaas.terminal.virtual.display import Display
from tiaas.terminal.virtual.firmware import Version
from tiaas.terminal.virtual.keypad import CANCEL, OK, Keypad
from tiaas.terminal.virtual.mishaps import CardMishap, KeypadMishap, Mishaps
from tiaas.terminal.virtual.refused import Refused
from tiaas.terminal.virtual.slots import Slot
from tiaas.terminal.virtual.state import TerminalState


@dataclass(slots=True)
class Expected:
    """State EHEALTH EXPECT CHALLENGE RESPONSE: the challenge given out and until when (clock's seconds)."""

    challenge: bytes
    until: float


@dataclass(slots=True)
class Client:
    """The connected client.

    `key` is its public key if it proved to be a Konnektor, `rsa` tells that TLS used the terminal's RSA identity.
    """

    key: bytes | None
    rsa: bool = False
    role: SessionRole | None = None
    session_id: str = ""
    downloading: bytearray | None = None
    """What of a firmware has come so far; None outside a download session."""
    expected: Expected | None = None


class Machine:
    """See module. `tell` sends an event to the client, `changed` is called after `state` was altered."""

    def __init__(
        self,
        config: TerminalConfig,
        state: TerminalState,
        *,
        clock: Clock,
        entropy: Entropy,
        pins: PinHolder,
        tell: Callable[[Event], None],
        changed: Callable[[], None],
    ) -> None:
        self.config = config
        self.state = state
        self.clock = clock
        self.entropy = entropy
        self.pins = pins
        self.policy = PinPolicy()
        self.mishaps = Mishaps()
        self.tell = tell
        self.changed = changed
        self.display = Display(state.idle_text)
        self.keypad = Keypad(self._key_told, self.display.echo)
        self.client: Client | None = None
        self.motors = config.shape.motors
        """Slots that push the card out when it is ejected; from the others somebody has to pull it."""
        self.push_out: Callable[[int], object] = self.eject
        """What a motor does with its slot; replaced by whoever keeps the cards."""
        self.reboot: Callable[[], None] = lambda: None
        """Called when the terminal has to start anew, with the answer to the present command still to be sent."""
        shape = config.shape
        self._contact = {number: Slot(number, self._card_mishap) for number in shape.contact_slots}
        self._contactless = {
            number: Slot(number, self._card_mishap, contactless=True) for number in shape.contactless_slots
        }
        self._busy: set[int] = set()

    @property
    def _slots(self) -> dict[int, Slot]:
        """The slots there are: contactless ones only while Option_CL is switched on."""
        return self._contact | self._contactless if self.state.contactless else self._contact

    def __iter__(self) -> Iterator[Slot]:
        return iter(self._slots.values())

    @property
    def firmware(self) -> tuple[Version, str]:
        """Version and group of the firmware that runs."""
        return self.state.firmware or (self.config.firmware_version, self.config.firmware_group)

    def switch_contactless(self, *, on: bool) -> None:
        """Option_CL on or off (A_24116); the client hears of the functional units that come or go (82, 83)."""
        if on is self.state.contactless:
            return
        for slot in self._contactless.values():
            slot.power_down()
        self.state.contactless = on
        self.changed()
        for number in self._contactless:
            self.tell(unit_added(number) if on else unit_removed(number))

    def slot(self, unit: int) -> Slot:
        """The slot with that number; raises `Refused` (6A00)."""
        slot = self._slots.get(unit)
        if slot is None:
            raise Refused(Sw.WRONG_PARAMETERS)
        return slot

    @property
    def smkt(self) -> Slot:
        """Where the gSMC-KT is."""
        return self._slots[self.config.smkt_slot]

    @property
    def client_state(self) -> ClientState:
        """State of A_22456, by the pairing blocks as they are now."""
        if self.client is None or self.client.key is None:
            return ClientState.INVALID_CLIENT
        if self.state.block_of(self.client.key) is None:
            return ClientState.WITHOUT_PAIRING
        return ClientState.WITH_PAIRING

    def existing(self, unit: int) -> bool:
        """Whether an envelope may carry this unit: the terminal or one of its slots."""
        return unit == 0 or unit in self._slots

    @property
    def units(self) -> list[int]:
        """All functional units but the terminal itself (DO 81)."""
        return [*self._slots, DISPLAY, KEYPAD]

    @contextmanager
    def using(self, *units: int) -> Iterator[None]:
        """Reserves functional units for one command; raises `Refused` (6941) if one is in use."""
        if self._busy & set(units):
            raise Refused(Sw.BUSY)
        self._busy |= set(units)
        try:
            yield
        finally:
            self._busy -= set(units)

    def reset(self) -> None:
        """All slots off, idle message (SICCT 5.12.1; also at the start and end of a session and of TLS)."""
        for slot in self:
            slot.power_down()
        self.display.show_idle()

    def insert(self, number: int, card: SlotCard) -> None:
        """A person puts a card in."""
        self._slots[number].insert(card)
        self.tell(card_inserted(number))

    def eject(self, number: int) -> SlotCard:
        """A person takes a card out."""
        card = self._slots[number].eject()
        self.tell(card_removed(number))
        return card

    def at_keypad(self, card: SlotCard | None, password_ref: int, asked: str) -> KeypadMishap:
        """What happens at the prompt that comes now; raises `Refused` (6941) if somebody else uses the keypad."""
        mishap = self.mishaps.at_keypad(card, password_ref, asked) or KeypadMishap()
        if mishap.is_busy:
            raise Refused(Sw.BUSY)
        return mishap

    def confirm_as_policy(self, mishap: KeypadMishap) -> None:
        """What the invented holder does when asked to press OK."""
        mode = mishap.mode or self.policy.mode
        if mode in (PinMode.AUTO, PinMode.WRONG):
            self.keypad.press(OK)
        elif mode is PinMode.CANCEL:
            self.keypad.press(CANCEL)

    def _card_mishap(self, slot: int, card: SlotCard, header: bytes | None) -> CardMishap | None:
        return self.mishaps.at_card(slot, card, header)

    def _key_told(self, code: KeyCode) -> None:
        self.tell(key_pressed(code))
