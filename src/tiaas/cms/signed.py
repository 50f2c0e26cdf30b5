"""Reads SignedData (RFC 5652, 5) from outside, BER included. Checks the structure only: no mathematics, no trust.

Everything is kept as it is written, so that another signature can be added without changing what is there.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from tiaas.base.dataclass import dataclass
from tiaas.cms import oids
from tiaas.cms.ber import (
    Element,
    Elements,
    definite,
    dotted,
    dotted_oid,
    on_the_way,
    read_untrusted,
    string,
    string_segments,
    whole_number,
)
from tiaas.cms.certificate import IssuerAndSerial
from tiaas.cms.der import (
    INTEGER,
    OCTET_STRING,
    OID_TAG,
    SEQUENCE,
    SET,
    moment_of,
    oid,
    sequence,
    set_of,
)
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import Attribute
from tiaas.tlv import encode

MAX_SIGNERS = 100
MAX_ATTRIBUTES = 100
MAX_CERTIFICATES = 1000
"""More than these are refused; certificates and revocation infos each."""
# What is the same in all signatures of a signer is kept as it was read, for the last ones.
_ALGORITHMS_KEPT, _ALGORITHM_KEPT_OCTETS = 256, 128
_SIGNERS_KEPT, _NAME_KEPT_OCTETS, _ATTRIBUTE_KEPT_OCTETS = 512, 512, 512
_CHOICES_KEPT, _CHOICES_KEPT_OCTETS = 256, 16 * 1024


class Algorithm(NamedTuple):
    """An AlgorithmIdentifier: its OID and its parameters as they are written, or None."""

    oid: str
    parameters: bytes | None


class ReadAttribute(NamedTuple):
    """An attribute: its OID, its values (each encoded) and the whole of it as it is written."""

    oid: str
    values: tuple[bytes, ...]
    encoded: bytes


@dataclass(frozen=True, slots=True, repr=False)
class SignerInfo:
    """One SignerInfo (RFC 5652, 5.3); `encoded` is all of it. The signer is named by one of the two names.

    `signed` is None for a signature over the content itself.
    """

    encoded: bytes
    version: int
    issuer_and_serial: IssuerAndSerial | None
    key_identifier: bytes | None
    digest_algorithm: Algorithm
    signed: tuple[ReadAttribute, ...] | None
    _by_name: Mapping[str, bytes | None]
    _signed_set: Element | None
    signature_algorithm: Algorithm
    value: bytes
    unsigned: tuple[ReadAttribute, ...]

    def signed_attribute(self, name: str) -> bytes | None:
        """The one value of a signed attribute, or None; raises `BadCms` if there are several."""
        if name not in self._by_name:
            return None
        value = self._by_name[name]
        if value is None:
            raise BadCms("an attribute with several values where one belongs")
        return value

    def signed_forms(self) -> Iterator[bytes]:
        """The encodings of the signed attributes that may have been signed; raises `BadCms`.

        As written (if that is of definite length) first: nearly always it is the DER form, and the only one.
        """
        element = self._signed_set
        if element is None:
            return
        written = bytes([SET]) + element.encoded[1:] if element.stop == element.end else b""
        if written:
            yield written
        attributes = [definite(child) for child in element.children()]
        in_order = encode(SET, *attributes)
        if in_order != written:
            yield in_order
        in_der = set_of(attributes)
        if in_der not in (written, in_order):
            yield in_der

    def with_unsigned(self, attribute: bytes) -> bytes:
        """The SignerInfo with one unsigned attribute more; all else stays as it is written."""
        parts = [child.encoded for child in read_untrusted(self.encoded).children() if child.tag != _UNSIGNED]
        return sequence(*parts, set_of([*(item.encoded for item in self.unsigned), attribute], _UNSIGNED))


@dataclass(frozen=True, slots=True, repr=False)
class SignedData:
    """A SignedData. Certificates (all choices), revocation infos and digest algorithms are kept as they are written.

    `segments` are the content's octets, None if it is detached.
    """

    digest_algorithms: tuple[bytes, ...]
    content_type: str
    segments: tuple[memoryview, ...] | None
    certificate_choices: tuple[bytes, ...]
    revocation: tuple[bytes, ...]
    signers: tuple[SignerInfo, ...]

    def content(self) -> bytes | None:
        """The content in one piece, or None if it is detached."""
        return None if self.segments is None else b"".join(self.segments)

    def certificates(self) -> tuple[bytes, ...]:
        """The X.509 certificates among the choices."""
        return tuple(choice for choice in self.certificate_choices if choice[0] == SEQUENCE)

    def ocsp(self) -> tuple[bytes, ...]:
        """The OCSPResponses among the revocation infos (RFC 5940, 3); raises `BadCms`."""
        return tuple(found for choice in self.revocation if (found := _ocsp_response(choice)) is not None)


_SIGNED, _UNSIGNED, _KEY_IDENTIFIER = 0xA0, 0xA1, 0x80
_ALIKE = tuple(
    oid(name)
    for name in (
        Attribute.CONTENT_TYPE,
        Attribute.SIGNING_CERTIFICATE_V2,
        Attribute.SIGNING_CERTIFICATE,
        Attribute.SIGNATURE_POLICY,
        Attribute.ALGORITHM_PROTECTION,
    )
)
"""How attributes begin whose octets are the same in all signatures of a signer."""


def decode_signed_data_untrusted(octets: bytes) -> SignedData:
    """Reads a ContentInfo with SignedData; raises only `BadCms`."""
    parts = (_usual_content(octets) or _content_of_info(octets)).children()
    if len(parts) < 4:
        raise BadCms("an element is missing")
    version, digests, content, *choices, signers = parts
    whole_number(version)
    content_type, segments = _content(content.expect(SEQUENCE))
    certificates = choices.pop(0) if choices and choices[0].tag == 0xA0 else None
    revocation = choices.pop(0) if choices and choices[0].tag == 0xA1 else None
    if choices:
        raise BadCms("more elements than expected")
    return SignedData(
        digest_algorithms=_digest_algorithms(digests.expect(SET)),
        content_type=content_type,
        segments=segments,
        certificate_choices=_encoded(certificates),
        revocation=_encoded(revocation),
        signers=tuple([_signer(element) for element in _bounded(signers.expect(SET), MAX_SIGNERS)]),
    )


_WAY_TO_CONTENT = (0, 1, 0, 2, 1, 0)
"""ContentInfo, content, SignedData, encapContentInfo, eContent, its OCTET STRING."""
_INFO = re.compile(rb"\x30\x82(..)" + re.escape(oid(oids.SIGNED_DATA)) + rb"\xa0\x82(..)\x30\x82(..)", re.DOTALL)


def _usual_content(octets: bytes) -> Element | None:
    """The SignedData of a ContentInfo, all of whose lengths are definite and in two octets; None for another one."""
    head = _INFO.match(octets)
    if head is None:
        return None
    size = len(octets)
    for number in (1, 2, 3):
        if int.from_bytes(head[number], "big") != size - head.end(number):
            return None
    first = head.end()
    return Element(octets, SEQUENCE, first - 4, first, size, size)


def _content_of_info(octets: bytes) -> Element:
    info = read_untrusted(octets).expect(SEQUENCE).children()
    if len(info) != 2 or dotted_oid(info[0]) != oids.SIGNED_DATA:
        raise BadCms("the content is no SignedData")
    return info[1].expect(0xA0).only().expect(SEQUENCE)


def octets_beside_content(octets: bytes) -> int:
    """How many octets of a ContentInfo with SignedData are not of its content; all where that is not in one piece.

    Reads next to nothing, so this bounds what reading all of it takes: the content is elements to nobody.
    """
    content = on_the_way(octets, _WAY_TO_CONTENT)
    if content is None or content.tag != OCTET_STRING:
        return len(octets)
    return len(octets) - (content.stop - content.first)


def decode_signer_info_untrusted(octets: bytes) -> SignerInfo:
    """Reads a SignerInfo, as countersignature attributes hold them; raises only `BadCms`."""
    return _signer(read_untrusted(octets))


def decode_attribute_untrusted(octets: bytes) -> ReadAttribute:
    """Reads one Attribute; raises only `BadCms`."""
    return _attribute(read_untrusted(octets))


def algorithm_of(element: Element) -> Algorithm:
    """The AlgorithmIdentifier in an element with any tag; raises `BadCms`."""
    encoded = element.encoded
    return _algorithm(encoded) if len(encoded) <= _ALGORITHM_KEPT_OCTETS else _algorithm.__wrapped__(encoded)


@lru_cache(maxsize=_ALGORITHMS_KEPT)
def _algorithm(encoded: bytes) -> Algorithm:
    """Kept for the last ones: there are few."""
    parts = Elements(read_untrusted(encoded))
    name = dotted_oid(parts.take(OID_TAG))
    parameters = parts.take().encoded if parts.left else None
    parts.end()
    return Algorithm(name, parameters)


def time_untrusted(octets: bytes) -> datetime:
    """A Time (RFC 5652, 11.3) as an aware moment; raises only `BadCms`."""
    element = read_untrusted(octets)
    try:
        return moment_of(element.tag, bytes(element.value))
    except ValueError:
        raise BadCms("no time in the form that CMS demands") from None


def _content(element: Element) -> tuple[str, tuple[memoryview, ...] | None]:
    parts = element.children()
    if not 1 <= len(parts) <= 2:
        raise BadCms("a content has a type and at most itself")
    name = dotted_oid(parts[0])
    if len(parts) == 1:
        return name, None
    return name, tuple(string_segments(parts[1].expect(0xA0).only(), OCTET_STRING))


def _signer(element: Element) -> SignerInfo:
    parts = element.expect(SEQUENCE).children()
    if len(parts) < 5:
        raise BadCms("an element is missing")
    version, signer, digest_algorithm, *rest = parts
    by_key = signer.tag == _KEY_IDENTIFIER
    signed = rest.pop(0) if rest[0].tag == _SIGNED else None
    unsigned = rest.pop().expect(_UNSIGNED) if len(rest) == 3 else None
    if len(rest) != 2:
        raise BadCms("fewer or more elements than expected")
    algorithm, value = rest
    attributes = None if signed is None else _attributes(signed)
    return SignerInfo(
        encoded=element.encoded,
        version=whole_number(version),
        issuer_and_serial=None if by_key else _named(signer.expect(SEQUENCE).encoded),
        key_identifier=signer.value if by_key else None,
        digest_algorithm=algorithm_of(digest_algorithm.expect(SEQUENCE)),
        signed=attributes,
        _by_name=_by_name(attributes or ()),
        _signed_set=signed,
        signature_algorithm=algorithm_of(algorithm.expect(SEQUENCE)),
        value=string(value, OCTET_STRING),
        unsigned=() if unsigned is None else _attributes(unsigned),
    )


def _named(encoded: bytes) -> IssuerAndSerial:
    """An IssuerAndSerialNumber."""
    return _issuer_and_serial(encoded) if len(encoded) <= _NAME_KEPT_OCTETS else _issuer_and_serial.__wrapped__(encoded)


@lru_cache(maxsize=_SIGNERS_KEPT)
def _issuer_and_serial(encoded: bytes) -> IssuerAndSerial:
    parts = Elements(read_untrusted(encoded))
    found = IssuerAndSerial(parts.take(SEQUENCE).encoded, whole_number(parts.take(INTEGER)))
    parts.end()
    return found


def _attributes(element: Element) -> tuple[ReadAttribute, ...]:
    return tuple(map(_attribute, _bounded(element, MAX_ATTRIBUTES)))


def _attribute(element: Element) -> ReadAttribute:
    octets, _, start, first, _, end, _ = element
    if end - start <= _ATTRIBUTE_KEPT_OCTETS and octets.startswith(_ALIKE, first):
        return _alike(octets[start:end])
    return _short_attribute(element) or _read_attribute(element)


@lru_cache(maxsize=_SIGNERS_KEPT)
def _alike(encoded: bytes) -> ReadAttribute:
    return _read_attribute(read_untrusted(encoded))


def _short_attribute(element: Element) -> ReadAttribute | None:
    """`_read_attribute` of one with one value and lengths in one octet, as nearly all that are not alike; else None.

    Lists of its elements cost as much as all that follows from them.
    """
    octets, tag, start, first, stop, end, _ = element
    if tag != SEQUENCE or stop != end or stop - first < 6:
        return None
    values = first + 2 + octets[first + 1]
    value = values + 2
    if octets[first] != OID_TAG or octets[first + 1] >= 0x80 or value + 2 > stop:
        return None
    size, kind = stop - value, octets[value]
    if size >= 0x80 or octets[values] != SET or octets[values + 1] != size or octets[value + 1] != size - 2:
        return None
    if not kind or kind & 0x1F == 0x1F:
        return None
    return ReadAttribute(dotted(octets[first + 2 : values]), (octets[value:stop],), octets[start:end])


def _read_attribute(element: Element) -> ReadAttribute:
    parts = element.expect(SEQUENCE).children()
    if len(parts) != 2:
        raise BadCms("an attribute has a name and values")
    name, values = parts
    encoded = tuple([value.encoded for value in _bounded(values.expect(SET), MAX_ATTRIBUTES)])
    return ReadAttribute(dotted_oid(name), encoded, element.encoded)


def _by_name(attributes: Iterable[ReadAttribute]) -> Mapping[str, bytes | None]:
    """The one value of each; None for several, or none."""
    found: dict[str, bytes | None] = {}
    for name, values, _ in attributes:
        found[name] = values[0] if len(values) == 1 and name not in found else None
    return found


def _ocsp_response(choice: bytes) -> bytes | None:
    if choice[0] != 0xA1:
        return None
    other = Elements(read_untrusted(choice))
    if dotted_oid(other.take(OID_TAG)) != oids.OCSP_RESPONSE:
        return None
    return other.take(SEQUENCE).encoded


def _digest_algorithms(element: Element) -> tuple[bytes, ...]:
    encoded = element.encoded
    return _few(encoded) if len(encoded) <= _ALGORITHM_KEPT_OCTETS else _few.__wrapped__(encoded)


@lru_cache(maxsize=_ALGORITHMS_KEPT)
def _few(encoded: bytes) -> tuple[bytes, ...]:
    return tuple([child.encoded for child in _bounded(read_untrusted(encoded), MAX_SIGNERS)])


def _encoded(element: Element | None) -> tuple[bytes, ...]:
    if element is None:
        return ()
    if element.end - element.start <= _CHOICES_KEPT_OCTETS:
        return _choices(element.encoded)
    return _each(element)


@lru_cache(maxsize=_CHOICES_KEPT)
def _choices(encoded: bytes) -> tuple[bytes, ...]:
    """Certificates or revocation infos."""
    return _each(read_untrusted(encoded))


def _each(element: Element) -> tuple[bytes, ...]:
    return tuple([child.encoded for child in _bounded(element, MAX_CERTIFICATES)])


def _bounded(element: Element, most: int) -> list[Element]:
    found = element.children()
    if len(found) > most:
        raise BadCms(f"more than {most} elements in a set")
    return found
