"""What of an event's or error's parameters may stand in a log (gemSpec_Kon V5.18 TIP1-A_4710, TIP1-A_6479).

KVNR, ICCSN and CardHolderName are personal and are dropped, and so is everything that is not known to be free of such
data: the list says what is let through, not what is kept out. A Fachmodul may write the ICCSN in case of an error, but
not into the security log. The serial of the device's own card (EC_NK_…, SMC_K/REGISTER/ERROR: `Iccsn`) is nobody's.
"""

from collections.abc import Iterable

from tiaas.base.log import redact
from tiaas.konnektor.protocol.entry import PARAMETERS_MAX, VALUE_MAX, Level, LogType

ALLOWED = frozenset(
    {
        # events, gemSpec_Kon V5.18 (the catalogue's keys)
        "Active", "AlteVersion", "Arbeitsplatz", "Bedeutung", "CARD_HANDLE", "CARD_TYPE", "CardHandle", "CardType",
        "CardVersion", "CertExpirationDate", "ConfigurationChanged", "Count", "CtID", "DAYS_LEFT", "Deadline", "Error",
        "ExpirationDate", "ExpiringDateCRL", "ExpiringDateTrustAnchor", "FWPriority", "Fail", "Fehlerbeschreibung",
        "FirmwareVersion", "GracePeriodTSL", "Hostname", "IP", "CARD_CERTSTATUS", "CertName",
        "IP_ADDRESS", "InitUser", "InsertTime", "Jobnummer", "Keyref",
        "Konnektor", "LastSyncAttempt", "LastSyncSuccess", "LastUpdateBNetzAVL", "LastUpdateTSL", "MESSAGE",
        "ManualInputNeeded",
        "Meldung", "Mode", "Name", "NeueVersion", "NewFirmwareversion", "NewVal", "NextUpdateBNetzAVL", "NextUpdateCRL",
        "NextUpdateTSL", "NtpGracePeriod", "NtpMaxAllowedTimedifference", "NtpTimedifference", "Operation",
        "PinInputCtID", "PinRef", "ProductCode", "ProductName", "ProductVendorID", "Protokoll", "RefID", "RemoteID",
        "Result", "STATE", "Serial", "SlotID", "SlotNo", "Target", "User", "Value", "ZertName",
        # our own
        "ClientSystem", "Clientsystem", "Cause", "Detail", "Kind", "Mandant", "Peer", "Reason", "Seconds", "Where",
        "Workplace",
    }
)  # fmt: skip
_DEVICE = frozenset({"EC_NK_Certificate_Expiring", "EC_NK_Certificate_Expired", "SMC_K/REGISTER/ERROR"})
_FM_ERROR = frozenset({Level.ERROR, Level.FATAL})


def fit_to_log(
    parameters: Iterable[tuple[str, str]], *, type_: LogType, level: Level, topic: str = "", fm: str = ""
) -> tuple[tuple[str, str], ...]:
    """The parameters that may be written, each value on one line, bounded and without what looks personal."""
    device = topic.rpartition("OPERATIONAL_STATE/")[2] in _DEVICE
    fm_error = bool(fm) and type_ is LogType.OPERATION and level in _FM_ERROR
    kept: list[tuple[str, str]] = []
    for key, value in parameters:
        if key in ALLOWED:
            kept.append((key, fit_text(value)))
        elif (key == "Iccsn" and device) or (key == "ICCSN" and fm_error):
            kept.append((key, value[:VALUE_MAX]))
    return tuple(kept[:PARAMETERS_MAX])


def fit_text(text: str) -> str:
    """One line of at most `VALUE_MAX` characters, with what looks like a KVNR or an ICCSN blackened."""
    line = text[:VALUE_MAX]
    return redact(line if line.isprintable() else "".join(char if char.isprintable() else " " for char in line))
