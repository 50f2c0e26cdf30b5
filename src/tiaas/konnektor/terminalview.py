"""A card terminal as an administrator sees it (gemSpec_Kon V5.18, TAB_KON_529). No secret is among it."""

from collections.abc import Sequence
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.terminallist import Correlation, Role, TerminalEntry
from tiaas.terminal.displaysize import DisplaySize
from tiaas.terminal.pairing import fingerprint, not_after
from tiaas.terminal.session import TerminalProduct


@dataclass(frozen=True, slots=True)
class TerminalView:
    """`error` is the code that ended the last attempt of a session, `paired_with` the pairing's fingerprint."""

    ct_id: str
    name: str
    mac: str
    host: str
    port: int
    slots: int
    slots_used: tuple[int, ...]
    product: TerminalProduct | None
    valid_version: bool
    display: DisplaySize | None
    paired_with: str | None
    certificate_expires: datetime | None
    correlation: Correlation
    connected: bool
    active_role: Role | None
    admin_user: str | None
    error: int | None
    busy: bool


def view_of(entry: TerminalEntry, slots_used: Sequence[int]) -> TerminalView:
    """The view of one entry; `slots_used` are the slots with a card."""
    config, pairing = entry.config, entry.config.pairing
    return TerminalView(
        ct_id=config.ct_id,
        name=config.name,
        mac=config.mac.hex(":").upper(),
        host=config.host,
        port=config.port,
        slots=config.slots,
        slots_used=tuple(sorted(slots_used)),
        product=entry.last_product,
        valid_version=entry.valid_version,
        display=entry.display,
        paired_with=None if pairing is None else fingerprint(pairing.certificate),
        certificate_expires=None if pairing is None else not_after(pairing.certificate),
        correlation=config.correlation,
        connected=entry.connected,
        active_role=entry.role if entry.connected else None,
        admin_user=None if config.admin is None else config.admin.user,
        error=None if entry.refusal is None else entry.refusal.code,
        busy=entry.administered,
    )
