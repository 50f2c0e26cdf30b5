"""Many practice systems at once: 200 on one instance, or one on each of 500 instances, each calling GetCards.

    ./tiaas python -m bench.parallel_pvs [--instances 1] [--clients 200] [--seconds 3] [--rounds 3]

A server process (first core) holds a node with so many instances: identity, client certificate, model and doors each,
no terminals. Beside them stand two limits of the same process and the same TLS: `bare`, the door's HTTP with a handler
that only answers as many octets, and `raw TLS`, a protocol that does not even read HTTP. The load comes from this
process (last core): `--clients` connections to each instance, each with one call after the other. Slices alternate;
figures are medians of the rounds. Memory is measured afterwards, in a new server for each of the three: what its
resident memory grows by under the same load, for each connection. It ends by itself.
"""

import argparse
import asyncio
import json
import os
import ssl
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import uvloop

from bench.getcards_http import BareApp, Caller, cpu_seconds
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.konnektor.config import Address, InstanceConfig, Limits
from tiaas.konnektor.http import uvicorn_config
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, Kind, Relation
from tiaas.konnektor.ingress import Ingress, http_door
from tiaas.konnektor.instance import Provision
from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.node import Node
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.tls import server_context
from tiaas.konnektor.trust import TrustSpace
from tiaas.lab.pki import LabPki
from tiaas.soap.envelope import write_envelope

_PATH = "/ws/EventService"
_LIMITS = Limits(connections=2048, connections_per_address=2048)
_SAK = "80276001019990000001"
_START_SECONDS = 300.0
_AT_ONCE = 16


def practice(model: InfoModel) -> InfoModel:
    """Mandant, Clientsystem and workplace, related to each other."""
    model = model.add(Kind.MANDANT, "m").add(Kind.CLIENT, ClientSystem("c")).add(Kind.WORKPLACE, "w")
    model = model.link(Relation.MANDANT_CLIENT, "m", "c").link(Relation.MANDANT_WORKPLACE, "m", "w")
    return model.link(Relation.CS_AP, "m", "c", "w")


class RawTls(asyncio.Protocol):
    """Answers `size` octets to whatever comes."""

    def __init__(self, size: int) -> None:
        self._answer = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % size + bytes(size)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: Any = transport

    def data_received(self, data: bytes) -> None:
        self._transport.write(self._answer)


async def serve(folder: Path, instances: int) -> None:
    """The server's side: a line of JSON out, the size of an answer in, two more ports out; ends with its input."""
    clock, entropy = SystemClock(), SystemEntropy()
    store = await SqliteStore.open(folder / "konnektor.sqlite")
    node = Node(store, clock, entropy)
    certificate, key = LabPki.create(entropy, clock, ecc_only=True).sak(_SAK)
    given = Provision(TrustSpace((), ()), KeyPair.load(certificate, Secret(key)))
    before = _memory(os.getpid())
    told: list[dict[str, Any]] = []
    context: ssl.SSLContext | None = None
    for number in range(instances):
        config = InstanceConfig(f"i{number}", Address("127.0.0.1", 0), limits=_LIMITS)
        instance = await node.add(config, given)
        await instance.model.apply(practice)
        client = await instance.issue_client("c")
        pem = folder / f"{number}.pem"
        pem.write_bytes(client.certificate_pem() + client.key_pem().reveal())
        ca = folder / f"{number}.ca"
        ca.write_bytes(instance.identity.ca_pem())
        told.append({"port": instance.reception.address.port, "pem": str(pem), "ca": str(ca)})
        context = server_context(instance.identity.server, instance.identity.client_certificates.values())
    each = (_memory(os.getpid()) - before) / instances
    print(json.dumps({"instances": told, "kib_each": each}), flush=True)
    size = int(await asyncio.to_thread(sys.stdin.readline))
    ingress = Ingress()
    http = uvicorn_config(BareApp(size), _LIMITS)
    door = http_door("bare", http, _LIMITS, lambda: context, lambda fingerprint: True)
    address = await ingress.open(Address("127.0.0.1", 0), door)
    raw = await asyncio.get_running_loop().create_server(lambda: RawTls(size), "127.0.0.1", 0, ssl=context)
    print(json.dumps({"bare": address.port, "raw": raw.sockets[0].getsockname()[1]}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    raw.close()
    await ingress.stop()
    await door.close()
    await node.stop()
    await store.close()


def _memory(process: int) -> float:
    """VmRSS in KiB."""
    for line in Path(f"/proc/{process}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return float(line.split()[1])
    return 0.0


@dataclass(frozen=True, slots=True)
class Slice:
    """What one slice of load gave; latencies in milliseconds, memory in MiB, what it grew by in KiB per connection."""

    per_second: float
    median_ms: float
    p99_ms: float
    cpu_us: float
    cpu_share: float
    memory: float
    grown: float


Target = tuple[int, ssl.SSLContext]


async def load(server: int, targets: Sequence[Target], clients: int, request: bytes, seconds: float) -> Slice:
    """So many clients on each target for `seconds`; handshakes are not counted."""
    loop, gate, before = asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE), _memory(server)

    async def connect(port: int, context: ssl.SSLContext) -> Caller:
        async with gate:
            _, caller = await loop.create_connection(
                lambda: Caller(repeat(request)), "127.0.0.1", port, ssl=context, server_hostname="localhost"
            )
            return caller

    callers = await asyncio.gather(*(connect(*target) for target in targets for _ in range(clients)))
    for caller in callers:
        caller.durations.clear()
    start, cpu = perf_counter(), cpu_seconds(server)
    await asyncio.sleep(seconds)
    cpu, elapsed, memory = cpu_seconds(server) - cpu, perf_counter() - start, _memory(server) / 1024
    durations = sorted(duration for caller in callers for duration in caller.durations)
    for caller in callers:
        caller.is_stopped = True
    await asyncio.wait_for(asyncio.gather(*(caller.done for caller in callers)), 30)
    for caller in callers:
        if caller.failure is not None:
            raise SystemExit(f"a request failed: {caller.failure[:400]}")
    return Slice(
        len(durations) / elapsed,
        median(durations) * 1000,
        durations[int(len(durations) * 0.99)] * 1000,
        cpu / len(durations) * 1e6,
        cpu / elapsed,
        memory,
        (memory * 1024 - before) / len(callers),
    )


@dataclass(frozen=True, slots=True)
class Server:
    """A server that runs: its process, what is called on it how often, what it told of its start."""

    process: int
    kinds: dict[str, tuple[list[Target], int]]
    request: bytes
    told: str

    async def load(self, kind: str, seconds: float) -> Slice:
        """One slice of that kind."""
        return await load(self.process, *self.kinds[kind], self.request, seconds)


@asynccontextmanager
async def running(options: argparse.Namespace) -> AsyncIterator[Server]:
    """A server with its instances and the two limits beside them."""
    with TemporaryDirectory(prefix="tiaas-bench-") as folder:
        words = ("--serve", folder, "--instances", str(options.instances))
        server = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bench.parallel_pvs", *words, stdin=-1, stdout=-1, limit=1 << 22
        )
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            started = perf_counter()
            told = json.loads(await asyncio.wait_for(server.stdout.readline(), _START_SECONDS))
            took = perf_counter() - started
            targets = [_target(entry) for entry in told["instances"]]
            context = Context(mandant_id="m", client_system_id="c", workplace_id="w")
            request = _post(write_envelope(GetCards(context=context)))
            size = await _answer_size(server.pid, targets[-1], request)
            server.stdin.write(f"{size}\n".encode())
            limits = json.loads(await server.stdout.readline())
            every = options.instances * options.clients
            kinds = {
                "raw TLS": ([(limits["raw"], targets[-1][1])], every),
                "bare handler": ([(limits["bare"], targets[-1][1])], every),
                "GetCards": (targets, options.clients),
            }
            words_told = f"{took:.1f} s to start, {told['kib_each']:.0f} KiB each), {options.clients} clients on each"
            yield Server(
                server.pid, kinds, request, f"{options.instances} instances ({words_told}, answer of {size} octets"
            )
        finally:
            server.stdin.close()
            await asyncio.wait_for(server.wait(), 60)


async def measure(options: argparse.Namespace) -> None:
    """Measures in turn on one server, then memory on one for each kind, and prints a table."""
    async with running(options) as server:
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
        print(server.told)
        found: dict[str, list[Slice]] = {name: [] for name in server.kinds}
        for _ in range(options.rounds):
            for name in server.kinds:
                found[name].append(await server.load(name, options.seconds))
    grown = {}
    for name in found:
        async with running(options) as server:
            grown[name] = (await server.load(name, options.seconds)).grown
    _report(found, grown)


def _target(entry: dict[str, Any]) -> Target:
    context = ssl.create_default_context(cafile=entry["ca"])
    context.load_cert_chain(entry["pem"])
    return entry["port"], context


def _post(body: bytes) -> bytes:
    head = f"POST {_PATH} HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


async def _answer_size(server: int, target: Target, request: bytes) -> int:
    loop = asyncio.get_running_loop()
    _, caller = await loop.create_connection(
        lambda: Caller(repeat(request)), "127.0.0.1", target[0], ssl=target[1], server_hostname="localhost"
    )
    caller.is_stopped = True
    await asyncio.wait_for(caller.done, 30)
    if caller.failure is not None:
        raise SystemExit(f"a request failed: {caller.failure[:400]}")
    return len(caller.answer)


def _report(found: dict[str, list[Slice]], grown: dict[str, float]) -> None:
    print(f"{'':13} {'/s':>7} {'median':>9} {'p99':>9} {'CPU each':>9} {'CPU':>6} {'memory':>9} {'a connection':>13}")
    for name, slices in found.items():
        row = [median(getattr(s, key) for s in slices) for key in Slice.__slots__]
        rate, middle, tail, each, share, memory, _ = row
        print(
            f"{name:13} {rate:7.0f} {middle:6.1f} ms {tail:6.1f} ms {each:6.0f} µs {share:6.0%} {memory:5.0f} MiB "
            f"{grown[name]:9.1f} KiB"
        )


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Many practice systems at once, beside two limits.")
    parser.add_argument("--instances", type=int, default=1)
    parser.add_argument("--clients", type=int, default=200, help="connections to each instance")
    parser.add_argument("--seconds", type=float, default=3.0, help="length of one slice")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        uvloop.run(serve(options.serve, options.instances))
        return
    uvloop.run(measure(options))


if __name__ == "__main__":
    main()
