"""AuthEnvelopedData and EnvelopedData, read (RFC 5083, RFC 5652 section 6).

Taken are BER and the variants that other systems write; who holds a key of a recipient gets the content key from the
recipient's cryptogram and opens the content with it. Recipients of other kinds than key transport are passed over:
no card of the TI can serve them.
"""

from tiaas.base.dataclass import dataclass
from tiaas.cms import oids
from tiaas.cms.ber import Element, Elements, definite, dotted_oid, read_untrusted, string, string_segments, whole_number
from tiaas.cms.certificate import IssuerAndSerial
from tiaas.cms.contentalgorithm import algorithm_of, cipher_parameters
from tiaas.cms.contentcipher import CannotOpen, ContentCipher, Mode, open_cbc, open_gcm
from tiaas.cms.der import INTEGER, OCTET_STRING, SEQUENCE, SET
from tiaas.cms.enveloped import AUTH_ENVELOPED_DATA, ENCRYPTED_CONTENT, ENVELOPED_DATA, P_SPECIFIED, KeyTransport
from tiaas.cms.errors import BadCms

_ORIGINATOR_INFO = 0xA0
_AUTH_ATTRS = 0xA1
_SUBJECT_KEY_IDENTIFIER = 0x80
_MAX_RECIPIENTS = 20_000
_MAX_ENCRYPTED_KEY = 12 * 1024
"""Octets; keys of 16,384 bits make a sixth of it, and no command to a card holds more than 64 KiB."""


@dataclass(frozen=True, slots=True, repr=False)
class FoundRecipient:
    """One KeyTransRecipientInfo.

    `certificate` or `key_identifier` says whose it is. `transport` is None for an algorithm that no card has;
    `algorithm` is its object identifier as written.
    """

    certificate: IssuerAndSerial | None
    key_identifier: bytes | None
    transport: KeyTransport | None
    algorithm: str
    encrypted_key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class Enveloped:
    """An encrypted content. `cipher` is None for an algorithm that is not read; `algorithm` is as written."""

    recipients: tuple[FoundRecipient, ...]
    cipher: ContentCipher | None
    algorithm: str
    _start: bytes
    _ciphertext: tuple[memoryview, ...]
    _tag: bytes
    _associated: bytes

    def open(self, key: bytes) -> bytes:
        """The content. Raises only `CannotOpen`."""
        if self.cipher is None or len(key) != self.cipher.key_size:
            raise CannotOpen("a key of another length")
        if self.cipher.mode is Mode.GCM:
            return open_gcm(key, self._start, self._ciphertext, self._tag, self._associated)
        return open_cbc(key, self._start, self._ciphertext)


def is_enveloped(octets: bytes) -> bool:
    """Whether `octets` begin as a ContentInfo of one of the two kinds do."""
    try:
        kind = _content_type(octets)
    except BadCms:
        return False
    return kind in (AUTH_ENVELOPED_DATA, ENVELOPED_DATA)


def read_enveloped_untrusted(octets: bytes) -> Enveloped:
    """The encrypted content in a ContentInfo; raises only `BadCms`."""
    info = Elements(read_untrusted(octets).expect(SEQUENCE))
    kind = dotted_oid(info.take())
    if kind not in (AUTH_ENVELOPED_DATA, ENVELOPED_DATA):
        raise BadCms("no encrypted content")
    authenticated = kind == AUTH_ENVELOPED_DATA
    parts = Elements(Elements(info.take(0xA0)).take(SEQUENCE))
    parts.take(INTEGER)
    parts.optional(_ORIGINATOR_INFO)
    recipients = _recipients(parts.take(SET))
    content = Elements(parts.take(SEQUENCE))
    dotted_oid(content.take())
    algorithm, parameters = algorithm_of(content.take(SEQUENCE))
    # Missing if it is kept somewhere else (RFC 5652, 6.1); nobody could decrypt it then.
    encrypted = content.take()
    cipher = _cipher(algorithm, authenticated)
    start, tag_length = cipher_parameters(cipher, parameters)
    attributes = parts.optional(_AUTH_ATTRS) if authenticated else None
    tag = string(parts.take(), OCTET_STRING) if authenticated else b""
    if cipher is not None and len(tag) != tag_length:
        raise BadCms("a tag of another length than the parameters say")
    return Enveloped(
        recipients,
        cipher,
        algorithm,
        start,
        tuple(string_segments(encrypted, OCTET_STRING, ENCRYPTED_CONTENT)),
        tag,
        b"" if attributes is None else definite(attributes, SET),
    )


def _content_type(octets: bytes) -> str:
    return dotted_oid(Elements(read_untrusted(octets).expect(SEQUENCE)).take())


def _recipients(parent: Element) -> tuple[FoundRecipient, ...]:
    infos = parent.children()
    if len(infos) > _MAX_RECIPIENTS:
        raise BadCms("too many recipients")
    return tuple(_recipient(info) for info in infos if info.tag == SEQUENCE)


def _recipient(info: Element) -> FoundRecipient:
    parts = Elements(info)
    parts.take(INTEGER)
    name = parts.take()
    key_identifier = name.value if name.tag == _SUBJECT_KEY_IDENTIFIER else None
    certificate = _issuer_and_serial(name) if key_identifier is None else None
    algorithm, parameters = algorithm_of(parts.take(SEQUENCE))
    encrypted_key = string(parts.take(), OCTET_STRING)
    parts.end()
    if len(encrypted_key) > _MAX_ENCRYPTED_KEY:
        raise BadCms("an encrypted key that is too long")
    return FoundRecipient(certificate, key_identifier, _transport(algorithm, parameters), algorithm, encrypted_key)


def _issuer_and_serial(name: Element) -> IssuerAndSerial:
    parts = Elements(name.expect(SEQUENCE))
    issuer = definite(parts.take(SEQUENCE))
    serial = whole_number(parts.take(INTEGER))
    parts.end()
    return IssuerAndSerial(issuer, serial)


def _transport(algorithm: str, parameters: Element | None) -> KeyTransport | None:
    """None also for RSAES-OAEP with another hash function: a card has SHA-256 only (gemSpec_COS N091.450)."""
    if algorithm == KeyTransport.RSAES_OAEP:
        return KeyTransport.RSAES_OAEP if _is_oaep_sha256(parameters) else None
    return KeyTransport.ELC if algorithm == KeyTransport.ELC else None


def _is_oaep_sha256(parameters: Element | None) -> bool:
    """RSAES-OAEP-params (RFC 4055, 4.1); what is left out means SHA-1, or an empty label."""
    if parameters is None:
        return False
    found = {part.tag: part.children() for part in parameters.expect(SEQUENCE).children()}
    if any(len(inner) != 1 for inner in found.values()) or 0xA0 not in found or 0xA1 not in found:
        return False
    if 0xA2 in found and not _is_empty_label(found[0xA2][0]):
        return False
    mask, mask_parameters = algorithm_of(found[0xA1][0])
    hashes = (algorithm_of(found[0xA0][0])[0], mask_parameters and algorithm_of(mask_parameters)[0])
    return mask == oids.MGF1 and hashes == (oids.SHA256, oids.SHA256)


def _is_empty_label(source: Element) -> bool:
    algorithm, label = algorithm_of(source)
    return algorithm == P_SPECIFIED and label is not None and not string(label, OCTET_STRING)


def _cipher(algorithm: str, authenticated: bool) -> ContentCipher | None:
    try:
        cipher = ContentCipher(algorithm)
    except ValueError:
        return None
    if authenticated is not (cipher.mode is Mode.GCM):
        raise BadCms("the algorithm does not belong in this structure")
    return cipher
