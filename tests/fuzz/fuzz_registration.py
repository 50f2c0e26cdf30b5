"""Fuzz target: what a registration service answers, and what it is asked."""

from datetime import UTC, datetime

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SeededEntropy
from tiaas.interfaces.provisioning_service_v1_1 import (
    ContractStatus,
    RegisterResponse,
    RegistrationStatus,
    SendDataResponse,
)
from tiaas.konnektor.registration.requests import NotRegistered, read_registration_untrusted
from tiaas.lab.registration.errors import CONTRACT, RegistrationRefused, fault_of
from tiaas.soap.envelope import SoapFault, write_envelope, write_fault
from tiaas.soap.errors import FaultCode
from tiaas.soap.httpanswer import HttpAnswer

_NOW = datetime(2026, 1, 31, 10, 0, tzinfo=UTC)
_ANSWER = RegisterResponse(
    timestamp=_NOW, status=RegistrationStatus.REGISTERED, contract=ContractStatus.TI, information="x"
)
SEEDS: list[bytes] = [
    write_envelope(_ANSWER),
    write_envelope(SendDataResponse(timestamp=_NOW)),
    write_fault(fault_of(RegistrationRefused(CONTRACT), SystemClock(), SeededEntropy(b"x"))),
    write_fault(SoapFault(FaultCode.CLIENT, "unknown operation", None)),
]


def target(data: bytes) -> None:
    """Only `NotRegistered` may escape, and its text fits on a page."""
    for status in (200, 500, 404):
        for expected in (RegisterResponse, SendDataResponse):
            try:
                read_registration_untrusted(HttpAnswer(status, {}, data, True), expected)
            except NotRegistered as error:
                shown = error.text
                if not shown.isprintable():
                    raise AssertionError(shown) from None
