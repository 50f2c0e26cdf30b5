"""The Konnektor's side of one terminal: SICCT commands as calls.

SICCT V1.3.0 ch. 5; gemSpec_KT V3.17.0, 3.7; gemSpec_Kon V5.18.0, building blocks of TUC_KON_050…058.
A `TerminalSession` has no state of its own beside (front, owner, ctId): it may be made anew at any time.
"""

import enum
import hashlib
from hmac import compare_digest

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_response_untrusted
from tiaas.card.link import CardGone, CardLink, CardLinkError, CardTimeout
from tiaas.terminal import errors as err
from tiaas.terminal.front import Front, Owner, TerminalGone, TerminalTimeout
from tiaas.terminal.pairing import CHALLENGE_SIZE
from tiaas.terminal.personwaits import PersonWaits
from tiaas.terminal.sicct import commands as cmd
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.units import P1_TERMINAL, TERMINAL

_NUMBER_SECONDS = 60  # how long a card's access number (CAN) may be typed; no text at hand says, the time is ours
_ENTRY_SECONDS = 180  # t3: the whole of one PIN entry (SICCT table 23)
_CONTROL_FORMAT_2 = 0x02
_CONTROL_MINIMUM = 0x04
_FIRST_POSITION = 6  # CLA INS P1 P2 Lc, counted from 1
_BLOCK_SIZE = 8
_DIGEST_SIZE = 32

_NAMED: dict[int, type[err.TerminalError]] = {
    Sw.NOT_ALLOWED: err.NotAllowed,
    Sw.NO_VALID_CLIENT: err.NotAllowed,
    Sw.BUSY: err.TerminalBusy,
    Sw.NO_CARD: err.SlotEmpty,
    Sw.CARD_NOT_ACTIVE: err.CardInactive,
}
_ENTRY: dict[int, type[err.TerminalError]] = {
    Sw.EXECUTION_ERROR: err.PinEntryTimeout,
    Sw.CANCELLED: err.PinEntryCancelled,
    Sw.NEW_PINS_DIFFER: err.NewPinsDiffer,
}
# No gematik COS answers 6940 or 6A00, so behind PERFORM and MODIFY they are the terminal's own.
_NO_PIN_PAD: dict[int, type[err.TerminalError]] = {Sw.NO_DISPLAY: err.NoPinPad, Sw.WRONG_PARAMETERS: err.NoPinPad}


@enum.unique
class SlotState(enum.IntEnum):
    """ICC status of one slot (DO 80; SICCT 5.5.10.7)."""

    EMPTY = 0x00
    NOT_IN_POSITION = 0x01
    UNPOWERED = 0x03
    POWERED = 0x05
    NEGOTIABLE = 0x0D
    ACTIVE = 0x15
    UNKNOWN = 0x80


@dataclass(frozen=True, slots=True)
class TerminalProduct:
    """DO 46 with D7 (gemSpec_KT DO_KT_0001/0002); versions as `1.2.3`, blanks removed."""

    manufacturer: str
    sicct_version: str
    software_version: str
    interface_version: str
    product_type: str
    product_type_version: str
    model: str
    firmware_version: str
    hardware_version: str
    firmware_group: str
    vendor_text: str


@dataclass(frozen=True, slots=True)
class PinPrompts:
    """The five texts of PERFORM VERIFICATION. `\\x0b` breaks a line, `\\x0f` separates message and PIN prompt."""

    prompt: str
    success: str
    failure: str
    confirm: str = ""
    abort: str = ""


@dataclass(frozen=True, slots=True)
class NewPinPrompts:
    """The eight texts of MODIFY VERIFICATION DATA."""

    prompt: str
    success: str
    failure: str
    new: str
    repeat: str
    different: str
    confirm: str = ""
    abort: str = ""


@enum.unique
class Ejected(enum.Enum):
    """How EJECT ICC ended."""

    REMOVED = 0x9001
    DEACTIVATED = 0x9000
    NOT_REMOVED = 0x6200


@dataclass(frozen=True, slots=True)
class RequestedCard:
    """How REQUEST ICC ended: `atr` may be empty if the terminal gave none; `already_active` for 6201."""

    atr: bytes
    already_active: bool


class TerminalSession:
    """One terminal as the Konnektor uses it. All calls raise `FrontError` (link) or `TerminalError` (status word)."""

    def __init__(
        self, front: Front, owner: Owner, ct_id: str, *, wait: float = 10.0, persons: PersonWaits | None = None
    ) -> None:
        """`wait` bounds commands that nobody at the terminal has to answer, in seconds.

        Those that somebody has to answer also raise `DialogueEnded` after `persons.end`.
        """
        self._front = front
        self._owner = owner
        self._ct_id = ct_id
        self._wait = wait
        self._persons = persons or PersonWaits()

    async def init(self, user: str = "", password: Secret | None = None) -> str:
        """INIT CT SESSION; an empty account is the control session. Returns the session id; `SessionRefused`."""
        answer = await self.command(cmd.init_session(user, password or Secret(b"")))
        if not answer.ok:
            raise err.SessionRefused("INIT CT SESSION", answer.sw)
        try:
            return do.decode_session_untrusted(do.decode_only_untrusted(answer.data, do.TAG_SESSION)).session_id
        except BadSicct as bad:
            raise err.BadTerminalAnswer("INIT CT SESSION", detail=str(bad)) from bad

    async def close(self, session_id: str) -> None:
        """CLOSE CT SESSION."""
        _expect("CLOSE CT SESSION", await self.command(cmd.close_session(session_id)))

    async def validate(self, secret: Secret, challenge: bytes) -> None:
        """Proves that the terminal knows the pairing secret; `challenge` are 16–127 random octets.

        Raises `PairingUnknown` (6900), `PairingMismatch`, `NotAllowed` (6901).
        """
        if len(challenge) < CHALLENGE_SIZE:
            raise ValueError("challenge too short")
        answer = await self.command(cmd.validate_pairing(challenge))
        if answer.sw == Sw.NOT_ALLOWED:
            raise err.PairingUnknown("VALIDATE", answer.sw)
        _expect("VALIDATE", answer)
        if not compare_digest(answer.data, hashlib.sha256(challenge + secret.reveal()).digest()):
            raise err.PairingMismatch("VALIDATE", detail="not the digest of challenge and secret")

    async def create_pairing(self, secret: Secret, text: str, wait: float = 610.0) -> bytes:
        """CREATE: the terminal shows `text` and waits for OK (up to 10 minutes); returns its signature over the secret.

        `pairing.verify_pairing_signature` checks it. Raises `PairingRefused`.
        """
        answer = await self._dialogue("CREATE", cmd.create_pairing(secret, text), wait)
        if not answer.ok:
            raise err.PairingRefused("CREATE", answer.sw)
        return answer.data

    async def add_key(self, secret: Secret) -> None:
        """ADD phases 1 and 2 (maintenance pairing): adds this connection's client key to the block of `secret`.

        Raises `PairingRefused`.
        """
        challenge = await self.command(cmd.add_phase_1(_DIGEST_SIZE))
        if not challenge.ok:
            raise err.PairingRefused("ADD phase 1", challenge.sw)
        response = hashlib.sha256(challenge.data + secret.reveal()).digest()
        answer = await self.command(cmd.add_phase_2(response))
        if not answer.ok:
            raise err.PairingRefused("ADD phase 2", answer.sw)

    async def product(self) -> TerminalProduct:
        """GET STATUS 46; `BadTerminalAnswer` if there is no D7."""
        value = await self._status(P1_TERMINAL, do.TAG_MANUFACTURER)
        try:
            found = do.decode_manufacturer_untrusted(value)
        except BadSicct as bad:
            raise err.BadTerminalAnswer("GET STATUS", detail=str(bad)) from bad
        kt = found.ehealth
        return TerminalProduct(
            found.manufacturer,
            found.sicct_version,
            found.software_version,
            _dotted(kt.interface_version),
            kt.product_type,
            _dotted(kt.product_type_version),
            kt.model,
            _dotted(kt.firmware_version),
            _dotted(kt.hardware_version),
            kt.firmware_group,
            kt.vendor_text,
        )

    async def slot_states(self) -> tuple[SlotState, ...]:
        """GET STATUS 80 of the whole terminal: index 0 is slot 1."""
        value = await self._status(P1_TERMINAL, do.TAG_ICC_STATUS)
        known = set(SlotState)
        return tuple(SlotState(octet) if octet in known else SlotState.UNKNOWN for octet in value)

    async def activate(self, slot: int) -> RequestedCard | None:
        """Activates the card in `slot` without message or waiting; None if there is no card.

        A card that is active already is not reset. One on an antenna wants the number that is printed on it, which
        somebody has to type first.
        """
        is_contactless = (await self.command(cmd.get_status(slot, do.TAG_CONTACTLESS_STATUS))).ok
        return await self._request(slot, None, None, self._wait + (_NUMBER_SECONDS if is_contactless else 0))

    async def request(self, slot: int, text: str, wait: float) -> RequestedCard | None:
        """REQUEST ICC with message; None if no card came within `wait` seconds. `TerminalBusy`, `PinEntryCancelled`."""
        return await self._request(slot, text, round(wait), wait + self._wait)

    async def reset(self, slot: int) -> bytes:
        """RESET ICC (cold): the ATR. `SlotEmpty`."""
        answer = await self.command(cmd.reset_slot(slot))
        _expect("RESET ICC", answer, Sw.OK, Sw.OK_ASYNCHRONOUS)
        return _atr(answer.data)

    async def eject(self, slot: int, text: str | None, wait: float) -> Ejected:
        """EJECT ICC: deactivates the card and waits up to `wait` seconds until it is taken; `text` None: no message.

        Raises `TerminalBusy`, `PinEntryCancelled`.
        """
        answer = await self._dialogue("EJECT ICC", cmd.eject_icc(slot, text, round(wait)), wait + self._wait)
        _expect("EJECT ICC", answer, Sw.OK, Sw.OK_ASYNCHRONOUS, Sw.NOT_IN_TIME, entry=True)
        return Ejected(answer.sw)

    async def deactivate(self, slot: int) -> None:
        """EJECT ICC that keeps the card and shows nothing: switches it off."""
        answer = await self.command(cmd.eject_icc(slot, None, None, keep=True))
        _expect("EJECT ICC", answer, Sw.OK, Sw.OK_ASYNCHRONOUS)

    def card(self, slot: int, wait: float = 20.0) -> CardLink:
        """The line to the card in `slot` (one APDU at a time), `wait` seconds for an answer."""
        return _SlotLink(self._front, self._owner, self._ct_id, slot, wait)

    async def perform_verification(
        self,
        slot: int,
        template: CommandApdu,
        prompts: PinPrompts,
        *,
        pin_length: int = 0,
        first_key: int = 30,
        next_key: int = 30,
    ) -> ResponseApdu:
        """PIN entry at the terminal; the card's answer. `pin_length` 0 = variable, ended by OK.

        The format 2 block is written over the template's data. An `ne` in the template (PSO ENCIPHER) asks for the
        card's data. Raises `PinEntryTimeout`, `PinEntryCancelled`, `NoPinPad`, `TerminalBusy`, `SlotEmpty`,
        `CardInactive`.
        """
        control = pin_length << 4 | _CONTROL_FORMAT_2
        perform = do.CommandToPerform(control, (_FIRST_POSITION,), template.encode())
        texts = (prompts.prompt, prompts.success, prompts.failure, prompts.confirm, prompts.abort)
        command = cmd.perform_verification(
            slot, texts, (first_key, next_key, _ENTRY_SECONDS), perform, returns_data=template.ne is not None
        )
        step = "PERFORM VERIFICATION"
        return _entered(step, await self._dialogue(step, command, _ENTRY_SECONDS + self._wait))

    async def modify_verification_data(
        self,
        slot: int,
        template: CommandApdu,
        prompts: NewPinPrompts,
        *,
        minimum_new: int = 0,
        skip_old: bool = False,
        first_key: int = 30,
        next_key: int = 30,
    ) -> ResponseApdu:
        """Old PIN (or PUK) and twice the new PIN at the terminal; the card's answer. Also raises `NewPinsDiffer`.

        `template` has both blocks (16 octets) as data, or only that of the new PIN. `minimum_new` 4…12 is the least
        length of the new PIN (0: not checked). `skip_old` for a Null-PIN: the template then holds the old block
        already, or there is none. An `ne` in the template asks for the card's data, which terminals refuse that
        follow gemSpec_KT V3.17.0 (A_25230).
        """
        control = (minimum_new << 4 | _CONTROL_MINIMUM if minimum_new else 0) | _CONTROL_FORMAT_2
        first = 0 if skip_old else _FIRST_POSITION
        second = _FIRST_POSITION + (_BLOCK_SIZE if len(template.data) > _BLOCK_SIZE else 0)
        perform = do.CommandToPerform(control, (first, second), template.encode())
        texts = (
            prompts.prompt,
            prompts.success,
            prompts.failure,
            prompts.new,
            prompts.repeat,
            prompts.different,
            prompts.confirm,
            prompts.abort,
        )
        command = cmd.modify_verification_data(
            slot, texts, (first_key, next_key, _ENTRY_SECONDS), perform, returns_data=template.ne is not None
        )
        step = "MODIFY VERIFICATION DATA"
        return _entered(step, await self._dialogue(step, command, 3 * _ENTRY_SECONDS + self._wait))

    async def show(self, text: str) -> None:
        """OUTPUT: shows a message. `TerminalBusy`."""
        _expect("OUTPUT", await self.command(cmd.output(text)))

    async def clear(self) -> None:
        """OUTPUT: back to the idle message."""
        _expect("OUTPUT", await self.command(cmd.output_idle()))

    async def confirm(self, text: str, wait: int) -> None:
        """INPUT: shows a message and waits for the OK key. `PinEntryTimeout`, `PinEntryCancelled`, `TerminalBusy`."""
        command = cmd.input_confirmation(text, wait)
        _expect("INPUT", await self._dialogue("INPUT", command, wait + self._wait), entry=True)

    async def _request(self, slot: int, text: str | None, wait: int | None, limit: float) -> RequestedCard | None:
        answer = await self._dialogue("REQUEST ICC", cmd.request_icc(slot, text, wait), limit)
        if answer.sw in (Sw.NOT_IN_TIME, Sw.NO_CARD):
            return None
        _expect("REQUEST ICC", answer, Sw.OK, Sw.OK_ASYNCHRONOUS, Sw.ALREADY_ACTIVE, entry=True)
        return RequestedCard(_atr(answer.data), answer.sw == Sw.ALREADY_ACTIVE)

    async def _status(self, p1: int, tag: int) -> bytes:
        answer = await self.command(cmd.get_status(p1, tag))
        _expect("GET STATUS", answer)
        try:
            return do.decode_only_untrusted(answer.data, tag)
        except BadSicct as bad:
            raise err.BadTerminalAnswer("GET STATUS", detail=str(bad)) from bad

    async def _dialogue(self, step: str, command: CommandApdu, wait: float) -> ResponseApdu:
        """`command` that a person has to answer. Raises `DialogueEnded`."""
        return await self._persons.of(step, self.command(command, wait))

    async def command(self, command: CommandApdu, wait: float | None = None) -> ResponseApdu:
        """One command to the terminal itself, within `wait` seconds, and its answer whatever the status word.

        Raises `FrontError`, `BadTerminalAnswer`.
        """
        limit = self._wait if wait is None else wait
        raw = await self._front.exchange(self._owner, self._ct_id, TERMINAL, command.encode(), limit)
        try:
            return decode_response_untrusted(raw)
        except BadApdu as bad:
            raise err.BadTerminalAnswer(f"{command.cla:02X}{command.ins:02X}", detail=str(bad)) from bad


class _SlotLink:
    """A slot as `CardLink`. `StaleEpoch` and `TerminalUnknown` pass through: they say nothing about the card."""

    __slots__ = ("_ct_id", "_front", "_owner", "_slot", "_wait")

    def __init__(self, front: Front, owner: Owner, ct_id: str, slot: int, wait: float) -> None:
        self._front = front
        self._owner = owner
        self._ct_id = ct_id
        self._slot = slot
        self._wait = wait

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """See `CardLink.transmit`."""
        try:
            raw = await self._front.exchange(self._owner, self._ct_id, self._slot, command.encode(), self._wait)
            answer = decode_response_untrusted(raw)
        except TerminalTimeout as late:
            raise CardTimeout(str(late)) from late
        except TerminalGone as gone:
            raise CardGone(str(gone)) from gone
        except BadApdu as bad:
            raise CardLinkError(str(bad)) from bad
        if len(answer.data) > (command.ne or 0):
            # Whatever is done with an answer, nobody counts its octets again: a challenge goes to another card.
            raise CardLinkError(f"{len(answer.data)} octets instead of {command.ne or 0}")
        if answer.sw in (Sw.NO_CARD, Sw.CARD_NOT_ACTIVE):
            raise CardGone(f"{answer.sw:04X}")
        # Status words of the terminal that no gematik COS uses for a card command.
        if not answer.data and answer.sw in (Sw.NOT_ALLOWED, Sw.BUSY, Sw.COMMUNICATION):
            raise CardLinkError(f"{answer.sw:04X}")
        return answer


def _expect(step: str, answer: ResponseApdu, *good: int, entry: bool = False) -> None:
    """Raises the named error of a status word that is not `good` (default 9000)."""
    if answer.sw in (good or (Sw.OK,)):
        return
    named = _NAMED | _ENTRY if entry else _NAMED
    raise named.get(answer.sw, err.TerminalRefused)(step, answer.sw)


def _entered(step: str, answer: ResponseApdu) -> ResponseApdu:
    """The card's answer; raises where the status word can only be the terminal's."""
    named = (_NAMED | _ENTRY | _NO_PIN_PAD).get(answer.sw)
    if named is not None:
        raise named(step, answer.sw)
    return answer


def _atr(data: bytes) -> bytes:
    try:
        return do.decode_only_untrusted(data, do.TAG_ATR)
    except BadSicct:
        return b""


def _dotted(version: tuple[int, int, int]) -> str:
    return ".".join(map(str, version))
