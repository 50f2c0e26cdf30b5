"""The bench of the trust lists' tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.unit.konnektor_trust.listserver import ListServer
from tests.unit.konnektor_trust.responder import Forwarder
from tests.unit.konnektor_trust.trustbench import FIRST, OLD, Bench, tls_identity
from tests.unit.pki.ocspmaker import NOW
from tiaas.base.clock import ManualClock
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.sqlite_store import SqliteStore


@pytest.fixture
async def bench(tmp_path: Path) -> AsyncIterator[Bench]:
    server = ListServer(tls=tls_identity())
    await server.start()
    server.publish(FIRST.document())
    store = await SqliteStore.open(tmp_path / "store.db")
    handle = store.bind(await store.take_over("one"))
    made = Bench(server, Forwarder(OLD.world, ManualClock(NOW)), handle)
    made.forwarder.clock = made.clock
    made.forwarder.subject = OLD.signer.encoded
    url = await made.forwarder.start()
    made.access = TiAccess(tsl_url=f"{server.url}/tsl.xml", tsl_tls_port=server.tls_port, ocsp_forwarder=url)
    await made.boot()
    yield made
    await made.trust.stop()
    await made.forwarder.stop()
    await server.stop()
    await store.close()
