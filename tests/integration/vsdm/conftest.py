"""Fixtures of the VSDM tests."""

from collections.abc import AsyncIterator

import pytest

from tests.integration.vsdm.scene import Scene, practice_online


@pytest.fixture
async def scene() -> AsyncIterator[Scene]:
    """A practice with an unlocked SMC-B, an eGK, and the TI behind a real TLS socket."""
    async with practice_online() as scene:
        yield scene
