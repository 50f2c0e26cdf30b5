"""`tiaas up --hsm` is killed while it makes a token: the next start makes it whole."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.integration.konnektor_core.practice import Practice
from tiaas.base.entropy import SystemEntropy
from tiaas.konnektor.hsm.loading import load_smb
from tiaas.konnektor.hsm.settings import VirtualSmb
from tiaas.lab import hsm as labhsm
from tiaas.lab.hsm import CONFIGURATION, make_soft_hsm, personalise_smb, write_token
from tiaas.pki.pkcs11 import Token

LABEL = "HSM-1"


async def make(folder: Path) -> Token:
    """What the verb does, each time with keys of its own."""
    practice = Practice(ecc_only=True)
    practice.handshakes.close()
    content = await personalise_smb(practice.personaliser, practice.seed.institutions[0], practice.entropy)
    hsm = await make_soft_hsm(folder, LABEL, SystemEntropy())
    os.environ[CONFIGURATION] = str(hsm.configuration)
    token = hsm.token(writable=True)
    await token.open()
    await write_token(content, token)
    (folder / "iccsn").write_text(content.iccsn)
    return token


class DyingSession:
    """A session whose process is killed when it is asked for the object number `after`."""

    def __init__(self, session: object, after: int) -> None:
        self._session = session
        self._left = after

    def __getattr__(self, name: str) -> object:
        if name == "create_object":
            if not self._left:
                os.kill(os.getpid(), signal.SIGKILL)
            self._left -= 1
        return getattr(self._session, name)


def die(folder: Path, where: str) -> None:
    """In a process of its own."""
    patch = pytest.MonkeyPatch()
    if where == "before the PIN is kept":
        patch.setattr(labhsm, "write_private", lambda *arguments: os.kill(os.getpid(), signal.SIGKILL))
    else:
        work = Token.work
        patch.setattr(
            Token, "work", lambda self, task: work(self, lambda session: task(DyingSession(session, int(where))))
        )
    asyncio.run(make(folder))


async def killed(folder: Path, where: str) -> int | None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-m", __name__, str(folder), where)
    return await asyncio.wait_for(process.wait(), 180)


async def test_a_start_that_is_killed_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CONFIGURATION, "")
    for where in ("before the PIN is kept", "3"):
        assert await killed(tmp_path, where) == -signal.SIGKILL
    token = await make(tmp_path)
    try:
        smb = VirtualSmb((tmp_path / "iccsn").read_text())
        loaded = await load_smb(token, smb, lambda mandant: True)
        assert loaded.held.role is not None
        assert loaded.code is not None
        twice = await token.work(doubles)
    finally:
        await token.close()
    assert twice == []
    assert len([folder for folder in (tmp_path / "tokens").iterdir() if folder.is_dir()]) == 1


def doubles(session: object) -> list[tuple[object, object]]:
    """Class and label of objects that are there twice."""
    from pkcs11 import Attribute

    found = [(each[Attribute.CLASS], each[Attribute.LABEL]) for each in session.get_objects()]  # type: ignore[attr-defined]
    return [pair for pair in found if found.count(pair) > 1]


if __name__ == "__main__":
    die(Path(sys.argv[1]), sys.argv[2])
