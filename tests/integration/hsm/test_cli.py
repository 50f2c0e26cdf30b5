"""The command line beside a virtual SMC-B: the card in a slot is meant, the virtual one is named."""

import base64
import io
import json
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.hsm.test_authenticate import activation_code
from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import Caller, pin_status
from tiaas.cli.entry import main


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


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_the_summary_names_the_virtual_smc_b(hsm_lab: LabProcess) -> None:
    until(lambda: "Stop with Ctrl-C" in hsm_lab.output)
    (line,) = (line for line in hsm_lab.output.splitlines() if line.strip().startswith("HSM-B"))
    assert "HSM-1 slot 1" in line
    assert "not activated" not in hsm_lab.output


def test_the_summary_says_how_to_activate_the_one_of_each_practice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with LabProcess(tmp_path / "lab", "--hsm", "folder", "--locked", "--practices", "2") as lab:
        until(lambda: "Stop with Ctrl-C" in lab.output)
        lines = [line for line in lab.output.splitlines() if "not activated" in line]
        told = [shlex.split(line.partition(" admin ")[2]) for line in lines]
        for _, _, iccsn, _, mandant, *place in told:
            # Where it would be activated there is such a one.
            there = place if "--dir" in place else [*place, "--dir", str(lab.folder)]
            assert main(["admin", "virtual-smb", "--json", *there]) == 0
            (held,) = json.loads(capsys.readouterr().out)["virtual_smbs"]
            assert held["iccsn"] == iccsn
            assert mandant.startswith("mandant-")
        assert len({iccsn for _, _, iccsn, *_ in told}) == 2
        lab.stop()


def test_each_practice_has_one_whenever_it_came(tmp_path: Path) -> None:
    """A module that is loaded finds no token that another program makes then."""
    folder = tmp_path / "lab"
    for practices in (2, 3):
        with LabProcess(folder, "--hsm", "softhsm", "--practices", str(practices)) as lab:
            numbers = range(practices)
            places = [["--practice", str(number + 1)] for number in numbers]
            found = [tiaas(lab, "get", "cards", "--type", "HSM-B", *place).stdout.splitlines()[1:] for place in places]
            assert [len(cards) for cards in found] == [1] * practices
            assert len({cards[0].split()[1] for cards in found}) == practices
            lab.stop()


@pytest.mark.requirement("A_23632-01")
def test_an_administrator_activates_it_at_the_command_line(
    hsm_lab: LabProcess, caller: Caller, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    admin = ("admin", "virtual-smb", "--dir", str(hsm_lab.folder))
    mandant, code = hsm_lab.ready["context"]["mandant_id"], activation_code(hsm_lab).reveal().decode()
    assert [smb["activation_code"] for smb in hsm_lab.ready["virtual_smbs"]] == [code]
    assert main([*admin, "--json"]) == 0
    (held,) = json.loads(capsys.readouterr().out)["virtual_smbs"]
    assert held["mandanten"] == [mandant]
    named = (held["iccsn"], "--mandant", mandant)
    assert tiaas(hsm_lab, "record", "start").returncode == 0
    assert main([*admin, "deactivate", *named]) == 0
    assert "nobody" in capsys.readouterr().out
    assert pin_status(caller, caller.handle("HSM-B"), "PIN.SMC") == ("VERIFIABLE", None)

    def activated() -> bool:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{code}\n"))
        return main([*admin, "activate", *named]) == 0

    # Wrong codes of the tests before cost waiting.
    until(activated)
    written = capsys.readouterr()
    assert mandant in written.out
    assert code not in written.out + written.err
    assert pin_status(caller, caller.handle("HSM-B"), "PIN.SMC") == ("VERIFIED", None)
    recording = hsm_lab.folder / "activation.json"
    assert tiaas(hsm_lab, "record", "stop", "-o", str(recording)).returncode == 0
    assert b"GetPinStatus" in recording.read_bytes()
    for wrong in (["activate"], ["show", held["iccsn"]], ["deactivate", held["iccsn"]]):
        assert main([*admin, *wrong]) == 2

    def logged() -> bytes:
        return b"".join(path.read_bytes() for path in (hsm_lab.folder / "protocol").rglob("*") if path.is_file())

    until(lambda: b"PUT /virtual-smbs activation" in logged())
    for octets in (logged(), (hsm_lab.folder / "tiaas.log").read_bytes(), recording.read_bytes()):
        assert code.encode() not in octets
        assert base64.b64encode(code.encode()).rstrip(b"=") not in octets
