"""TLS as foreign programs see it: openssl and curl against terminals and Konnektors of a running lab.

Both run without our OpenSSL configuration: what they offer is what they offer everywhere.
"""

import os
import re
import subprocess
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from shutil import which
from typing import Any
from urllib.parse import urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.integration.lab.labprocess import LabProcess

pytestmark = pytest.mark.skipif(not which("openssl"), reason="needs the openssl program")
needs_curl = pytest.mark.skipif(not which("curl"), reason="needs curl")

_PEM = re.compile(r"-----BEGIN CERTIFICATE-----.+?-----END CERTIFICATE-----", re.DOTALL)


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    """The second practice has the foreign certificate."""
    with LabProcess(tmp_path_factory.mktemp("tls") / "lab", "--practices", "2") as process:
        yield process
        process.stop()


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A certificate that nobody in the lab has ever seen."""
    folder = tmp_path_factory.mktemp("stranger")
    names = {"cert": str(folder / "cert.pem"), "key": str(folder / "key.pem")}
    run(
        *("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"),
        *("-subj", "/CN=stranger", "-keyout", names["key"], "-out", names["cert"]),
    )
    return names


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environ = {name: value for name, value in os.environ.items() if name != "OPENSSL_CONF"}
    return subprocess.run(
        words, env=environ, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=20, errors="replace"
    )


def s_client(place: str, *options: str) -> subprocess.CompletedProcess[str]:
    return run("openssl", "s_client", "-connect", place, *options)


def shown_certificate(done: subprocess.CompletedProcess[str]) -> x509.Certificate:
    found = _PEM.search(done.stdout)
    assert found, done.stdout + done.stderr
    return x509.load_pem_x509_certificate(found[0].encode())


def refused(done: subprocess.CompletedProcess[str]) -> bool:
    """The other side ended the handshake: by an alert, or by hanging up, which is all that asyncio does.

    What the client itself would not do (no common version, no such suite) reads differently.
    """
    assert "connect:errno" not in done.stderr, done.stderr
    said = ("alert", "unexpected eof", "errno=104", "write:errno=32")
    return done.returncode != 0 and any(words in done.stderr for words in said)


def konnektor(instance: dict[str, Any]) -> str:
    return str(urlsplit(instance["konnektor"]["url"]).netloc)


def identity(client: dict[str, Any]) -> tuple[str, ...]:
    return "-cert", client["cert"], "-key", client["key"]


def curl(instance: dict[str, Any], *options: str, url: str = "") -> subprocess.CompletedProcess[str]:
    place = url or instance["konnektor"]["sds"]
    ca = instance["konnektor"]["ca"]
    return run(
        "curl", "--silent", "--show-error", "--noproxy", "*", "--max-time", "10", "--cacert", ca, *options, place
    )


# ---- terminals -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [("-groups", "brainpoolP256r1"), ("-curves", "brainpoolP256r1:P-256")])
def test_a_terminal_shows_its_gsmckt_on_brainpool(lab: LabProcess, options: tuple[str, ...]) -> None:
    for instance in lab.ready["instances"]:
        (terminal,) = instance["terminals"]
        done = s_client(terminal["sicct"], "-tls1_2", "-showcerts", *options)
        certificate = shown_certificate(done)
        key = certificate.public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        assert key.curve.name == "brainpoolP256r1"
        iccsn = next(slot["iccsn"] for slot in terminal["slots"] if slot["number"] == 4)
        assert certificate.subject.get_attributes_for_oid(x509.NameOID.COMMON_NAME)[0].value == iccsn
        assert "TEST-ONLY" in certificate.issuer.rfc4514_string()
        assert "Server Temp Key: ECDH, brainpoolP256r1" in done.stdout
        assert "Cipher    : ECDHE-ECDSA-AES" in done.stdout


def test_a_terminal_refuses_foreign_certificates(lab: LabProcess, stranger: dict[str, str]) -> None:
    """Without any the handshake succeeds (gemSpec_KT A_22890); what may be done then is the terminal's business."""
    place = lab.ready["terminals"][0]["sicct"]
    assert s_client(place, "-tls1_2", "-groups", "brainpoolP256r1").returncode == 0
    for shown in (stranger, lab.ready["client"]):
        done = s_client(place, "-tls1_2", "-groups", "brainpoolP256r1:P-256", *identity(shown))
        assert refused(done), done.stderr


def test_a_terminals_certificate_chain_leads_to_the_labs_ca(lab: LabProcess, tmp_path: Path) -> None:
    done = s_client(lab.ready["terminals"][0]["sicct"], "-tls1_2", "-groups", "brainpoolP256r1", "-showcerts")
    leaf = tmp_path / "leaf.pem"
    found = _PEM.search(done.stdout)
    assert found
    leaf.write_text(found[0])
    verified = run("openssl", "verify", "-partial_chain", "-CAfile", lab.ready["lab"]["ca_bundle"], str(leaf))
    assert verified.returncode == 0, verified.stderr


# ---- Konnektor -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["-tls1_2", "-tls1_3"])
def test_a_konnektor_is_reached_with_default_groups(lab: LabProcess, version: str) -> None:
    ready = lab.ready
    trust = ("-CAfile", ready["konnektor"]["ca"], "-verify_return_error", "-verify_ip", "127.0.0.1")
    done = s_client(konnektor(ready), version, *trust, *identity(ready["client"]))
    assert done.returncode == 0, done.stderr
    assert "Verify return code: 0 (ok)" in done.stdout
    certificate = shown_certificate(done)
    key = certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "secp256r1"
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", "konnektor.konlan"} <= set(names.get_values_for_type(x509.DNSName))
    assert "127.0.0.1" in map(str, names.get_values_for_type(x509.IPAddress))
    # An empty list: Java and Go clients would else show none.
    assert "No client certificate CA names sent" in done.stdout


@pytest.mark.parametrize(
    ("groups", "shared"),
    [("P-256", "P-256"), ("X25519:P-256", "X25519"), ("P-384:P-256", "secp384r1"), ("P-521:P-256", "P-256")],
)
def test_the_clients_order_of_groups_counts(lab: LabProcess, groups: str, shared: str) -> None:
    """P-256 is always among them: in TLS 1.2 the groups also say which certificates a client understands."""
    done = s_client(konnektor(lab.ready), "-tls1_2", "-groups", groups, *identity(lab.ready["client"]))
    assert done.returncode == 0, done.stderr
    (key,) = [line for line in done.stdout.splitlines() if line.startswith("Server Temp Key")]
    assert shared in key or (shared == "P-256" and "prime256v1" in key)


@pytest.mark.parametrize("suite", ["ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384"])
def test_suites_of_tls_1_2(lab: LabProcess, suite: str) -> None:
    done = s_client(konnektor(lab.ready), "-tls1_2", "-cipher", suite, *identity(lab.ready["client"]))
    assert f"Cipher    : {suite}" in done.stdout, done.stderr


@pytest.mark.parametrize("weak", ["AES128-SHA", "ECDHE-ECDSA-AES128-SHA", "ECDHE-ECDSA-CHACHA20-POLY1305", "NULL"])
def test_other_suites_are_refused(lab: LabProcess, weak: str) -> None:
    done = s_client(konnektor(lab.ready), "-tls1_2", "-cipher", f"{weak}:@SECLEVEL=0", *identity(lab.ready["client"]))
    assert refused(done), done.stderr


@pytest.mark.parametrize("place", ["konnektor", "terminal"])
@pytest.mark.parametrize("version", ["-tls1_1", "-tls1"])
def test_old_versions_are_refused(lab: LabProcess, version: str, place: str) -> None:
    ready = lab.ready
    address = konnektor(ready) if place == "konnektor" else ready["terminals"][0]["sicct"]
    done = s_client(address, version, "-cipher", "ALL:@SECLEVEL=0", *identity(ready["client"]))
    assert refused(done), done.stderr
    assert "BEGIN CERTIFICATE" not in done.stdout


@needs_curl
@pytest.mark.parametrize("version", ["--tlsv1.2", "--tlsv1.3"])
def test_curl_gets_the_service_directory(lab: LabProcess, version: str) -> None:
    client = lab.ready["client"]
    done = curl(lab.ready, version, *("--tls-max", version[-3:]), "--cert", client["cert"], "--key", client["key"])
    assert done.returncode == 0, done.stderr
    assert "ConnectorServices" in done.stdout


@needs_curl
@pytest.mark.pitfall(7)
def test_the_host_name_can_be_checked_and_the_certificate_pinned(lab: LabProcess) -> None:
    client, place = lab.ready["client"], konnektor(lab.ready)
    shown = shown_certificate(s_client(place, "-showcerts", *identity(client))).public_key()
    digest = sha256(shown.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).digest()
    options = ("--cert", client["cert"], "--key", client["key"], "--connect-to", f"::{place}")
    for host, pin, code in (
        ("konnektor.konlan", digest, 0),
        ("konnektor.konlan", bytes(32), 90),  # CURLE_SSL_PINNEDPUBKEYNOTMATCH
        ("anderer.konlan", digest, 60),  # CURLE_PEER_FAILED_VERIFICATION
    ):
        pinned = ("--pinnedpubkey", f"sha256//{b64encode(pin).decode()}")
        done = curl(lab.ready, *options, *pinned, url=f"https://{host}/connector.sds")
        assert done.returncode == code, (host, done.stderr)
        assert ("ConnectorServices" in done.stdout) is (code == 0)


@needs_curl
def test_curl_takes_the_pkcs12_file(lab: LabProcess) -> None:
    client = lab.ready["client"]
    p12 = ("--cert-type", "P12", "--cert", f"{client['p12']}:{client['p12_password']}")
    done = curl(lab.ready, *p12)
    assert done.returncode == 0, done.stderr
    assert "ConnectorServices" in done.stdout


@needs_curl
@pytest.mark.parametrize("version", ["--tlsv1.2", "--tlsv1.3"])
def test_nobody_gets_in_without_the_practices_own_certificate(
    lab: LabProcess, stranger: dict[str, str], version: str
) -> None:
    """Not without one, not with a stranger's, and not with the neighbour's."""
    neighbour = lab.ready["instances"][1]["client"]
    for shown in (None, stranger, neighbour):
        options = () if shown is None else ("--cert", shown["cert"], "--key", shown["key"])
        done = curl(lab.ready, version, "--tls-max", version[-3:], "--dump-header", "-", *options)
        # CURLE_SSL_CONNECT_ERROR, CURLE_GOT_NOTHING, CURLE_RECV_ERROR: in TLS 1.3 the client is done before us.
        assert done.returncode in (35, 52, 56), (shown, done.stderr)
        assert not done.stdout, "not one octet of HTTP"


@needs_curl
def test_plain_http_gets_nothing(lab: LabProcess) -> None:
    done = curl(lab.ready, url=f"http://{konnektor(lab.ready)}/connector.sds")
    assert done.returncode != 0
    assert not done.stdout


@needs_curl
def test_two_konnektors_show_two_certificates(lab: LabProcess) -> None:
    """Neither is trusted with the other's CA."""
    first, second = lab.ready["instances"]
    client = second["client"]
    crossed = {**second, "konnektor": {**second["konnektor"], "ca": first["konnektor"]["ca"]}}
    done = curl(crossed, "--cert", client["cert"], "--key", client["key"])
    assert done.returncode == 60, done.stderr  # CURLE_PEER_FAILED_VERIFICATION


def test_the_labs_authorities_are_unmistakably_tests(lab: LabProcess) -> None:
    bundle = Path(lab.ready["lab"]["ca_bundle"]).read_bytes()
    authorities = x509.load_pem_x509_certificates(bundle)
    kinds = {type(authority.public_key()) for authority in authorities}
    assert len(kinds) == 2
    assert any(issubclass(kind, ec.EllipticCurvePublicKey) for kind in kinds)
    assert any(issubclass(kind, rsa.RSAPublicKey) for kind in kinds)
    assert all("TEST-ONLY" in authority.subject.rfc4514_string() for authority in authorities)
