"""Practice software is recorded at a Konnektor of the lab, drawn and judged; nothing is kept unless somebody asks."""

import asyncio
import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.hand import Hand
from tiaas.client import KonnektorFault, connect, load_kon
from tiaas.client.cetp import receive_events
from tiaas.interfaces.card_service_common_v2_0 import CardType


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("pvs") / "lab", "--locked") as process:
        yield process


@pytest.fixture(autouse=True)
def nothing_is_recorded_afterwards(lab: LabProcess) -> Iterator[None]:
    yield
    control(lab, "DELETE", "/recordings/praxis-1")


def control(lab: LabProcess, method: str, path: str, body: Any = None) -> httpx.Response:
    with httpx.Client(base_url=lab.ready["lab"]["control"], trust_env=False) as http:
        return http.request(method, path, json=body)


async def a_good_visit(lab: LabProcess) -> None:
    """Directory, subscription, cards, the PIN when it is asked for, a receipt, a card that comes back, unsubscribed."""
    kon = load_kon(Path(lab.ready["kon_file"]), {})
    async with connect(kon) as konnektor, receive_events("127.0.0.1") as receiver:
        subscription = await konnektor.subscribe(f"cetp://127.0.0.1:{receiver.port}", "CARD")
        egk, smcb = [(await konnektor.get_cards(kind))[0].card_handle for kind in (CardType.EGK, CardType.SMC_B)]
        with pytest.raises(KonnektorFault) as locked:
            await konnektor.read_vsd(egk, smcb, perform_online_check=True, read_online_receipt=True)
        assert locked.value.code == 3041
        assert (await konnektor.verify_pin(smcb, "PIN.SMC")).ok
        await konnektor.read_vsd(egk, smcb, perform_online_check=True, read_online_receipt=True)
        await asyncio.to_thread(move_the_card, lab)
        async with asyncio.timeout(60):
            received = await receiver.next()
            while received.event.topic != "CARD/INSERTED":
                received = await receiver.next()
        assert received.parameters["CardHandle"] == (await konnektor.get_cards(CardType.EGK))[0].card_handle
        await konnektor.unsubscribe(subscription.subscription_id)


def move_the_card(lab: LabProcess) -> None:
    hand = Hand(lab.ready)
    hand.eject(1)
    hand.insert(1, lab.ready["cards"]["egk"][0]["iccsn"])


async def test_a_good_visit_is_recorded_drawn_and_passes(lab: LabProcess, tmp_path: Path) -> None:
    assert control(lab, "GET", "/recordings").json()["recordings"] == [{"instance": "praxis-1", "recording": False}]
    assert control(lab, "GET", "/recordings/praxis-1").status_code == 404
    started = lab.tiaas("record", "start")
    assert started.returncode == 0, started.stderr
    assert control(lab, "POST", "/recordings/praxis-1").status_code == 409
    await a_good_visit(lab)
    strangers_handshake(lab)
    file = tmp_path / "visit.json"
    stopped = lab.tiaas("record", "stop", "-o", str(file))
    assert "TEST DATA" in stopped.stdout, stopped.stderr
    assert file.stat().st_mode & 0o777 == 0o600
    recording = json.loads(file.read_text())
    operations = [call["path"] for call in recording["calls"]]
    assert operations[0] == "/connector.sds"
    assert {each["outcome"] for each in recording["deliveries"]} == {"delivered"}
    assert len(recording["handshakes"]) == 1
    pins = [pin for kind in ("smcb", "hba") for card in lab.ready["cards"][kind] for pin in card["pins"].values()]
    assert not [pin for pin in pins if f">{pin}<" in file.read_text()]

    page = tmp_path / "visit.html"
    page.write_text("another")
    kept = lab.tiaas("record", "export", str(file), "-o", str(page))
    assert (kept.returncode, "--force replaces it" in kept.stderr, page.read_text()) == (2, True, "another")
    exported = lab.tiaas("record", "export", str(file), "-o", str(page), "--lang", "de", "--force")
    assert exported.returncode == 0, exported.stderr
    assert "ReadVSD" in page.read_text()
    assert "CARD/REMOVED" in page.read_text()
    assert "VerifyPin" in lab.tiaas("record", "show", str(file)).stdout

    reports = [tmp_path / f"report.{kind}" for kind in ("html", "json", "xml")]
    outputs = [word for report in reports for word in ("-o", str(report))]
    judged = lab.tiaas("check", "pvs", str(file), *outputs)
    assert judged.returncode == 0, judged.stdout + judged.stderr
    verdicts = {each["id"]: each["verdict"] for each in json.loads(reports[1].read_text())["checks"]}
    assert "fail" not in verdicts.values()
    assert verdicts["TLS-3"] == "warn"  # the stranger
    for id_ in ("SDS-1", "SDS-2", "VER-1", "VER-3", "CTX-1", "CTX-2", "CARD-1", "PIN-1", "VSDM-1", "EVT-1", "EVT-3"):
        assert verdicts[id_] == "pass", id_


def strangers_handshake(lab: LabProcess) -> None:
    """Somebody without a client certificate."""
    url = urlsplit(lab.ready["konnektor"]["url"])
    context = ssl.create_default_context(cafile=lab.ready["konnektor"]["ca"])
    with httpx.Client(verify=context, trust_env=False) as http, pytest.raises(httpx.HTTPError):
        http.get(f"https://{url.netloc}/ws/EventService")


async def test_a_bad_visit_fails_in_the_right_checks(lab: LabProcess, tmp_path: Path) -> None:
    assert lab.tiaas("record", "start", "--client", "pvs-1").returncode == 0
    kon = json.loads(Path(lab.ready["kon_file"]).read_text())
    async with connect(load_kon(Path(lab.ready["kon_file"]), {})) as konnektor:
        for _ in range(2):
            with pytest.raises(KonnektorFault):
                await konnektor.get_pin_status("of-yesterday", "PIN.SMC")
    wrong = tmp_path / "wrong.kon"
    wrong.write_text(json.dumps({**kon, "workplaceId": "nowhere"}))
    async with connect(load_kon(wrong, {})) as konnektor:
        with pytest.raises(KonnektorFault):
            await konnektor.get_cards()
    judged = lab.tiaas("check", "pvs", "--live", "0.1")
    assert judged.returncode == 1
    assert "a recording runs already" in judged.stderr
    file = tmp_path / "bad.json"
    for nowhere, code, why in (("/proc/none/bad.json", 1, "cannot be written"), (str(tmp_path), 2, "is a folder")):
        refused = lab.tiaas("record", "stop", "-o", nowhere)
        assert (refused.returncode, why in refused.stderr) == (code, True)
    assert lab.tiaas("record", "stop", "-o", str(file)).returncode == 0
    judged = lab.tiaas("check", "pvs", str(file), "--json")
    assert judged.returncode == 1
    failed = {each["id"] for each in json.loads(judged.stdout)["checks"] if each["verdict"] == "fail"}
    assert failed == {"CTX-1", "CARD-1", "CARD-2", "CARD-3"}


def test_a_silent_minute_is_judged_live(lab: LabProcess) -> None:
    judged = lab.tiaas("check", "pvs", "--live", "0.1", "--lang", "de")
    assert judged.returncode == 0, judged.stderr
    assert "nicht gesehen" in judged.stdout
    assert "nicht erfüllt" not in judged.stdout
    assert control(lab, "GET", "/recordings").json()["recordings"] == [{"instance": "praxis-1", "recording": False}]


def test_somebody_elses_traffic_is_left_out(lab: LabProcess) -> None:
    assert control(lab, "POST", "/recordings/praxis-1", {"client_systems": ["another"]}).status_code == 201
    assert lab.tiaas("get", "cards", "--kon", lab.ready["kon_file"]).returncode == 0
    assert control(lab, "DELETE", "/recordings/praxis-1").json()["calls"] == []
    assert control(lab, "DELETE", "/recordings/praxis-1").status_code == 404
    bodies: tuple[Any, ...] = ({"client_systems": []}, {"clients": 1}, {"client_systems": [5]}, [1])
    for body in bodies:
        assert control(lab, "POST", "/recordings/praxis-1", body).status_code == 400
    assert control(lab, "POST", "/recordings/praxis-9").status_code == 404


def test_a_scenario_plays_against_the_lab(lab: LabProcess, tmp_path: Path) -> None:
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(
        "title: Mine\nsetup:\n  - {insert: egk-2, into: CT-1/1}\ntimeline:\n"
        '  - at: 0.1\n    fault: {service: keypad, code: wrong, match: "hba-1 PIN.CH"}\n'
        "  - {at: 0.2, eject: egk-2}\n  - {at: 0.3, clear: keypad}\n"
    )
    played = lab.tiaas("lab", "play", str(scenario))
    assert played.returncode == 0, played.stderr
    assert [line.split("  ")[-1].strip() for line in played.stdout.splitlines()][1:2] == ["egk-2 into CT-1/1"]
    assert all(card["in"] is None for card in lab.ready["cards"]["egk"])
    assert "smcb-pulled" in lab.tiaas("lab", "play", "--list").stdout
    assert lab.tiaas("lab", "play", "quarter-change").returncode == 2
    assert "its cards and terminals are those of the lab" in lab.tiaas("lab", "play", str(scenario), "--check").stdout
    scenario.write_text("title: Mine\nsetup:\n  - {insert: egk-99}\n")
    checked = lab.tiaas("lab", "play", str(scenario), "--check")
    assert (checked.returncode, "mine.yaml, line 3: this lab has no egk-99" in checked.stderr) == (1, True)
    failed = lab.tiaas("lab", "play", str(scenario))
    assert (failed.returncode, "line 3: this lab has no egk-99" in failed.stderr) == (1, True)
