"""SICCT round trips of one ReadVSD that must follow one another, and its time without any delay.

    python -m bench.readvsd [--delay 0.1] [--repeat 5] [--reads 60] [--own]

Nothing is instrumented: a whole lab runs as a child process, and the virtual terminal holds every answer back by
`--delay` seconds. What a call takes longer with the delay than without, divided by the delay, is the number of round
trips in sequence. Three situations: the card came in long ago and is read for the first time by this Konnektor; the
same card was taken out and came back; a second read of the inserted card. Each is done without online check, then with
check and receipt: the lab's Intermediär and UFS answer on the same machine over TLS with the key in the SMC-B. Figures
are medians. At the end the inserted card is read `--reads` times in a row, beside GetCards, which touches no card.

With `--own` only this is measured: the Konnektor's own share of `--reads` reads of the inserted card, their time
without waiting for terminals and services, and the whole beside the same exchanges over the same connection with
nothing between them. For that the child process is `bench.ownshare`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

import httpx
import uvloop

from tiaas.client import Konnektor, connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType

_GOAL = 12
_OWN_GOAL = 30
_SITUATIONS = ("first contact", "card came back", "read again")
_SETTLE = 25
"""Exchanges that opening and preparing an inserted card may take; the bench waits that many delays."""


@asynccontextmanager
async def lab(folder: Path, *module: str) -> AsyncIterator[tuple[dict[str, Any], asyncio.subprocess.Process]]:
    """A lab as child process: its `ready.json` and the process."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        *(module or ("tiaas",)),
        "up",
        "--dir",
        str(folder),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        for _ in range(600):
            if (folder / "ready.json").exists():
                break
            await asyncio.sleep(0.1)
        yield json.loads((folder / "ready.json").read_text()), child
    finally:
        child.send_signal(signal.SIGTERM)
        await asyncio.wait_for(child.wait(), 30)


class Bench:
    """A client of the Konnektor and the control port of its terminal."""

    def __init__(self, ready: dict[str, Any], konnektor: Konnektor, control: httpx.AsyncClient) -> None:
        self._konnektor = konnektor
        self._control = control
        self._base = ready["terminals"][0]["control"]
        self._drawer = [card["iccsn"] for card in ready["cards"]["egk"] if card["in"] is None]

    async def rows(self, delay: float, repeat: int) -> dict[str, list[float]]:
        """Durations of ReadVSD in seconds by situation, with answers held back by `delay`."""
        found: dict[str, list[float]] = {}
        await self._read(online=True)
        await self._put("/delay", {"seconds": delay})
        for online in (False, True):
            kind = "online" if online else "offline"
            rows = [found.setdefault(f"{kind}, {name}", []) for name in _SITUATIONS]
            for _ in range(repeat):
                iccsn = self._drawer.pop(0)
                await self._exchange(iccsn, delay)
                rows[0].append(await self._read(online))
                rows[2].append(await self._read(online))
                await self._exchange(iccsn, delay)
                rows[1].append(await self._read(online))
                self._drawer.append(iccsn)
        await self._put("/delay", {"seconds": 0})
        return found

    async def rates(self, reads: int) -> dict[str, float]:
        """Calls in a row, one client: median seconds by kind of call."""
        cards = await self._cards()
        egk, smcb = cards[CardType.EGK], cards[CardType.SMC_B]
        calls: dict[str, Callable[[], Awaitable[object]]] = {
            "GetCards": self._konnektor.get_cards,
            "ReadVSD offline": lambda: self._konnektor.read_vsd(egk, smcb),
            "ReadVSD online": lambda: self._konnektor.read_vsd(egk, smcb, True, True),
        }
        found = {}
        for name, call in calls.items():
            durations = []
            for _ in range(reads):
                start = perf_counter()
                await call()
                durations.append(perf_counter() - start)
            found[name] = median(durations)
        return found

    async def _exchange(self, iccsn: str, delay: float) -> None:
        answer = await self._control.post(self._base + "/slots/1/eject")
        answer.raise_for_status()
        answer = await self._control.post(self._base + "/slots/1/insert", json={"iccsn": iccsn})
        answer.raise_for_status()
        await asyncio.sleep(0.5 + delay * _SETTLE)

    async def _cards(self) -> dict[CardType | None, str]:
        return {card.card_type: card.card_handle for card in await self._konnektor.get_cards()}

    async def _read(self, online: bool) -> float:
        cards = await self._cards()
        start = perf_counter()
        await self._konnektor.read_vsd(cards[CardType.EGK], cards[CardType.SMC_B], online, online)
        return perf_counter() - start

    async def _put(self, path: str, body: dict[str, Any]) -> None:
        (await self._control.put(self._base + path, json=body)).raise_for_status()


async def measure(folder: Path, delay: float, repeat: int, reads: int) -> None:
    """Runs both delays against one lab and prints the table."""
    async with (
        lab(folder) as (ready, _),
        connect(load_kon(Path(ready["kon_file"]), os.environ)) as konnektor,
        httpx.AsyncClient() as control,
    ):
        bench = Bench(ready, konnektor, control)
        slow = await bench.rows(delay, 2)
        fast = await bench.rows(0, repeat)
        rates = await bench.rates(reads)
    print(f"{'ReadVSD':24} {'no delay':>10} {f'{delay * 1000:.0f} ms each':>14} {'in sequence':>12}   goal ≤ {_GOAL}")
    for name, durations in fast.items():
        base, held = median(durations), median(slow[name])
        rounds = (held - base) / delay
        verdict = "reached" if round(rounds) <= _GOAL or name.startswith("online") else "MISSED"
        print(f"{name:24} {base * 1000:7.1f} ms {held * 1000:11.0f} ms {rounds:12.1f}   {verdict}")
    print()
    for name, seconds in rates.items():
        ratio = seconds / rates["GetCards"]
        print(f"{name:24} {seconds * 1000:7.1f} ms {1 / seconds:8.0f}/s   GetCards × {ratio:.1f}")


async def own_share(folder: Path, reads: int) -> None:
    """Reads the inserted card and prints what `bench.ownshare` saw."""
    report = folder.parent / "report.json"
    print(
        f"{'ReadVSD, inserted card':24} {'whole':>10} {'own share':>12} {'exchanges':>10}   goal: own ≤ {_OWN_GOAL} ms"
    )
    async with (
        lab(folder, "bench.ownshare", str(report)) as (ready, child),
        connect(load_kon(Path(ready["kon_file"]), os.environ)) as konnektor,
    ):
        for name, online in (("offline", False), ("online, with receipt", True)):
            cards = {card.card_type: card.card_handle for card in await konnektor.get_cards()}
            for _ in range(reads):
                await konnektor.read_vsd(cards[CardType.EGK], cards[CardType.SMC_B], online, online)
            child.send_signal(signal.SIGUSR1)
            while not report.exists():  # noqa: ASYNC110 - another process writes it
                await asyncio.sleep(0.1)
            await asyncio.sleep(0.2)
            seen = json.loads(report.read_text())
            report.unlink()
            whole, own, exchanges = (median(column) for column in zip(*seen["calls"][-reads + 1 :], strict=True))
            print(f"{name:24} {whole * 1000:7.1f} ms {own * 1000:9.1f} ms {exchanges:10.0f}", end="   ")
            print(f"the exchanges alone {seen['raw'] * 1000:.1f} ms: ratio {seen['raw'] / whole:.2f}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="SICCT round trips of one ReadVSD in sequence.")
    parser.add_argument("--delay", type=float, default=0.1, help="seconds every answer of the terminal is held back")
    parser.add_argument("--repeat", type=int, default=5, help="reads of each kind without delay")
    parser.add_argument("--reads", type=int, default=60, help="reads in a row for the rates")
    parser.add_argument("--own", action="store_true", help="the Konnektor's own share instead")
    arguments = parser.parse_args()
    with TemporaryDirectory(prefix="tiaas-bench-") as folder:
        if arguments.own:
            uvloop.run(own_share(Path(folder) / "lab", arguments.reads))
        else:
            uvloop.run(measure(Path(folder) / "lab", arguments.delay, arguments.repeat, arguments.reads))


if __name__ == "__main__":
    main()
