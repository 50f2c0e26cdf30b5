"""Document services over keep-alive mutual TLS, each against a bare handler of the same server that only does the same
number of raw key operations, with the same keys in the same processes.

    python -m bench.signing_service [--only NAME …] [--seconds 1] [--rounds 7] [--connections 16]

One server process runs a lab whose practice has a virtual SMC-B with software keys, a second one the same with a
SoftHSM2 token. Beside the instance's door there is a door of the same kind for each row, whose application reads the
body, does the raw operation and sends as many octets as the service answers. The load comes from this process. Bare and
real are measured in turn in one run; figures are medians. All processes have all cores; their CPU time counts together.
In a cold row no request's signer was seen before: the server makes them ahead of each slice (`bench.strangers`).

What is compared stands in `bench.signing_rows`.
"""

import argparse
import asyncio
import json
import ssl
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric import ec

from bench.getcards_http import BareApp, Slice, load
from bench.signing_rows import DIGEST, NUMBERS, ROWS, Asked, Row, signed, software_key
from bench.strangers import Strangers
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.compose import Served, UpOptions, running
from tiaas.cli.progress import Progress
from tiaas.cli.upchoices import HsmKind
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.config import Address
from tiaas.konnektor.heldkeys import HeldKeys
from tiaas.konnektor.http import uvicorn_config
from tiaas.konnektor.ingress import Door, Ingress, http_door
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.tls import server_context
from tiaas.lab.registry import Registry
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.prehashed import make_signature

_PER_SECOND_MAX, _COLD_PER_SECOND_MAX = 4000, 2000
"""More requests than that nobody answers in a second."""


# ---- the server's side -----------------------------------------------------------------------------------------------


async def serve(folder: Path, kind: HsmKind) -> None:
    """A lab, then one line of JSON for each line that asks: `raw`, a row's number and the size of its answers, or how
    many documents by strangers are to be in the file that is told."""
    options = UpOptions(folder, log_level="warning", hsm=kind)
    clock, registry = SystemClock(), Registry({"XDG_STATE_HOME": str(folder.parent)})
    async with running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
        (served,) = run.served
        card = next(card for card in served.instance.context.cards if card.card_type is CardType.HSM_B)
        assert card.held is not None
        _tell(_description(served, card.handle) | {"signed": (await signed(card.held)).hex()})
        strangers = Strangers(run.lab, card.held.certificates["C.SIG", "ECC"])
        ingress, doors = Ingress(), []
        while line := await asyncio.to_thread(sys.stdin.readline):
            asked = json.loads(line)
            if asked == "raw":
                _tell(await _raw(kind, card.held, folder))
                continue
            if isinstance(asked, int):
                file = folder.parent / "strangers"
                file.write_text("\n".join([document.hex() for document in strangers.documents(asked)]))
                _tell(str(file))
                continue
            number, size = asked
            app = BareApp(size, ROWS[number].raw(card.held, folder))
            doors.append(_door(app, served.instance))
            _tell((await ingress.open(Address("127.0.0.1", 0), doors[-1])).port)
        await ingress.stop()
        for door in doors:
            await door.close()


def _door(app: BareApp, instance: Instance) -> Door:
    """A door like the instance's own."""
    context = server_context(instance.identity.server, instance.identity.client_certificates.values())
    limits = instance.config.limits
    return http_door("bare", uvicorn_config(app, limits), limits, lambda: context, lambda fingerprint: True)


def _tell(what: object) -> None:
    print(json.dumps(what), flush=True)


def _description(served: Served, handle: str) -> dict[str, Any]:
    context = served.context
    return {
        "port": served.instance.reception.address.port,
        "cert": str(served.client.cert),
        "key": str(served.client.key),
        "ca": str(served.konnektor.ca),
        "context": [context.mandant_id, context.client_system_id, context.workplace_id],
        "handle": handle,
    }


async def _raw(kind: HsmKind, held: HeldKeys, folder: Path) -> dict[str, float]:
    """Signatures a second without any server: on one and on two threads, or of the module's one thread."""
    if kind is HsmKind.SOFTHSM:
        label, count = held.labels["C.AUT", "ECC"], 1000
        started = time.perf_counter()
        for _ in range(count):
            await held.store.sign(label, DIGEST, SigningScheme.ECDSA, Digest.SHA256)
        return {"C_Sign, one thread": count / (time.perf_counter() - started)}
    key = software_key(held, folder)
    found = {}
    for threads in (1, 2):
        with ThreadPoolExecutor(threads) as pool:
            rates = list(pool.map(_sign_for_a_second, [key] * threads))
        found[f"cryptography, {threads} thread(s)"] = sum(rates)
    return found


def _sign_for_a_second(key: ec.EllipticCurvePrivateKey) -> float:
    started, count = time.perf_counter(), 0
    while time.perf_counter() - started < 1:
        make_signature(key, DIGEST, SigningScheme.ECDSA)
        count += 1
    return count / (time.perf_counter() - started)


# ---- the load's side -------------------------------------------------------------------------------------------------


class Server:
    """The other process."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def ask(self, what: object) -> Any:
        """Its answer to one line."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(what).encode() + b"\n")
        return await self.listen()

    async def listen(self) -> Any:
        """The next line it says."""
        assert self.process.stdout is not None
        return json.loads(await asyncio.wait_for(self.process.stdout.readline(), 90))


async def measure(kind: HsmKind, rows: Sequence[Row], seconds: float, rounds: int, connections: int) -> None:
    """Starts a server, measures its rows in turn, prints."""
    with TemporaryDirectory(prefix="tiaas-bench-") as folder:
        command = ("-m", "bench.signing_service", "--serve", str(Path(folder) / "lab"), "--kind", kind.value)
        server = Server(await asyncio.create_subprocess_exec(sys.executable, *command, stdin=-1, stdout=-1))
        try:
            told = await server.listen()
            context = ssl.create_default_context(cafile=told["ca"])
            context.load_cert_chain(told["cert"], told["key"])
            mandant, client_system, workplace = told["context"]
            call = Context(mandant_id=mandant, client_system_id=client_system, workplace_id=workplace)
            raw = await server.ask("raw")
            for name, rate in raw.items():
                print(f"{name:30} {rate:8.0f} /s")
            for row in rows:
                await _measure_row(server, row, told, call, context, (seconds, rounds, connections), max(raw.values()))
        finally:
            assert server.process.stdin is not None
            server.process.stdin.close()
            await asyncio.wait_for(server.process.wait(), 30)


async def _measure_row(
    server: Server,
    row: Row,
    told: dict[str, Any],
    call: Context,
    context: ssl.SSLContext,
    extent: tuple[float, int, int],
    raw: float,
) -> None:
    seconds, rounds, connections = extent
    asked = Asked(told["handle"], call, bytes.fromhex(told["signed"]), NUMBERS)
    pid, own = server.process.pid, row.numbered or row.cold

    async def requests(length: float) -> list[bytes]:
        if row.cold:
            made = _documents(await server.ask(int(_COLD_PER_SECOND_MAX * length)))
            return [row.request(replace(asked, signed=document)) for document in made]
        return [row.request(asked) for _ in range(int(_PER_SECOND_MAX * length) if own else 1)]

    warm = await load(pid, told["port"], context, await requests(1.0), 1, 1.0, row.path, shared=not own)
    bare_port = await server.ask([ROWS.index(row), len(warm.answer)])
    bare, real = [], []
    for _ in range(rounds):
        bodies = await requests(max(seconds, 0.5))
        bare.append(await load(pid, bare_port, context, bodies, connections, seconds, row.path))
        real.append(await load(pid, told["port"], context, bodies, connections, seconds, row.path, shared=not own))
    _report(row, bare, real, raw)


def _documents(file: str) -> list[bytes]:
    return [bytes.fromhex(line) for line in Path(file).read_text().split()]


def _report(row: Row, bare: list[Slice], real: list[Slice], raw: float) -> None:
    for name, slices in (("bare handler", bare), (row.name, real)):
        rate, tail = median(s.per_second for s in slices), median(s.p99_ms for s in slices)
        cpu = median(s.cpu_us for s in slices)
        print(f"{name:30} {rate:8.0f} /s   p99 {tail:6.1f} ms   {cpu:6.0f} µs CPU of the server each")
    ratio = median(r.per_second / b.per_second for b, r in zip(bare, real, strict=True))
    by_cpu = median(s.cpu_us for s in bare) / median(s.cpu_us for s in real)
    to_raw = median(s.per_second for s in real) / raw
    verdict = "reached" if ratio >= row.goal else "MISSED"
    print(f"{'ratio':30} {ratio:8.2f}      by CPU time {by_cpu:.2f}   goal {row.goal}  {verdict}")
    print(f"{'ratio to the raw operation':30} {to_raw:8.2f}")


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description="Document services against bare handlers with the same keys.")
    parser.add_argument("--only", action="append", choices=[row.name for row in ROWS], help="rows to measure")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one slice")
    parser.add_argument("--rounds", type=int, default=7, help="slices of each kind")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--serve", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--kind", type=HsmKind, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.serve:
        uvloop.run(serve(arguments.serve, arguments.kind))
        return
    for kind in HsmKind:
        rows = [row for row in ROWS if row.kind is kind and (not arguments.only or row.name in arguments.only)]
        if rows:
            uvloop.run(measure(kind, rows, arguments.seconds, arguments.rounds, arguments.connections))


if __name__ == "__main__":
    main()
