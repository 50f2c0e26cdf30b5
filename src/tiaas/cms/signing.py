"""Writes SignedData (RFC 5652, 5) for signatures made elsewhere.

    attributes = signed_attributes([content_type(DATA), message_digest(digest), …])
    value = … sign attributes.digest …
    info = signer_info(signer_named(issuer_and_serial), attributes, signature_algorithm, value)
    octets = SignedDataParts(signers=(info,), certificates=(certificate,)).encode()

Everything is DER; sets are sorted. What a certificate brings (issuer and serial, signing-certificate attribute) the
callers keep per certificate.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import lru_cache
from hashlib import sha256

from tiaas.base.dataclass import dataclass
from tiaas.base.slices import joined
from tiaas.cms import oids
from tiaas.cms.algorithms import DIGEST_SHA256
from tiaas.cms.certificate import IssuerAndSerial
from tiaas.cms.der import (
    OCTET_STRING,
    SEQUENCE,
    SET,
    Chunks,
    integer,
    octet_string,
    oid,
    sequence,
    set_of,
    time,
    utf8_string,
    wrap,
)
from tiaas.cms.oids import Attribute
from tiaas.tlv import encode, header

_SIGNER_VERSION_1 = integer(1)
_KEPT = 64
_DIGEST_SIZE = 32
_SIGNED_DATA = oid(oids.SIGNED_DATA)
_VERSIONS = tuple(integer(number) for number in range(6))
_SIGNED = b"\xa0"
_UNSIGNED, _CERTIFICATES, _CRLS = 0xA1, 0xA0, 0xA1
_OTHER_REVOCATION = 0xA1
_V1_ATTRIBUTE_CERTIFICATE, _V2_ATTRIBUTE_CERTIFICATE, _OTHER_CERTIFICATE = 0xA1, 0xA2, 0xA3


# ---- attributes ------------------------------------------------------------------------------------------------------


def attribute(name: str, *values: bytes) -> bytes:
    """An Attribute with DER values; `name` is an OID."""
    return sequence(oid(name), set_of(values))


@lru_cache(maxsize=_KEPT)
def content_type(name: str) -> bytes:
    """content-type: the OID of what is signed."""
    return attribute(Attribute.CONTENT_TYPE, oid(name))


def message_digest(digest: bytes) -> bytes:
    """message-digest: the hash value of the content."""
    return attribute(Attribute.MESSAGE_DIGEST, octet_string(digest))


def signing_time(moment: datetime) -> bytes:
    """signing-time, in whole seconds."""
    return _signing_second(moment.replace(microsecond=0))


@lru_cache(maxsize=_KEPT)
def _signing_second(moment: datetime) -> bytes:
    """Made once for all that is signed in the same second."""
    return attribute(Attribute.SIGNING_TIME, time(moment))


def signing_certificate(certificate: bytes, names: IssuerAndSerial) -> bytes:
    """signing-certificate-v2 with SHA-256, the default that DER leaves out, and issuerSerial (RFC 5035, 4)."""
    issuer_serial = sequence(sequence(encode(0xA4, names.issuer)), integer(names.serial))
    identifier = sequence(octet_string(sha256(certificate).digest()), issuer_serial)
    return attribute(Attribute.SIGNING_CERTIFICATE_V2, sequence(sequence(identifier)))


def content_hints(description: str) -> bytes:
    """content-hints of id-data with a ContentDescription (RFC 2634, 2.9)."""
    return attribute(Attribute.CONTENT_HINTS, sequence(utf8_string(description), oid(oids.DATA)))


def mime_type(name: str) -> bytes:
    """mime-type of the content (ETSI TS 101 733 V2.2.1, 5.11.5)."""
    return attribute(Attribute.MIME_TYPE, utf8_string(name))


def algorithm_protection(signature_algorithm: bytes) -> bytes:
    """CMSAlgorithmProtection: SHA-256 and the signature algorithm, an AlgorithmIdentifier (RFC 6211, 2)."""
    return attribute(Attribute.ALGORITHM_PROTECTION, sequence(DIGEST_SHA256, b"\xa1" + signature_algorithm[1:]))


def signature_policy(name: str) -> bytes:
    """signature-policy-identifier with an OID; its hash value is zero, "not known" (ETSI TS 101 733, 5.8.1)."""
    unknown = sequence(DIGEST_SHA256, octet_string(b"\x00"))
    return attribute(Attribute.SIGNATURE_POLICY, sequence(oid(name), unknown))


# ---- SignerInfo ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, repr=False)
class SignedAttributes:
    """The signed attributes of one signature as a SET OF, which is what is hashed and signed (RFC 5652, 5.4)."""

    encoded: bytes

    @property
    def digest(self) -> bytes:
        """The SHA-256 hash value that the key signs."""
        return sha256(self.encoded).digest()


def signed_attributes(attributes: Iterable[bytes]) -> SignedAttributes:
    """The attributes, each once."""
    return SignedAttributes(set_of(attributes))


@dataclass(frozen=True, slots=True, repr=False)
class AttributesAround:
    """Signed attributes but for the hash value in message-digest: what stands before and behind it in the SET OF.

    The order of a SET OF is that of its elements' octets; another attribute differs from message-digest in its OID or
    in a length before that, so the hash value has no part in it.
    """

    before: bytes
    behind: bytes

    def with_digest(self, digest: bytes) -> SignedAttributes:
        """All of them; `digest` is a SHA-256 hash value."""
        return SignedAttributes(self.before + digest + self.behind)


def attributes_around(others: Iterable[bytes]) -> AttributesAround:
    """What goes around a SHA-256 hash value; `others` are the attributes beside message-digest, each once."""
    place = message_digest(bytes(_DIGEST_SIZE))
    ordered = sorted([*others, place])
    at = sum(map(len, ordered[: ordered.index(place) + 1]))
    body = b"".join(ordered)
    return AttributesAround(header(SET, len(body)) + body[: at - _DIGEST_SIZE], body[at:])


def signer_named(signer: IssuerAndSerial) -> bytes:
    """How a SignerInfo version 1 with SHA-256 begins, up to the signed attributes."""
    return _SIGNER_VERSION_1 + signer.encode() + DIGEST_SHA256


def signer_info(
    named: bytes,
    attributes: SignedAttributes,
    signature_algorithm: bytes,
    value: bytes,
    unsigned: Sequence[bytes] = (),
) -> bytes:
    """A SignerInfo that begins with `signer_named`; `value` is the signature value, ECDSA in DER."""
    body = b"".join(
        (
            named,
            _SIGNED,
            attributes.encoded[1:],
            signature_algorithm,
            header(OCTET_STRING, len(value)),
            value,
            set_of(unsigned, _UNSIGNED) if unsigned else b"",
        )
    )
    return header(SEQUENCE, len(body)) + body


# ---- SignedData ------------------------------------------------------------------------------------------------------


def ocsp_revocation(response: bytes) -> bytes:
    """A RevocationInfoChoice `other` with an OCSPResponse (RFC 5940, 2)."""
    return encode(_OTHER_REVOCATION, oid(oids.OCSP_RESPONSE), response)


class SignedDataFrame:
    """A SignedData but for its signers, which come last; what a signer's own is made once for all his signatures."""

    __slots__ = ("_before", "_length")

    def __init__(self, before: Sequence[bytes]) -> None:
        self._before = before
        self._length = sum(map(len, before))

    def with_signers(self, signers: Sequence[bytes]) -> bytes:
        """The ContentInfo with these SignerInfos."""
        infos = set_of(signers)
        length = self._length + len(infos)
        signed_data = header(SEQUENCE, length)
        length += len(signed_data)
        content = _SIGNED_DATA + header(0xA0, length)
        return joined((header(SEQUENCE, len(content) + length), content, signed_data, *self._before, infos))


@dataclass(frozen=True, slots=True, repr=False)
class SignedDataParts:
    """What a SignedData is made of, each element encoded: see RFC 5652, 5.1.

    `content` is None for a detached signature. Certificates and revocation infos are written once each. `names_by_key`
    says that one of the signers is named by a key identifier.
    """

    signers: Sequence[bytes]
    certificates: Sequence[bytes]
    content: bytes | None = None
    content_type: str = oids.DATA
    revocation: Sequence[bytes] = ()
    digest_algorithms: Sequence[bytes] = (DIGEST_SHA256,)
    names_by_key: bool = False

    def encode(self) -> bytes:
        """The ContentInfo."""
        return self.frame().with_signers(self.signers)

    def frame(self) -> "SignedDataFrame":
        """All of it but for the signers."""
        return SignedDataFrame(
            (
                _VERSIONS[self._version()],
                set_of(set(self.digest_algorithms)),
                *self._content(),
                set_of(set(self.certificates), _CERTIFICATES) if self.certificates else b"",
                set_of(set(self.revocation), _CRLS) if self.revocation else b"",
            )
        )

    def _content(self) -> Chunks:
        if self.content is None:
            return [sequence(oid(self.content_type))]
        octets = wrap(OCTET_STRING, self.content)
        return wrap(SEQUENCE, oid(self.content_type), wrap(0xA0, octets))

    def _version(self) -> int:
        """RFC 5652, 5.1; the choices of certificates and revocation infos are told by their first octet."""
        certificates = {element[0] for element in self.certificates}
        if _OTHER_CERTIFICATE in certificates or any(element[0] == _OTHER_REVOCATION for element in self.revocation):
            return 5
        if _V2_ATTRIBUTE_CERTIFICATE in certificates:
            return 4
        third = _V1_ATTRIBUTE_CERTIFICATE in certificates or self.names_by_key or self.content_type != oids.DATA
        return 3 if third else 1
