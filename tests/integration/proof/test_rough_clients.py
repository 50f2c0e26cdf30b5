"""Rough clients against a running lab: each gets the specified code or a closed connection, the others get served.

Memory and disk are judged from outside the process: resident size by /proc, files by their sizes.
"""

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from lxml import etree

from tests.integration.konnektor_front.http1 import Answer, exchange, get, post, read_answer
from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import EVENT, GERROR, SOAP, VSD, Caller, envelope, tls_of

MEBIBYTE = 1024 * 1024
REQUEST_SECONDS = 8.0
GONE = (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError)

Line = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    """As always, but a request must be complete after 4 seconds instead of 30."""
    folder = tmp_path_factory.mktemp("rough")
    (folder / "config.toml").write_text(f"[limits]\nrequest_seconds = {REQUEST_SECONDS}\n")
    with LabProcess(folder / "lab", "--config", str(folder / "config.toml")) as process:
        yield process
        assert "Traceback" not in process.output
        assert '"level": "error"' not in (process.folder / "tiaas.log").read_text()
        process.stop()


class Desk:
    """A workplace of the practice: opens connections, knows good requests."""

    def __init__(self, lab: LabProcess) -> None:
        self.lab = lab
        self.url = urlsplit(lab.ready["konnektor"]["url"])
        self.tls = tls_of(lab.ready)
        with Caller(lab.ready) as caller:
            self.path = caller.path("EventService")
            self.vsd_path = caller.path("VSDService")
            self.good = post(self.path, caller.get_cards_message())
            self.message = caller.get_cards_message()
            self.context = caller.context()
            self.handles = caller.handle("EGK"), caller.handle("SMC-B")

    @contextlib.asynccontextmanager
    async def line(self) -> AsyncIterator[Line]:
        """A connection with the practice's certificate; hung up without ado at the end."""
        reader, writer = await asyncio.open_connection(str(self.url.hostname), self.url.port, ssl=self.tls)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    async def ask(self, request: bytes) -> Answer:
        """One request on a connection of its own."""
        async with self.line() as (reader, writer):
            return await exchange(reader, writer, request)

    async def is_served(self, times: int = 1) -> None:
        """Ordinary requests, one after the other on one connection, get ordinary answers."""
        async with self.line() as (reader, writer):
            for _ in range(times):
                answer = await exchange(reader, writer, self.good)
                assert answer.status == 200
                assert b"GetCardsResponse" in answer.body

    def read_vsd(self) -> bytes:
        """ReadVSD as a request."""
        egk, smcb = self.handles
        return post(self.vsd_path, envelope(
            f'<v:ReadVSD xmlns:v="{VSD}"><v:EhcHandle>{egk}</v:EhcHandle><v:HpcHandle>{smcb}</v:HpcHandle>'
            "<v:PerformOnlineCheck>false</v:PerformOnlineCheck><v:ReadOnlineReceipt>false</v:ReadOnlineReceipt>"
            f"{self.context}</v:ReadVSD>"
        ))  # fmt: skip

    # ---- the process from outside --------------------------------------------------------------------------------

    @contextlib.contextmanager
    def no_growth(self, memory: int = 60 * MEBIBYTE, disk: int = 4 * MEBIBYTE) -> Iterator[None]:
        """Neither the peak of the resident memory nor the files of the process grow by more."""
        process = Path(f"/proc/{self.lab.process.pid}")
        (process / "clear_refs").write_text("5")
        before, files = self._kibibytes(process, "VmRSS"), self._files()
        yield
        assert (self._kibibytes(process, "VmHWM") - before) * 1024 < memory
        assert self._files() - files < disk

    @staticmethod
    def _kibibytes(process: Path, name: str) -> int:
        (line,) = [line for line in (process / "status").read_text().splitlines() if line.startswith(f"{name}:")]
        return int(line.split()[1])

    def _files(self) -> int:
        """Octets in the lab's folder and in unlinked files that the process still holds."""
        held = 0
        for descriptor in Path(f"/proc/{self.lab.process.pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                if "(deleted)" in str(descriptor.readlink()):
                    held += descriptor.stat().st_size
        return held + sum(path.stat().st_size for path in self.lab.folder.rglob("*") if path.is_file())


@pytest.fixture(scope="module")
def desk(lab: LabProcess) -> Desk:
    return Desk(lab)


def assert_fault(answer: Answer, code: int) -> None:
    assert answer.status == 500, answer.body
    trace = etree.fromstring(answer.body).find(f".//{GERROR}Trace")
    assert trace is not None
    assert trace.findtext(f"{GERROR}Code") == str(code)
    assert trace.findtext(f"{GERROR}Detail")


# ---- messages --------------------------------------------------------------------------------------------------------

_BOMB = "".join(f'<!ENTITY l{i} "&l{i - 1};&l{i - 1};">' for i in range(1, 40))
_DEEP = 20_000
MALFORMED: dict[str, bytes] = {
    "empty": b"",
    "blank": b"   \r\n",
    "no xml": b"GetCards please",
    "cut": envelope("<x/>")[:-9],
    "zeros": bytes(4096),
    "octets": bytes(range(256)) * 16,
    "json": b'{"Envelope": {"Body": {}}}',
    "utf-16": envelope("<x/>").decode().encode("utf-16"),
    "latin-1": envelope("<x>ä</x>", '<?xml version="1.0" encoding="ISO-8859-1"?>'),
    "broken utf-8": envelope("<x>§</x>").replace("§".encode(), b"\xc3\x28"),
    "dtd": envelope("<x/>", "<!DOCTYPE a>"),
    "bomb": envelope("<x>&l39;</x>", f'<!DOCTYPE a [<!ENTITY l0 "lol">{_BOMB}]>'),
    "quadratic bomb": envelope("<x>" + "&a;" * 20_000 + "</x>", f'<!DOCTYPE a [<!ENTITY a "{"a" * 20_000}">]>'),
    "file entity": envelope("<x>&f;</x>", '<!DOCTYPE a [<!ENTITY f SYSTEM "file:///etc/passwd">]>'),
    "attribute entity": envelope('<x y="&f;"/>', '<!DOCTYPE a [<!ENTITY f "v">]>'),
    "deep": envelope("<a>" * _DEEP + "</a>" * _DEEP),
    "deep, never closed": envelope("<a>" * _DEEP),
    "wide": envelope("<a/>" * 200_000),
    "attributes": envelope("<a " + " ".join(f'b{i}=""' for i in range(50_000)) + "/>"),
    "namespaces": envelope("<a " + " ".join(f'xmlns:b{i}="u{i}"' for i in range(20_000)) + "/>"),
    "long name": envelope("<" + "a" * 500_000 + "/>"),
    "long text": envelope("<a>" + "x" * 1_900_000 + "</a>"),
    "style sheet": envelope("<x/>", '<?xml-stylesheet href="http://127.0.0.1/x.xsl"?>'),
    "inclusion": envelope('<i:include xmlns:i="http://www.w3.org/2001/XInclude" href="/etc/passwd" parse="text"/>'),
    "two bodies": f'<S:Envelope xmlns:S="{SOAP}"><S:Body/><S:Body/></S:Envelope>'.encode(),
    "no body": f'<S:Envelope xmlns:S="{SOAP}"/>'.encode(),
    "empty body": envelope(""),
    "soap 1.2": envelope("<x/>").replace(SOAP.encode(), b"http://www.w3.org/2003/05/soap-envelope"),
    "unknown": envelope('<x xmlns="urn:nothing"/>'),
    "another version": envelope('<e:GetCards xmlns:e="http://ws.gematik.de/conn/EventService/v9.9"/>'),
    "incomplete": envelope(f'<e:GetCards xmlns:e="{EVENT}"/>'),
    "gzip": gzip.compress(envelope("<x/>")),
}


@pytest.mark.parametrize("name", MALFORMED)
@pytest.mark.code(4000)
async def test_malformed_messages_are_4000(desk: Desk, name: str) -> None:
    answer = await desk.ask(post(desk.path, MALFORMED[name], "Content-Type: text/xml; charset=utf-8"))
    # WS-I and SOAP 1.1 have fault codes of their own for some; the trace says 4000 in all.
    assert_fault(answer, 4000)
    assert b"root:" not in answer.body
    await desk.is_served()


async def test_nobody_is_called_for_an_entity(desk: Desk) -> None:
    """External entities, DTDs and schema locations that point to a listener: it hears nothing."""
    callers = 0

    def called(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal callers
        callers += 1
        writer.close()

    server = await asyncio.start_server(called, "127.0.0.1", 0)
    async with server:
        place = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/x"
        messages = [
            envelope("<x>&f;</x>", f'<!DOCTYPE a [<!ENTITY f SYSTEM "{place}">]>'),
            envelope("<x/>", f'<!DOCTYPE a SYSTEM "{place}">'),
            envelope("<x/>", f'<!DOCTYPE a [<!ENTITY % p SYSTEM "{place}"> %p;]>'),
        ]
        for message in messages:
            assert_fault(await desk.ask(post(desk.path, message)), 4000)
        hint = f'xmlns:i="http://www.w3.org/2001/XMLSchema-instance" i:schemaLocation="{EVENT} {place}" '
        located = desk.message.replace(b"<e:GetCards ", f"<e:GetCards {hint}".encode())
        assert located != desk.message
        assert (await desk.ask(post(desk.path, located))).status == 200
        await asyncio.sleep(0.2)
    assert callers == 0


async def test_malformed_messages_leave_nothing_behind(desk: Desk) -> None:
    for message in MALFORMED.values():
        await desk.ask(post(desk.path, message))
    with desk.no_growth(memory=40 * MEBIBYTE):
        for _ in range(3):
            for message in MALFORMED.values():
                await desk.ask(post(desk.path, message))


# ---- size ------------------------------------------------------------------------------------------------------------


async def _pour(desk: Desk, framing: str, total: int, *, stubborn: bool) -> tuple[int, Answer | None]:
    """Sends up to `total` octets until refused; how many went out, and the answer if one could be read.

    A stubborn client goes on after the answer, until it is hung up on.
    """
    part = b"x" * 65536
    head = {"length": f"Content-Length: {total}", "chunked": "Transfer-Encoding: chunked"}[framing]
    piece = part if framing == "length" else b"%x\r\n%s\r\n" % (len(part), part)
    sent = 0
    async with desk.line() as (reader, writer):
        writer.write(f"POST {desk.path} HTTP/1.1\r\nHost: x\r\n{head}\r\n\r\n".encode())
        answering = asyncio.create_task(read_answer(reader))
        try:
            async with asyncio.timeout(60):
                with contextlib.suppress(*GONE):
                    while sent < total and (stubborn or not answering.done()):
                        writer.write(piece)
                        await writer.drain()
                        # drain() alone gives nobody else a turn while the buffers take everything.
                        await asyncio.sleep(0)
                        sent += len(part)
                await asyncio.wait([answering])
        finally:
            answering.cancel()
        answer = answering.result() if answering.exception() is None else None
    return sent, answer


@pytest.mark.parametrize("stubborn", [False, True])
@pytest.mark.parametrize("framing", ["length", "chunked"])
async def test_300_megabytes_are_refused_and_kept_nowhere(desk: Desk, framing: str, stubborn: bool) -> None:
    with desk.no_growth():
        poured = await asyncio.gather(*(_pour(desk, framing, 300 * MEBIBYTE, stubborn=stubborn) for _ in range(4)))
        await desk.is_served(5)
    for sent, answer in poured:
        assert sent < 32 * MEBIBYTE, f"{sent} octets were taken"
        assert answer is None or answer.status == 413
    assert any(answer is not None for _, answer in poured)


async def test_what_just_fits_is_read(desk: Desk) -> None:
    """Requests above 1.5 MB exist in the field."""
    start, end = desk.message[:-30], desk.message[-30:]
    place = desk.message.index(b"<S:Body>") + len(b"<S:Body>")
    large = desk.message[:place] + b" " * (2 * MEBIBYTE - len(start + end)) + desk.message[place:]
    assert len(large) == 2 * MEBIBYTE
    assert (await desk.ask(post(desk.path, large))).status == 200
    assert (await desk.ask(post(desk.path, large + b" "))).status == 413


async def test_a_head_without_end_is_refused(desk: Desk) -> None:
    with desk.no_growth():
        async with desk.line() as (reader, writer):
            with contextlib.suppress(*GONE):
                writer.write(b"GET / HTTP/1.1\r\nX: ")
                for _ in range(2000):
                    writer.write(b"y" * 16384)
                    await writer.drain()
            async with asyncio.timeout(60):
                with contextlib.suppress(*GONE):
                    assert (await read_answer(reader)).status == 431
    await desk.is_served()


# ---- time ------------------------------------------------------------------------------------------------------------


async def test_slow_clients_hang_alone(desk: Desk) -> None:
    """Four ways of being slow; 200 good requests and five reads are served meanwhile."""

    async def drip(octets: bytes) -> bytes:
        async with desk.line() as (reader, writer):
            with contextlib.suppress(*GONE):
                for octet in octets:
                    writer.write(bytes([octet]))
                    await writer.drain()
                    await asyncio.sleep(1)
                    if reader.at_eof():
                        break
            with contextlib.suppress(*GONE):
                return await reader.read()
        return b""

    async def half_a_handshake() -> bytes:
        reader, writer = await asyncio.open_connection(str(desk.url.hostname), desk.url.port)
        try:
            for octet in bytes.fromhex("160301020001"):
                writer.write(bytes([octet]))
                await asyncio.sleep(0.5)
            with contextlib.suppress(*GONE):
                return await reader.read()
            return b""
        finally:
            writer.transport.abort()

    async def nothing_at_all() -> bytes:
        async with desk.line() as (reader, _):
            with contextlib.suppress(*GONE):
                return await reader.read()
        return b""

    body_only = desk.good.index(b"\r\n\r\n") + 4

    async def slow_body() -> bytes:
        async with desk.line() as (reader, writer):
            writer.write(desk.good[:body_only])
            with contextlib.suppress(*GONE):
                for octet in desk.good[body_only : body_only + 30]:
                    writer.write(bytes([octet]))
                    await writer.drain()
                    await asyncio.sleep(1)
                    if reader.at_eof():
                        break
                return await reader.read()
        return b""

    ways: list[Callable[[], Awaitable[bytes]]] = [lambda: drip(desk.good), nothing_at_all, slow_body]
    # A handshake has 10 seconds; nobody waits for their end here.
    shaking = [asyncio.ensure_future(half_a_handshake()) for _ in range(5)]
    slow = [asyncio.ensure_future(way()) for way in ways for _ in range(5)]
    await asyncio.sleep(1)
    async with asyncio.timeout(60):
        await asyncio.gather(*(desk.is_served(20) for _ in range(10)))
        for _ in range(5):
            assert (await desk.ask(desk.read_vsd())).status == 200
        assert not any(task.done() for task in (*slow, *shaking)), "the good ones were served while the slow ones hung"
        # Then they are sent away.
        for rest in await asyncio.gather(*slow):
            assert rest == b"" or rest.startswith(b"HTTP/1.1 408")
    for task in shaking:
        task.cancel()
    await asyncio.gather(*shaking, return_exceptions=True)
    await desk.is_served()


async def test_callers_who_leave_in_the_middle(desk: Desk) -> None:
    """Twenty hang up with a card operation under way; soon the card is there for the next."""

    async def leave() -> None:
        async with desk.line() as (_, writer):
            writer.write(desk.read_vsd())
            await writer.drain()

    for _ in range(4):
        await asyncio.gather(*(leave() for _ in range(5)))
    # What they began goes on to its end; until then the card is in use (4093).
    async with asyncio.timeout(60):
        while (answer := await desk.ask(desk.read_vsd())).status != 200:
            assert_fault(answer, 4093)
    await desk.is_served()


# ---- HTTP ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "garbage",
    [
        b"\x00" * 100,
        b"\x16\x03\x01" + b"\xff" * 500,
        b"HELO konnektor\r\n\r\n",
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 99999999999999999999999\r\n\r\n",
        b"POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\n X: folded\r\nno colon\r\n\r\n",
        b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: a\r\n\r\n",
    ],
)
async def test_http_garbage(desk: Desk, garbage: bytes) -> None:
    async with desk.line() as (reader, writer):
        writer.write(garbage)
        writer.write(b"\r\n\r\n")
        rest = b""
        async with asyncio.timeout(60):
            with contextlib.suppress(*GONE):
                rest = await reader.read(65536)
        assert rest == b"" or rest.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404")), rest
        assert b"root:" not in rest
    await desk.is_served()


async def test_what_is_no_tls_is_hung_up_on(desk: Desk) -> None:
    for octets in (desk.good, b"\x00" * 5000, b"\x16\x03\x01\x00\x05hello"):
        reader, writer = await asyncio.open_connection(str(desk.url.hostname), desk.url.port)
        try:
            writer.write(octets)
            async with asyncio.timeout(60):
                with contextlib.suppress(*GONE):
                    # Nothing but an alert may come back.
                    rest = await reader.read()
                    assert len(rest) <= 7, rest
        finally:
            writer.transport.abort()
    await desk.is_served()


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/connector.sds", 200),
        ("HEAD", "/connector.sds", 200),
        ("POST", "/connector.sds", 405),
        ("GET", "", 200),
        ("HEAD", "", 200),
        ("PUT", "", 405),
        ("DELETE", "", 405),
        ("OPTIONS", "", 405),
        ("GET", "/", 404),
        ("POST", "/ws/Nothing", 404),
        ("GET", "/connector.sds/../ready.json", 404),
        ("GET", "/%2e%2e/%2e%2e/etc/passwd", 404),
        ("TRACE", "/", 404),
    ],
)
async def test_methods_and_paths(desk: Desk, method: str, path: str, status: int) -> None:
    async with desk.line() as (reader, writer):
        writer.write(f"{method} {path or desk.path} HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n".encode())
        async with asyncio.timeout(60):
            head = await reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 %d" % status), head


@pytest.mark.parametrize(
    "field",
    [
        "Content-Type: text/xml",
        'Content-Type: text/xml; charset="utf-8"',
        "Content-Type: TEXT/XML;charset=UTF8",
        "Content-Type: application/soap+xml; charset=utf-8",
        "Content-Type: application/octet-stream",
        "Content-Type:",
        "Content-Type: ;;;=",
        "X-No-Content-Type: at all",
        "Authorization: Basic cHZzOmdlaGVpbQ==",
        "Authorization: Basic %%%",
        "Authorization: Bearer x",
        "Accept-Encoding: gzip, br",
        "Accept: application/json",
        "Connection: close",
        "Cookie: a=b",
        "X-Forwarded-For: 10.0.0.1",
        "Origin: https://example.invalid",
    ],
)
async def test_odd_fields_do_not_matter(desk: Desk, field: str) -> None:
    answer = await desk.ask(post(desk.path, desk.message, field))
    assert answer.status == 200
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert "content-encoding" not in answer.headers


@pytest.mark.parametrize(
    ("field", "status"),
    [
        ("Content-Type: text/xml; charset=iso-8859-1", 500),
        ('Content-Type: multipart/related; type="application/xop+xml"; boundary=x', 500),
        ("Content-Encoding: gzip", 415),
    ],
)
async def test_what_is_refused_is_refused_clearly(desk: Desk, field: str, status: int) -> None:
    answer = await desk.ask(post(desk.path, desk.message, field))
    assert answer.status == status
    if status == 500:
        assert_fault(answer, 4000)


@pytest.mark.pitfall(5)
async def test_expect_100_continue(desk: Desk) -> None:
    async with desk.line() as (reader, writer):
        head = f"POST {desk.path} HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {len(desk.message)}"
        writer.write(f"{head}\r\n\r\n".encode())
        async with asyncio.timeout(60):
            assert (await reader.readuntil(b"\r\n\r\n")).startswith(b"HTTP/1.1 100")
        assert (await exchange(reader, writer, desk.message)).status == 200


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.pitfall(5)
async def test_chunked(desk: Desk, size: int) -> None:
    parts = [desk.message[at : at + size] for at in range(0, len(desk.message), size)]
    body = b"".join(b"%x;name=value\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\nTrailer: x\r\n\r\n"
    async with desk.line() as (reader, writer):
        head = f"POST {desk.path} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        assert (await exchange(reader, writer, head + body)).status == 200
        assert (await exchange(reader, writer, desk.good)).status == 200


@pytest.mark.pitfall(5)
async def test_fifty_connections_are_kept_alive(desk: Desk) -> None:
    async with contextlib.AsyncExitStack() as stack:
        lines = [await stack.enter_async_context(desk.line()) for _ in range(50)]
        async with asyncio.timeout(60):
            for _ in range(4):
                answers = await asyncio.gather(*(exchange(*line, desk.good) for line in lines))
                assert [answer.status for answer in answers] == [200] * 50
                assert all("close" not in answer.headers.get("connection", "") for answer in answers)


async def test_a_flood_of_connections_is_bounded_and_passes(desk: Desk) -> None:
    """300 from one address: up to its bound they are kept, the rest is hung up on; then there is room again."""
    lines = []
    with desk.no_growth():
        for _ in range(300):
            lines.append(await asyncio.open_connection(str(desk.url.hostname), desk.url.port))
        async with asyncio.timeout(60):
            while (kept := sum(not reader.at_eof() for reader, _ in lines)) > 256:  # noqa: ASYNC110 (the other end acts)
                await asyncio.sleep(0.05)
        assert kept > 0
        for _, writer in lines:
            writer.transport.abort()
    async with asyncio.timeout(60):
        while True:
            try:
                await desk.is_served(5)
                break
            except GONE:
                await asyncio.sleep(0.05)


async def test_the_service_directory_for_odd_hosts(desk: Desk) -> None:
    """The Host field stands in the addresses of the directory, but nobody writes markup through it."""
    for host in ("konnektor.konlan", "127.0.0.1:8443", "a" * 500, '"><x/>', "evil.invalid/\u00e4", ""):
        answer = await desk.ask(f"GET /connector.sds HTTP/1.1\r\nHost: {host}\r\n\r\n".encode())
        assert answer.status in (200, 400)
        if answer.status == 200:
            assert not etree.fromstring(answer.body).findall(".//x")
    assert (await desk.ask(get("/connector.sds", "Content-Type: odd"))).status == 200
