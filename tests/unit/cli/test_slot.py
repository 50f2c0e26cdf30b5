"""`tiaas slot`: what no message can carry is refused in the words of the options."""

import pytest

from tiaas.cli.entry import main
from tiaas.cli.exitcodes import ExitCode


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("request", "--seconds", "-4"), "--seconds -4: give a number from 0 on"),
        (("eject", "--milliseconds", "-1"), "--milliseconds -1: give a number from 0 on"),
        (("request", "--message", "x" * 49), "--message has 49 characters; the display takes 48 at most"),
        (("eject", "--slot", "0"), "--slot 0: slots count from 1"),
    ],
)
def test_what_no_message_can_carry_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], said: str
) -> None:
    assert main(["slot", *words, "--terminal", "CT-1"]) == ExitCode.USAGE
    assert said in capsys.readouterr().err
