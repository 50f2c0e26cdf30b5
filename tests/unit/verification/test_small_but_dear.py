"""Documents that are small enough to be read in the event loop, and would hold everybody up there."""

import asyncio
import secrets
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

import pytest

from tests.oddcertificate import odd_certificate
from tests.pdfmaker import fields_in_a_comment
from tests.unit.konnektor_trust.trustbench import Bench
from tiaas.ades import xadesread
from tiaas.ades.found import SignatureFormat
from tiaas.base.workthread import Job
from tiaas.cms import oids
from tiaas.cms.der import INTEGER, OCTET_STRING, SET, oid, sequence, set_of
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.publickeys import PublicKeys
from tiaas.konnektor.quickwork import QUICK_OCTETS
from tiaas.konnektor.verification.reading import Material
from tiaas.konnektor.verification.verifying import Rules, verify

_DIGESTS = (
    "http://www.w3.org/2001/04/xmlenc#sha256",
    "http://www.w3.org/2001/04/xmldsig-more#sha384",
    "http://www.w3.org/2001/04/xmlenc#sha512",
)


def tlv(tag: int, value: bytes) -> bytes:
    """Definite length, short or long form."""
    size = len(value)
    octets = size.to_bytes((size.bit_length() + 7) // 8)
    return bytes([tag]) + (bytes([size]) if size < 128 else bytes([0x80 | len(octets)]) + octets) + value


def many_references() -> Material:
    """63 references to nearly all of a document with many namespaces: with 200 and 1,000 it takes half a minute."""
    spaces = "".join(f' xmlns:n{n}="urn:{n}"' for n in range(60))
    references = "".join(
        f'<Reference URI="#i{n}"><DigestMethod Algorithm="{method}"/><DigestValue>AA==</DigestValue></Reference>'
        for n in range(21)
        for method in _DIGESTS
    )
    signature = (
        '<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"><SignedInfo>'
        '<CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/>'
        '<SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>'
        f"{references}</SignedInfo><SignatureValue>AA==</SignatureValue></Signature>"
    )
    opened = "".join(f'<x Id="i{n}"{spaces if n == 0 else ""}>' for n in range(21))
    return Material(SignatureFormat.XADES, (opened + "<b/>" * 800 + signature + "</x>" * 21).encode())


def many_rows() -> Material:
    """A cross-reference stream of 7 KiB whose rows are predicted octet by octet: with 30,000 it takes ten seconds."""
    data = zlib.compress((b"\x04" + bytes(64)) * 3000, 9)
    stream = (
        b"1 0 obj\n<</Type/XRef/Size 3/W[1 2 1]/Root 2 0 R/Filter/FlateDecode/DecodeParms<</Predictor 15/Columns 64>>"
        b"/Length %d>>stream\n%b\nendstream endobj\n" % (len(data), data)
    )
    return Material(SignatureFormat.PADES, b"%%PDF-1.5\n%bstartxref\n9\n%%%%EOF" % stream)


def dear_key() -> Material:
    """An RSA key whose public exponent is as long as its modulus, for many signatures in two encodings each."""
    bits, document = 3072, b"document"
    modulus, exponent = (secrets.randbits(bits - less) | 1 | 1 << (bits - 1 - less) for less in (0, 1))

    def whole(value: int) -> bytes:
        return tlv(INTEGER, value.to_bytes(value.bit_length() // 8 + 1))

    rsa, sha = sequence(oid(oids.RSA_SHA256), b"\x05\x00"), sequence(oid(oids.SHA256))
    key = sequence(
        sequence(oid(oids.RSA_ENCRYPTION), b"\x05\x00"), tlv(3, b"\0" + sequence(whole(modulus), whole(exponent)))
    )
    name = sequence(set_of([sequence(oid("2.5.4.3"), tlv(0x0C, b"x"))]))
    span = sequence(tlv(0x17, b"250101000000Z"), tlv(0x17, b"350101000000Z"))
    inner = sequence(tlv(0xA0, whole(2)), whole(7), rsa, name, span, name, key)
    certificate = sequence(inner, rsa, tlv(3, b"\0" + b"x" * 8))
    attributes = [
        sequence(oid("1.2.840.113549.1.9.4"), tlv(SET, tlv(OCTET_STRING, sha256(document).digest()))),
        sequence(oid("1.2.840.113549.1.9.3"), tlv(SET, oid(oids.DATA))),
    ]
    signed = tlv(0xA0, b"".join(attributes))
    signers = [
        sequence(
            whole(1), sequence(name, whole(7)), sha, signed, rsa, tlv(OCTET_STRING, b"\0" + secrets.token_bytes(383))
        )
        for _ in range(20)
    ]
    content = sequence(oid(oids.DATA), tlv(0xA0, tlv(OCTET_STRING, document)))
    data = sequence(whole(1), tlv(SET, sha), content, tlv(0xA0, certificate), tlv(SET, b"".join(signers)))
    return Material(SignatureFormat.CADES, None, sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, data)))


def many_elements() -> Material:
    """A content in 15,000 segments of none: it is read octet by octet."""
    content = sequence(oid(oids.DATA), tlv(0xA0, tlv(0x24, tlv(OCTET_STRING, b"") * 15_000)))
    info = sequence(oid("1.2.840.113549.1.7.2"), tlv(0xA0, sequence(b"\2\1\1", tlv(SET, b""), content, tlv(SET, b""))))
    return Material(SignatureFormat.CADES, None, info)


def many_values() -> Material:
    """Ninety fields that begin in one comment, so that all of them are the dictionary with a long string behind it."""
    return Material(SignatureFormat.PADES, fields_in_a_comment(90, b"<</A(" + b"\\a" * 2100 + b")>>"))


DEAR = [many_references, many_rows, dear_key, many_elements, many_values]


@pytest.mark.parametrize("made", DEAR, ids=lambda made: made.__name__)
async def test_nobody_waits_for_a_small_document(
    bench: Bench, made: Callable[[], Material], monkeypatch: pytest.MonkeyPatch
) -> None:
    material, turns, turned = made(), 0, threading.Event()
    assert material.octets <= QUICK_OCTETS
    do = Job.do

    def patiently(job: Job) -> None:
        """Threads begin when the event loop has turned: how soon that is depends on the processors otherwise."""
        assert turned.wait(60)
        do(job)

    monkeypatch.setattr(Job, "do", patiently)

    async def others() -> None:
        nonlocal turns
        while True:
            await asyncio.sleep(0)
            turns += 1
            if turns > 10:
                turned.set()

    waiting = asyncio.create_task(others())
    await asyncio.sleep(0)
    with suppress(KonnektorError):
        await verify(material, Rules(), bench.trust, PublicKeys(), bench.clock.now())
    waiting.cancel()
    # In the event loop it would be one or two.
    assert turns > 10


def test_what_is_no_usual_certificate_is_not_kept() -> None:
    """In a document there is room for one of twenty megabytes, and memory is everybody's."""
    xadesread._signer.cache_clear()
    assert xadesread._decoded(bytes(1024 * 1024)) is None
    assert xadesread._decoded(odd_certificate(names=60, octets=100)) is not None
    assert xadesread._signer.cache_info().currsize == 0
