"""Every event that the Konnektor raises in an integration test is compared with the catalogue."""

import logging
import sys
from collections.abc import Iterator

import pytest

from tiaas.base.log import HTTP_SERVER, ROOT
from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.events import Event, EventHub


@pytest.fixture(scope="module", autouse=True)
def logs_as_before() -> Iterator[None]:
    """A lab in this process sets up its log: what the next module sees of logs must not depend on it."""
    kept = [(logger, logger.level, logger.propagate) for logger in map(logging.getLogger, (ROOT, HTTP_SERVER))]
    yield
    for logger, level, propagate in kept:
        logger.setLevel(level)
        logger.propagate = propagate


@pytest.fixture(autouse=True)
def events_as_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test whose events have another type, severity, audience or parameters than specified."""
    wrong: list[str] = []
    publish = EventHub.publish

    def checked(hub: EventHub, event: Event) -> None:
        # Tests also raise events of their own, to see what becomes of them.
        if "/src/tiaas/" in sys._getframe(1).f_code.co_filename:
            wrong.extend(deviations(event))
        publish(hub, event)

    monkeypatch.setattr(EventHub, "publish", checked)
    yield
    assert not wrong
