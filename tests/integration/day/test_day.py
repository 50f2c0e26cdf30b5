"""A day in a practice with 60 patients against `tiaas up`, played by the command line; and days that must not pass."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import httpx

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.secrets_of_a_lab import secrets_of

PATIENTS, TERMINALS = 60, 4
SEED = 1


def _play(lab: LabProcess, *options: str) -> tuple[int, dict[str, Any]]:
    """Exit code and record."""
    done = subprocess.run(
        [sys.executable, "-m", "tiaas", "lab", "day", "--dir", str(lab.folder), "--json", *options],
        env=lab.environ,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.stdout, done.stderr
    record: dict[str, Any] = json.loads(done.stdout)
    return done.returncode, record


def test_a_day_with_60_patients(tmp_path: Path) -> None:
    with LabProcess(tmp_path / "lab", "--terminals", str(TERMINALS), "--patients", str(PATIENTS)) as lab:
        files = {name: tmp_path / f"day.{name}" for name in ("html", "json", "md")}
        code, record = _play(
            lab,
            *("--patients", str(PATIENTS), "--seed", str(SEED)),
            *("--report", str(files["html"]), "--record", str(files["json"]), "--summary", str(files["md"])),
        )
        assert record["failures"] == []
        assert code == 0
        assert len({contact["patient"] for contact in record["contacts"]}) > PATIENTS // 2
        assert {contact["terminal"] for contact in record["contacts"]} == {"CT-1", "CT-1-2", "CT-1-3", "CT-1-4"}
        met = Counter(a["code"] for contact in record["contacts"] for a in contact["attempts"] if a["code"])
        assert {106, 113, 114, 3041, 4093} <= set(met)
        assert {4008, 4094} & set(met)
        results = Counter(a["result"] for contact in record["contacts"] for a in contact["attempts"])
        assert {1, 2, 3, 5} <= set(results)
        assert record["events"]["CARD/INSERTED"] >= PATIENTS
        assert record["journal"]["ufs GetUpdateFlags"] > PATIENTS // 2
        assert json.loads(files["json"].read_text(encoding="utf-8"))["contacts"] == record["contacts"]
        assert "everything as expected" in files["md"].read_text(encoding="utf-8")
        assert files["md"].with_suffix(".svg").read_text(encoding="utf-8").startswith("<svg")
        assert files["html"].read_text(encoding="utf-8").startswith("<!doctype html>")
        # The check of the day looks for numbers; this one for every form of every secret.
        log = (lab.folder / "tiaas.log").read_bytes()
        assert secrets_of(lab.folder, lab.ready).found_in(log) == []
        lab.stop()


def test_a_day_that_is_not_as_the_model_says_fails(tmp_path: Path) -> None:
    with LabProcess(tmp_path / "lab", "--patients", "10") as lab:
        # Somebody exchanged cards that the schedule does not know of.
        control = lab.ready["lab"]["control"]
        for card in lab.ready["cards"]["egk"][1:3]:
            answer = httpx.put(f"{control}/cards/{card['iccsn']}", json={"too_old": True}, trust_env=False)
            assert answer.status_code == 200, answer.text
        code, record = _play(lab, "--patients", "10", "--no-faults", "--no-ti")
        assert code == 1
        assert any("refused 113, expected read" in failure for failure in record["failures"])
        lab.stop()


def test_a_lab_with_too_few_patients_says_what_to_do(tmp_path: Path) -> None:
    with LabProcess(tmp_path / "lab") as lab:
        done = lab.tiaas("lab", "day", "--dir", str(lab.folder))
        assert done.returncode == 2
        assert "start the lab with --patients 60" in done.stderr
        lab.stop()
