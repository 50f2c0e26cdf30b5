"""The ring of the last calls: what is kept of one, and that it stays small."""

from datetime import UTC, datetime

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import VerifyPinResponse
from tiaas.interfaces.connector_common_v5_0 import OK, Result, Status
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import GetCardTerminals
from tiaas.konnektor.calllog import KEPT, Call, CallLog, CallOutcome
from tiaas.konnektor.errors import KonnektorError, fault_of, gerror_of

CLOCK = ManualClock(datetime(2026, 3, 2, 9, 30, tzinfo=UTC))
ENTROPY = SeededEntropy(b"calls")


class Told:
    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> None:
        self.count += 1


@pytest.fixture
def told() -> Told:
    return Told()


@pytest.fixture
def calls(told: Told) -> CallLog:
    return CallLog(CLOCK, lambda client: client == "pvs-1", told)


def request(client: str = "pvs-1") -> GetCardTerminals:
    return GetCardTerminals(context=Context(mandant_id="m", client_system_id=client, workplace_id="w", user_id="Meier"))


def last(calls: CallLog) -> Call:
    return next(iter(calls))


def test_a_call_has_operation_time_duration_and_client(calls: CallLog, told: Told) -> None:
    begun = calls.begin()
    CLOCK.advance(0.25)
    calls.done(begun, request(), VerifyPinResponse(status=OK, pin_result=PinResult.OK))
    assert last(calls) == Call(1, CLOCK.now(), "GetCardTerminals", 0.25, CallOutcome.OK, None, "pvs-1")
    assert (told.count, calls.total) == (1, 1)
    assert "Meier" not in repr(last(calls))


def test_a_warning_and_a_fault_have_the_last_code_of_the_trace(calls: CallLog) -> None:
    error = gerror_of((KonnektorError(4085), KonnektorError(4063)), "i", CLOCK, ENTROPY)
    status = Status(result=Result.WARNING, error=error)
    calls.done(0.0, request(), VerifyPinResponse(status=status, pin_result=PinResult.ERROR))
    assert (last(calls).outcome, last(calls).code) == (CallOutcome.WARNING, 4063)
    calls.done(0.0, request(), fault_of(KonnektorError(4093), "i", CLOCK, ENTROPY))
    assert (last(calls).outcome, last(calls).code) == (CallOutcome.FAULT, 4093)


def test_what_was_not_understood_has_no_operation_and_an_unknown_client_no_name(calls: CallLog) -> None:
    fault = fault_of(ValueError("x"), "i", CLOCK, ENTROPY)
    calls.done(0.0, None, fault)
    assert (last(calls).operation, last(calls).client_system, last(calls).code) == (None, None, 4001)
    calls.done(0.0, request("Erika Muster"), fault)
    assert last(calls).client_system is None


def test_only_the_last_ones_are_kept(calls: CallLog) -> None:
    for _ in range(KEPT + 10):
        calls.done(0.0, None, None)
    assert [call.number for call in calls] == list(range(KEPT + 10, 10, -1))
    assert calls.total == KEPT + 10
