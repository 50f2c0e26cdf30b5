"""The commands of the pages about documents, as they stand there, one after another with a lab of `tiaas up`."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import pdfmaker
from tests.integration.lab.labprocess import LabProcess

_PAGES = Path(__file__).parents[3] / "docs" / "how-to"
_XML = '<?xml version="1.0" encoding="UTF-8"?>\n<Bundle xmlns="http://hl7.org/fhir"><id value="1"/></Bundle>'
_NFD = '<NFD_Document xmlns="urn:nfd"><Notfalldaten ID="I1"><x/></Notfalldaten><SignatureArzt/></NFD_Document>'
_SESSION = re.compile("comfort signature is on for userId ([0-9a-f-]{36})")


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabProcess]:
    with LabProcess(tmp_path_factory.mktemp("howto") / "lab", "--patients", "2") as process:
        yield process
        process.stop()


@pytest.mark.parametrize("page", ["sign.md", "encrypt.md", "login.md", "comfort-signature.md"])
def test_the_commands_of_a_page_go_one_after_another(lab: LabProcess, tmp_path: Path, page: str) -> None:
    places = tmp_path / "bin", tmp_path / "practice"
    for place in places:
        place.mkdir()
    (places[0] / "tiaas").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tiaas "$@"\n')
    (places[0] / "tiaas").chmod(0o755)
    _write_files(places[1], lab)
    environ = {**lab.environ, "PATH": f"{places[0]}:{os.environ['PATH']}", "TIAAS_DIR": str(lab.folder)}
    user = "USER"
    for command in _commands(page):
        done = subprocess.run(
            ["sh", "-c", re.sub(r"\bUSER\b", user, command)],
            cwd=places[1],
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"
        begun = _SESSION.match(done.stdout)
        user = user if begun is None else begun[1]


def _commands(page: str) -> list[str]:
    """The lines of its blocks without a language."""
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", (_PAGES / page).read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    found = [line for language, text in blocks if not language for line in text.splitlines()]
    assert len(found) > 1
    assert all(line.startswith("tiaas ") for line in found)
    return found


def _write_files(folder: Path, lab: LabProcess) -> None:
    """What the pages take for granted."""
    (folder / "rezepte").mkdir()
    for name in ("rezept", "rezepte/1", "rezepte/2", "eau", "bericht"):
        (folder / f"{name}.xml").write_text(_XML)
    (folder / "nfd.xml").write_text(_NFD)
    for name in ("brief", "befund"):
        (folder / f"{name}.pdf").write_bytes(pdfmaker.classic(pdfmaker.objects()))
    (folder / "brief.txt").write_text("Lieber Herr Kollege")
    (folder / "challenge.json").write_text('{"challenge": "e30.e30.AA"}')
    told = lab.tiaas("get", "certificates", "--ref", "C.ENC", "--pem", "--dir", str(lab.folder))
    (folder / "empfaenger.pem").write_text(told.stdout)
