"""A warning's Status is written into what was written for another one: to the letter as it would be written alone."""

from types import SimpleNamespace
from typing import cast

import pytest

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.interfaces.connector_common_v5_0 import OK, Result, Status
from tiaas.konnektor.codes import CODES
from tiaas.konnektor.errors import LoggedError
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.services.signature.warned import status_of
from tiaas.soap.encoder import written_as

TAG = "CONN:Status"


class Told:
    """Keeps what the protocol service is told."""

    def __init__(self) -> None:
        self.errors: list[LoggedError] = []

    def write_error(self, logged: LoggedError) -> None:
        """See `ErrorLog`."""
        self.errors.append(logged)


def context_of(instance: str, told: Told | None = None) -> ServiceContext:
    parts = SimpleNamespace(instance_id=instance, clock=SystemClock(), entropy=SystemEntropy(), protocol=told or Told())
    return cast(ServiceContext, parts)


@pytest.mark.parametrize("code", [4193, 4197, 4273, 4263])
@pytest.mark.parametrize("instance", ["praxis-1", "Müller & <Söhne>"])
def test_a_warning_is_written_as_it_would_be_alone(code: int, instance: str) -> None:
    first, second = (status_of(context_of(instance), (code,)) for _ in range(2))
    for status in (first, second):
        assert written_as(status, TAG) == written_as(Status(result=Result.WARNING, error=status.error), TAG)
    assert first.error is not None
    assert second.error is not None
    assert first.error.message_id != second.error.message_id


@pytest.mark.parametrize("code", sorted(CODES))
def test_so_is_every_code(code: int) -> None:
    status = status_of(context_of("praxis-1"), (code,))
    assert written_as(status, TAG) == written_as(Status(result=Result.WARNING, error=status.error), TAG)


def test_several_warnings_are_written_one_after_the_other() -> None:
    status = status_of(context_of("praxis-1"), (4197, 4193))
    assert status.error is not None
    assert [step.code for step in status.error.trace] == [4197, 4193]
    assert written_as(status, TAG).count("<GERROR:Trace>") == 2


def test_each_is_told_with_the_ids_it_shows() -> None:
    told = Told()
    status = status_of(context_of("praxis-1", told), (4193,))
    assert status.error is not None
    (logged,) = told.errors
    assert (logged.message_id, logged.event_id) == (status.error.message_id, status.error.trace[0].event_id)
    text = written_as(status, TAG)
    assert text.count(logged.event_id) == 2
    assert text.count(logged.message_id) == 1


def test_without_a_warning_it_is_ok() -> None:
    assert status_of(context_of("praxis-1"), ()) is OK
