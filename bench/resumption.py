"""What a resumed TLS session saves: connections of a Clientsystem with mutual TLS, full and resumed, in turn.

    ./tiaas python -m bench.resumption [--connections 200] [--rounds 3]

A server process (first core) holds one instance's identity, client list and HTTP door; its handler answers 200 octets.
This process (last core) opens one connection after the other, asks once and closes, in TLS 1.3 and 1.2. Compared is
what a connection costs the server, in CPU time and in time; the request is in both. It ends by itself.
"""

import argparse
import asyncio
import json
import os
import socket
import ssl
import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import uvloop

from bench.getcards_http import BareApp, cpu_seconds
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.konnektor.config import Address, Limits
from tiaas.konnektor.http import uvicorn_config
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.ingress import Ingress, http_door
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.tls import server_context

_REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
_SIZE = 200


async def serve(folder: Path) -> None:
    """The server's side: one line of JSON; ends with its input."""
    store = await SqliteStore.open(folder / "konnektor.sqlite")
    handle = store.bind(await store.take_over("i"))
    identity = await Identity.load(handle, ("127.0.0.1",), KeyKind.P256, SystemClock(), SystemEntropy())
    client = await identity.issue_client("c", KeyKind.P256)
    (folder / "client.pem").write_bytes(client.certificate_pem() + client.key_pem().reveal())
    (folder / "ca.pem").write_bytes(identity.ca_pem())
    context = server_context(identity.server, identity.client_certificates.values())
    limits, ingress = Limits(), Ingress()
    door = http_door("i", uvicorn_config(BareApp(_SIZE), limits), limits, lambda: context, lambda fingerprint: True)
    address = await ingress.open(Address("127.0.0.1", 0), door)
    print(json.dumps({"port": address.port}), flush=True)
    await asyncio.to_thread(sys.stdin.readline)
    await ingress.stop()
    await door.close()
    await store.close()


def connect(port: int, context: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[ssl.SSLSession | None, bool]:
    """One connection with one request: its session, and whether it was resumed."""
    with (
        socket.create_connection(("127.0.0.1", port), 10) as line,
        context.wrap_socket(line, server_hostname="localhost", session=session) as connection,
    ):
        # In a resumed session of TLS 1.2 the client sends twice in a row: Nagle's algorithm would add 40 ms.
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.sendall(_REQUEST)
        if not connection.recv(4096):
            raise SystemExit("the server refused")
        return connection.session, bool(connection.session_reused)


def slice_of(server: int, port: int, context: ssl.SSLContext, count: int, resume: bool) -> tuple[float, float]:
    """Server's CPU and wall time for each connection, in µs."""
    session = connect(port, context, None)[0]
    start, cpu = perf_counter(), cpu_seconds(server)
    for _ in range(count):
        held, resumed = connect(port, context, session if resume else None)
        if resumed is not resume:
            raise SystemExit("a session was not resumed" if resume else "a session was resumed")
        session = held or session
    return (cpu_seconds(server) - cpu) / count * 1e6, (perf_counter() - start) / count * 1e6


async def measure(connections: int, rounds: int, folder: Path) -> None:
    """Starts the server, measures in turn, prints."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.resumption", "--serve", str(folder), stdin=-1, stdout=-1
    )
    os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        port = json.loads(await asyncio.wait_for(server.stdout.readline(), 60))["port"]
        for version in (ssl.TLSVersion.TLSv1_3, ssl.TLSVersion.TLSv1_2):
            context = ssl.create_default_context(cafile=str(folder / "ca.pem"))
            context.load_cert_chain(folder / "client.pem")
            context.maximum_version = version
            full, resumed = [], []
            for _ in range(rounds):
                full.append(slice_of(server.pid, port, context, connections, resume=False))
                resumed.append(slice_of(server.pid, port, context, connections, resume=True))
            pairs = [(median(at[part] for at in full), median(at[part] for at in resumed)) for part in (0, 1)]
            (cpu_full, cpu_resumed), (full_us, resumed_us) = pairs
            print(
                f"{version.name}: full {cpu_full:5.0f} µs CPU, {full_us:6.0f} µs; resumed {cpu_resumed:5.0f} µs CPU, "
                f"{resumed_us:6.0f} µs; ratio by CPU {cpu_resumed / cpu_full:.2f}, by time {resumed_us / full_us:.2f}"
            )
    finally:
        server.stdin.close()
        await asyncio.wait_for(server.wait(), 30)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Full and resumed TLS handshakes of a Clientsystem.")
    parser.add_argument("--connections", type=int, default=200, help="of each kind in a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve:
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
        uvloop.run(serve(options.serve))
        return
    with TemporaryDirectory(prefix="tiaas-bench-") as folder:
        uvloop.run(measure(options.connections, options.rounds, Path(folder)))


if __name__ == "__main__":
    main()
