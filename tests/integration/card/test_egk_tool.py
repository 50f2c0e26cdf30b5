"""OpenSC's egk-tool reads a personalised eGK through pcscd and vpcd: foreign software that knows nothing of us.

Needs root, and the Debian packages opensc, pcscd and vsmartcard-vpcd; pcscd has one socket per machine, so a running
one is in the way.
"""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tiaas.base.clock import ManualClock, SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.card.virtual.card import ATR, VirtualCard
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import LabPki
from tiaas.lab.seed import Patient, load_seed
from tiaas.lab.vpcd import attach

DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
PCSCD_SOCKET = Path("/run/pcscd/pcscd.comm")
START_SECONDS, TOOL_SECONDS = 20, 60


def _obstacle() -> str | None:
    """Why the test cannot run here, None if it can."""
    missing = [name for name in ("egk-tool", "pcscd") if shutil.which(name) is None]
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


OBSTACLE = _obstacle()
pytestmark = pytest.mark.skipif(OBSTACLE is not None, reason=OBSTACLE or "")


def _free_port() -> int:
    """A port whose neighbour is free too: vpcd takes one for each of its two slots."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = first.getsockname()[1]
            try:
                second.bind(("127.0.0.1", port + 1))
            except (OSError, OverflowError):
                continue
            return int(port)


def _await_port(port: int) -> None:
    """Waits until vpcd listens; a connection would be a card, so the kernel's table is asked."""
    listening = re.compile(rf"^ *\d+: [0-9A-F]+:{port:04X} [0-9A-F]+:0000 0A ", re.MULTILINE)
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if any(listening.search(Path(table).read_text()) for table in ("/proc/net/tcp", "/proc/net/tcp6")):
            return
        time.sleep(0.1)
    raise AssertionError("vpcd does not listen")


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[int]:
    """A pcscd with one virtual reader; the port where the card plugs in."""
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


@pytest.fixture(scope="module")
def personalised() -> tuple[Patient, PersonalisedCard]:
    seed, entropy, clock = load_seed(), SystemEntropy(), SystemClock()
    pki = LabPki.create(entropy, clock)
    patient = seed.patients[0]
    return patient, Personaliser(pki, seed, entropy, clock).egk(patient)


async def _run_tool(configuration: Path) -> str:
    process = await asyncio.create_subprocess_exec(
        "egk-tool",
        "--reader",
        "0",
        "--pd",
        "--vd",
        "--vsd-status",
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "OPENSC_CONF": str(configuration)},
    )
    output, errors = await asyncio.wait_for(process.communicate(), TOOL_SECONDS)
    text = output.decode("iso-8859-15")
    assert process.returncode == 0, f"{errors.decode(errors='replace')}\n{text}"
    assert text, errors.decode(errors="replace")
    return text


async def test_personal_and_insurance_data(
    reader: int, personalised: tuple[Patient, PersonalisedCard], tmp_path: Path
) -> None:
    patient, made = personalised
    configuration = tmp_path / "opensc.conf"
    atr = ":".join(f"{octet:02X}" for octet in ATR)
    configuration.write_text(f'app default {{ card_atr {atr} {{ driver = "npa"; name = "eGK"; }} }}\n')
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    card = VirtualCard(made.image, clock=clock, entropy=SystemEntropy())
    plugged = asyncio.create_task(attach(card, port=reader))
    try:
        await asyncio.sleep(1)  # pcscd looks for cards every 400 ms
        text = await _run_tool(configuration)
    finally:
        plugged.cancel()
        await asyncio.gather(plugged, return_exceptions=True)
    assert patient.kvnr in text
    assert patient.nachname in text
    assert "UC_PersoenlicheVersichertendatenXML" in text
    assert "UC_AllgemeineVersicherungsdatenXML" in text
    assert "5.2.0" in text
