"""One lab with its Konnektor in this process for all modules here: lists, status service, SMC-B and HBA."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.signature.office import Office
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.compose import UpOptions, running
from tiaas.cli.progress import Progress
from tiaas.lab.registry import Registry


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    clock = SystemClock()
    options = UpOptions(folder / "lab")
    registry = Registry({"XDG_STATE_HOME": str(folder / "state")})
    async with running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
        made = Office(run)
        # It asks the status service by itself, and would meet faults that a test set for its own request.
        await made.instance.expiry.stop()
        yield made
