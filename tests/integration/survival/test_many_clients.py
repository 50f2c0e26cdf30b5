"""Many clients of one instance, two on one card, and some who do not read what they asked for."""

import asyncio
import contextlib
import socket
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.integration.konnektor_front.http1 import exchange, post
from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import CARD, CARDCMN, CONN, VSD, Caller, envelope, tls_of
from tests.integration.proof.hand import Hand
from tests.integration.proof.test_rough_clients import GONE, Line, assert_fault

CLIENTS = 200
CALLS = 10
WRITE_SECONDS = 2.0
PESTERING = 3000
"""Requests of one client that reads no answer: some 10 MB of answers, more than all buffers on the way hold."""
LIMIT, PER_ADDRESS = 320, 256


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    """As always, but an answer has to be read in 2 seconds instead of 60."""
    folder = tmp_path_factory.mktemp("many")
    (folder / "config.toml").write_text(f"[limits]\nwrite_seconds = {WRITE_SECONDS}\nconnections = {LIMIT}\n")
    with LabProcess(folder / "lab", "--config", str(folder / "config.toml")) as process:
        yield process
        process.stop()
        assert "Traceback" not in process.output
        assert '"level": "error"' not in (process.folder / "tiaas.log").read_text()


class Desks:
    """Workplaces of the practice: each line is a connection of its own."""

    def __init__(self, lab: LabProcess) -> None:
        self.lab = lab
        self.url = urlsplit(lab.ready["konnektor"]["url"])
        self.tls = tls_of(lab.ready)
        with Caller(lab.ready) as caller:
            self.cards = post(caller.path("EventService"), caller.get_cards_message())
            self.egk, self.smcb, self.hba = (caller.handle(kind) for kind in ("EGK", "SMC-B", "HBA"))
            self._paths = {name: caller.path(name) for name in ("VSDService", "CardService")}
            self._context = caller.context()

    @contextlib.asynccontextmanager
    async def line(self, source: str = "127.0.0.1", receive_buffer: int = 0) -> AsyncIterator[Line]:
        """A connection; hung up without ado at the end."""
        raw = socket.socket()
        if receive_buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        raw.setblocking(False)
        raw.bind((source, 0))
        await asyncio.get_running_loop().sock_connect(raw, (str(self.url.hostname), self.url.port))
        reader, writer = await asyncio.open_connection(sock=raw, ssl=self.tls, server_hostname=self.url.hostname)
        try:
            yield reader, writer
        finally:
            writer.transport.abort()

    def read_vsd(self) -> bytes:
        """ReadVSD as a request."""
        return post(self._paths["VSDService"], envelope(
            f'<v:ReadVSD xmlns:v="{VSD}"><v:EhcHandle>{self.egk}</v:EhcHandle><v:HpcHandle>{self.smcb}</v:HpcHandle>'
            "<v:PerformOnlineCheck>false</v:PerformOnlineCheck><v:ReadOnlineReceipt>false</v:ReadOnlineReceipt>"
            f"{self._context}</v:ReadVSD>"
        ))  # fmt: skip

    def verify_pin(self, handle: str, pin: str) -> bytes:
        """VerifyPin as a request."""
        return post(self._paths["CardService"], envelope(
            f'<p:VerifyPin xmlns:p="{CARD}" xmlns:c="{CARDCMN}">{self._context}'
            f'<n:CardHandle xmlns:n="{CONN}">{handle}</n:CardHandle><c:PinTyp>{pin}</c:PinTyp></p:VerifyPin>'
        ))  # fmt: skip

    async def ask(self, request: bytes) -> int:
        """One request on a connection of its own: 0, or the code of the fault."""
        async with self.line() as (reader, writer):
            answer = await exchange(reader, writer, request)
        if answer.status == 200:
            return 0
        assert_fault(answer, 4093)
        return 4093


@pytest.fixture(scope="module")
def desks(lab: LabProcess) -> Desks:
    return Desks(lab)


@pytest.fixture
def slow_card(lab: LabProcess) -> Iterator[Hand]:
    """Each answer of the terminal takes a while, so that calls meet."""
    hand = Hand(lab.ready)
    hand.delay(0.1)
    yield hand
    hand.delay(0.0)
    hand.policy("auto")


# ---- one card --------------------------------------------------------------------------------------------------------


async def test_two_reads_of_one_card(desks: Desks, slow_card: Hand) -> None:
    """TUC_KON_023: nobody waits for a card; the second one gets 4093 at once and may come again."""
    both = [asyncio.create_task(desks.ask(desks.read_vsd())) for _ in range(2)]
    done, (reading,) = await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
    assert [each.result() for each in done] == [4093]
    async with desks.line() as (reader, writer):
        while not reading.done():
            assert (await exchange(reader, writer, desks.cards)).status == 200
    assert await reading == 0
    assert await desks.ask(desks.read_vsd()) == 0


async def test_ten_at_once_on_one_card(desks: Desks, slow_card: Hand) -> None:
    codes = Counter(await asyncio.gather(*(desks.ask(desks.read_vsd()) for _ in range(10))))
    assert codes[0] >= 1
    assert codes[0] + codes[4093] == 10
    assert codes[4093] >= 1
    assert await desks.ask(desks.read_vsd()) == 0


async def test_a_pin_is_typed_while_somebody_reads(desks: Desks, slow_card: Hand) -> None:
    """VerifyPin reserves the SMC-B, ReadVSD does not (choices.md); typing the HBA's PIN disturbs no reading."""
    slow_card.policy("manual")
    typing = asyncio.create_task(desks.ask(desks.verify_pin(desks.smcb, "PIN.SMC")))
    await prompted(slow_card)
    assert await desks.ask(desks.read_vsd()) == 4093
    slow_card.press(*desks.lab.ready["cards"]["smcb"][0]["pins"]["PIN.SMC"], "ok")
    assert await typing == 0
    typing = asyncio.create_task(desks.ask(desks.verify_pin(desks.hba, "PIN.CH")))
    await prompted(slow_card)
    assert await desks.ask(desks.read_vsd()) == 0
    assert not typing.done()
    slow_card.press(*desks.lab.ready["cards"]["hba"][0]["pins"]["PIN.CH"], "ok")
    assert await typing == 0
    # The other way round: a PIN entry that begins while its card is needed for reading.
    slow_card.policy("auto")
    struck = slow_card.struck()
    reading = asyncio.create_task(desks.ask(desks.read_vsd()))
    async with asyncio.timeout(60):
        while slow_card.struck() == struck:  # noqa: ASYNC110 (asked over HTTP)
            await asyncio.sleep(0.01)
    assert await desks.ask(desks.verify_pin(desks.smcb, "PIN.SMC")) == 0
    assert await reading == 0


async def prompted(hand: Hand) -> None:
    """Somebody is asked for a PIN."""
    async with asyncio.timeout(60):
        while not hand.display()["prompt"]:  # noqa: ASYNC110 (asked over HTTP)
            await asyncio.sleep(0.01)


# ---- many ------------------------------------------------------------------------------------------------------------


async def test_two_hundred_clients_each_get_their_answers(desks: Desks) -> None:
    """All connections stand before the first request; whoever is served first has not left others without any."""
    answered = [0] * CLIENTS
    at_first_end: list[int] = []
    ready, go = asyncio.Semaphore(0), asyncio.Event()

    async def work(number: int) -> None:
        async with desks.line() as (reader, writer):
            ready.release()
            await go.wait()
            for _ in range(CALLS):
                answer = await exchange(reader, writer, desks.cards)
                assert answer.status == 200
                assert b"GetCardsResponse" in answer.body
                answered[number] += 1
            at_first_end.append(min(answered))

    async with asyncio.timeout(60):
        async with asyncio.TaskGroup() as group:
            for number in range(CLIENTS):
                group.create_task(work(number))
            for _ in range(CLIENTS):
                await ready.acquire()
            go.set()
    assert answered == [CALLS] * CLIENTS
    assert at_first_end[0] >= 1
    assert await desks.ask(desks.read_vsd()) == 0


async def test_whoever_finds_no_room_is_told_at_once_and_the_others_work_on(desks: Desks) -> None:
    """Closed before the handshake, which would cost more than all the rest; when one leaves there is room again."""
    async with contextlib.AsyncExitStack() as stack:

        async def take(source: str) -> Line:
            return await stack.enter_async_context(desks.line(source))

        inside = [await take("127.0.0.1") for _ in range(PER_ADDRESS)]
        await refused(desks, "127.0.0.1")
        inside += [await take("127.0.0.2") for _ in range(LIMIT - PER_ADDRESS)]
        for source in ("127.0.0.2", "127.0.0.3"):
            await refused(desks, source)
        for reader, writer in (inside[0], inside[PER_ADDRESS - 1], inside[-1]):
            assert (await exchange(reader, writer, desks.cards)).status == 200
        inside[7][1].transport.abort()
        async with asyncio.timeout(60):
            while True:
                try:
                    async with desks.line("127.0.0.3") as (reader, writer):
                        assert (await exchange(reader, writer, desks.cards)).status == 200
                    break
                except GONE:
                    await asyncio.sleep(0.01)


async def refused(desks: Desks, source: str) -> None:
    """No room: the connection ends before TLS."""
    with pytest.raises(GONE):
        async with asyncio.timeout(60), desks.line(source):
            pass


# ---- who does not read -----------------------------------------------------------------------------------------------


async def test_a_client_that_never_reads_is_let_go(desks: Desks) -> None:
    """As soon as nothing more of the answers fits anywhere, `write_seconds` are all it has."""
    async with asyncio.timeout(60), desks.line(receive_buffer=4096) as (_, writer):
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        with pytest.raises(GONE):
            while True:
                writer.write(desks.cards)
                await writer.drain()
                await asyncio.sleep(0)  # drain() alone gives nobody else a turn


async def test_clients_that_do_not_read_wait_and_cost_little(desks: Desks) -> None:
    """They ask and ask and leave the answers where they are; the others are served, and the memory stays. Who begins to
    read is answered."""
    status = Path(f"/proc/{desks.lab.process.pid}/status")

    def resident() -> int:
        (line,) = [line for line in status.read_text().splitlines() if line.startswith("VmRSS:")]
        return int(line.split()[1])

    before = resident()

    async def pester(stack: contextlib.AsyncExitStack) -> asyncio.StreamReader:
        reader, writer = await stack.enter_async_context(desks.line(receive_buffer=4096))
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        with contextlib.suppress(TimeoutError, *GONE):
            async with asyncio.timeout(5):
                for _ in range(PESTERING):
                    writer.write(desks.cards)
                    await writer.drain()
                    await asyncio.sleep(0)  # drain() alone gives nobody else a turn
        return reader

    async with contextlib.AsyncExitStack() as stack:
        readers = await asyncio.gather(*(pester(stack) for _ in range(20)))
        for _ in range(20):
            assert await desks.ask(desks.cards) == 0
        assert (resident() - before) < 64 * 1024
        async with asyncio.timeout(30):
            for reader in readers:
                reader._transport.resume_reading()  # type: ignore[attr-defined]
                assert (await reader.readline()).split()[1] == b"200"
    assert await desks.ask(desks.read_vsd()) == 0
