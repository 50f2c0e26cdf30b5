"""`tiaas lab ksr` and `tiaas admin updates` at a running lab of profile hsk: told, and nothing is blocked."""

import json
from pathlib import Path

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


@pytest.mark.code(4242)
@pytest.mark.requirement("TIP1-A_6018", "TIP1-A_6019")
def test_packages_of_a_fachmodul_are_listed_and_loaded(lab: LabProcess) -> None:
    assert lab.tiaas("admin", "updates", "fachmodul", "VSDM").stdout == "the KSR offers nothing for VSDM\n"
    made = json.loads(lab.tiaas("lab", "ksr", "1.1.0", "--for", "fachmodul", "--json").stdout)
    large = lab.tiaas("lab", "ksr", "1.2.0", "--for", "fachmodul", "--octets", "26214401", "--json")
    assert large.returncode == 0, large.stderr
    listed = lab.tiaas("admin", "updates", "fachmodul", "VSDM").stdout.splitlines()
    assert [line.split()[1:3] for line in listed[1:]] == [["1.2.0", "yes"], ["1.1.0", "yes"]]
    loaded = lab.tiaas("admin", "updates", "fachmodul", "VSDM", "--load", made["update_id"])
    assert loaded.returncode == 0, loaded.stderr
    assert "VSDM_1_1_0.bin, 21 octets" in loaded.stdout
    refused = lab.tiaas("admin", "updates", "fachmodul", "VSDM", "--load", json.loads(large.stdout)["update_id"])
    assert refused.returncode == 3
    assert "4242 Der Download des Pakets vom KSR ist fehlgeschlagen. Das Paket ist größer als 25MB." in refused.stderr
    assert "there is no Fachmodul X" in lab.tiaas("admin", "updates", "fachmodul", "X").stderr
    assert lab.tiaas("admin", "updates", "fachmodul").returncode == 2
    assert lab.tiaas("admin", "updates", "check", "--load", "1").returncode == 2
    assert lab.tiaas("lab", "ksr", "1.3.0", "--octets", "5").returncode == 2
    assert lab.tiaas("lab", "ksr", "--clear").returncode == 0


@pytest.mark.code(4198)
@pytest.mark.requirement("A_22571")
def test_networks_are_told_of_and_chosen(lab: LabProcess, tmp_path: Path) -> None:
    """An HSK keeps the list, and routes none of it."""
    there = json.loads(lab.tiaas("lab", "networks", "--json").stdout)
    file = tmp_path / "networks.json"
    file.write_text(json.dumps({**there, "version": "1.0.1"}))
    put = lab.tiaas("lab", "networks", str(file))
    assert put.returncode == 0, put.stderr
    assert put.stdout.startswith("Bestandsnetze.xml 1.0.1\n")
    checked = lab.tiaas("admin", "networks", "check")
    assert checked.returncode == 0, checked.stderr
    assert [line.split()[:2] for line in checked.stdout.splitlines()[1:]] == [["TIAAS-1", "yes"], ["TIAAS-2", "yes"]]
    assert lab.tiaas("admin", "networks", "deactivate", "TIAAS-1").returncode == 0
    assert "no such network" in lab.tiaas("admin", "networks", "deactivate", "TIAAS-9").stderr
    assert lab.tiaas("admin", "networks", "deactivate").returncode == 2
    overview = json.loads(lab.tiaas("admin", "networks", "leave-new", "--json").stdout)
    assert (overview["version"], overview["activate_new"], overview["routes"]) == ("1.0.1", False, [])
    assert [network["is_active"] for network in overview["networks"]] == [False, True]
    assert lab.tiaas("lab", "fault", "ksr", "--code", "networks-unsigned").returncode == 0
    failed = lab.tiaas("admin", "networks", "check")
    assert failed.returncode == 1
    assert "4198 Bestandsnetze.xml.p7s: HTTP status 404" in failed.stderr
    assert lab.tiaas("lab", "networks", "--restore").stdout.startswith("Bestandsnetze.xml 1.0.0\n")
    refused = lab.tiaas("admin", "registration")
    assert refused.returncode == 3
    assert "a Highspeed-Konnektor does not register at a VPN-Zugangsdienst" in refused.stderr
