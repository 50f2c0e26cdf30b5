"""`tiaas admin` without a lab: what it does before and after it talks to the interface."""

import argparse
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tiaas.base.secret import Secret
from tiaas.cli import admin as verb
from tiaas.cli import adminaccess, adminaccounts
from tiaas.cli.entry import main
from tiaas.client.admin import Admin
from tiaas.client.errors import ClientError


@pytest.mark.parametrize(
    "words",
    [
        ("create-instance", "x", "--listen", "127.0.0.1", "--port", "1", "--admin-port", "2", "--out", "there"),
        ("make-token", "x", "there"),
        ("make-certificate", "pvs", "new"),
        ("export", "new"),
    ],
    ids=lambda words: str(words[0]),
)
def test_nothing_is_made_whose_secret_could_not_be_written(
    words: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("there", "new.password", "new.passphrase"):
        (tmp_path / name).touch()

    def never(*_: object) -> None:
        raise AssertionError("the interface was asked")

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(verb, "with_admin", never)
    monkeypatch.setattr(adminaccounts, "with_admin", never)
    assert main(["admin", *words]) != 0
    assert "cannot make" in capsys.readouterr().err


def test_a_logout_that_fails_does_not_hide_what_was_done(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """After a restart, a reset or an import the session is gone, and so may be the listener."""

    async def change(method: str, path: str, *_: object) -> object:
        if method == "DELETE":
            raise ClientError("gone")
        return SimpleNamespace(token=Secret(b"t"), security=None)

    @asynccontextmanager
    async def connect(access: object) -> AsyncIterator[Any]:
        yield SimpleNamespace(change=change, token=None)

    (tmp_path / "ca").write_text("PEM")
    monkeypatch.setattr(adminaccess, "connect_admin", connect)
    monkeypatch.setattr(adminaccess, "read_secret", lambda prompt: Secret(b"p"))
    args = argparse.Namespace(url="https://x", user="u", ca=tmp_path / "ca", token_file=None)

    async def work(admin: Admin) -> str:
        return "done"

    assert adminaccess.with_admin(args, work) == "done"
