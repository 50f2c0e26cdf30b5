"""Events of terminals and cards (gemSpec_Kon V5.18: TUC_KON_001, 050, 053, 054; catalogue: digest §13.3)."""

from tiaas.konnektor.cards import Card
from tiaas.konnektor.codes import ErrorType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventSeverity, EventType, Topic, parameters
from tiaas.konnektor.terminallist import TerminalEntry


def card_event(topic: Topic, card: Card) -> Event:
    """CARD/INSERTED or CARD/REMOVED with the parameters of TUC_KON_001 step 3.

    CardVersion is the version of the object system. REMOVED is raised while the card still stands in the list.
    """
    data = card.data
    return Event(
        topic,
        parameters(
            ("CardHandle", card.handle),
            ("CardType", data.card_type.value),
            ("CardVersion", data.versions.object_system if data.versions else None),
            ("ICCSN", data.iccsn),
            ("CtID", card.ct_id),
            ("SlotID", card.slot),
            ("InsertTime", card.insert_time.astimezone().isoformat(timespec="milliseconds")),
            ("CardHolderName", data.holder_name),
            ("KVNR", data.kvnr),
            ("CertExpirationDate", data.certificate_expiration),
        ),
        ct_id=card.ct_id,
        card_handle=card.handle,
    )


def certificate_event(topic: Topic, card: Card, severity: EventSeverity, *told: tuple[str, object]) -> Event:
    """CERT/CARD/EXPIRATION or CERT/CARD/STATUS: the card, and what is `told` of its certificate."""
    data = card.data
    return Event(
        topic,
        parameters(
            ("CARD_TYPE", card.card_type.value),
            ("ICCSN", data.iccsn),
            ("CARD_HANDLE", card.handle),
            ("CardHolderName", data.holder_name),
            *told,
        ),
        severity=severity,
        log=False,
        ct_id=card.ct_id,
        card_handle=card.handle,
    )


def link_event(topic: Topic, entry: TerminalEntry) -> Event:
    """CT/CONNECTED or CT/DISCONNECTED."""
    config = entry.config
    return Event(topic, parameters(("CtID", config.ct_id), ("Hostname", config.name)), ct_id=config.ct_id)


def slot_event(topic: Topic, entry: TerminalEntry, slot: int) -> Event:
    """CT/SLOT_IN_USE or CT/SLOT_FREE: internal only."""
    ct_id = entry.config.ct_id
    return Event(topic, parameters(("CtID", ct_id), ("SlotNo", slot)), log=False, deliver=False, ct_id=ct_id)


def failure_event(topic: Topic, entry: TerminalEntry, error: KonnektorError, *, deliver: bool = True) -> Event:
    """CT/ERROR or CT/TLS_ESTABLISHMENT_FAILURE with type and severity of the error."""
    config = entry.config
    pairs = parameters(("CtID", config.ct_id), ("Name", config.name), *_told(error))
    return _of_error(topic, pairs, error, deliver=deliver, ct_id=config.ct_id)


def adding_failure(error: KonnektorError, host: str, name: str) -> Event:
    """CT/CT_ADDING_ERROR of TUC_KON_054; there is no ctId yet."""
    return _of_error(Topic.CT_ADDING_ERROR, parameters(("IP", host), ("Name", name), *_told(error)), error)


def update_event(topic: Topic, entry: TerminalEntry, version: str | None = None) -> Event:
    """KSR/UPDATE/START, END, SUCCESS for a terminal."""
    ct_id = entry.config.ct_id
    pairs: list[tuple[str, object]] = [("Target", "KT"), ("CtID", ct_id)]
    if version is not None:
        pairs = [("Target", "KT"), ("Name", entry.config.name), ("CtID", ct_id), ("NewFirmwareversion", version)]
    return Event(topic, parameters(*pairs), kind=EventType.SECURITY, ct_id=ct_id)


def update_failure(entry: TerminalEntry, error: KonnektorError) -> Event:
    """KSR/ERROR for a terminal."""
    config = entry.config
    pairs = parameters(("Target", "KT"), ("Name", config.name), ("CtID", config.ct_id), *_told(error))
    return _of_error(Topic.KSR_ERROR, pairs, error, ct_id=config.ct_id)


def _told(error: KonnektorError) -> tuple[tuple[str, object], ...]:
    return ("Error", error.code), ("Bedeutung", error.entry.filled(error.fill))


def _of_error(
    topic: Topic,
    pairs: tuple[tuple[str, str], ...],
    error: KonnektorError,
    *,
    deliver: bool = True,
    ct_id: str | None = None,
) -> Event:
    security = error.entry.error_type is ErrorType.SECURITY
    return Event(
        topic,
        pairs,
        kind=EventType.SECURITY if security else EventType.OPERATION,
        severity=EventSeverity(error.entry.severity.value),
        deliver=deliver,
        ct_id=ct_id,
    )
