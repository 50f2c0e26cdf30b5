"""Which running lab a verb means."""

from pathlib import Path

import pytest

from tiaas.cli.whichlab import find_lab
from tiaas.lab.errors import LabNotFound
from tiaas.lab.ready import READY_FILE
from tiaas.lab.registry import Registry
from tiaas.lab.store import LabStore


def test_the_lab_of_this_folder_comes_before_others_and_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("TIAAS_DIR", raising=False)
    registry, stores = Registry({"XDG_STATE_HOME": str(tmp_path / "state")}), []
    for name in ("one", "two"):
        folder = tmp_path / name / ".tiaas"
        folder.parent.mkdir()
        stores.append(LabStore.open(folder))
        (folder / READY_FILE).write_text("{}")
        registry.enter(folder)
    one, two = (tmp_path / name / ".tiaas" for name in ("one", "two"))
    monkeypatch.chdir(two.parent)
    assert [find_lab(None), find_lab(None)] == [two, two]
    assert capsys.readouterr().err == f"tiaas: of 2 running labs this is the one in {two}; --dir names another\n"
    assert find_lab(one) == one
    monkeypatch.setenv("TIAAS_DIR", str(one))
    assert find_lab(None) == one
    monkeypatch.delenv("TIAAS_DIR")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabNotFound, match="several labs are running"):
        find_lab(None)
    stores[0].close()
    assert find_lab(None) == two
    monkeypatch.chdir(two.parent)
    capsys.readouterr()
    assert find_lab(None) == two
    assert capsys.readouterr().err == ""
    stores[1].close()
