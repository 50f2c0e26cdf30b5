"""One event to many receivers of events, against a bare loop that makes the same connections and one write each.

    python -m bench.cetp_sinks [--sinks 1000] [--rounds 9] [--tls]

A second process listens on as many loopback ports as there are receivers and says when the last octet of the last
message was there. What is measured is the time from raising the event to that moment: once through subscriptions,
access, encoding and the sender with its queue per receiver, once by `create_connection`, `write`, `close` on all ports
at once with a message of the same size. Both are measured in turn in one run; figures are medians.
"""

import argparse
import asyncio
import logging
import multiprocessing
import resource
import ssl
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import uvloop
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.interfaces.cetp import encode_cetp
from tiaas.konnektor.audience import message_of
from tiaas.konnektor.cards import CardList
from tiaas.konnektor.delivery import EventDelivery
from tiaas.konnektor.events import Event, EventHub, Topic
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, Kind, Relation, Terminal
from tiaas.konnektor.issuing import KeyPair, create_ca
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.network import Network
from tiaas.konnektor.sinkaddress import Sink, SinkAddress
from tiaas.konnektor.sinkchecks import SinkChecks
from tiaas.konnektor.sinkopener import PlainSinks, TlsSinks, client_context
from tiaas.konnektor.sinkroute import SinkRoute
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.subscriptions import Wish, topic_key
from tiaas.konnektor.tls import memory_file

_HOST = "127.0.0.1"
_EVENT = Event(
    Topic.CT_CONNECTED,
    (("CtID", "CT-1"), ("Hostname", "kt-empfang"), *((f"Further{at}", "x" * 30) for at in range(8))),
    ct_id="CT-1",
)


def listen(pipe: Connection, count: int, pair: KeyPair | None) -> None:
    """The receivers: tells the ports, then for each round the moment when everybody had his message."""
    uvloop.run(_listen(pipe, count, pair))


class _Receiving(asyncio.Protocol):
    def __init__(self, done: Callable[[], None]) -> None:
        self._done = done
        self._octets = b""

    def data_received(self, data: bytes) -> None:
        before = len(self._octets)
        self._octets += data
        if before < 8 + int.from_bytes(self._octets[4:8], "big") <= len(self._octets):
            self._done()


async def _listen(pipe: Connection, count: int, pair: KeyPair | None) -> None:
    _many_files()
    left = count
    context: ssl.SSLContext | None = None
    if pair is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with memory_file(pair.certificate.public_bytes(Encoding.PEM) + pair.key_pem().reveal()) as path:
            context.load_cert_chain(path)

    def received() -> None:
        nonlocal left
        left -= 1
        if not left:
            left = count
            pipe.send(perf_counter())

    loop = asyncio.get_running_loop()
    servers = [await loop.create_server(lambda: _Receiving(received), _HOST, 0, ssl=context) for _ in range(count)]
    pipe.send([server.sockets[0].getsockname()[1] for server in servers])
    await asyncio.to_thread(pipe.recv)


def _many_files() -> None:
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _model() -> InfoModel:
    out = InfoModel().add(Kind.CLIENT, ClientSystem("CS1")).add(Kind.TERMINAL, Terminal("CT-1"))
    out = out.add(Kind.MANDANT, "M1").add(Kind.WORKPLACE, "AP1").link(Relation.MANDANT_CLIENT, "M1", "CS1")
    out = out.link(Relation.MANDANT_WORKPLACE, "M1", "AP1").link(Relation.CS_AP, "M1", "CS1", "AP1")
    return out.link(Relation.MANDANT_TERMINAL, "M1", "CT-1").link(Relation.LOCAL, "AP1", "CT-1")


async def _bare(ports: Sequence[int], octets: bytes, context: ssl.SSLContext | None) -> None:
    loop = asyncio.get_running_loop()

    async def one(port: int) -> None:
        name = "" if context is not None else None
        transport, _ = await loop.create_connection(
            asyncio.Protocol, _HOST, port, ssl=context, server_hostname=name
        )  # fmt: skip
        transport.write(octets)
        transport.close()

    await asyncio.gather(*(one(port) for port in ports))


async def _quiet(events: EventDelivery) -> None:
    while any(view.counters.queued for view in events) or len(asyncio.all_tasks()) > 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)


async def measure(args: argparse.Namespace, folder: Path) -> None:
    """Prints the medians and their ratio."""
    _many_files()
    logging.getLogger("tiaas").setLevel(logging.ERROR)
    clock, entropy = SystemClock(), SystemEntropy()
    pair = create_ca("bench", clock.now(), entropy) if args.tls else None
    pipe, far = multiprocessing.Pipe()
    child = multiprocessing.get_context("fork").Process(target=listen, args=(far, args.sinks, pair), daemon=True)
    child.start()
    ports: list[int] = await asyncio.to_thread(pipe.recv)
    store = await SqliteStore.open(folder / "bench.sqlite")
    handle = store.bind(await store.take_over("bench"))
    hub = EventHub()
    route, context = SinkRoute(Network(), clock, local=True), None
    opener: PlainSinks | TlsSinks = PlainSinks(route)
    if pair is not None:
        identity, context = pair, client_context(pair)
        opener = TlsSinks(route, lambda: identity, await SinkChecks.load(handle))
    events = EventDelivery(LiveInfoModel(_model()), CardList(clock, entropy), hub, handle, clock, entropy, opener)
    for port in ports:
        sink = Sink("CS1", SinkAddress(_HOST, port))
        await events.subscribe(Wish("M1", "AP1", sink, topic_key("CT"), None, "CT", f"cetp://{sink.address}"))
    octets = encode_cetp(message_of(_EVENT, "x" * 36))
    # A bare close right after the write makes uvloop complain of late session tickets; what counts is what arrived.
    asyncio.get_running_loop().set_exception_handler(lambda loop, told: None)
    ours, bare, raising = [], [], []
    for _ in range(args.rounds + 1):
        begun = perf_counter()
        hub.publish(_EVENT)
        raising.append(perf_counter() - begun)
        ours.append(await asyncio.to_thread(pipe.recv) - begun)
        await _quiet(events)
        begun = perf_counter()
        await _bare(ports, octets, context)
        bare.append(await asyncio.to_thread(pipe.recv) - begun)
        await asyncio.sleep(0.05)
    mine, limit = median(ours[1:]), median(bare[1:])
    kind = "TLS" if args.tls else "plain"
    print(f"{args.sinks} receivers, {kind}, {len(octets)} octets, median of {args.rounds}")
    print(f"  through subscriptions: {mine * 1000:7.1f} ms  {args.sinks / mine:8.0f} events/s")
    print(f"  bare connections:      {limit * 1000:7.1f} ms  {args.sinks / limit:8.0f} events/s")
    print(f"  ratio {limit / mine:.2f}; the card path waits {median(raising[1:]) * 1000:.1f} ms")
    await events.stop()
    await store.close()
    pipe.send(None)
    child.join(5)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sinks", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--tls", action="store_true")
    args = parser.parse_args()
    with TemporaryDirectory() as folder:
        uvloop.run(measure(args, Path(folder)))


if __name__ == "__main__":
    main()
