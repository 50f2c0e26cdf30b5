"""Programs out of Update-Pakete on the disk, and which of them serves.

    state.json          what counts: `Choice`
    VERSION/            an unpacked program: tiaas/… and tiaas-VERSION.dist-info/…
    offer/NAME          a package that the KSR offers, checked, waiting to be applied (profile einbox)

Three parties read and write it, one after another: the program that serves makes a `trial` and ends; who started it
(`cli/programs.py`) starts the trial; the trial, once it serves, confirms itself, else its starter refuses it. What was
installed with the node's own tools serves while nothing is chosen, and again when another version of it is installed.
"""

import json
import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.opensslconf import VARIABLE as OPENSSL_VARIABLE
from tiaas.interfaces.programwheel import PROGRAM, Program
from tiaas.interfaces.updatepackage import FirmwareGroup, is_version

PROGRAM_VARIABLE = "TIAAS_PROGRAM"
"""Names the version in a process that was started out of such a folder; its standard input ends with its starter."""
HISTORY_MAX = 20
_STATE, _OFFER = "state.json", "offer"
_COMPILING = ("PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE")


@dataclass(frozen=True, slots=True)
class Attempt:
    """A package that was to be applied. `code` None: it serves; else why not, `detail` for people."""

    at: datetime
    version: str
    before: str
    code: int | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """`current` and `trial` are versions, None: the installed program, none; `installed` is its version.

    `group` is the Firmware-Gruppe that counts, `trial_group` the one if the trial serves. `refusal` is why the trial of
    `refused` was given up, until somebody has told of it.
    """

    installed: str
    current: str | None = None
    trial: str | None = None
    group: FirmwareGroup | None = None
    trial_group: FirmwareGroup | None = None
    refused: str | None = None
    refusal: str = ""
    history: tuple[Attempt, ...] = ()

    @property
    def runs(self) -> str | None:
        """The version to start; None: the installed program."""
        return self.trial or self.current

    @property
    def held_group(self) -> FirmwareGroup:
        """The Firmware-Gruppe that counts; that of an installed program is itself alone."""
        return self.group or FirmwareGroup("00001", (self.installed,))

    def tried(self, version: str, group: FirmwareGroup) -> "Choice":
        """A trial begins."""
        return replace(self, trial=version, trial_group=group)

    def confirmed(self) -> "Choice":
        """The trial serves."""
        return replace(self, current=self.trial, group=self.trial_group, trial=None, trial_group=None)

    def given_up(self, reason: str) -> "Choice":
        """The trial does not serve; what was before it does again."""
        return replace(self, refused=self.trial, refusal=reason, trial=None, trial_group=None)

    def noted(self, attempt: Attempt) -> "Choice":
        """With an attempt more in the history; a refusal has been told of then."""
        history = (*self.history, attempt)[-HISTORY_MAX:]
        return replace(self, history=history, refused=None, refusal="")


class ProgramFolder:
    """The folder, below that of the node. `running` is the version of the program that reads it; `is_installed`: it is
    the installed one, and not out of this folder."""

    def __init__(self, path: Path, running: str, *, is_installed: bool) -> None:
        self.path = path
        self.running = running
        self._is_installed = is_installed

    def read(self) -> Choice:
        """What counts; the installed program, where nothing can be read, or another one was installed meanwhile.

        A program whose folder is gone is none; the Firmware-Gruppe counts all the same.
        """
        try:
            choice = _read(json.loads((self.path / _STATE).read_bytes()))
        except (OSError, ValueError, KeyError, TypeError):
            return Choice(self.running)
        if choice.trial is not None and not self.place(choice.trial).is_dir():
            choice = choice.given_up("its folder is gone")
        if not self._is_installed:
            return choice
        if choice.installed != self.running:
            return Choice(self.running, history=choice.history)
        if choice.current is not None and not self.place(choice.current).is_dir():
            return replace(choice, current=None)
        return choice

    def write(self, choice: Choice) -> None:
        """Keeps it, whole or not at all. Raises `OSError`."""
        self._make()
        self._put(self.path / _STATE, json.dumps(_document(choice)).encode())

    def give_up(self, reason: str) -> None:
        """The trial does not serve. Raises `OSError` if that can be kept in no way."""
        choice = self.read().given_up(reason)
        try:
            self.write(choice)
        except OSError:
            if choice.refused is None:
                return
            # A full disk must not keep from serving what served before: a trial without its folder is none either.
            self.drop(choice.refused)
            if self.place(choice.refused).is_dir():
                raise
            with suppress(OSError):
                self.write(choice)

    def place(self, version: str) -> Path:
        """The folder of a program. Raises `ValueError` for what is no version."""
        if not is_version(version):
            raise ValueError("no version")
        return self.path / version

    def unpack(self, version: str, program: Program) -> Path:
        """Writes a program beside what is there and puts it in its place. Raises `OSError`; then nothing is left."""
        place, part = self.place(version), self.path / f".{version}.part"
        self._make()
        shutil.rmtree(part, ignore_errors=True)
        try:
            for name, content in program.items():
                path = part / name
                path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                path.write_bytes(content)
            shutil.rmtree(place, ignore_errors=True)
            part.rename(place)
        except OSError:
            shutil.rmtree(part, ignore_errors=True)
            raise
        return place

    def drop(self, version: str) -> None:
        """Removes a program."""
        shutil.rmtree(self.place(version), ignore_errors=True)

    def tidy(self) -> None:
        """Removes what neither serves nor is to be tried."""
        choice, keep = self.read(), {_STATE, _OFFER}
        if self.path.is_dir():
            for path in self.path.iterdir():
                if path.name not in {*keep, choice.current, choice.trial}:
                    _remove(path)

    def keep_offer(self, name: str, package: bytes) -> None:
        """Keeps a package under its own name instead of any other. Raises `OSError`."""
        self.drop_offer()
        self._make()
        (self.path / _OFFER).mkdir(mode=0o700)
        self._put(self.path / _OFFER / name, package)

    def offer(self) -> bytes | None:
        """The kept package; one that is being written is none yet."""
        try:
            whole = (path for path in (self.path / _OFFER).iterdir() if not path.name.startswith("."))
            return next((path.read_bytes() for path in whole), None)
        except OSError:
            return None

    def drop_offer(self) -> None:
        """Forgets the kept package."""
        shutil.rmtree(self.path / _OFFER, ignore_errors=True)

    def environment(self, version: str, base: Mapping[str, str]) -> dict[str, str]:
        """`base` for a process that is to run a program: its modules first, compiled beside them."""
        place = self.place(version)
        more = {
            "PYTHONPATH": os.pathsep.join(filter(None, (str(place), base.get("PYTHONPATH")))),
            OPENSSL_VARIABLE: str(place / PROGRAM / "base" / "openssl.cnf"),
        }
        return {name: value for name, value in base.items() if name not in _COMPILING} | more

    def _make(self) -> None:
        self.path.mkdir(mode=0o700, exist_ok=True)

    def _put(self, path: Path, content: bytes) -> None:
        part = path.with_name(f".{path.name}.part")
        with open(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600), "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _document(choice: Choice) -> dict[str, Any]:
    history = [[each.at.isoformat(), each.version, each.before, each.code, each.detail] for each in choice.history]
    return {
        "installed": choice.installed,
        "current": choice.current,
        "trial": choice.trial,
        "group": _group_document(choice.group),
        "trial_group": _group_document(choice.trial_group),
        "refused": choice.refused,
        "refusal": choice.refusal,
        "history": history,
    }


def _read(document: Mapping[str, Any]) -> Choice:
    return Choice(
        document["installed"],
        _version(document["current"]),
        _version(document["trial"]),
        _group(document["group"]),
        _group(document["trial_group"]),
        _version(document["refused"]),
        str(document["refusal"]),
        tuple(Attempt(datetime.fromisoformat(at), *more) for at, *more in document["history"]),
    )


def _version(value: Any) -> str | None:
    if value is None:
        return None
    if not isinstance(value, str) or not is_version(value):
        raise ValueError("no version")
    return value


def _group_document(group: FirmwareGroup | None) -> list[Any] | None:
    return None if group is None else [group.number, list(group.versions)]


def _group(value: Any) -> FirmwareGroup | None:
    if value is None:
        return None
    number, versions = value
    group = FirmwareGroup(str(number), tuple(map(str, versions)))
    if not group.is_sound:
        raise ValueError("no Firmware-Gruppe")
    return group
