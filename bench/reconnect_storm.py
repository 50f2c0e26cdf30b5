"""All terminals of a node lose their connection at once, as after a site failure, and come back.

    python -m bench.reconnect_storm [--terminals 5000]

Three processes: this one is the Konnektor (a node with its front and one instance), one child plays the terminals
(brainpool TLS, answers every SICCT command with 9000), one asks GetCards 100 times a second on four connections. First
a bare loop of TLS handshakes with the same peers and contexts, 32 at a time, says how many are possible. Then all
terminals are connected, and dropped in one moment. Printed: time until all are back, handshakes per second against
the bare loop, the fullest second (what "spread" means), and GetCards before and meanwhile. Ends by itself after ten
minutes at most.
"""

import argparse
import asyncio
import multiprocessing
import ssl
import sys
import tempfile
from collections import Counter
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from time import monotonic, perf_counter
from typing import ClassVar

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.terminal_memory import _raise_limit, _Responder
from tests.integration.konnektor_front.houses import GET_CARDS, PATH
from tests.integration.konnektor_front.http1 import exchange, post
from tests.integration.konnektor_front.test_node import config, practice, provision
from tests.integration.terminal.identities import Identity, Pki
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.network import Network
from tiaas.konnektor.node import Node
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.terminal.embedded import FrontSettings
from tiaas.terminal.front import Dial, LinkDown, LinkEvent, LinkUp, Owner
from tiaas.terminal.tls import client_context, server_context

_OWNER = Owner("storm", 1)
_BARE = 1000
_AT_ONCE = FrontSettings().dialing_at_once
_QUIET_SECONDS = 5.0
_LONGEST_SECONDS = 600.0
_ASKED_PER_SECOND = 25  # on each of the connections
_CONNECTIONS = 4


# ---- the terminals ---------------------------------------------------------------------------------------------------


class _Terminal(_Responder):
    """Known to the process that plays it, so that all can be dropped."""

    __slots__ = ()
    standing: ClassVar["set[_Terminal]"] = set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.standing.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self.standing.discard(self)


def _play_terminals(pipe: Pipe, smkt: tuple[Path, Path], ca: Path) -> None:
    async def serve() -> None:
        context = server_context(*smkt, ca)
        server = await asyncio.get_running_loop().create_server(
            _Terminal, "127.0.0.1", 0, ssl=context, backlog=4096, ssl_handshake_timeout=60
        )
        pipe.send(server.sockets[0].getsockname()[1])
        while await asyncio.to_thread(pipe.recv) == "drop":
            dropped = tuple(_Terminal.standing)
            for terminal in dropped:
                terminal._transport.abort()  # type: ignore[attr-defined]
            pipe.send(len(dropped))

    _raise_limit()
    uvloop.run(serve())


# ---- the practice software -------------------------------------------------------------------------------------------


def _poll(pipe: Pipe, port: int, ca: str, client: Path) -> None:
    """GetCards on all connections until told to stop; sends (moment, seconds) of each."""
    answered: list[tuple[float, float]] = []

    async def ask(context: ssl.SSLContext, over: asyncio.Event) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context)
        request = post(PATH, GET_CARDS)
        while not over.is_set():
            begun = perf_counter()
            answer = await exchange(reader, writer, request)
            if answer.status != 200:
                raise RuntimeError(f"GetCards: {answer.status}")
            answered.append((monotonic(), perf_counter() - begun))
            await asyncio.sleep(max(0.0, 1 / _ASKED_PER_SECOND - (perf_counter() - begun)))
        writer.transport.abort()

    async def main() -> None:
        context = ssl.create_default_context(cadata=ca)
        context.load_cert_chain(client)
        over = asyncio.Event()
        asking = [asyncio.ensure_future(ask(context, over)) for _ in range(_CONNECTIONS)]
        await asyncio.to_thread(pipe.recv)
        over.set()
        await asyncio.gather(*asking)
        pipe.send(answered)

    uvloop.run(main())


# ---- the Konnektor ---------------------------------------------------------------------------------------------------


class _Comings:
    """Which terminals came up and stand, since when, and why others do not."""

    def __init__(self) -> None:
        self.standing: dict[str, float] = {}
        self.falls: Counter[str] = Counter()
        self._news = asyncio.Event()

    def __call__(self, event: LinkEvent) -> None:
        if isinstance(event, LinkUp):
            self.standing[event.ct_id] = monotonic()
        elif isinstance(event, LinkDown):
            self.standing.pop(event.ct_id, None)
            self.falls[event.reason] += 1
        self._news.set()

    def begin_anew(self) -> None:
        """From here on only who comes up counts."""
        self.standing.clear()
        self.falls.clear()

    async def reach(self, wanted: int) -> None:
        """Waits until that many stand."""
        while len(self.standing) < wanted:
            self._news.clear()
            await self._news.wait()


async def _bare_rate(sak: Identity, port: int) -> float:
    """TLS handshakes per second with nothing else, as many at a time as the front makes."""
    context = client_context(sak.certificate_file, sak.key_file, "ecc")
    loop, left = asyncio.get_running_loop(), _BARE

    async def shake() -> None:
        nonlocal left
        while left > 0:
            left -= 1
            transport, _ = await loop.create_connection(
                asyncio.Protocol, "127.0.0.1", port, ssl=context, server_hostname=""
            )
            transport.abort()

    begun = monotonic()
    await asyncio.gather(*(shake() for _ in range(_AT_ONCE)))
    return _BARE / (monotonic() - begun)


async def _storm(folder: Path, sak: Identity, port: int, terminals: Pipe, count: int) -> None:
    bare = await _bare_rate(sak, port)
    print(f"bare loop: {bare:.0f} TLS handshakes/s, {_AT_ONCE} at a time", flush=True)
    store = await SqliteStore.open(folder / "node.sqlite")
    node = Node(store, SystemClock(), SystemEntropy())
    instance = await node.add(config("practice"), provision())
    await instance.model.apply(practice)
    node._networks["storm"] = Network()
    node._sak.put("storm", KeyPair(sak.certificate, sak.key))
    comings = _Comings()
    node._front.claim(_OWNER, comings)
    begun = monotonic()
    for number in range(count):
        await node._front.connect(_OWNER, Dial(f"kt{number}", "127.0.0.1", port, "ecc"))
    await comings.reach(count)
    print(f"first connection of all: {monotonic() - begun:.1f} s", flush=True)
    ours, process = await _start_polling(instance, folder)
    await asyncio.sleep(_QUIET_SECONDS)
    dropped_at = monotonic()
    comings.begin_anew()
    terminals.send("drop")
    dropped = await asyncio.to_thread(terminals.recv)
    await comings.reach(count)
    back_at = monotonic()
    ours.send("stop")
    answered = await asyncio.to_thread(ours.recv)
    process.join(10)
    if dropped != count:
        raise RuntimeError(f"{dropped} were dropped, not {count}")
    _report(bare, [at - dropped_at for at in comings.standing.values()], answered, dropped_at, back_at)
    print(f"why connections ended or attempts failed: {dict(comings.falls)}")
    await node.stop()
    await store.close()


async def _start_polling(instance: Instance, folder: Path) -> tuple[Pipe, multiprocessing.process.BaseProcess]:
    client = await instance.issue_client("c")
    pem = folder / "client.pem"
    pem.write_bytes(client.certificate_pem() + client.key_pem().reveal())
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    ca, address = instance.identity.ca_pem().decode(), instance.reception.address
    process = spawn.Process(target=_poll, args=(theirs, address.port, ca, pem), daemon=True)
    process.start()
    return ours, process


def _report(
    bare: float, comings: list[float], answered: list[tuple[float, float]], dropped_at: float, back_at: float
) -> None:
    last = max(comings)
    rate = len(comings) / last
    print(f"{len(comings)} terminals back after {last:.1f} s: {rate:.0f}/s, {rate / bare:.2f} of the bare loop")
    per_second = Counter(int(moment) for moment in comings)
    fullest = max(per_second.values())
    print(f"first back after {min(comings):.2f} s, fullest second {fullest} ({fullest / len(comings):.0%} of all)")
    before = sorted(seconds for at, seconds in answered if at < dropped_at)
    meanwhile = sorted(seconds for at, seconds in answered if dropped_at <= at <= back_at)
    for name, seconds in (("before", before), ("meanwhile", meanwhile)):
        half, most = seconds[len(seconds) // 2], seconds[int(len(seconds) * 0.99)]
        print(
            f"GetCards {name}: {len(seconds)} answers, median {half * 1000:.1f} ms, p99 {most * 1000:.0f} ms, "
            f"longest {seconds[-1] * 1000:.0f} ms"
        )


def main() -> None:
    """See module."""
    parser = argparse.ArgumentParser(description="All terminals of a node lose their connection at once.")
    parser.add_argument("--terminals", type=int, default=5000)
    count = parser.parse_args().terminals
    _raise_limit()
    with tempfile.TemporaryDirectory(prefix="tiaas-bench-") as name:
        folder = Path(name)
        pki = Pki(folder)
        smkt, sak = pki.smkt("smkt"), pki.sak("sak")
        ours, theirs = multiprocessing.Pipe()
        spawn = multiprocessing.get_context("spawn")
        files = (smkt.certificate_file, smkt.key_file)
        child = spawn.Process(target=_play_terminals, args=(theirs, files, pki.ca_file), daemon=True)
        child.start()
        try:
            port = int(ours.recv())
            uvloop.run(_bounded(folder, sak, port, ours, count))
        finally:
            child.terminate()
            child.join()


async def _bounded(folder: Path, sak: Identity, port: int, terminals: Pipe, count: int) -> None:
    async with asyncio.timeout(_LONGEST_SECONDS):
        await _storm(folder, sak, port, terminals, count)


if __name__ == "__main__":
    main()
