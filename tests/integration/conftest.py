"""Every event that any integration test makes the Konnektor raise is compared with the catalogue."""

from collections.abc import Iterator

import pytest

from tiaas.konnektor.catalogue import deviations
from tiaas.konnektor.events import Event, EventHub


@pytest.fixture(autouse=True)
def events_as_in_the_catalogue(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fails a test whose events have another type, severity, audience or parameters than specified."""
    wrong: list[str] = []
    publish = EventHub.publish

    def checked(hub: EventHub, event: Event) -> None:
        wrong.extend(deviations(event))
        publish(hub, event)

    monkeypatch.setattr(EventHub, "publish", checked)
    yield
    assert not wrong
