"""Finding the one running lab."""

from pathlib import Path

import pytest

from tiaas.lab.errors import LabNotFound
from tiaas.lab.ready import READY_FILE
from tiaas.lab.registry import Registry
from tiaas.lab.store import LabStore


def _running(folder: Path, registry: Registry) -> LabStore:
    store = LabStore.open(folder)
    (folder / READY_FILE).write_text("{}")
    registry.enter(folder)
    return store


def test_the_one_running_lab_is_found(tmp_path: Path) -> None:
    registry = Registry({"XDG_STATE_HOME": str(tmp_path / "state")})
    with pytest.raises(LabNotFound, match="no lab is running"):
        registry.find(None)
    first = _running(tmp_path / "a", registry)
    assert registry.find(None) == tmp_path / "a"
    second = _running(tmp_path / "b", registry)
    with pytest.raises(LabNotFound, match=r"several labs are running: .*/a, .*/b; choose"):
        registry.find(None)
    assert registry.find(tmp_path / "b") == tmp_path / "b"
    second.close()
    assert registry.running() == [tmp_path / "a"]
    first.close()


def test_a_dead_labs_pointer_is_removed(tmp_path: Path) -> None:
    registry = Registry({"XDG_STATE_HOME": str(tmp_path / "state")})
    store = _running(tmp_path / "a", registry)
    store.close()
    assert (tmp_path / "a" / READY_FILE).exists()
    assert registry.running() == []
    assert list((tmp_path / "state" / "tiaas" / "labs").iterdir()) == []


def test_a_lab_still_starting_is_kept_but_not_found(tmp_path: Path) -> None:
    registry = Registry({"XDG_STATE_HOME": str(tmp_path / "state")})
    store = _running(tmp_path / "a", registry)
    (tmp_path / "a" / READY_FILE).unlink()
    assert registry.running() == []
    (tmp_path / "a" / READY_FILE).write_text("{}")
    assert registry.running() == [tmp_path / "a"]
    registry.leave(tmp_path / "a")
    assert registry.running() == []
    store.close()


def test_the_variable_names_a_lab_and_dir_wins(tmp_path: Path) -> None:
    named = {"XDG_STATE_HOME": str(tmp_path / "state"), "TIAAS_DIR": str(tmp_path / "a")}
    registry = Registry(named)
    with pytest.raises(LabNotFound, match="no lab runs in .*/a"):
        registry.find(None)
    a, b = _running(tmp_path / "a", registry), _running(tmp_path / "b", registry)
    assert registry.find(None) == tmp_path / "a"
    assert registry.find(str(tmp_path / "b")) == tmp_path / "b"
    a.close()
    b.close()


def test_a_home_that_cannot_be_written_to_stops_nobody(tmp_path: Path) -> None:
    (tmp_path / "state").write_text("a file")
    registry = Registry({"XDG_STATE_HOME": str(tmp_path / "state")})
    registry.enter(tmp_path)
    registry.leave(tmp_path)
    assert registry.running() == []
