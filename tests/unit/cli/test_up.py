"""What the arguments of `up` mean, what it tells, and what signals do."""

import argparse
import asyncio
import io
import os
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest

from tiaas.base.clock import ManualClock
from tiaas.base.errors import InvalidInput
from tiaas.cli import up, upserving
from tiaas.cli.compose import UpOptions
from tiaas.cli.progress import Progress
from tiaas.cli.summary import which_lab
from tiaas.konnektor.config import Limits
from tiaas.konnektor.instance import Instance
from tiaas.lab.lock import FolderLock
from tiaas.lab.registry import Registry

PEOPLE = (files("tiaas.lab") / "seed.toml").read_text(encoding="utf-8")


def _options(*words: str) -> UpOptions:
    parser = argparse.ArgumentParser()
    up.register(parser.add_subparsers(dest="verb"))
    return upserving.read_options(parser.parse_args(["up", *words]))


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("127.0.0.1", ("127.0.0.1", None)),
        ("0.0.0.0:443", ("0.0.0.0", 443)),
        ("::1", ("::1", None)),
        ("[::1]:8443", ("::1", 8443)),
        ("[::1]", ("::1", None)),
        ("0:0:0:0:0:0:0:1", ("::1", None)),
    ],
)
def test_an_address_with_or_without_port(text: str, meant: tuple[str, int | None]) -> None:
    assert upserving.parse_listen(text) == meant


@pytest.mark.parametrize(
    "text", ["", "praxis", "127.0.0.1:x", "127.0.0.1:0", "127.0.0.1:65536", "[::1", "1.2.3", "::g"]
)
def test_what_is_no_address_is_refused_with_a_hint(text: str) -> None:
    with pytest.raises(InvalidInput, match="--listen"):
        upserving.parse_listen(text)


def test_the_folder_is_named_by_option_variable_or_habit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIAAS_DIR", raising=False)
    assert _options().folder == tmp_path / ".tiaas"
    monkeypatch.setenv("TIAAS_DIR", str(tmp_path / "other"))
    assert _options().folder == tmp_path / "other"
    assert _options("--dir", "mine").folder == tmp_path / "mine"


def test_options_are_read(tmp_path: Path) -> None:
    seed = tmp_path / "seed.toml"
    seed.write_text(PEOPLE)
    options = _options("--practices", "3", "--host", "a", "b", "--host", "c", "--locked", "--seed", str(seed))
    assert (options.practices, options.hosts, options.locked) == (3, ("a", "b", "c"), True)
    assert (options.ecc_only, options.seed_text) == (False, PEOPLE)
    with pytest.raises(InvalidInput, match="from 1 on"):
        _options("--practices", "0")
    with pytest.raises(InvalidInput, match="cannot be read"):
        _options("--seed", str(tmp_path / "nobody.toml"))
    seed.write_text("[[patient]]")
    with pytest.raises(InvalidInput, match=r"seed\.toml: patient: unknown key; did you mean patients\?"):
        _options("--seed", str(seed))


def test_progress_tells_steps_with_their_duration() -> None:
    clock, stream = ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), io.StringIO()
    progress = Progress(clock, stream)
    with progress.step("cards"):
        clock.advance(1.25)
    with pytest.raises(RuntimeError), progress.step("terminals"):
        raise RuntimeError
    first, second = stream.getvalue().splitlines()
    assert first.split() == ["✓", "cards", "1.25", "s"]
    assert second.split() == ["✗", "terminals"]


async def test_the_first_signal_asks_the_second_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    life = upserving.Life(tmp_path)
    life.is_up = True
    serving = asyncio.create_task(life.stopping.wait())
    life.on_signal(serving)
    assert await serving
    (tmp_path / "ready.json").write_text("{}")
    life.on_signal(serving)
    assert ended == [130]
    assert not (tmp_path / "ready.json").exists()


async def test_a_signal_during_the_start_cancels_it(tmp_path: Path) -> None:
    life = upserving.Life(tmp_path)
    serving = asyncio.create_task(asyncio.Event().wait())
    await asyncio.sleep(0)
    life.on_signal(serving)
    with pytest.raises(asyncio.CancelledError):
        await serving
    assert life.was_told


@pytest.mark.parametrize("host", ["ä.de", "bad host!", "", "http://x", "x:8443", "a" * 64, "a-.de"])
def test_a_host_that_no_certificate_can_carry_is_refused(host: str) -> None:
    with pytest.raises(InvalidInput, match="--host"):
        _options("--host", host)


@pytest.mark.parametrize("host", ["konnektor.konlan", "localhost", "192.0.2.7", "2001:db8::1", "a-b.example"])
def test_hosts_that_fit(host: str) -> None:
    assert _options("--host", host).hosts == (host,)


async def test_a_stop_that_takes_its_time_says_what_it_waits_for(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def instance(name: str, calls: int) -> Instance:
        settings = SimpleNamespace(limits=Limits())
        return cast(Instance, SimpleNamespace(name=name, calls_under_way=calls, config=settings))

    monkeypatch.setattr(upserving, "_PATIENCE_SECONDS", 0)
    await upserving._tell_waits((instance("praxis-1", 2), instance("praxis-2", 0)))
    told = capsys.readouterr().err
    assert "praxis-1: waiting for 2 calls under way, at most 10 s" in told
    assert "praxis-2" not in told
    assert "Ctrl-C once more ends at once" in told


def test_the_next_commands_name_the_lab_if_they_must(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TIAAS_DIR", raising=False)
    mine, other = tmp_path / "mine", tmp_path / "an other"
    registry, locks = Registry({"XDG_STATE_HOME": str(tmp_path / "state")}), []
    for folder in (mine, other):
        folder.mkdir()
        locks.append(FolderLock.take(folder))
        (folder / "ready.json").write_text("{}")
        registry.enter(folder)
        if folder == mine:
            assert which_lab(mine) == ""
    try:
        assert which_lab(mine) == f" --dir {mine}"
        assert which_lab(other) == f" --dir '{other}'"
        monkeypatch.setenv("TIAAS_DIR", str(mine))
        assert which_lab(mine) == ""
        assert which_lab(other) == f" --dir '{other}'"
    finally:
        for lock in locks:
            lock.release()
