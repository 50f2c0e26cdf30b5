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
