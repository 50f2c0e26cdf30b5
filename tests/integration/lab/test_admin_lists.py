"""Trust lists, cards and PIN.SMC through the management interface of a lab (gemSpec_Kon V5.18 §4.1.5.6, §4.1.9.6)."""

import base64
import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.hand import Hand


def shown(lab: LabProcess, path: str) -> Any:
    done = lab.tiaas("admin", "call", "GET", path)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def download(lab: LabProcess, url: str) -> bytes:
    """Of the BNetzA-VL by whoever trusts the lab's CAs."""
    trusted = urllib.request.HTTPSHandler(context=ssl.create_default_context(cafile=lab.ready["lab"]["ca_bundle"]))
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), trusted)
    with opener.open(url, timeout=60) as answer:
        content: bytes = answer.read()
        return content


@pytest.mark.requirement("TIP1-A_6733", "A_23274", "TIP1-A_4705", "TIP1-A_6728")
@pytest.mark.code(4128, 4129)
def test_lists_are_shown_fetched_and_imported_by_hand(lab: LabProcess, tmp_path: Path) -> None:
    before = shown(lab, "/trust")
    for name in ("tsl", "bnetza"):
        held = before[name]
        assert held["sequence_number"] > 0
        assert held["next_update"] > held["issued"]
        assert held["last_succeeded"]
    assert lab.tiaas("lab", "tsl", "renew", "--dir", str(lab.folder)).returncode == 0
    fetched = lab.tiaas("admin", "trust", "refresh")
    assert "tsl: fetched" in fetched.stderr
    assert "bnetza: fetched" in fetched.stderr
    after = shown(lab, "/trust")
    for name in ("tsl", "bnetza"):
        assert after[name]["sequence_number"] > before[name]["sequence_number"]
        assert after[name]["last_attempt"] > before[name]["last_attempt"]
    assert after["tsl_service"]["code"] is None, "hash and BNetzA-VL came over TLS, and the service was the right one"
    urls = {name: lab.ready["lab"][name] for name in ("tsl", "bnetza")}
    assert urls["bnetza"].startswith("https://")
    for name, code in (("tsl", "4128"), ("bnetza", "4129")):
        body = tmp_path / f"{name}.json"
        for document, is_taken in ((download(lab, urls[name]), True), (b"<x", False)):
            body.write_text(json.dumps({"document": base64.b64encode(document).decode()}))
            done = lab.tiaas("admin", "call", "POST", f"/trust/{name}/import", "--body", str(body))
            assert (done.returncode == 0) is is_taken, done.stderr
            assert (code in done.stderr) is not is_taken
    assert shown(lab, "/trust")["tsl"]["sequence_number"] == after["tsl"]["sequence_number"]


def test_a_list_that_is_not_fetched_is_exit_code_1(lab: LabProcess) -> None:
    """Also if the other one was; with --json the same."""
    hand = Hand(lab.ready)
    hand.fault(service="tsl", http=503, times=0)
    try:
        for more in ((), ("--json",)):
            refused = lab.tiaas("admin", "trust", "refresh", *more)
            assert refused.returncode == 1, refused.stderr
            assert "tsl: not fetched; see the reason below" in refused.stderr
            assert "bnetza: fetched" in refused.stderr
            assert not more or json.loads(refused.stdout)["tsl"]["last_reason"]
    finally:
        hand.end_faults("tsl")
    assert lab.tiaas("admin", "trust", "refresh").returncode == 0


@pytest.mark.requirement("TIP1-A_5110", "TIP1-A_5111", "TIP1-A_4704")
def test_cards_are_listed_with_their_end_and_pin_smc_is_changed(lab: LabProcess) -> None:
    cards = shown(lab, "/cards")["cards"]
    inserted = [card for kind in lab.ready["cards"].values() for card in kind if card["in"] is not None]
    assert {card["iccsn"] for card in inserted} <= {card["iccsn"] for card in cards}
    smcb = lab.ready["cards"]["smcb"][0]
    (entry,) = [card for card in cards if card["iccsn"] == smcb["iccsn"]]
    assert (entry["card_type"], entry["ct_id"], entry["slot"]) == ("SMC-B", smcb["in"]["ct_id"], smcb["in"]["slot"])
    assert entry["card_handle"]
    assert entry["holder"].startswith(smcb["holder"])
    of_cards = [each for each in shown(lab, "/certificates")["certificates"] if each["use"] == "card"]
    assert entry["card_handle"] in {each["where"] for each in of_cards}
    assert all(each["days_left"] > 0 for each in of_cards)
    place = ("--mandant", "mandant-1", "--workplace", "arbeitsplatz-1")
    Hand(lab.ready).knows(new_pin="75310246")
    for what in ("change", "verify", "unblock"):
        assert "OK" in lab.tiaas("admin", "pin", what, smcb["iccsn"], *place).stdout
