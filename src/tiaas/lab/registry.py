"""Where labs run: pointers that let `tiaas card eject …` find "the one running lab".

A pointer is a small file named after the lab folder in `$XDG_STATE_HOME/tiaas/labs` (default `~/.local/state/…`). It
says nothing about life: a lab runs if its folder is locked and its `ready.json` is there. Pointers of dead labs are
removed by whoever meets them.
"""

import hashlib
import os
from collections.abc import Mapping
from pathlib import Path

from tiaas.lab.errors import LabNotFound
from tiaas.lab.lock import is_locked
from tiaas.lab.ready import READY_FILE

DIR_VARIABLE = "TIAAS_DIR"


class Registry:
    """The pointers of one user."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        state = environ.get("XDG_STATE_HOME") or str(Path(environ.get("HOME") or "~").expanduser() / ".local" / "state")
        self._pointers = Path(state) / "tiaas" / "labs"
        self._environ = environ

    def enter(self, folder: Path) -> None:
        """Notes that a lab runs in `folder`; a home that cannot be written to is no reason not to run."""
        try:
            self._pointers.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._pointer(folder).write_text(f"{folder.absolute()}\n", encoding="utf-8")
        except OSError:
            return

    def leave(self, folder: Path) -> None:
        """Forgets the lab in `folder`."""
        try:
            self._pointer(folder).unlink(missing_ok=True)
        except OSError:
            return

    def running(self) -> list[Path]:
        """The folders of all labs that serve right now, sorted."""
        found: list[Path] = []
        if not self._pointers.is_dir():
            return found
        for pointer in self._pointers.iterdir():
            folder = Path(pointer.read_text(encoding="utf-8").rstrip("\n"))
            if is_running(folder):
                found.append(folder)
            elif not is_locked(folder):
                pointer.unlink(missing_ok=True)
        return sorted(found)

    def find(self, given: str | Path | None) -> Path:
        """The lab folder meant: `given` (`--dir`), else `TIAAS_DIR`, else the one running lab.

        Raises `LabNotFound` if that lab does not run, none does, or several do (they are listed).
        """
        named = given or self._environ.get(DIR_VARIABLE)
        if named:
            folder = Path(named).absolute()
            if not is_running(folder):
                raise LabNotFound(f"no lab runs in {folder}; start it with: tiaas up --dir {folder}")
            return folder
        running = self.running()
        if not running:
            raise LabNotFound("no lab is running; start one with: tiaas up")
        if len(running) > 1:
            listed = ", ".join(str(folder) for folder in running)
            raise LabNotFound(f"several labs are running: {listed}; choose one with --dir or {DIR_VARIABLE}")
        return running[0]

    def _pointer(self, folder: Path) -> Path:
        return self._pointers / hashlib.sha256(os.fsencode(folder.absolute())).hexdigest()[:16]


def is_running(folder: Path) -> bool:
    """True if the lab in `folder` serves."""
    return (folder / READY_FILE).is_file() and is_locked(folder)
