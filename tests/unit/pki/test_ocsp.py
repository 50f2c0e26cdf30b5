"""The OCSP codec: our messages read by `cryptography`, its and ours read by us, what is refused."""

from dataclasses import replace
from datetime import timedelta

import pytest
from asn1crypto import ocsp
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp as other

from tests.oddcertificate import odd_certificate
from tests.unit.pki.ocspmaker import NOW, World, read
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.issue import EndEntity, issue_end_entity
from tiaas.pki.names import component_name
from tiaas.pki.ocsp import (
    CERT_HASH,
    MAX_REQUEST,
    MAX_RESPONSE,
    BadOcsp,
    decode_request_untrusted,
    decode_response_untrusted,
    encode_exception,
    encode_request,
    encode_response,
    general_response,
)
from tiaas.pki.ocspmessages import (
    BasicResponse,
    CertHash,
    CertId,
    CertStatus,
    OcspRequest,
    Responder,
    ResponseStatus,
    SingleResponse,
    _kept,
    issuer_hashes,
    subject_and_key,
)
from tiaas.pki.profiles import OCSP_SIGNER
from tiaas.pki.signature import software_key
from tiaas.pki.usualanswer import read_usual_answer

WORLD = World()
SUBJECT = WORLD.insured()
ID = CertId.of(SUBJECT, WORLD.ca)
GOOD = SingleResponse(ID, CertStatus.GOOD, NOW, NOW + timedelta(hours=1), cert_hash=CertHash.of(SUBJECT.encoded))


def theirs(certificate: bytes) -> x509.Certificate:
    return x509.load_der_x509_certificate(certificate)


def basic(der: bytes) -> BasicResponse:
    response = decode_response_untrusted(der)
    assert response.status is ResponseStatus.SUCCESSFUL
    assert response.basic is not None
    return response.basic


@pytest.mark.parametrize("nonce", [None, b"\x01" * 16, bytes(range(32))])
def test_our_request_read_by_cryptography(nonce: bytes | None) -> None:
    der = encode_request(OcspRequest(ID, nonce))
    request = other.load_der_ocsp_request(der)
    assert isinstance(request.hash_algorithm, SHA1)
    assert request.serial_number == SUBJECT.serial_number
    assert (request.issuer_name_hash, request.issuer_key_hash) == issuer_hashes(WORLD.ca)
    found = [extension.value for extension in request.extensions if isinstance(extension.value, x509.OCSPNonce)]
    assert [value.nonce for value in found] == ([] if nonce is None else [nonce])
    assert decode_request_untrusted(der) == OcspRequest(ID, nonce)


@pytest.mark.parametrize("hashing", [SHA1(), SHA256()])
def test_a_request_of_cryptography(hashing: SHA1 | SHA256) -> None:
    builder = other.OCSPRequestBuilder().add_certificate(theirs(SUBJECT.encoded), WORLD.authority.certificate, hashing)
    request = decode_request_untrusted(
        builder.add_extension(x509.OCSPNonce(b"nonce"), critical=False).build().public_bytes(Encoding.DER)
    )
    assert request.nonce == b"nonce"
    assert request.cert_id.algorithm == hashing.name
    assert (request.cert_id == ID) is isinstance(hashing, SHA1)


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("status", list(CertStatus))
def test_our_answer_read_by_cryptography(status: CertStatus, by_name: bool) -> None:
    revoked_at = NOW - timedelta(days=3) if status is CertStatus.REVOKED else None
    single = replace(GOOD, status=status, revoked_at=revoked_at)
    der = encode_response((single,), replace(WORLD.responder, by_name=by_name), NOW, b"n" * 16)
    response = other.load_der_ocsp_response(der)
    assert response.response_status is other.OCSPResponseStatus.SUCCESSFUL
    assert response.certificate_status.name == status.name
    assert response.serial_number == SUBJECT.serial_number
    assert response.produced_at_utc == NOW
    assert response.this_update_utc == NOW
    assert response.next_update_utc == NOW + timedelta(hours=1)
    assert response.revocation_time_utc == revoked_at
    assert response.revocation_reason is None
    assert response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce == b"n" * 16
    assert [extension.oid.dotted_string for extension in response.single_extensions] == [CERT_HASH]
    assert (response.responder_name is not None) is by_name
    assert [certificate.public_bytes(Encoding.DER) for certificate in response.certificates] == [WORLD.signer.encoded]
    ours = basic(der)
    assert ours.responses == (single,)
    assert ours.nonce == b"n" * 16
    assert ours.produced_at == NOW
    assert ours.certificates == (WORLD.signer.encoded,)
    assert ours.is_by(WORLD.signer)
    assert ours.is_signed_by(WORLD.signer)
    assert not ours.is_by(WORLD.ca)
    assert not ours.is_signed_by(WORLD.ca)


@pytest.mark.parametrize("by_name", [False, True])
def test_an_answer_of_cryptography(by_name: bool) -> None:
    encoding = other.OCSPResponderEncoding.NAME if by_name else other.OCSPResponderEncoding.HASH
    builder = other.OCSPResponseBuilder().add_response(
        theirs(SUBJECT.encoded),
        WORLD.authority.certificate,
        SHA1(),
        other.OCSPCertStatus.REVOKED,
        NOW,
        None,
        NOW - timedelta(days=1),
        x509.ReasonFlags.key_compromise,
    )
    builder = builder.responder_id(encoding, WORLD.responder_certificate)
    ours = basic(builder.sign(WORLD.responder_key, SHA256()).public_bytes(Encoding.DER))
    assert ours.is_by(WORLD.signer)
    assert ours.is_signed_by(WORLD.signer)
    assert ours.certificates == ()
    (single,) = ours.responses
    assert single == SingleResponse(ID, CertStatus.REVOKED, NOW, None, NOW - timedelta(days=1))


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("nonce", [None, b"n" * 16])
def test_what_a_responder_of_the_ti_says_is_read_quickly_and_alike(nonce: bytes | None, by_name: bool) -> None:
    holder = EndEntity(component_name("OCSP TEST-ONLY", "NOT-VALID"), WORLD.responder_key.public_key())
    issued = issue_end_entity(OCSP_SIGNER, holder, WORLD.authority, WORLD.span, WORLD.entropy)
    responder = replace(WORLD.responder, certificate=decode_certificate_untrusted(issued), by_name=by_name)
    answer = encode_response((GOOD,), responder, NOW, nonce)
    assert read_usual_answer(answer) == general_response(answer)


def test_an_rsa_responder() -> None:
    world = World("RSA CA", responder_key=rsa.generate_private_key(65537, 2048))
    certificate = world.insured()
    single = SingleResponse(CertId.of(certificate, world.ca), CertStatus.GOOD, NOW)
    ours = basic(encode_response((single,), world.responder, NOW))
    assert ours.is_signed_by(world.signer)
    assert ours.responses == (single,)


@pytest.mark.parametrize("status", [status for status in ResponseStatus if status is not ResponseStatus.SUCCESSFUL])
def test_exceptions(status: ResponseStatus) -> None:
    der = encode_exception(status)
    assert other.load_der_ocsp_response(der).response_status.name == status.name
    response = decode_response_untrusted(der)
    assert response.status is status
    assert response.basic is None


def test_an_exception_is_not_successful() -> None:
    with pytest.raises(ValueError, match="not successful"):
        encode_exception(ResponseStatus.SUCCESSFUL)


def test_every_signed_octet_counts() -> None:
    ours = basic(encode_response((GOOD,), WORLD.responder, NOW))
    for at in range(0, len(ours.signed), 7):
        changed = ours.signed[:at] + bytes([ours.signed[at] ^ 1]) + ours.signed[at + 1 :]
        assert not replace(ours, signed=changed).is_signed_by(WORLD.signer)


def test_two_certificates_are_too_many_for_a_request() -> None:
    one = ocsp.OCSPRequest.load(encode_request(OcspRequest(ID)))
    item = one["tbs_request"]["request_list"][0]
    two = ocsp.OCSPRequest({"tbs_request": {"request_list": [item.copy(), item.copy()]}}).dump()
    with pytest.raises(BadOcsp, match="2 certificates"):
        decode_request_untrusted(two)


@pytest.mark.parametrize("size", [0, 129])
def test_a_nonce_has_a_length(size: int) -> None:
    with pytest.raises(BadOcsp):
        decode_request_untrusted(encode_request(OcspRequest(ID, bytes(size))))


def test_sizes_are_bounded() -> None:
    with pytest.raises(BadOcsp, match="too many"):
        decode_request_untrusted(bytes(MAX_REQUEST + 1))
    with pytest.raises(BadOcsp, match="too many"):
        decode_response_untrusted(bytes(MAX_RESPONSE + 1))


def test_an_unknown_critical_extension_is_refused() -> None:
    builder = other.OCSPRequestBuilder().add_certificate(theirs(SUBJECT.encoded), WORLD.authority.certificate, SHA1())
    unknown = x509.UnrecognizedExtension(x509.ObjectIdentifier("1.2.3.4"), b"\x05\x00")
    decode_request_untrusted(builder.add_extension(unknown, critical=False).build().public_bytes(Encoding.DER))
    with pytest.raises(BadOcsp):
        decode_request_untrusted(builder.add_extension(unknown, critical=True).build().public_bytes(Encoding.DER))


def test_trailing_octets_are_refused() -> None:
    with pytest.raises(BadOcsp):
        decode_response_untrusted(encode_response((GOOD,), WORLD.responder, NOW) + b"\x00")


def test_a_responder_with_pss_is_not_made_here() -> None:
    key = replace(WORLD.responder.key, algorithm=replace(WORLD.responder.key.algorithm, scheme="rsassa_pss"))
    with pytest.raises(ValueError, match="rsassa_pss"):
        encode_response((GOOD,), replace(WORLD.responder, key=key), NOW)


def test_a_revocation_has_a_time() -> None:
    with pytest.raises(ValueError, match="time of its revocation"):
        encode_response((replace(GOOD, status=CertStatus.REVOKED),), WORLD.responder, NOW)


def test_key_and_certificate_need_not_belong_together() -> None:
    """A responder whose certificate is another's can be made: the lab wants it as a fault."""
    stranger = World("stranger")
    ours = basic(encode_response((GOOD,), Responder(WORLD.signer, software_key(stranger.responder_key)), NOW))
    assert ours.is_by(WORLD.signer)
    assert not ours.is_signed_by(WORLD.signer)
    assert read(stranger.responder_certificate).serial_number == 7


def test_no_long_certificate_is_kept() -> None:
    before, odd = _kept.cache_info().currsize, decode_certificate_untrusted(odd_certificate(names=60, octets=100))
    name, key = subject_and_key(odd)
    assert len(name) > 4096
    assert odd.public_key.endswith(key)
    assert _kept.cache_info().currsize == before
