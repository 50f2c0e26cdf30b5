"""Fixtures: a managed instance for all tests of a module."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.admin.desk import Desk, open_desk
from tiaas.client.admin import Admin, connect_admin


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def desk(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Desk]:
    folder: Path = tmp_path_factory.mktemp("desk")
    async with open_desk(folder) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chief(desk: Desk) -> AsyncIterator[Admin]:
    """The Super-Administrator."""
    async with connect_admin(desk.access()) as admin:
        yield admin
