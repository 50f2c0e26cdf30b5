"""Konnektor-side memory of an idle terminal: TLS 1.2 on brainpool, keep-alive on.

`OPENSSL_CONF=src/tiaas/base/openssl.cnf python bench/terminal_memory.py [--first 1000] [--second 5000] [--goal 60]`

A child process plays the terminals: it answers every SICCT command with 9000 and nothing else. This process holds
`--first`, then `--second` connections with the embedded front, keep-alive every 10 s as in operation, on uvloop. It
compares its resident memory (VmRSS) after each terminal has been through at least one keep-alive, and exits with 1 if
the difference per terminal is above the goal (KiB).
"""

import argparse
import asyncio
import multiprocessing
import resource
import ssl
import sys
import tempfile
import time
from asyncio import BaseProtocol, BaseTransport
from collections.abc import Callable
from multiprocessing.connection import Connection as Pipe
from pathlib import Path

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.integration.terminal.identities import Identity, Pki
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.terminal.embedded import EmbeddedFront, FrontSettings
from tiaas.terminal.front import Dial, LinkEvent, LinkUp, Owner
from tiaas.terminal.sicct.connection import CommandReceived, Connection, Role
from tiaas.terminal.tls import client_context, server_context

_OWNER = Owner("bench", 1)
_SETTLE_SECONDS = 22  # two keep-alives
_HANDSHAKES_PER_SECOND = 40  # slower than this: something is wrong


class _Responder(asyncio.Protocol):
    """9000 to everything."""

    __slots__ = ("_connection", "_transport")

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._connection = Connection(Role.TERMINAL)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        for happening in self._connection.receive(data, 0.0):
            if isinstance(happening, CommandReceived):
                octets = self._connection.send_response(happening.sequence, b"\x90\x00")
                self._transport.write(octets)  # type: ignore[attr-defined]


def _play_terminals(pipe: Pipe, smkt: tuple[Path, Path], ca: Path) -> None:
    async def serve() -> None:
        context = server_context(*smkt, ca)
        server = await asyncio.get_running_loop().create_server(
            _Responder, "127.0.0.1", 0, ssl=context, backlog=4096, ssl_handshake_timeout=60
        )
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    _raise_limit()
    uvloop.run(serve())


class _Loopback:
    """Dials on loopback; a full listen queue may hold a handshake up."""

    async def open(
        self, host: str, port: int, context: ssl.SSLContext | None, protocol_factory: Callable[[], BaseProtocol]
    ) -> BaseTransport:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_connection(
            protocol_factory, host, port, ssl=context, server_hostname="", ssl_handshake_timeout=30
        )
        return transport


class _Tls:
    """One context for all, as an instance has it."""

    def __init__(self, sak: Identity) -> None:
        self._context = client_context(sak.certificate_file, sak.key_file, "ecc")

    def context(self, instance: str, tls_profile: str) -> ssl.SSLContext:
        return self._context


def _rss_kib() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1])
    raise RuntimeError("no VmRSS")


def _raise_limit() -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


class _Counter:
    """Counts connections that came up."""

    def __init__(self) -> None:
        self.ups = 0
        self._news = asyncio.Event()

    def __call__(self, event: LinkEvent) -> None:
        self.ups += isinstance(event, LinkUp)
        self._news.set()

    async def reach(self, wanted: int) -> None:
        """Waits until that many have come up."""
        while self.ups < wanted:
            self._news.clear()
            await self._news.wait()


async def _grow(front: EmbeddedFront, counter: _Counter, port: int, have: int, want: int) -> None:
    begun = time.monotonic()
    for number in range(have, want):
        await front.connect(_OWNER, Dial(f"kt{number}", "127.0.0.1", port, "ecc"))
    async with asyncio.timeout((want - have) / _HANDSHAKES_PER_SECOND + 30):
        await counter.reach(want)
    seconds = time.monotonic() - begun
    print(f"{want} connected, {(want - have) / seconds:.0f} handshakes/s", flush=True)


async def _measure(sak: Identity, port: int, first: int, second: int) -> float:
    counter = _Counter()
    settings = FrontSettings(handshake_timeout=30.0)
    front = EmbeddedFront(SystemClock(), SystemEntropy(), lambda instance: _Loopback(), _Tls(sak), settings)
    front.claim(_OWNER, counter)
    sizes = []
    for have, want in ((0, first), (first, second)):
        await _grow(front, counter, port, have, want)
        cpu = time.process_time()
        await asyncio.sleep(_SETTLE_SECONDS)
        cpu = time.process_time() - cpu
        sizes.append(_rss_kib())
        print(f"{want} idle with keep-alive: RSS {sizes[-1]} KiB, CPU {100 * cpu / _SETTLE_SECONDS:.1f} %", flush=True)
    if counter.ups != second or front.connected != second:
        raise RuntimeError(f"{counter.ups} connections came up, {front.connected} stand: not a steady state")
    await front.close()
    return (sizes[1] - sizes[0]) / (second - first)


def main() -> int:
    """See module."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--first", type=int, default=1000)
    parser.add_argument("--second", type=int, default=5000)
    parser.add_argument("--goal", type=float, default=60.0)
    options = parser.parse_args()
    _raise_limit()
    with tempfile.TemporaryDirectory() as folder:
        pki = Pki(Path(folder))
        smkt, sak = pki.smkt("smkt"), pki.sak("sak")
        ours, theirs = multiprocessing.Pipe()
        context = multiprocessing.get_context("spawn")
        files = (smkt.certificate_file, smkt.key_file)
        child = context.Process(target=_play_terminals, args=(theirs, files, pki.ca_file), daemon=True)
        child.start()
        try:
            port = int(ours.recv())
            per_terminal = uvloop.run(_measure(sak, port, options.first, options.second))
        finally:
            child.terminate()
            child.join()
    print(f"{per_terminal:.1f} KiB per idle terminal (goal {options.goal:.0f})")
    return 0 if per_terminal <= options.goal else 1


if __name__ == "__main__":
    sys.exit(main())
