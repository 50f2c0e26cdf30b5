"""Fuzz target: MIME messages to be signed, and signed or encrypted ones."""

from contextlib import suppress

from tiaas.ades.found import BadSignatureFile
from tiaas.ades.mime import (
    BadMime,
    canonical,
    decoded_untrusted,
    pkcs7_content_untrusted,
    pkcs7_mime,
    signed_parts_untrusted,
    split_untrusted,
)
from tiaas.ades.smime import read_smime_untrusted, smime_claims_untrusted

_PLAIN = b"From: a@example.org\r\nSubject: =?utf-8?q?=C3=84?=\r\n folded\r\nContent-Type: text/plain\r\n\r\nText\n"
_OPAQUE = pkcs7_mime(_PLAIN, b"\x30\x03\x02\x01\x05", "signed-data")
_MULTIPART = (
    b'MIME-Version: 1.0\nContent-Type: multipart/signed; boundary="cut";\n protocol="application/pkcs7-signature"\n\n'
    b"preamble\n--cut\nContent-Type: text/plain\n\nText\n--cut\n"
    b"Content-Type: application/pkcs7-signature\nContent-Transfer-Encoding: base64\n\nMAMCAQU=\n--cut--\n"
)
_IN_PARTS = b"Content-Type: multipart/signed; boundary*=us''x; boundary*0*=y; boundary*1=\"z\n\n--x\n"

SEEDS: list[bytes] = [
    _PLAIN,
    _OPAQUE,
    _MULTIPART,
    _IN_PARTS,
    b"\r\nno header",
    b"Content-Transfer-Encoding: binary\n\n\x00\n\r",
]


def target(data: bytes) -> None:
    """One error; what is canonical stays so, and what was wrapped is found again."""
    with suppress(BadMime):
        once = canonical(data)
        assert canonical(once) == once
        assert pkcs7_content_untrusted(pkcs7_mime(data, data, "signed-data")) == data
    with suppress(BadMime):
        message = split_untrusted(data)
        assert len(message.body) <= len(data)
        decoded_untrusted(message)
        signed_parts_untrusted(message)
    with suppress(BadSignatureFile):
        assert len(read_smime_untrusted(data)) == len(smime_claims_untrusted(data))
