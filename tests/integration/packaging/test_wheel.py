"""The wheel in a clean environment: `tiaas` speaks brainpool there too, and the CI recipes of the docs run."""

import os
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]
_BARE = {name: value for name, value in os.environ.items() if name not in ("OPENSSL_CONF", "PYTHONPATH", "VIRTUAL_ENV")}
_PIP = ["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]


@pytest.mark.packaging
@pytest.mark.timeout(900)
def test_wheel(tmp_path: Path) -> None:
    build = ["wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", str(tmp_path), str(ROOT)]
    subprocess.run([sys.executable, *_PIP, *build], env=_BARE, check=True)
    (wheel,) = tmp_path.glob("tiaas-*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for wanted in ("tiaas/base/openssl.cnf", "tiaas/py.typed", "tiaas/cli/entry.py", "tiaas/portal/static/portal.css"):
        assert wanted in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not any(name.startswith("tests") for name in names)
    packaged = {name for name in names if name.startswith("tiaas/")}
    sources = {f"tiaas/{path.relative_to(ROOT / 'src' / 'tiaas')}" for path in (ROOT / "src" / "tiaas").rglob("*.py")}
    assert sources <= packaged

    venv = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], env=_BARE, check=True)
    python = venv / "bin" / "python"
    lock = ["install", "--require-hashes", "--only-binary", ":all:", "-r", str(ROOT / "requirements.lock")]
    subprocess.run([python, *_PIP, *lock], env=_BARE, check=True)
    subprocess.run([python, *_PIP, "install", "--no-deps", "--no-index", str(wheel)], env=_BARE, check=True)
    for command in ([venv / "bin" / "tiaas"], [python, "-m", "tiaas"]):
        done = subprocess.run([*command, "selftest"], env=_BARE, capture_output=True, text=True, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        assert "brainpoolP256r1: ECDHE-ECDSA" in done.stdout
    foreign = {**_BARE, "OPENSSL_CONF": "/dev/null"}
    done = subprocess.run([venv / "bin" / "tiaas", "selftest"], env=foreign, capture_output=True, text=True)
    assert done.returncode == 0
    assert "OPENSSL_CONF=/dev/null gives way" in done.stderr
    _recipes(tmp_path, venv, wheel)


_PROJECT = """
import requests


def test_the_sds_is_there(konnektor):
    answer = requests.get(konnektor.sds_url, verify=konnektor.ca_file, cert=(konnektor.cert_file, konnektor.key_file))
    assert answer.status_code == 200


def test_that_fails(konnektor, recording):
    requests.get(konnektor.sds_url, verify=konnektor.ca_file, cert=(konnektor.cert_file, konnektor.key_file))
    assert recording.operations == ["ReadVSD"]
"""


def _recipes(tmp_path: Path, venv: Path, wheel: Path) -> None:
    """The commands of both recipes, as they stand in the docs, in a project that has the wheel and a clone beside."""
    project = tmp_path / "project"
    (project / "dist").mkdir(parents=True)
    shutil.copy(wheel, project / "dist")
    clone = project / "tiaas"
    for name in _git_files():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, clone / name)
    (project / "requirements.txt").write_text("requests\n")
    (project / "tests").mkdir()
    (project / "tests" / "test_mine.py").write_text(_PROJECT)
    environ = {**_BARE, "PATH": f"{venv / 'bin'}:{_BARE['PATH']}", "VIRTUAL_ENV": str(venv)}
    for commands in _documented_commands():
        for command in commands:
            # Where pytest looks is the project's own affair; the clone beside it has tests, too.
            tested = command.replace("pytest --tiaas", "pytest tests --tiaas")
            done = subprocess.run(
                ["sh", "-c", tested], env=environ, cwd=project, capture_output=True, text=True, timeout=300
            )
            if "--tiaas-recordings" not in command:
                assert done.returncode == 0, done.stdout + done.stderr
                continue
            assert "1 failed, 1 passed" in done.stdout, done.stdout
            assert (project / "recordings" / "test_that_fails.html").is_file()
            assert 'failures="1"' in (project / "junit.xml").read_text()
        shutil.rmtree(project / "recordings")


def _git_files() -> list[str]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    return [name for name in listed.split("\0") if name and (ROOT / name).is_file()]


def _documented_commands() -> list[list[str]]:
    """Of each YAML recipe in the docs, in order."""
    page = (ROOT / "docs" / "how-to" / "pvs-tests.md").read_text()
    recipes: list[dict[Any, Any]] = [yaml.safe_load(text) for text in re.findall(r"```yaml\n(.*?)```", page, re.S)]
    steps = [recipe["jobs"]["test"]["steps"] for recipe in recipes if "jobs" in recipe]
    found = [[step["run"] for step in each if "run" in step] for each in steps]
    found += [recipe["test"]["script"] for recipe in recipes if "test" in recipe]
    assert [len(commands) for commands in found] == [2, 2]
    return found
