"""The verbs for documents with a lab that `tiaas up` started: files in, files out, real cards, terminals and PINs."""

import json
import signal
import subprocess
import sys
import time
from base64 import b64decode, urlsafe_b64decode
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509 import load_der_x509_certificate

from tests import pdfmaker
from tests.foreignca import ForeignCa, rsa_key
from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.hand import Hand
from tiaas.ades.found import Integrity
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.cli.entry import main

Run = Callable[..., int]
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Bundle xmlns="http://hl7.org/fhir"><id value="1"/></Bundle>'


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("documents") / "lab", "--ecc-only", "--patients", "2") as process:
        yield process
        process.stop()


@pytest.fixture
def run(lab: LabProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.chdir(tmp_path)
    kon = lab.ready["instances"][0]["kon_file"]
    Path("bundle.xml").write_text(_XML)
    Path("befund.pdf").write_bytes(pdfmaker.classic(pdfmaker.objects()))
    Path("brief.txt").write_text("Lieber Herr Kollege")
    return lambda *argv: main([*argv, "--kon", kon])


def test_signed_with_an_smc_b_and_verified(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sign", "bundle.xml", "befund.pdf", "brief.txt") == 0
    for name in ("bundle-signed.xml", "befund-signed.pdf", "brief.txt.p7s"):
        capsys.readouterr()
        assert run("verify", name) == 0, capsys.readouterr()
        assert "kind: not qualified" in capsys.readouterr().out
    assert run("sign", "bundle.xml", "befund.pdf", "brief.txt", "--resume") == 0
    assert "3 of 3 are signed already" in capsys.readouterr().err
    for name in ("befund.pdf", "brief.txt"):
        assert run("sign", "--qes", name, "--resume") == 2
        assert "no qualified signature" in capsys.readouterr().err


def test_what_was_changed_is_not_valid(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("sign", "befund.pdf", "brief.txt") == 0
    Path("brief.txt").write_text("Lieber Herr Kollege!")
    assert run("verify", "brief.txt.p7s") == 6
    Path("befund-signed.pdf").write_bytes(Path("befund-signed.pdf").read_bytes() + b"% more\n")
    assert run("verify", "befund-signed.pdf", "--report", "report.html") == 6
    assert "INVALID" in Path("report.html").read_text()
    capsys.readouterr()


def test_a_prescription_signed_with_the_hba(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The qualified signature of an E-Rezept: enveloping CAdES; the lab's doctor types PIN.QES."""
    assert run("sign", "--qes", "--type", "cades", "--enveloping", "bundle.xml") == 0
    said = capsys.readouterr().err
    assert "asks for PIN.QES, type it there" in said
    done = subprocess.run(
        ["openssl", "cms", "-verify", "-noverify", "-inform", "DER", "-in", "bundle.xml.p7m"], capture_output=True
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == _XML
    assert run("verify", "bundle.xml.p7m", "--json") == 0
    (found,) = json.loads(capsys.readouterr().out)
    assert found["result"] == "VALID"
    assert [each["is_qualified"] for each in found["signatures"]] == [True]
    assert run("sign", "--qes", "--type", "cades", "--enveloping", "bundle.xml", "--resume") == 0
    assert "1 of 1 are signed already" in capsys.readouterr().err
    assert run("sign", "--qes", "bundle.xml") == 3
    said = capsys.readouterr().err
    assert "4111" in said
    assert "--type cades" in said


def test_signatures_around_beside_and_upon_others(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """XAdES around its document, then parallel and counter signatures of what is signed already."""

    def count(name: str, *more: str) -> int:
        capsys.readouterr()
        assert run("verify", name, "--json", *more) == 0
        (found,) = json.loads(capsys.readouterr().out)
        assert found["result"] == "VALID"
        return len(found["signatures"])

    assert run("sign", "--type", "xades", "--enveloping", "bundle.xml", "-o", "around.xml") == 0
    around = Path("around.xml").read_bytes()
    assert b"http://hl7.org/fhir" in around
    assert [found.integrity for found in read_xades_untrusted(around)] == [Integrity.INTACT], "octets of the answer"
    assert count("around.xml") == 1
    assert run("sign", "bundle.xml", "brief.txt") == 0
    for update in ("parallel", "counter"):
        assert run("sign", f"--{update}", "bundle-signed.xml", "brief.txt.p7s") == 0
        assert count(f"bundle-signed-{update}.xml") == 2
        assert count(f"brief.txt-{update}.p7s", "--document", "brief.txt") == 2
        assert run("sign", f"--{update}", "bundle-signed.xml", "brief.txt.p7s", "--resume") == 0
    # The doctor beside the practice: he signs what is to be seen, so not what is beside.
    assert run("sign", "--qes", "--parallel", "brief.txt.p7s", "--mime", "text/plain", "--force") == 3
    assert "4110" in capsys.readouterr().err
    assert run("sign", "--enveloping", "brief.txt") == 0
    assert run("sign", "--qes", "--parallel", "brief.txt.p7m", "--mime", "text/plain") == 0
    assert count("brief.txt-parallel.p7m") == 2
    assert run("sign", "--qes", "--parallel", "brief.txt.p7m", "--mime", "text/plain", "--resume") == 0
    # Signed once more as if nothing were there: the first signature is of the document before.
    assert run("sign", "bundle-signed.xml") == 0
    capsys.readouterr()
    assert run("verify", "bundle-signed-signed.xml") == 6
    assert "4115" in capsys.readouterr().out


@pytest.mark.requirement("TIP1-A_5538")
def test_an_emergency_data_set_signed_under_its_policy(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The one XAdES of a QES: a part signed, the signature beside it in the document (TAB_KON_778)."""
    Path("nfd.xml").write_text(
        '<NFD_Document xmlns="urn:nfd"><Notfalldaten ID="I1"><x/></Notfalldaten><SignatureArzt/></NFD_Document>'
    )
    assert run("sign", "--qes", "--policy", "nfdm", "nfd.xml") == 0
    signed = Path("nfd-signed.xml").read_bytes()
    assert b"<SignatureArzt><ds:Signature" in signed
    assert b'URI="#I1"' in signed
    assert run("verify", "nfd-signed.xml") == 0
    Path("nfd-signed.xml").write_bytes(signed.replace(b"<x/>", b"<y/>"))
    assert run("verify", "nfd-signed.xml") == 6
    capsys.readouterr()
    for refused in (("bundle.xml", "--qes"), ("nfd.xml",), ("nfd.xml", "--qes", "--mime", "binary")):
        assert run("sign", "--policy", "nfdm", *refused, "--force") == 2
        assert "policy" in capsys.readouterr().err


@pytest.mark.requirement("A_19107", "A_19108", "A_19109-02")
def test_comfort_from_on_to_off(lab: LabProcess, run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """One PIN entry, two jobs without another; the session belongs to the userId that `on` made."""
    assert main(["admin", "parameters", "comfort_signature=true", "--dir", str(lab.folder)]) == 0
    assert "count from now on" in capsys.readouterr().err
    assert run("comfort", "on", "--json") == 0
    begun = json.loads(capsys.readouterr().out)
    user = begun["user_id"]
    assert (begun["status"], begun["mode"], begun["count_remaining"]) == ("ENABLED", "COMFORT", 100)
    for _ in range(2):
        assert run("sign", "--qes", "--type", "cades", "bundle.xml", "--user", user, "--force") == 0
    capsys.readouterr()
    assert run("comfort", "status", "--user", user, "--json") == 0
    assert json.loads(capsys.readouterr().out)["count_remaining"] == 98
    assert run("comfort", "status", "--user", user) == 0
    assert "98 signatures left, for 5 h 59 min" in capsys.readouterr().out
    assert run("comfort", "off") == 0
    assert run("comfort", "status", "--user", user) == 0
    assert "none" in capsys.readouterr().out
    assert main(["admin", "parameters", "comfort_signature=", "--dir", str(lab.folder)]) == 0
    assert run("comfort", "on", "--user", user) == 3
    assert "4263" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_job_is_stopped(
    lab: LabProcess, run: Run, capsys: pytest.CaptureFixture[str], number: signal.Signals
) -> None:
    """While the doctor is asked for PIN.QES: StopSignature, the answer 4049; then card and keypad are free."""
    hand = Hand(lab.ready)
    hand.policy("manual")
    command = [
        sys.executable,
        "-m",
        "tiaas",
        "sign",
        "--qes",
        "brief.txt",
        "--kon",
        lab.ready["instances"][0]["kon_file"],
    ]
    # A shell starts what runs in the background with Ctrl-C ignored.
    shell = ["/bin/sh", "-c", 'trap "" INT; exec "$@"', "sh"] if number is signal.SIGTERM else []
    with subprocess.Popen([*shell, *command], stderr=subprocess.PIPE, text=True, env=lab.environ) as child:
        _wait_until(lambda: bool(hand.display()["prompt"]))
        child.send_signal(number)
        assert child.stderr is not None
        said = child.stderr.read()
        assert child.wait() == 3
    assert "stopping job" in said
    assert "4049" in said
    assert not Path("brief.txt.p7s").exists()
    # The prompt at the terminal ends when its person does something; until then the card is taken.
    assert run("sign", "--qes", "brief.txt") == 3
    busy = capsys.readouterr().err
    assert "4093" in busy
    assert "ends by cancel there" in busy
    hand.press("cancel")
    hand.policy("auto")
    _wait_until(lambda: run("sign", "--qes", "brief.txt") == 0)


def test_a_wrong_pin_and_a_bad_document_of_a_stack(
    lab: LabProcess, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    fault = {"service": "keypad", "code": "wrong", "match": "PIN.QES", "times": 1}
    httpx.post(lab.ready["lab"]["faults"], json=fault, trust_env=False).raise_for_status()
    assert run("sign", "--qes", "brief.txt") == 3
    assert "the PIN.QES that was typed last was wrong: 2 tries left" in capsys.readouterr().err
    Path("plain.pdf").write_text("no PDF")
    assert run("sign", "--qes", "brief.txt", "plain.pdf", "befund.pdf", "-o", "signed/") == 3
    assert "tiaas: plain.pdf: error 4024" in capsys.readouterr().err
    assert not Path("signed").exists()
    assert run("sign", "--qes", "brief.txt", "befund.pdf", "-o", "signed/") == 0
    capsys.readouterr()


def test_encrypted_and_decrypted(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("get", "certificates", "--ref", "C.ENC", "--crypt", "ECC", "--pem") == 0
    Path("empfaenger.pem").write_text(capsys.readouterr().out)
    assert run("encrypt", "brief.txt", "bundle.xml", "--to", "empfaenger.pem") == 0
    assert b"Kollege" not in Path("brief.txt.p7m").read_bytes()
    assert run("decrypt", "brief.txt.p7m", "-o", "gelesen.txt") == 0
    assert Path("gelesen.txt").read_text() == "Lieber Herr Kollege"
    assert run("decrypt", "bundle-encrypted.xml", "-o", "gelesen.xml") == 0
    assert b"http://hl7.org/fhir" in Path("gelesen.xml").read_bytes()
    assert run("decrypt", "brief.txt", "-o", "nichts") == 3


@pytest.mark.requirement("TIP1-A_4616-03", "TIP1-A_5433")
def test_encrypted_for_somebody_outside_of_the_TI(
    lab: LabProcess, run: Run, capsys: pytest.CaptureFixture[str]
) -> None:
    """A CA that an administrator imports; OpenSSL reads what is encrypted for its holder."""
    foreign, key = ForeignCa(), rsa_key()
    Path("ca.der").write_bytes(foreign.der)
    holder = foreign.holder(key, "key_encipherment").public_bytes(Encoding.PEM)
    Path("fremd.pem").write_bytes(holder)
    Path("fremd.key").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert run("encrypt", "brief.txt", "--to", "fremd.pem") == 3
    assert "4105" in capsys.readouterr().err
    admin = ("admin", "imported-ca", "--dir", str(lab.folder), "--json")
    assert main([*admin, "add", "ca.der"]) == 0
    (held,) = json.loads(capsys.readouterr().out)["imported_cas"]
    assert run("encrypt", "brief.txt", "--to", "fremd.pem") == 0
    command = ["openssl", "cms", "-decrypt", "-inform", "DER", "-in", "brief.txt.p7m", "-inkey", "fremd.key"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout == "Lieber Herr Kollege", done.stderr
    # As programs print it: in pairs, in upper case.
    printed = bytes.fromhex(held["fingerprint"]).hex(":").upper()
    capsys.readouterr()
    assert main([*admin, "remove", printed]) == 0
    assert json.loads(capsys.readouterr().out)["imported_cas"] == []
    assert run("encrypt", "brief.txt", "--to", "fremd.pem", "--force") == 3
    assert main([*admin, "add"]) == 2


def test_a_challenge_signed_with_the_smc_b(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("challenge.txt").write_text("e30.e30.AA")
    assert run("authenticate", "--challenge", "challenge.txt") == 0
    head, payload, signature = capsys.readouterr().out.strip().split(".")
    certificate = load_der_x509_certificate(b64decode(json.loads(_octets(head))["x5c"][0]))
    raw = _octets(signature)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    der = encode_dss_signature(int.from_bytes(raw[:32]), int.from_bytes(raw[32:]))
    key.verify(der, f"{head}.{payload}".encode(), ec.ECDSA(SHA256()))


def _wait_until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("waited in vain")


def _octets(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
