"""Packets of a name server, and of its clients."""

from contextlib import suppress

from tiaas.interfaces.dns import (
    BadDns,
    NameAnswer,
    Question,
    RecordType,
    decode_answer_untrusted,
    decode_question_untrusted,
    encode_answer,
    encode_question,
)

_QUESTION = Question(b"id", "ocsp.telematik-test", RecordType.A)
_ALIAS = (
    encode_answer(_QUESTION, NameAnswer(0))[:6]
    + bytes.fromhex("0002 0000 0000")
    + encode_question(_QUESTION)[12:]
    + bytes.fromhex("c00c 0005 0001 0000003c 0004 01 61 c011")
    + bytes.fromhex("01 61 c011 0001 0001 0000003c 0004 7f000001")
)
SEEDS = [
    encode_question(_QUESTION),
    encode_answer(_QUESTION, NameAnswer(0, ("127.0.0.1", "10.1.2.3"))),
    encode_answer(_QUESTION, NameAnswer(3)),
    _ALIAS,
]


def target(data: bytes) -> None:
    """A value or the one error; what was read is written the same way."""
    with suppress(BadDns):
        question = decode_question_untrusted(data)
        assert decode_question_untrusted(encode_question(question)) == question
    try:
        answer = decode_answer_untrusted(data, _QUESTION)
    except BadDns:
        return
    again = (
        decode_answer_untrusted(encode_answer(_QUESTION, answer), _QUESTION) if len(answer.addresses) < 20 else answer
    )
    assert again == answer
