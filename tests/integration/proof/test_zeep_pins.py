"""All PIN operations of CardService by gematik's WSDLs of every version, against a running lab; and by `tiaas pin`."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zeep
from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import GERROR, Caller
from tests.integration.proof.hand import Hand
from tests.integration.proof.test_zeep import Practice, pem_of_p12, session_with

VERSIONS = {
    "8.1.0": ("CardService.wsdl", "CardService.xsd"),
    "8.1.1": ("CardService_v8_1_1.wsdl", "CardService_v8_1_1.xsd"),
    "8.1.2": ("CardService_v8_1_2.wsdl", "CardService_v8_1_3.xsd"),
}
NEW = "24681357"


class Cards:
    """CardService of one version: the answers are read by zeep and validated with that version's XSD."""

    def __init__(self, practice: Practice, version: str, endpoint: str) -> None:
        wsdl, xsd = VERSIONS[version]
        settings = zeep.Settings(strict=True, forbid_entities=False)
        client: Any = zeep.Client(str(practice.api / "conn" / wsdl), transport=practice.wire, settings=settings)  # type: ignore[no-untyped-call]
        (binding,) = client.wsdl.bindings
        self.proxy = client.create_service(binding, endpoint)
        self.practice = practice
        self.schema = etree.XMLSchema(etree.parse(practice.api / "conn" / xsd))

    def __call__(self, operation: str, handle: str, pin: str, **more: object) -> Any:
        arguments = {"Context": self.practice.context, "CardHandle": handle, "PinTyp": pin, **more}
        answer = getattr(self.proxy, operation)(**arguments)
        last = self.practice.wire.last
        assert last is not None
        (body,) = etree.fromstring(last.content).findall("{http://schemas.xmlsoap.org/soap/envelope/}Body/*")
        self.schema.assertValid(body)
        return answer


@pytest.fixture(scope="module")
def practice(api: Path, lab: LabProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    with session_with(lab.ready, pem_of_p12(lab.ready, tmp_path_factory.mktemp("p12"))) as session:
        yield Practice(api, lab.ready, session)


def cards_of(practice: Practice, lab: LabProcess, version: str) -> Cards:
    with Caller(lab.ready) as caller:
        return Cards(practice, version, caller.endpoints()["CardService", version])


def pin_in_force(lab: LabProcess, kind: str, name: str) -> str:
    return str(lab.ready["cards"][kind][0]["pins"][name])


@pytest.mark.requirement("TIP1-A_4586-03", "TIP1-A_4587", "TIP1-A_4588", "TIP1-A_4589", "TIP1-A_4590")
@pytest.mark.code(4049, 4067)
@pytest.mark.parametrize("version", VERSIONS)
def test_pins_of_an_hba(practice: Practice, lab: LabProcess, hand: Hand, version: str) -> None:
    """Changed, blocked, unblocked, and given back as it was."""
    cards = cards_of(practice, lab, version)
    hba = practice.handle("HBA")
    first = pin_in_force(lab, "hba", "PIN.CH")
    hand.knows(new_pin=NEW, repeat_pin="24681358")
    with pytest.raises(zeep.exceptions.Fault):
        cards("ChangePin", hba, "PIN.CH")
    assert practice.check_fault()[-1].findtext(f"{GERROR}Code") == "4067"
    hand.fault(service="keypad", code="cancel")
    with pytest.raises(zeep.exceptions.Fault):
        cards("ChangePin", hba, "PIN.CH")
    assert practice.check_fault()[-1].findtext(f"{GERROR}Code") == "4049"
    hand.knows(new_pin=NEW)
    assert cards("ChangePin", hba, "PIN.CH").PinResult == "OK"
    assert pin_in_force(lab, "hba", "PIN.CH") == NEW
    hand.fault(service="keypad", code="wrong", times=3)
    results = [cards("VerifyPin", hba, "PIN.CH") for _ in range(4)]
    assert [answer.PinResult for answer in results] == ["REJECTED", "REJECTED", "NOWBLOCKED", "WASBLOCKED"]
    assert [answer.LeftTries for answer in results] == [2, 1, None, None]
    assert cards("GetPinStatus", hba, "PIN.CH").PinStatus == "BLOCKED"
    assert cards("UnblockPin", hba, "PIN.CH", SetNewPin=False).PinResult == "OK"
    hand.knows(new_pin=first)
    assert cards("ChangePin", hba, "PIN.CH").PinResult == "OK"
    assert cards("VerifyPin", hba, "PIN.CH").PinResult == "OK"
    assert pin_in_force(lab, "hba", "PIN.CH") == first


@pytest.mark.requirement("TIP1-A_5487", "TIP1-A_5488")
def test_protection_of_a_health_card(practice: Practice, lab: LabProcess, hand: Hand) -> None:
    cards = cards_of(practice, lab, "8.1.2")
    egk = practice.handle("EGK")
    assert cards("DisablePin", egk, "MRPIN.GDD").PinResult == "OK"
    assert cards("GetPinStatus", egk, "MRPIN.GDD").PinStatus == "DISABLED"
    assert cards("EnablePin", egk, "MRPIN.GDD").PinResult == "OK"
    assert cards("GetPinStatus", egk, "MRPIN.GDD").PinStatus == "VERIFIABLE"


def test_the_command_line(lab: LabProcess, hand: Hand) -> None:
    first = pin_in_force(lab, "egk", "PIN.CH")
    hand.knows(new_pin=NEW)
    iccsn = lab.ready["cards"]["egk"][0]["iccsn"]
    changed = lab.tiaas("pin", "change", "PIN.CH", "--card", iccsn)
    assert (changed.returncode, changed.stdout) == (0, "PIN.CH of EGK in CT-1 slot 1: changed\n")
    hand.knows(new_pin=first)
    assert lab.tiaas("pin", "change", "PIN.CH", "--card", iccsn).returncode == 0
    unblocked = lab.tiaas("pin", "unblock", "MRPIN.AMTS")
    assert unblocked.returncode == 0
    assert unblocked.stdout.startswith("MRPIN.AMTS of EGK in CT-1 slot 1: was not blocked")
    assert (
        lab.tiaas("pin", "status", "PIN.CH", "--card", iccsn).stdout
        == "PIN.CH of EGK in CT-1 slot 1: not verified, 3 tries left\n"
    )


def test_a_holder_who_was_told_nothing_chooses_a_new_pin(lab: LabProcess, hand: Hand) -> None:
    hand.policy("auto")
    before = lab.ready["cards"]["smcb"][0]["pins"]["PIN.SMC"]
    changed = lab.tiaas("pin", "change", "PIN.SMC")
    assert (changed.returncode, changed.stdout) == (0, "PIN.SMC of SMC-B in CT-1 slot 2: changed\n"), changed.stderr
    after = lab.ready["cards"]["smcb"][0]["pins"]["PIN.SMC"]
    assert after != before
    assert len(after) == 6
    assert lab.tiaas("pin", "verify", "PIN.SMC").stdout == "PIN.SMC of SMC-B in CT-1 slot 2: verified\n"
