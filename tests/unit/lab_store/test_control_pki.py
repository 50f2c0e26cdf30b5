"""The control port's part for the PKI, and the command line on top of it."""

import json
from collections.abc import AsyncIterator
from datetime import datetime

import httpx
import pytest

from tiaas.card.objsys.model import CardKind
from tiaas.lab.control import control_app
from tiaas.lab.lab import Lab


@pytest.fixture
async def http(lab: Lab) -> AsyncIterator[httpx.AsyncClient]:
    await lab.start_pki()
    transport = httpx.ASGITransport(control_app(lab))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480") as client:
        yield client
    assert lab.services is not None
    await lab.services.stop()


async def test_certificates_and_revocation(lab: Lab, http: httpx.AsyncClient) -> None:
    (hba,) = lab.cards.of_practice(1, CardKind.HBA)
    listed = (await http.get("/certificates", params={"what": hba.iccsn})).json()["certificates"]
    assert [entry["kind"] for entry in listed] == ["C.HP.AUT"]
    assert listed[0]["revoked"] is None
    for number in (listed[0]["serial"], str(int(listed[0]["serial"], 16))):
        assert (await http.get("/certificates", params={"what": number})).json()["certificates"] == listed
    everything = (await http.get("/certificates")).json()["certificates"]
    assert len(everything) > len(listed)
    revoked = (await http.post("/certificates/revoke", json={"what": listed[0]["serial"]})).json()["revoked"]
    assert [entry["serial"] for entry in revoked] == [listed[0]["serial"]]
    assert datetime.fromisoformat(revoked[0]["revoked"]) <= lab.clock.now()


async def test_new_lists_and_a_new_anchor(lab: Lab, http: httpx.AsyncClient) -> None:
    before = (await http.get("/tsl")).json()
    assert before["next_anchor_from"] is None
    renewed = (await http.post("/tsl/renew")).json()
    assert renewed["tsl"]["number"] == before["tsl"]["number"] + 1
    assert renewed["bnetza"]["number"] == before["bnetza"]["number"] + 1
    announced = (await http.post("/tsl/change-anchor", json={"after": 3600})).json()
    assert datetime.fromisoformat(announced["next_anchor_from"]) > lab.clock.now()
    assert announced["tsl"]["services"] == before["tsl"]["services"] + 2
    assert (await http.post("/tsl/change-anchor")).json()["tsl"]["number"] == announced["tsl"]["number"] + 1
    assert (await http.post("/tsl/renew")).json()["next_anchor_from"] is None


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/certificates/revoke", {}, 400),
        ("/certificates/revoke", {"what": 5}, 400),
        ("/certificates/revoke", {"what": "FF"}, 404),
        ("/certificates/revoke", {"who": "FF"}, 400),
        ("/tsl/change-anchor", {"after": -1}, 400),
        ("/tsl/change-anchor", {"after": True}, 400),
        ("/tsl/change-anchor", {"after": "soon"}, 400),
        ("/tsl/renew", {"after": 1}, 400),
    ],
)
async def test_refused(http: httpx.AsyncClient, path: str, body: object, status: int) -> None:
    answer = await http.post(path, content=json.dumps(body))
    assert answer.status_code == status
    assert answer.json()["hint"]


async def test_without_services(lab: Lab) -> None:
    transport = httpx.ASGITransport(control_app(lab))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1:8480") as client:
        assert (await client.get("/tsl")).status_code == 409
