"""What an administrator does with card terminals (gemSpec_Kon V5.18 §4.1.4.6: TIP1-A_4550 to 4557, 5698, 6477, 4986).

The functions here are the whole of it; the management interface and `tiaas admin terminal` only carry them. Refusals
are `KonnektorError` with the codes of TUC_KON_050, 053 and 054.
"""

from dataclasses import replace

from tiaas.base.entropy import Entropy
from tiaas.konnektor.cards import CardList
from tiaas.konnektor.correlation import changed
from tiaas.konnektor.discovery import Discovery, FoundTerminal
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.network import Network
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.terminaladminsession import admin_session
from tiaas.konnektor.terminaladmission import SLOTS_MAX
from tiaas.konnektor.terminalevents import adding_failure
from tiaas.konnektor.terminalfinder import TerminalFinder, new_config
from tiaas.konnektor.terminalfirmware import Firmware
from tiaas.konnektor.terminalinteraction import Interaction
from tiaas.konnektor.terminallist import AdminAccount, Correlation, TerminalConfig, TerminalEntry
from tiaas.konnektor.terminalpairing import CHALLENGE_SIZE, PairingOffer
from tiaas.konnektor.terminals import Terminals
from tiaas.konnektor.terminalsettings import BadTerminalSettings, Target, TerminalSettings, parse_targets
from tiaas.konnektor.terminalview import TerminalView, view_of
from tiaas.terminal.errors import PairingMismatch, PairingUnknown, TerminalError
from tiaas.terminal.front import FrontError


class TerminalAdmin:
    """See module. `start` after the terminals', `stop` before."""

    def __init__(
        self,
        terminals: Terminals,
        cards: CardList,
        finder: TerminalFinder,
        firmware: Firmware,
        hub: EventHub,
        entropy: Entropy,
    ) -> None:
        self.finder = finder
        self.firmware = firmware
        self._terminals = terminals
        self._cards = cards
        self.interaction = Interaction(terminals, hub)
        self._hub = hub
        self._entropy = entropy

    async def load(self) -> None:
        """Reads firmware and settings; before the terminals start. Raises `StoreError`."""
        await self.firmware.load()
        await self.finder.load()

    async def start(self) -> None:
        """Begins to look for terminals."""
        await self.finder.start()

    async def stop(self) -> None:
        """Ends what `start` began."""
        await self.finder.stop()

    # ---- list ----------------------------------------------------------------------------------------------------

    def list(self) -> tuple[TerminalView, ...]:
        """TIP1-A_4551: all terminals, by ctId."""
        return tuple(self._view(entry) for entry in self._terminals)

    def view(self, ct_id: str) -> TerminalView:
        """TIP1-A_4553: one terminal. Raises 4007."""
        return self._view(self._terminals.entry(ct_id))

    def _view(self, entry: TerminalEntry) -> TerminalView:
        return view_of(entry, [card.slot for card in self._cards if card.ct_id == entry.config.ct_id])

    # ---- entries -------------------------------------------------------------------------------------------------

    async def add(
        self,
        host: str,
        *,
        port: int | None = None,
        mac: bytes | None = None,
        name: str | None = None,
        ask: bool = True,
        ct_id: str | None = None,
    ) -> TerminalView:
        """TUC_KON_054 with Mode ManuallyAdded: the terminal at `host` is `zugewiesen` afterwards.

        What is not given its description brings; `ask` False for terminals that UDP does not reach, then all must be
        given. `port` is that of SICCT. A new terminal is called `ct_id`, without it by its MAC address. Raises 4033 (no
        answer), 4035 (another MAC), 4036 (another name), 4000 (`ct_id` is another's, or it has another one).
        """
        place = _place(host)
        try:
            found = await self._described(place, port, mac, name, ask=ask)
        except KonnektorError as error:
            self._hub.publish(adding_failure(error, place.host, name or ""))
            raise
        entry = self.finder.by_mac(found.mac)
        config = self._new(found, ct_id) if entry is None else _moved(entry.config, found)
        if ct_id not in (None, config.ct_id):
            raise KonnektorError(4000, f"the terminal has the ctId {config.ct_id}")
        if config.correlation is Correlation.BEKANNT:
            config = replace(config, correlation=Correlation.ZUGEWIESEN)
        await self._terminals.add(config)
        return self.view(config.ct_id)

    def _new(self, found: FoundTerminal, ct_id: str | None) -> TerminalConfig:
        config = new_config(found, Correlation.ZUGEWIESEN)
        if ct_id is None:
            return config
        if any(entry.config.ct_id == ct_id for entry in self._terminals):
            raise KonnektorError(4000, f"another terminal has the ctId {ct_id}")
        return replace(config, ct_id=ct_id)

    async def edit(
        self,
        ct_id: str,
        *,
        host: str | None = None,
        port: int | None = None,
        name: str | None = None,
        ask: bool = True,
    ) -> TerminalView:
        """TIP1-A_4554: another address, port or name, checked with TUC_KON_054 (ManuallyModified).

        Raises 4007, 4033, 4035, 4036, 4037 (removed meanwhile); then nothing has changed.
        """
        config = self._terminals.entry(ct_id).config
        place = Target(config.host, config.udp_port) if host is None else _place(host)
        try:
            wanted_port = port if ask else port or config.port
            found = await self._described(place, wanted_port, config.mac, name or config.name, ask=ask)
            entry = self.finder.by_mac(found.mac)
            if entry is None or entry.config.ct_id != ct_id:
                raise KonnektorError(4037)
        except KonnektorError as error:
            self._hub.publish(adding_failure(error, place.host, name or config.name))
            raise
        await self._terminals.add(_moved(entry.config, found))
        return self.view(ct_id)

    async def _described(
        self, place: Target, port: int | None, mac: bytes | None, name: str | None, *, ask: bool
    ) -> FoundTerminal:
        """TUC_KON_054 step 1: what the terminal there says, compared with what the administrator says."""
        if not ask:
            if mac is None or name is None or port is None:
                raise KonnektorError(4000, "without service discovery give port, MAC address and host name")
            return FoundTerminal(place.host, port, mac, name, udp_port=place.port)
        answers = await self.finder.ask([place])
        if not answers:
            raise KonnektorError(4033)
        found = answers[0]
        if mac is not None and found.mac != mac:
            raise KonnektorError(4035)
        if name is not None and found.name != name:
            raise KonnektorError(4036)
        return replace(found, host=place.host, port=port or found.port)

    async def remove(self, ct_id: str) -> None:
        """TIP1-A_5698: forgets a terminal with its pairing; the terminal's own pairing block stays. Raises 4007."""
        async with self._terminals.administered(ct_id):
            await self._terminals.remove(ct_id)
        self.firmware.judge_available()

    async def set_correlation(self, ct_id: str, wanted: Correlation) -> TerminalView:
        """TIP1-A_4557: assigns, gives back, activates, deactivates or unpairs. Raises 4007, 4037 (not from here)."""
        async with self._terminals.administered(ct_id) as entry:
            await self._terminals.change(entry, changed(entry.config, wanted))
            await self._terminals.reconnect(entry)
            self._terminals.judge()
        return self.view(ct_id)

    async def connect(self, ct_id: str, wait: float = 15.0) -> TerminalView:
        """TIP1-A_4552: dials an active terminal that is not connected. Raises 4007, 4221, 4028, 4029."""
        async with self._terminals.administered(ct_id) as entry:
            if entry.config.correlation is not Correlation.AKTIV:
                raise KonnektorError(4221)
            if not entry.connected:
                await self._terminals.reconnect(entry)
                await self._answered(entry, wait)
        return self.view(ct_id)

    async def refresh(self, ct_id: str) -> TerminalView:
        """TUC_KON_055: reads product information and slots anew. Raises 4007, 4028 (no connection), 4044."""
        entry = self._terminals.entry(ct_id)
        session = self._terminals.session(ct_id)
        try:
            product, states = await session.product(), await session.slot_states()
        except FrontError as error:
            raise KonnektorError(4028) from error
        except TerminalError as error:
            raise KonnektorError(4044, str(error)) from error
        entry.product = entry.last_product = product
        slots = min(len(states), SLOTS_MAX)
        if entry.config.slots != slots:
            await self._terminals.change(entry, replace(entry.config, slots=slots))
        self.firmware.judge(entry)
        return self.view(ct_id)

    # ---- pairing -------------------------------------------------------------------------------------------------

    async def offer_pairing(self, ct_id: str, wait: float = 30.0) -> PairingOffer:
        """TUC_KON_053 up to the fingerprint. Raises 4007, 4037 (not `zugewiesen`), 4040, 1021, 4042."""
        async with self._terminals.administered(ct_id) as entry:
            _require_unpaired(entry)
            return await self._terminals.pairer.offer(ct_id, wait)

    async def confirm_pairing(self, ct_id: str, fingerprint: str, wait: float = 30.0) -> TerminalView:
        """The fingerprint is right; returns when somebody has pressed OK at the terminal and its session stands.

        Raises 4007, 4037, 4040 (another fingerprint), 1021, 4041, 4042, and 4028, 4029 of the session after it.
        """
        async with self._terminals.administered(ct_id) as entry:
            _require_unpaired(entry)
            await self._terminals.pairer.confirm(ct_id, fingerprint, wait)
            await self._answered(entry, wait)
        return self.view(ct_id)

    async def verify_pairing(self, ct_id: str) -> None:
        """Asks the terminal whether it knows the pairing's secret (gemSpec_KT 2.5.2.2), whenever one wants to know.

        Raises 4007, 4221 (not paired), 4222 (not connected), 4029 (it does not know it).
        """
        entry = self._terminals.entry(ct_id)
        pairing = entry.config.pairing
        if pairing is None:
            raise KonnektorError(4221)
        if not entry.connected:
            raise KonnektorError(4222)
        try:
            await self._terminals.session(ct_id).validate(pairing.secret, self._entropy.octets(CHALLENGE_SIZE))
        except (PairingUnknown, PairingMismatch) as error:
            raise KonnektorError(4029) from error
        except (TerminalError, FrontError) as error:
            raise KonnektorError(4044) from error

    async def maintain_pairing(self, ct_id: str, wait: float = 30.0) -> TerminalView:
        """Wartungs-Pairing, see `Pairer.maintain`. Raises 4007, 4060, 4040, 4041."""
        async with self._terminals.administered(ct_id) as entry:
            await self._terminals.pairer.maintain(ct_id, wait)
            await self._answered(entry, wait)
        return self.view(ct_id)

    # ---- the terminal's administrator ------------------------------------------------------------------------------

    async def set_account(self, ct_id: str, account: AdminAccount | None) -> None:
        """CT.ADMIN_USERNAME and CT.ADMIN_PASSWORD; None forgets them. Raises 4007, `StoreError`."""
        entry = self._terminals.entry(ct_id)
        await self._terminals.change(entry, replace(entry.config, admin=account))

    async def check_account(self, ct_id: str) -> None:
        """TUC_KON_050 with role Admin and back to User; cards lose their power by it.

        Raises 4007, 4028, 4030 (wrong, or none kept), 4060, 4222.
        """
        async with self._terminals.administered(ct_id) as entry, admin_session(self._terminals, entry):
            pass

    async def update_firmware(self, ct_id: str, version: str | None = None) -> TerminalView:
        """Brings the newest known firmware of its model, or `version`, to a terminal, see `Firmware.update`."""
        async with self._terminals.administered(ct_id) as entry:
            await self.firmware.update(entry, version)
        return self.view(ct_id)

    async def _answered(self, entry: TerminalEntry, wait: float) -> None:
        try:
            await self._terminals.answered(entry, wait)
        except TimeoutError:
            raise KonnektorError(4028) from None
        if entry.refusal is not None:
            raise entry.refusal
        if entry.config.correlation is Correlation.AKTIV:
            await self._terminals.in_use(entry, wait)


def build_terminal_admin(context: ServiceContext, network: Network, settings: TerminalSettings) -> TerminalAdmin:
    """The administration of an instance's terminals."""
    finder = TerminalFinder(context.terminals, Discovery(network), context.store, context.clock, settings)
    firmware = Firmware(context.terminals, context.store, context.hub, context.opstate)
    return TerminalAdmin(context.terminals, context.cards, finder, firmware, context.hub, context.entropy)


def _moved(config: TerminalConfig, found: FoundTerminal) -> TerminalConfig:
    return replace(config, host=found.host, port=found.port, name=found.name, udp_port=found.udp_port)


def _place(host: str) -> Target:
    """One address. Raises `BadTerminalSettings` for none or a whole network."""
    targets = parse_targets(host)
    if len(targets) != 1:
        raise BadTerminalSettings("a terminal has one address")
    return targets[0]


def _require_unpaired(entry: TerminalEntry) -> None:
    if entry.config.correlation not in (Correlation.ZUGEWIESEN, Correlation.GEPAIRT):
        raise KonnektorError(4037, f"CORRELATION is {entry.config.correlation}")
