"""OCSP messages (RFC 6960) in the profile of the TI (gemSpec_PKI V2.14.1, 9.1; gemSpec_Krypt, GS-A_4393).

A request asks for one certificate, unsigned, CertID with SHA-1, with or without nonce. An answer carries the hash of
the certificate it speaks of as an extension of the single response (CertHash, 1.3.36.8.3.13, of Common PKI), the
signer's certificate and no reason for a revocation. Client and responder both use this codec; what an answer is worth
decides the client.
"""

from datetime import UTC, datetime
from typing import Any

from asn1crypto import algos, core, ocsp

from tiaas.base.errors import TiaasError
from tiaas.pki.certificate import SignatureAlgorithm, read_algorithm
from tiaas.pki.ocspbounds import EXTENSIONS_MAX, check_bounds
from tiaas.pki.ocspmessages import (
    NONCE_MAX,
    BasicResponse,
    CertHash,
    CertId,
    CertStatus,
    OcspRequest,
    OcspResponse,
    Responder,
    ResponseStatus,
    SingleResponse,
    sha1_of,
    subject_and_key,
)
from tiaas.pki.usualanswer import read_usual_answer
from tiaas.tlv import BadTlv, encode

REQUEST_TYPE = "application/ocsp-request"
RESPONSE_TYPE = "application/ocsp-response"
MAX_REQUEST = 4 * 1024
MAX_RESPONSE = 64 * 1024
"""Octets; a longer message is not looked at."""

CERT_HASH = "1.3.36.8.3.13"
_NONCE = "1.3.6.1.5.5.7.48.1.2"

# The writers put DER together themselves: asn1crypto takes longer to build an answer than a signature takes.
_INTEGER, _BIT_STRING, _OCTET_STRING, _ENUMERATED, _GENERALIZED_TIME, _SEQUENCE = 0x02, 0x03, 0x04, 0x0A, 0x18, 0x30
_NULL = b"\x05\x00"
_SHA1_OID = bytes.fromhex("06052B0E03021A")
_BASIC = bytes.fromhex("06092B0601050507300101")
_NONCE_OID = bytes.fromhex("06092B0601050507300102")
_CERT_HASH_OID = bytes.fromhex("06052B2408030D")
_SIGNED_WITH = {
    SignatureAlgorithm("ecdsa", "sha256"): bytes.fromhex("300A06082A8648CE3D040302"),
    SignatureAlgorithm("rsassa_pkcs1v15", "sha256"): bytes.fromhex("300D06092A864886F70D01010B0500"),
}

# asn1crypto raises these while it reads lazily; nothing else may leave the decoders.
_READ_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class BadOcsp(TiaasError):
    """Octets that are no OCSP message of this profile; says what is wrong."""


_NUMBERS = {
    ResponseStatus.SUCCESSFUL: 0,
    ResponseStatus.MALFORMED_REQUEST: 1,
    ResponseStatus.INTERNAL_ERROR: 2,
    ResponseStatus.TRY_LATER: 3,
    ResponseStatus.SIG_REQUIRED: 5,
    ResponseStatus.UNAUTHORIZED: 6,
}


# ---- requests --------------------------------------------------------------------------------------------------------


def encode_request(request: OcspRequest) -> bytes:
    """The DER octets of a request."""
    wanted = encode(_SEQUENCE, encode(_SEQUENCE, _cert_id(request.cert_id)))
    extensions = b"" if request.nonce is None else encode(0xA2, _nonce(request.nonce))
    return encode(_SEQUENCE, encode(_SEQUENCE, wanted, extensions))


def decode_request_untrusted(der: bytes) -> OcspRequest:
    """Reads a request for exactly one certificate; a signature on it is ignored. Raises only `BadOcsp`."""
    if len(der) > MAX_REQUEST:
        raise BadOcsp(f"{len(der)} octets are too many for a request")
    try:
        body = ocsp.OCSPRequest.load(der, strict=True)["tbs_request"]
        wanted = [_read_cert_id(item["req_cert"]) for item in body["request_list"]]
        nonce = _read_nonce(body["request_extensions"])
    except _READ_ERRORS as error:
        raise BadOcsp(f"request not readable ({type(error).__name__})") from None
    if len(wanted) != 1:
        raise BadOcsp(f"{len(wanted)} certificates are asked for, not one")
    return OcspRequest(wanted[0], nonce)


# ---- answers ---------------------------------------------------------------------------------------------------------


def encode_exception(status: ResponseStatus) -> bytes:
    """An answer that says why there is none; `status` is any but `SUCCESSFUL`."""
    if status is ResponseStatus.SUCCESSFUL:
        raise ValueError("an answer without content is not successful")
    return encode(_SEQUENCE, encode(_ENUMERATED, bytes([_NUMBERS[status]])))


def encode_response(
    responses: tuple[SingleResponse, ...], responder: Responder, produced_at: datetime, nonce: bytes | None = None
) -> bytes:
    """A signed answer, DER, with the responder's certificate in it. Times are cut to seconds."""
    name, key = subject_and_key(responder.certificate)
    named = encode(0xA1, name) if responder.by_name else encode(0xA2, encode(_OCTET_STRING, sha1_of(key)))
    singles = encode(_SEQUENCE, *(_single(response) for response in responses))
    extensions = b"" if nonce is None else encode(0xA1, _nonce(nonce))
    data = encode(_SEQUENCE, named, _time(produced_at), singles, extensions)
    algorithm = _SIGNED_WITH.get(responder.key.algorithm)
    if algorithm is None:
        raise ValueError(f"no answer is signed with {responder.key.algorithm.scheme} here")
    signature = encode(_BIT_STRING, b"\x00" + responder.key.sign(data))
    certificates = encode(0xA0, encode(_SEQUENCE, responder.certificate.encoded))
    basic = encode(_OCTET_STRING, encode(_SEQUENCE, data, algorithm, signature, certificates))
    return encode(_SEQUENCE, encode(_ENUMERATED, b"\x00"), encode(0xA0, encode(_SEQUENCE, _BASIC, basic)))


def decode_response_untrusted(der: bytes) -> OcspResponse:
    """Reads an answer completely; nothing of it is checked but its form. Raises only `BadOcsp`."""
    if len(der) > MAX_RESPONSE:
        raise BadOcsp(f"{len(der)} octets are too many for an answer")
    try:
        return read_usual_answer(der) or general_response(der)
    except (BadTlv, *_READ_ERRORS) as error:
        raise BadOcsp(f"answer not readable ({type(error).__name__})") from None


def general_response(der: bytes) -> OcspResponse:
    """Reads an answer of any form. Raises `BadOcsp`, `BadTlv` and what asn1crypto raises."""
    check_bounds(der)
    response = ocsp.OCSPResponse.load(der, strict=True)
    status = ResponseStatus(response["response_status"].native)
    if status is not ResponseStatus.SUCCESSFUL:
        return OcspResponse(status)
    content = response["response_bytes"]
    if content["response_type"].native != "basic_ocsp_response":
        raise BadOcsp("an answer of another type than basic")
    return OcspResponse(status, _read_basic(bytes(content["response"])))


def _read_basic(der: bytes) -> BasicResponse:
    basic = ocsp.BasicOCSPResponse.load(der, strict=True)
    data = basic["tbs_response_data"]
    responder = data["responder_id"]
    by_name = responder.name == "by_name"
    certificates = basic["certs"]
    return BasicResponse(
        produced_at=data["produced_at"].native,
        responses=tuple(_read_single(response) for response in data["responses"]),
        nonce=_read_nonce(data["response_extensions"]),
        responder_key=None if by_name else responder.chosen.native,
        responder_name=responder.chosen.untag().dump() if by_name else None,
        # Not `native`: that would read all of them.
        certificates=tuple(item.dump() for item in certificates) if isinstance(certificates, core.SequenceOf) else (),
        signature_algorithm=read_algorithm(basic["signature_algorithm"]),
        signature=basic["signature"].native,
        signed=data.dump(),
    )


def _read_single(response: ocsp.SingleResponse) -> SingleResponse:
    status = response["cert_status"]
    kind = CertStatus(status.name)
    return SingleResponse(
        cert_id=_read_cert_id(response["cert_id"]),
        status=kind,
        this_update=response["this_update"].native,
        next_update=response["next_update"].native,
        revoked_at=status.chosen["revocation_time"].native if kind is CertStatus.REVOKED else None,
        cert_hash=_read_cert_hash(_extensions(response["single_extensions"])),
    )


# ---- parts -----------------------------------------------------------------------------------------------------------


class _CertHash(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [("hash_algorithm", algos.DigestAlgorithm), ("certificate_hash", core.OctetString)]  # noqa: RUF012


def _cert_id(cert_id: CertId) -> bytes:
    number = cert_id.serial_number
    return encode(
        _SEQUENCE,
        encode(_SEQUENCE, _digest_oid(cert_id.algorithm), _NULL),
        encode(_OCTET_STRING, cert_id.issuer_name_hash),
        encode(_OCTET_STRING, cert_id.issuer_key_hash),
        encode(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True)),
    )


def _digest_oid(algorithm: str) -> bytes:
    return _SHA1_OID if algorithm == "sha1" else bytes(algos.DigestAlgorithmId(algorithm).dump())


def _read_cert_id(read: ocsp.CertId) -> CertId:
    """The parameters of the hash algorithm may be NULL or absent (Tab_PKI_290); they do not count."""
    return CertId(
        read["issuer_name_hash"].native,
        read["issuer_key_hash"].native,
        read["serial_number"].native,
        read["hash_algorithm"]["algorithm"].native,
    )


def _single(response: SingleResponse) -> bytes:
    if (response.revoked_at is None) is (response.status is CertStatus.REVOKED):
        raise ValueError("a revoked certificate, and no other, has the time of its revocation")
    revoked = b"" if response.revoked_at is None else encode(0xA1, _time(response.revoked_at))
    next_update = b"" if response.next_update is None else encode(0xA0, _time(response.next_update))
    extensions = b"" if response.cert_hash is None else encode(0xA1, _cert_hash(response.cert_hash))
    status = revoked or (b"\x80\x00" if response.status is CertStatus.GOOD else b"\x82\x00")
    return encode(_SEQUENCE, _cert_id(response.cert_id), status, _time(response.this_update), next_update, extensions)


def _cert_hash(cert_hash: CertHash) -> bytes:
    algorithm = encode(_SEQUENCE, core.ObjectIdentifier(cert_hash.algorithm).dump(), _NULL)
    value = encode(_SEQUENCE, algorithm, encode(_OCTET_STRING, cert_hash.digest))
    return encode(_SEQUENCE, encode(_SEQUENCE, _CERT_HASH_OID, encode(_OCTET_STRING, value)))


def _read_cert_hash(extensions: dict[str, bytes]) -> CertHash | None:
    if CERT_HASH not in extensions:
        return None
    read = _CertHash.load(extensions[CERT_HASH], strict=True)
    return CertHash(read["hash_algorithm"]["algorithm"].dotted, read["certificate_hash"].native)


def _nonce(nonce: bytes) -> bytes:
    value = encode(_OCTET_STRING, encode(_OCTET_STRING, nonce))
    return encode(_SEQUENCE, encode(_SEQUENCE, _NONCE_OID, value))


def _read_nonce(extensions: Any) -> bytes | None:
    value = _extensions(extensions).get(_NONCE)
    if value is None:
        return None
    nonce = bytes(core.OctetString.load(value, strict=True).native)
    if not 1 <= len(nonce) <= NONCE_MAX:
        raise ValueError("a nonce of this length is none")
    return nonce


def _extensions(extensions: Any) -> dict[str, bytes]:
    """The raw values by OID; one that occurs twice, or is critical and unknown here, is an error (RFC 5280, 4.2)."""
    found: dict[str, bytes] = {}
    if not isinstance(extensions, core.SequenceOf):
        return found
    if len(extensions) > EXTENSIONS_MAX:
        raise ValueError("too many extensions")
    for extension in extensions:
        oid = extension["extn_id"].dotted
        if oid in found or (extension["critical"].native and oid not in (CERT_HASH, _NONCE)):
            raise ValueError("an extension occurs twice, or is critical and unknown")
        found[oid] = bytes(extension["extn_value"])
    return found


def _time(moment: datetime) -> bytes:
    return encode(_GENERALIZED_TIME, f"{moment.astimezone(UTC):%Y%m%d%H%M%S}Z".encode())
