"""One lab with a directory, two practices."""

from collections.abc import Iterator

import pytest

from tests.integration.lab.labprocess import LabProcess
from tiaas.lab.vzd.slapd import find_slapd


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    if find_slapd() is None:
        pytest.skip("needs slapd (Debian package slapd)")
    with LabProcess(tmp_path_factory.mktemp("directory") / "lab", "--practices", "2") as process:
        yield process
        process.stop()
