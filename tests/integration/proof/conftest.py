"""One running lab per module; tests leave it as they found it unless they say otherwise."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import Caller
from tests.integration.proof.hand import Hand
from tests.integration.proof.unanswered import Unanswered

API = Path(__file__).parents[3].parent / "shared" / "gematik-api"


@pytest.fixture(scope="session")
def api() -> Path:
    """gematik's WSDL and XSD files; tests that need them are skipped where they are not at hand."""
    if not API.is_dir():
        pytest.skip(f"gematik's interface definitions are not at {API}")
    return API


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("proof") / "lab") as process:
        yield process
        process.stop()


@pytest.fixture
def caller(lab: LabProcess) -> Iterator[Caller]:
    with Caller(lab.ready) as caller:
        yield caller


@pytest.fixture
def hand(lab: LabProcess) -> Iterator[Hand]:
    hand = Hand(lab.ready)
    yield hand
    hand.policy("auto")


@pytest.fixture(scope="session")
def unanswered(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unanswered]:
    """A PIN entry in a lab of its own, begun with the first test that asks for it."""
    with LabProcess(tmp_path_factory.mktemp("unanswered") / "lab", "--practices", "2") as process:
        entry = Unanswered(process)
        yield entry
        entry.give_up()
        process.stop()
