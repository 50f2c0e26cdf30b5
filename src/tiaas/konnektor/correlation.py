"""How CT.CORRELATION changes (gemSpec_Kon V5.18: PIC_KON_071, TIP1-A_4557); a decision without I/O."""

from dataclasses import replace
from types import MappingProxyType

from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.terminallist import Correlation, TerminalConfig

ADMIN_CHANGES = MappingProxyType(
    {
        Correlation.BEKANNT: frozenset({Correlation.ZUGEWIESEN}),
        Correlation.ZUGEWIESEN: frozenset({Correlation.BEKANNT}),
        Correlation.GEPAIRT: frozenset({Correlation.AKTIV, Correlation.ZUGEWIESEN}),
        Correlation.AKTIV: frozenset({Correlation.GEPAIRT}),
        Correlation.AKTUALISIEREND: frozenset(),
    }
)
"""What an administrator may do by hand; everything else follows from pairing, sessions and updates."""

_KEEPS_PAIRING = frozenset({Correlation.GEPAIRT, Correlation.AKTIV, Correlation.AKTUALISIEREND})


def changed(config: TerminalConfig, wanted: Correlation) -> TerminalConfig:
    """The terminal with another CORRELATION; below `gepairt` its pairing is gone. Raises 4037 for any other step."""
    if wanted not in ADMIN_CHANGES[config.correlation]:
        raise KonnektorError(4037, f"CORRELATION {config.correlation} does not become {wanted} by hand")
    return replace(config, correlation=wanted, pairing=config.pairing if wanted in _KEEPS_PAIRING else None)
