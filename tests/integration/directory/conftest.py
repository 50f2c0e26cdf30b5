"""One lab with a directory, two practices."""

from collections.abc import Iterator

import pytest

from tests.integration.lab.labprocess import LabProcess
from tiaas.lab.vzd.slapd import find_slapd


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    if find_slapd() is None:
        pytest.skip("needs slapd (Debian package slapd)")
    folder = tmp_path_factory.mktemp("directory")
    # The defaults; an administrator may set weaker ones.
    (folder / "config.toml").write_text("[access]\nweaker_variants = true\n")
    with LabProcess(folder / "lab", "--practices", "2", "--config", str(folder / "config.toml")) as process:
        yield process
        process.stop()
