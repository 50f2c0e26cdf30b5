"""`tiaas up --scenario`: played once everything is up, with the clock of another day if it says so."""

import time
from datetime import UTC, datetime
from pathlib import Path

import httpx

from tests.integration.lab.labprocess import LabProcess, refused
from tiaas.lab.scenario.quarter import quarter_begin


def test_a_lab_whose_quarter_is_about_to_change(tmp_path: Path) -> None:
    scenario = tmp_path / "mine.yaml"
    scenario.write_text(
        "title: Mine\nquarter_in: 3600\nsetup:\n  - insert: egk-2\n"
        "timeline:\n  - at: 0.1\n    fault: {service: ocsp, delay: 0.01, times: 0}\n"
    )
    with LabProcess(tmp_path / "lab", "--scenario", str(scenario)) as lab:
        deadline = time.monotonic() + 30
        with httpx.Client(trust_env=False) as http:
            while not (faults := http.get(lab.ready["lab"]["faults"]).json()["faults"]):
                assert time.monotonic() < deadline, lab.output
                time.sleep(0.05)
            entries = http.get(lab.ready["lab"]["journal"]).json()["entries"]
        assert [fault["service"] for fault in faults] == ["ocsp"]
        assert lab.ready["cards"]["egk"][1]["in"] == {"ct_id": "CT-1", "slot": 1}
        begin = quarter_begin(datetime.now(UTC))
        told = [datetime.fromisoformat(entry["at"]) for entry in entries]
        assert told
        assert all(0 < (begin - at).total_seconds() <= 3600 for at in told)
        assert lab.tiaas("get", "cards", "--kon", lab.ready["kon_file"]).returncode == 0
    code, reason = refused("--dir", str(tmp_path / "lab"), "--scenario", str(scenario))
    assert (code, "needs a new --dir" in reason) == (2, True)
    scenario.write_text("title: Mine\nsetup:\n  - insert: nobody\n")
    code, reason = refused("--dir", str(tmp_path / "lab"), "--scenario", str(scenario))
    assert (code, "line 3: a card is" in reason) == (2, True)
