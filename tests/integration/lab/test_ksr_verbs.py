"""`tiaas lab ksr` and `tiaas admin updates` at a running lab of profile hsk: told, and nothing is blocked."""

import json

import pytest
from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tiaas.client.errorhelp import Language, all_help

OPD = "{http://ws.gematik.de/conn/OperatingData/v1.1}"


def _states(lab: LabProcess) -> set[str]:
    shown = json.loads(lab.tiaas("admin", "state", "--json").stdout)
    return {condition["name"] for condition in shown["conditions"]}


@pytest.mark.event("OPERATIONAL_STATE/EC_Connector_Software_Out_Of_Date", "OPERATIONAL_STATE/EC_FW_Update_Available")
@pytest.mark.requirement("TIP1-A_4837", "TIP1-A_4838", "TIP1-A_6026", "TIP1-A_6025", "TIP1-A_4835-02", "TIP1-A_4509")
def test_firmware_is_offered_and_an_hsk_only_tells_of_it(lab: LabProcess) -> None:
    url = "https://hersteller.example/9.9.9.zip"
    made = lab.tiaas("lab", "ksr", "9.9.9", "--critical", "--deadline", "2020-01-01", "--notes", url, "--json")
    assert made.returncode == 0, made.stderr
    package = json.loads(made.stdout)
    assert package["update_id"] in lab.tiaas("lab", "ksr").stdout
    checked = lab.tiaas("admin", "updates", "check")
    assert checked.returncode == 0, checked.stderr
    row = next(line for line in checked.stdout.splitlines() if line.startswith("Konnektor"))
    assert row.split() == ["Konnektor", "0.1.0", "9.9.9", "yes", "Kritisch", "2020-01-01", url]
    assert _states(lab) == {"EC_Connector_Software_Out_Of_Date", "EC_FW_Update_Available"}
    overview = json.loads(lab.tiaas("admin", "updates", "--json").stdout)
    assert overview["ksr_url"].startswith("https://127.0.0.1:")
    assert [device["device"] for device in overview["devices"]] == ["Konnektor", "CT-1"]
    assert overview["devices"][0]["has_newer"]
    assert not overview["devices"][1]["has_newer"]
    mode = etree.fromstring(lab.tiaas("admin", "operating-data").stdout.encode()).find(f".//{OPD}UpdateMode")
    assert mode is not None
    assert [each.text for each in mode] == ["true", "true"]
    reached = json.loads(lab.tiaas("admin", "central-systems", "--json").stdout)["systems"]
    assert [each["is_reachable"] for each in reached if each["system"] == "KSR"] == [True]
    gone = lab.tiaas("lab", "ksr", "--withdraw", package["update_id"])
    assert gone.returncode == 0, gone.stderr
    assert lab.tiaas("lab", "fault", "ksr", "--code", "fault").returncode == 0
    failed = lab.tiaas("admin", "updates", "check")
    assert failed.returncode == 1
    assert "4190" in failed.stderr
    assert f"what to do: {all_help(Language.ENGLISH)[4190].remedy}\n" in failed.stderr
    assert "tiaas explain 4190" in failed.stderr
    assert "EC_Connector_Software_Out_Of_Date" in _states(lab), "what was told counts until the KSR tells otherwise"
    assert "offers nothing" in lab.tiaas("admin", "updates", "check").stdout
    assert _states(lab) == set()
