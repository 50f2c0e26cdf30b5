"""Exceptions as faults."""

from datetime import UTC, datetime

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.konnektor.codes import CODES, CompType
from tiaas.konnektor.errors import KonnektorError, fault_of, gerror_of
from tiaas.soap.envelope import SoapFault, write_fault
from tiaas.soap.errors import BadMessage, FaultCode, UnknownOperation

CLOCK = ManualClock(datetime(2026, 5, 1, 12, tzinfo=UTC))


def fault(error: BaseException) -> tuple[SoapFault, Error]:
    made = fault_of(error, "inst-1", CLOCK, SeededEntropy(b"x"))
    assert isinstance(made.detail, Error)
    assert b"Fault>" in write_fault(made)
    return made, made.detail


def test_a_known_error() -> None:
    made, detail = fault(KonnektorError(4008))
    (trace,) = detail.trace
    assert made.code is FaultCode.SERVER
    assert made.text == trace.error_text == "Karte nicht als gesteckt identifiziert"
    assert (trace.code, trace.severity, trace.error_type, trace.comp_type) == (4008, "Error", "Technical", "Konnektor")
    assert trace.instance == "inst-1"
    assert trace.event_id == trace.log_reference != ""
    assert detail.message_id not in ("", trace.event_id)
    assert detail.timestamp == CLOCK.now()
    assert trace.detail is not None
    assert trace.detail.text == trace.error_text


def test_detail_fill_and_component() -> None:
    _, detail = fault(KonnektorError(3041, "handle-7"))
    assert detail.trace[0].detail is not None
    assert detail.trace[0].detail.text == "handle-7"
    assert detail.trace[0].comp_type == "FM_VSDM"
    _, detail = fault(KonnektorError(101, comp_type=CompType.FM_VSDM))
    assert detail.trace[0].comp_type == "FM_VSDM"
    made, _ = fault(KonnektorError(4209, fill="KVK"))
    assert made.text == "Kartentyp KVK wird durch diese Operation nicht unterstützt."


@pytest.mark.pitfall(45)
def test_causes_come_first_and_the_last_one_counts() -> None:
    inner = KonnektorError(4094, causes=[KonnektorError(4044)])
    made, detail = fault(KonnektorError(4056, causes=[inner]))
    assert [trace.code for trace in detail.trace] == [4044, 4094, 4056]
    assert made.text == CODES[4056].text
    assert len({trace.event_id for trace in detail.trace}) == 3


@pytest.mark.parametrize("code", [4004, 4005, 4006])
@pytest.mark.pitfall(10)
def test_internal_codes_stay_inside(code: int, caplog: pytest.LogCaptureFixture) -> None:
    made, detail = fault(KonnektorError(code, "secret hint"))
    assert detail.trace[0].code == 4021
    assert made.text == CODES[4021].text
    assert made.code is FaultCode.CLIENT
    assert b"secret hint" not in write_fault(made)
    (record,) = caplog.records
    assert record.__dict__["code"] == code
    assert record.__dict__["event_id"] == detail.trace[0].event_id


@pytest.mark.parametrize(
    ("error", "detail"),
    [
        (BadMessage("GetCards/Context", "element missing"), "GetCards/Context: element missing"),
        (UnknownOperation("x"), "x"),
    ],
)
def test_soap_errors_are_4000(error: Exception, detail: str) -> None:
    made, gerror = fault(error)
    assert gerror.trace[0].code == 4000
    assert made.code is FaultCode.CLIENT
    assert gerror.trace[0].detail is not None
    assert gerror.trace[0].detail.text == detail


@pytest.mark.code(4001)
def test_an_unknown_error_is_4001_without_its_text(caplog: pytest.LogCaptureFixture) -> None:
    try:
        raise ValueError("Max Muster")
    except ValueError as error:
        made, detail = fault(error)
    assert detail.trace[0].code == 4001
    assert b"Muster" not in write_fault(made)
    assert "ValueError" in str(caplog.records[0].__dict__["kind"])
    assert "Muster" not in str(caplog.records[0].__dict__)


def test_a_warning_in_a_status() -> None:
    error = gerror_of((KonnektorError(4257, fill="a, b"), KonnektorError(4264)), "i", CLOCK, SeededEntropy(b"y"))
    assert [(trace.code, trace.severity) for trace in error.trace] == [(4257, "Warning"), (4264, "Warning")]
    assert error.trace[0].error_text == "ECC-Zertifikate nicht vorhanden auf Karte: a, b"


def test_an_unknown_code_is_a_defect() -> None:
    with pytest.raises(KeyError):
        KonnektorError(4999)
