"""A lab with its Konnektor in this process, as `tiaas up` puts it together, its PINs still to be typed."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.compose import Running, UpOptions, running
from tiaas.cli.progress import Progress
from tiaas.lab.registry import Registry


@asynccontextmanager
async def lab_in(folder: Path, **options: Any) -> AsyncIterator[Running]:
    """Such a lab; `options` are further ones of `tiaas up`."""
    clock = SystemClock()
    choices = UpOptions(folder / "lab", locked=True, ecc_only=True, **options)
    registry = Registry({"XDG_STATE_HOME": str(folder / "state")})
    async with running(choices, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
        yield run


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Running]:
    async with lab_in(tmp_path) as run:
        yield run
