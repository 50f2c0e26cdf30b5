"""How `tiaas up` serves: what its arguments mean, the lab's life, what signals do."""

import argparse
import asyncio
import os
import re
import signal
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvloop
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tiaas.base.clock import ShiftedClock, SystemClock
from tiaas.base.config import load_config
from tiaas.base.corefiles import forbid_core_files
from tiaas.base.entropy import SystemEntropy
from tiaas.base.errors import InvalidInput
from tiaas.cli.compose import UpOptions, running
from tiaas.cli.exitcodes import ExitCode
from tiaas.cli.labplay import play
from tiaas.cli.programs import AGAIN, is_kept
from tiaas.cli.progress import Progress
from tiaas.cli.summary import summary
from tiaas.cli.upchoices import HsmKind, folder_of
from tiaas.cli.upconfig import UpConfig
from tiaas.cli.writer import note, out, out_live
from tiaas.konnektor.instance import Instance
from tiaas.lab.errors import LabError
from tiaas.lab.keys import new_rsa_key
from tiaas.lab.lab import read_seed_text
from tiaas.lab.population import PATIENTS_MAX, PATIENTS_MIN, TERMINALS_MAX, populate
from tiaas.lab.ready import remove_ready
from tiaas.lab.registry import Registry
from tiaas.lab.scenario.play import load_scenario
from tiaas.lab.scenario.quarter import before_quarter
from tiaas.lab.seed import parse_seed
from tiaas.lab.store import DATABASE_FILE

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
# DNS names in their ASCII form, IPv4 and IPv6 addresses: what a certificate can carry.
_HOST = re.compile(rf"(?!.{{254}}){_LABEL}(?:\.{_LABEL})*|[0-9A-Fa-f:]*:[0-9A-Fa-f:.]+")
_PATIENCE_SECONDS = 1.0
_ANSWER_SECONDS = 0.2
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def serve(options: UpOptions) -> int:
    """Serves until a signal comes."""
    forbid_core_files()
    # What lies in the folder is its owner's alone, also what slapd writes there.
    os.umask(0o077)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_main(options))


def read_options(args: argparse.Namespace, rsa_keys: Callable[[], RSAPrivateKey] = new_rsa_key) -> UpOptions:
    """What the arguments mean; `rsa_keys` makes those of a new lab. Raises `InvalidInput`."""
    listen, port = parse_listen(args.listen)
    for host in args.host:
        if not _HOST.fullmatch(host):
            raise InvalidInput(f"--host {host!r}: give a name of letters, digits, dashes and dots, or an IP address")
    if args.practices is not None and args.practices < 1:
        raise InvalidInput("--practices needs a number from 1 on")
    if args.terminals is not None and not 1 <= args.terminals <= TERMINALS_MAX:
        raise InvalidInput(f"--terminals needs a number from 1 to {TERMINALS_MAX}")
    if args.patients is not None and not PATIENTS_MIN <= args.patients <= PATIENTS_MAX:
        raise InvalidInput(f"--patients needs a number from {PATIENTS_MIN} to {PATIENTS_MAX}")
    return UpOptions(
        folder=folder_of(args),
        practices=args.practices,
        terminals=args.terminals,
        patients=args.patients,
        listen=listen,
        port=port,
        hosts=tuple(args.host),
        locked=args.locked,
        ecc_only=args.ecc_only,
        hsm=None if args.hsm is None else HsmKind(args.hsm),
        log_level=args.log_level,
        config=UpConfig() if args.config is None else load_config(UpConfig, args.config),
        seed_text=None if args.seed is None else _read_seed(args.seed),
        scenario=None if args.scenario is None else load_scenario(args.scenario),
        rsa_keys=rsa_keys,
    )


def _read_seed(path: Path) -> str:
    """The text of a seed that a lab can be made with, before there is a folder. Raises `InvalidInput`."""
    text = read_seed_text(path)
    populate(parse_seed(text, str(path)), 1)
    return text


def parse_listen(text: str) -> tuple[str, int | None]:
    """`ADDR`, `ADDR:PORT`, `[ADDR6]:PORT` → address and port. Raises `InvalidInput`."""
    host, port = text, ""
    if text.startswith("[") and "]" in text:
        host, _, rest = text[1:].partition("]")
        port = rest.removeprefix(":")
    elif text.count(":") == 1:
        host, _, port = text.partition(":")
    try:
        address = str(ip_address(host))
        number = int(port) if port else None
    except ValueError:
        raise InvalidInput(f"--listen {text}: give an IP address of this machine, like 127.0.0.1 or 0.0.0.0") from None
    if number is not None and not 1 <= number <= 65535:
        raise InvalidInput(f"--listen {text}: a port is a number from 1 to 65535")
    return address, number


async def _main(options: UpOptions) -> int:
    life = Life(options.folder)
    serving = asyncio.create_task(_serve(options, life))
    loop = asyncio.get_running_loop()
    for number in _SIGNALS:
        loop.add_signal_handler(number, life.on_signal, serving)
    if is_kept():
        loop.add_reader(sys.stdin.fileno(), _on_keeper, loop, life, serving)
    try:
        await serving
    except asyncio.CancelledError:
        if not life.was_told:
            raise
        note("tiaas: stopped before everything was up")
        return ExitCode.INTERRUPTED
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
    return AGAIN if life.is_again and not life.was_told else ExitCode.OK


async def _serve(options: UpOptions, life: "Life") -> None:
    clock = _clock(options)
    started = clock.monotonic()
    note(f"tiaas: starting the lab in {options.folder} (TEST-ONLY)")
    if options.scenario is None:
        # One that is played would begin anew.
        options = replace(options, restart=life.again)
    async with running(options, Registry(os.environ), Progress(clock), clock=clock, entropy=SystemEntropy()) as lab:
        life.is_up = True
        for line in summary(lab, options, clock.monotonic() - started):
            out(line)
        sys.stdout.flush()
        playing = asyncio.create_task(_play(options, lab.control_url))
        await life.stopping.wait()
        note("tiaas: stopping")
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        telling = asyncio.create_task(_tell_waits(tuple(lab.instances())))
    telling.cancel()
    note("tiaas: stopped")


def _on_keeper(loop: asyncio.AbstractEventLoop, life: "Life", serving: "asyncio.Task[Any]") -> None:
    """Who keeps this process has ended, whatever ended it: nobody would start it again."""
    loop.remove_reader(sys.stdin.fileno())
    life.on_signal(serving)


async def _tell_waits(instances: tuple[Instance, ...]) -> None:
    """Says what a stop waits for that takes longer than a moment."""
    await asyncio.sleep(_PATIENCE_SECONDS)
    for instance in instances:
        if calls := instance.calls_under_way:
            seconds = instance.config.limits.stop_seconds
            note(f"tiaas: {instance.name}: waiting for {calls} calls under way, at most {seconds:g} s")
    note("tiaas: closing terminals, services and files; Ctrl-C once more ends at once")


def _clock(options: UpOptions) -> ShiftedClock:
    """The system's time, which can be moved on, or one that lets a quarter begin soon.

    Raises `InvalidInput` for the latter and a lab that exists.
    """
    scenario = options.scenario
    if scenario is None or scenario.quarter_in is None:
        return ShiftedClock(SystemClock(), timedelta())
    if (options.folder / DATABASE_FILE).exists():
        raise InvalidInput("a scenario with quarter_in sets the clock back: it needs a new --dir")
    return ShiftedClock(SystemClock(), before_quarter(SystemClock().now(), scenario.quarter_in))


async def _play(options: UpOptions, control_url: str) -> None:
    """Plays the scenario, if there is one; what cannot be done is told and ends it, not the lab."""
    if options.scenario is None:
        return
    try:
        await play(options.scenario, control_url, out_live)
    except LabError as error:
        note(f"tiaas: the scenario ends early: {error}")


class Life:
    """What signals do: the first one asks for an orderly stop, also of a start under way; the second ends it all."""

    def __init__(self, folder: Path) -> None:
        self.stopping = asyncio.Event()
        self.is_up = False
        self.was_told = False
        self.is_again = False
        """Another program is to serve."""
        self._folder = folder

    def again(self) -> None:
        """An orderly stop, once who asked for it has the answer."""
        self.is_again = True
        asyncio.get_running_loop().call_later(_ANSWER_SECONDS, self.stopping.set)

    def on_signal(self, serving: "asyncio.Task[Any]") -> None:
        """SIGINT or SIGTERM."""
        if self.was_told:
            if self.is_up:
                remove_ready(self._folder)
            note("tiaas: ended at once")
            os._exit(ExitCode.INTERRUPTED)
        self.was_told = True
        if self.is_up:
            self.stopping.set()
        else:
            note("tiaas: stopping before everything is up; Ctrl-C once more ends at once")
            serving.cancel()
