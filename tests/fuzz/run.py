"""Runs the fuzz targets, two at a time: `./tiaas fuzz [--seconds N [--others N]] [--runs N] [--only NAME] [--list]`.

Each target runs in a process of its own, coverage-guided by atheris (libFuzzer) where it can be imported, else by
mutation alone. Ends after `--seconds` or `--runs` per target, whichever comes first. A finding, an input that takes
more than 20 s (of those in `targets.TIMED` more than `targets.CPU_SECONDS` of the processor), or more than 2 GiB of
memory ends a target: its input is printed in hex, and the exit code is 1.
"""

import argparse
import faulthandler
import importlib.util
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from random import Random
from types import FrameType

ROOT = Path(__file__).parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from tests.fuzz import targets  # noqa: E402 - found through the line above when run as a script
from tests.fuzz.mutation import MAX_SIZE, mutants  # noqa: E402

_SLOW = 20
_MEMORY_MIB = 2048
_TAIL = 30
_START, _LAST_WORDS = 120, 5
"""Seconds that a worker may take to load what it tests, on a busy machine, and to say where it stands."""


@dataclass(frozen=True, slots=True)
class Limits:
    """When a target has had enough; 0 runs means no limit."""

    seconds: float
    runs: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a target; `crash` is the input of a finding."""

    name: str
    executions: int
    seconds: float
    failed: bool
    crash: bytes | None
    output: str


def main(argv: list[str]) -> int:
    """Runs all targets or those asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="tiaas fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="time per target (60)")
    parser.add_argument("--others", type=float, help="time per target that is not in targets.THOROUGH (as --seconds)")
    parser.add_argument("--runs", type=int, default=0, help="executions per target (no limit)")
    parser.add_argument("--only", action="append", choices=targets.names(), help="this target; may be repeated")
    parser.add_argument("--jobs", type=int, default=2, help="targets at a time (2)")
    parser.add_argument("--engine", choices=("atheris", "mutation"), help="default: atheris if it is there")
    parser.add_argument("--list", action="store_true", help="name the targets and end")
    parser.add_argument("--worker", metavar="FOLDER", help=argparse.SUPPRESS)
    args = parser.parse_args(argv)
    limits = Limits(args.seconds, args.runs)
    others = limits if args.others is None else Limits(args.others, args.runs)
    chosen: list[str] = args.only or targets.names()
    engine = args.engine or ("atheris" if importlib.util.find_spec("atheris") else "mutation")
    if args.list:
        say("\n".join(chosen))
        return 0
    if args.worker:
        faulthandler.register(signal.SIGUSR2)
        work = _atheris if engine == "atheris" else _mutation
        work(chosen[0], limits, Path(args.worker))
        return 0
    return _run_all({name: limits if name in targets.THOROUGH else others for name in chosen}, engine, args.jobs)


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


def _run_all(chosen: dict[str, Limits], engine: str, jobs: int) -> int:
    seconds = sum(limits.seconds for limits in chosen.values())
    say(f"fuzz: {len(chosen)} targets by {engine}, {seconds:g} s together, {jobs} at a time")
    bad = 0
    with ThreadPoolExecutor(jobs) as pool:
        for done in as_completed([pool.submit(_run_one, *one, engine) for one in chosen.items()]):
            outcome = done.result()
            _tell(outcome)
            bad += outcome.failed
    say(f"fuzz: {len(chosen) - bad} passed, {bad} failed")
    return 1 if bad or not chosen else 0


def _tell(outcome: Outcome) -> None:
    verdict = "FAILED" if outcome.failed else "ok"
    rate = outcome.executions / max(outcome.seconds, 0.001)
    say(f"fuzz: {outcome.name}: {verdict}, {outcome.executions} executions in {outcome.seconds:.0f} s ({rate:.0f}/s)")
    if outcome.failed:
        say("\n".join(outcome.output.splitlines()[-_TAIL:]))
        if outcome.crash is not None:
            say(f"fuzz: {outcome.name}: input, {len(outcome.crash)} octets: {outcome.crash.hex()}")


def _run_one(name: str, limits: Limits, engine: str) -> Outcome:
    command = [sys.executable, __file__, "--only", name, "--engine", engine]
    command += ["--seconds", str(limits.seconds), "--runs", str(limits.runs)]
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tiaas-fuzz-") as folder:
        worker = subprocess.Popen(
            [*command, "--worker", folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        )
        output, failed = _output_of(worker, limits.seconds + 2 * _SLOW + _START)
        crash = next((path.read_bytes() for path in sorted(Path(folder).glob("found-*"))), None)
    output = re.sub(r"^INFO: .*\n", "", output, flags=re.MULTILINE)
    found = re.findall(r"number_of_executed_units:\s*(\d+)", output)
    executions = int(found[-1]) if found else 0
    return Outcome(name, executions, time.monotonic() - start, failed or executions == 0, crash, output)


def _output_of(worker: subprocess.Popen[bytes], seconds: float) -> tuple[str, bool]:
    """What a worker printed, and whether it failed. One that does not end in time says where it is, and is killed."""
    try:
        output, _ = worker.communicate(timeout=seconds)
        return output.decode(errors="replace"), worker.returncode != 0
    except subprocess.TimeoutExpired:
        worker.send_signal(signal.SIGUSR2)
        with suppress(subprocess.TimeoutExpired):
            worker.communicate(timeout=_LAST_WORDS)
        worker.kill()
        output, _ = worker.communicate()
        return f"{output.decode(errors='replace')}\nnot done after {seconds:g} s: it stood there", True


def _atheris(name: str, limits: Limits, folder: Path) -> None:
    import atheris

    with atheris.instrument_imports(include=["tiaas"]):
        module = targets.load(name)
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(module.SEEDS):
        (corpus / f"seed-{number}").write_bytes(seed)
    options = [
        f"-max_total_time={max(1, round(limits.seconds))}",
        f"-runs={limits.runs or -1}",
        f"-max_len={max([MAX_SIZE, *map(len, module.SEEDS)])}",
        f"-artifact_prefix={folder}/found-",
        f"-timeout={_SLOW}",
        f"-rss_limit_mb={_MEMORY_MIB}",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    atheris.Setup([sys.argv[0], *options, str(corpus)], targets.watched(name, module.target))
    atheris.Fuzz()


def _mutation(name: str, limits: Limits, folder: Path) -> None:
    module = targets.load(name)
    target = targets.watched(name, module.target)
    signal.signal(signal.SIGALRM, _too_slow)
    end = time.monotonic() + limits.seconds
    count = 0
    for data in (item for source in (module.SEEDS, mutants(module.SEEDS, Random(name))) for item in source):
        if time.monotonic() >= end or (limits.runs and count >= limits.runs):
            break
        count += 1
        signal.setitimer(signal.ITIMER_REAL, _SLOW)
        try:
            target(data)
        except BaseException:
            (folder / "found-crash").write_bytes(data)
            say(f"number_of_executed_units: {count}")
            raise
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
    say(f"number_of_executed_units: {count}")


def _too_slow(number: int, frame: FrameType | None) -> None:
    raise TimeoutError(f"one input took more than {_SLOW} s")


if __name__ == "__main__":
    # A pipe that closes early (`| head`) ends us like any other program.
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    sys.exit(main(sys.argv[1:]))
