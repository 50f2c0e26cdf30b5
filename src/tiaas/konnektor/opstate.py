"""The operating state: error conditions EC_… with value, time of the last change and event (gemSpec_Kon V5.18 §3.3).

Conditions are a table (TAB_KON_503); one with a parameter (a terminal's ctId) has one state per value. The state of an
instance lives in memory: every condition is determined anew by the end of the boot.
"""

import enum
from collections.abc import Callable, Iterator
from datetime import datetime

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.konnektor.events import Event, EventHub, EventSeverity, EventType, parameters

_OP, _SEC = EventType.OPERATION, EventType.SECURITY
_INFO, _WARNING, _ERROR, _FATAL = EventSeverity.INFO, EventSeverity.WARNING, EventSeverity.ERROR, EventSeverity.FATAL


@dataclass(frozen=True, slots=True)
class ConditionRow:
    """One row of TAB_KON_503: name on the wire, type, severity, whether there is one state per terminal, meaning."""

    name: str
    kind: EventType
    severity: EventSeverity
    meaning: str
    per_terminal: bool = False
    box_only: bool = False
    """A state that only a box in the practice has (profile einbox)."""


@enum.unique
class Condition(enum.Enum):
    """The conditions this Konnektor determines; the value is the row."""

    # A member is equal to itself alone; that of `Enum`, by the name, is written in Python.
    __hash__ = object.__hash__

    CARD_TERMINAL_SOFTWARE_OUT_OF_DATE = ConditionRow(
        "EC_CardTerminal_Software_Out_Of_Date", _OP, _INFO, "Kartenterminal: Firmware nicht aktuell", per_terminal=True
    )
    CARD_TERMINAL_CERTIFICATE_EXPIRES_SOON = ConditionRow(
        "EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon",
        _OP,
        _INFO,
        "Kartenterminal: Zertifikat der gSMC-KT läuft ab",
        per_terminal=True,
    )
    CARD_TERMINAL_NOT_AVAILABLE = ConditionRow(
        "EC_CardTerminal_Not_Available", _OP, _ERROR, "Kartenterminal nicht erreichbar", per_terminal=True
    )
    CONNECTOR_SOFTWARE_OUT_OF_DATE = ConditionRow(
        "EC_Connector_Software_Out_Of_Date", _OP, _INFO, "Konnektorsoftware nicht aktuell"
    )
    FW_UPDATE_AVAILABLE = ConditionRow("EC_FW_Update_Available", _OP, _INFO, "Firmware-Update verfügbar")
    FW_NOT_VALID_STATUS_BLOCKED = ConditionRow(
        "EC_FW_Not_Valid_Status_Blocked", _SEC, _FATAL, "Firmware zu alt, Zugang zur TI gesperrt", box_only=True
    )
    TIME_SYNC_NOT_SUCCESSFUL = ConditionRow("EC_Time_Sync_Not_Successful", _OP, _INFO, "Zeitabgleich fehlgeschlagen")
    TIME_SYNC_PENDING_WARNING = ConditionRow(
        "EC_Time_Sync_Pending_Warning", _SEC, _WARNING, "Zeitabgleich seit langem ausstehend"
    )
    TIME_SYNC_PENDING_CRITICAL = ConditionRow(
        "EC_Time_Sync_Pending_Critical", _SEC, _FATAL, "Zeitabgleich zu lange ausstehend"
    )
    TIME_DIFFERENCE_INTOLERABLE = ConditionRow(
        "EC_Time_Difference_Intolerable", _SEC, _FATAL, "Zeitabweichung nicht tolerierbar"
    )
    TSL_UPDATE_NOT_SUCCESSFUL = ConditionRow(
        "EC_TSL_Update_Not_Successful", _OP, _INFO, "Aktualisierung der TSL fehlgeschlagen"
    )
    TSL_EXPIRING = ConditionRow("EC_TSL_Expiring", _SEC, _INFO, "TSL läuft ab")
    TSL_OUT_OF_DATE_WITHIN_GRACE_PERIOD = ConditionRow(
        "EC_TSL_Out_Of_Date_Within_Grace_Period", _SEC, _WARNING, "TSL abgelaufen, innerhalb der Grace Period"
    )
    TSL_OUT_OF_DATE_BEYOND_GRACE_PERIOD = ConditionRow(
        "EC_TSL_Out_Of_Date_Beyond_Grace_Period", _SEC, _FATAL, "TSL abgelaufen, Grace Period überschritten"
    )
    TSL_TRUST_ANCHOR_EXPIRING = ConditionRow(
        "EC_TSL_Trust_Anchor_Expiring", _SEC, _INFO, "TSL-Vertrauensanker läuft ab"
    )
    TSL_TRUST_ANCHOR_OUT_OF_DATE = ConditionRow(
        "EC_TSL_Trust_Anchor_Out_Of_Date", _SEC, _FATAL, "TSL-Vertrauensanker abgelaufen"
    )
    BNETZA_VL_UPDATE_NOT_SUCCESSFUL = ConditionRow(
        "EC_BNetzA_VL_Update_Not_Successful", _OP, _INFO, "Aktualisierung der BNetzA-VL fehlgeschlagen"
    )
    BNETZA_VL_NOT_VALID = ConditionRow("EC_BNetzA_VL_not_valid", _SEC, _WARNING, "BNetzA-VL nicht mehr gültig")
    CRL_EXPIRING = ConditionRow("EC_CRL_Expiring", _SEC, _WARNING, "CRL läuft ab", box_only=True)
    CRL_OUT_OF_DATE = ConditionRow("EC_CRL_Out_Of_Date", _SEC, _FATAL, "CRL abgelaufen", box_only=True)
    LOG_OVERFLOW = ConditionRow("EC_LOG_OVERFLOW", _OP, _WARNING, "Protokollspeicher übergelaufen")
    NO_VPN_TI_CONNECTION = ConditionRow(
        "EC_No_VPN_TI_Connection", _OP, _ERROR, "Keine VPN-Verbindung zur TI", box_only=True
    )
    NO_VPN_SIS_CONNECTION = ConditionRow(
        "EC_No_VPN_SIS_Connection", _OP, _ERROR, "Keine VPN-Verbindung zum SIS", box_only=True
    )
    NO_ONLINE_CONNECTION = ConditionRow("EC_No_Online_Connection", _OP, _ERROR, "Keine Verbindung zur TI")
    IP_ADRESSES_NOT_AVAILABLE = ConditionRow(
        "EC_IP_Adresses_Not_Available", _SEC, _ERROR, "IP-Adressen nicht verfügbar", box_only=True
    )
    FIREWALL_NOT_RELIABLE = ConditionRow(
        "EC_Firewall_Not_Reliable", _SEC, _FATAL, "Firewall nicht zuverlässig", box_only=True
    )
    RANDOM_GENERATOR_NOT_RELIABLE = ConditionRow(
        "EC_Random_Generator_Not_Reliable", _SEC, _FATAL, "Zufallsgenerator nicht zuverlässig"
    )
    SECURE_KEYSTORE_NOT_AVAILABLE = ConditionRow(
        "EC_Secure_KeyStore_Not_Available", _SEC, _FATAL, "Schlüsselspeicher nicht verfügbar"
    )
    SECURITY_LOG_NOT_WRITABLE = ConditionRow(
        "EC_Security_Log_Not_Writable", _OP, _FATAL, "Sicherheitsprotokoll nicht schreibbar"
    )
    SOFTWARE_INTEGRITY_CHECK_FAILED = ConditionRow(
        "EC_Software_Integrity_Check_Failed", _SEC, _FATAL, "Integritätsprüfung der Software fehlgeschlagen"
    )
    CRYPTOPERATION_ALARM = ConditionRow(
        "EC_CRYPTOPERATION_ALARM", _SEC, _WARNING, "Ungewöhnlich viele kryptographische Operationen"
    )
    NK_CERTIFICATE_EXPIRING = ConditionRow(
        "EC_NK_Certificate_Expiring", _SEC, _WARNING, "Zertifikat des Netzkonnektors läuft ab", box_only=True
    )
    NK_CERTIFICATE_EXPIRED = ConditionRow(
        "EC_NK_Certificate_Expired", _SEC, _FATAL, "Zertifikat des Netzkonnektors abgelaufen", box_only=True
    )
    TLS_CLIENT_CERTIFICATE_SECURITY = ConditionRow(
        "EC_TLS_Client_Certificate_Security", _SEC, _INFO, "TLS-Zertifikat zu schwach"
    )
    DISK_NEARLY_FULL = ConditionRow("EC_OTHER_ERROR_STATE(1)", _OP, _WARNING, "Speicherplatz fast erschöpft")


@dataclass(frozen=True, slots=True)
class State:
    """A condition's state: `of` is the terminal's ctId for a condition per terminal, else empty."""

    condition: Condition
    of: str
    value: bool
    since: datetime

    @property
    def name(self) -> str:
        """As on the wire: `EC_CardTerminal_Not_Available(CT-1)`."""
        return f"{self.condition.value.name}({self.of})" if self.of else self.condition.value.name


class OperatingState:
    """The states of one instance. `box` includes the conditions only an Einbox-Konnektor has."""

    def __init__(self, hub: EventHub, clock: Clock, *, box: bool = False) -> None:
        self._hub = hub
        self._clock = clock
        self._told: list[Callable[[], None]] = []
        self.holding: frozenset[Condition] = frozenset()
        """The conditions that are true now, of whatever terminal: every call asks for them, few change them."""
        start = clock.now()
        self.start = start
        """When the states began to be kept."""
        self._states: dict[tuple[Condition, str], State] = {
            (condition, ""): State(condition, "", value=False, since=start)
            for condition in Condition
            if not condition.value.per_terminal and (box or not condition.value.box_only)
        }

    def set(
        self, condition: Condition, value: bool, details: tuple[tuple[str, object], ...] = (), *, of: str = ""
    ) -> None:
        """Sets a condition; a change raises OPERATIONAL_STATE/EC_… with `details` as further parameters.

        A condition that this kind of Konnektor does not have is left alone.
        """
        row = condition.value
        if bool(of) is not row.per_terminal:
            raise ValueError(f"{row.name} is {'' if row.per_terminal else 'not '}a condition per terminal")
        before = self._states.get((condition, of))
        if before is None and not row.per_terminal:
            return
        if before is not None and before.value is value:
            return
        state = self._states[condition, of] = State(condition, of, value, self._clock.now())
        self._count()
        if before is None and not value:
            return
        for told in self._told:
            told()
        self._hub.publish(
            Event(
                f"OPERATIONAL_STATE/{state.name}",
                parameters(
                    ("Value", "true" if value else "false"),
                    *(details or ((("CtID", of),) if of else ())),
                    ("Bedeutung", row.meaning),
                ),
                kind=row.kind,
                severity=row.severity,
                ct_id=of or None,
            )
        )

    def on_change(self, told: Callable[[], None]) -> None:
        """`told` is called after each change, before its event is raised."""
        self._told.append(told)

    def forget(self, of: str) -> None:
        """Drops the states of a terminal that was removed."""
        for key in [key for key in self._states if key[1] == of and of]:
            del self._states[key]
        self._count()

    def _count(self) -> None:
        self.holding = frozenset(state.condition for state in self._states.values() if state.value)

    def holds(self, condition: Condition, of: str = "") -> bool:
        """Whether the condition is true now."""
        state = self._states.get((condition, of))
        return state is not None and state.value

    def __iter__(self) -> Iterator[State]:
        """All states, true or false, in the order of the table, terminals by ctId."""
        order = {condition: at for at, condition in enumerate(Condition)}
        return iter(sorted(self._states.values(), key=lambda state: (order[state.condition], state.of)))
