"""How lines that name a command call us."""

import pytest

from tiaas.cli.calledas import VARIABLE, command


def test_a_launcher_says_its_name_and_a_wheel_is_in_the_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert command() == "tiaas"
    for called, shown in (("./tiaas", "./tiaas"), ("/a clone/tiaas", "'/a clone/tiaas'"), ("", "tiaas")):
        monkeypatch.setenv(VARIABLE, called)
        assert command() == shown
