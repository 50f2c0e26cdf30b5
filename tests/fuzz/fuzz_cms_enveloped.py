"""Fuzz target: encrypted CMS as anybody may send it, and attributes that clients hand in for one."""

from contextlib import suppress

from tiaas.cms.certificate import IssuerAndSerial
from tiaas.cms.contentcipher import CannotOpen, seal
from tiaas.cms.der import algorithm, integer, octet_string, oid, sequence, set_of
from tiaas.cms.encrypteddata import read_encrypted_untrusted, write_encrypted
from tiaas.cms.enveloped import ENVELOPED_DATA, KeyTransport, Recipient, check_attribute_untrusted, write_auth_enveloped
from tiaas.cms.envelopedreader import read_enveloped_untrusted
from tiaas.cms.errors import BadCms
from tiaas.konnektor.hybrid.opening import CannotRead, read_cms_untrusted
from tiaas.tlv import encode

_KEYS = (bytes(16), bytes(24), bytes(32))
_ATTRIBUTE = sequence(oid("1.2.276.0.76.4.173"), set_of([encode(0x16, b"a@b")]))
_RECIPIENTS = [Recipient(IssuerAndSerial(sequence(), 7), transport, b"key") for transport in KeyTransport]
_CBC = sequence(
    oid("1.2.840.113549.1.7.1"), algorithm("2.16.840.1.101.3.4.1.42", octet_string(bytes(16))), encode(0x80, bytes(32))
)
_BER = bytes.fromhex("3080060B2A864886F70D0109100117A08030800201003100308006092A864886F70D010701") + b"\0" * 8

SEEDS: list[bytes] = [
    write_auth_enveloped(_RECIPIENTS, bytes(12), seal(bytes(32), bytes(12), b"text"), [_ATTRIBUTE]),
    sequence(oid(ENVELOPED_DATA), encode(0xA0, sequence(integer(0), set_of([]), _CBC))),
    _BER,
    _ATTRIBUTE,
    write_encrypted(bytes(12), seal(bytes(32), bytes(12), b"text")),
]


def target(data: bytes) -> None:
    """Only `BadCms` may escape the readers, only `CannotOpen` the opening; `CannotRead` where both are one."""
    with suppress(BadCms):
        check_attribute_untrusted(data)
    with suppress(BadCms):
        read = read_enveloped_untrusted(data)
        for key in _KEYS:
            with suppress(CannotOpen):
                read.open(key)
    with suppress(BadCms):
        encrypted = read_encrypted_untrusted(data)
        for key in _KEYS:
            with suppress(CannotOpen):
                encrypted.open(key)
    with suppress(CannotRead):
        for part in read_cms_untrusted(data).parts:
            part.open(_KEYS[-1])
