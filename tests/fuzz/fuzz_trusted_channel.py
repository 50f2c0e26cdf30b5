"""Fuzz target: what a card may answer in a trusted channel, to the key agreement and to a protected command."""

from contextlib import suppress

from tiaas.base.entropy import SeededEntropy
from tiaas.card.apdu import ResponseApdu
from tiaas.card.elc import ephemeral_key
from tiaas.card.keyagreement import ModuleAgreement
from tiaas.card.trustedchannel import (
    BadTrustedChannel,
    decode_ephemeral_point_untrusted,
    decode_secured_response_untrusted,
)
from tiaas.tlv import encode

_STATIC = ephemeral_key(SeededEntropy(b"static"))
_STATUS = encode(0x99, b"\x90\x00")

SEEDS: list[bytes] = [
    _STATUS + encode(0x8E, bytes(8)),
    encode(0x99, b"\x63\xc2") + encode(0x8E, bytes(8)),
    encode(0x87, b"\x01" + bytes(16)) + _STATUS + encode(0x8E, bytes(8)),
    encode(0x7C, encode(0x85, b"\x04" + bytes(64))),
    encode(0x7C, encode(0x82, b"\x04" + bytes(64))),
    b"",
]


def target(data: bytes) -> None:
    """Only `BadTrustedChannel` may escape; what is read is what the checksum covers."""
    with suppress(BadTrustedChannel):
        response = decode_secured_response_untrusted(ResponseApdu(data, 0x9000))
        assert response.checked + encode(0x8E, response.checksum) == _STATUS + encode(0x8E, response.checksum)
    with suppress(BadTrustedChannel):
        assert len(decode_ephemeral_point_untrusted(data)) == 65
    with suppress(BadTrustedChannel):
        ModuleAgreement(_STATIC, SeededEntropy(b"agreement")).finish_untrusted(_STATIC.public_key(), data[-65:])
