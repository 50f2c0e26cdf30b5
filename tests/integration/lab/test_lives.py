"""Several lives of one folder: everything is where it was, however the life before ended."""

import asyncio
import json
import re
import signal
import socket
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.lab.labprocess import LabProcess, on_ports_of_its_own, refused
from tiaas.client import Konnektor, KonnektorFault, connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.interfaces.card_service_v8_1 import PinStatus


async def _control(lab: LabProcess, method: str, path: str, body: object = None) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.request(method, f"{lab.ready['terminals'][0]['control']}{path}", json=body)
    assert answer.status_code == 200, answer.text


async def _burn_a_try(lab: LabProcess) -> None:
    async with httpx.AsyncClient(trust_env=False) as http:
        answer = await http.post(lab.ready["lab"]["faults"], json={"service": "keypad", "code": "wrong"})
    assert answer.status_code == 201, answer.text
    async with connect(load_kon(Path(lab.ready["kon_file"]), {})) as konnektor:
        outcome = await konnektor.verify_pin(await _hba(konnektor), "PIN.CH")
    assert outcome.result is PinResult.REJECTED


async def _tries_left(lab: LabProcess) -> int | None:
    async with connect(load_kon(Path(lab.ready["kon_file"]), {})) as konnektor:
        return (await konnektor.get_pin_status(await _hba(konnektor), "PIN.CH")).left_tries


async def _hba(konnektor: Konnektor) -> str:
    (hba,) = await konnektor.get_cards(CardType.HBA)
    return hba.card_handle


async def test_everything_is_where_it_was(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "lab"
    with LabProcess(folder) as lab:
        first_start = lab.started_in
        before = lab.ready
        p12 = lab.octets("client", "p12")
        await _burn_a_try(lab)
        await _control(lab, "POST", "/slots/1/eject")
        await _control(lab, "POST", "/slots/1/insert", {"iccsn": before["cards"]["egk"][2]["iccsn"]})
        moved = lab.ready
        lab.stop()
    with LabProcess(folder) as lab:
        assert lab.is_as(moved)
        assert lab.octets("client", "p12") == p12
        assert await _tries_left(lab) == 2
        await _burn_a_try(lab)
        second_start = lab.started_in
        lab.kill()
        assert (folder / "ready.json").exists()
    with LabProcess(folder) as lab:
        assert lab.is_as(moved)
        assert await _tries_left(lab) == 1
        lab.stop(signal.SIGINT)
        third_start = lab.started_in
    with capsys.disabled():
        print(
            f"\nready.json after {first_start:.2f} s (new), {second_start:.2f} s, {third_start:.2f} s (after kill -9)"
        )


async def test_locked_leaves_the_pin_to_be_verified(tmp_path: Path) -> None:
    with LabProcess(tmp_path / "lab", "--locked", "--ecc-only") as lab:
        async with connect(load_kon(Path(lab.ready["kon_file"]), {})) as konnektor:
            (egk,) = await konnektor.get_cards(CardType.EGK)
            (smcb,) = await konnektor.get_cards(CardType.SMC_B)
            state = await konnektor.get_pin_status(smcb.card_handle, "PIN.SMC")
            assert state.status is PinStatus.VERIFIABLE
            with pytest.raises(KonnektorFault) as fault:
                await konnektor.read_vsd(egk.card_handle, smcb.card_handle)
            assert fault.value.code == 3041
            assert (await konnektor.verify_pin(smcb.card_handle, "PIN.SMC")).ok
            await konnektor.read_vsd(egk.card_handle, smcb.card_handle)
        assert "BEGIN CERTIFICATE" in lab.octets("lab", "ca_bundle").decode()
        lab.stop()


async def test_a_stop_waits_for_nobody_at_a_terminal(tmp_path: Path) -> None:
    """Who was asked for a PIN is answered, and long before a call may take its time."""
    with LabProcess(tmp_path / "lab", "--locked", "--ecc-only") as lab:
        await _control(lab, "PUT", "/pin-policy", {"mode": "manual"})
        async with connect(load_kon(Path(lab.ready["kon_file"]), {})) as konnektor:
            (smcb,) = await konnektor.get_cards(CardType.SMC_B)
            entry = asyncio.create_task(konnektor.verify_pin(smcb.card_handle, "PIN.SMC"))
            await _prompted(lab)
            await asyncio.to_thread(lab.stop)
            with pytest.raises(KonnektorFault) as fault:
                await entry
    assert (fault.value.code, fault.value.trace[-1].detail) == (4044, "the Konnektor stops")
    assert "tiaas pin verify          # PIN.SMC is still to be verified (--locked)" in lab.output


async def _prompted(lab: LabProcess) -> None:
    async with asyncio.timeout(30), httpx.AsyncClient(trust_env=False) as http:
        while not (await http.get(lab.ready["terminals"][0]["control"])).json()["prompt"]:  # noqa: ASYNC110 - of another process
            await asyncio.sleep(0.02)


async def test_a_terminal_without_its_gsmckt_does_not_keep_the_lab_down(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    with LabProcess(folder) as lab:
        await _control(lab, "POST", "/slots/4/eject")
        lab.stop()
    with LabProcess(folder) as lab:
        await _control(lab, "POST", "/slots/4/insert")
        lab.stop()
        assert "CT-1 is not connected" in lab.output
    with LabProcess(folder) as lab:
        lab.stop()
        assert "CT-1 is not connected" not in lab.output


async def test_taken_ports_move_and_practices_are_added(tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    with on_ports_of_its_own(folder) as lab:
        before = lab.ready
        lab.stop()
    places = [
        urlsplit(before["konnektor"]["url"]),
        urlsplit(f"//{before['terminals'][0]['sicct']}"),
        urlsplit(before["lab"]["control"]),
    ]
    occupants = [socket.create_server(("127.0.0.1", place.port)) for place in places if place.port]
    try:
        with LabProcess(folder, "--practices", "2") as lab:
            after = lab.ready
            assert after["konnektor"]["url"] != before["konnektor"]["url"]
            assert lab.kon()["url"] == after["konnektor"]["url"]
            for number in (1, 2):
                async with connect(load_kon(Path(after["instances"][number - 1]["kon_file"]), {})) as konnektor:
                    assert len(await konnektor.get_cards()) == 4
            lab.stop()
            for place in places:
                assert re.search(rf"port {place.port} of \S+ is in use by another program; it is", lab.output), place
    finally:
        for occupant in occupants:
            occupant.close()
    code, said = refused("--dir", str(folder), "--practices", "1")
    assert (code, "this lab has 2 practices" in said) == (1, True)


async def test_a_chosen_address_and_further_names(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.3", 0)) as probe:
        port = probe.getsockname()[1]
    listen = f"127.0.0.3:{port}"
    with LabProcess(tmp_path / "lab", "--listen", listen, "--host", "praxis.invalid", "192.0.2.7") as lab:
        assert lab.ready["konnektor"]["url"] == "https://192.0.2.7:" + str(port)
        kon = lab.kon()
        for name in ("praxis.invalid", "192.0.2.7", "127.0.0.3", "localhost", "konnektor.konlan"):
            reached = tmp_path / "reached.kon"
            reached.write_text(json.dumps({**kon, "url": f"https://{listen}", "expectedHost": name}))
            async with connect(load_kon(reached, {})) as konnektor:
                assert len(await konnektor.get_cards()) == 4
        lab.stop()


def test_what_cannot_start_says_so_in_a_line(tmp_path: Path) -> None:
    (tmp_path / "thesis").mkdir()
    (tmp_path / "thesis" / "chapter-1.tex").write_text("x")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cases = [
            (("--dir", str(tmp_path / "thesis")), 1, "is not empty and holds no lab"),
            (("--dir", "/proc/lab"), 1, "cannot use /proc/lab"),
            (("--dir", str(tmp_path / "lab"), "--listen", "192.0.2.1"), 1, "cannot listen on 192.0.2.1"),
            (("--dir", str(tmp_path / "lab"), "--listen", f"127.0.0.1:{port}"), 1, f"port {port} on 127.0.0.1 is in"),
            (("--dir", str(tmp_path / "lab"), "--listen", "praxis"), 2, "give an IP address"),
        ]
        for options, code, words in cases:
            got, said = refused(*options)
            assert got == code, (options, said)
            assert words in said, (options, said)
    assert sorted(path.name for path in (tmp_path / "thesis").iterdir()) == ["chapter-1.tex"]
    assert not (tmp_path / "lab" / "ready.json").exists()
