"""The catalogue of events: what each topic is, who hears of it, and which parameters it may have.

Source: gemSpec_Kon V5.18, the events of all chapters (konnektor_soap digest §13.3); spelled as there, inconsistent as
it is, because practice software compares literally. Parameters without a value are left out. Topics of the
specification that have no cause here stand in `docs/conformance/events.md`, with the reason.
"""

from collections.abc import Mapping

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.events import Event, EventSeverity, EventType
from tiaas.konnektor.opstate import Condition

_OP, _SEC = EventType.OPERATION, EventType.SECURITY
_INFO, _WARNING, _ERROR, _FATAL = EventSeverity.INFO, EventSeverity.WARNING, EventSeverity.ERROR, EventSeverity.FATAL
STATE = "OPERATIONAL_STATE/"


@dataclass(frozen=True, slots=True)
class EventRow:
    """One topic. `kind` and `severity` None: those of the error it tells. `log` is column L, `deliver` column C.

    `log` or `deliver` None: the technical use case that raises it says so (TUC_KON_053 keeps CT/ERROR from clients;
    TUC_KON_033 logs that a gSMC-K has ended, and of no other card).
    """

    parameters: frozenset[str]
    log: bool | None = True
    deliver: bool | None = True
    kind: EventType | None = _OP
    severity: EventSeverity | None = _INFO


def _row(
    parameters: str = "",
    *,
    log: bool | None = True,
    deliver: bool | None = True,
    kind: EventType | None = _OP,
    severity: EventSeverity | None = _INFO,
) -> EventRow:
    return EventRow(frozenset(parameters.split()), log, deliver, kind, severity)


_CARD = "CardHandle CardType CardVersion ICCSN CtID SlotID InsertTime CardHolderName KVNR CertExpirationDate"
_PIN = "CardHandle CardType ICCSN CtID SlotID PinRef PinInputCtID"
_PACKAGE = "ProductVendorID ProductCode ProductName FirmwareVersion Deadline FWPriority FirmwareReleaseNotes"
_PIN_ACTIONS = ("VERIFY", "CHANGE", "UNBLOCK", "ENABLE", "DISABLE")

CATALOGUE: Mapping[str, EventRow] = {
    "BOOTUP/BOOTUP_COMPLETE": _row(),
    "CT/CONNECTED": _row("CtID Hostname"),
    "CT/DISCONNECTED": _row("CtID Hostname"),
    "CT/ERROR": _row("CtID Name Error Bedeutung", deliver=None, kind=None, severity=None),
    "CT/TLS_ESTABLISHMENT_FAILURE": _row("CtID Name Error Bedeutung", kind=None, severity=None),
    "CT/CT_ADDING_ERROR": _row("IP Name Error Bedeutung", kind=None, severity=None),
    "CT/SLOT_FREE": _row("CtID SlotNo", log=False, deliver=False),
    "CT/SLOT_IN_USE": _row("CtID SlotNo", log=False, deliver=False),
    "CARD/INSERTED": _row(_CARD),
    "CARD/REMOVED": _row(_CARD),
    **{f"CARD/PIN/{action}_STARTED": _row(_PIN, log=False) for action in _PIN_ACTIONS},
    **{f"CARD/PIN/{action}_FINISHED": _row(f"{_PIN} Result", log=False) for action in _PIN_ACTIONS},
    "SIG/SIGNDOC/NEXT_SUCCESSFUL": _row("Jobnummer", log=False),
    "CERT/TSL/IMPORT": _row("Fehlerbeschreibung", severity=_ERROR, deliver=False),
    "CERT/BNETZA_VL/IMPORT": _row("Fehlerbeschreibung", severity=_ERROR, deliver=False),
    "CERT/CRL/IMPORT": _row("Fehlerbeschreibung", severity=_ERROR, deliver=False),
    "CERT/CRL/INVALID": _row(severity=_ERROR, deliver=False),
    "CERT/CRL/UPDATED": _row(severity=_ERROR, deliver=False),
    "CERT/TSL/UPDATED": _row(deliver=False),
    "CERT/BNETZA_VL/UPDATED": _row(deliver=False),
    "ANLW/LAN/IP_CHANGED": _row("IP", severity=_WARNING, deliver=False),
    "ANLW/WAN/IP_CHANGED": _row("IP", deliver=False),
    "DHCP/SERVER/STATECHANGED": _row("STATE"),
    "DHCP/LAN_CLIENT/RENEW": _row("IP_ADDRESS"),
    "DHCP/WAN_CLIENT/RENEW": _row("IP_ADDRESS"),
    "DHCP/LAN_CLIENT/STATECHANGED": _row("STATE"),
    "DHCP/WAN_CLIENT/STATECHANGED": _row("STATE"),
    "CERT/CARD/EXPIRATION": _row(
        "CARD_TYPE ICCSN CARD_HANDLE CardHolderName Konnektor ZertName ExpirationDate DAYS_LEFT",
        log=None,
        severity=None,
    ),
    "CERT/CARD/STATUS": _row(  # gemSpec_Kon A_23614-04
        "CARD_TYPE ICCSN CARD_HANDLE CardHolderName CertName ExpirationDate CARD_CERTSTATUS",
        log=False,
        severity=_WARNING,
    ),
    "KSR/ERROR": _row("Target Name CtID Error Bedeutung", kind=None, severity=None),
    "KSR/UPDATES_AVAILABLE": _row(_PACKAGE, log=False),
    "KSR/UPDATE_KONFIG": _row("AlteVersion NeueVersion", deliver=False),
    "KSR/UPDATE/KONNEKTOR_DOWNLOAD_END": _row(_PACKAGE),
    "KSR/UPDATE/START": _row("Target Name CtID", kind=_SEC),
    "KSR/UPDATE/END": _row("Target Name CtID", kind=_SEC),
    "KSR/UPDATE/SUCCESS": _row("Target Name CtID NewFirmwareversion ConfigurationChanged ManualInputNeeded", kind=_SEC),
    "LOG/CRYPTO_OP": _row("Operation Karte Keyref CARD_HANDLE CardHolderName", deliver=False, kind=_SEC),
    "LOG/ERROR": _row("Error Bedeutung", log=False, deliver=False, kind=None, severity=None),
    "NTP/ENTERCRITICALSTATE": _row("MESSAGE", deliver=False, severity=_FATAL),
    "NETWORK/VPN/CONFIG_CHANGED": _row(deliver=False),
    **{f"NETWORK/VPN_{way}/{went}": _row() for way in ("TI", "SIS") for went in ("UP", "DOWN")},
    "MGM/ADMINCHANGES": _row("User RefID NewVal", deliver=False),
    "MGM/CONFIG_EXIMPORT": _row("User Mode", deliver=False),
    "MGM/FACTORYSETTINGS": _row("User", deliver=False),
    "MGM/LU_CHANGED/LU_ONLINE": _row("Active"),
    "MGM/LU_CHANGED/LU_SAK": _row("Active"),
    "MGM/STANDALONE_CHANGED": _row("Active"),
    "MGM/TI_ACCESS_GRANTED": _row("Active"),
    "SMC_K/REGISTER/ERROR": _row("Iccsn Serial Operation Fail", severity=_ERROR),
    "VSDM/PROGRESS/UPDATE": _row("CardHandle ICCSN CtID SlotID CardHolderName KVNR", log=False),
    "VSDM/PROGRESS/READVSD": _row("CardHandle ICCSN CtID SlotID CardHolderName KVNR", log=False),
}
"""Topics that are raised, by their spelling; those of operating states come from `Condition`."""

OWN_TOPICS: Mapping[str, EventRow] = {
    "MGM/LOGIN_FAILED": _row("User Result Peer Count", deliver=False, kind=_SEC, severity=_WARNING),
}
"""Topics of ours for what must be logged but has no name in the specification; no Clientsystem hears of them."""

_STATE_PARAMETERS: Mapping[Condition, str] = {
    Condition.TIME_SYNC_NOT_SUCCESSFUL: "LastSyncAttempt LastSyncSuccess",
    Condition.TIME_SYNC_PENDING_WARNING: "LastSyncSuccess",
    Condition.TIME_SYNC_PENDING_CRITICAL: "LastSyncSuccess NtpGracePeriod",
    Condition.TIME_DIFFERENCE_INTOLERABLE: "NtpTimedifference NtpMaxAllowedTimedifference",
    Condition.TSL_UPDATE_NOT_SUCCESSFUL: "LastUpdateTSL",
    Condition.TSL_EXPIRING: "NextUpdateTSL",
    Condition.TSL_OUT_OF_DATE_WITHIN_GRACE_PERIOD: "NextUpdateTSL GracePeriodTSL",
    Condition.TSL_OUT_OF_DATE_BEYOND_GRACE_PERIOD: "NextUpdateTSL GracePeriodTSL",
    Condition.TSL_TRUST_ANCHOR_EXPIRING: "ExpiringDateTrustAnchor",
    Condition.TSL_TRUST_ANCHOR_OUT_OF_DATE: "ExpiringDateTrustAnchor",
    Condition.BNETZA_VL_UPDATE_NOT_SUCCESSFUL: "LastUpdateBNetzAVL",
    Condition.BNETZA_VL_NOT_VALID: "NextUpdateBNetzAVL",
    Condition.CRL_EXPIRING: "ExpiringDateCRL",
    Condition.CRL_OUT_OF_DATE: "NextUpdateCRL",
    Condition.LOG_OVERFLOW: "Protokoll",
    Condition.CRYPTOPERATION_ALARM: "Operation Count Arbeitsplatz Meldung",
    Condition.NK_CERTIFICATE_EXPIRING: "Iccsn Serial",
    Condition.NK_CERTIFICATE_EXPIRED: "Iccsn Serial",
}
"""Parameters beside Value and Bedeutung (TAB_KON_503); a condition per terminal has CtID, any other not named none."""


def row_of(topic: str) -> EventRow | None:
    """The row of a topic that may be raised; None for any other."""
    if not topic.startswith(STATE):
        return CATALOGUE.get(topic) or OWN_TOPICS.get(topic)
    told = topic.removeprefix(STATE)
    name = told.partition("(")[0]
    for condition in Condition:
        if condition.value.name in (name, told):
            own = "CtID" if condition.value.per_terminal else _STATE_PARAMETERS.get(condition, "")
            return _row(f"Value Bedeutung {own}", kind=condition.value.kind, severity=condition.value.severity)
    return None


def deviations(event: Event) -> list[str]:
    """In which points an event is not what the catalogue says; keys only, no values."""
    row = row_of(str(event.topic))
    if row is None:
        return [f"{event.topic} is not in the catalogue"]
    wrong = [f"{event.topic}: parameter {key}" for key, _ in event.parameters if key not in row.parameters]
    if row.log not in (None, event.log) or row.deliver not in (None, event.deliver):
        wrong.append(f"{event.topic}: log {event.log}, deliver {event.deliver}")
    if row.kind is not None and event.kind is not row.kind:
        wrong.append(f"{event.topic}: {event.kind.value}")
    if row.severity is not None and event.severity is not row.severity:
        wrong.append(f"{event.topic}: {event.severity.value}")
    return wrong
