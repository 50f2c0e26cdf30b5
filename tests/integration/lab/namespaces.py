"""Network namespaces for tests: one for a lab, and others beside it whose processes are its neighbours."""

import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from subprocess import PIPE

import pytest

from tests.integration.lab.labprocess import LabProcess
from tiaas.konnektor.systemprogram import PLACES

SECONDS = 20
WITH_LOOPBACK = ("sh", "-c", f'PATH="$PATH:{PLACES}" ip link set lo up && exec "$@"', "sh")


def program(name: str) -> str:
    """Where a program of the system is; its name if it is nowhere."""
    return shutil.which(name, path=PLACES) or name


def namespace(*tried: str) -> tuple[str, ...]:
    """The command that makes a network namespace. Skips where there is none to be had, or not with `tried` in it."""
    why = ""
    for command in (("unshare", "-rn"), ("unshare", "-n")):
        asked = [*command, *WITH_LOOPBACK, *tried]
        done = subprocess.run(asked, capture_output=True, timeout=SECONDS, check=False)
        if done.returncode == 0:
            return command
        why = done.stderr.decode(errors="replace").strip()
    if "not found" in why:
        pytest.skip(f"missing: {tried[0]} or ip (apt-get install nftables iproute2): {why}")
    pytest.skip(f"the kernel gives no network namespace: {why}")


def move_in(lab: LabProcess, command: Sequence[str]) -> None:
    """`lab` was started with `command`, which `namespace` gave: programs beside it go where it went."""
    user = ("-U", "--preserve-credentials") if "-rn" in command else ()
    lab.beside = ("nsenter", "-n", *user, f"--target={lab.process.pid}")


@contextmanager
def held(before: Sequence[str]) -> Iterator[int]:
    """A process that does nothing but hold the namespace it was started in by `before`: its id."""
    with subprocess.Popen([*before, "cat"], stdin=PIPE, stdout=PIPE, bufsize=0) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        holder.stdin.write(b"there\n")
        assert holder.stdout.readline() == b"there\n"
        yield holder.pid
        holder.communicate(timeout=SECONDS)
