"""GetCards per second over keep-alive mutual TLS, against a bare handler of the same server that echoes the same sizes.

    python -m bench.getcards_http [--seconds 1] [--rounds 9] [--connections 16]

One server process (core 0 if there are two) runs a lab with its Konnektor; beside the instance's door there is a second
door of the same kind, same TLS and HTTP code, whose application reads the body and sends as many octets as GetCards
answers. The load comes from this process (last core). Both are measured in turn in one run; figures are medians.
`by CPU time` is the ratio of what a request costs the server, which neighbours on the machine disturb less.
"""

import argparse
import asyncio
import itertools
import json
import os
import ssl
import sys
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, cast

import uvloop

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.compose import UpOptions, running
from tiaas.cli.progress import Progress
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.konnektor.config import Address
from tiaas.konnektor.http import uvicorn_config
from tiaas.konnektor.ingress import Ingress, http_door
from tiaas.konnektor.tls import server_context
from tiaas.lab.registry import Registry
from tiaas.soap.envelope import write_envelope

_PATH = "/ws/EventService"
_GOAL = 0.5

Message = MutableMapping[str, Any]


async def nothing() -> None:
    """The work of a handler that does none."""


class BareApp:
    """Reads a body, does some work, answers `size` octets."""

    def __init__(self, size: int, work: Callable[[], Awaitable[object]] = nothing) -> None:
        self._work = work
        self._body = b"x" * size
        self._headers = [
            (b"content-type", b"text/xml; charset=utf-8"),
            (b"content-length", str(size).encode()),
        ]

    async def __call__(
        self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        """ASGI 3."""
        while (await receive()).get("more_body", False):
            pass
        await self._work()
        await send({"type": "http.response.start", "status": 200, "headers": self._headers})
        await send({"type": "http.response.body", "body": self._body})


async def serve(folder: Path) -> None:
    """The server's side: a lab, then one line of JSON for the other side; ends when its input ends."""
    options = UpOptions(folder, locked=True, log_level="warning")
    clock, registry = SystemClock(), Registry({"XDG_STATE_HOME": str(folder.parent)})
    async with running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
        (served,) = run.served
        instance = served.instance
        line = sys.stdin.readline
        print(json.dumps(_description(served)), flush=True)
        size = int(await asyncio.to_thread(line))
        ingress = Ingress()
        context = server_context(instance.identity.server, instance.identity.client_certificates.values())
        limits = instance.config.limits
        door = http_door(
            "bare", uvicorn_config(BareApp(size), limits), limits, lambda: context, lambda fingerprint: True
        )
        address = await ingress.open(Address("127.0.0.1", 0), door)
        print(json.dumps({"port": address.port}), flush=True)
        await asyncio.to_thread(line)
        await ingress.stop()
        await door.close()


def _description(served: Any) -> dict[str, Any]:
    context = served.context
    return {
        "port": served.instance.reception.address.port,
        "cert": str(served.client.cert),
        "key": str(served.client.key),
        "ca": str(served.konnektor.ca),
        "context": [context.mandant_id, context.client_system_id, context.workplace_id],
    }


class Caller(asyncio.Protocol):
    """Sends one request after the other on a connection and counts the answers."""

    def __init__(self, requests: Iterator[bytes]) -> None:
        self._requests = requests
        self._buffer = bytearray()
        self._missing = 0
        self._sent_at = 0.0
        self.answer = b""
        self.durations: list[float] = []
        self.is_stopped = False
        self.failure: str | None = None
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._send()

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        end = self._buffer.find(b"\r\n\r\n")
        if end < 0:
            return
        head = bytes(self._buffer[:end]).lower()
        start = head.index(b"content-length:") + 15
        size = int(head[start:].split(b"\r\n", 1)[0])
        if len(self._buffer) < end + 4 + size:
            return
        if not head.startswith(b"http/1.1 200"):
            self.failure = bytes(self._buffer).decode(errors="replace")
            self._transport.close()
            return
        self.answer = bytes(self._buffer[end + 4 :])
        self._buffer.clear()
        self.durations.append(perf_counter() - self._sent_at)
        if self.is_stopped:
            self._transport.close()
        else:
            self._send()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.done.done():
            self.done.set_result(None)

    def _send(self) -> None:
        self._sent_at = perf_counter()
        request = next(self._requests, None)
        if request is None:
            self.failure = "all requests have been sent; there must be more for so long a time"
            self._transport.close()
        else:
            self._transport.write(request)


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice of load gave."""

    per_second: float
    p99_ms: float
    cpu_us: float
    answer: bytes


def cpu_seconds(process: int) -> float:
    """User and system time of a process so far, with those of the processes it began that are still there."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    begun = [int(child) for task in Path(f"/proc/{process}/task").iterdir() for child in _begun_by(task)]
    own = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return own + sum(map(cpu_seconds, begun))


def _begun_by(task: Path) -> list[str]:
    try:
        return (task / "children").read_text().split()
    except FileNotFoundError:
        # The thread has ended meanwhile.
        return []


async def load(
    server: int,
    port: int,
    context: ssl.SSLContext,
    bodies: Sequence[bytes],
    connections: int,
    seconds: float,
    path: str = _PATH,
    *,
    shared: bool = True,
) -> Slice:
    """Loads one port of process `server` for `seconds`; the handshakes are not counted.

    All connections send all `bodies` again and again, or, without `shared`, each its own part of them once.
    """
    head = f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: "
    requests = [f"{head}{len(body)}\r\n\r\n".encode() + body for body in bodies]
    loop = asyncio.get_running_loop()
    callers: list[Caller] = []
    for number in range(connections):
        make = partial(Caller, itertools.cycle(requests) if shared else iter(requests[number::connections]))
        _, caller = await loop.create_connection(make, "127.0.0.1", port, ssl=context, server_hostname="localhost")
        callers.append(caller)
    for caller in callers:
        caller.durations.clear()
    start, cpu = perf_counter(), cpu_seconds(server)
    await asyncio.sleep(seconds)
    cpu = cpu_seconds(server) - cpu
    counts = [duration for caller in callers for duration in caller.durations]
    elapsed = perf_counter() - start
    for caller in callers:
        caller.is_stopped = True
    await asyncio.wait_for(asyncio.gather(*(caller.done for caller in callers)), 10)
    for caller in callers:
        if caller.failure is not None:
            raise SystemExit(f"a request failed: {caller.failure}")
    if not counts:
        raise SystemExit(f"no answer came from port {port} in {seconds:g} s: the machine is too busy, or it hangs")
    counts.sort()
    p99 = counts[int(len(counts) * 0.99)] * 1000
    return Slice(len(counts) / elapsed, p99, cpu / len(counts) * 1e6, callers[0].answer)


async def measure(seconds: float, rounds: int, connections: int, variety: int, folder: Path) -> None:
    """Starts the server, measures in turn, prints."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.getcards_http", "--serve", str(folder), stdin=-1, stdout=-1
    )
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        told = json.loads(await asyncio.wait_for(server.stdout.readline(), 60))
        context = ssl.create_default_context(cafile=told["ca"])
        context.load_cert_chain(told["cert"], told["key"])
        mandant, client_system, workplace = told["context"]
        call = Context(mandant_id=mandant, client_system_id=client_system, workplace_id=workplace)
        users = [f"user-{number:02}" for number in range(variety)]
        request = [write_envelope(GetCards(context=replace(call, user_id=user))) for user in users]
        warm = await load(server.pid, told["port"], context, request, 1, 0.3)
        server.stdin.write(f"{len(warm.answer)}\n".encode())
        bare_port = json.loads(await server.stdout.readline())["port"]
        cards = warm.answer.count(b"CardHandle>") // 2
        print(
            f"{variety} × request of {len(request[0])} octets, answer {len(warm.answer)} octets, {cards} cards, "
            f"{connections} connections"
        )
        bare, real = [], []
        for _ in range(rounds):
            bare.append(await load(server.pid, bare_port, context, request, connections, seconds))
            real.append(await load(server.pid, told["port"], context, request, connections, seconds))
        _report(bare, real)
    finally:
        server.stdin.close()
        await asyncio.wait_for(server.wait(), 30)


def _report(bare: list[Slice], real: list[Slice]) -> None:
    for name, slices in (("bare handler", bare), ("GetCards", real)):
        rate, tail = median(s.per_second for s in slices), median(s.p99_ms for s in slices)
        cpu = median(s.cpu_us for s in slices)
        print(f"{name:13} {rate:8.0f} /s   p99 {tail:6.1f} ms   {cpu:6.0f} µs CPU of the server each")
    ratio = median(r.per_second / b.per_second for b, r in zip(bare, real, strict=True))
    by_cpu = median(s.cpu_us for s in bare) / median(s.cpu_us for s in real)
    verdict = "reached" if ratio >= _GOAL else "MISSED"
    print(f"ratio         {ratio:8.2f}      by CPU time {by_cpu:.2f}   goal {_GOAL}  {verdict}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="GetCards over HTTP against a bare handler of the same server.")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one slice")
    parser.add_argument("--rounds", type=int, default=9, help="slices of each kind")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--vary", action="store_true", help="64 different requests in turn")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        uvloop.run(serve(arguments.serve))
        return
    with TemporaryDirectory(prefix="tiaas-bench-") as folder:
        uvloop.run(
            measure(
                arguments.seconds,
                arguments.rounds,
                arguments.connections,
                64 if arguments.vary else 1,
                Path(folder) / "lab",
            )
        )


if __name__ == "__main__":
    main()
