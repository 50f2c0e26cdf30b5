"""The pytest plugin as a PVS maker uses it: a project of its own, two workers, a clean lab for each test."""

import json
import os
import subprocess
import sys
from pathlib import Path

import tiaas

PROJECT = """
import asyncio
from pathlib import Path

from tiaas.client import KonnektorFault, connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType


async def practice(konnektor, work):
    async with connect(load_kon(Path(konnektor.kon_file), {})) as client:
        return await work(client)


def test_a_card_is_read(konnektor, card, recording):
    Path(__file__).with_name("mine.txt").write_text(konnektor.url)

    async def work(client):
        egk, smcb = [(await client.get_cards(kind))[0] for kind in (CardType.EGK, CardType.SMC_B)]
        return await client.read_vsd(egk.card_handle, smcb.card_handle)

    async def verify(client):
        (hba,) = await client.get_cards(CardType.HBA)
        return (await client.verify_pin(hba.card_handle, "PIN.CH")).result.value

    vsd = asyncio.run(practice(konnektor, work))
    assert vsd.personal.versicherten_id == card("egk-1").kvnr
    assert recording.operations == ["GetCards", "GetCards", "ReadVSD"]
    assert recording.check()["SDS-1"].finding.verdict == "pass"
    assert asyncio.run(practice(konnektor, verify)) == "OK"


def test_trouble_is_over_after_the_test(konnektor, card, terminal, fault, recording):
    async def work(client):
        (hba,) = await client.get_cards(CardType.HBA)
        assert (await client.get_pin_status(hba.card_handle, "PIN.CH")).status.value == "VERIFIABLE"
        return [(await client.verify_pin(hba.card_handle, "PIN.CH")).result.value for _ in range(3)]

    fault("keypad", code="wrong", match="HBA", times=0)
    assert asyncio.run(practice(konnektor, work)) == ["REJECTED", "REJECTED", "NOWBLOCKED"]
    card("egk-2").insert()
    assert terminal.card_in(1) == card("egk-2").iccsn
    card("smcb-1").eject()
    terminal.typed_by("manual")
    assert len(konnektor.lab.faults.fired) == 3


def test_everything_is_as_before(konnektor, card, terminal):
    async def work(client):
        (hba,) = await client.get_cards(CardType.HBA)
        state = await client.get_pin_status(hba.card_handle, "PIN.CH")
        (smcb,) = await client.get_cards(CardType.SMC_B)
        return state.left_tries, (await client.get_pin_status(smcb.card_handle, "PIN.SMC")).status.value

    assert konnektor.lab.faults.in_force == []
    assert card("egk-1").place == (terminal.ct_id, 1)
    assert asyncio.run(practice(konnektor, work)) == (3, "VERIFIED")


def test_that_fails(konnektor, recording):
    async def work(client):
        await client.get_cards()

    asyncio.run(practice(konnektor, work))
    assert recording.operations == []
"""


SECOND = """
from pathlib import Path


def test_by_itself(konnektor, card):
    card("egk-1").eject()
    Path(__file__).with_name("second.txt").write_text(konnektor.url)
"""


def test_two_workers_each_with_a_clean_lab_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "test_mine.py").write_text(PROJECT)
    (tmp_path / "test_second.py").write_text(SECOND)
    source = str(Path(tiaas.__file__).parents[1])
    environ = {**os.environ, "PYTHONPATH": source, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    command = [sys.executable, "-m", "pytest", "-p", "tiaas.cli.pytest_plugin", "-p", "xdist", "-n2", "--dist=loadfile"]
    options = [f"--basetemp={tmp_path / 'tmp'}", "--tiaas-recordings", str(tmp_path / "failed"), "-c", os.devnull]
    done = subprocess.run(
        [*command, *options, f"--rootdir={tmp_path}", f"--confcutdir={tmp_path}", str(tmp_path)],
        env=environ, cwd=tmp_path, capture_output=True, text=True, timeout=180,
    )  # fmt: skip
    assert "4 passed" in done.stdout, done.stdout
    assert "1 failed" in done.stdout, done.stdout
    kept = sorted(path.name for path in (tmp_path / "failed").iterdir())
    assert kept == ["test_that_fails.html", "test_that_fails.json"]
    recording = json.loads((tmp_path / "failed" / "test_that_fails.json").read_text())
    assert len(recording["calls"]) == 2  # the directory and GetCards
    urls = {(tmp_path / name).read_text() for name in ("mine.txt", "second.txt")}
    assert len(urls) == 2
