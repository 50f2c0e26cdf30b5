"""Arguments of `tiaas lab …` that are refused before a lab is asked, or before a day is played."""

from pathlib import Path

import pytest

from tiaas.cli.entry import main


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["update", "--cancel", ""], 2, "--cancel needs the id"),
        (["tsl", "change-anchor", "--after", "nan"], 2, "--after is a number of seconds"),
        (["tsl", "change-anchor", "--after", "-1"], 2, "--after is a number of seconds"),
        (["day", "--report", "{}/nix/x.html"], 1, "there is no folder"),
        (["day", "--record", "{}"], 2, "is a folder"),
        (["day", "--patients", "9"], 2, "from 10 on"),
        (["ksr", "0.9"], 2, "0.9 is no version: three numbers up to 999, like 1.2.3"),
        (["ksr", "0.2.0", "--allow", "0.2.x"], 2, "0.2.x is no version"),
        (["ksr", "0.2.0", "--group", "2"], 2, "--group is five digits, like 00002"),
        (["ksr", "0.2.0", "--deadline", "2026-13-24"], 2, "--deadline is a date, YYYY-MM-DD"),
        (["ksr", "1.1.0", "--for", "terminal", "--fails"], 2, "--fails is for a package"),
        (["ksr", "1.1.0", "--for", "terminal", "--allow", "1.1.0"], 2, "--allow is for a package"),
        (["ksr", "0.2.0", "--file", "{}/nix", "--group", "00002"], 2, "--group does not go with --file"),
        (["ksr", "--out", "{}/x.zip"], 2, "--out needs a VERSION"),
        (["ksr", "--critical", "--clear"], 2, "--critical needs a VERSION"),
    ],
)
def test_refused(
    arguments: list[str], code: int, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [argument.format(tmp_path) for argument in arguments]
    assert main(["lab", *filled]) == code
    assert said in capsys.readouterr().err


def test_services_are_named_plainly(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["lab", "fault", "nix"])
    assert "<Service" not in capsys.readouterr().err
