"""A pcscd of our own with a virtual reader (vsmartcard's vpcd) for the tests of this folder.

Needs root, and the Debian packages pcscd and vsmartcard-vpcd; pcscd has one socket per machine, so a running one is in
the way.
"""

import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ports import free_port

DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
PCSCD_SOCKET = Path("/run/pcscd/pcscd.comm")
START_SECONDS = 20


def obstacle(*programs: str) -> str | None:
    """Why tests with `programs` at a virtual reader cannot run here, None if they can."""
    missing = [name for name in ("pcscd", *programs) if shutil.which(name) is None]
    if missing or not DRIVER.exists():
        return f"missing: {', '.join(missing) or DRIVER.name} (apt-get install opensc pcscd vsmartcard-vpcd)"
    if os.geteuid() != 0:
        return "pcscd needs root"
    probe = socket.socket(socket.AF_UNIX)
    try:
        probe.connect(str(PCSCD_SOCKET))
    except OSError:
        return None
    finally:
        probe.close()
    return "another pcscd is running"


def _free_port() -> int:
    """A port whose neighbour is free too: vpcd takes one for each of its two slots."""
    first, second = free_port(), free_port()
    while second != first + 1:
        first, second = second, free_port()
    return first


def _await_port(port: int) -> None:
    """Waits until vpcd listens; a connection would be a card, so the kernel's table is asked."""
    listening = re.compile(rf"^ *\d+: [0-9A-F]+:{port:04X} [0-9A-F]+:0000 0A ", re.MULTILINE)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if any(listening.search(Path(table).read_text()) for table in ("/proc/net/tcp", "/proc/net/tcp6")):
            return
        time.sleep(0.1)
    raise AssertionError("vpcd does not listen")


@pytest.fixture(scope="module")
def reader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A pcscd with one virtual reader; the port where a card plugs in."""
    tmp_path = tmp_path_factory.mktemp("pcscd")
    port = _free_port()
    drivers = tmp_path / "reader.conf.d"
    drivers.mkdir()
    (drivers / "vpcd").write_text(
        f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{port:X}\nLIBPATH {DRIVER}\nCHANNELID 0x{port:X}\n'
    )
    with (tmp_path / "pcscd.log").open("wb") as log:
        daemon = subprocess.Popen(["pcscd", "--foreground", "--config", str(drivers)], stdout=log, stderr=log)
    try:
        _await_port(port)
        yield port
    finally:
        daemon.terminate()
        daemon.wait(START_SECONDS)
