"""Events on real sockets: plain and TLS, in order, past receivers that fail or hang, and after a boot."""

import asyncio
import logging
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from tests.integration.events.office import CLOCK, ENTROPY, context
from tests.integration.events.receivers import self_signed
from tiaas.interfaces.event_service_v7_2 import GetSubscription, Unsubscribe
from tiaas.konnektor import delivery
from tiaas.konnektor.audience import FILTER_STEPS, Allowance, passes_filter
from tiaas.konnektor.cetp import CetpSettings
from tiaas.konnektor.events import Event, Topic
from tiaas.konnektor.issuing import create_ca
from tiaas.konnektor.sinkchecks import SinkCheck, SinkTrust
from tiaas.konnektor.sinkopener import client_context
from tiaas.konnektor.store import StaleEpochWrite

Make = Callable[..., Any]
QUICK = CetpSettings(connect_seconds=5, write_seconds=5, close_seconds=0.1, queued_max=8, max_try=3)


async def held(office: Any) -> list[Any]:
    answer = await office.call(GetSubscription(context=context(), mandant_wide=True))
    return list(answer.subscriptions.subscription)


@pytest.mark.requirement("TIP1-A_4594", "TIP1-A_5536")
@pytest.mark.pitfall(27)
async def test_plain_events_come_in_order_one_per_connection(office: Make, receiver: Make) -> None:
    here, there = await office(), await receiver()
    answer = await here.subscribe(there.url)
    topics = [f"CT/{number}" for number in range(20)]
    here.raise_events(topics)
    received = await there.until(20)
    assert [one.topic for one in received] == topics
    assert there.connections == 20
    assert {one.text("SubscriptionID") for one in received} == {answer.subscription_id}
    assert received[0].parameters == {"CtID": "CT1"}
    # The last one counts when its connection is closed, a moment after the receiver has it.
    async with asyncio.timeout(60):
        while here.view(there.port).delivered < 20:  # noqa: ASYNC110 (the office has no event of its own)
            await asyncio.sleep(0.005)
    view = here.view(there.port)
    assert (view.delivered, view.failed, view.dropped) == (20, 0, 0)


@pytest.mark.requirement("TIP1-A_4596")
async def test_what_is_sent_is_valid(office: Make, receiver: Make, api: Path) -> None:
    here, there = await office(), await receiver()
    await here.subscribe(there.url, "")
    here.hub.publish(Event(Topic.CARD_INSERTED, (("CardHolderName", "Jürgen <&> Müller"), ("KVNR", "X110000001"))))
    here.raise_events(["OPERATIONAL_STATE/EC_LOG_OVERFLOW"])
    schema = etree.XMLSchema(etree.parse(api / "conn/EventService.xsd"))
    for one in await there.until(2):
        schema.assertValid(one.xml)
    assert there.received[0].parameters["CardHolderName"] == "Jürgen <&> Müller"


@pytest.mark.requirement("TIP1-A_4595")
async def test_tls_shows_our_certificate_to_who_asks(office: Make, receiver: Make, tmp_path: Path) -> None:
    here = await office(tls=True)
    own = self_signed(tmp_path)
    asking = own.context(asks=True)
    asking.load_verify_locations(cadata=here.instance.identity.ca_pem().decode())
    curious, plain = await receiver(context=asking), await receiver(context=own.context())
    for one in (curious, plain):
        await here.subscribe(one.url)
    here.raise_events(["CT/X"])
    (shown,), (hidden,) = await curious.until(1), await plain.until(1)
    assert shown.peer == here.instance.identity.server.certificate.public_bytes(Encoding.DER)
    assert hidden.peer is None
    assert shown.topic == hidden.topic == "CT/X"


@pytest.mark.parametrize("trust", ["pinned", "ca"])
@pytest.mark.requirement("TIP1-A_4595")
async def test_receivers_are_checked(office: Make, receiver: Make, tmp_path: Path, trust: str) -> None:
    here = await office(tls=True)
    right, wrong = self_signed(tmp_path, "right"), self_signed(tmp_path, "wrong")
    if trust == "pinned":
        check = SinkCheck(SinkTrust.PINNED, frozenset({right.fingerprint}))
    else:
        check = SinkCheck(SinkTrust.CA, ca_pem=right.pem)
    await here.instance.check_sinks("CS1", check)
    good, bad = await receiver(context=right.context()), await receiver(context=wrong.context())
    for one in (good, bad):
        await here.subscribe(one.url)
    here.raise_events(["CT/A", "CT/B"])
    await good.until(2)
    while here.view(bad.port).failed < 2:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert bad.received == []
    assert here.view(bad.port).delivered == 0
    # The check is the Clientsystem's: another one's receivers are not concerned.
    await here.subscribe(bad.url, who=context(client="CS2"))
    here.raise_events(["CT/C"])
    assert [one.topic for one in await bad.until(1)] == ["CT/C"]


async def test_a_setting_survives_the_boot(office: Make) -> None:
    here = await office(tls=True)
    check = SinkCheck(SinkTrust.PINNED, frozenset({"ab" * 32}))
    await here.instance.check_sinks("CS1", check)
    again = await office(tls=True)
    assert again.instance.sink_checks.of("CS1") == check
    assert again.instance.sink_checks.of("CS2").trust is SinkTrust.ANY


async def test_any_is_told_once_per_receiver(
    office: Make, receiver: Make, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    here, there = await office(tls=True), await receiver(context=self_signed(tmp_path).context())
    await here.subscribe(there.url)
    with caplog.at_level(logging.WARNING, "tiaas.konnektor.cetp"):
        here.raise_events(["CT/A", "CT/B", "CT/C"])
        await there.until(3)
    assert [record.message for record in caplog.records] == ["receiver of events is not checked (any)"]


async def test_receivers_that_fail_or_hang_delay_nobody(office: Make, receiver: Make, tmp_path: Path) -> None:
    here = await office(tls=True, settings=CetpSettings(connect_seconds=30, write_seconds=30))
    context_ = self_signed(tmp_path).context()
    good = await receiver(context=context_)
    hanging = await receiver(context=context_, behaviour="hang")
    plain = await receiver()  # speaks no TLS
    gone = await receiver(context=context_)
    await gone.stop()
    for one in (hanging, plain, gone, good):
        await here.subscribe(one.url)
    loop = asyncio.get_running_loop()
    here.raise_events([f"CT/{number}" for number in range(5)])
    begun = loop.time()
    assert [one.topic for one in await good.until(5)] == [f"CT/{number}" for number in range(5)]
    assert loop.time() - begun < 30  # less than one time-out of the hanging one
    assert here.view(hanging.port).delivered == 0
    assert here.view(hanging.port).queued == 4
    assert plain.received == []


async def test_who_keeps_the_connection_open_gets_all(office: Make, receiver: Make, tmp_path: Path) -> None:
    for tls in (False, True):
        here = await office(tls=tls)
        there = await receiver(behaviour="keep", context=self_signed(tmp_path).context() if tls else None)
        await here.subscribe(there.url)
        here.raise_events(["CT/A", "CT/B"])
        assert [one.topic for one in await there.until(2)] == ["CT/A", "CT/B"]


async def test_a_full_queue_drops_and_counts(office: Make, receiver: Make, tmp_path: Path) -> None:
    here = await office(tls=True, settings=CetpSettings(connect_seconds=30, queued_max=8))
    there = await receiver(context=self_signed(tmp_path).context(), behaviour="hang")
    await here.subscribe(there.url)
    here.raise_events(["CT/A"])
    while here.view(there.port).queued:  # noqa: ASYNC110
        await asyncio.sleep(0)
    here.raise_events(["CT/B"] * 20)
    view = here.view(there.port)
    assert (view.queued, view.dropped) == (8, 12)


@pytest.mark.requirement("TIP1-A_4611")
async def test_EVT_MAX_TRY_failed_connections_in_a_row_unsubscribe(office: Make, receiver: Make) -> None:
    here = await office(settings=QUICK)
    gone, alive = await receiver(), await receiver()
    await gone.stop()
    for topic in ("CT", "CT/A"):
        await here.subscribe(gone.url, topic)
    await here.subscribe(alive.url)
    await here.subscribe(gone.url, who=context(client="CS2"))
    here.raise_events(["CT/X"])
    while here.view(gone.port).failed < 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert len(await held(here)) == 3
    here.raise_events(["CT/Y", "CT/Z"])
    while len(await held(here)) > 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    (left,) = await held(here)
    assert left.event_to == alive.url
    await alive.until(3)


async def test_a_connection_in_between_starts_the_count_anew(office: Make, receiver: Make) -> None:
    here, there = await office(settings=QUICK), await receiver()
    await here.subscribe(there.url)
    for round_ in range(3):
        await there.stop()
        here.raise_events(["CT/LOST", "CT/LOST"])
        while here.view(there.port).failed < 2 * (round_ + 1):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        await there.start()
        here.raise_events(["CT/X"])
        await there.until(round_ + 1)
    assert len(await held(here)) == 1


async def test_filters_and_workplaces_decide(office: Make, receiver: Make) -> None:
    here = await office()
    near, far, strict, broken = [await receiver() for _ in range(4)]
    await here.subscribe(near.url, "CT")
    await here.subscribe(far.url, "", who=context("AP2"))
    await here.subscribe(strict.url, "", filtered="//EVT:Parameter[EVT:Key='CtID' and EVT:Value='CT2']")
    await here.subscribe(broken.url, "", filtered="count(//*[count(//*[count(//*[count(//*)>0])>0])>0]) > sum('x')")
    here.raise_events(["CT/CONNECTED"], ct_id="CT1")
    here.raise_events(["NETWORK/X"])
    here.hub.publish(Event("NETWORK/Y", (("CtID", "CT2"),)))
    assert [one.topic for one in await far.until(2)] == ["NETWORK/X", "NETWORK/Y"]
    assert [one.topic for one in await near.until(1)] == ["CT/CONNECTED"]
    assert [one.topic for one in await strict.until(1)] == ["NETWORK/Y"]
    assert broken.connections == 0


async def test_what_was_unsubscribed_is_not_sent_any_more(office: Make, receiver: Make) -> None:
    here, there = await office(), await receiver()
    await here.subscribe(there.url)
    here.raise_events(["CT/A"])
    await there.until(1)
    here.raise_events(["CT/B"] * 5)
    await here.call(Unsubscribe(context=context(), event_to=there.url + "/"))
    while list(here.sender):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert [one.topic for one in there.received] == ["CT/A"]


@pytest.mark.event("BOOTUP/BOOTUP_COMPLETE")
@pytest.mark.requirement("TIP1-A_4613")
@pytest.mark.pitfall(28)
async def test_BOOTUP_COMPLETE_goes_to_every_address_once(office: Make, receiver: Make) -> None:
    here, there, other = await office(), await receiver(), await receiver()
    for topic in ("CT", "CARD"):
        await here.subscribe(there.url, topic)
    gone = await here.subscribe(other.url)
    await here.call(Unsubscribe(context=context(), subscription_id=gone.subscription_id))
    again = await office()
    (boot,) = await there.until(1)
    assert boot.topic == "BOOTUP/BOOTUP_COMPLETE"
    assert boot.xml.find("{*}SubscriptionID") is not None
    assert boot.text("SubscriptionID") == ""
    assert boot.parameters == {}
    assert await held(again) == []
    again.raise_events(["CT/X"])
    await again.subscribe(there.url)
    again.raise_events(["CT/Y"])
    assert [one.topic for one in await there.until(2)] == ["BOOTUP/BOOTUP_COMPLETE", "CT/Y"]
    assert other.received == []


async def test_addresses_whose_time_is_over_are_told_once_more_and_forgotten(office: Make, receiver: Make) -> None:
    here, there = await office(), await receiver()
    await here.subscribe(there.url)
    store = here.instance.context.store
    ((key, row),) = (await store.list("event-sink")).items()
    await store.put("event-sink", key, {**row, "until": "2020-01-01T00:00:00+00:00"})
    again = await office()
    await there.until(1)
    assert await again.instance.context.store.list("event-sink") == {}
    await office()
    assert len(there.received) == 1


async def test_a_stale_owner_cannot_subscribe(office: Make, receiver: Make) -> None:
    here, there = await office(), await receiver()
    await here.instance.context.store._store.take_over("a")
    with pytest.raises(StaleEpochWrite):
        await here.subscribe(there.url)
    assert list(here.instance.context.events._list) == []


async def test_personal_data_is_not_logged(office: Make, receiver: Make, caplog: pytest.LogCaptureFixture) -> None:
    here, there = await office(settings=QUICK), await receiver()
    gone = await receiver()
    await gone.stop()
    with caplog.at_level(logging.DEBUG, logger="tiaas"):
        for one in (there, gone):
            await here.subscribe(one.url, "", filtered="contains(., 'X110000001')")
        here.hub.publish(Event(Topic.CARD_INSERTED, (("CardHolderName", "Erika Geheim"), ("KVNR", "X110000001"))))
        await there.until(1)
        while here.view(gone.port).failed < 1:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    said = "\n".join(str(vars(record)) for record in caplog.records)
    assert "event not delivered" in said
    assert "Geheim" not in said
    assert "X110000001" not in said


def test_contexts_refuse_old_tls() -> None:
    context_ = client_context(create_ca("x", CLOCK.now(), ENTROPY))
    assert context_.minimum_version is ssl.TLSVersion.TLSv1_2


async def test_filters_of_many_receivers_never_run_in_one_pass_of_the_loop(
    office: Make, receiver: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = await office(), await receiver()
    passes, judged, steps = 0, [], []

    def watched(event: Event, subscription: Any, allowance: Allowance) -> bool:
        judged.append(passes)
        before = allowance.left
        try:
            return passes_filter(event, subscription, allowance)
        finally:
            steps.append(before - allowance.left)

    async def count() -> None:
        nonlocal passes
        while True:
            passes += 1
            await asyncio.sleep(0)

    monkeypatch.setattr(delivery, "passes_filter", watched)
    for port in range(10_000, 10_060):
        await here.subscribe(f"cetp://127.0.0.1:{port}", filtered="//*[//*[//*[//*[//*]]]]")
    await here.subscribe(there.url, filtered="//Parameter[Key='CtID' and Value='CT1']")
    counter = asyncio.create_task(count())
    here.raise_events(["CT/X"])
    await there.until(1)
    counter.cancel()
    assert len(set(judged)) == len(judged) == 61
    assert steps[:60] == [FILTER_STEPS] * 60
    assert [here.view(10_000 + at).delivered for at in range(60)] == [0] * 60


async def test_receivers_on_this_machine_are_refused_unless_configured(office: Make, receiver: Make) -> None:
    here, there = await office(local=False), await receiver()
    await here.subscribe(there.url)
    here.raise_events(["CT/X"])
    while here.view(there.port).failed < 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert here.view(there.port).last_failure == "SinkForbidden"
    assert there.connections == 0


async def test_who_is_not_checked_is_forgotten_with_his_last_subscription(
    office: Make, receiver: Make, tmp_path: Path
) -> None:
    here, there = await office(tls=True), await receiver(context=self_signed(tmp_path).context())
    await here.subscribe(there.url)
    here.raise_events(["CT/X"])
    await there.until(1)
    assert len(here.sender._opener._unchecked) == 1
    await here.call(Unsubscribe(context=context(), event_to=there.url))
    while list(here.sender):  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    assert here.sender._opener._unchecked == set()
