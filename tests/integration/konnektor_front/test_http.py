"""Behaviour over HTTP: what field clients need, and what nobody may do to the others (issue 2, "Proof")."""

import asyncio
import contextlib
import resource
from collections.abc import Callable
from contextlib import closing

import pytest
from lxml import etree

from tests.integration.konnektor_front.houses import CONTEXT, GET_CARDS, PATH, Build, House, no_cards
from tests.integration.konnektor_front.http1 import Answer, exchange, get, post, read_answer
from tiaas.interfaces.event_service_v7_2 import GetCards, GetCardsResponse
from tiaas.konnektor.config import Limits
from tiaas.konnektor.largebodies import Place

GERROR = "{http://ws.gematik.de/tel/error/v2.0}"
BOMB = "".join(f'<!ENTITY l{i} "&l{i - 1};&l{i - 1};">' for i in range(40))
GONE = (ConnectionError, asyncio.IncompleteReadError)


def envelope(body: str, prolog: str = "") -> bytes:
    return (
        f'{prolog}<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>{body}</S:Body></S:Envelope>'
    ).encode()


def assert_fault(answer: Answer, code: int) -> None:
    assert answer.status == 500
    fault = etree.fromstring(answer.body)
    trace = fault.find(f".//{GERROR}Trace")
    assert trace is not None
    assert trace.findtext(f"{GERROR}Code") == str(code)
    assert trace.findtext(f"{GERROR}Detail")
    assert trace.findtext(f"{GERROR}EventID")


async def until(holds: Callable[[], bool]) -> None:
    """Waits until something is true."""
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (what is waited for has no event of its own)
            await asyncio.sleep(0.01)


async def leave(writer: asyncio.StreamWriter) -> None:
    """A client closes what the house has ended, whether it read that or not."""
    writer.transport.abort()
    with contextlib.suppress(OSError):
        await writer.wait_closed()


async def call(house: House, request: bytes) -> Answer:
    reader, writer = await house.connect()
    with closing(writer):
        return await exchange(reader, writer, request)


async def test_keep_alive_pipelining_and_get(build: Build) -> None:
    house = await build()
    reader, writer = await house.connect()
    for _ in range(5):
        assert (await exchange(reader, writer, post(PATH, GET_CARDS))).status == 200
    writer.write(get(PATH) + post(PATH, GET_CARDS) + get("/nothing") + get("/connector.sds"))
    statuses = [(await read_answer(reader)).status for _ in range(4)]
    assert statuses == [200, 200, 404, 200]
    answer = await exchange(reader, writer, get(PATH, "Content-Type: odd"))
    assert answer.body == b"EventService\n"
    writer.close()


async def test_as_many_pipelined_requests_as_one_likes_are_answered(build: Build) -> None:
    house = await build()
    reader, writer = await house.connect()
    with closing(writer):
        for requests, status in (([get("/nothing")] * 500, 404), ([post(PATH, GET_CARDS)] * 100, 200)):
            writer.write(b"".join(requests))
            async with asyncio.timeout(60):
                assert {(await read_answer(reader)).status for _ in requests} == {status}


@pytest.mark.parametrize(("method", "path", "status"), [("PUT", PATH, 405), ("DELETE", "/x", 404), ("POST", "/", 404)])
async def test_other_methods_and_paths(build: Build, method: str, path: str, status: int) -> None:
    house = await build()
    answer = await call(house, f"{method} {path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
    assert answer.status == status
    if status == 405:
        assert answer.headers["allow"] == "get, head, post"


async def test_expect_100_continue_and_chunked_above_one_and_a_half_megabytes(build: Build) -> None:
    house = await build()
    body = GET_CARDS.replace(b"<S:Body>", b"<S:Body>" + b" " * 1_700_000)
    reader, writer = await house.connect()
    with closing(writer):
        writer.write(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        )
        async with asyncio.timeout(60):
            assert (await reader.readline()).startswith(b"HTTP/1.1 100")
            await reader.readline()
        assert (await exchange(reader, writer, body)).status == 200
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for start in range(0, len(body), 50_000):
            part = body[start : start + 50_000]
            writer.write(b"%x\r\n%s\r\n" % (len(part), part))
        assert (await exchange(reader, writer, b"0\r\nTrailer: x\r\n\r\n")).status == 200


@pytest.mark.parametrize("action", ['SOAPAction: "x"', "soapaction: x", "SOAPACTION:", "X: y"])
async def test_soap_action_does_not_matter(build: Build, action: str) -> None:
    house = await build()
    assert (await call(house, post(PATH, GET_CARDS, action))).status == 200


async def test_compressed_requests_are_refused_clearly(build: Build) -> None:
    house = await build()
    answer = await call(house, post(PATH, b"\x1f\x8b", "Content-Encoding: gzip"))
    assert answer.status == 415
    assert b"Content-Encoding" in answer.body


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<a",
        b"\x00\xff",
        GET_CARDS.decode().encode("utf-16"),
        envelope("<x/>", '<!DOCTYPE a [<!ENTITY a "b"><!ENTITY c "&a;&a;&a;&a;">]>'),
        envelope(
            "<x>&lol;</x>",
            "<!DOCTYPE x [" + "".join(f'<!ENTITY l{i} "&l{i - 1};&l{i - 1};">' for i in range(40)) + "]>",
        ),
        envelope("<a>" * 5000 + "</a>" * 5000),
        envelope("<a/>" * 100_000),
        envelope('<E:GetCards xmlns:E="http://ws.gematik.de/conn/EventService/v7.2"/>'),
        envelope('<E:GetCards xmlns:E="http://ws.gematik.de/conn/EventService/v7.0"/>'),
    ],
    ids=["empty", "cut", "binary", "utf16", "dtd", "bomb", "deep", "wide", "incomplete", "old"],
)
async def test_malformed_messages_are_4000(build: Build, body: bytes) -> None:
    house = await build()
    assert_fault(await call(house, post(PATH, body)), 4000)
    assert (await call(house, post(PATH, GET_CARDS))).status == 200


async def test_the_path_of_a_schema_violation_is_in_the_detail(build: Build) -> None:
    house = await build()
    bad = CONTEXT.replace("<N:WorkplaceId>w</N:WorkplaceId>", "")
    body = f'<E:GetCards xmlns:E="http://ws.gematik.de/conn/EventService/v7.2">{bad}</E:GetCards>'
    answer = await call(house, post(PATH, envelope(body)))
    assert_fault(answer, 4000)
    assert b"GetCards/Context" in answer.body


async def test_an_unknown_failure_is_4001_and_tells_nothing(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    house = await build()

    async def fail(request: GetCards) -> GetCardsResponse:
        raise RuntimeError("Erika Mustermann")

    house.answer = fail
    answer = await call(house, post(PATH, GET_CARDS))
    assert_fault(answer, 4001)
    assert b"Mustermann" not in answer.body
    event_id = etree.fromstring(answer.body).findtext(f".//{GERROR}EventID")
    records = [record for record in caplog.records if getattr(record, "event_id", None) == event_id]
    assert len(records) == 1
    assert "Mustermann" not in caplog.text
    assert "Mustermann" not in str(records[0].__dict__)
    assert records[0].__dict__["where"].endswith(" fail")


@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_three_hundred_megabytes_are_refused_without_being_kept(build: Build, framing: str) -> None:
    house = await build()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    total, part = 300 * 1024 * 1024, b"x" * 65536
    reader, writer = await house.connect()
    sent = 0
    if framing == "length":
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: {total}\r\n\r\n".encode())
    else:
        writer.write(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
    answering = asyncio.create_task(read_answer(reader))
    async with asyncio.timeout(60):
        with contextlib.suppress(ConnectionError):
            while sent < total and not answering.done():
                writer.write(part if framing == "length" else b"%x\r\n%s\r\n" % (len(part), part))
                await writer.drain()
                await asyncio.sleep(0)
                sent += len(part)
        answer = await answering
    assert answer.status == 413
    assert answer.headers["connection"] == "close"
    assert sent < 16 * 1024 * 1024
    assert not house.peers
    assert (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) < 64 * 1024
    async with asyncio.timeout(60):
        with contextlib.suppress(*GONE):
            assert await reader.read() == b""
    writer.close()
    assert (await call(house, post(PATH, GET_CARDS))).status == 200


async def test_one_octet_per_interval_is_cut_off_while_others_are_served(build: Build) -> None:
    house = await build(limits=Limits(request_seconds=1.0))

    async def drip() -> tuple[int, bytes]:
        reader, writer = await house.connect()
        sent = 0
        with closing(writer), contextlib.suppress(ConnectionError):
            for octet in post(PATH, GET_CARDS):
                writer.write(bytes([octet]))
                await writer.drain()
                sent += 1
                await asyncio.sleep(0.05)
                if reader.at_eof():
                    break
        return sent, await reader.read()

    async def good() -> int:
        reader, writer = await house.connect()
        served = 0
        with closing(writer):
            for _ in range(20):
                served += (await exchange(reader, writer, post(PATH, GET_CARDS))).status == 200
                await asyncio.sleep(0.05)
        return served

    async with asyncio.timeout(60):
        dripping = asyncio.gather(*(drip() for _ in range(5)))
        assert await good() == 20
        drips = await dripping
    for sent, rest in drips:
        assert sent < 60
        assert rest.startswith(b"HTTP/1.1 408")


async def test_a_large_request_that_waits_for_others_is_not_late(build: Build, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever has to wait for room keeps all of the time there is for sending. Small requests never wait."""
    house = await build(limits=Limits(request_seconds=2.0))
    over = asyncio.Event()

    async def full(place: Place, octets: int) -> None:
        await over.wait()

    monkeypatch.setattr(Place, "keep", full)
    reader, writer = await house.connect()
    body = GET_CARDS + b" " * 1024 * 1024
    with closing(writer):
        writer.write(post(PATH, body))
        async with asyncio.timeout(60):
            small_reader, small_writer = await house.connect()
            with closing(small_writer):
                assert (await exchange(small_reader, small_writer, post(PATH, GET_CARDS))).status == 200
        await asyncio.sleep(3)
        over.set()
        async with asyncio.timeout(60):
            assert (await exchange(reader, writer, b"")).status == 200


async def test_silence_before_and_after_the_handshake_ends(build: Build) -> None:
    house = await build(limits=Limits(request_seconds=1.5, handshake_seconds=1.5))
    raw_reader, raw_writer = await asyncio.open_connection(house.host, house.port)
    tls_reader, tls_writer = await house.connect()
    async with asyncio.timeout(60):
        for reader in (raw_reader, tls_reader):
            with contextlib.suppress(*GONE):
                assert await reader.read() == b""
    for writer in (raw_writer, tls_writer):
        writer.close()


async def test_an_idle_connection_is_closed_after_keep_alive(build: Build) -> None:
    house = await build(limits=Limits(keep_alive_seconds=1))
    reader, writer = await house.connect()
    assert (await exchange(reader, writer, post(PATH, GET_CARDS))).status == 200
    async with asyncio.timeout(60):
        assert await reader.read() == b""
    writer.close()


async def test_a_large_head_is_refused(build: Build) -> None:
    house = await build()
    reader, writer = await house.connect()
    with contextlib.suppress(ConnectionError):
        writer.write(b"GET / HTTP/1.1\r\nX: ")
        for _ in range(200):
            writer.write(b"y" * 4096)
            await writer.drain()
    async with asyncio.timeout(60):
        with contextlib.suppress(*GONE):
            assert (await read_answer(reader)).status == 431
    writer.close()
    assert (await call(house, get(PATH, "X: " + "y" * 20_000))).status == 200
    assert (await call(house, get(PATH, "X: " + "y" * 40_000))).status == 431


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100,
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_garbage_is_refused_and_closed(build: Build, garbage: bytes) -> None:
    house = await build()
    reader, writer = await house.connect()
    writer.write(garbage)
    async with asyncio.timeout(60):
        rest = await reader.read()
    assert rest.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))
    writer.close()


async def test_an_offer_to_upgrade_is_served_without(build: Build) -> None:
    house = await build()
    fields = ("Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA")
    reader, writer = await house.connect()
    with closing(writer):
        request = post(PATH, GET_CARDS, *fields)
        writer.write(request[:-100])
        await asyncio.sleep(0.05)
        answer = await exchange(reader, writer, request[-100:])
        assert b"GetCardsResponse" in answer.body
        assert (await exchange(reader, writer, get(PATH, *fields))).status == 200


async def test_connections_are_capped_per_address_and_places_are_given_back(build: Build) -> None:
    house = await build(limits=Limits(connections=10, connections_per_address=3))
    open_ones = [await house.connect() for _ in range(3)]
    with pytest.raises(ConnectionError):
        await house.connect()
    reader, writer = await asyncio.open_connection(
        house.host, house.port, ssl=house.tls(house.client), server_hostname="localhost", local_addr=("127.0.0.9", 0)
    )
    assert (await exchange(reader, writer, get(PATH))).status == 200
    for _, held in [*open_ones, (reader, writer)]:
        held.close()
        with contextlib.suppress(*GONE):
            await held.wait_closed()
    await until(lambda: house.reception.connection_count == 0)
    assert (await call(house, get(PATH))).status == 200


async def test_stopping_lets_a_call_finish(build: Build) -> None:
    house = await build()
    entered, release = asyncio.Event(), asyncio.Event()

    async def slow(request: GetCards) -> GetCardsResponse:
        entered.set()
        await release.wait()
        return no_cards()

    house.answer = slow
    reader, writer = await house.connect()
    idle_reader, idle_writer = await house.connect()
    running = asyncio.create_task(exchange(reader, writer, post(PATH, GET_CARDS)))
    await entered.wait()
    stopping = asyncio.create_task(house.stop())
    async with asyncio.timeout(60):
        with contextlib.suppress(*GONE):
            assert await idle_reader.read() == b""
    with pytest.raises(OSError, match=r"refused|Connect call failed"):
        await house.connect()
    assert not stopping.done()
    release.set()
    assert (await running).status == 200
    async with asyncio.timeout(60):
        await stopping
    for held in (writer, idle_writer):
        held.close()


async def test_stopping_ends_clients_that_do_not_take_note_beside_others_that_do(build: Build) -> None:
    """Who reads the end of TLS goes at once; who does not is ended, even if his connection was closed before."""
    house = await build()
    door = house.reception._secure_door
    deaf = [await house.connect() for _ in range(2)]
    for reader, writer in deaf:
        assert (await exchange(reader, writer, get(PATH))).status == 200
        writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(get(PATH, "Connection: close"))
    await until(lambda: any(visit.transport.is_closing() for visit in door.visits()))
    heard = [await house.connect() for _ in range(20)]
    for reader, other in heard:
        assert (await exchange(reader, other, get(PATH))).status == 200
    await house.stop()
    assert door.visits() == ()
    for _, writer in (*deaf, *heard):
        await leave(writer)


async def test_who_was_refused_and_does_not_take_note_can_be_ended(build: Build) -> None:
    """What comes behind a head that is too long is not refused once more."""
    house = await build(limits=Limits(head_octets=1_000))
    door = house.reception._secure_door
    reader, writer = await house.connect()
    assert (await exchange(reader, writer, get(PATH))).status == 200
    writer.transport.pause_reading()  # type: ignore[attr-defined]
    writer.write(get(PATH, "X: " + "x" * 1_000) + b"\0no request\r\n\r\n")
    await until(lambda: any(visit.transport.is_closing() for visit in door.visits()))
    (visit,) = door.visits()
    visit.transport.abort()
    await until(lambda: door.visits() == ())
    await leave(writer)


async def test_stopping_ends_what_does_not_finish(build: Build, caplog: pytest.LogCaptureFixture) -> None:
    """As a call that waits for a PIN; its end is no defect and leaves no traceback in the log."""
    house = await build(limits=Limits(stop_seconds=0.3))
    entered = asyncio.Event()

    async def never(request: GetCards) -> GetCardsResponse:
        entered.set()
        await asyncio.Event().wait()
        raise AssertionError

    house.answer = never
    reader, writer = await house.connect()
    running = asyncio.create_task(exchange(reader, writer, post(PATH, GET_CARDS)))
    await entered.wait()
    async with asyncio.timeout(60):
        await house.stop()
    with pytest.raises(GONE):
        await running
    writer.close()
    assert [record for record in caplog.records if record.exc_info or "ASGI" in record.getMessage()] == []
