"""A server that looks like a Konnektor, and `tiaas` in a folder with its `.kon` file."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.unit.cli.documentbench import Run
from tests.unit.client import documentanswers as answers
from tests.unit.client import messages
from tests.unit.client.fake_konnektor import FakeKonnektor, Identities, make_identities, running
from tiaas.cli.entry import main


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def fake() -> AsyncIterator[tuple[FakeKonnektor, Identities]]:
    identities = make_identities()
    async with running(identities) as server:
        server.answers |= {"GetJobNumber": answers.NUMBER, "GetCards": messages.CARDS}
        yield server, identities


@pytest_asyncio.fixture(loop_scope="module")
async def run(fake: tuple[FakeKonnektor, Identities], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    server, identities = fake
    (tmp_path / "k.kon").write_text(identities.kon(server.url))
    monkeypatch.chdir(tmp_path)

    async def call(*argv: str) -> int:
        return await asyncio.to_thread(main, [*argv, "--kon", "k.kon"])

    return call
