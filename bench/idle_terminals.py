"""A node that holds 10,000 idle terminals: what they cost, and what practice software notices of them.

    ./tiaas python -m bench.idle_terminals [--terminals 10000] [--seconds 20]

Three processes as in `bench.reconnect_storm`: this one is the Konnektor (a node with its front and one instance), one
child plays the terminals (brainpool TLS, answers every SICCT command with 9000), one asks GetCards 100 times a second
on four connections. It is measured twice, for `--seconds` each: before any terminal is there, which is the limit, and
when all of them are connected and have been through two keep-alives. Printed: GetCards' latencies, the node's CPU and
resident memory, and what one terminal adds. Needs two file descriptors per terminal in all; ends by itself after
fifteen minutes at most.
"""

import argparse
import asyncio
import multiprocessing
import sys
import tempfile
from dataclasses import dataclass
from multiprocessing.connection import Connection as Pipe
from pathlib import Path
from time import monotonic, process_time

import uvloop

sys.path.insert(0, str(Path(__file__).parents[1]))

from bench.reconnect_storm import _Comings, _play_terminals, _start_polling
from bench.terminal_memory import _SETTLE_SECONDS, _raise_limit, _rss_kib
from tests.integration.konnektor_front.test_node import config, practice, provision
from tests.integration.terminal.identities import Identity, Pki
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.network import Network
from tiaas.konnektor.node import Node
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.terminal.front import Dial, Owner

_OWNER = Owner("idle", 1)
_LONGEST_SECONDS = 900.0
_WARM_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class _Span:
    """A time in which it was measured; `cpu` in seconds, `memory` in KiB."""

    begun: float
    ended: float
    cpu: float
    memory: int

    @classmethod
    async def take(cls, seconds: float) -> "_Span":
        """The next `seconds`."""
        begun, cpu = monotonic(), process_time()
        await asyncio.sleep(seconds)
        return cls(begun, monotonic(), process_time() - cpu, _rss_kib())

    def row(self, name: str, answered: list[tuple[float, float]]) -> str:
        """Latencies of what was answered in this time, CPU, memory."""
        durations = sorted(took for at, took in answered if self.begun <= at <= self.ended)
        half, tail = durations[len(durations) // 2], durations[int(len(durations) * 0.99)]
        seconds = self.ended - self.begun
        return (
            f"{name:24} {len(durations) / seconds:5.0f}/s {half * 1000:7.1f} ms {tail * 1000:7.1f} ms "
            f"{durations[-1] * 1000:7.0f} ms {self.cpu / seconds:7.1%} {self.memory / 1024:7.0f} MiB"
        )


async def _hold(folder: Path, sak: Identity, port: int, count: int, seconds: float) -> None:
    store = await SqliteStore.open(folder / "node.sqlite")
    node = Node(store, SystemClock(), SystemEntropy())
    instance = await node.add(config("practice"), provision())
    await instance.model.apply(practice)
    node._networks[_OWNER.instance] = Network()
    node._sak.put(_OWNER.instance, KeyPair(sak.certificate, sak.key))
    comings = _Comings()
    node._front.claim(_OWNER, comings)
    asking, process = await _start_polling(instance, folder)
    await asyncio.sleep(_WARM_SECONDS)
    without = await _Span.take(seconds)
    begun = monotonic()
    for number in range(count):
        await node._front.connect(_OWNER, Dial(f"kt{number}", "127.0.0.1", port, "ecc"))
    await comings.reach(count)
    print(f"{count} terminals connected in {monotonic() - begun:.0f} s", flush=True)
    comings.falls.clear()
    await asyncio.sleep(_SETTLE_SECONDS)
    held = await _Span.take(seconds)
    asking.send("stop")
    answered = await asyncio.to_thread(asking.recv)
    process.join(10)
    if len(comings.standing) != count or comings.falls:
        raise RuntimeError(f"{len(comings.standing)} of {count} stand, fell: {dict(comings.falls)}: no steady state")
    print(f"{'GetCards 100/s':24} {'':7} {'median':>10} {'p99':>10} {'longest':>10} {'CPU':>7} {'memory':>11}")
    print(without.row("no terminal (the limit)", answered))
    print(held.row(f"{count} idle terminals", answered))
    print(
        f"one terminal: {(held.memory - without.memory) / count:.1f} KiB, "
        f"{(held.cpu - without.cpu) / seconds / count * 1e6:.1f} µs CPU per second"
    )
    await node.stop()
    await store.close()


async def _bounded(folder: Path, sak: Identity, port: int, options: argparse.Namespace) -> None:
    async with asyncio.timeout(_LONGEST_SECONDS):
        await _hold(folder, sak, port, options.terminals, options.seconds)


def main() -> None:
    """See module."""
    parser = argparse.ArgumentParser(description="A node that holds many idle terminals.")
    parser.add_argument("--terminals", type=int, default=10_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="length of each of the two measurements")
    options = parser.parse_args()
    _raise_limit()
    with tempfile.TemporaryDirectory(prefix="tiaas-bench-") as name:
        folder = Path(name)
        pki = Pki(folder)
        smkt, sak = pki.smkt("smkt"), pki.sak("sak")
        ours: Pipe
        ours, theirs = multiprocessing.Pipe()
        files = (smkt.certificate_file, smkt.key_file)
        spawn = multiprocessing.get_context("spawn")
        child = spawn.Process(target=_play_terminals, args=(theirs, files, pki.ca_file), daemon=True)
        child.start()
        try:
            uvloop.run(_bounded(folder, sak, int(ours.recv()), options))
        finally:
            child.terminate()
            child.join()


if __name__ == "__main__":
    main()
