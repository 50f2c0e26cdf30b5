"""The misuse detection counts without end and remembers within bounds."""

import pytest

from tests.unit.protocol.logs import START
from tiaas.base.clock import ManualClock
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.konnektor.events import Event, EventHub
from tiaas.konnektor.misuse import ALARM_VALUES, MisuseWatch
from tiaas.konnektor.opstate import OperatingState
from tiaas.soap.envelope import SoapFault
from tiaas.soap.errors import FaultCode


class VerifyCertificate:
    """A request as far as the watch looks at it."""

    def __init__(self, workplace: str) -> None:
        self.context = Context(mandant_id="m", client_system_id="c", workplace_id=workplace)


class Nobody:
    def begin(self) -> float:
        return 0.0

    def done(self, begun: float, request: object | None, answer: object) -> None:
        pass


def test_invented_workplaces_do_not_fill_the_memory() -> None:
    clock, hub, events = ManualClock(START), EventHub(), list[Event]()
    hub.subscribe(events.append)
    watch = MisuseWatch(OperatingState(hub, clock), clock, Nobody())
    for number in range(ALARM_VALUES["VerifyCertificate"]):
        watch.done(0.0, VerifyCertificate(f"w{number}"), None)
    assert [len(minute.workplaces) for minute in watch._minutes["VerifyCertificate"]] == [50]
    (alarm,) = [dict(event.parameters) for event in events]
    assert alarm["Count"] == "401"


@pytest.mark.requirement("TIP1-A_4614", "TIP1-A_5033")
@pytest.mark.parametrize(
    ("operation", "limit"),
    [("EncryptDocument", 101), ("DecryptDocument", 101), ("SignDocument", 41), ("VerifyDocument", 61)],
)
def test_the_operations_with_documents_are_watched(operation: str, limit: int) -> None:
    """TAB_KON_581, 584: sums of ten minutes; a failure counts five times."""
    clock, hub, events = ManualClock(START), EventHub(), list[Event]()
    hub.subscribe(events.append)
    watch = MisuseWatch(OperatingState(hub, clock), clock, Nobody())
    call = type(operation, (), {"context": VerifyCertificate("AP1").context})()
    for _ in range(limit // 5):
        watch.done(0.0, call, SoapFault(FaultCode.SERVER, "", None))
    assert events == []
    watch.done(0.0, call, object())
    (alarm,) = [dict(event.parameters) for event in events]
    assert (alarm["Operation"], alarm["Count"]) == (operation, str(limit))
