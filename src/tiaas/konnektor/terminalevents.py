"""The events of terminals and cards (gemSpec_Kon V5.18: TUC_KON_001, 050, 053; catalogue in the digest's §13.3)."""

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
    return Event(
        topic,
        parameters(
            ("CtID", config.ct_id),
            ("Name", config.name),
            ("Error", error.code),
            ("Bedeutung", error.entry.filled(error.fill)),
        ),
        kind=EventType.SECURITY if error.entry.error_type is ErrorType.SECURITY else EventType.OPERATION,
        severity=EventSeverity(error.entry.severity.value),
        deliver=deliver,
        ct_id=config.ct_id,
    )
