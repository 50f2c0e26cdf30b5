"""One surgery for all modules here: a paired terminal on a socket with SMC-B, eGK, HBA and gSMC-KT."""

import asyncio
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.konnektor_core.surgery import Surgery
from tiaas.konnektor.errors import KonnektorError


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def surgery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Surgery]:
    out = Surgery(tmp_path_factory.mktemp("surgery"))
    presses = asyncio.create_task(_press_ok(out))
    try:
        await out.open()
        presses.cancel()
        yield out
    finally:
        await out.close()


async def _press_ok(surgery: Surgery) -> None:
    """Somebody stands at the terminal and presses OK when it asks for the pairing."""
    while True:
        await asyncio.sleep(0.02)
        terminal = getattr(surgery, "terminal", None)
        if terminal is not None and "PAIREN" in str(terminal.snapshot()):
            terminal.press("ok")


async def code_of(surgery: Surgery, message: object) -> int:
    """The code with which an operation fails."""
    with pytest.raises(KonnektorError) as caught:
        await surgery.call(message)
    return caught.value.code
