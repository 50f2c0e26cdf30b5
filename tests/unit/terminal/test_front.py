"""The embedded front's decisions without sockets: keep-alive, giving up, redial delays."""

import asyncio
import ssl
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.terminal.channel import EVENTS_MAX, MAX_UNANSWERED, Channel
from tiaas.terminal.dialturns import TURN_SECONDS, UNDER_WAY, DialTurns
from tiaas.terminal.embedded import _TICKS as TICKS
from tiaas.terminal.embedded import EmbeddedFront, FrontSettings
from tiaas.terminal.front import (
    Dial,
    LinkDown,
    LinkEvent,
    LinkUp,
    Owner,
    TerminalGone,
    TerminalTimeout,
    UnitEvent,
)
from tiaas.terminal.sicct.commands import close_session, init_session
from tiaas.terminal.virtual.link import ClientLink, LinkHost

OWNER = Owner("one", 1)
STATUS = bytes.fromhex("8013008000")
INIT = init_session("", Secret(b"")).encode()
CLOSE = close_session("00AA").encode()


class Pipe(asyncio.Transport):
    """A transport that keeps what is written and shows a certificate."""

    def __init__(self, protocol: asyncio.Protocol) -> None:
        super().__init__()
        self.protocol = protocol
        self.written: list[bytes] = []
        self.gone = False
        protocol.connection_made(self)

    def get_extra_info(self, name: str, default: object = None) -> object:
        return self if name == "ssl_object" else default

    def getpeercert(self, binary_form: bool) -> bytes:
        return b"certificate"

    def cipher(self) -> tuple[str, str, int]:
        return ("SUITE", "TLSv1.2", 256)

    def write(self, data: object) -> None:
        assert isinstance(data, bytes)
        self.written.append(data)

    def abort(self) -> None:
        if not self.gone:
            self.gone = True
            self.protocol.connection_lost(None)

    def close(self) -> None:
        self.abort()

    def is_closing(self) -> bool:
        return self.gone


class Deaf(Pipe):
    """Its other side does not take note of the end. TLS that is closed twice forgets its connection."""

    closed = 0

    def close(self) -> None:
        self.closed += 1

    def is_closing(self) -> bool:
        return self.closed > 0 or self.gone

    def abort(self) -> None:
        if self.closed < 2:
            super().abort()


class Pipes:
    """Dialer and TLS in one; `failure` makes dialling fail."""

    def __init__(self) -> None:
        self.made: list[Pipe] = []
        self.kind: type[Pipe] = Pipe
        self.failure: Exception | None = None

    async def open(
        self, host: str, port: int, context: ssl.SSLContext | None, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        if self.failure is not None:
            raise self.failure
        protocol = protocol_factory()
        assert isinstance(protocol, asyncio.Protocol)
        self.made.append(self.kind(protocol))
        return self.made[-1]

    def context(self, instance: str, tls_profile: str) -> ssl.SSLContext:
        return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


class Desk:
    """A front with one connected terminal and a clock to turn."""

    def __init__(self, settings: FrontSettings | None = None) -> None:
        self.clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
        self.pipes = Pipes()
        self.events: list[LinkEvent] = []
        self.front = EmbeddedFront(
            self.clock, SeededEntropy(b"jitter"), lambda instance: self.pipes, self.pipes, settings
        )
        self.front.claim(OWNER, self.events.append)

    async def connect(self) -> Pipe:
        await self.front.connect(OWNER, Dial("kt", "10.0.0.1", 4742))
        await asyncio.sleep(0)
        return self.pipes.made[-1]

    def turn(self, seconds: int) -> None:
        for _ in range(seconds * TICKS):
            self.clock.advance(1 / TICKS)
            self.front._tick()


async def test_status_after_ten_seconds_without_traffic() -> None:
    desk = Desk()
    pipe = await desk.connect()
    assert desk.events == [LinkUp("kt", b"certificate", "SUITE")]
    desk.turn(9)
    assert pipe.written == []
    desk.turn(1)
    assert [octets[10:] for octets in pipe.written] == [STATUS]
    await desk.front.close()


async def test_a_connection_that_was_closed_can_be_ended() -> None:
    desk = Desk()
    desk.pipes.kind = Deaf
    pipe = await desk.connect()
    channel = pipe.protocol
    assert isinstance(channel, Channel)
    channel.close()
    channel.close()
    before = pipe.gone
    channel.abort("does not take note")
    assert (before, pipe.gone) == (False, True)
    await desk.front.close()


async def test_a_terminal_can_end_a_connection_that_it_closed() -> None:
    machine = SimpleNamespace(
        existing=frozenset,
        config=SimpleNamespace(command_buffer=1_000),
        clock=ManualClock(datetime(2026, 1, 1, tzinfo=UTC)),
    )
    host = SimpleNamespace(machine=machine, link_up=lambda link: False)
    link = ClientLink(cast(LinkHost, host))
    pipe = Deaf(link)
    link.sign_off()
    before = pipe.gone
    link.abort()
    assert (before, pipe.gone) == (False, True)


async def test_those_who_came_at_different_moments_are_not_asked_all_at_once() -> None:
    desk = Desk()
    pipes = [await desk.connect()]
    for number in range(5):
        desk.clock.advance(0.1)
        for _ in range(TICKS // 10):
            desk.front._tick()
        await desk.front.connect(OWNER, Dial(f"kt{number}", "10.0.0.1", 4742))
        await asyncio.sleep(0)
        pipes.append(desk.pipes.made[-1])
    desk.turn(9)
    asked = []
    for _ in range(TICKS):
        desk.clock.advance(1 / TICKS)
        before = sum(bool(pipe.written) for pipe in pipes)
        desk.front._tick()
        asked.append(sum(bool(pipe.written) for pipe in pipes) - before)
    assert sum(asked) == 6
    assert max(asked) == 1
    await desk.front.close()


async def test_gives_up_after_three_unanswered() -> None:
    desk = Desk()
    pipe = await desk.connect()
    desk.turn(39)
    assert len(pipe.written) == 3
    assert len(desk.events) == 1
    desk.turn(1)
    assert pipe.gone
    assert desk.events[-1] == LinkDown("kt", "no sign of life")
    await desk.front.close()


async def test_any_sign_of_life_starts_the_count_anew() -> None:
    desk = Desk()
    pipe = await desk.connect()
    desk.turn(35)
    for sequence in range(3):
        pipe.protocol.data_received(bytes.fromhex(f"830000{sequence:04X}00000000029000"))
    desk.turn(25)
    assert not pipe.gone
    assert len(pipe.written) == 6
    await desk.front.close()


async def test_a_recent_command_puts_the_status_off() -> None:
    desk = Desk()
    pipe = await desk.connect()
    desk.turn(9)
    asked = asyncio.create_task(desk.front.exchange(OWNER, "kt", 0, STATUS, 5))
    await asyncio.sleep(0)
    pipe.protocol.data_received(bytes.fromhex("830000000000000000029000"))
    assert await asked == b"\x90\x00"
    desk.turn(9)
    assert len(pipe.written) == 1
    desk.turn(1)
    assert len(pipe.written) == 2
    await desk.front.close()


async def test_a_terminal_full_of_events_still_gets_its_status() -> None:
    """It closes after 120 s without a command from us, however much it says itself (SICCT 6.2.4.5)."""
    desk = Desk()
    pipe = await desk.connect()
    for second in range(120):
        pipe.protocol.data_received(bytes.fromhex(f"500000FD{second:02X}000000000484020001"))
        desk.turn(1)
        if second % 10 == 9:
            pipe.protocol.data_received(bytes.fromhex(f"830000{second // 10:04X}00000000029000"))
    assert desk.events[-1] == UnitEvent("kt", 0x84, b"\x00\x01")
    assert len(pipe.written) == 12
    await desk.front.close()


async def test_keep_alive_events_stay_inside() -> None:
    desk = Desk()
    pipe = await desk.connect()
    pipe.protocol.data_received(bytes.fromhex("500000FD00000000000480020000"))
    assert len(desk.events) == 1
    await desk.front.close()


async def test_one_terminal_that_cannot_be_asked_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    desk = Desk()
    first = await desk.connect()
    desk.front.claim(Owner("two", 1), desk.events.append)
    await desk.front.connect(Owner("two", 1), Dial("kt2", "10.0.0.2", 4742))
    await asyncio.sleep(0)
    second = desk.pipes.made[-1]

    def broken() -> None:
        raise RuntimeError("defect")

    keep_alive = Channel.keep_alive
    monkeypatch.setattr(
        Channel, "keep_alive", lambda channel: broken() if channel is first.protocol else keep_alive(channel)
    )
    desk.turn(10)
    assert first.gone
    assert len(second.written) == 1
    await desk.front.close()


async def test_a_terminal_that_never_answers_is_given_up() -> None:
    desk = Desk()
    pipe = await desk.connect()
    for _ in range(MAX_UNANSWERED):
        with pytest.raises(TerminalTimeout):
            await desk.front.exchange(OWNER, "kt", 0, STATUS, 0)
    assert len(pipe.written) == MAX_UNANSWERED
    with pytest.raises(TerminalGone):
        await desk.front.exchange(OWNER, "kt", 0, STATUS, 0)
    assert pipe.gone
    assert desk.events[-1] == LinkDown("kt", "too many commands without answer")
    await desk.front.close()


async def test_a_new_owner_hears_whether_a_session_is_open() -> None:
    desk = Desk()
    pipe = await desk.connect()
    answers = [("9000", INIT, True), ("6900", INIT, True), ("6900", CLOSE, True), ("9000", CLOSE, False)]
    for epoch, (sw, command, is_open) in enumerate(answers, start=1):
        asked = asyncio.create_task(desk.front.exchange(Owner("one", epoch), "kt", 0, command, 5))
        await asyncio.sleep(0)
        pipe.protocol.data_received(bytes.fromhex(f"830000{epoch - 1:04X}0000000002{sw}"))
        await asked
        desk.front.claim(Owner("one", epoch + 1), desk.events.append)
        assert desk.events[-1] == LinkUp("kt", b"certificate", "SUITE", session_open=is_open)
    await desk.front.close()


async def test_an_answer_nobody_waits_for_any_more_opens_the_session_too() -> None:
    desk = Desk()
    pipe = await desk.connect()
    with pytest.raises(TerminalTimeout):
        await desk.front.exchange(OWNER, "kt", 0, INIT, 0)
    pipe.protocol.data_received(bytes.fromhex("830000000000000000029000"))
    desk.front.claim(Owner("one", 2), desk.events.append)
    assert desk.events[-1] == LinkUp("kt", b"certificate", "SUITE", session_open=True)
    await desk.front.close()


async def test_a_terminal_that_only_tells_and_never_answers_is_given_up() -> None:
    """Its events are signs of life, but nobody can use it: after twice the tries it is dialled anew."""
    desk = Desk()
    pipe = await desk.connect()
    for second in range(69):
        pipe.protocol.data_received(bytes.fromhex(f"500000FD{second:02X}000000000480020000"))
        desk.turn(1)
    assert len(desk.events) == 1
    desk.turn(1)
    assert pipe.gone
    assert desk.events[-1] == LinkDown("kt", "commands are not answered")
    await desk.front.close()


async def test_a_terminal_busy_with_a_person_is_not_given_up() -> None:
    desk = Desk()
    pipe = await desk.connect()
    entry = asyncio.create_task(desk.front.exchange(OWNER, "kt", 0, b"\x80\x18\x00\x00", 190))
    await asyncio.sleep(0)
    for second in range(180):
        pipe.protocol.data_received(bytes.fromhex(f"500000FD{second:02X}000000000480020000"))
        desk.turn(1)
    assert not pipe.gone
    pipe.protocol.data_received(bytes.fromhex("830000000000000000029000"))
    assert await entry == b"\x90\x00"
    await desk.front.close()


@pytest.mark.parametrize("message", ["500000FD{:02X}00000000048402FFFF", "990000FD{:02X}0000000000"])
async def test_a_flood_ends_the_connection(message: str) -> None:
    """Of events, or of wrong messages with a right one between, so that they are not many in a row."""
    desk = Desk()
    pipe = await desk.connect()
    octets = b"".join(
        bytes.fromhex(message.format(number % 256) + f"500000FD{number % 256:02X}000000000480020000")
        for number in range(EVENTS_MAX)
    )
    pipe.protocol.data_received(octets)
    assert pipe.gone
    assert desk.events[-1] == LinkDown("kt", "flood of events")
    assert len(desk.events) <= EVENTS_MAX + 2
    await desk.front.close()


async def test_many_events_in_their_time_are_no_flood() -> None:
    desk = Desk()
    pipe = await desk.connect()
    for second in range(100):
        for number in range(90):
            pipe.protocol.data_received(bytes.fromhex(f"500000FD{number:02X}000000000484020001"))
        if pipe.written:
            pipe.protocol.data_received(bytes.fromhex(f"830000{len(pipe.written) - 1:04X}00000000029000"))
        desk.turn(1)
        assert not pipe.gone, second
    await desk.front.close()


async def test_half_a_message_ends_the_connection() -> None:
    desk = Desk()
    pipe = await desk.connect()
    pipe.protocol.data_received(b"\x83\x00")
    desk.turn(10)
    assert pipe.gone
    await desk.front.close()


async def test_same_dial_again_changes_nothing_another_address_replaces() -> None:
    desk = Desk()
    pipe = await desk.connect()
    await desk.connect()
    assert len(desk.pipes.made) == 1
    await desk.front.connect(OWNER, Dial("kt", "10.0.0.2", 4742))
    await asyncio.sleep(0)
    assert pipe.gone
    assert len(desk.pipes.made) == 2
    await desk.front.close()


async def test_dead_addresses_do_not_keep_others_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those that let us wait for the whole time a handshake may take, two at a time, and then one that is there."""
    desk = Desk(FrontSettings(handshake_timeout=60.0, dialing_at_once=2))
    opened = desk.pipes.open

    async def open_or_hang(host: str, *rest: Any) -> BaseTransport:
        if host == "dead":
            await asyncio.Event().wait()
        return await opened(host, *rest)

    monkeypatch.setattr(desk.pipes, "open", open_or_hang)
    for number in range(2 * UNDER_WAY - 1):
        await desk.front.connect(OWNER, Dial(f"dead{number}", "dead", 4742))
    await desk.front.connect(OWNER, Dial("kt", "10.0.0.1", 4742))
    async with asyncio.timeout(30):
        while not desk.front.connected:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    assert desk.events == [LinkUp("kt", b"certificate", "SUITE")]
    await desk.front.close()


async def test_attempts_under_way_are_bounded() -> None:
    """Where all are slow because there are so many, more would make all of them run into their time-out."""
    turns, begun, go_on = DialTurns(2), 0, asyncio.Event()

    async def attempt() -> None:
        nonlocal begun
        async with turns.turn(0):
            begun += 1
            await go_on.wait()

    async with asyncio.TaskGroup() as group:
        for _ in range(4 * UNDER_WAY):
            group.create_task(attempt())
        async with asyncio.timeout(30):
            while begun < 2 * UNDER_WAY:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        await asyncio.sleep(2 * TURN_SECONDS)
        assert begun == 2 * UNDER_WAY
        go_on.set()
    assert begun == 4 * UNDER_WAY


async def test_who_failed_before_stands_in_a_line_of_its_own() -> None:
    turns = DialTurns(1)
    async with turns.turn(5), turns.turn(0):
        waiting = asyncio.create_task(_turn(turns, 2))
        await asyncio.sleep(0)
        assert not waiting.done()
        await asyncio.wait_for(_turn(turns, 1), 30)
    await waiting


async def _turn(turns: DialTurns, failures: int) -> None:
    async with turns.turn(failures):
        pass


def test_redial_delays_double_with_jitter_up_to_a_quarter_of_a_minute() -> None:
    front = Desk().front
    for failures, steady in [(0, 1.0), (1, 2.0), (3, 8.0), (4, 15.0), (1000, 15.0)]:
        delays = {front.redial_delay(failures) for _ in range(20)}
        assert len(delays) == 20
        assert all(0.5 * steady <= delay < 1.5 * steady for delay in delays)


@pytest.mark.parametrize("failure", [ConnectionRefusedError(), UnicodeError("label too long"), ValueError("null")])
async def test_failed_dialling_is_told_and_repeated(failure: Exception) -> None:
    """Name resolution raises more than `OSError`."""
    desk = Desk(FrontSettings(redial_first=0.01, redial_most=0.02))
    desk.pipes.failure = failure
    await desk.front.connect(OWNER, Dial("kt", "10.0.0.1", 4742))
    async with asyncio.timeout(60):
        while len(desk.events) < 2:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert desk.events[0] == desk.events[1] == LinkDown("kt", f"dial: {type(failure).__name__}")
        desk.pipes.failure = None
        while not isinstance(desk.events[-1], LinkUp):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await desk.front.close()


@pytest.mark.parametrize(
    "settings",
    [{"keep_alive_interval": 0}, {"keep_alive_interval": 11}, {"keep_alive_tries": 2}, {"handshake_timeout": 61}],
)
def test_settings_have_the_specifications_limits(settings: dict[str, int]) -> None:
    with pytest.raises(InvalidInput):
        FrontSettings(**settings)
