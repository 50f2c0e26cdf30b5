"""The command line beside a virtual SMC-B: the card in a slot is meant, the virtual one is named."""

import os
import subprocess
import sys
from pathlib import Path

from tests.integration.lab.labprocess import LabProcess


def tiaas(lab: LabProcess, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tiaas", *words, "--dir", str(lab.folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, **lab.environ})


def test_the_card_in_a_slot_is_meant_unless_the_virtual_one_is_named(hsm_lab: LabProcess, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"what is signed")
    assert tiaas(hsm_lab, "authenticate", "--file", str(file)).returncode == 0
    shown = tiaas(hsm_lab, "get", "cards", "--type", "HSM-B").stdout.splitlines()[-1].split()
    assert shown[0] == "HSM-B"
    assert tiaas(hsm_lab, "authenticate", "--file", str(file), "--card", shown[1]).returncode == 0
