"""A practice with several terminals: each has a workplace of its own, the SMC-B in the first one serves all."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from tests.integration.lab.labprocess import LabProcess
from tiaas.client import Konnektor, KonnektorFault, connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Card

TERMINALS = 3


@asynccontextmanager
async def _at(lab: LabProcess, workplace: int) -> AsyncIterator[Konnektor]:
    kon = load_kon(Path(lab.ready["kon_file"]), {})
    name = lab.ready["workplaces"][workplace - 1]["workplace_id"]
    async with connect(replace(kon, workplace_id=name)) as konnektor:
        yield konnektor


async def _insert(lab: LabProcess, terminal: int, iccsn: str) -> None:
    control = lab.ready["terminals"][terminal - 1]["control"]
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(f"{control}/slots/1/insert", json={"iccsn": iccsn})
    assert answer.status_code == 200, answer.text


async def _card(konnektor: Konnektor, kind: CardType, ct_id: str | None = None) -> Card:
    end = time.monotonic() + 60
    while time.monotonic() < end:
        for card in await konnektor.get_cards(kind, ct_id):
            return card
    pytest.fail("the card was not listed")


async def test_each_terminal_has_its_workplace_and_the_smcb_serves_all(tmp_path: Path) -> None:
    with LabProcess(tmp_path / "lab", "--terminals", str(TERMINALS), "--patients", "9") as lab:
        ready = lab.ready
        assert ready["workplaces"] == [
            {"workplace_id": "arbeitsplatz-1", "ct_ids": ["CT-1"]},
            {"workplace_id": "arbeitsplatz-1-2", "ct_ids": ["CT-1-2"]},
            {"workplace_id": "arbeitsplatz-1-3", "ct_ids": ["CT-1-3"]},
        ]
        assert ready["context"]["workplace_id"] == "arbeitsplatz-1"
        egks = ready["cards"]["egk"]
        assert len(egks) == 9
        for terminal in (2, 3):
            await _insert(lab, terminal, egks[6 + terminal - 1]["iccsn"])

        async def read(workplace: int) -> str:
            async with _at(lab, workplace) as konnektor:
                ct_id = ready["workplaces"][workplace - 1]["ct_ids"][0]
                egk = await _card(konnektor, CardType.EGK, ct_id)
                smcb = await _card(konnektor, CardType.SMC_B)
                assert smcb.ct_id == "CT-1"
                return (await konnektor.read_vsd(egk.card_handle, smcb.card_handle)).personal.versicherten_id

        found = await asyncio.gather(*(read(workplace) for workplace in range(1, TERMINALS + 1)))
        assert found == [egks[0]["kvnr"], egks[7]["kvnr"], egks[8]["kvnr"]]

        async with _at(lab, 1) as reception, _at(lab, 2) as room:
            egk = await _card(room, CardType.EGK, "CT-1-2")
            smcb = await _card(reception, CardType.SMC_B)
            assert {terminal.ct_id for terminal in await reception.get_card_terminals()} == {"CT-1"}
            assert {terminal.ct_id for terminal in await room.get_card_terminals()} == {"CT-1", "CT-1-2"}
            # An eGK is read where it is only (rule R6, "terminal local").
            with pytest.raises(KonnektorFault) as fault:
                await reception.read_vsd(egk.card_handle, smcb.card_handle)
            assert fault.value.code == 4016
            await _remote_pins(lab, room)
        shown = lab.tiaas("get", "cards", "--dir", str(lab.folder), "--workplace", "arbeitsplatz-1-2", "--json")
        assert shown.returncode == 0, shown.stderr
        assert egks[7]["iccsn"] in shown.stdout
        await _verbs_read_what_is_local(lab)
        lab.stop()


async def _remote_pins(lab: LabProcess, room: Konnektor) -> None:
    """PINs of cards in the first terminal are typed at the room's own (TIP1-A_5012), by who reads its display."""
    control = lab.ready["terminals"][1]["control"]
    hba, smcb = await _card(room, CardType.HBA), await _card(room, CardType.SMC_B)
    assert (await room.verify_pin(hba.card_handle, "PIN.CH")).ok
    async with httpx.AsyncClient(trust_env=False) as http:
        (await http.put(f"{control}/pin-policy", json={"new_pin": "24681357"})).raise_for_status()
        assert (await room.change_pin(smcb.card_handle, "PIN.SMC")).ok
        shown = (await http.get(control)).json()["history"]
    assert shown[-1] == "PIN erfolgreich geändert!"
    assert "Eingabe wird bearbeitet." in shown
    assert lab.ready["cards"]["smcb"][0]["pins"]["PIN.SMC"] == "24681357"


async def test_a_practice_gets_a_further_terminal_at_a_later_start(tmp_path: Path) -> None:
    with LabProcess(tmp_path / "lab") as before:
        before.stop()
    with LabProcess(tmp_path / "lab", "--terminals", "2", "--patients", "7") as lab:
        await _insert(lab, 2, lab.ready["cards"]["egk"][6]["iccsn"])
        async with _at(lab, 2) as room:
            egk = await _card(room, CardType.EGK, "CT-1-2")
            smcb = await _card(room, CardType.SMC_B)
            vsd = await room.read_vsd(egk.card_handle, smcb.card_handle)
            assert vsd.personal.versicherten_id == lab.ready["cards"]["egk"][6]["kvnr"]
        lab.stop()


async def _verbs_read_what_is_local(lab: LabProcess) -> None:
    """Workplace 2 reaches the eGK in CT-1 too; reading it there would be 4016."""
    egks = lab.ready["cards"]["egk"]
    place = ("--dir", str(lab.folder), "--json", "--workplace")
    read = lab.tiaas("vsd", "read", *place, "arbeitsplatz-1-2")
    assert read.returncode == 0, read.stderr
    assert json.loads(read.stdout)["personal"]["versicherten_id"] == egks[7]["kvnr"]
    control = lab.ready["terminals"][2]["control"]
    async with httpx.AsyncClient(trust_env=False) as http:
        assert (await http.post(f"{control}/slots/1/eject")).status_code == 200
        refused = lab.tiaas("vsd", "read", *place, "arbeitsplatz-1-3")
        assert (refused.returncode, refused.stdout) == (1, "")
        assert "in CT-1, a remote terminal of arbeitsplatz-1-3" in refused.stderr
        assert (await http.post(f"{control}/slots/1/insert-kvk", json={})).status_code == 200
    async with _at(lab, 3) as room:
        await _card(room, CardType.KVK)
    record = lab.tiaas("kvk", "read", *place, "arbeitsplatz-1-3")
    assert record.returncode == 0, record.stderr
    assert json.loads(record.stdout)["familienname"] == "Musterfrau"
