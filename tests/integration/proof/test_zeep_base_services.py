"""CardTerminalService, CertificateService, KVKService and CardService 8.2 of a running lab.

They are driven by gematik's own WSDLs through zeep, by `tiaas.client` and by the verbs.
"""

import json
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import zeep.exceptions
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.hand import Hand
from tests.integration.proof.test_zeep import Practice, pem_of_p12, session_with
from tiaas.card.kvk import KvkField, decode_kvk_untrusted
from tiaas.client import connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.certificate_service_v6_0 import Crypt, VerificationResult

EGK_SLOT = 1


@pytest.fixture(scope="module")
def practice(api: Path, lab: LabProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    ready = lab.ready
    with session_with(ready, pem_of_p12(ready, tmp_path_factory.mktemp("p12"))) as session:
        yield Practice(api, ready, session)


def place(lab: LabProcess, slot: int = EGK_SLOT) -> dict[str, Any]:
    return {"CtId": lab.ready["terminals"][0]["ct_id"], "SlotId": slot}


def egk(lab: LabProcess) -> str:
    return str(lab.ready["cards"]["egk"][0]["iccsn"])


@pytest.mark.requirement("TIP1-A_5412", "TIP1-A_5413")
@pytest.mark.requirement("TIP1-A_5411-02")
def test_request_and_eject_card(practice: Practice, lab: LabProcess, hand: Hand) -> None:
    service = practice.service("CardTerminalService")
    answer = service.RequestCard(Context=practice.context, Slot=place(lab), CardType="EGK", TimeOut=5)
    practice.check("CardTerminalService")
    assert (answer.AlreadyInserted, answer.Card.Iccsn) == (True, egk(lab))
    taking = threading.Timer(0.5, hand.eject, [EGK_SLOT])
    taking.start()
    service.EjectCard(Context=practice.context, CardHandle=answer.Card.CardHandle, DisplayMsg="Danke", TimeOut=10_000)
    practice.check("CardTerminalService")
    giving = threading.Timer(0.5, hand.insert, [EGK_SLOT, egk(lab)])
    giving.start()
    again = service.RequestCard(Context=practice.context, Slot=place(lab), CardType="EGK", TimeOut=10)
    practice.check("CardTerminalService")
    giving.join()
    assert again.AlreadyInserted is False
    assert again.Card.CardHandle != answer.Card.CardHandle
    with pytest.raises(zeep.exceptions.Fault):
        service.RequestCard(Context=practice.context, Slot=place(lab, 9))
    assert [trace.findtext("{*}Code") for trace in practice.check_fault()] == ["4097"]


def test_check_and_verify_certificates(practice: Practice, lab: LabProcess) -> None:
    service = practice.service("CertificateService")
    answer = service.CheckCertificateExpiration(Context=practice.context, Crypt="ECC")
    practice.check("CertificateService")
    assert answer.Status.Result == "OK"
    own, *others = answer.CertificateExpiration
    assert (own.CtID or "", own.CardHandle or "") == ("", "")
    assert len(others) == 3
    assert all(entry.validity > datetime.now(UTC).date() for entry in others)
    certificate = practice.certificate(practice.handle("SMC-B"), "C.AUT", Crypt="ECC")
    der = certificate.public_bytes(Encoding.DER)
    verified = service.VerifyCertificate(Context=practice.context, X509Certificate=der)
    practice.check("CertificateService")
    assert verified.VerificationStatus.VerificationResult == "VALID"
    past = datetime(2001, 1, 1, tzinfo=UTC)
    invalid = service.VerifyCertificate(Context=practice.context, X509Certificate=der, VerificationTime=past)
    practice.check("CertificateService")
    assert invalid.VerificationStatus.VerificationResult == "INVALID"


def test_read_kvk(practice: Practice, lab: LabProcess, hand: Hand) -> None:
    """Whatever the soapAction says: the body's name decides (pitfall 1)."""
    hand.eject(EGK_SLOT)
    lab.tiaas("card", "insert-kvk", "--terminal", place(lab)["CtId"], "--slot", str(EGK_SLOT))
    deadline = time.monotonic() + 20
    while "KVK" not in practice.cards():
        assert time.monotonic() < deadline
    answer = practice.service("KVKService").ReadKVK(KVKHandle=practice.handle("KVK"), Context=practice.context)
    practice.check("KVKService")
    # With one part in its sequence zeep gives the part itself.
    assert decode_kvk_untrusted(answer).fields[KvkField.FAMILIENNAME] == "Musterfrau"
    hand.eject(EGK_SLOT)
    hand.insert(EGK_SLOT, egk(lab))
    while "EGK" not in practice.cards():
        assert time.monotonic() < deadline


def test_card_sessions(practice: Practice, lab: LabProcess) -> None:
    service = practice.service("CardService/8.2")
    started = service.StartCardSession(Context=practice.context, CardHandle=practice.handle("EGK"))
    practice.check("CardService/8.2")
    signed = lab.tiaas("popp", "sign", started.SessionId, "--step", "00A4040C07D2760001448000").stdout.strip()
    answer = service.SecureSendAPDU(SignedScenario=signed)
    practice.check("CardService/8.2")
    assert answer.SignedScenarioResponse.ResponseApduList.ResponseApdu == ["9000"]
    service.StopCardSession(SessionId=started.SessionId)
    practice.check("CardService/8.2")
    with pytest.raises(zeep.exceptions.Fault):
        service.StopCardSession(SessionId=started.SessionId)
    assert [trace.findtext("{*}Code") for trace in practice.check_fault()] == ["4232"]
    status = service.GetPinStatus(Context=practice.context, CardHandle=practice.handle("SMC-B"), PinTyp="PIN.SMC")
    practice.check("CardService/8.2")
    assert status.PinStatus == "VERIFIED"


async def test_the_client(lab: LabProcess) -> None:
    """The same through `tiaas.client`, without the official files."""
    ct_id = lab.ready["terminals"][0]["ct_id"]
    async with connect(load_kon(Path(lab.ready["kon_file"]), os.environ)) as konnektor:
        found = await konnektor.request_card(ct_id, EGK_SLOT, CardType.EGK, seconds=5)
        assert found.already_inserted
        ends = await konnektor.check_certificate_expiration(crypt=Crypt.ECC)
        assert ends.warning == ()
        (smcb,) = await konnektor.get_cards(CardType.SMC_B)
        (named,) = (await konnektor.check_certificate_expiration(smcb.card_handle)).certificates
        assert named.iccsn == smcb.iccsn
        verdict = await konnektor.verify_certificate(_own(lab))
        assert verdict.result is VerificationResult.INVALID
        session = await konnektor.start_card_session(found.card.card_handle)
        await konnektor.stop_card_session(session)


def _own(lab: LabProcess) -> bytes:
    """A certificate that no trust list knows: the client's own."""
    pem = Path(lab.ready["client"]["cert"]).read_bytes()
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def test_the_verbs(lab: LabProcess) -> None:
    ct_id = lab.ready["terminals"][0]["ct_id"]
    found = json.loads(lab.tiaas("slot", "request", "--terminal", ct_id, "--slot", "1", "--json").stdout)
    assert (found["already_inserted"], found["iccsn"]) == (True, egk(lab))
    assert "C.SMKT" not in lab.tiaas("certificate", "check", "--crypt", "ECC").stdout
    verified = lab.tiaas("certificate", "verify", lab.ready["client"]["cert"])
    assert (verified.returncode, verified.stdout.split()[0]) == (1, "INVALID")
    ran = lab.tiaas("popp", "run")
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.split() == ["9000", f"5A0A{egk(lab)}9000"]
