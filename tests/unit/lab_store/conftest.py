"""A lab on disk, terminals switched off."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.lab.lab import Lab
from tiaas.lab.store import LabStore


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a closed lab with one practice; copied for each test, because making keys takes time."""
    folder = tmp_path_factory.mktemp("made-once") / "lab"
    store = LabStore.open(folder)
    Lab.open(store, clock=SystemClock(), entropy=SystemEntropy()).load(1)
    store.close()
    return folder


@pytest.fixture
def folder(made_once: Path, tmp_path: Path) -> Path:
    """A lab folder of the test's own."""
    return Path(shutil.copytree(made_once, tmp_path / "lab"))


@pytest.fixture
def lab(folder: Path) -> Iterator[Lab]:
    """An open lab."""
    store = LabStore.open(folder)
    opened = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy())
    opened.load(None)
    yield opened
    store.close()
