"""A lab whose practice has an SMC-B, an HBA and, in SoftHSM2, a virtual SMC-B."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import Caller


@pytest.fixture(scope="session")
def hsm_lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("hsm") / "lab", "--hsm") as lab:
        yield lab


@pytest.fixture
def caller(hsm_lab: LabProcess) -> Iterator[Caller]:
    with Caller(hsm_lab.ready["instances"][0]) as caller:
        yield caller


API = Path(__file__).parents[3].parent / "shared" / "gematik-api"


@pytest.fixture(scope="session")
def api() -> Path:
    """gematik's WSDL and XSD files; tests that need them are skipped where they are not at hand."""
    if not API.is_dir():
        pytest.skip(f"gematik's interface definitions are not at {API}")
    return API
