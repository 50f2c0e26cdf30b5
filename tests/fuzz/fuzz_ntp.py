"""Packets of a time server, and of its clients."""

from datetime import UTC, datetime

from tiaas.interfaces.ntp_v4 import (
    BadNtp,
    TimeAnswer,
    decode_answer_untrusted,
    decode_question_untrusted,
    encode_answer,
    encode_question,
)

_NEAR = datetime(2026, 3, 2, tzinfo=UTC)
_NONCE = b"12345678"
SEEDS = [encode_question(_NONCE), encode_answer(_NONCE, TimeAnswer(_NEAR, _NEAR, 2))]


def target(data: bytes) -> None:
    """A value or the one error."""
    for decode in (decode_question_untrusted, lambda octets: decode_answer_untrusted(octets, _NONCE, _NEAR)):
        try:
            decode(data)
        except BadNtp:
            continue
