"""The instance's JSON interface over real sockets, with the cards and people of a lab behind it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.integration.portal.conftest import lab_in
from tests.ports import free_port
from tiaas.base.secret import Secret
from tiaas.base.wire import decode_document_untrusted
from tiaas.cli.compose import Running
from tiaas.cli.upchoices import HsmKind
from tiaas.client import connect
from tiaas.client.konnektor import EVENT
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.event_service_v7_2 import SUBSCRIBE_ACTION, Subscribe, SubscribeResponse, Subscription
from tiaas.konnektor.eventfeed import STREAMS_MAX
from tiaas.konnektor.statusapi import status_app
from tiaas.lab.server import LabServer
from tiaas.portal.status import Instance, Pin

TOKEN = "token-of-this-test"
PATH = "/instances/praxis-1"


@asynccontextmanager
async def interface(run: Running) -> AsyncIterator[httpx.AsyncClient]:
    instances = {served.instance.name: served.instance for served in run.served}
    server, port = LabServer(status_app(lambda: instances, Secret(TOKEN.encode())), "status"), free_port()
    await server.start("127.0.0.1", port)
    headers = {"Authorization": f"Bearer {TOKEN}"}
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as http:
            yield http
    finally:
        for instance in instances.values():
            instance.feed.close()
        await server.stop()


async def told(lines: AsyncIterator[str], kind: str) -> dict[str, Any]:
    """The data of the next message of a kind."""
    current = ""
    async for line in lines:
        if line.startswith("event: "):
            current = line.removeprefix("event: ")
        elif line.startswith("data: ") and current == kind:
            document: dict[str, Any] = json.loads(line.removeprefix("data: "))
            return document
    raise AssertionError("the stream ended")


async def test_it_tells_the_practice_and_nothing_personal(run: Running) -> None:
    async with interface(run) as http, asyncio.timeout(60):
        async with connect(run.served[0].kon) as konnektor:
            cards = {card.card_type: card.card_handle for card in await konnektor.get_cards()}
            await konnektor.verify_pin(cards[CardType.SMC_B], "PIN.SMC")
            await konnektor.read_vsd(cards[CardType.EGK], cards[CardType.SMC_B], True, True)
        answers = [await http.get(path) for path in ("/instances", PATH)]
    listing, document = (answer.json() for answer in answers)
    assert [entry["name"] for entry in listing["instances"]] == ["praxis-1"]
    status = decode_document_untrusted(Instance, document)
    (terminal,) = status.terminals
    assert (terminal.ct_id, terminal.connected, terminal.correlation) == ("CT-1", True, "aktiv")
    types = [slot.card.type if slot.card else None for slot in terminal.slots]
    assert types == ["EGK", "SMC-B", "HBA", "SMC-KT"]
    smcb = terminal.slots[1].card
    assert smcb is not None
    assert smcb.pin is not None
    assert (smcb.pin.name, smcb.pin.state, smcb.pin.last_result) == ("PIN.SMC", "VERIFIED", "OK")
    assert [call.operation for call in status.calls[:3]] == ["ReadVSD", "VerifyPin", "GetCards"]
    assert {call.client_system for call in status.calls} == {"pvs-1"}
    assert "CARD/INSERTED" in [event.topic for event in status.events]
    assert status.trust is not None
    assert status.trust.lists
    assert status.trust.tsl.succeeded
    assert status.trust.ocsp.requests > 0
    assert status.trust.ocsp.code is None
    assert status.ti.last_check is not None
    assert (status.ti.last_check.result, status.ti.last_check.code) == (2, None)

    text = "".join(answer.text for answer in answers)
    for card in run.lab.cards:
        assert card.iccsn not in text
        assert card.kvnr is None or card.kvnr not in text
        for word in card.holder.split():
            assert len(word) < 4 or word not in text
        assert not [pin for pin in card.pins().values() if f'"{pin.reveal().decode()}"' in text]
    assert "PRIVATE KEY" not in text


async def test_a_virtual_smc_b_is_told_activated_though_nobody_used_it(tmp_path: Path) -> None:
    async with lab_in(tmp_path, hsm=HsmKind.FOLDER) as run, interface(run) as http:
        served = run.served[0]
        (view,), (entry,), mandant = served.instance.hsms, served.virtual_smbs, served.context.mandant_id
        assert await virtual_pin(http) == Pin("PIN.SMC", "NOT_VERIFIED", 0)
        await served.instance.hsms.activate(view, mandant, entry.code)
        assert await virtual_pin(http) == Pin("PIN.SMC", "VERIFIED", 1)
        await served.instance.hsms.deactivate(view, mandant)
        assert await virtual_pin(http) == Pin("PIN.SMC", "NOT_VERIFIED", 0)
        assert entry.iccsn not in (await http.get(PATH)).text


async def virtual_pin(http: httpx.AsyncClient) -> Pin | None:
    """The PIN of the card in the HSM, which is the only terminal that is no device."""
    status = decode_document_untrusted(Instance, (await http.get(PATH)).json())
    assert {terminal.ct_id: terminal.physical for terminal in status.terminals} == {"CT-1": True, "HSM-1": False}
    (card,) = (slot.card for terminal in status.terminals if not terminal.physical for slot in terminal.slots)
    assert card is not None
    assert card.type == "HSM-B"
    return card.pin


async def test_who_has_no_token_is_refused(run: Running) -> None:
    async with interface(run) as http:
        for headers in ({"Authorization": ""}, {"Authorization": "Bearer x"}, {"Authorization": f"Basic {TOKEN}"}):
            for path in ("/instances", PATH, f"{PATH}/events", "/x"):
                answer = await http.get(path, headers=headers)
                assert answer.status_code == 401
                assert answer.headers["www-authenticate"] == "Bearer"
        assert (await http.get("/instances/other")).status_code == 404
        assert (await http.get("/instances/other/events")).status_code == 404
        assert (await http.post(PATH)).status_code == 405


async def test_asking_again_costs_nothing_until_something_changes(run: Running) -> None:
    async with interface(run) as http:
        first = await http.get(PATH)
        again = await http.get(PATH, headers={"If-None-Match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        run.lab.eject("CT-1", 1)
        async with asyncio.timeout(60):
            while (await http.get(PATH, headers={"If-None-Match": first.headers["etag"]})).status_code == 304:
                pass


async def test_events_come_as_they_happen(run: Running) -> None:
    async with interface(run) as http, asyncio.timeout(60), http.stream("GET", f"{PATH}/events") as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        lines = stream.aiter_lines()
        iccsn = run.lab.eject("CT-1", 1)
        removed = await told(lines, "event")
        assert (removed["topic"], removed["ct_id"], removed["slot"]) == ("CARD/REMOVED", "CT-1", 1)
        run.lab.insert("CT-1", 1, iccsn)
        inserted = await told(lines, "event")
        assert inserted["topic"] == "CARD/INSERTED"
        assert set(inserted) == {"number", "at", "topic", "type", "severity", "ct_id", "slot"}
        async with connect(run.served[0].kon) as konnektor:
            await konnektor.get_cards()
        assert await told(lines, "changed") == {}


async def test_streams_are_bounded_and_one_that_ends_makes_room(run: Running) -> None:
    feed = run.served[0].instance.feed
    async with interface(run) as http, asyncio.timeout(60):
        async with http.stream("GET", f"{PATH}/events"):
            held = [feed.open() for _ in range(STREAMS_MAX - len(feed._streams))]
            refused = await http.get(f"{PATH}/events")
            assert refused.status_code == 503
            before = len(feed._streams)
        while len(feed._streams) == before:
            await http.get("/instances")
        for stream in held:
            feed.leave(stream)
        assert not feed._streams


@pytest.mark.parametrize("path", [f"{PATH}/events"])
async def test_a_stop_ends_streams(run: Running, path: str) -> None:
    async with interface(run) as http, asyncio.timeout(60), http.stream("GET", path) as stream:
        run.served[0].instance.feed.close()
        assert [line async for line in stream.aiter_lines() if line.startswith("event")] == []


async def test_a_receiver_that_is_away_is_told(run: Running) -> None:
    """Nobody listens where the Clientsystem wants its events, and a card is taken out."""
    address = f"127.0.0.1:{free_port()}"
    async with interface(run) as http, asyncio.timeout(60):
        async with connect(run.served[0].kon) as konnektor:
            wish = Subscription(event_to=f"cetp://{address}", topic="CARD")
            request = Subscribe(context=konnektor.context, subscription=wish)
            await konnektor.call(EVENT, SUBSCRIBE_ACTION, request, SubscribeResponse)
        run.lab.eject("CT-1", 1)
        while True:
            status = decode_document_untrusted(Instance, (await http.get(PATH)).json())
            if status.sinks and status.sinks[0].failures_in_row:
                break
    (sink,) = status.sinks
    assert (sink.client_system, sink.address, sink.delivered) == ("pvs-1", address, 0)
    assert sink.last_failure
