"""Fuzz target: LDAPv3 messages from clients and from the directory, whole and in pieces."""

from tiaas.interfaces.ldap_filter import check_filter_untrusted, encode_filter, filter_text
from tiaas.interfaces.ldap_v3 import (
    BadLdap,
    FrameReader,
    Message,
    Operation,
    Result,
    SearchRequest,
    bind_request,
    decode_abandon_untrusted,
    decode_bind_untrusted,
    decode_entry_untrusted,
    decode_message_untrusted,
    decode_result_untrusted,
    decode_search_untrusted,
    entry_body,
)
from tiaas.tlv import BadTlv, decode_untrusted

_MOST = 4096
_FILTER = encode_filter("(&(|(mail=a@b)(cn=M*e*r))(!(sn=*))(x>=1)(y~=2))")
SEEDS: list[bytes] = [
    Message(1, Operation.BIND_REQUEST, bind_request()).encode(),
    Message(
        2, Operation.SEARCH_REQUEST, SearchRequest("dc=data,dc=vzd", _FILTER, attributes=("mail",)).encode()
    ).encode()
    + Message(3, Operation.ABANDON_REQUEST, b"\x02").encode(),
    Message(2, Operation.SEARCH_ENTRY, entry_body("uid=1", [("mail", [b"a"]), ("cn", [])])).encode(),
    Message(2, Operation.SEARCH_DONE, Result(4, "", "limit").encode(), bytes.fromhex("a000")).encode(),
    Message(4, Operation.EXTENDED_REQUEST, b"\x80\x051.2.3").encode() + bytes.fromhex("3005020105 4200"),
    Message(
        5, Operation.SEARCH_REQUEST, SearchRequest("", bytes.fromhex("a90c8101318202636e8301618401ff")).encode()
    ).encode(),
]
_DECODERS = (
    decode_bind_untrusted,
    decode_search_untrusted,
    decode_abandon_untrusted,
    decode_entry_untrusted,
    decode_result_untrusted,
)


def target(data: bytes) -> None:
    """Only `BadLdap` and `BadTlv` may escape; a stream reads the same in one piece and octet by octet."""
    whole = _frames(data, len(data) or 1)
    if whole != _frames(data, 1):
        raise AssertionError("depends on the pieces")
    for frame in whole[0]:
        try:
            message = decode_message_untrusted(frame)
        except BadLdap:
            continue
        if decode_message_untrusted(message.encode()) != message:
            raise AssertionError("not reproducible")
        _bodies(message.body)


def _frames(data: bytes, step: int) -> tuple[list[bytes], bool]:
    reader = FrameReader(_MOST)
    found: list[bytes] = []
    try:
        for at in range(0, len(data), step):
            found += reader.feed_untrusted(data[at : at + step])
            if reader.pending > _MOST:
                raise AssertionError("keeps too much")
    except BadLdap:
        return found, False
    return found, True


def _bodies(body: bytes) -> None:
    for decoder in _DECODERS:
        try:
            read = decoder(body)
        except BadLdap:
            continue
        if isinstance(read, SearchRequest):
            if decode_search_untrusted(read.encode()) != read:
                raise AssertionError("not reproducible")
            filter_text(read.filter)
    try:
        for item in decode_untrusted(body):
            check_filter_untrusted(item)
    except BadTlv:
        pass
