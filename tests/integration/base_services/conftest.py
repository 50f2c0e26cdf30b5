"""One surgery for all modules here: a paired terminal on a socket with SMC-B, eGK, HBA and gSMC-KT."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from tests.integration.konnektor_core.surgery import Surgery
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SystemEntropy
from tiaas.card.objsys.model import CardKind
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.trustservice import Trust
from tiaas.lab.lab import Lab
from tiaas.lab.store import LabStore


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


@dataclass
class OnlineTrust:
    """A lab with lists and status service, and a Konnektor's trust that asks them; the clock stands still."""

    lab: Lab
    clock: ManualClock
    trust: Trust

    def certificate(self, kind: CardKind, path: str) -> bytes:
        """A certificate of the first card of a kind (DER)."""
        image = next(iter(self.lab.cards.of_practice(1, kind))).card.image
        if path not in image.files:
            assert self.lab.provide(image, path)
        return image.files[path]


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def online(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[OnlineTrust]:
    folder = tmp_path_factory.mktemp("online")
    clock, entropy = ManualClock(datetime.now(UTC)), SystemEntropy()
    lab_store = LabStore.open(folder / "lab")
    lab = Lab.open(lab_store, clock=clock, entropy=entropy, ecc_only=True)
    services = await lab.start_pki()
    lab.load(1)
    store = await SqliteStore.open(folder / "konnektor.db")
    hub = EventHub()
    # No grace period: each check asks anew.
    access = TiAccess(
        tsl_url=services.tsl_url,
        tsl_tls_port=services.tls_port,
        bnetza_url=services.bnetza_url,
        ocsp_forwarder=services.url,
        ocsp_grace_seconds=0,
    )
    trust = build_trust(
        TrustSpace((), (lab.pki.cvc_root,)),
        services.lists.anchor,
        access,
        network=Network(),
        store=store.bind(await store.take_over("one")),
        hub=hub,
        opstate=OperatingState(hub, clock),
        clock=clock,
        entropy=entropy,
    )
    assert trust.lists is not None
    await trust.lists.load()
    await trust.lists.tick()
    yield OnlineTrust(lab, clock, trust)
    await trust.stop()
    await store.close()
    await lab.stop()
    lab_store.close()
