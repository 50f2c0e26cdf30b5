"""One lab with two practices for the tests that leave it as they found it."""

from collections.abc import Iterator

import pytest

from tests.integration.lab.labprocess import LabProcess


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("lab") / "lab", "--practices", "2") as process:
        yield process
        process.stop()
