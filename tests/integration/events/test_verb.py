"""`tiaas events` and `tiaas get resource` against a running lab: subscribed, shown live, unsubscribed at the end."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.hand import Hand
from tiaas.client import connect, load_kon


@pytest.fixture(scope="module", params=["tls", "plain"])
def lab(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    folder = tmp_path_factory.mktemp("events")
    options: tuple[str, ...] = ()
    if request.param == "plain":
        config = folder / "tiaas.toml"
        config.write_text("[access]\ntls_mandatory = false\nplain_port = 18399\nweaker_variants = true\n")
        options = ("--config", str(config))
    with LabProcess(folder / "lab", *options) as process:
        yield process
        process.stop()


class Verb:
    """`tiaas events` as a child process."""

    def __init__(self, lab: LabProcess, *options: str) -> None:
        command = [sys.executable, "-m", "tiaas", "events", "--dir", str(lab.folder), *options]
        self.process = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=lab.environ, text=True
        )
        assert self.process.stderr is not None
        assert "subscribed" in self.process.stderr.readline()

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def end(self, number: int | None = None) -> tuple[int, str]:
        if number is not None:
            self.process.send_signal(number)
        rest, _ = self.process.communicate(timeout=20)
        return self.process.returncode, rest


async def subscriptions(lab: LabProcess) -> int:
    async with connect(load_kon(Path(lab.ready["kon_file"]), os.environ)) as konnektor:
        return len(await konnektor.get_subscriptions(mandant_wide=True))


def egk(lab: LabProcess) -> dict[str, Any]:
    return next(card for card in lab.ready["cards"]["egk"] if card["in"])


@pytest.mark.event("CARD/INSERTED", "CARD/REMOVED")
async def test_a_card_that_moves_is_shown(lab: LabProcess, request: pytest.FixtureRequest) -> None:
    hand, card = Hand(lab.ready), egk(lab)
    verb = Verb(lab, "--json", "--topic", "CARD", "--count", "2")
    hand.eject(card["in"]["slot"])
    removed = json.loads(verb.line())
    assert removed["topic"] == "CARD/REMOVED"
    hand.insert(card["in"]["slot"], card["iccsn"])
    inserted = json.loads(verb.line())
    assert verb.end() == (0, "")
    assert inserted["topic"] == "CARD/INSERTED"
    assert inserted["tls"] is ("tls" in request.node.callspec.id)
    parameters = inserted["parameters"]
    assert list(parameters) == [
        "CardHandle", "CardType", "CardVersion", "ICCSN", "CtID", "SlotID", "InsertTime", "CardHolderName", "KVNR",
        "CertExpirationDate",
    ]  # fmt: skip
    assert (parameters["CardType"], parameters["ICCSN"], parameters["KVNR"]) == ("EGK", card["iccsn"], card["kvnr"])
    assert parameters["CardHandle"] != removed["parameters"]["CardHandle"]
    assert await subscriptions(lab) == 0


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
async def test_a_signal_ends_it_in_order(lab: LabProcess, number: int) -> None:
    verb = Verb(lab, "--filter", "//EVT:Parameter[EVT:Key='CardType' and EVT:Value='EGK']")
    assert await subscriptions(lab) == 1
    hand, card = Hand(lab.ready), egk(lab)
    hand.eject(card["in"]["slot"])
    assert "CARD/REMOVED" in verb.line()
    hand.insert(card["in"]["slot"], card["iccsn"])
    assert "CARD/INSERTED" in verb.line()
    assert verb.end(number) == (0, "")
    assert await subscriptions(lab) == 0


async def test_it_ends_after_seconds(lab: LabProcess) -> None:
    assert Verb(lab, "--seconds", "0.2", "--topic", "NOTHING").end() == (0, "")
    assert await subscriptions(lab) == 0


def test_a_filter_that_is_none_is_told(lab: LabProcess) -> None:
    command = [sys.executable, "-m", "tiaas", "events", "--dir", str(lab.folder), "--filter", "//Parameter["]
    done = subprocess.run(command, capture_output=True, env=lab.environ, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert "4000" in done.stderr
    assert "Filter" in done.stderr


async def test_a_workplace_that_gets_no_event_of_a_card_is_told(lab: LabProcess) -> None:
    """Subscribe would be accepted: it is checked for the whole Mandant."""
    command = [sys.executable, "-m", "tiaas", "events", "--dir", str(lab.folder), "--workplace", "nix"]
    done = subprocess.run(command, capture_output=True, env=lab.environ, text=True, timeout=30, check=False)
    assert done.returncode == 3
    assert "error 4" in done.stderr
    assert "subscribed" not in done.stderr
    assert await subscriptions(lab) == 0


def test_get_resource(lab: LabProcess) -> None:
    def resource(*options: str) -> tuple[int, str]:
        command = [sys.executable, "-m", "tiaas", "get", "resource", "--dir", str(lab.folder), *options]
        done = subprocess.run(command, capture_output=True, env=lab.environ, text=True, timeout=30, check=False)
        return done.returncode, done.stdout or done.stderr

    state = json.loads(resource("--json")[1])
    assert state["vpn_ti_status"] == "Online"
    names = {entry["error_condition"]: entry["value"] for entry in state["operating_state"]}
    ct_id = lab.ready["terminals"][0]["ct_id"]
    assert names[f"EC_CardTerminal_Not_Available({ct_id})"] is False
    assert "CONDITION" in resource()[1]
    assert json.loads(resource("--json", "--terminal", ct_id)[1])["connected"] is True
    card = egk(lab)
    found = json.loads(resource("--json", "--terminal", ct_id, "--slot", str(card["in"]["slot"]))[1])
    assert found["iccsn"] == card["iccsn"]
    assert json.loads(resource("--json", "--card", found["card_handle"])[1]) == found
    assert "4099" in resource("--iccsn", "80276001011699900861")[1]
