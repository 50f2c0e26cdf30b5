"""Operating states of card terminals that follow from their connection (gemSpec_Kon V5.18, TAB_KON_503)."""

from datetime import timedelta

from tiaas.base.clock import Clock
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.terminallist import Correlation, TerminalEntry
from tiaas.terminal.pairing import not_after

CERTIFICATE_WARNING = timedelta(days=35)
"""TUC_KON_050 step 5a."""


class TerminalStates:
    """Judges entries; a change raises its event."""

    def __init__(self, opstate: OperatingState, clock: Clock) -> None:
        self._opstate = opstate
        self._clock = clock

    def availability(self, entry: TerminalEntry) -> None:
        """EC_CardTerminal_Not_Available: an active terminal that is not connected."""
        missing = entry.config.correlation is Correlation.AKTIV and not entry.connected
        self._opstate.set(Condition.CARD_TERMINAL_NOT_AVAILABLE, missing, of=entry.config.ct_id)

    def certificate(self, entry: TerminalEntry) -> None:
        """EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon, by the certificate of the pairing."""
        pairing = entry.config.pairing
        if pairing is not None and entry.config.correlation is Correlation.AKTIV:
            soon = not_after(pairing.certificate) < self._clock.now() + CERTIFICATE_WARNING
            self._opstate.set(Condition.CARD_TERMINAL_CERTIFICATE_EXPIRES_SOON, soon, of=entry.config.ct_id)

    def forget(self, ct_id: str) -> None:
        """The terminal is no more."""
        self._opstate.forget(ct_id)
