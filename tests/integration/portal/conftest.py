"""A lab with its Konnektor in this process, as `tiaas up` puts it together, its PINs still to be typed."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.compose import Running, UpOptions, running
from tiaas.cli.progress import Progress
from tiaas.lab.registry import Registry


@pytest.fixture
async def run(tmp_path: Path) -> AsyncIterator[Running]:
    clock = SystemClock()
    options = UpOptions(tmp_path / "lab", locked=True, ecc_only=True)
    registry = Registry({"XDG_STATE_HOME": str(tmp_path / "state")})
    async with running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
        yield run
