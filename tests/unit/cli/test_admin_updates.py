"""What `tiaas admin updates` tells of a package that a box could not fetch."""

import pytest

from tiaas.cli import adminupdates
from tiaas.cli.entry import main
from tiaas.cli.exitcodes import ExitCode
from tiaas.interfaces.management.updates import ProgramState, UpdateOverview

WHY = "0.3.0: 4183 Integritätsprüfung UpdateFiles fehlgeschlagen."


@pytest.mark.parametrize(
    ("action", "not_fetched", "code"),
    [("check", WHY, ExitCode.FAILED), ("show", WHY, ExitCode.OK), ("check", "", ExitCode.OK)],
)
def test_a_package_that_was_not_fetched(
    action: str,
    not_fetched: str,
    code: ExitCode,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    program = ProgramState("0.1.0", "00001", ("0.1.0",), None, None, (), not_fetched)
    overview = UpdateOverview("https://127.0.0.1:9", True, None, None, "", (), program)
    monkeypatch.setattr(adminupdates, "with_admin", lambda args, work: overview)
    assert main(["admin", "updates", action]) == code
    assert (WHY in capsys.readouterr().err) is bool(not_fetched)
