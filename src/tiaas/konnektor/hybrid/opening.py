"""Encrypted documents before anybody has a key: what stands in them closed, and for whom. Pure.

CMS has one closed part, an XML document one per EncryptedData. Reading and opening are made for a thread.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial

from tiaas.ades.xadesdocument import XmlDocument, code_of, parse_xml_untrusted, reason_of
from tiaas.ades.xmlencryption import checked_part, put_back
from tiaas.ades.xmlsplice import NotLocated
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.card.keytransport import KeyWay
from tiaas.cms import enveloped
from tiaas.cms.certificate import IssuerAndSerial, names_untrusted
from tiaas.cms.contentcipher import CannotOpen
from tiaas.cms.envelopedreader import FoundRecipient, is_enveloped, read_enveloped_untrusted
from tiaas.cms.errors import BadCms
from tiaas.soap.errors import BadEnvelope
from tiaas.xmlsec import encryption
from tiaas.xmlsec.decryption import (
    BadEncryptedXml,
    CannotDecrypt,
    EncryptedPart,
    FoundKey,
    NothingEncrypted,
    Overlapping,
    WrongPadding,
    encrypted_parts,
)

_OF_CMS = {enveloped.KeyTransport.RSAES_OAEP: KeyWay.RSA, enveloped.KeyTransport.ELC: KeyWay.ECC}
_OF_XML = {encryption.KeyTransport.RSA_OAEP: KeyWay.RSA, encryption.KeyTransport.ELC: KeyWay.ECC}

NOT_FOUND, NOT_UNIQUE, NOT_POSSIBLE = 4103, 4104, 4107


class CannotRead(TiaasError):
    """Nothing can be opened in the document; `code` is the gematik code, `reason` says why, without content."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has a key, in all ways in which a document may name him; `way` is what his key is good for."""

    certificate: bytes
    issuer_and_serial: IssuerAndSerial
    key_identifier: bytes | None
    way: KeyWay

    @staticmethod
    def of(certificate: bytes, way: KeyWay) -> "Holder":
        """The holder of a certificate (DER); raises `BadCms` if it cannot be read."""
        names = names_untrusted(certificate)
        return Holder(certificate, names.issuer_and_serial, names.key_identifier, way)


@dataclass(frozen=True, slots=True, repr=False)
class ClosedKey:
    """A content key, encrypted for one recipient. `way` is None for an algorithm that is not supported."""

    is_for: Callable[[Holder], bool]
    way: KeyWay | None
    cryptogram: bytes


@dataclass(frozen=True, slots=True, repr=False)
class ClosedPart:
    """Something encrypted. `supported`: whether its algorithm is. `open` raises only `CannotRead` (4107).

    Parts for the same keys have the same tuple, however many keys that are.
    """

    keys: tuple[ClosedKey, ...]
    supported: bool
    open: Callable[[bytes], bytes]


@dataclass(frozen=True, slots=True, repr=False)
class ClosedDocument:
    """The closed parts; `finish` makes the document of what came out of them, by number (`CannotRead`).

    `octets` is how many the document has: so much work it is to open and to finish it.
    `is_proven`: what comes out is as it was sealed. If not, whoever asks must not learn what is wrong with it: with
    AES-CBC he would learn the content block by block.
    """

    parts: tuple[ClosedPart, ...]
    finish: Callable[[Mapping[int, bytes]], bytes]
    octets: int
    is_proven: bool = True


def is_cms(document: bytes) -> bool:
    """Whether the octets are an encrypted CMS."""
    return is_enveloped(document)


def read_cms_untrusted(document: bytes) -> ClosedDocument:
    """The encrypted content of a CMS; raises only `CannotRead`."""
    try:
        read = read_enveloped_untrusted(document)
    except BadCms as error:
        raise CannotRead(NOT_POSSIBLE, str(error)) from None

    def open_part(key: bytes) -> bytes:
        try:
            return read.open(key)
        except CannotOpen as error:
            raise CannotRead(NOT_POSSIBLE, str(error)) from None

    keys = tuple(map(_cms_key, read.recipients))
    return ClosedDocument(
        (ClosedPart(keys, read.cipher is not None, open_part),), lambda opened: opened[0], len(document)
    )


def read_xml_untrusted(document: bytes) -> ClosedDocument:
    """The encrypted parts of an XML document; raises only `CannotRead`."""
    try:
        read = parse_xml_untrusted(document)
        parts = encrypted_parts(read.root)
    except BadEnvelope as error:
        raise CannotRead(code_of(error), reason_of(error)) from None
    except NothingEncrypted as error:
        raise CannotRead(NOT_FOUND, str(error)) from None
    except Overlapping as error:
        raise CannotRead(NOT_UNIQUE, str(error)) from None
    except BadEncryptedXml as error:
        raise CannotRead(NOT_POSSIBLE, str(error)) from None

    def opener(part: EncryptedPart) -> Callable[[bytes], bytes]:
        def open_part(key: bytes) -> bytes:
            try:
                octets = part.open(key)
                if not part.is_proven:
                    checked_part(read, part, octets)
            except WrongPadding as error:
                # As long as other damage takes, and as good.
                with suppress(BadEncryptedXml):
                    checked_part(read, part, error.octets)
                raise CannotRead(NOT_POSSIBLE, str(error)) from None
            except (CannotDecrypt, BadEncryptedXml) as error:
                raise CannotRead(NOT_POSSIBLE, str(error)) from None
            return octets

        return open_part

    # Many parts may have all keys of the document.
    shared = {id(part.keys): part.keys for part in parts}
    keys = {number: tuple(map(_xml_key, found)) for number, found in shared.items()}
    closed = (ClosedPart(keys[id(part.keys)], part.cipher is not None, opener(part)) for part in parts)
    finish = partial(_finished, read, parts)
    return ClosedDocument(tuple(closed), finish, len(document), all(part.is_proven for part in parts))


def _finished(read: XmlDocument, parts: Sequence[EncryptedPart], opened: Mapping[int, bytes]) -> bytes:
    try:
        return put_back(read, parts, opened)
    except NotLocated as error:
        raise CannotRead(error.code, error.reason) from None
    except BadEncryptedXml as error:
        raise CannotRead(NOT_POSSIBLE, str(error)) from None


def _cms_key(found: FoundRecipient) -> ClosedKey:
    def is_for(holder: Holder) -> bool:
        if found.certificate is not None:
            return found.certificate == holder.issuer_and_serial
        return found.key_identifier is not None and found.key_identifier == holder.key_identifier

    return ClosedKey(is_for, None if found.transport is None else _OF_CMS[found.transport], found.encrypted_key)


def _xml_key(found: FoundKey) -> ClosedKey:
    def is_for(holder: Holder) -> bool:
        if found.certificate is not None:
            return found.certificate == holder.certificate
        if found.serial_number is not None:
            return found.serial_number == holder.issuer_and_serial.serial
        # A key that says nothing of its recipient may be anybody's.
        return found.transport is not None and _OF_XML[found.transport] is holder.way

    return ClosedKey(is_for, None if found.transport is None else _OF_XML[found.transport], found.encrypted_key)
