"""What an online check leaves behind when the card, the network, the server or the caller gives up."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing, suppress
from typing import Any

import pytest

from tests.integration.konnektor_core.memorystore import MemoryStore
from tests.integration.vsdm.fachdienst import Call, Fachdienst, Reply, fault, package
from tests.integration.vsdm.scene import SELECT_HCA, UPDATE_RECEIPT, Scene, answering
from tiaas.base.entropy import SystemEntropy
from tiaas.card.apdu import CommandApdu
from tiaas.card.link import CardTimeout
from tiaas.fachdienste.vsdm.receipt import Receipt, Result
from tiaas.interfaces.cm_cc_v2_0 import GetNextCommandPackage
from tiaas.konnektor.cardtls import CardIdentity, CardTls, Handshakes, TlsFailed
from tiaas.konnektor.network import Network
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.vsdmreceipt import ReceiptKeys

SIGNS, RESETS, PROVES = (0x2A, 0x9E), (0x70, 0x40), (0x88, 0x00)


def sent(scene: Scene, handle: str, what: tuple[int, int]) -> int:
    """How often a command went to a card."""
    return sum((command.ins, command.p1) == what for command in scene.practice.lines[handle].sent)


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not holds():  # noqa: ASYNC110 (what is waited for has no event of its own)
            await asyncio.sleep(0.01)


# ---- the card, not the network ---------------------------------------------------------------------------------------


async def test_a_card_that_does_not_sign_says_nothing_of_the_network(scene: Scene) -> None:
    def refuse(command: CommandApdu) -> None:
        if (command.ins, command.p1) == SIGNS:
            raise CardTimeout("no answer")

    scene.practice.lines[scene.smcb.handle].before = refuse
    assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE
    assert not scene.service.calls
    assert not scene.practice.opstate.holds(Condition.NO_ONLINE_CONNECTION)


async def test_a_slow_card_that_uses_up_the_time_says_nothing_of_the_network(scene: Scene) -> None:
    scene.configure(vsdm_seconds=2)
    signing = asyncio.Event()

    def stop_the_slot(command: CommandApdu) -> None:
        if (command.ins, command.p1) == SIGNS:
            signing.set()

    line = scene.practice.lines[scene.smcb.handle]
    line.before = stop_the_slot
    transmit = line.transmit

    async def slowly(command: CommandApdu) -> Any:
        answer = await transmit(command)
        if signing.is_set():
            await asyncio.sleep(3)
        return answer

    line.transmit = slowly  # type: ignore[method-assign]
    assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE
    assert signing.is_set()
    assert not scene.practice.opstate.holds(Condition.NO_ONLINE_CONNECTION)


async def test_a_server_that_is_silent_in_the_handshake_is_no_connection(scene: Scene) -> None:
    async with silence() as port:
        scene.configure(vsdm_seconds=2, intermediaer=f"https://127.0.0.1:{port}")
        assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE
    assert scene.practice.opstate.holds(Condition.NO_ONLINE_CONNECTION)


async def test_an_smcb_that_falls_silent_during_the_check_is_e_3_and_the_card_is_consistent(scene: Scene) -> None:
    scene.service.packages = [package(SELECT_HCA, UPDATE_RECEIPT)]

    async def pull(call: Call) -> Reply | None:
        scene.practice.intermediaer.forget(scene.smcb.handle)  # type: ignore[union-attr]
        scene.practice.lines[scene.smcb.handle].pulled = True
        return None

    scene.on_perform(pull)
    before = dict(scene.image())
    receipt = await scene.receipt()
    assert (receipt.result, receipt.code) == (Result.UPDATE_IMPOSSIBLE, None)
    assert not scene.practice.opstate.holds(Condition.NO_ONLINE_CONNECTION)
    assert {name for name in before if before[name] != scene.image()[name]} <= {"MF/DF.HCA/EF.Logging"}
    scene.practice.lines[scene.smcb.handle].pulled = False
    assert (await scene.read(online=False, receipt=False)).gvd is not None


# ---- an update is not left half done ---------------------------------------------------------------------------------


@pytest.fixture
async def held(scene: Scene) -> AsyncIterator[tuple[Scene, asyncio.Event]]:
    """The service keeps the first report of an update until the event."""
    gate = asyncio.Event()
    scene.service.packages = [package(SELECT_HCA), package(SELECT_HCA, UPDATE_RECEIPT)]

    async def wait(call: Call) -> Reply | None:
        if isinstance(call.message, GetNextCommandPackage):
            await gate.wait()
        return None

    scene.on_perform(wait)
    yield scene, gate
    gate.set()


async def test_a_cancelled_caller_leaves_no_half_update(held: tuple[Scene, asyncio.Event]) -> None:
    scene, gate = held
    reading = asyncio.create_task(scene.read())
    await until(lambda: len(scene.service.calls) == 3)
    for _ in range(2):
        reading.cancel()
        await asyncio.sleep(0.05)
        assert scene.egk.reserved
        assert not reading.done()
    gate.set()
    with pytest.raises(asyncio.CancelledError):
        await reading
    assert not scene.egk.reserved
    reports = [call.message for call in scene.service.calls if isinstance(call.message, GetNextCommandPackage)]
    told = [report.command_response_package for report in reports]
    assert [len(package.command_responses) for package in told] == [1, 2]
    assert not any(package.abort for package in told)


async def test_a_cancelled_update_ends_with_maxtime_vsdm(held: tuple[Scene, asyncio.Event]) -> None:
    scene, _ = held
    scene.configure(vsdm_seconds=3)
    reading = asyncio.create_task(scene.read())
    await until(lambda: len(scene.service.calls) == 3)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await reading
    assert not scene.egk.reserved


async def test_a_refused_update_that_sent_no_command_does_not_reset_the_card(scene: Scene) -> None:
    scene.on_perform(answering(fault(12101)))
    assert (await scene.receipt()).code == 12101
    assert sent(scene, scene.egk.handle, RESETS) == 0
    assert sent(scene, scene.egk.handle, PROVES) == 1
    assert sent(scene, scene.smcb.handle, PROVES) == 1


# ---- what is noted ---------------------------------------------------------------------------------------------------


def noted(scene: Scene) -> Receipt:
    last = scene.practice.vsdm.last_receipt
    assert last is not None
    return last


async def test_a_check_without_receipt_is_noted(scene: Scene) -> None:
    await scene.read(receipt=False)
    assert noted(scene).result is Result.NO_UPDATE_NEEDED
    assert await scene.practice.store.get("vsdm", "online") is not None
    scene.service.behave = answering(fault(1011))
    await scene.read(receipt=False)
    assert noted(scene).code == 1011


async def test_two_first_calls_get_one_key() -> None:
    class Slow(MemoryStore):
        async def get(self, kind: str, key: str) -> dict[str, Any] | None:
            row = await super().get(kind, key)
            await asyncio.sleep(0)
            return row

        async def put(self, kind: str, key: str, body: Any) -> None:
            await super().put(kind, key, body)
            await asyncio.sleep(0)

    store = Slow()
    keys = ReceiptKeys(store, SystemEntropy())
    first, second = await asyncio.gather(keys.of("M1"), keys.of("M1"))
    assert first.reveal() == second.reveal()
    assert (await ReceiptKeys(store, SystemEntropy()).of("M1")).reveal() == first.reveal()


# ---- connections -----------------------------------------------------------------------------------------------------


@asynccontextmanager
async def silence() -> AsyncIterator[int]:
    """The port of a server that takes connections and says nothing."""

    async def nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(nothing, "127.0.0.1", 0)
    yield server.sockets[0].getsockname()[1]
    server.close()


def identity(scene: Scene) -> CardIdentity:
    async def sign(digest: bytes) -> bytes:
        raise AssertionError

    assert scene.smcb.data.aut_certificate is not None
    return CardIdentity(scene.smcb.data.aut_certificate, sign)


async def judge(chain: tuple[bytes, ...], host: str) -> None:
    """Believes everything."""


async def test_a_server_that_hangs_leaves_other_instances_their_handshakes(scene: Scene) -> None:
    scene.practice.handshakes = Handshakes(at_once=3)
    scene.configure()
    other = CardTls(Network(connect_seconds=30), judge, scene.practice.handshakes)
    async with silence() as port:
        stuck = [asyncio.create_task(other.open("127.0.0.1", port, identity(scene))) for _ in range(5)]
        await asyncio.sleep(0.05)
        async with asyncio.timeout(60):
            assert (await scene.receipt()).result is Result.NO_UPDATE_NEEDED
        assert not any(task.done() for task in stuck)
        for task in stuck:
            task.cancel()
        await asyncio.gather(*stuck, return_exceptions=True)
    scene.practice.handshakes.close()


async def test_nothing_is_opened_after_the_end(scene: Scene) -> None:
    tls = CardTls(Network(), judge, scene.practice.handshakes)
    tls.close()
    with pytest.raises(TlsFailed):
        await tls.open("127.0.0.1", 1, identity(scene))


async def test_an_end_that_came_with_the_answer_is_seen(scene: Scene) -> None:
    """The library reads ahead: the goodbye is not in the socket any more when the connection is looked at."""
    connections = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        session = Session(Fachdienst(scene.practice.pki).context(), reader, writer)
        # The client may say goodbye, too, which the library calls an error.
        with closing(writer), suppress(ssl.SSLZeroReturnError):
            while await session.request():
                body = b"<x/>"
                answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)
                await session.answer_and_leave(answer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    scene.configure(intermediaer=f"https://127.0.0.1:{port}")
    connection = None
    tls = scene.practice.intermediaer._tls  # type: ignore[union-attr]
    opened = tls.open

    async def keep(*arguments: Any) -> Any:
        nonlocal connection
        connection = await opened(*arguments)
        return connection

    tls.open = keep  # type: ignore[method-assign]
    await scene.read()
    assert connection is not None
    assert connection.closed_by_peer
    server.close()


class Session:
    """A server's side of TLS that sends answer and goodbye in one piece."""

    def __init__(self, context: ssl.SSLContext, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_side=True)

    async def _run(self, step: Callable[[], Any]) -> Any:
        while True:
            try:
                found = step()
            except ssl.SSLWantReadError:
                self._writer.write(self._out.read())
                octets = await self._reader.read(65536)
                if not octets:
                    return b""
                self._in.write(octets)
            else:
                return found

    async def request(self) -> bytes:
        await self._run(self._tls.do_handshake)
        return bytes(await self._run(lambda: self._tls.read(65536)))

    async def answer_and_leave(self, octets: bytes) -> None:
        self._tls.write(octets)
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._writer.write(self._out.read())
