"""Statuses of an instance for tests: one that works, and changes of it."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

from tiaas.portal.status import (
    Anchor,
    Call,
    Card,
    Client,
    Event,
    Instance,
    Ocsp,
    Pin,
    Product,
    Sink,
    Slot,
    Terminal,
    Ti,
    Trust,
    TrustList,
)

AT = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
TODAY = date(2026, 3, 2)
VERIFIED = Pin("PIN.SMC", "VERIFIED", 1)


def smcb(pin: Pin | None = VERIFIED, **changes: Any) -> Card:
    """A practice card."""
    return replace(Card("handle-smcb", "SMC-B", AT, pin=pin), **changes)


def hsmb(state: str = "VERIFIED", **changes: Any) -> Card:
    """A virtual practice card."""
    return replace(Card("handle-hsmb", "HSM-B", AT, pin=Pin("PIN.SMC", state)), **changes)


def hsm(*cards: Card | None, **changes: Any) -> Terminal:
    """The logical terminal of an HSM with these cards."""
    return replace(terminal(*cards), ct_id="HSM-1", name="HSM-1", address="localhost:0", physical=False, **changes)


def terminal(*cards: Card | None, **changes: Any) -> Terminal:
    """A terminal in use with these cards."""
    slots = tuple(Slot(number, card=card) for number, card in enumerate(cards, start=1))
    return replace(Terminal("CT-1", "KT", "10.0.0.1:4742", True, "aktiv", slots), **changes)


def trust(**changes: Any) -> Trust:
    """A trust service with current lists."""
    tsl = TrustList(7, AT + timedelta(days=30), AT, AT, True)
    ocsp = Ocsp(3, 1, 0, AT, 12.5)
    return replace(Trust(True, 5, ocsp, tsl, TrustList(), Anchor("GEM.TSL-CA1 TEST-ONLY", AT)), **changes)


def sink(**changes: Any) -> Sink:
    """A receiver that takes events."""
    return replace(Sink("pvs-1", "10.0.0.2:7000", 2, 5, 0, 0, last_delivered=AT), **changes)


def instance(*terminals: Terminal, **changes: Any) -> Instance:
    """An instance that works, unless changed; without terminals given it has one with a card of each kind."""
    default = terminal(Card("handle-egk", "EGK", AT), smcb(), Card("handle-odd", "SMC-KT"))
    whole = Instance(
        version=1,
        name="praxis-1",
        url="https://127.0.0.1:8443",
        profile="hsk",
        product=Product("v", "n", "1.2.3"),
        connections=1,
        clients=(Client("pvs-1", 1, 0),),
        terminals=terminals or (default,),
        calls_total=1,
        calls=(Call(1, AT, "GetCards", 0.4, "ok", None, "pvs-1"),),
        events=(Event(1, AT, "CARD/INSERTED", "Operation", "Info", "CT-1", 1),),
        ti=Ti(True, True, True, True),
        since=AT,
    )
    return replace(whole, **changes)
