"""The HighSpeed load profile of gemSpec_Perf V2.27.0 (Anhang D, E) on one node, and multiples of it.

    python -m bench.highspeed_mix [--multiples 1,10,25] [--seconds 20] [--hsm folder|softhsm|card]

Per hour 9,243 calls with a document of 100 kB and 139 with one of 25 MB, each one of sign (CAdES), verify, encrypt and
decrypt, at random moments (Poisson, the same seed each time) that do not wait for one another. One server process runs
a lab with one practice, whose SM-B is an HSM-B (`folder`: keys in files; `softhsm`: PKCS#11) or a virtual SMC-B in a
virtual terminal (`card`); the load comes from this process on the same cores. Printed are mean latencies beside the
bounds of Anhang E, and what failed. A multiple is sustained if nothing failed and every mean is within its bound.
"""

import argparse
import asyncio
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from statistics import mean, quantiles
from tempfile import TemporaryDirectory
from time import perf_counter

import uvloop

from bench.large_documents import MEGABYTE, Case, Practice, cases, description
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.compose import UpOptions, running
from tiaas.cli.progress import Progress
from tiaas.cli.upchoices import HsmKind
from tiaas.konnektor.cardtypes import CardType
from tiaas.lab.registry import Registry
from tiaas.soap.envelope import write_envelope_parts
from tiaas.soap.reply import packaged_reply

SMALL_PER_HOUR, LARGE_PER_HOUR = 9_243, 139
BOUNDS = {
    ("sign CAdES", 0): 1.100,
    ("verify CAdES", 0): 0.500,
    ("encrypt CMS", 0): 0.780,
    ("decrypt CMS", 0): 0.510,
    ("sign CAdES", 1): 7.300,
    ("verify CAdES", 1): 7.900,
    ("encrypt CMS", 1): 6.700,
    ("decrypt CMS", 1): 8.900,
}
"""Mean seconds by operation and class (0: 100 kB, 1: 25 MB): gemSpec_Perf V2.27.0, Anhang E."""
_KINDS = {"folder": HsmKind.FOLDER, "softhsm": HsmKind.SOFTHSM, "card": None}


async def serve(folder: Path, kind: HsmKind | None) -> None:
    """The server's side: one line of JSON, then it runs until its input ends."""
    options = UpOptions(folder, log_level="warning", hsm=kind)
    clock, registry = SystemClock(), Registry({"XDG_STATE_HOME": str(folder.parent)})
    async with running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
        (served,) = run.served
        print(json.dumps(description(served, CardType.SMC_B if kind is None else CardType.HSM_B)), flush=True)
        await asyncio.to_thread(sys.stdin.readline)


@dataclass
class Lines:
    """Connections of one client; a call takes an idle one or opens another."""

    practice: Practice
    idle: list[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = field(default_factory=list)

    async def post(self, case: Case) -> float:
        """Seconds from the first octet sent to the last one received. Raises `ConnectionError` for a fault."""
        message = packaged_reply(200, write_envelope_parts(case.request()), "boundary-of-the-bench")
        reader, writer = self.idle.pop() if self.idle else await self._open()
        begun = perf_counter()
        head = f"POST {case.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {message.content_type}\r\n"
        writer.write(f"{head}Content-Length: {message.size}\r\n\r\n".encode())
        for part in message.slices():
            writer.write(part)
            await writer.drain()
        status = await reader.readuntil(b"\r\n\r\n")
        size = int(status.lower().partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        answer = await reader.readexactly(size)
        seconds = perf_counter() - begun
        self.idle.append((reader, writer))
        if not status.startswith(b"HTTP/1.1 200") or b"INVALID" in answer[:2000]:
            raise ConnectionError(f"{case.name}: {answer[-900:].decode(errors='replace')}")
        return seconds

    async def _open(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        practice = self.practice
        return await asyncio.open_connection(
            "127.0.0.1", practice.port, ssl=practice.tls, server_hostname="localhost", limit=2**20
        )


@dataclass
class Seen:
    """What calls took, by operation and class, and what went wrong."""

    seconds: dict[tuple[str, int], list[float]] = field(default_factory=dict)
    failures: list[str] = field(default_factory=list)


async def drive(lines: Lines, wanted: tuple[list[Case], list[Case]], multiple: float, seconds: float) -> Seen:
    """Calls at random moments for `seconds`, then waits for those under way (a minute at most)."""
    random, seen, tasks = Random(20261126), Seen(), set[asyncio.Task[None]]()

    async def one(case: Case, size: int) -> None:
        try:
            taken = await asyncio.wait_for(lines.post(case), 60)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            seen.failures.append(f"{case.name}: {type(error).__name__} {error}")
        else:
            seen.seconds.setdefault((case.name, size), []).append(taken)

    async def arrivals(size: int, per_hour: float) -> None:
        end, at = perf_counter() + seconds, perf_counter()
        while True:
            at += random.expovariate(per_hour * multiple / 3600)
            if at > end:
                return
            await asyncio.sleep(max(0.0, at - perf_counter()))
            tasks.add(asyncio.create_task(one(random.choice(wanted[size]), size)))

    await asyncio.gather(arrivals(0, SMALL_PER_HOUR), arrivals(1, LARGE_PER_HOUR))
    await asyncio.gather(*tasks)
    return seen


def report(multiple: float, seen: Seen) -> None:
    """Prints one multiple."""
    print(f"{multiple:g} × the profile: {sum(map(len, seen.seconds.values()))} calls, {len(seen.failures)} failed")
    for failure in sorted(set(seen.failures))[:3]:
        print(f"  failed: {failure[:300]}")
    sustained = not seen.failures
    for key, bound in BOUNDS.items():
        taken = seen.seconds.get(key)
        if not taken:
            continue
        sustained = sustained and mean(taken) <= bound
        tail = quantiles(taken, n=20)[-1] if len(taken) > 1 else taken[0]
        name = f"{key[0]:13} {('100 kB', '25 MB')[key[1]]:>6}"
        print(
            f"  {name} {len(taken):6} calls  mean {mean(taken) * 1000:7.0f} ms  p95 {tail * 1000:7.0f} ms"
            f"  bound {bound * 1000:6.0f} ms{'' if mean(taken) <= bound else '  MISSED'}"
        )
    print(f"  {'sustained' if sustained else 'NOT sustained'}", flush=True)


async def measure(folder: Path, kind: str, multiples: list[float], seconds: float) -> None:
    """Starts the server, drives each multiple, prints."""
    server = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.highspeed_mix", "--serve", str(folder), "--hsm", kind, stdin=-1, stdout=-1
    )
    assert server.stdin is not None
    assert server.stdout is not None
    try:
        practice = Practice.of(json.loads(await asyncio.wait_for(server.stdout.readline(), 120)))
        names = {name for name, _ in BOUNDS}
        small, large = [
            [case for case in await cases(practice, size) if case.name in names]
            for size in (100_000, 25 * MEGABYTE - 64 * 1024)
        ]
        lines = Lines(practice)
        for case in (*small, *large):
            await lines.post(case)
        for multiple in multiples:
            report(multiple, await drive(lines, (small, large), multiple, seconds))
        for _, writer in lines.idle:
            writer.close()
    finally:
        server.stdin.close()
        await asyncio.wait_for(server.wait(), 60)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(prog="python -m bench.highspeed_mix", description=__doc__)
    parser.add_argument("--multiples", default="1,10,25")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--hsm", choices=tuple(_KINDS), default="folder")
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.serve is not None:
        uvloop.run(serve(options.serve, _KINDS[options.hsm]))
        return
    multiples = [float(each) for each in options.multiples.split(",")]
    with TemporaryDirectory() as folder:
        uvloop.run(measure(Path(folder) / "lab", options.hsm, multiples, options.seconds))


if __name__ == "__main__":
    main()
