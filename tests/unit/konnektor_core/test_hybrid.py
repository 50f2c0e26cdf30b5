"""What is sealed comes out, for every format, mixture of keys and size; and of nothing else anything does."""

import asyncio
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from itertools import combinations, cycle

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from hypothesis import given, settings
from hypothesis import strategies as st

from tiaas.ades import mime
from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.card.elc import BadCryptogram, elc_decrypt
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.hybrid.decrypting import VAIN_MAX, decrypt
from tiaas.konnektor.hybrid.opening import (
    CannotRead,
    ClosedDocument,
    ClosedKey,
    ClosedPart,
    Holder,
    read_cms_untrusted,
    read_xml_untrusted,
)
from tiaas.konnektor.hybrid.sealing import Recipient, seal_cms, seal_smime, seal_xml
from tiaas.lab.pki import LabPki
from tiaas.pki.issue import EndEntity
from tiaas.pki.names import component_name
from tiaas.pki.oids import CertificateType
from tiaas.soap.simple import STRING
from tiaas.soap.simpletype import LexicalError
from tiaas.xmlsec.encryption import XENC
from tiaas.xmlsec.names import DS

ENTROPY = SystemEntropy()
_OAEP = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
_FEW = settings(max_examples=25, deadline=None, derandomize=True)


@dataclass(frozen=True)
class SoftwareKey:
    """`Decipherer`."""

    certificate: bytes
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    @property
    def recipient(self) -> Recipient:
        return Recipient(self.certificate, self.key.public_key())

    async def decipher(self, cryptogram: bytes) -> bytes:
        try:
            if isinstance(self.key, rsa.RSAPrivateKey):
                return self.key.decrypt(cryptogram, _OAEP)
            return elc_decrypt(cryptogram, self.key)
        except (ValueError, BadCryptogram):
            raise KonnektorError(4069) from None


@cache
def people() -> tuple[SoftwareKey, ...]:
    """Two with ECC keys, two with RSA keys."""
    pki = LabPki.create(ENTROPY, SystemClock())
    keys: list[ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey] = []
    keys += [ec.generate_private_key(ec.BrainpoolP256R1()) for _ in range(2)]
    keys += [rsa.generate_private_key(65537, 2048) for _ in range(2)]
    found: list[SoftwareKey] = []
    for key in keys:
        holder = EndEntity(component_name(f"Praxis {len(found)}", "NOT-VALID"), key.public_key())
        found.append(SoftwareKey(pki.issue(CertificateType.HCI_ENC, holder), key))
    return tuple(found)


def opened(octets: bytes, by: list[SoftwareKey], *, is_xml: bool) -> bytes:
    closed = read_xml_untrusted(octets) if is_xml else read_cms_untrusted(octets)
    return asyncio.run(decrypt(closed, by, lambda error: None))


_MIXTURES = tuple(each for number in range(1, 5) for each in combinations(range(4), number))
# Around the blocks of AES, and what no single read takes.
_SIZES = (0, 1, 15, 16, 17, 31, 32, 33, 40, 1023, 65536, 1_000_003)
_WHO = st.sets(st.integers(0, 3), min_size=1).map(sorted)


@pytest.mark.requirement("TIP1-A_4616-03", "TIP1-A_4617-02")
@pytest.mark.parametrize(("who", "size"), tuple(zip(_MIXTURES, cycle(_SIZES), strict=False)))
def test_cms(who: tuple[int, ...], size: int) -> None:
    document = bytes([size % 256]) * size
    sealed = seal_cms(document, [people()[number].recipient for number in who], [], ENTROPY)
    for number, person in enumerate(people()):
        if number in who:
            assert opened(sealed, [person], is_xml=False) == document
        else:
            with pytest.raises(KonnektorError) as caught:
                opened(sealed, [person], is_xml=False)
            assert caught.value.code == 4106
    # Who has several keys needs only one of them to fit.
    assert opened(sealed, list(people()), is_xml=False) == document


def _is_xml(text: str) -> bool:
    try:
        STRING.encode(text)
    except LexicalError:
        return False
    return True


@pytest.mark.requirement("TIP1-A_5434")
@_FEW
@given(who=_WHO, text=st.text(max_size=40).filter(_is_xml), latin=st.booleans())
def test_xml(who: list[int], text: str, latin: bool) -> None:
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
    markup = f'<p:a xmlns:p="urn:p" b="{escaped}">{escaped}<!--c--><c/></p:a>'
    declared = "<?xml version='1.0' encoding='ISO-8859-15'?>" if latin else ""
    document = f"{declared}{markup}<?end?>".encode("iso-8859-15" if latin else "utf-8", "xmlcharrefreplace")
    recipients = [people()[number].recipient for number in who]
    sealed = seal_xml(parse_xml_untrusted(document), recipients, ENTROPY)
    assert opened(sealed, [people()[who[0]]], is_xml=True) == document


@settings(max_examples=12, deadline=None, derandomize=True)
@given(who=_WHO, size=st.one_of(st.integers(0, 40), st.sampled_from([1023, 300_007])), binary=st.booleans())
def test_smime(who: list[int], size: int, binary: bool) -> None:
    kind = b"application/octet-stream\r\nContent-Transfer-Encoding: binary" if binary else b"text/plain"
    header = b"From: a@example.org\r\nSubject: Befund\r\nContent-Type: " + kind + b"\r\n\r\n"
    body = (b"\xfc\n\0" * size)[:size]
    sealed = seal_smime(header + body, [people()[number].recipient for number in who], ENTROPY)
    assert b"Befund" not in sealed
    content = mime.pkcs7_content_untrusted(sealed)
    for number, person in enumerate(people()):
        if number in who:
            message = opened(content, [person], is_xml=False)
            assert message == header + (body if binary else body.replace(b"\n", b"\r\n"))
        else:
            with pytest.raises(KonnektorError) as caught:
                opened(content, [person], is_xml=False)
            assert caught.value.code == 4106


@_FEW
@given(position=st.integers(0, 10_000), value=st.integers(1, 255), is_xml=st.booleans())
def test_a_changed_octet_ends_in_an_error_or_changes_nothing(position: int, value: int, is_xml: bool) -> None:
    document = b"<a>unver\xc3\xa4ndert</a>"
    someone = people()[0]
    if is_xml:
        sealed = seal_xml(parse_xml_untrusted(document), [someone.recipient], ENTROPY)
    else:
        sealed = seal_cms(document, [someone.recipient], [], ENTROPY)
    changed = bytearray(sealed)
    changed[position % len(changed)] ^= value
    with suppress(KonnektorError, CannotRead):
        assert opened(bytes(changed), [someone], is_xml=is_xml) == document


@dataclass(frozen=True)
class Refusing:
    """A card that opens no cryptogram."""

    certificate: bytes
    asked: list[bytes]

    async def decipher(self, cryptogram: bytes) -> bytes:
        self.asked.append(cryptogram)
        raise KonnektorError(4069)


def test_a_document_full_of_wrong_keys_does_not_keep_the_card_busy() -> None:
    """Such a message comes by mail from anybody; each try costs a card a second."""
    someone, asked = people()[0], list[bytes]()
    sealed = seal_cms(b"x", [someone.recipient] * 200, [], ENTROPY)
    card = Refusing(someone.certificate, asked)
    with pytest.raises(KonnektorError) as caught:
        asyncio.run(decrypt(read_cms_untrusted(sealed), [card], lambda error: None))
    assert caught.value.code == 4107
    assert len(asked) == VAIN_MAX


def _part(keys: tuple[ClosedKey, ...], name: bytes) -> ClosedPart:
    return ClosedPart(keys, supported=True, open=lambda key: name + key)


def test_each_key_is_compared_once_and_not_in_the_event_loop() -> None:
    """A thousand parts with thousands of keys would hold up everybody for minutes."""
    asked: list[tuple[int, Holder]] = []

    def is_for(holder: Holder) -> bool:
        asked.append((threading.get_ident(), holder))
        return False

    keys = tuple(ClosedKey(is_for, None, b"") for _ in range(30))
    document = ClosedDocument(tuple(_part(keys, b"") for _ in range(40)), lambda opened: b"", 0)
    with pytest.raises(KonnektorError) as caught:
        asyncio.run(decrypt(document, people(), lambda error: None))
    assert caught.value.code == 4106
    assert len(asked) == len(keys) * len(people())
    assert threading.get_ident() not in {thread for thread, _ in asked}


def test_parts_with_other_keys_beside_shared_ones() -> None:
    """Of several parts each is opened with its own keys, or with those that it shares; without one it stays closed."""
    ecc, other, rsa_key, _ = people()
    shared = read_cms_untrusted(seal_cms(b"", [ecc.recipient, rsa_key.recipient], [], ENTROPY)).parts[0].keys
    own = read_cms_untrusted(seal_cms(b"", [rsa_key.recipient], [], ENTROPY)).parts[0].keys
    theirs = read_cms_untrusted(seal_cms(b"", [other.recipient], [], ENTROPY)).parts[0].keys
    parts = tuple(_part(keys, b"%d" % number) for number, keys in enumerate((shared, theirs, own, shared)))
    seen: dict[int, bytes] = {}

    def finish(opened: Mapping[int, bytes]) -> bytes:
        seen.update(opened)
        return b""

    asyncio.run(decrypt(ClosedDocument(parts, finish, 0), [ecc, rsa_key], lambda error: None))
    assert {number: content[:1] for number, content in seen.items()} == {0: b"0", 2: b"2", 3: b"3"}


def test_parts_of_xml_share_their_keys() -> None:
    sealed = seal_xml(parse_xml_untrusted(b"<a/>"), [person.recipient for person in people()], ENTROPY)
    start, end = sealed.index(b"<ds:KeyInfo"), sealed.rindex(b"</ds:KeyInfo>") + len(b"</ds:KeyInfo>")
    part, info = sealed[:start] + sealed[end:], sealed[start:end]
    root = f'<r xmlns:xenc="{XENC}" xmlns:ds="{DS}">'.encode()
    document = root + part * 3 + info + b"</r>"
    closed = read_xml_untrusted(document)
    assert len(closed.parts) == 3
    assert {id(part.keys) for part in closed.parts} == {id(closed.parts[0].keys)}
    for person in people():
        assert opened(document, [person], is_xml=True) == root + b"<a/>" * 3 + info + b"</r>"


@pytest.mark.parametrize(("is_proven", "code"), [(True, 4280), (False, 4107)])
def test_what_is_told_of_a_part_that_is_not_located(is_proven: bool, code: int) -> None:
    """Of AES-CBC nothing is told that could say what came out."""

    def finish(opened: Mapping[int, bytes]) -> bytes:
        raise CannotRead(4280, "a tag is too long")

    someone = people()[0]
    keys = read_cms_untrusted(seal_cms(b"", [someone.recipient], [], ENTROPY)).parts[0].keys
    document = ClosedDocument((_part(keys, b""),), finish, 0, is_proven)
    with pytest.raises(KonnektorError) as caught:
        asyncio.run(decrypt(document, [someone], lambda error: None))
    assert (caught.value.code, bool(caught.value.detail)) == (code, is_proven)
