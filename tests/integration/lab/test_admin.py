"""`tiaas admin` against a lab: an instance is looked at, saved, and a further one made and deleted."""

import json
import stat
import time
from pathlib import Path

import pytest
from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tests.ports import free_port

OPERATING_DATA = "http://ws.gematik.de/conn/OperatingData/v1.1"
OPERATING_DATA_XSD = Path(__file__).parents[3].parent / "shared" / "gematik-api" / "conn" / "OperatingData.xsd"


def test_an_instance_is_looked_at_and_its_configuration_saved(lab: LabProcess, tmp_path: Path) -> None:
    state = json.loads(lab.tiaas("admin", "state", "--json").stdout)
    assert (state["name"], state["conditions"]) == ("praxis-1", [])
    assert "SMC-B" in lab.tiaas("admin", "cards", "--practice", "2").stdout
    made = lab.tiaas("admin", "make-certificate", "pvs-1", str(tmp_path / "c.p12"))
    assert made.returncode == 0, made.stderr
    assert stat.S_IMODE((tmp_path / "c.p12.password").stat().st_mode) == 0o600
    assert (tmp_path / "c.p12.password").read_text() not in made.stdout + made.stderr
    file = tmp_path / "a.config"
    assert lab.tiaas("admin", "export", str(file)).returncode == 0
    shown = lab.tiaas("admin", "import", str(file), "--passphrase-file", f"{file}.passphrase")
    assert "take it with --yes" in shown.stdout, shown.stderr
    assert "terminal activate" not in shown.stdout
    smcb = lab.ready["cards"]["smcb"][0]["iccsn"]
    place = ("--mandant", "mandant-1", "--workplace", "arbeitsplatz-1")
    assert "VERIFIED" in lab.tiaas("admin", "pin", "status", smcb, *place).stdout
    assert "OK" in lab.tiaas("admin", "pin", "verify", smcb, *place).stdout
    assert "OK" in lab.tiaas("admin", "pin", "unblock", smcb, *place).stdout
    uses = {
        each["use"] for each in json.loads(lab.tiaas("admin", "call", "GET", "/certificates").stdout)["certificates"]
    }
    assert uses == {"server", "SAK", "client", "terminal", "card"}


@pytest.mark.requirement("A_21137", "A_21225", "A_21140")
def test_operating_data_follow_the_schema_and_tell_nothing_of_persons(lab: LabProcess) -> None:
    text = lab.tiaas("admin", "operating-data").stdout
    data = etree.fromstring(text.encode())
    names = {"o": OPERATING_DATA, "c": "http://ws.gematik.de/conn/ConnectorCommon/v5.0"}

    def found(path: str) -> list[str]:
        return [each.text or "" for each in data.iterfind(path, names)]

    # A_21225: all that the instance knows, and nothing that is another's to fill.
    assert {etree.QName(child).localname for child in data} == {
        "ProductInformation", "Configuration", "Connector", "TrustStatus", "CardTerminals"
    }  # fmt: skip
    mode = data.find("o:Configuration/o:ClientConnectionMode", names)
    assert mode is not None
    assert [each.text for each in mode.iter() if not len(each)] == [
        "true", "true", "CERTIFICATE", "true", "SELFSIGNED", "ECC-NIST", "256"
    ]  # fmt: skip
    assert (
        len(found("o:TrustStatus/o:TSL/o:SequenceNumber")) == len(found("o:TrustStatus/o:BNetzA_VL/o:NextUpdate")) == 1
    )
    terminals = lab.ready["instances"][0]["terminals"]
    assert len(found("o:CardTerminals/o:CardTerminal")) == len(terminals)
    assert all(len(iccsn) == 20 for iccsn in found(".//o:ICCSN"))
    conditions = found(".//c:ErrorCondition")
    assert "EC_CardTerminal_Not_Available" in conditions
    # A_21140: no card of a person or an institution, no terminal by its name; a gSMC-KT is a device.
    inserted = json.loads(lab.tiaas("admin", "cards", "--json").stdout)["cards"]
    cards = [card for card in inserted if card["card_type"] != "SMC-KT"]
    told = [card[key] for card in cards for key in ("iccsn", "holder", "card_handle") if card[key]]
    assert told
    assert not [each for each in (*told, *(terminal["ct_id"] for terminal in terminals)) if each in text]
    if not OPERATING_DATA_XSD.is_file():
        pytest.skip("the official OperatingData.xsd is not in ../shared")
    etree.XMLSchema(etree.parse(OPERATING_DATA_XSD)).assertValid(data)


@pytest.mark.requirement("TIP1-A_4704")
def test_the_certificates_of_all_cards_are_read(lab: LabProcess) -> None:
    found = json.loads(lab.tiaas("admin", "expiry", "--json").stdout)
    inserted = json.loads(lab.tiaas("admin", "cards", "--json").stdout)["cards"]
    with_one = [card for card in inserted if card["card_type"] not in ("KVK", "UNKNOWN")]
    assert (found["cards"], found["unread"], found["expiring"]) == (len(with_one), [], [])
    assert found["certificates"] > len(with_one)
    assert "0 have ended or end within 90 days" in lab.tiaas("admin", "expiry").stdout


@pytest.mark.requirement("TIP1-A_5011")
def test_an_imported_configuration_names_the_terminals_to_be_activated(lab: LabProcess, tmp_path: Path) -> None:
    file = tmp_path / "a.config"
    assert lab.tiaas("admin", "export", str(file), "--practice", "2").returncode == 0
    taken = lab.tiaas(
        "admin", "import", str(file), "--passphrase-file", f"{file}.passphrase", "--yes", "--practice", "2"
    )
    (ct,) = [each["ct_id"] for each in lab.ready["instances"][1]["terminals"]]
    assert f"tiaas admin terminal activate {ct}" in taken.stdout, taken.stderr
    until = time.monotonic() + 30
    while lab.tiaas("admin", "terminal", "activate", ct, "--practice", "2").returncode and time.monotonic() < until:
        time.sleep(0.2)
    assert "aktiv" in lab.tiaas("admin", "terminal", "show", ct, "--practice", "2").stdout


def test_what_an_administrator_of_terminals_is_told(lab: LabProcess) -> None:
    refused = lab.tiaas("admin", "terminal", "pair", "CT-1")
    assert "CT-1 is aktiv already" in refused.stderr
    assert "deactivate it, then unpair it" in refused.stderr
    assert "no broadcast crosses a VPN, so give addresses" in lab.tiaas("admin", "terminal", "discover").stderr


def test_a_refusal_says_what_to_do(lab: LabProcess) -> None:
    refused = lab.tiaas("admin", "call", "PUT", "/infomodel/cs-ap/mandant-1/pvs-1/unknown")
    assert refused.returncode == 3
    assert "a relation joins entities that exist" in refused.stderr
    assert "change or remove what it contradicts first" in refused.stderr


@pytest.mark.parametrize(
    ("words", "told", "hint"),
    [
        (("GET", "/log"), "no such path", "the node has this path: call --base"),
        (("--base", "GET", "/terminals?x=1"), "no such path", "an instance has this path: call without --base"),
        (("GET", "log"), "no such path", "the node has this path: call --base"),
        (("GET", "/nothing"), "no such path", "GET /openapi.json has all paths"),
        (("--base", "GET", "/instances/none"), "no such instance", "list what there is"),
    ],
)
def test_a_path_of_the_other_interface_is_told_so(
    lab: LabProcess, words: tuple[str, ...], told: str, hint: str
) -> None:
    refused = lab.tiaas("admin", "call", *words)
    assert refused.returncode == 3
    assert f"there is {told}\ntiaas: what to do: {hint}" in refused.stderr


@pytest.mark.requirement("TIP1-A_4820-02")
def test_a_further_instance_is_made_and_deleted(lab: LabProcess, tmp_path: Path) -> None:
    port, admin_port = str(free_port()), str(free_port())
    out = str(tmp_path / "x")
    made = lab.tiaas(
        *("admin", "create-instance", "praxis-x", "--listen", "127.0.0.1"),
        *("--port", port, "--admin-port", admin_port, "--out", out),
    )
    assert made.returncode == 0, made.stderr
    access = ("--url", f"https://127.0.0.1:{admin_port}", "--ca", f"{out}/ca.pem", "--token-file", f"{out}/token")
    assert json.loads(lab.tiaas("admin", "state", "--json", *access).stdout)["name"] == "praxis-x"
    assert lab.tiaas("admin", "delete-instance", "order", "praxis-x").returncode == 0
    assert lab.tiaas("admin", "delete-instance", "execute", "praxis-x", "--confirm", "praxis-x").returncode == 0
    assert "praxis-x" not in lab.tiaas("admin", "instances").stdout
    assert lab.tiaas("admin", "delete-instance", "order", "praxis-1").returncode == 3
