"""GS-A_4595 … GS-A_4604, GS-A_5531: certificates of the lab as a foreign stack reads them (openssl)."""

import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.virtual.image import CardImage
from tiaas.lab.personalise import Personaliser
from tiaas.lab.pki import LabPki
from tiaas.lab.seed import load_seed
from tiaas.lab.signers import Signers
from tiaas.lab.signers import der as der_of
from tiaas.pki.oids import CertificateType, Role

CLOCK = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
SEED = load_seed()


def certificates(personaliser: Personaliser, image: CardImage) -> dict[str, bytes]:
    found = {}
    for path in object_system(image.kind).objects:
        is_x509 = "EF.C." in path and "CVC" not in path and ".CS." not in path
        if is_x509 and (path in image.files or personaliser.provide(image, path)):
            found[path.rpartition("/")[2]] = image.files[path]
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("profiles")
    pki = LabPki.create(SeededEntropy(b"openssl"), CLOCK)
    personaliser = Personaliser(pki, SEED, SeededEntropy(b"openssl"), CLOCK, ocsp_url="http://127.0.0.1:9/ocsp")
    (made / "bundle.pem").write_text(pki.ca_bundle_pem)
    cards = (
        personaliser.egk(SEED.patients[5]),
        personaliser.hba(SEED.professionals[0]),
        personaliser.smcb(SEED.institutions[0]),
        personaliser.gsmckt(1),
    )
    for card in cards:
        for name, der in certificates(personaliser, card.image).items():
            (made / f"{name}.pem").write_bytes(x509.load_der_x509_certificate(der).public_bytes(Encoding.PEM))
    return made


def openssl(folder: Path, *arguments: str) -> str:
    done = subprocess.run(["openssl", *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


NAMES = [
    *(f"EF.C.CH.{usage}.{kind}" for usage in ("AUT", "AUTN", "ENC", "ENCV") for kind in ("E256", "R2048")),
    *(f"EF.C.HP.{usage}.{kind}" for usage in ("AUT", "ENC", "QES") for kind in ("E256", "R2048")),
    *(f"EF.C.HCI.{usage}.{kind}" for usage in ("AUT", "ENC", "OSIG") for kind in ("E256", "R2048")),
    "EF.C.SMKT.AUT2.E256",
    "EF.C.SMKT.AUT.R2048",
]


def test_all_profiles_are_there(folder: Path) -> None:
    assert {path.stem for path in folder.glob("EF.*.pem")} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_chain_and_key(folder: Path, name: str) -> None:
    at = str(int(CLOCK.now().timestamp()))
    run = ("verify", "-x509_strict", "-attime", at, "-CAfile", "bundle.pem", f"{name}.pem")
    assert openssl(folder, *run) == f"{name}.pem: OK\n"
    shown = openssl(folder, "x509", "-in", f"{name}.pem", "-noout", "-text")
    assert ("ASN1 OID: brainpoolP256r1" in shown) is name.endswith("E256")
    assert ("Public-Key: (2048 bit)" in shown) is name.endswith("R2048")
    assert "CA:FALSE" in shown
    assert ("OCSP - URI:http://127.0.0.1:9/ocsp" in shown) is ("SMKT" not in name)


@pytest.mark.parametrize(
    ("name", "usage", "purposes", "kind"),
    [
        ("EF.C.CH.AUT.E256", "Digital Signature", "TLS Web Client Authentication", 70),
        ("EF.C.CH.AUT.R2048", "Digital Signature, Key Encipherment", "TLS Web Client Authentication", 70),
        ("EF.C.CH.AUTN.E256", "Digital Signature", "TLS Web Client Authentication", 71),
        ("EF.C.CH.ENC.E256", "Key Agreement", "", 68),
        ("EF.C.CH.ENC.R2048", "Key Encipherment, Data Encipherment", "", 68),
        ("EF.C.CH.ENCV.E256", "Key Agreement", "", 69),
        (
            "EF.C.HP.AUT.E256",
            "Digital Signature, Key Agreement",
            "TLS Web Client Authentication, E-mail Protection",
            75,
        ),
        ("EF.C.HP.ENC.E256", "Key Agreement", "", 74),
        ("EF.C.HP.QES.E256", "Non Repudiation", "", 72),
        ("EF.C.HCI.AUT.E256", "Digital Signature", "TLS Web Client Authentication", 77),
        ("EF.C.HCI.ENC.R2048", "Key Encipherment, Data Encipherment", "", 76),
        ("EF.C.HCI.OSIG.E256", "Non Repudiation", "", 78),
        ("EF.C.SMKT.AUT2.E256", "Digital Signature", "TLS Web Server Authentication", 82),
    ],
)
def test_usages_and_type(folder: Path, name: str, usage: str, purposes: str, kind: int) -> None:
    shown = openssl(folder, "x509", "-in", f"{name}.pem", "-noout", "-text")
    assert f"X509v3 Key Usage: critical\n                {usage}\n" in shown
    if purposes:
        assert f"X509v3 Extended Key Usage: \n                {purposes}\n" in shown
    else:
        assert "Extended Key Usage" not in shown
    assert f"Policy: 1.2.276.0.76.4.{kind}\n" in shown


def test_qualified_statements(folder: Path) -> None:
    dump = openssl(folder, "asn1parse", "-in", "EF.C.HP.QES.E256.pem")
    assert "qcStatements" in dump
    assert "1.3.6.1.4.1.8301.3.5" in dump


@pytest.fixture(scope="module")
def services(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Certificates of services and signers, and the chain above them."""
    made = tmp_path_factory.mktemp("services")
    pki = LabPki.create(SeededEntropy(b"services"), CLOCK, ecc_only=True)
    pki.ocsp_url = "http://127.0.0.1:9/ocsp"
    signers = Signers(pki, None, entropy=SeededEntropy(b"signers"), clock=CLOCK, on_change=lambda document, undo: None)
    anchor = signers.anchor(0)
    ders = {
        "tsl": der_of(anchor.signer),
        "ocsp": der_of(signers.ocsp("ECC/SMCB")),
        "server": pki.component(CertificateType.FD_TLS_S, Role.INT_VSDM, ("vsdm.lab", "127.0.0.1"))[0],
        "client": pki.component(CertificateType.FD_TLS_C, Role.UFS, ("ufs.lab",))[0],
        "bnetza": der_of(signers.bnetza),
    }
    for name, octets in ders.items():
        (made / f"{name}.pem").write_bytes(x509.load_der_x509_certificate(octets).public_bytes(Encoding.PEM))
    (made / "bundle.pem").write_bytes(
        pki.ca_bundle_pem.encode() + anchor.authority.certificate.public_bytes(Encoding.PEM)
    )
    return made


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("tsl", ("Key Usage: critical\n                Non Repudiation\n", "0.4.0.2231.3.0", "1.2.276.0.76.4.176")),
        ("ocsp", ("Key Usage: critical\n                Non Repudiation\n", "OCSP Signing", "OCSP No Check")),
        ("server", ("TLS Web Server Authentication", "1.2.276.0.76.4.169", "DNS:vsdm.lab, IP Address:127.0.0.1")),
        ("client", ("TLS Web Client Authentication", "1.2.276.0.76.4.168", "DNS:ufs.lab")),
    ],
)
def test_services_and_signers(services: Path, name: str, shown: tuple[str, ...]) -> None:
    """GS-A_4745-01, GS-A_4741, GS-A_4618, GS-A_4617."""
    at = str(int(CLOCK.now().timestamp()))
    run = ("verify", "-x509_strict", "-attime", at, "-CAfile", "bundle.pem", f"{name}.pem")
    assert openssl(services, *run) == f"{name}.pem: OK\n"
    text = openssl(services, "x509", "-in", f"{name}.pem", "-noout", "-text")
    for part in shown:
        assert part in text
    assert ("OCSP - URI:http://127.0.0.1:9/ocsp" in text) is (name != "ocsp")


def test_signer_of_the_national_list(services: Path) -> None:
    text = openssl(services, "x509", "-in", "bnetza.pem", "-noout", "-text")
    assert "0.4.0.2231.3.0" in text
    assert "CA:FALSE" in text
