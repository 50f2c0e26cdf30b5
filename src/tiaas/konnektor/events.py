"""Events inside one instance (TUC_KON_256 step 1; catalogue gemSpec_Kon V5.18, topics of the digest's §13.3).

The hub hands each event to its sinks in the caller's task, in order. Delivery to Clientsysteme (CETP) is one more sink.
An event about a card or terminal is raised while the object still stands in its list, so that a sink can judge access.
"""

import enum
import logging
from collections.abc import Callable
from dataclasses import field
from datetime import UTC, datetime

from tiaas.base.dataclass import dataclass

_log = logging.getLogger("tiaas.konnektor.events")


@enum.unique
class EventType(enum.StrEnum):
    """EventService.xsd 7.2, EventType."""

    OPERATION = "Operation"
    SECURITY = "Security"
    INFRASTRUCTURE = "Infrastructure"
    BUSINESS = "Business"
    OTHER = "Other"


@enum.unique
class EventSeverity(enum.StrEnum):
    """EventService.xsd 7.2, EventSeverityType."""

    INFO = "Info"
    WARNING = "Warning"
    ERROR = "Error"
    FATAL = "Fatal"


@enum.unique
class Topic(enum.StrEnum):
    """Topics without a variable part, spelled as in the specification."""

    BOOTUP_COMPLETE = "BOOTUP/BOOTUP_COMPLETE"
    CT_CONNECTED = "CT/CONNECTED"
    CT_DISCONNECTED = "CT/DISCONNECTED"
    CT_ERROR = "CT/ERROR"
    CT_TLS_ESTABLISHMENT_FAILURE = "CT/TLS_ESTABLISHMENT_FAILURE"
    CERT_CRL_IMPORT = "CERT/CRL/IMPORT"
    CERT_CRL_INVALID = "CERT/CRL/INVALID"
    CERT_CRL_UPDATED = "CERT/CRL/UPDATED"
    ANLW_LAN_IP_CHANGED = "ANLW/LAN/IP_CHANGED"
    ANLW_WAN_IP_CHANGED = "ANLW/WAN/IP_CHANGED"
    DHCP_SERVER_STATECHANGED = "DHCP/SERVER/STATECHANGED"
    DHCP_LAN_CLIENT_RENEW = "DHCP/LAN_CLIENT/RENEW"
    DHCP_WAN_CLIENT_RENEW = "DHCP/WAN_CLIENT/RENEW"
    DHCP_LAN_CLIENT_STATECHANGED = "DHCP/LAN_CLIENT/STATECHANGED"
    DHCP_WAN_CLIENT_STATECHANGED = "DHCP/WAN_CLIENT/STATECHANGED"
    NETWORK_VPN_CONFIG_CHANGED = "NETWORK/VPN/CONFIG_CHANGED"
    NETWORK_VPN_TI_UP = "NETWORK/VPN_TI/UP"
    NETWORK_VPN_TI_DOWN = "NETWORK/VPN_TI/DOWN"
    NETWORK_VPN_SIS_UP = "NETWORK/VPN_SIS/UP"
    NETWORK_VPN_SIS_DOWN = "NETWORK/VPN_SIS/DOWN"
    CT_ADDING_ERROR = "CT/CT_ADDING_ERROR"
    CT_SLOT_IN_USE = "CT/SLOT_IN_USE"
    CT_SLOT_FREE = "CT/SLOT_FREE"
    CARD_INSERTED = "CARD/INSERTED"
    CARD_REMOVED = "CARD/REMOVED"
    PIN_VERIFY_STARTED = "CARD/PIN/VERIFY_STARTED"
    PIN_VERIFY_FINISHED = "CARD/PIN/VERIFY_FINISHED"
    PIN_CHANGE_STARTED = "CARD/PIN/CHANGE_STARTED"
    PIN_CHANGE_FINISHED = "CARD/PIN/CHANGE_FINISHED"
    PIN_UNBLOCK_STARTED = "CARD/PIN/UNBLOCK_STARTED"
    PIN_UNBLOCK_FINISHED = "CARD/PIN/UNBLOCK_FINISHED"
    PIN_ENABLE_STARTED = "CARD/PIN/ENABLE_STARTED"
    PIN_ENABLE_FINISHED = "CARD/PIN/ENABLE_FINISHED"
    PIN_DISABLE_STARTED = "CARD/PIN/DISABLE_STARTED"
    PIN_DISABLE_FINISHED = "CARD/PIN/DISABLE_FINISHED"
    NTP_ENTERCRITICALSTATE = "NTP/ENTERCRITICALSTATE"
    LOG_CRYPTO_OP = "LOG/CRYPTO_OP"
    LOG_ERROR = "LOG/ERROR"
    MGM_ADMINCHANGES = "MGM/ADMINCHANGES"
    MGM_CONFIG_EXIMPORT = "MGM/CONFIG_EXIMPORT"
    MGM_FACTORYSETTINGS = "MGM/FACTORYSETTINGS"
    SIGN_NEXT_SUCCESSFUL = "SIG/SIGNDOC/NEXT_SUCCESSFUL"
    CERT_CARD_EXPIRATION = "CERT/CARD/EXPIRATION"
    CERT_CARD_STATUS = "CERT/CARD/STATUS"
    KSR_ERROR = "KSR/ERROR"
    KSR_UPDATES_AVAILABLE = "KSR/UPDATES_AVAILABLE"
    MGM_TI_ACCESS_GRANTED = "MGM/TI_ACCESS_GRANTED"
    SMC_K_REGISTER_ERROR = "SMC_K/REGISTER/ERROR"
    KSR_UPDATE_KONFIG = "KSR/UPDATE_KONFIG"
    KSR_UPDATE_KONNEKTOR_DOWNLOAD_END = "KSR/UPDATE/KONNEKTOR_DOWNLOAD_END"
    KSR_UPDATE_START = "KSR/UPDATE/START"
    KSR_UPDATE_END = "KSR/UPDATE/END"
    KSR_UPDATE_SUCCESS = "KSR/UPDATE/SUCCESS"
    VSDM_PROGRESS_UPDATE = "VSDM/PROGRESS/UPDATE"
    VSDM_PROGRESS_READVSD = "VSDM/PROGRESS/READVSD"


@dataclass(frozen=True, slots=True)
class Event:
    """One event. Parameters without value are left out; they may hold personal data and never show in `repr`.

    `log` and `deliver` are doLog and doDisp of TUC_KON_256. `ct_id` and `card_handle` say what access is judged by.
    """

    topic: Topic | str
    """A `Topic`, or the text of a topic with a variable part (OPERATIONAL_STATE/…)."""
    parameters: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    kind: EventType = EventType.OPERATION
    severity: EventSeverity = EventSeverity.INFO
    log: bool = True
    deliver: bool = True
    ct_id: str | None = None
    card_handle: str | None = None


def parameters(*pairs: tuple[str, object]) -> tuple[tuple[str, str], ...]:
    """Parameters in the order given, those without a value (None or empty) left out."""
    return tuple([(key, str(value)) for key, value in pairs if value is not None and str(value) != ""])


def time_value(moment: datetime | None) -> str:
    """A time as the value of a parameter: xs:dateTime in UTC; empty for none."""
    return "" if moment is None else f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


Sink = Callable[[Event], None]


class EventHub:
    """Distributes the events of one instance."""

    def __init__(self) -> None:
        self._sinks: tuple[tuple[Sink, Topic | None, bool], ...] = ()

    def subscribe(self, sink: Sink, only: Topic | None = None, *, logged: bool = False) -> Callable[[], None]:
        """Sends all further events to `sink`, or those with one topic, or those to be `logged`; the result ends that.

        A sink must not raise and must not block.
        """
        entry = (sink, only, logged)
        self._sinks = (*self._sinks, entry)

        def end() -> None:
            at = self._sinks.index(entry)
            self._sinks = self._sinks[:at] + self._sinks[at + 1 :]

        return end

    def publish(self, event: Event) -> None:
        """Raises an event. A sink that fails is logged and does not keep the others from it."""
        if event.log:
            fields = {"topic": str(event.topic), "severity": event.severity.value, "ct_id": event.ct_id}
            _log.info("event", extra=fields)
        for sink, only, logged in self._sinks:
            if (only is not None and only != event.topic) or (logged and not event.log):
                continue
            try:
                sink(event)
            except Exception as error:  # noqa: BLE001  (one sink's defect must not reach the card path)
                _log.error("event sink failed", extra={"topic": str(event.topic), "kind": type(error).__name__})
