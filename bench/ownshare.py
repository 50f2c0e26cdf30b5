"""`tiaas up` that writes down of every ReadVSD how long it waited for terminals and services (for `bench.readvsd`).

    python -m bench.ownshare REPORT up --dir FOLDER

Of a call's time, from the octets of its message to those of its answer, what is left without the times in which it
waited for an exchange with a terminal, for the Intermediär or for a certificate's status is the Konnektor's own share.
Waiting for several at once counts once, and what is computed meanwhile is not counted; one call at a time. On SIGUSR1
the exchanges of the last call are done again, nothing between them, and the report is written.
"""

import asyncio
import json
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from tiaas.cli.entry import main as tiaas
from tiaas.konnektor.intermediaer import Intermediaer
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.vsdm import Vsdm
from tiaas.soap.dispatch import Dispatcher
from tiaas.terminal.embedded import EmbeddedFront

_AGAIN = 30


@dataclass
class Call:
    """One ReadVSD under way. `waits` are intervals, `exchanges` the arguments of each with the front."""

    begun: float
    is_readvsd: bool = False
    waits: list[tuple[float, float]] = field(default_factory=list)
    exchanges: list[tuple[Any, ...]] = field(default_factory=list)


@dataclass
class Report:
    """What was seen: per ReadVSD its whole time, the time outside of waits, and how many exchanges it had."""

    path: Path
    calls: list[tuple[float, float, int]] = field(default_factory=list)
    current: Call | None = None
    last: list[tuple[Any, ...]] = field(default_factory=list)

    def end(self, call: Call) -> None:
        """A call is done."""
        if not call.is_readvsd:
            return
        whole = perf_counter() - call.begun
        self.calls.append((whole, whole - _covered(call.waits), len(call.exchanges)))
        self.last = call.exchanges

    async def write(self, exchange: Callable[..., Awaitable[object]]) -> None:
        """Does the last call's exchanges again and writes everything."""
        raw = []
        for _ in range(_AGAIN):
            start = perf_counter()
            for arguments in self.last:
                await exchange(*arguments)
            raw.append(perf_counter() - start)
        self.path.write_text(json.dumps({"calls": self.calls, "raw": median(raw)}))


def _covered(intervals: list[tuple[float, float]]) -> float:
    """Length of the union."""
    covered, end = 0.0, 0.0
    for start, stop in sorted(intervals):
        covered += max(stop - max(start, end), 0.0)
        end = max(end, stop)
    return covered


def watch(report: Report) -> None:
    """Puts clocks around what a call waits for."""
    exchange, handle, read = EmbeddedFront.exchange, Dispatcher.handle, Vsdm.read

    def waited(method: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @wraps(method)
        async def timed(*arguments: Any, **named: Any) -> Any:
            call, start = report.current, perf_counter()
            try:
                return await method(*arguments, **named)
            finally:
                if call is not None:
                    call.waits.append((start, perf_counter()))
                    if method is exchange:
                        call.exchanges.append(arguments)

        return timed

    async def handled(self: Dispatcher, *arguments: Any) -> Any:
        if report.current is not None:
            # A service of the lab, which the call waits for.
            return await handle(self, *arguments)
        call = report.current = Call(perf_counter())
        try:
            return await handle(self, *arguments)
        finally:
            report.end(call)
            report.current = None

    async def reads(self: Vsdm, *arguments: Any) -> Any:
        if report.current is not None:
            report.current.is_readvsd = True
        asyncio.get_running_loop().add_signal_handler(
            signal.SIGUSR1, lambda: asyncio.ensure_future(report.write(exchange))
        )
        return await read(self, *arguments)

    for owner, name, method in (
        (EmbeddedFront, "exchange", waited(exchange)),
        (Intermediaer, "post", waited(Intermediaer.post)),
        (Trust, "check_egk_online", waited(Trust.check_egk_online)),
        (Dispatcher, "handle", handled),
        (Vsdm, "read", reads),
    ):
        setattr(owner, name, method)


if __name__ == "__main__":
    watch(Report(Path(sys.argv[1])))
    sys.exit(tiaas(sys.argv[2:]))
