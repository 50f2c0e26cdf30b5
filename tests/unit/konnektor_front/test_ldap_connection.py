"""One client of the LDAP proxy, without sockets: what is sent on, what is answered here, how answers flow."""

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from tiaas.interfaces.ldap_filter import encode_filter
from tiaas.interfaces.ldap_v3 import (
    NOTICE_OF_DISCONNECTION,
    FrameReader,
    Message,
    Operation,
    Result,
    ResultCode,
    SearchRequest,
    bind_request,
    decode_message_untrusted,
    decode_result_untrusted,
    encode_integer,
    entry_body,
    octets,
)
from tiaas.konnektor.config import Limits
from tiaas.konnektor.ldapconnection import SEARCHES_MAX, LdapConnection
from tiaas.konnektor.ldapupstream import Listener, NoDirectory

SEARCH = SearchRequest("dc=data,dc=vzd", encode_filter("(mail=a@b)"), size_limit=7, time_limit=9).encode()


class Line:
    """A transport that notes what is done with it."""

    def __init__(self) -> None:
        self.written = b""
        self.steps: list[str] = []
        self.closed = False

    def get_extra_info(self, name: str) -> None:
        return None

    def write(self, data: bytes) -> None:
        self.written += data

    def pause_reading(self) -> None:
        self.steps.append("pause")

    def resume_reading(self) -> None:
        self.steps.append("resume")

    def close(self) -> None:
        self.closed = True

    abort = close

    def is_closing(self) -> bool:
        return self.closed

    def get_write_buffer_size(self) -> int:
        return 0

    def messages(self) -> list[Message]:
        """What was written since the last look."""
        frames = list(FrameReader(1 << 20).feed_untrusted(self.written))
        self.written = b""
        return [decode_message_untrusted(frame) for frame in frames]


class Vzd:
    """The directory as the connection sees it: dialer and upstream in one."""

    def __init__(self, failure: NoDirectory | None = None) -> None:
        self.failure = failure
        self.sent: list[Message] = []
        self.held: list[bool] = []
        self.is_closed = False

    async def open(self, listener: Listener) -> "Vzd":
        if self.failure is not None:
            raise self.failure
        self.listener = listener
        return self

    def send(self, frame: bytes) -> None:
        self.sent.append(decode_message_untrusted(frame))

    def hold(self, wait: bool) -> None:
        self.held.append(wait)

    def abort(self) -> None:
        self.is_closed = True

    def find(self, *messages: Message) -> None:
        self.listener.frames([message.encode() for message in messages])


class Desk:
    """A connection, its client's line and the directory behind it."""

    def __init__(self, vzd: Vzd, limits: Limits) -> None:
        self.vzd = vzd
        self.line = Line()
        self.ended = 0
        dialer: Any = vzd
        tasks: set[asyncio.Task[None]] = set()
        self.connection = LdapConnection("a", dialer, limits, lambda visit: True, self._closed, tasks)

    def _closed(self, visit: object) -> None:
        self.ended += 1

    def ask(self, number: int, operation: int, body: bytes, controls: bytes = b"") -> None:
        self.connection.data_received(Message(number, operation, body, controls).encode())

    def answers(self) -> list[tuple[int, int, int]]:
        """messageID, operation and result code of what came since the last look."""
        found = self.line.messages()
        return [(item.number, item.operation, decode_result_untrusted(item.body).code) for item in found]


async def open_desk(vzd: Vzd | None = None, limits: Limits | None = None) -> Desk:
    desk = Desk(vzd or Vzd(), limits or Limits())
    line: Any = desk.line
    desk.connection.connection_made(line)
    assert desk.line.steps == ["pause"]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.line.steps == ["pause", "resume"]
    return desk


def done(number: int, code: int = 0) -> Message:
    return Message(number, Operation.SEARCH_DONE, Result(code).encode())


def entry(number: int, size: int = 1) -> Message:
    return Message(number, Operation.SEARCH_ENTRY, entry_body("uid=1", [("v", [bytes(size)])]))


@pytest.mark.requirement("TIP1-A_5521")
async def test_only_anonymous_clients_bind() -> None:
    desk = await open_desk()
    desk.ask(1, Operation.BIND_REQUEST, bind_request())
    desk.ask(2, Operation.BIND_REQUEST, encode_integer(3) + octets("cn=x") + b"\x80\x00")
    desk.ask(3, Operation.BIND_REQUEST, encode_integer(3) + octets("cn=x") + b"\x80\x01p")
    desk.ask(4, Operation.BIND_REQUEST, encode_integer(3) + octets("") + b"\xa3\x07\x04\x05PLAIN")
    desk.ask(5, Operation.BIND_REQUEST, encode_integer(2) + octets("") + b"\x80\x00")
    codes = [ResultCode.SUCCESS, ResultCode.UNWILLING_TO_PERFORM, ResultCode.AUTH_METHOD_NOT_SUPPORTED,
             ResultCode.AUTH_METHOD_NOT_SUPPORTED, ResultCode.PROTOCOL_ERROR]  # fmt: skip
    assert desk.answers() == [(at, Operation.BIND_RESPONSE, code) for at, code in enumerate(codes, 1)]
    assert desk.vzd.sent == []


@pytest.mark.requirement("TIP1-A_5521")
@pytest.mark.parametrize(
    ("request_", "response"),
    [
        (Operation.MODIFY_REQUEST, Operation.MODIFY_RESPONSE),
        (Operation.ADD_REQUEST, Operation.ADD_RESPONSE),
        (Operation.DELETE_REQUEST, Operation.DELETE_RESPONSE),
        (Operation.MODIFY_DN_REQUEST, Operation.MODIFY_DN_RESPONSE),
        (Operation.COMPARE_REQUEST, Operation.COMPARE_RESPONSE),
        (Operation.EXTENDED_REQUEST, Operation.EXTENDED_RESPONSE),
    ],
)
async def test_everything_else_is_refused_with_53(request_: Operation, response: Operation) -> None:
    desk = await open_desk()
    # StartTLS among them (RFC 4511, 4.14).
    desk.ask(1, request_, b"\x80\x161.3.6.1.4.1.1466.20037")
    assert desk.answers() == [(1, response, ResultCode.UNWILLING_TO_PERFORM)]
    assert desk.vzd.sent == []
    assert not desk.line.closed


@pytest.mark.requirement("TIP1-A_5518")
async def test_a_search_goes_through_as_it_is_and_its_results_come_one_by_one() -> None:
    desk = await open_desk()
    controls = bytes.fromhex("a00b300904074c2e312e322e33")
    desk.ask(5, Operation.SEARCH_REQUEST, SEARCH, controls)
    assert desk.vzd.sent == [Message(5, Operation.SEARCH_REQUEST, SEARCH, controls)]
    desk.vzd.find(entry(5))
    assert [message.operation for message in desk.line.messages()] == [Operation.SEARCH_ENTRY]
    desk.vzd.find(entry(5), Message(5, Operation.SEARCH_REFERENCE, octets("ldap://a")), done(5, 4))
    assert [message.operation for message in desk.line.messages()] == [
        Operation.SEARCH_ENTRY, Operation.SEARCH_REFERENCE, Operation.SEARCH_DONE,
    ]  # fmt: skip
    assert desk.connection.is_quiet()


async def test_nothing_comes_through_that_was_not_asked_for() -> None:
    desk = await open_desk()
    desk.ask(5, Operation.SEARCH_REQUEST, SEARCH)
    desk.vzd.find(entry(4), done(6), Message(5, Operation.BIND_RESPONSE, Result(0).encode()), done(0))
    assert desk.line.messages() == []
    desk.vzd.find(done(5))
    desk.vzd.find(entry(5))
    assert desk.answers() == [(5, Operation.SEARCH_DONE, 0)]


@pytest.mark.requirement("TIP1-A_5520")
async def test_an_abandoned_search_is_answered_no_more() -> None:
    desk = await open_desk()
    desk.ask(5, Operation.SEARCH_REQUEST, SEARCH)
    desk.ask(6, Operation.ABANDON_REQUEST, b"\x05")
    desk.ask(7, Operation.ABANDON_REQUEST, b"\x63")
    assert [message.operation for message in desk.vzd.sent] == [Operation.SEARCH_REQUEST, Operation.ABANDON_REQUEST]
    desk.vzd.find(entry(5), done(5))
    assert desk.line.messages() == []


@pytest.mark.requirement("TIP1-A_5519")
async def test_unbind_ends_both_connections() -> None:
    desk = await open_desk()
    desk.ask(5, Operation.SEARCH_REQUEST, SEARCH)
    desk.ask(6, Operation.UNBIND_REQUEST, b"")
    assert desk.line.closed
    desk.connection.connection_lost(None)
    assert desk.vzd.sent[-1].operation == Operation.UNBIND_REQUEST
    assert desk.vzd.is_closed
    assert desk.ended == 1


async def test_what_comes_before_the_directory_stands_waits_for_it() -> None:
    desk = Desk(Vzd(), Limits())
    line: Any = desk.line
    desk.connection.connection_made(line)
    desk.ask(1, Operation.BIND_REQUEST, bind_request())
    desk.ask(2, Operation.SEARCH_REQUEST, SEARCH)
    assert desk.line.messages() == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert desk.answers() == [(1, Operation.BIND_RESPONSE, 0)]
    assert [message.number for message in desk.vzd.sent] == [2]


@pytest.mark.requirement("TIP1-A_5517-02")
async def test_without_the_directory_everything_is_unavailable() -> None:
    desk = await open_desk(Vzd(NoDirectory("the directory's certificate is refused", 4156)))
    desk.ask(1, Operation.SEARCH_REQUEST, SEARCH)
    assert desk.answers() == [(1, Operation.SEARCH_DONE, ResultCode.UNAVAILABLE)]
    assert desk.line.closed


async def test_a_directory_that_goes_ends_the_searches_under_way() -> None:
    desk = await open_desk()
    desk.ask(5, Operation.SEARCH_REQUEST, SEARCH)
    desk.vzd.listener.lost()
    assert desk.answers() == [
        (5, Operation.SEARCH_DONE, ResultCode.UNAVAILABLE),
        (0, Operation.EXTENDED_RESPONSE, ResultCode.UNAVAILABLE),
    ]
    assert desk.line.closed


async def test_a_client_that_reads_slowly_holds_the_directory_up() -> None:
    desk = await open_desk()
    desk.ask(5, Operation.SEARCH_REQUEST, SEARCH)
    desk.connection.pause_writing()
    desk.connection.resume_writing()
    assert desk.vzd.held == [True, False]
    del desk.line.steps[2:]
    desk.vzd.listener.full(True)
    desk.vzd.listener.full(False)
    assert desk.line.steps[2:] == ["pause", "resume"]


async def test_a_client_that_asks_and_does_not_read_is_not_read_either() -> None:
    desk = await open_desk()
    desk.connection.pause_writing()
    assert desk.line.steps[2:] == ["pause"]
    desk.vzd.listener.full(True)
    desk.vzd.listener.full(False)
    assert desk.line.steps[-1] == "pause"
    desk.connection.resume_writing()
    assert desk.line.steps[2:] == ["pause", "resume"]


async def test_a_directory_that_takes_no_more_keeps_a_client_waiting_that_reads_again() -> None:
    desk = await open_desk()
    desk.connection.pause_writing()
    desk.vzd.listener.full(True)
    desk.connection.resume_writing()
    assert desk.line.steps[-1] == "pause"
    desk.vzd.listener.full(False)
    assert desk.line.steps[2:] == ["pause", "resume"]


async def test_a_client_that_reads_nothing_is_dropped() -> None:
    desk = await open_desk(limits=replace(Limits(), write_seconds=0.0))
    desk.connection.pause_writing()
    await asyncio.sleep(0.01)
    assert desk.line.closed


async def test_so_many_searches_at_once_and_no_more() -> None:
    desk = await open_desk()
    for number in range(1, SEARCHES_MAX + 2):
        desk.ask(number, Operation.SEARCH_REQUEST, SEARCH)
    assert desk.answers() == [(SEARCHES_MAX + 1, Operation.SEARCH_DONE, ResultCode.BUSY)]
    assert len(desk.vzd.sent) == SEARCHES_MAX


@pytest.mark.parametrize(
    "octets_",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        Message(0, Operation.SEARCH_REQUEST, SEARCH).encode(),
        Message(1, Operation.SEARCH_REQUEST, b"").encode(),
        Message(1, Operation.SEARCH_ENTRY, b"").encode(),
        Message(1, 0x7E, b"").encode(),
        Message(1, Operation.SEARCH_REQUEST, SEARCH).encode() * 2,
    ],
)
async def test_what_is_no_ldap_ends_with_a_notice(octets_: bytes) -> None:
    desk = await open_desk()
    desk.connection.data_received(octets_)
    (notice,) = desk.line.messages()
    result = decode_result_untrusted(notice.body)
    assert (notice.number, result.code, result.oid) == (0, ResultCode.PROTOCOL_ERROR, NOTICE_OF_DISCONNECTION)
    assert desk.line.closed


async def test_a_stop_waits_for_the_search_under_way() -> None:
    desk = await open_desk()
    desk.ask(5, Operation.SEARCH_REQUEST, SEARCH)
    desk.connection.shutdown()
    assert not desk.line.closed
    desk.vzd.find(done(5))
    assert desk.answers() == [(5, Operation.SEARCH_DONE, 0), (0, Operation.EXTENDED_RESPONSE, ResultCode.UNAVAILABLE)]
    assert desk.line.closed


async def test_a_message_begun_must_come_to_its_end() -> None:
    desk = await open_desk(limits=replace(Limits(), request_seconds=0.0))
    desk.connection.data_received(b"\x30\x20\x02")
    await asyncio.sleep(0.01)
    assert desk.line.closed


async def test_a_directory_that_never_answers_ends_the_search() -> None:
    desk = await open_desk(limits=replace(Limits(), search_seconds=0.0))
    desk.ask(5, Operation.SEARCH_REQUEST, SEARCH)
    await asyncio.sleep(0.01)
    assert desk.answers() == [
        (5, Operation.SEARCH_DONE, ResultCode.TIME_LIMIT_EXCEEDED),
        (0, Operation.EXTENDED_RESPONSE, ResultCode.UNAVAILABLE),
    ]
    assert desk.vzd.is_closed
    assert desk.line.closed
