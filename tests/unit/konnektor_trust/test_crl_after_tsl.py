"""The CRL of a box comes after the TSL: once a day, at the TSL's time, only online (gemSpec_Kon V5.18 TIP1-A_4684)."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta

import pytest

from tests.unit.konnektor_trust.trustbench import DAY, EGK_CA, Bench
from tests.unit.pki.ocspmaker import NOW
from tiaas.konnektor.config import Address, BadInstanceConfig, BoxAccess, InstanceConfig, Profile
from tiaas.konnektor.crlkeeper import CrlKeeper
from tiaas.konnektor.errors import LoggedError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.web import WebClient
from tiaas.pki.crl import issue_crl

TSL_THEN_CRL = ["/tsl.sha2", "/box.crl"]


class Silent:
    """Takes errors and forgets them."""

    def write_error(self, logged: LoggedError) -> None:
        """Nothing."""


@pytest.fixture
async def keeper(bench: Bench) -> AsyncIterator[CrlKeeper]:
    """A box with its TSL and CRL, after the boot; `bench` is the same with the lists."""
    hub = EventHub()
    hub.subscribe(bench.events.append)
    opstate = OperatingState(hub, bench.clock, box=True)
    crl = CrlKeeper(
        f"{bench.server.url}/box.crl",
        bench.online,
        WebClient(Network()),
        lambda: bench.trust.space,
        bench.store,
        hub,
        opstate,
        Silent(),
        bench.clock,
    )
    publish(bench, NOW)
    bench.trust.after_tsl(crl.follow)
    await bench.lists.tick()
    assert bench.server.requests == ["/tsl.xml"], "what the store holds comes first"
    await crl.start()
    assert bench.server.requests[-1] == "/box.crl"
    bench.topics()
    bench.server.requests.clear()
    yield crl
    await crl.stop()


def publish(bench: Bench, begin: datetime) -> None:
    """Another CRL at the download point."""
    crl = issue_crl(EGK_CA.authority, begin, begin + timedelta(days=7), int(begin.timestamp()))
    bench.server.files["/box.crl"] = crl


def to_the_next_tsl(bench: Bench, before: float = 0) -> None:
    due = bench.trust.status().tsl.next_attempt
    assert due is not None
    bench.clock.advance((due - bench.clock.now()).total_seconds() - before)


@pytest.mark.event("CERT/CRL/UPDATED")
@pytest.mark.requirement("TIP1-A_4684", "TIP1-A_4685")
async def test_once_a_day_the_tsl_and_then_the_crl(bench: Bench, keeper: CrlKeeper) -> None:
    to_the_next_tsl(bench, 1)
    await bench.lists.tick()
    assert bench.server.requests == [], "neither is due"
    bench.clock.advance(1)
    for _ in range(2):
        publish(bench, bench.clock.now())
        await bench.lists.tick()
        await bench.lists.tick()
        assert bench.server.requests == TSL_THEN_CRL
        assert keeper.held is not None
        assert keeper.held.this_update == bench.clock.now().replace(microsecond=0)
        assert bench.topics() == ["CERT/CRL/UPDATED"]
        bench.server.requests.clear()
        bench.clock.advance(DAY.total_seconds())


@pytest.mark.requirement("TIP1-A_4684")
async def test_the_crl_is_fetched_even_if_the_tsl_could_not_be_had(bench: Bench, keeper: CrlKeeper) -> None:
    to_the_next_tsl(bench)
    bench.server.files = {path: content for path, content in bench.server.files.items() if "tsl" not in path}
    publish(bench, bench.clock.now())
    await bench.lists.tick()
    assert bench.server.requests[-1] == "/box.crl"
    assert {"CERT/TSL/IMPORT", "CERT/CRL/UPDATED"} <= set(bench.topics())


@pytest.mark.requirement("TIP1-A_4684")
async def test_without_online_mode_neither_is_fetched(bench: Bench, keeper: CrlKeeper) -> None:
    bench.online.switch(False)
    to_the_next_tsl(bench)
    bench.clock.advance(9 * DAY.total_seconds())
    await bench.lists.tick()
    await keeper.follow()
    assert not await keeper.is_current(), "it has ended, and nobody may ask for another one"
    assert bench.server.requests == []
    bench.online.switch(True)
    publish(bench, bench.clock.now())
    await bench.lists.tick()
    assert bench.server.requests == TSL_THEN_CRL
    assert await keeper.is_current()


@pytest.mark.requirement("A_23274")
async def test_when_the_administrator_fetches_the_tsl_the_crl_follows(bench: Bench, keeper: CrlKeeper) -> None:
    assert await bench.lists.refresh_tsl()
    assert bench.server.requests == TSL_THEN_CRL


def test_a_crl_without_a_tsl_is_no_configuration() -> None:
    with pytest.raises(BadInstanceConfig, match="TIP1-A_4684"):
        InstanceConfig(
            "one", Address("127.0.0.1", 8443), profile=Profile.EINBOX, box=BoxAccess(crl_url="http://127.0.0.1/box.crl")
        )
