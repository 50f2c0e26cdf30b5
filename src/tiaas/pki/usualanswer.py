"""Reads an OCSP response of the usual form quickly (RFC 6960, 4.2; gemSpec_PKI V2.14.1, 9.1).

Usual is a successful one in DER that says of one certificate, named with SHA-1, that it is good, with CertHash by
SHA-256 and at most with a nonce. Whatever differs, right or wrong, is left to the general reader of `pki.ocsp`, which
alone judges; what is read here it reads alike, which is fuzzed.
"""

from datetime import datetime
from functools import lru_cache

from tiaas.cms.der import BIT_STRING, GENERALIZED_TIME, INTEGER, OCTET_STRING, SEQUENCE
from tiaas.pki.certificate import BadCertificate, algorithm_of, decode_certificate_untrusted
from tiaas.pki.extensions import USUAL
from tiaas.pki.ocspmessages import (
    NONCE_MAX,
    SHA256,
    BasicResponse,
    CertHash,
    CertId,
    CertStatus,
    OcspResponse,
    ResponseStatus,
    SingleResponse,
)
from tiaas.pki.strictder import (
    Element,
    Unusual,
    children,
    content,
    element_at,
    moment,
    whole,
)
from tiaas.pki.usualform import take_apart

_SUCCESSFUL = bytes.fromhex("0A0100")
_BASIC = bytes.fromhex("06092B0601050507300101")
_SHA1 = (bytes.fromhex("300906052B0E03021A0500"), bytes.fromhex("300706052B0E03021A"))
_SHA256 = (bytes.fromhex("300D06096086480165030402010500"), bytes.fromhex("300B0609608648016503040201"))
_GOOD = b"\x80\x00"
_CERT_HASH = bytes.fromhex("06052B2408030D")
_NONCE = bytes.fromhex("06092B0601050507300102")
_DATA_MAX = 1024
_BY_NAME, _BY_KEY = 0xA1, 0xA2
_NUMBER_MAX = 20
_RESPONDERS_KEPT, _RESPONDER_OCTETS_MAX = 64, 4096


def read_usual_answer(der: bytes) -> OcspResponse | None:
    """The response, or None for one that is not of the usual form, or for none at all.

    Raises what asn1crypto raises for a signature algorithm that is none, as the general reader does.
    """
    try:
        return OcspResponse(ResponseStatus.SUCCESSFUL, _basic(der))
    except ValueError:
        return None


def _basic(der: bytes) -> BasicResponse:
    response = element_at(der, 0, len(der))
    status, tagged = children(der, response, SEQUENCE, 2)
    (typed,) = children(der, tagged, 0xA0, 1)
    kind, encoded = children(der, typed, SEQUENCE, 2)
    if response[3] != len(der) or der[status[1] : status[3]] != _SUCCESSFUL or der[kind[1] : kind[3]] != _BASIC:
        raise Unusual
    data, algorithm, value, certificates = children(der, _only(der, encoded, OCTET_STRING), SEQUENCE, 4)
    responder, produced, statements, *extensions = children(der, data, SEQUENCE)
    (statement,) = children(der, statements, SEQUENCE, 1)
    signature = content(der, value, BIT_STRING)
    if responder[0] not in (_BY_NAME, _BY_KEY) or len(extensions) > 1:
        raise Unusual
    if signature[:1] != b"\0" or data[3] - data[1] > _DATA_MAX:
        raise Unusual
    named = _only(der, responder, responder[0])
    (signer,) = children(der, _only(der, certificates, 0xA0), SEQUENCE, 1)
    responder_certificate = whole(der, signer, SEQUENCE)
    if len(responder_certificate) > _RESPONDER_OCTETS_MAX or not _is_usual(responder_certificate):
        raise Unusual
    return BasicResponse(
        produced_at=_time(der, produced),
        responses=(_statement(der, statement),),
        nonce=_nonce(der, extensions[0]) if extensions else None,
        responder_key=content(der, named, OCTET_STRING) if responder[0] == _BY_KEY else None,
        responder_name=whole(der, named, SEQUENCE) if responder[0] == _BY_NAME else None,
        certificates=(responder_certificate,),
        signature_algorithm=algorithm_of(whole(der, algorithm, SEQUENCE)),
        signature=signature[1:],
        signed=der[data[1] : data[3]],
    )


@lru_cache(maxsize=_RESPONDERS_KEPT)
def _is_usual(certificate: bytes) -> bool:
    """Kept for the last ones: there are few responders."""
    try:
        decode_certificate_untrusted(certificate)
    except BadCertificate:
        return False
    return take_apart(certificate, USUAL) is not None


def _statement(der: bytes, statement: Element) -> SingleResponse:
    asked, status, this_update, *next_update, extensions = children(der, statement, SEQUENCE)
    method, name, key, number = children(der, asked, SEQUENCE, 4)
    if len(next_update) > 1 or der[status[1] : status[3]] != _GOOD or whole(der, method, SEQUENCE) not in _SHA1:
        raise Unusual
    if not 1 <= number[3] - number[2] <= _NUMBER_MAX:
        raise Unusual
    cert_hash = _extension(der, extensions, _CERT_HASH)
    hashed_with, digest = children(der, cert_hash, SEQUENCE, 2)
    if whole(der, hashed_with, SEQUENCE) not in _SHA256:
        raise Unusual
    serial_number = int.from_bytes(content(der, number, INTEGER), "big", signed=True)
    return SingleResponse(
        CertId(content(der, name, OCTET_STRING), content(der, key, OCTET_STRING), serial_number),
        CertStatus.GOOD,
        _time(der, this_update),
        _time(der, _only(der, next_update[0], 0xA0)) if next_update else None,
        cert_hash=CertHash(SHA256, content(der, digest, OCTET_STRING)),
    )


def _nonce(der: bytes, extensions: Element) -> bytes:
    nonce = content(der, _extension(der, extensions, _NONCE), OCTET_STRING)
    if not 1 <= len(nonce) <= NONCE_MAX:
        raise Unusual
    return nonce


def _extension(der: bytes, extensions: Element, oid: bytes) -> Element:
    """The value of the one extension there is."""
    (extension,) = children(der, _only(der, extensions, 0xA1), SEQUENCE, 1)
    name, value = children(der, extension, SEQUENCE, 2)
    if der[name[1] : name[3]] != oid:
        raise Unusual
    return _only(der, value, OCTET_STRING)


def _only(der: bytes, element: Element, tag: int) -> Element:
    (child,) = children(der, element, tag, 1)
    return child


def _time(der: bytes, element: Element) -> datetime:
    if element[0] != GENERALIZED_TIME:
        raise Unusual
    return moment(der, element)
