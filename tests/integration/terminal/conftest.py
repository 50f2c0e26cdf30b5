"""The room of the terminal tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.integration.terminal.identities import Pki
from tests.integration.terminal.rooms import Room


@pytest.fixture(scope="session")
def pki(tmp_path_factory: pytest.TempPathFactory) -> Pki:
    return Pki(tmp_path_factory.mktemp("pki"))


@pytest.fixture
async def room(pki: Pki, tmp_path: Path) -> AsyncIterator[Room]:
    room = Room(pki, tmp_path, pki.sak("konnektor"))
    yield room
    await room.close()
