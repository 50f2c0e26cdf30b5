"""ExternalAuthenticate and a virtual SMC-B over SOAP: what clients in the field do, judged by foreign software."""

import asyncio
import base64
import json
import sqlite3
import subprocess
from collections.abc import Awaitable, Callable
from contextlib import closing
from hashlib import sha256, sha384, sha512
from pathlib import Path
from typing import Any, TypeVar

import pytest
import requests
import zeep
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import CONN, Caller, Reply, envelope, kvnr_of, pin_status
from tiaas.base.secret import Secret
from tiaas.client.admin import Admin, AdminAccess, AdminRefused, connect_admin
from tiaas.interfaces.management.virtualsmbs import ActivationCode, VirtualSmbs
from tiaas.lab.store import DATABASE_FILE

T = TypeVar("T")

SIG = "http://ws.gematik.de/conn/SignatureService/v7.4"
DSS = "urn:oasis:names:tc:dss:1.0:core:schema"
PKCS1, ECDSA = "urn:ietf:rfc:3447", "urn:bsi:tr:03111:ecdsa"
PSS_SCHEME, PKCS1_SCHEME = "RSASSA-PSS", "RSASSA-PKCS1-v1_5"
MESSAGE = b"what is signed"
DIGEST = sha256(MESSAGE).digest()
BINARY = "application/octet-stream"
WRONG_CODE = b"5812977310"


def authenticate(
    caller: Caller,
    handle: str,
    digest: bytes = DIGEST,
    signature_type: str | None = None,
    scheme: str | None = None,
    mime: str | None = BINARY,
) -> Reply:
    """ExternalAuthenticate as clients in the field send it."""
    inputs = "" if signature_type is None else f'<d:SignatureType xmlns:d="{DSS}">{signature_type}</d:SignatureType>'
    inputs += "" if scheme is None else f"<s:SignatureSchemes>{scheme}</s:SignatureSchemes>"
    optional = f"<s:OptionalInputs>{inputs}</s:OptionalInputs>" if inputs else ""
    attribute = "" if mime is None else f' MimeType="{mime}"'
    data = base64.b64encode(digest).decode()
    body = (
        f'<s:ExternalAuthenticate xmlns:s="{SIG}"><n:CardHandle xmlns:n="{CONN}">{handle}</n:CardHandle>'
        f"{caller.context()}{optional}<s:BinaryString>"
        f'<d:Base64Data xmlns:d="{DSS}"{attribute}>{data}</d:Base64Data></s:BinaryString></s:ExternalAuthenticate>'
    )
    return caller.post("AuthSignatureService", envelope(body), {"SOAPAction": f'"{SIG}#ExternalAuthenticate"'})


def signature(reply: Reply, signature_type: str) -> bytes:
    """The signature of an answer."""
    assert reply.status == 200, reply.body
    assert reply.text("Result") == "OK"
    (element,) = reply.root.iter(f"{{{DSS}}}Base64Signature")
    assert element.get("Type") == signature_type
    return base64.b64decode(str(element.text))


def certificate(caller: Caller, handle: str, crypt: str, reference: str = "C.AUT") -> x509.Certificate:
    """By ReadCardCertificate."""
    reply = caller.certificate(handle, reference, crypt)
    assert reply.status == 200, reply.body
    return x509.load_der_x509_certificate(base64.b64decode(str(reply.text("X509Certificate"))))


def ecc_key(caller: Caller, handle: str) -> ec.EllipticCurvePublicKey:
    key = certificate(caller, handle, "ECC").public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    return key


def rsa_key(caller: Caller, handle: str) -> rsa.RSAPublicKey:
    key = certificate(caller, handle, "RSA").public_key()
    assert isinstance(key, rsa.RSAPublicKey)
    return key


def manage(lab: LabProcess, work: Callable[[Admin], Awaitable[T]]) -> T:
    """Does something at the management interface."""
    entry = lab.ready["instances"][0]["admin"]
    access = AdminAccess(entry["url"], Path(entry["ca"]).read_text(), Secret(entry["token"].encode()))

    async def go() -> T:
        async with connect_admin(access) as admin:
            return await work(admin)

    return asyncio.run(go())


def activation_code(lab: LabProcess) -> Secret:
    """What stands in the letter: the lab keeps it in its database."""
    with closing(sqlite3.connect(f"file:{lab.folder / DATABASE_FILE}?mode=ro", uri=True)) as database:
        (row,) = database.execute("SELECT value FROM meta WHERE key = 'hsm/softhsm/1'").fetchone()
    return Secret(json.loads(row)["code"].encode())


# ---- signatures ------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_5439", "TIP1-A_5437-02", "TIP1-A_5665-03")
@pytest.mark.pitfall(39)
@pytest.mark.parametrize("card_type", ["SMC-B", "HSM-B"])
def test_ecdsa_is_der_over_the_hash_as_it_is(caller: Caller, card_type: str) -> None:
    handle = caller.handle(card_type)
    value = signature(authenticate(caller, handle, DIGEST, ECDSA), ECDSA)
    ecc_key(caller, handle).verify(value, MESSAGE, ec.ECDSA(hashes.SHA256()))
    decode_dss_signature(value)


@pytest.mark.requirement("TIP1-A_5437-02")
@pytest.mark.pitfall(39)
@pytest.mark.parametrize("card_type", ["SMC-B", "HSM-B"])
@pytest.mark.parametrize(("signature_type", "scheme"), [(None, None), (PKCS1, None), (PKCS1, PSS_SCHEME)])
def test_pss_is_the_default_of_pkcs1(
    caller: Caller, card_type: str, signature_type: str | None, scheme: str | None
) -> None:
    handle = caller.handle(card_type)
    value = signature(authenticate(caller, handle, DIGEST, signature_type, scheme), PKCS1)
    pss = padding.PSS(padding.MGF1(hashes.SHA256()), 32)
    rsa_key(caller, handle).verify(value, MESSAGE, pss, hashes.SHA256())


@pytest.mark.requirement("TIP1-A_5437-02")
@pytest.mark.parametrize("card_type", ["SMC-B", "HSM-B"])
def test_pkcs1_v1_5_takes_three_hashes(caller: Caller, card_type: str) -> None:
    handle = caller.handle(card_type)
    key = rsa_key(caller, handle)
    for make, algorithm in ((sha256, hashes.SHA256()), (sha384, hashes.SHA384()), (sha512, hashes.SHA512())):
        reply = authenticate(caller, handle, make(MESSAGE).digest(), PKCS1, PKCS1_SCHEME)
        key.verify(signature(reply, PKCS1), MESSAGE, padding.PKCS1v15(), algorithm)


@pytest.mark.pitfall(38)
@pytest.mark.code(4085)
def test_an_hba_wants_its_pin_first_and_asks_nobody(caller: Caller) -> None:
    handle = caller.handle("HBA")
    assert authenticate(caller, handle, DIGEST, ECDSA).code == 4085
    assert caller.verify_pin(handle, "PIN.CH").text("PinResult") == "OK"
    value = signature(authenticate(caller, handle, DIGEST, ECDSA), ECDSA)
    ecc_key(caller, handle).verify(value, MESSAGE, ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize("card_type", ["SMC-B", "HSM-B"])
def test_a_challenge_of_an_idp(caller: Caller, card_type: str, tmp_path: Path) -> None:
    """A JWT: the Konnektor signs the hash, the client makes r ‖ s of the DER value, OpenSSL verifies it."""

    def part(octets: bytes) -> bytes:
        return base64.urlsafe_b64encode(octets).rstrip(b"=")

    handle = caller.handle(card_type)
    der = certificate(caller, handle, "ECC")
    header = {"alg": "BP256R1", "typ": "JWT", "x5c": [base64.b64encode(der.public_bytes(Encoding.DER)).decode()]}
    signed = part(json.dumps(header).encode()) + b"." + part(json.dumps({"njwt": "challenge"}).encode())
    value = signature(authenticate(caller, handle, sha256(signed).digest(), ECDSA), ECDSA)
    r, s = decode_dss_signature(value)
    assert len(r.to_bytes(32, "big") + s.to_bytes(32, "big")) == 64
    (tmp_path / "signed").write_bytes(signed)
    (tmp_path / "value").write_bytes(value)
    pem = der.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    (tmp_path / "key.pem").write_bytes(pem)
    command = ["openssl", "dgst", "-sha256", "-verify", "key.pem", "-signature", "value", "signed"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "Verified OK", done.stderr


# ---- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.code(4000)
@pytest.mark.parametrize(
    ("digest", "signature_type", "scheme", "mime"),
    [
        (DIGEST[:31], ECDSA, None, BINARY),
        (b"", ECDSA, None, BINARY),
        (sha384(MESSAGE).digest(), ECDSA, None, BINARY),
        (sha512(MESSAGE).digest(), PKCS1, PSS_SCHEME, BINARY),
        (bytes(20), PKCS1, PKCS1_SCHEME, BINARY),
        (bytes(65), PKCS1, PKCS1_SCHEME, BINARY),
        (DIGEST, ECDSA, None, "text/plain"),
        (DIGEST, ECDSA, None, None),
        (DIGEST, PKCS1, "RSA", BINARY),
    ],
)
def test_arguments_that_do_not_go_together(
    caller: Caller, digest: bytes, signature_type: str, scheme: str | None, mime: str | None
) -> None:
    assert authenticate(caller, caller.handle("SMC-B"), digest, signature_type, scheme, mime).code == 4000


@pytest.mark.code(4000)
def test_a_child_element_in_base64_data_is_refused(caller: Caller) -> None:
    handle = caller.handle("SMC-B")
    body = (
        f'<s:ExternalAuthenticate xmlns:s="{SIG}"><n:CardHandle xmlns:n="{CONN}">{handle}</n:CardHandle>'
        f'{caller.context()}<s:BinaryString><d:Base64Data xmlns:d="{DSS}" MimeType="{BINARY}"><d:Value>AAAA</d:Value>'
        "</d:Base64Data></s:BinaryString></s:ExternalAuthenticate>"
    )
    assert caller.post("AuthSignatureService", envelope(body)).code == 4000


@pytest.mark.code(4111)
def test_an_unknown_signature_type(caller: Caller) -> None:
    assert authenticate(caller, caller.handle("SMC-B"), DIGEST, "urn:ietf:rfc:5652").code == 4111


@pytest.mark.code(4058)
def test_an_egk_does_not_authenticate(caller: Caller) -> None:
    assert authenticate(caller, caller.handle("EGK"), DIGEST, ECDSA).code == 4058


@pytest.mark.code(4008)
def test_a_card_that_is_not_there(caller: Caller) -> None:
    assert authenticate(caller, "11111111-1111-1111-1111-111111111111", DIGEST, ECDSA).code == 4008


# ---- the virtual SMC-B -----------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4535")
def test_a_virtual_smb_is_a_card_in_a_logical_terminal(caller: Caller) -> None:
    (card,) = (card for card in caller.cards() if card["CardType"] == "HSM-B")
    assert card["CtId"] == "HSM-1"
    assert card["SlotId"] == "1"
    assert card["CardHolderName"]
    terminals = {element.findtext("{*}CtId"): element for element in caller.terminals().root.iter("{*}CardTerminal")}
    assert terminals["HSM-1"].findtext("{*}IS_PHYSICAL") == "false"
    assert terminals["HSM-1"].findtext("{*}Connected") == "true"
    assert terminals["CT-1"].findtext("{*}IS_PHYSICAL") == "true"


def test_its_certificates_are_read_like_those_of_a_card(caller: Caller) -> None:
    handle = caller.handle("HSM-B")
    found = {(r, c): certificate(caller, handle, c, r) for r in ("C.AUT", "C.ENC", "C.SIG") for c in ("ECC", "RSA")}
    assert len({each.serial_number for each in found.values()}) == 6
    assert caller.certificate(handle, "C.QES", "ECC").code == 4149


def test_its_pin_is_the_activation(caller: Caller) -> None:
    handle = caller.handle("HSM-B")
    assert pin_status(caller, handle, "PIN.SMC") == ("VERIFIED", None)
    assert caller.verify_pin(handle, "PIN.SMC").text("PinResult") == "OK"
    assert caller.pin("ChangePin", handle, "PIN.SMC").code == 4072
    assert caller.pin_status(handle, "PIN.CH").code == 4072


def test_it_reads_a_health_card(caller: Caller) -> None:
    assert kvnr_of(caller.read_vsd(caller.handle("EGK"), caller.handle("HSM-B")))


@pytest.mark.requirement("A_23632-01")
def test_an_administrator_activates_it(caller: Caller, hsm_lab: LabProcess) -> None:
    """A wrong code waits, the assignment's end ends the activation; each shows at once in a session under way."""
    handle = caller.handle("HSM-B")
    shown = manage(hsm_lab, lambda admin: admin.read("/virtual-smbs", VirtualSmbs)).virtual_smbs[0]
    mandant = hsm_lab.ready["context"]["mandant_id"]
    assert shown.mandanten == (mandant,)
    assert shown.holder
    assert shown.available
    path = f"/virtual-smbs/{shown.iccsn}/activations/{mandant}"
    signature(authenticate(caller, handle, DIGEST, ECDSA), ECDSA)

    manage(hsm_lab, lambda admin: admin.change("DELETE", path))
    assert authenticate(caller, handle, DIGEST, ECDSA).code == 4085
    assert pin_status(caller, handle, "PIN.SMC") == ("VERIFIABLE", None)
    assert caller.verify_pin(handle, "PIN.SMC").code == 4085

    manage(hsm_lab, lambda admin: admin.change("PUT", path, ActivationCode(activation_code(hsm_lab))))
    signature(authenticate(caller, handle, DIGEST, ECDSA), ECDSA)

    with pytest.raises(AdminRefused) as caught:
        manage(hsm_lab, lambda admin: admin.change("PUT", path, ActivationCode(Secret(WRONG_CODE))))
    assert caught.value.status == 403
    with pytest.raises(AdminRefused) as caught:
        manage(
            hsm_lab, lambda admin: admin.change("PUT", path.replace(mandant, "nobody"), ActivationCode(Secret(b"1")))
        )
    assert caught.value.status == 409
    signature(authenticate(caller, handle, DIGEST, ECDSA), ECDSA)


def test_no_secret_of_the_hsm_is_in_the_log(hsm_lab: LabProcess) -> None:
    pin = next((hsm_lab.folder / "hsm").rglob("*.pin")).read_text()
    for path in (hsm_lab.folder / "tiaas.log", *(hsm_lab.folder / "protocol").rglob("*")):
        if path.is_file():
            assert pin.encode() not in path.read_bytes()
            assert WRONG_CODE not in path.read_bytes()


# ---- foreign client --------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_5665-03")
def test_zeep_with_the_official_wsdl(api: Path, caller: Caller, hsm_lab: LabProcess) -> None:
    ready = hsm_lab.ready
    with requests.Session() as session:
        session.trust_env = False
        session.verify = ready["konnektor"]["ca"]
        session.cert = (ready["client"]["cert"], ready["client"]["key"])
        transport: Any = zeep.Transport(session=session)  # type: ignore[no-untyped-call]
        history: Any = zeep.plugins.HistoryPlugin()  # type: ignore[no-untyped-call]
        settings = zeep.Settings(strict=True, forbid_entities=False)
        for version, name in (("7.4.1", "AuthSignatureService_v7_4_1.wsdl"), ("7.4.0", "AuthSignatureService.wsdl")):
            path = str(api / "conn" / name)
            client: Any = zeep.Client(path, transport=transport, settings=settings, plugins=[history])  # type: ignore[no-untyped-call]
            (binding,) = client.wsdl.bindings
            service = client.create_service(binding, caller.endpoints()["AuthSignatureService", version])
            ids = ready["context"]
            answer = service.ExternalAuthenticate(
                CardHandle=caller.handle("SMC-B"),
                Context={
                    "MandantId": ids["mandant_id"],
                    "ClientSystemId": ids["client_system_id"],
                    "WorkplaceId": ids["workplace_id"],
                },
                OptionalInputs={"SignatureType": ECDSA},
                BinaryString={"Base64Data": {"_value_1": DIGEST, "MimeType": BINARY}},
            )
            assert answer.Status.Result == "OK"
            value = answer.SignatureObject.Base64Signature
            assert value.Type == ECDSA
            ecc_key(caller, caller.handle("SMC-B")).verify(value._value_1, MESSAGE, ec.ECDSA(hashes.SHA256()))
            body = history.last_received["envelope"].find("{http://schemas.xmlsoap.org/soap/envelope/}Body")
            etree.XMLSchema(etree.parse(api / "conn/SignatureService.xsd")).assertValid(body[0])


def test_two_signatures_of_the_same_hash_differ(caller: Caller) -> None:
    """ECDSA is made with fresh randomness, and a signature fits no other hash."""
    handle = caller.handle("SMC-B")
    first, second = (signature(authenticate(caller, handle, DIGEST, ECDSA), ECDSA) for _ in range(2))
    assert first != second
    with pytest.raises(InvalidSignature):
        ecc_key(caller, handle).verify(first, MESSAGE + b"!", ec.ECDSA(hashes.SHA256()))
