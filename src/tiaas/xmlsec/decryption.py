"""Encrypted parts of XML documents, read (W3C XML Encryption 1.1).

The keys of a part stand in its own KeyInfo, as EncryptedKey or as RetrievalMethod that names one elsewhere in the
document; a part without any shares those of the document. Whole elements and contents of elements are read.
"""

from binascii import a2b_base64
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.xmlsec.canonical import XmlElement
from tiaas.xmlsec.encryption import (
    CONTENT,
    ELEMENT,
    MGF1_SHA256,
    NONCE_SIZE,
    TAG_SIZE,
    XENC,
    XENC11,
    DataCipher,
    KeyTransport,
)
from tiaas.xmlsec.names import SHA256_URI, ds

_BLOCK: Final = 16
_WHITESPACE: Final = b" \t\r\n"
_MAX_PARTS: Final = 1000
_MAX_KEYS: Final = 20_000
"""In a document, and so often all its parts together name one that stands elsewhere."""
_CERTIFICATE_CHARACTERS: Final = 128 * 1024
_KEY_CHARACTERS: Final = 16 * 1024
"""Base64 with its blanks; keys of 16,384 bits make a sixth of it."""
_CIPHERS: Final = {cipher.value: cipher for cipher in DataCipher}


class BadEncryptedXml(TiaasError):
    """A document whose encrypted parts are not built as they must be."""


class NothingEncrypted(BadEncryptedXml):
    """There is no EncryptedData in the document."""


class Overlapping(BadEncryptedXml):
    """An encrypted part in another, or an Id that two elements have: which is meant is not clear."""


class CannotDecrypt(TiaasError):
    """A part does not come out with this key: the key is another's, or the part was changed."""


class WrongPadding(CannotDecrypt):
    """The padding of AES-CBC does not fit; `octets` came out with it.

    For who must not show by the time he takes that it is the padding.
    """

    def __init__(self, octets: bytes) -> None:
        super().__init__("the padding does not fit")
        self.octets = octets


@dataclass(frozen=True, slots=True, repr=False)
class FoundKey:
    """One EncryptedKey.

    `certificate` (DER) or `serial_number` says whose it is; with neither it may be anybody's. `transport` is None for
    an algorithm that no card has; `algorithm` is as written.
    """

    certificate: bytes | None
    serial_number: int | None
    transport: KeyTransport | None
    algorithm: str
    encrypted_key: bytes


@dataclass(frozen=True, slots=True, repr=False)
class EncryptedPart:
    """One EncryptedData; `cipher` is None for an algorithm that is not read."""

    keys: tuple[FoundKey, ...]
    cipher: DataCipher | None
    algorithm: str
    element: XmlElement
    is_content: bool

    @property
    def is_proven(self) -> bool:
        """Whether what comes out is as it was sealed: AES-GCM proves it, AES-CBC does not."""
        return self.cipher is not None and self.cipher.is_gcm

    def open(self, key: bytes) -> bytes:
        """The XML (UTF-8) that stands encrypted here. Raises only `CannotDecrypt`, with AES-CBC `WrongPadding`, too."""
        if self.cipher is None or len(key) != self.cipher.key_size:
            raise CannotDecrypt("a key of another length")
        try:
            octets = _binary(_one(_one(self.element, _x("CipherData")), _x("CipherValue")))
        except BadEncryptedXml as error:
            raise CannotDecrypt(str(error)) from None
        return _open_gcm(key, octets) if self.cipher.is_gcm else _open_cbc(key, octets)


def encrypted_parts(root: XmlElement) -> tuple[EncryptedPart, ...]:
    """The encrypted parts of a document, by its document element, in their order.

    Raises only `BadEncryptedXml`, `NothingEncrypted`, `Overlapping`.
    """
    elements = list(islice(root.iter(_x("EncryptedData")), _MAX_PARTS + 1))
    if not elements:
        raise NothingEncrypted("no EncryptedData")
    if len(elements) > _MAX_PARTS:
        raise BadEncryptedXml("too many encrypted parts")
    if any(next(element.iterancestors(_x("EncryptedData")), None) is not None for element in elements):
        raise Overlapping("EncryptedData in EncryptedData")
    keys = _Keys(root, elements)
    return tuple(_part(element, keys) for element in elements)


class _Keys:
    """The EncryptedKeys of a document for its parts: each is read once, and all parts without any share one tuple."""

    def __init__(self, root: XmlElement, parts: Sequence[XmlElement]) -> None:
        self._elements = list(islice(root.iter(_x("EncryptedKey")), _MAX_KEYS + 1))
        uris = list(islice((uri for part in parts for uri in _retrievals(part)), _MAX_KEYS + 1))
        if max(len(self._elements), len(uris)) > _MAX_KEYS:
            raise BadEncryptedXml("too many encrypted keys")
        self._known: dict[XmlElement, FoundKey] = {}
        self._all: tuple[FoundKey, ...] = ()
        self._by_id = {uri[1:]: list[XmlElement]() for uri in uris}
        for element in root.iter(etree.Element) if self._by_id else ():
            found = self._by_id.get(element.get("Id") or "")
            if found is not None and len(found) <= 1:
                found.append(element)

    def of(self, part: XmlElement) -> tuple[FoundKey, ...]:
        """The keys that a part names, each once; those of the document if it names none."""
        own = dict.fromkeys(part.iterfind(f"{ds('KeyInfo')}/{_x('EncryptedKey')}"))
        for uri in _retrievals(part):
            own.update(dict.fromkeys(self._named(uri)))
        if own:
            return tuple(map(self._key, own))
        self._all = self._all or tuple(map(self._key, self._elements))
        return self._all

    def _named(self, uri: str) -> list[XmlElement]:
        """What `#name` refers to, if that is an EncryptedKey."""
        found = self._by_id[uri[1:]]
        if len(found) > 1:
            raise Overlapping("an Id occurs twice")
        return [element for element in found if element.tag == _x("EncryptedKey")]

    def _key(self, element: XmlElement) -> FoundKey:
        if element not in self._known:
            self._known[element] = _key(element)
        return self._known[element]


def _retrievals(part: XmlElement) -> Iterable[str]:
    """The URIs by which a part names keys elsewhere in the document."""
    methods = part.iterfind(f"{ds('KeyInfo')}/{ds('RetrievalMethod')}")
    return (uri for method in methods if len(uri := method.get("URI", "")) > 1 and uri.startswith("#"))


def _part(element: XmlElement, keys: _Keys) -> EncryptedPart:
    found = keys.of(element)
    algorithm = _one(element, _x("EncryptionMethod")).get("Algorithm", "")
    kind = element.get("Type", ELEMENT)
    return EncryptedPart(found, _CIPHERS.get(algorithm), algorithm, element, kind == CONTENT)


def _key(element: XmlElement) -> FoundKey:
    method = _one(element, _x("EncryptionMethod"))
    certificate, serial = None, None
    for data in element.iterfind(f"{ds('KeyInfo')}/{ds('X509Data')}"):
        for found in data.iterfind(ds("X509Certificate")):
            certificate = certificate or _binary(found, _CERTIFICATE_CHARACTERS)
        for text in data.iterfind(f"{ds('X509IssuerSerial')}/{ds('X509SerialNumber')}"):
            serial = _serial(text.text or "")
    octets = _binary(_one(_one(element, _x("CipherData")), _x("CipherValue")), _KEY_CHARACTERS)
    return FoundKey(certificate, serial, _transport(method), method.get("Algorithm", ""), octets)


def _serial(text: str) -> int:
    digits = text.strip()
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 64:
        raise BadEncryptedXml("no serial number")
    return int(digits)


def _transport(method: XmlElement) -> KeyTransport | None:
    """None also for OAEP with another hash function than SHA-256: a card has no other (gemSpec_COS N091.450)."""
    algorithm = method.get("Algorithm", "")
    if algorithm == KeyTransport.ELC:
        return KeyTransport.ELC
    if algorithm != KeyTransport.RSA_OAEP:
        return None
    digest, mask = method.find(ds("DigestMethod")), method.find(f"{{{XENC11}}}MGF")
    # Left out they mean SHA-1 (XML Encryption 1.1, 5.5.2).
    is_sha256 = digest is not None and digest.get("Algorithm") == SHA256_URI
    is_mgf1 = mask is not None and mask.get("Algorithm") == MGF1_SHA256
    label = method.findtext(_x("OAEPparams")) or ""
    return KeyTransport.RSA_OAEP if is_sha256 and is_mgf1 and not label.strip() else None


def _open_gcm(key: bytes, octets: bytes) -> bytes:
    if len(octets) < NONCE_SIZE + TAG_SIZE:
        raise CannotDecrypt("too short")
    try:
        return AESGCM(key).decrypt(octets[:NONCE_SIZE], memoryview(octets)[NONCE_SIZE:], None)
    except InvalidTag:
        raise CannotDecrypt("the tag does not fit") from None


def _open_cbc(key: bytes, octets: bytes) -> bytes:
    """AES-CBC with the padding of XML Encryption 1.1, 5.2; nothing proves the content unchanged."""
    if len(octets) < 2 * _BLOCK or len(octets) % _BLOCK:
        raise CannotDecrypt("no whole blocks")
    decryptor = Cipher(AES(key), CBC(octets[:_BLOCK])).decryptor()
    padded = decryptor.update(memoryview(octets)[_BLOCK:]) + decryptor.finalize()
    if not 1 <= padded[-1] <= _BLOCK:
        raise WrongPadding(padded)
    return padded[: -padded[-1]]


def _one(parent: XmlElement, name: str) -> XmlElement:
    found = parent.findall(name)
    if len(found) != 1:
        raise BadEncryptedXml(f"not exactly one {name.rpartition('}')[2]}")
    return found[0]


def _binary(element: XmlElement, characters: int | None = None) -> bytes:
    """The octets that an element has in base64, in at most so many characters."""
    if len(element):
        raise BadEncryptedXml("elements inside base64")
    text = element.text or ""
    if characters is not None and len(text) > characters:
        raise BadEncryptedXml("a certificate or key that is too long")
    try:
        return a2b_base64(text.encode("ascii").translate(None, _WHITESPACE), strict_mode=True)
    except ValueError:
        raise BadEncryptedXml("not base64") from None


def _x(name: str) -> str:
    return f"{{{XENC}}}{name}"
