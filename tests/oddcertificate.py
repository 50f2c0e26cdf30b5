"""Certificates that nobody issues: anybody can put one into a document."""

from tiaas.cms import oids
from tiaas.cms.der import BIT_STRING, INTEGER, UTC_TIME, UTF8_STRING, oid, sequence, set_of
from tiaas.tlv import encode

_ALGORITHM = sequence(oid(oids.ECDSA_SHA256))
_SPAN = sequence(encode(UTC_TIME, b"250101000000Z"), encode(UTC_TIME, b"350101000000Z"))
_KEY = bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004") + bytes(64)


def odd_certificate(*, serial: bytes = b"\x07", names: int = 1, octets: int = 4) -> bytes:
    """A certificate with a serial number of those octets and so many CN so long in the names of issuer and subject."""
    values = [encode(UTF8_STRING, b"%0*d" % (octets, number)) for number in range(names)]
    name = sequence(*[set_of([sequence(oid("2.5.4.3"), value)]) for value in values])
    version = encode(0xA0, encode(INTEGER, b"\x02"))
    inner = sequence(version, encode(INTEGER, serial), _ALGORITHM, name, _SPAN, name, _KEY)
    return sequence(inner, _ALGORITHM, encode(BIT_STRING, b"\0x"))
