"""The lab's PKI services over HTTP: foreign programs get and check what they serve, every fault strikes."""

import asyncio
import base64
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.card.objsys.model import CardKind
from tiaas.lab.faults import CODES, Fault, Service
from tiaas.lab.lab import Lab
from tiaas.lab.listcontent import ListName
from tiaas.lab.pki import AuthorityKind, Family
from tiaas.lab.pkiservices import PkiServices
from tiaas.lab.signers import der
from tiaas.lab.store import Kind, LabStore
from tiaas.lab.trustlists import hash_file
from tiaas.lab.zdidentity import DEFECTS
from tiaas.pki.certificate import Certificate, decode_certificate_untrusted
from tiaas.pki.ocsp import REQUEST_TYPE, RESPONSE_TYPE, decode_response_untrusted, encode_request
from tiaas.pki.ocspmessages import CertHash, CertId, CertStatus, OcspRequest, OcspResponse, ResponseStatus
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.signedlist import read_signed_list
from tiaas.pki.tsl import ServiceType

AUT = "MF/DF.ESIGN/EF.C.HCI.AUT.E256"
RSA_AUT = "MF/DF.ESIGN/EF.C.HCI.AUT.R2048"


@dataclass
class Served:
    """A lab whose PKI services are up, its SMC-B, and HTTP clients, one of them with TLS."""

    lab: Lab
    services: PkiServices
    http: httpx.AsyncClient
    secure: httpx.AsyncClient

    def smcb(self, path: str = AUT) -> Certificate:
        """A certificate of the SMC-B, made if it is not there yet."""
        (card,) = self.lab.cards.of_practice(1, CardKind.SMC_B)
        if path not in card.card.image.files:
            assert self.lab.provide(card.card.image, path)
        return decode_certificate_untrusted(card.card.image.files[path])

    def issuer(self, family: Family = Family.ECC) -> Certificate:
        return decode_certificate_untrusted(der(self.lab.pki.authority(AuthorityKind.SMCB, family)))

    async def ask(self, nonce: bytes | None = b"n" * 16) -> OcspResponse:
        request = encode_request(OcspRequest(CertId.of(self.smcb(), self.issuer()), nonce))
        answer = await self.http.post("/ocsp", content=request, headers={"Content-Type": REQUEST_TYPE})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == RESPONSE_TYPE
        return decode_response_untrusted(answer.content)

    def fault(self, service: Service, code: str, **more: object) -> None:
        self.lab.faults.add(Fault.from_document({"service": service.value, "code": code, **more}))


@asynccontextmanager
async def serve(folder: Path, *, ecc_only: bool) -> AsyncIterator[Served]:
    store = LabStore.open(folder)
    lab = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy(), ecc_only=ecc_only)
    services = await lab.start_pki()
    lab.load(1)
    async with (
        httpx.AsyncClient(base_url=services.url, trust_env=False) as http,
        # Whether the service is who it says is the matter of `konnektor_trust/test_tsl_service.py`.
        httpx.AsyncClient(base_url=services.secure_url, trust_env=False, verify=False) as secure,
    ):
        yield Served(lab, services, http, secure)
    await lab.stop()
    store.close()


@pytest.fixture
async def served(tmp_path: Path) -> AsyncIterator[Served]:
    async with serve(tmp_path / "lab", ecc_only=True) as served:
        yield served


def pem(path: Path, *certificates: bytes) -> str:
    blocks = [x509.load_der_x509_certificate(octets).public_bytes(Encoding.PEM) for octets in certificates]
    path.write_bytes(b"".join(blocks))
    return str(path)


async def openssl_ocsp(served: Served, folder: Path, path: str, family: Family) -> str:
    """What `openssl ocsp` says of a certificate; it checks signature, nonce and the delegation of the signer."""
    certificate, issuer = served.smcb(path), served.issuer(family)
    roots = pem(folder / "roots.pem", *(der(served.lab.pki.authority(None, each)) for each in Family))
    run = ["openssl", "ocsp", "-url", served.services.ocsp_url, "-CAfile", roots]
    run += ["-issuer", pem(folder / "issuer.pem", issuer.encoded)]
    run += ["-cert", pem(folder / "certificate.pem", certificate.encoded)]
    process = await asyncio.create_subprocess_exec(*run, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    assert process.returncode == 0, err
    assert b"Response verify OK" in err, err
    return out.decode()


async def test_openssl_asks(tmp_path: Path) -> None:
    """RFC 6960, A_23142: the signer is certified by the CA it speaks for."""
    async with serve(tmp_path / "lab", ecc_only=False) as served:
        assert "good" in await openssl_ocsp(served, tmp_path, AUT, Family.ECC)
        assert "good" in await openssl_ocsp(served, tmp_path, RSA_AUT, Family.RSA)
        (card,) = served.lab.cards.of_practice(1, CardKind.SMC_B)
        assert {issued.kind for issued in served.lab.book.revoke(card.iccsn)} == {"C.HCI.AUT"}
        assert "revoked" in await openssl_ocsp(served, tmp_path, AUT, Family.ECC)
        assert "revoked" in await openssl_ocsp(served, tmp_path, RSA_AUT, Family.RSA)


async def test_answer_in_the_profile_of_the_ti(served: Served) -> None:
    certificate = served.smcb()
    assert certificate.ocsp_urls == (served.services.ocsp_url,)
    answer = await served.ask()
    assert answer.basic is not None
    assert answer.basic.nonce == b"n" * 16
    (single,) = answer.basic.responses
    assert single.status is CertStatus.GOOD
    assert single.cert_hash == CertHash.of(certificate.encoded)
    (signer,) = (decode_certificate_untrusted(octets) for octets in answer.basic.certificates)
    assert answer.basic.is_signed_by(signer)
    tsl = read_signed_list((await served.http.get("/ECC/ECC-RSA_TSL.xml")).content).content
    assert signer.encoded in {service.certificates[0] for service in tsl.of_type(ServiceType.OCSP)}
    silent = await served.ask(nonce=None)
    assert silent.basic is not None
    assert silent.basic.nonce is None


async def test_tsl_signer_has_a_status(served: Served) -> None:
    signed = read_signed_list((await served.http.get("/ECC/ECC-RSA_TSL.xml")).content)
    anchor = decode_certificate_untrusted(served.services.lists.anchor)
    request = encode_request(OcspRequest(CertId.of(signed.signer, anchor)))
    answer = await served.http.post("/ocsp", content=request, headers={"Content-Type": REQUEST_TYPE})
    basic = decode_response_untrusted(answer.content).basic
    assert basic is not None
    assert basic.responses[0].status is CertStatus.GOOD
    assert basic.responses[0].cert_hash == CertHash.of(signed.signer.encoded)


async def test_get_and_forwarder(served: Served) -> None:
    """RFC 6960, appendix A.1; TIP1-A_4688: the same answer by GET, and for a proxy's absolute form."""
    request = encode_request(OcspRequest(CertId.of(served.smcb(), served.issuer())))
    by_get = await served.http.get("/ocsp/" + quote(base64.b64encode(request), safe=""))
    basic = decode_response_untrusted(by_get.content).basic
    assert basic is not None
    assert basic.responses[0].status is CertStatus.GOOD
    async with httpx.AsyncClient(proxy=served.services.url, trust_env=False) as http:
        headers = {"Content-Type": REQUEST_TYPE}
        answer = await http.post("http://ocsp.example.invalid/status", content=request, headers=headers)
    assert decode_response_untrusted(answer.content).status is ResponseStatus.SUCCESSFUL


async def test_what_is_no_question(served: Served) -> None:
    headers = {"Content-Type": REQUEST_TYPE}
    junk = await served.http.post("/ocsp", content=b"junk", headers=headers)
    assert decode_response_untrusted(junk.content).status is ResponseStatus.MALFORMED_REQUEST
    assert (await served.http.post("/ocsp", content=b"x" * 9999, headers=headers)).status_code == 413
    assert (await served.http.post("/ocsp", content=b"x")).status_code == 415
    foreign = CertId(b"n" * 20, b"k" * 20, 4711)
    answer = await served.http.post("/ocsp", content=encode_request(OcspRequest(foreign)), headers=headers)
    assert decode_response_untrusted(answer.content).status is ResponseStatus.UNAUTHORIZED
    known = CertId.of(served.smcb(), served.issuer())
    unissued = CertId(known.issuer_name_hash, known.issuer_key_hash, 4711)
    answer = await served.http.post("/ocsp", content=encode_request(OcspRequest(unissued)), headers=headers)
    basic = decode_response_untrusted(answer.content).basic
    assert basic is not None
    assert basic.responses[0].status is CertStatus.UNKNOWN
    assert basic.responses[0].cert_hash is None


EXCEPTIONS = {
    "malformedRequest": ResponseStatus.MALFORMED_REQUEST,
    "internalError": ResponseStatus.INTERNAL_ERROR,
    "tryLater": ResponseStatus.TRY_LATER,
    "unauthorized": ResponseStatus.UNAUTHORIZED,
}


@pytest.mark.parametrize("code", CODES[Service.OCSP])
async def test_every_ocsp_code(served: Served, code: str) -> None:
    certificate = served.smcb()
    served.fault(Service.OCSP, code, match=f"serial={certificate.serial_number:X}")
    answer = await served.ask()
    if code in EXCEPTIONS:
        assert answer.status is EXCEPTIONS[code]
    else:
        assert _defect(answer, certificate, served) == code
    after = await served.ask()
    assert after.basic is not None
    assert after.basic.responses[0].status is CertStatus.GOOD
    first, second = list(served.lab.journal.since(service=Service.OCSP))[-2:]
    assert (first.outcome, second.outcome) == (code, "good")
    assert first.subject.startswith(f"serial={certificate.serial_number:X} kind=C.HCI.AUT card=8027699990")


def _defect(answer: OcspResponse, certificate: Certificate, served: Served) -> str:
    """What is wrong with an answer, in the words of the codes."""
    basic = answer.basic
    assert basic is not None
    (single,) = basic.responses
    (signer,) = (decode_certificate_untrusted(octets) for octets in basic.certificates)
    tsl = served.services.lists.current(ListName.TSL).content
    listed = {service.certificates[0] for service in tsl.of_type(ServiceType.OCSP)}
    wrong = {
        "revoked": single.status is CertStatus.REVOKED,
        "unknown": single.status is CertStatus.UNKNOWN,
        "certHash-missing": single.cert_hash is None and single.status is not CertStatus.UNKNOWN,
        "certHash-wrong": single.cert_hash not in (None, CertHash.of(certificate.encoded)),
        "expired": single.next_update is not None and single.next_update < served.lab.clock.now(),
        "signature-wrong": not basic.is_signed_by(signer),
        "signer-unknown": signer.encoded not in listed,
        "nonce-wrong": basic.nonce != b"n" * 16,
    }
    (found,) = (code for code, is_wrong in wrong.items() if is_wrong)
    return found


@pytest.mark.parametrize(("path", "service"), [("/ECC/ECC-RSA_TSL", Service.TSL), ("/BNA-TSL", Service.BNETZA)])
async def test_lists_are_downloaded(served: Served, path: str, service: Service) -> None:
    answer = await served.secure.get(f"{path}.xml")
    assert answer.headers["content-type"] == "application/vnd.etsi.tsl+xml"
    read_signed_list(answer.content)
    assert (await served.secure.get(f"{path}.sha2")).content == hash_file(answer.content)
    assert (await served.secure.get(f"/backup{path}.xml")).content == answer.content
    operations = [(entry.operation, entry.subject) for entry in served.lab.journal.since(service=service)]
    assert operations == [("GET", f"{path}.xml"), ("GET", f"{path}.sha2"), ("GET", f"/backup{path}.xml")]


@pytest.mark.parametrize(
    ("service", "path", "code"),
    [
        (service, path, code)
        for service, path in ((Service.TSL, "/ECC/ECC-RSA_TSL"), (Service.BNETZA, "/BNA-TSL"))
        for code in CODES[service]
        if code not in DEFECTS
    ],
)
async def test_every_list_code(served: Served, service: Service, path: str, code: str) -> None:
    """A defective list has a hash of its own, so that who looks at the hash first fetches it."""
    good = (await served.secure.get(f"{path}.xml")).content
    served.fault(service, code)
    announced = (await served.secure.get(f"{path}.sha2")).content
    assert announced != hash_file(good)
    fetched = (await served.secure.get(f"{path}.xml")).content
    if code == "hash-wrong":
        assert fetched == good
    else:
        assert announced == hash_file(fetched)
        assert fetched != good
    after = (await served.secure.get(f"{path}.xml")).content
    assert (await served.secure.get(f"{path}.sha2")).content == hash_file(after)
    read_signed_list(after)
    assert [entry.outcome for entry in served.lab.journal.since(service=service) if entry.fault] == [code]


async def test_what_comes_over_tls_only(served: Served) -> None:
    """gemSpec_TSL V1.19.2, TIP1-A_4056-01 and TIP1-A_6768-01: both ways for the TSL, one for the VL."""
    plain = await served.http.get("/ECC/ECC-RSA_TSL.xml")
    assert plain.content == (await served.secure.get("/ECC/ECC-RSA_TSL.xml")).content
    for path in ("/BNA-TSL.xml", "/backup/BNA-TSL.sha2"):
        assert (await served.http.get(path)).status_code in (404, 405)
    assert (await served.secure.post("/ocsp", content=b"")).status_code == 404


async def test_bare_status_delay_and_silence(served: Served) -> None:
    served.lab.faults.add(Fault(Service.TSL, http=503))
    assert (await served.http.get("/ECC/ECC-RSA_TSL.xml")).status_code == 503
    served.lab.faults.add(Fault(Service.OCSP, drop=True))
    with pytest.raises(httpx.RemoteProtocolError):
        await served.ask()
    served.lab.faults.add(Fault(Service.OCSP, delay=0.05))
    start = served.lab.clock.monotonic()
    await served.ask()
    assert served.lab.clock.monotonic() - start >= 0.05
    outcomes = [entry.outcome for entry in served.lab.journal.since()]
    assert outcomes == ["HTTP 503", "no answer", "good"]


async def test_services_of_the_ti_are_in_the_books(served: Served) -> None:
    octets, _ = served.lab.pki.component(CertificateType.FD_TLS_S, Role.INT_VSDM, ("localhost",))
    certificate = decode_certificate_untrusted(octets)
    assert certificate.ocsp_urls == (served.services.ocsp_url,)
    issued = served.lab.book.find(certificate.serial_number)
    assert issued is not None
    assert (issued.issuer, issued.kind, issued.name) == ("ECC/KOMP", "C.FD.TLS-S", "localhost")


async def test_a_lab_from_before_there_were_books(tmp_path: Path) -> None:
    """Old folders open, and their certificates have a status."""
    store = LabStore.open(tmp_path / "lab")
    lab = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy(), ecc_only=True)
    lab.load(1)
    before = {issued.serial for issued in lab.book}
    for issued in lab.book:
        store.delete(Kind.CERTIFICATE, issued.number)
    store.put_meta("books", None)
    again = Lab.open(store, clock=SystemClock(), entropy=SystemEntropy())
    await again.start_pki()
    again.load(None)
    assert before <= {issued.serial for issued in again.book}
    await again.stop()
    store.close()
