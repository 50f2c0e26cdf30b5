"""An Update-Paket at a running Konnektor: refused, tried and taken back, applied; then another program serves."""

import json
import sqlite3
import ssl
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration.lab.labprocess import LabProcess, on_ports_of_its_own
from tests.unit.konnektor_core.programs import package_of, small_program
from tiaas import __version__
from tiaas.base.clock import SystemClock
from tiaas.lab.hersteller import Hersteller
from tiaas.lab.pki import read_authority

OLD = "EC_Connector_Software_Out_Of_Date"


@pytest.fixture
def lab(tmp_path: Path) -> Iterator[LabProcess]:
    with on_ports_of_its_own(tmp_path / "lab", "--locked") as process:
        yield process
        process.stop()


def _upload(lab: LabProcess, package: Path) -> subprocess.CompletedProcess[str]:
    """`tiaas admin updates upload`: a look at the program, a stop, and a start or two."""
    command = [sys.executable, "-m", "tiaas", "admin", "updates", "upload", str(package)]
    return subprocess.run(command, env=lab.environ, capture_output=True, text=True, timeout=300, check=False)


def _hersteller(lab: LabProcess) -> Hersteller:
    """The lab's own, out of its database."""
    database = sqlite3.connect(lab.folder / "lab.sqlite")
    (row,) = database.execute("SELECT value FROM meta WHERE key = 'hersteller'").fetchall()
    database.close()
    held = json.loads(row[0])
    return Hersteller(read_authority(held["ca"]), read_authority(held["signer"]), SystemClock())


def _firmware(lab: LabProcess) -> str:
    """What connector.sds says to a client."""
    instance = lab.ready["instances"][0]
    context = ssl.create_default_context(cafile=instance["konnektor"]["ca"])
    context.load_cert_chain(instance["client"]["cert"], instance["client"]["key"])
    answer = httpx.get(instance["konnektor"]["sds"], verify=context, trust_env=False)
    return answer.text.partition("FWVersion>")[2].partition("<")[0]


def _state(lab: LabProcess) -> dict[str, object]:
    state: dict[str, object] = json.loads(lab.tiaas("admin", "state", "--json").stdout)
    return state


def _holds_old(lab: LabProcess) -> bool:
    conditions = _state(lab)["conditions"]
    assert isinstance(conditions, list)
    return OLD in {each["name"] for each in conditions}


@pytest.mark.requirement(
    "TIP1-A_4832-02", "TIP1-A_4832-03", "TIP1-A_4812", "TIP1-A_4839-01", "TIP1-A_5657-02", "TIP1-A_4829"
)
@pytest.mark.event("KSR/UPDATE/START", "KSR/UPDATE/SUCCESS", "KSR/UPDATE/END", "KSR/ERROR")
@pytest.mark.code(4183, 4184)
def test_a_konnektor_gets_another_program(lab: LabProcess, tmp_path: Path) -> None:
    good, changed, dies = tmp_path / "good.zip", tmp_path / "changed.zip", tmp_path / "dies.zip"
    assert lab.tiaas("lab", "ksr", "0.2.0", "--critical", "--out", str(good)).returncode == 0
    assert lab.tiaas("admin", "updates", "check").returncode == 0
    assert _holds_old(lab)
    octets = good.read_bytes()
    changed.write_bytes(octets[:5000] + bytes([octets[5000] ^ 1]) + octets[5001:])
    refused = _upload(lab, changed)
    assert (refused.returncode, "4183" in refused.stderr) == (3, True), refused.stderr
    assert {path.name for path in (lab.folder / "program").iterdir()} == {"state.json"}
    # It passes a look at it, starts, and ends: what served before comes back by itself.
    program = small_program("0.3.0", "if 'up' in sys.argv:\n    sys.exit(9)")
    dies.write_bytes(package_of(program, "0.3.0", _hersteller(lab)))
    back = _upload(lab, dies)
    assert back.returncode == 3, back.stderr
    assert f"{__version__} serves again: 4184" in back.stderr
    assert "exit code 9" in back.stderr
    assert _firmware(lab) == __version__
    assert _holds_old(lab)
    done = _upload(lab, good)
    assert (done.returncode, done.stdout) == (0, "program 0.2.0 serves\n"), done.stderr + lab.output
    assert _firmware(lab) == "0.2.0"
    assert not _holds_old(lab)
    assert (_state(lab)["firmware_version"], _state(lab)["firmware_group"]) == ("0.2.0", "00001")
    assert "EGK" in lab.tiaas("get", "cards").stdout
    known = json.loads(lab.tiaas("admin", "updates", "--json").stdout)["program"]
    assert [(each["before"], each["version"], each["code"]) for each in known["history"]] == [
        (__version__, "", 4183),
        (__version__, "0.3.0", 4184),
        (__version__, "0.2.0", None),
    ]
    assert json.loads(lab.tiaas("admin", "updates", "--node", "--json").stdout) == known
    assert known["group_versions"] == [__version__, "0.2.0"]
    log = lab.tiaas("admin", "log", "security", "--topic", "KSR/").stdout
    assert [line.split()[2] for line in log.splitlines()] == [
        *("KSR/UPDATE/START", "KSR/ERROR", "KSR/UPDATE/END"),
        *("KSR/UPDATE/START", "KSR/ERROR", "KSR/UPDATE/END"),
        *("KSR/UPDATE/START", "KSR/UPDATE/SUCCESS", "KSR/UPDATE/END"),
    ]
    nothing = lab.tiaas("admin", "updates", "apply")
    assert (nothing.returncode, "no package from the KSR is here" in nothing.stderr) == (3, True), nothing.stderr
    assert "what to do: upload one (admin updates upload FILE)" in nothing.stderr
