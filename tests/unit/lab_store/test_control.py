"""The control port: what it does, what it refuses, and to whom it answers."""

import json
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
import pytest

from tiaas.base.clock import ManualClock, ShiftedClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.localweb import is_local_request
from tiaas.card.objsys.model import CardKind
from tiaas.lab.control import BODY_MAX, control_app
from tiaas.lab.lab import Lab
from tiaas.lab.store import Kind, LabStore
from tiaas.terminal.virtual.terminal import PinMode

CT = "/terminals/CT-1"


@pytest.fixture
async def http(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(control_app(lab))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480") as client:
        yield client


class Full:
    """A database on a disk without room."""

    def execute(self, *_: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")


def _egks(lab: Lab) -> list[str]:
    return [card.iccsn for card in lab.cards.of_practice(1, CardKind.EGK)]


async def test_eject_and_insert(lab: Lab, http: httpx.AsyncClient) -> None:
    first, second = _egks(lab)[:2]
    assert (await http.post(f"{CT}/slots/1/eject")).json() == {"iccsn": first}
    cards = {card["iccsn"]: card for card in (await http.get("/cards")).json()["cards"]}
    assert cards[first]["in"] is None
    assert cards[first]["type"] == "EGK"
    inserted = await http.post(f"{CT}/slots/1/insert", json={"iccsn": second})
    assert (inserted.status_code, inserted.json()) == (200, {"iccsn": second})
    state = (await http.get(CT)).json()
    assert state["slots"][0] == {
        "number": 1,
        "state": "inserted",
        "iccsn": second,
        "type": "EGK",
        "holder": cards[second]["holder"],
    }
    await http.post(f"{CT}/slots/1/eject")
    assert (await http.post(f"{CT}/slots/1/insert")).json() == {"iccsn": second}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", f"{CT}/slots/1/insert", {"iccsn": "80276999901000000002"}, 409),
        ("POST", f"{CT}/slots/5/insert", {"iccsn": "80276999901000000002"}, 404),
        ("POST", f"{CT}/slots/0/eject", None, 404),
        ("POST", f"{CT}/slots/x/eject", None, 404),
        ("POST", "/terminals/CT-9/slots/1/eject", None, 404),
        ("GET", "/terminals/CT-9", None, 404),
        ("POST", f"{CT}/slots/1/insert", {"iccsn": 5}, 400),
        ("PUT", f"{CT}/pin-policy", {"mode": "guess"}, 400),
        ("PUT", f"{CT}/pin-policy", {"mod": "wrong"}, 400),
        ("PUT", f"{CT}/pin-policy", {"mode": ["auto"]}, 400),
        ("PUT", f"{CT}/pin-policy", {"new_pin": "12"}, 400),
        ("PUT", f"{CT}/pin-policy", {"new_pin": 123456}, 400),
        ("PUT", f"{CT}/pin-policy", {"new_pin": "١٢٣٤٥٦"}, 400),
        ("POST", f"{CT}/keys", {"key": "F1"}, 400),
        ("POST", f"{CT}/plug", {"state": "loose"}, 400),
        ("PUT", f"{CT}/pin-policy", {"mode": "wrong"}, 400),
        ("DELETE", "/cards", None, 405),
        ("GET", "/nothing", None, 404),
    ],
)
async def test_refusals_are_json(
    http: httpx.AsyncClient, method: str, path: str, body: dict[str, Any] | None, status: int
) -> None:
    answer = await http.request(method, path, json=body)
    assert answer.status_code == status, answer.text
    assert set(answer.json()) == {"error", "hint"}


async def test_an_unknown_card_and_one_that_sits_elsewhere(lab: Lab, http: httpx.AsyncClient) -> None:
    await http.post(f"{CT}/slots/1/eject")
    unknown = await http.post(f"{CT}/slots/1/insert", json={"iccsn": "80276000000000000000"})
    assert unknown.status_code == 404
    hba = lab.cards.of_practice(1, CardKind.HBA)[0]
    elsewhere = await http.post(f"{CT}/slots/1/insert", json={"iccsn": hba.iccsn})
    assert (elsewhere.status_code, elsewhere.json()["error"]) == (409, "the card is in slot 3 of CT-1")


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff\xfe", b'"x"', b"[" * 5000, b'{"a": ' * 2000])
async def test_a_body_that_is_no_object(http: httpx.AsyncClient, body: bytes) -> None:
    answer = await http.post(f"{CT}/slots/1/eject", content=body)
    assert answer.status_code in (400, 413)
    assert (await http.get(CT)).json()["slots"][0]["state"] == "inserted"


async def test_a_body_too_long_is_not_read(http: httpx.AsyncClient) -> None:
    sent = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal sent
        while sent < 100 * BODY_MAX:
            sent += 1024
            yield b" " * 1024

    answer = await http.post(f"{CT}/keys", content=endless())
    assert answer.status_code == 413


async def test_the_policy_is_set_and_shown_without_its_pin(lab: Lab, http: httpx.AsyncClient) -> None:
    answer = await http.put(f"{CT}/pin-policy", json={"mode": "auto", "new_pin": "24681357"})
    assert answer.json() == {"mode": "auto", "has_new_pin": True, "has_repeat_pin": False}
    policy = lab.terminal("CT-1").virtual.pin_policy
    assert policy.new_pin is not None
    assert policy.new_pin.reveal() == b"24681357"
    for path in ("/", CT, f"{CT}/pin-policy"):
        assert "24681357" not in (await http.get(path)).text
    await http.put(f"{CT}/pin-policy", json={"mode": "manual"})
    assert lab.terminal("CT-1").virtual.pin_policy.mode is PinMode.MANUAL
    empty = {"mode": "manual", "has_new_pin": False, "has_repeat_pin": False}
    assert (await http.get(f"{CT}/pin-policy")).json() == empty


async def test_no_answer_holds_a_pin(lab: Lab, http: httpx.AsyncClient) -> None:
    pins = {secret.reveal().decode() for card in lab.cards for secret in card.pins().values()}
    for path in ("/", "/cards", CT):
        text = (await http.get(path)).text
        assert not [pin for pin in pins if f'"{pin}"' in text or f">{pin}<" in text]


async def test_a_browser_gets_a_page_without_markup_of_others(lab: Lab, http: httpx.AsyncClient) -> None:
    lab.terminal("CT-1").record.name = "<script>"
    page = (await http.get("/", headers={"accept": "text/html,*/*"})).text
    assert page.startswith("<!doctype html>")
    assert "Brückner" in page
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    assert json.loads((await http.get("/")).text)["terminals"][0]["ct_id"] == "CT-1"


async def test_display_and_keys(lab: Lab, http: httpx.AsyncClient) -> None:
    assert (await http.get(f"{CT}/display")).json()["idle_text"] == "Bereit"
    assert (await http.post(f"{CT}/keys", json={"key": "correct"})).status_code == 200


@pytest.mark.parametrize(
    ("headers", "allowed"),
    [
        ({"host": "127.0.0.1:8480"}, True),
        ({"host": "localhost:8480"}, True),
        ({"host": "[::1]:8480"}, True),
        ({"host": "127.9.9.9"}, True),
        ({"host": "evil.example:8480"}, False),
        ({"host": "127.0.0.1.evil.example"}, False),
        ({"host": "localhost.evil.example"}, False),
        ({"host": "evil.example@127.0.0.1"}, False),
        ({"host": "192.0.2.1:8480"}, False),
        ({"host": "[::1"}, False),
        ({"host": ""}, False),
        ({}, False),
        ({"host": "127.0.0.1:8480", "origin": "http://127.0.0.1:8480"}, True),
        ({"host": "127.0.0.1:8480", "origin": "http://evil.example"}, False),
        ({"host": "127.0.0.1:8480", "origin": "null"}, False),
        ({"host": "127.0.0.1:8480", "sec-fetch-site": "cross-site"}, False),
        ({"host": "127.0.0.1:8480", "sec-fetch-site": "same-site"}, False),
        ({"host": "127.0.0.1:8480", "sec-fetch-site": "same-origin"}, True),
    ],
)
def test_who_is_answered(headers: dict[str, str], allowed: bool) -> None:
    assert is_local_request(headers) is allowed


async def test_a_foreign_page_is_refused_before_anything_happens(http: httpx.AsyncClient) -> None:
    answer = await http.post(f"{CT}/slots/1/eject", headers={"origin": "https://evil.example"})
    assert answer.status_code == 403
    assert (await http.get(CT)).json()["slots"][0]["state"] == "inserted"


async def test_updates(lab: Lab, http: httpx.AsyncClient) -> None:
    iccsn = _egks(lab)[0]
    waiting = (await http.get("/updates")).json()["updates"]
    assert [update["iccsn"] for update in waiting] == _egks(lab)[1:3]
    made = await http.post("/updates", json={"iccsn": iccsn, "change": {"strasse": "Neuer Weg"}})
    assert made.status_code == 201
    assert made.json() == (await http.get("/updates")).json()["updates"][-1]
    assert [update.change.strasse for update in lab.books.pending(iccsn)] == ["Neuer Weg"]
    lock = {"iccsn": iccsn, "task": "lock", "priority": "OPTIONAL"}
    assert (await http.post("/updates", json=lock)).json()["task"] == "lock"
    path = f"/updates/{made.json()['update_id']}"
    assert (await http.delete(path)).json() == {"repair": None}
    assert (await http.delete(path)).status_code == 404
    assert [update.task for update in lab.books.pending(iccsn)] == ["lock"]


async def test_cancelling_an_update_under_way_leaves_a_repair(lab: Lab, http: httpx.AsyncClient) -> None:
    (update,) = lab.books.pending(_egks(lab)[1])
    lab.books.begin(update)
    repair = (await http.delete(f"/updates/{update.update_id.hex()}")).json()["repair"]
    assert (repair["update_id"], repair["change"]) == (update.update_id.hex(), {})


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({}, 400),
        ({"iccsn": 1}, 400),
        ({"iccsn": "80276999901000000001"}, 400),
        ({"iccsn": "80276999901000000001", "task": "burn"}, 400),
        ({"iccsn": "80276999901000000001", "priority": "NOW"}, 400),
        ({"iccsn": "80276999901000000001", "change": []}, 400),
        ({"iccsn": "80276999901000000001", "change": {"kvnr": "A123456789"}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"strasse": 7}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"versichertenart": True}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"strasse": "x" * 47}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"strasse": ""}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"ort": " "}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"strasse": "a\x01b"}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"postleitzahl": "ABC"}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"postleitzahl": ""}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"zuzahlung_befreit_bis": "20300231"}}, 400),
        ({"iccsn": "80276999901000000001", "change": {"zuzahlung_befreit_bis": "20200101"}}, 400),
        ({"iccsn": "80276999901000000001", "task": "lock", "change": {"strasse": "x"}}, 400),
        ({"iccsn": "80276999901000000001", "task": "unlock"}, 400),
        ({"iccsn": "80276888880000000001", "change": {"strasse": "x"}}, 404),
        ({"iccsn": "80276999903000000001", "change": {"strasse": "x"}}, 404),
    ],
)
async def test_impossible_updates(lab: Lab, http: httpx.AsyncClient, body: dict[str, Any], status: int) -> None:
    before = list(lab.books)
    answer = await http.post("/updates", json=body)
    assert (answer.status_code, set(answer.json())) == (status, {"error", "hint"})
    assert list(lab.books) == before


@pytest.mark.parametrize("name", ["x", "00", "0" * 16, "0" * 17])
async def test_unknown_updates(http: httpx.AsyncClient, name: str) -> None:
    assert (await http.delete(f"/updates/{name}")).status_code == 404


async def test_the_hand_mistypes_a_repetition(http: httpx.AsyncClient) -> None:
    policy = {"mode": "auto", "new_pin": "24681357", "repeat_pin": "24681358"}
    answer = await http.put(f"{CT}/pin-policy", json=policy)
    assert answer.json() == {"mode": "auto", "has_new_pin": True, "has_repeat_pin": True}
    assert (await http.put(f"{CT}/pin-policy", json={"repeat_pin": "12"})).status_code == 400


async def test_what_a_full_disk_does_not_keep_did_not_happen(lab: Lab, http: httpx.AsyncClient) -> None:
    terminal = next(lab.terminals())
    held, ejected = terminal.record.slots[1], dict(terminal.record.ejected)
    with patch.object(lab.store, "_database", Full()):
        answer = await http.post(f"{CT}/slots/1/eject")
    assert answer.status_code == 507
    assert "disk is full" in answer.json()["error"]
    assert (terminal.record.slots[1], terminal.record.ejected) == (held, ejected)
    assert terminal.virtual.card_in(1) is not None
    assert lab.store.get(Kind.TERMINAL, "CT-1") == terminal.record.to_document()
    assert (await http.post(f"{CT}/slots/1/eject")).json() == {"iccsn": held}
    with patch.object(lab.store, "_database", Full()):
        assert (await http.post(f"{CT}/slots/1/insert")).status_code == 507
    assert terminal.record.slots[1] is None
    assert terminal.virtual.card_in(1) is None
    assert (await http.post(f"{CT}/slots/1/insert")).json() == {"iccsn": held}


async def test_days_pass_at_once(folder: Path) -> None:
    """Only forward, and only by a clock that can be moved."""
    store = LabStore.open(folder)
    clock = ShiftedClock(ManualClock(datetime(2026, 3, 2, tzinfo=UTC)), timedelta())
    lab = Lab.open(store, clock=clock, entropy=SystemEntropy())
    transport = httpx.ASGITransport(control_app(lab))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480") as client:
        assert (await client.post("/clock", json={"days": 31})).json() == {"now": "2026-04-02T00:00:00+00:00"}
        for wrong in ("0", "-1", "3651", "NaN", "true", '"1"', "null"):
            assert (await client.post("/clock", content=f'{{"days": {wrong}}}')).status_code == 400
        assert (await client.get("/clock")).json() == {"now": "2026-04-02T00:00:00+00:00"}
    store.close()
    with pytest.raises(ValueError, match="not go back"):
        clock.move(timedelta(seconds=-1))


async def test_a_clock_that_cannot_be_moved(lab: Lab, http: httpx.AsyncClient) -> None:
    assert (await http.post("/clock", json={"days": 1})).status_code == 400
