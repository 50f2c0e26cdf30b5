"""Events of an update of the Konnektor itself (gemSpec_Kon V5.18 TUC_KON_280, TAB_KON_664; TIP1-A_4836-02)."""

from tiaas.konnektor.codes import ErrorType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventSeverity, EventType, Topic, parameters

_KONNEKTOR = ("Target", "Konnektor")


def program_event(topic: Topic, hostname: str) -> Event:
    """KSR/UPDATE/START or END; `hostname` is MGM_KONN_HOSTNAME."""
    return Event(topic, parameters(_KONNEKTOR, ("Name", hostname)), kind=EventType.SECURITY)


def program_success(hostname: str, version: str) -> Event:
    """KSR/UPDATE/SUCCESS: nothing of the configuration was changed, and nobody has to change it."""
    return Event(
        Topic.KSR_UPDATE_SUCCESS,
        parameters(
            _KONNEKTOR,
            ("Name", hostname),
            ("NewFirmwareversion", version),
            ("ConfigurationChanged", "Nein"),
            ("ManualInputNeeded", "Nein"),
        ),
        kind=EventType.SECURITY,
    )


def program_failure(hostname: str, error: KonnektorError) -> Event:
    """KSR/ERROR with type and severity of the error."""
    security = error.entry.error_type is ErrorType.SECURITY
    told = (("Error", error.code), ("Bedeutung", error.entry.filled(error.fill)))
    return Event(
        Topic.KSR_ERROR,
        parameters(_KONNEKTOR, ("Name", hostname), *told),
        kind=EventType.SECURITY if security else EventType.OPERATION,
        severity=EventSeverity(error.entry.severity.value),
    )
