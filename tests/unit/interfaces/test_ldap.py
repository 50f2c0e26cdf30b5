"""LDAPv3 messages and filters."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.base.errors import InvalidInput
from tiaas.interfaces.ldap_filter import encode_filter, escape, filter_text
from tiaas.interfaces.ldap_v3 import (
    BadLdap,
    FrameReader,
    Message,
    Operation,
    Result,
    ResultCode,
    Scope,
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


def test_bytes_of_rfc_4511() -> None:
    assert Message(1, Operation.BIND_REQUEST, bind_request()).encode().hex() == "300c020101600702010304008000"
    done = Message(2, Operation.SEARCH_DONE, Result(ResultCode.SUCCESS).encode())
    assert done.encode().hex() == "300c02010265070a010004000400"
    assert Message(130, Operation.UNBIND_REQUEST, b"").encode().hex() == "3006020200824200"


def test_bind() -> None:
    assert decode_bind_untrusted(bind_request()).is_anonymous
    named = decode_bind_untrusted(bytes.fromhex("0201030401618000"))
    with_password = decode_bind_untrusted(bytes.fromhex("020103040161800178"))
    assert not named.is_anonymous
    assert not named.has_credentials
    assert with_password.has_credentials
    assert "x" not in repr(with_password)


@given(
    st.builds(
        SearchRequest,
        st.text(max_size=20),
        st.just(encode_filter("(cn=*)")),
        st.sampled_from(Scope),
        st.lists(st.text(max_size=10), max_size=4).map(tuple),
        st.integers(0, 2**31 - 1),
        st.integers(0, 2**31 - 1),
        st.integers(0, 3),
        st.booleans(),
    )
)
def test_a_search_is_read_as_it_was_written(search: SearchRequest) -> None:
    assert decode_search_untrusted(search.encode()) == search


@pytest.mark.parametrize(
    "text",
    [
        "(mail=a@b.example)",
        "(&(domainID=109500969)(entryType=5))",
        "(|(cn=M*er)(cn=*e*)(cn=Me*)(cn=*r)(cn=a*b*c))",
        "(!(personalEntry=TRUE))",
        "(displayName=Müller\\2a)",
        "(changeDateTime>=20260101000000Z)",
        "(a<=b)",
        "(cn~=Maier)",
        "(objectClass=*)",
        "(&)",
    ],
)
def test_filters_go_both_ways(text: str) -> None:
    assert filter_text(encode_filter(text)) == text


@pytest.mark.parametrize("text", ["", "mail=a", "(mail)", "(&(a=b)", "(a=b))", "(a=\\zz)", "(a=(b)", "(" * 9, "(!)"])
def test_no_filters(text: str) -> None:
    with pytest.raises(InvalidInput):
        encode_filter(text)


def test_a_filter_nests_so_deep_and_no_deeper() -> None:
    deep = "(!" * 31 + "(a=b)" + ")" * 31
    assert filter_text(encode_filter(deep)) == deep
    with pytest.raises(InvalidInput):
        encode_filter(f"(!{deep})")
    over = b"\xa2" + bytes([len(encode_filter("(a=b)"))]) + encode_filter("(a=b)")
    for _ in range(32):
        over = Message(0, 0x40, over).encode()[:0] + b"\xa2\x82" + len(over).to_bytes(2, "big") + over
    with pytest.raises(BadLdap):
        decode_search_untrusted(SearchRequest("", over).encode())


@given(st.text(max_size=30))
def test_an_escaped_value_means_itself(value: str) -> None:
    octets = encode_filter(f"(cn={escape(value)})")
    assert octets.endswith(value.encode())
    assert filter_text(octets) == f"(cn={escape(value)})"


def test_entries_and_results() -> None:
    entry = decode_entry_untrusted(entry_body("uid=1", [("mail", [b"a", b"b"]), ("userCertificate;binary", [b"\x30"])]))
    assert entry.values("MAIL") == (b"a", b"b")
    assert entry.values("usercertificate") == (b"\x30",)
    assert entry.text("mail") == "a"
    assert entry.text("cn") == ""
    assert entry.values("cn") == ()
    result = Result(ResultCode.SIZE_LIMIT_EXCEEDED, "dc=vzd", "zu viele", oid="1.2.3")
    assert decode_result_untrusted(result.encode()) == result


def test_small_requests() -> None:
    assert decode_abandon_untrusted(b"\x02") == 2
    with pytest.raises(BadLdap):
        decode_abandon_untrusted(b"")


def test_a_stream_is_cut_wherever_it_breaks() -> None:
    frames = [Message(at, Operation.SEARCH_ENTRY, entry_body("uid=1", [("v", [bytes(200)])])).encode() for at in (1, 2)]
    stream = b"".join(frames)
    for cut in range(len(stream)):
        reader = FrameReader(1024)
        assert [*reader.feed_untrusted(stream[:cut]), *reader.feed_untrusted(stream[cut:])] == frames
        assert reader.pending == 0


@pytest.mark.parametrize("octets", ["31", "3080", "3085", "30830fffff", "3082ffff"])
def test_a_stream_that_is_none_is_refused_at_its_head(octets: str) -> None:
    with pytest.raises(BadLdap):
        list(FrameReader(1024).feed_untrusted(bytes.fromhex(octets)))


@pytest.mark.parametrize(
    "octets",
    [
        "3000",
        "3003020101",
        "300502010104 00",
        "3006020101420000",
        "3009020101420004 0100",
        "3005 0201ff4200",
        "30060400420000",
    ],
)
def test_no_messages(octets: str) -> None:
    with pytest.raises(BadLdap):
        decode_message_untrusted(bytes.fromhex(octets))
