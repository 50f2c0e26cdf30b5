"""`tiaas encrypt --to-directory`: from a name in the directory to a document that its owner reads."""

from pathlib import Path

import pytest

from tests.integration.lab.labprocess import LabProcess
from tiaas.cli.entry import main

MAIL = "praxis.dr.beatrix.sonnenfeld@kim.tiaas.example"
"""The practice of that name; its doctor has a similar address."""


@pytest.fixture
def letter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.chdir(tmp_path)
    Path("brief.txt").write_text("Lieber Herr Kollege")
    return "brief.txt"


def test_from_the_directory_to_the_reader(lab: LabProcess, letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Practice 2 encrypts for practice 1, which it knows by its KIM address only."""
    place = ("--dir", str(lab.folder))
    assert main(["encrypt", letter, "--to-directory", MAIL, *place, "--practice", "2"]) == 0
    assert "Praxis Dr. Beatrix Sonnenfeld" in capsys.readouterr().err
    assert main(["decrypt", "brief.txt.p7m", "-o", "gelesen.txt", *place]) == 0
    assert Path("gelesen.txt").read_text() == "Lieber Herr Kollege"
    assert main(["decrypt", "brief.txt.p7m", "-o", "nichts.txt", *place, "--practice", "2"]) == 3
    assert "4106" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["Sonnenfeld", "*", "(cn=*)"])
def test_a_part_of_a_name_is_nobody(
    lab: LabProcess, letter: str, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["encrypt", letter, "--to-directory", name, "--dir", str(lab.folder)]) == 2
    told = capsys.readouterr().err
    assert "nobody in the directory" in told
    assert "tiaas directory search" in told
    assert not Path("brief.txt.p7m").exists()


def test_what_a_search_finds_stands_apart(lab: LabProcess, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["directory", "search", "Sonnenfeld", "--dir", str(lab.folder)]) == 0
    entries = capsys.readouterr().out.split("\n\n")
    assert len(entries) > 1
    assert all(entry.count("Telematik-ID") == 1 for entry in entries)


def test_a_kon_file_needs_the_address(lab: LabProcess, letter: str, capsys: pytest.CaptureFixture[str]) -> None:
    kon = ("--kon", lab.ready["instances"][0]["kon_file"])
    assert main(["encrypt", letter, "--to-directory", MAIL, *kon]) == 2
    assert "--ldap" in capsys.readouterr().err
    assert main(["encrypt", letter, "--to-directory", MAIL, *kon, "--ldap", lab.ready["ldap"]["url"]]) == 0
