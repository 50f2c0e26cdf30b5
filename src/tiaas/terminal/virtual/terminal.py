"""The virtual terminal: listens, holds slots, display and keypad, and answers SICCT (gemSpec_KT V3.17.0)."""

import asyncio
import ssl
from collections.abc import Callable
from ipaddress import IPv4Address

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.terminal.sicct.discovery import ServiceDescription
from tiaas.terminal.sicct.events import Event
from tiaas.terminal.sicct.text import BREAK
from tiaas.terminal.sicct.units import TERMINAL
from tiaas.terminal.tls import server_context
from tiaas.terminal.virtual.config import (
    PinHolder,
    PinMode,
    PinPolicy,
    PinPurpose,
    SlotCard,
    TerminalConfig,
)
from tiaas.terminal.virtual.discovery import Responder, open_responder
from tiaas.terminal.virtual.link import ClientLink
from tiaas.terminal.virtual.machine import Machine
from tiaas.terminal.virtual.mishaps import Mishaps
from tiaas.terminal.virtual.slots import Slot
from tiaas.terminal.virtual.state import TerminalState

__all__ = [
    "PinHolder",
    "PinMode",
    "PinPolicy",
    "PinPurpose",
    "SlotCard",
    "TerminalConfig",
    "TerminalSnapshot",
    "TerminalState",
    "VirtualTerminal",
]

_HANDSHAKE_SECONDS = 45.0  # GS-A_5330
_LAST_WORDS_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class TerminalSnapshot:
    """For the control port.

    `client` is `none` or a state of A_22456, `slots[i]` is `empty`, `inserted` or `active` for slot i+1. `entry` is
    what stands behind the prompt (asterisks), `history` the last texts shown.
    """

    listening: bool
    plugged: bool
    client: str
    display: str
    prompt: str
    idle_text: str
    entry: str
    history: tuple[str, ...]
    slots: tuple[str, ...]


class VirtualTerminal:
    """One terminal. All calls belong to the event loop's thread."""

    def __init__(
        self,
        config: TerminalConfig,
        state: TerminalState,
        *,
        clock: Clock,
        entropy: Entropy,
        pins: PinHolder,
        on_change: Callable[[TerminalState], None] | None = None,
    ) -> None:
        """`on_change` is called after pairing blocks or names have changed, before the command is answered."""
        self.config = config
        self.state = state
        self.host = ""
        self.port = 0
        self._on_change = on_change
        self._server: asyncio.Server | None = None
        self._link: ClientLink | None = None
        self._plugged = True
        self.machine = Machine(
            config, state, clock=clock, entropy=entropy, pins=pins, tell=self._tell, changed=self._changed
        )
        self.machine.reboot = self._reboot
        self._responder: Responder | None = None
        self._reboots: asyncio.Task[None] | None = None

    @property
    def pin_policy(self) -> PinPolicy:
        """What the invented holder does at the next prompt."""
        return self.machine.policy

    @pin_policy.setter
    def pin_policy(self, policy: PinPolicy) -> None:
        self.machine.policy = policy

    @property
    def mishaps(self) -> Mishaps:
        """What goes wrong here."""
        return self.machine.mishaps

    @mishaps.setter
    def mishaps(self, mishaps: Mishaps) -> None:
        self.machine.mishaps = mishaps

    async def start(self, host: str, port: int = 0) -> int:
        """Listens; returns the port. Raises `OSError`, `ssl.SSLError` if certificate or key cannot be used."""
        context = server_context(self.config.certificate_file, self.config.key_file, self.config.client_ca_file)
        context.sni_callback = self._choose_identity
        self._server = await asyncio.get_running_loop().create_server(
            lambda: ClientLink(self), host, port, ssl=context, ssl_handshake_timeout=_HANDSHAKE_SECONDS
        )
        self.host = host
        self.port = self._server.sockets[0].getsockname()[1]
        try:
            self._responder = await open_responder(host, self.port, self._describe)
        except (OSError, ValueError):
            self._responder = None  # another program has that UDP port: found by hand only
        for where in self.config.announce_to:
            self.announce(*where)
        return self.port

    def announce(self, host: str, port: int) -> None:
        """Sends its service description there; nothing happens while its UDP port is closed."""
        if self._responder is not None:
            self._responder.announce(host, port)

    @property
    def discoverable(self) -> bool:
        """Whether it answers discovery requests (at the UDP port with the number of its TCP port)."""
        return self._responder is not None

    def _describe(self) -> ServiceDescription | None:
        if self._server is None or self.machine.smkt.card is None:
            return None
        name = self.state.names.get(TERMINAL, self.config.name)
        return ServiceDescription(IPv4Address(self.host), self.port, self.config.mac, name)

    def _reboot(self) -> None:
        self._reboots = asyncio.get_running_loop().create_task(self._restart())

    async def _restart(self) -> None:
        """The answer goes out first; then everything is off for a moment."""
        await asyncio.sleep(_LAST_WORDS_SECONDS)
        await self.pull_plug()
        await asyncio.sleep(self.config.reboot_seconds)
        await self.plug_in()

    async def stop(self) -> None:
        """Stops listening, drops the connection, resets the cards."""
        if self._reboots is not None:
            self._reboots.cancel()
        link = self._link
        if link is not None:
            link.sign_off()
        await self._close_server(link)

    def insert(self, slot: int, card: SlotCard) -> None:
        """Puts a card into an empty slot and tells the Konnektor (event 84). Raises `InvalidInput`."""
        self._slot(slot)
        self.machine.insert(slot, card)

    def eject(self, slot: int) -> SlotCard:
        """Takes the card out, whatever runs (event 85). Raises `InvalidInput` if the slot is empty.

        Waits for an APDU that a worker thread is doing: the caller must hold no lock that the card's storage takes.
        Without its gSMC-KT the terminal has no identity: its connection ends.
        """
        self._slot(slot)
        card = self.machine.eject(slot)
        if slot == self.config.smkt_slot and self._link is not None:
            self._link.sign_off()
        return card

    def card_in(self, slot: int) -> SlotCard | None:
        """The card in that slot. Raises `InvalidInput`."""
        return self._slot(slot).card

    def press(self, key: str) -> None:
        """One key: `0`…`9`, `ok`, `cancel`, `clear`. Raises `InvalidInput`."""
        self.machine.keypad.press(key)

    async def pull_plug(self) -> None:
        """Power and network gone: the connection breaks without SIGN OFF, nothing listens."""
        self._plugged = False
        link = self._link
        if link is not None:
            link.abort()
        await self._close_server(link)
        self.machine.reset()

    async def plug_in(self) -> None:
        """Listens again on the same address. Raises `OSError`."""
        if not self._plugged:
            self._plugged = True
            await self.start(self.host, self.port)

    def snapshot(self) -> TerminalSnapshot:
        """What the control port shows."""
        display = self.machine.display
        return TerminalSnapshot(
            listening=self._server is not None,
            plugged=self._plugged,
            client="none" if self.machine.client is None else self.machine.client_state.value,
            display=display.text.message.replace(BREAK, ""),
            prompt=display.text.prompt,
            idle_text=display.idle_text,
            entry=display.entry,
            history=tuple(text.replace(BREAK, "") for text in display.history),
            slots=tuple(_shown(slot) for slot in self.machine),
        )

    def link_up(self, link: ClientLink) -> bool:
        """See `LinkHost`: one connection at a time (TIP1-A_3068)."""
        if self._link is not None or self.machine.smkt.card is None:
            return False
        self._link = link
        self.machine.client = link.client
        return True

    def link_down(self, link: ClientLink) -> None:
        """See `LinkHost`: all cards are reset (TIP1-A_3258, TIP1-A_3259)."""
        self._link = None
        self.machine.client = None
        self.machine.reset()

    def _choose_identity(self, line: ssl.SSLObject, name: str | None, context: ssl.SSLContext) -> None:
        """OpenSSL asks before it sends the certificate, with or without a server name in the ClientHello."""
        other = self.machine.mishaps.at_handshake()
        if other is not None:
            line.context = other

    def _tell(self, event: Event) -> None:
        if self._link is not None:
            self._link.tell(event)

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self.state)

    def _slot(self, number: int) -> Slot:
        slots = [slot.number for slot in self.machine]
        if number not in slots:
            raise InvalidInput(f"slots are numbered 1–{len(slots)}")
        return self.machine.slot(number)

    async def _close_server(self, link: ClientLink | None) -> None:
        if self._responder is not None:
            self._responder.close()
            self._responder = None
        server, self._server = self._server, None
        if server is not None:
            server.close()
        if link is not None:
            await link.ended()
        if server is not None:
            await server.wait_closed()


def _shown(slot: Slot) -> str:
    if slot.card is None:
        return "empty"
    return "active" if slot.active else "inserted"
