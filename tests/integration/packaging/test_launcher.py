"""The launcher: quick when there is nothing to do, safe from anywhere; with `-m packaging` also from nothing."""

import os
import shutil
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_BARE = {name: value for name, value in os.environ.items() if name not in ("OPENSSL_CONF", "PYTHONPATH", "VIRTUAL_ENV")}

_FAKE_PYTHON = """#!/bin/sh
echo "$OPENSSL_CONF $*" >> "{log}"
echo "${{PYTHONDONTWRITEBYTECODE-unset}} $PYTHONPYCACHEPREFIX" >> "{log}.compiled"
echo "${{TIAAS_COMMAND-unset}}" >> "{log}.name"
"""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """A clone whose environment is made, with a Python that only notes how it was called."""
    root = tmp_path / "a clone"
    (root / ".venv" / "bin").mkdir(parents=True)
    for name in ("tiaas", "pyproject.toml", "requirements.lock", "requirements-dev.lock"):
        shutil.copy(ROOT / name, root / name)
    python = root / ".venv" / "bin" / "python"
    python.write_text(_FAKE_PYTHON.format(log=root / "calls"))
    python.chmod(0o755)
    return root


@pytest.fixture
def made(clone: Path) -> Path:
    text = (clone / "tiaas").read_text()
    function = next(line for line in text.splitlines() if line.startswith("stamp_of()"))
    for lock, name in (("requirements.lock", "run"), ("requirements-dev.lock", "dev")):
        script = f'{function}\nroot=$1; stamp_of {lock} > "$1/.venv/tiaas-{name}.stamp"'
        subprocess.run(["sh", "-c", script, "sh", str(clone)], check=True)
    return clone


def test_second_start_adds_little(made: Path) -> None:
    times = []
    for _ in range(5):
        start = time.monotonic()
        subprocess.run([made / "tiaas", "up", "--dir", "a b"], env=_BARE, check=True)
        times.append(time.monotonic() - start)
    assert min(times) < 0.2
    calls = (made / "calls").read_text().splitlines()
    assert calls[0] == f"{made}/src/tiaas/base/openssl.cnf -m tiaas up --dir a b"


def test_through_a_symlink_and_from_anywhere(made: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(made / "tiaas")
    subprocess.run([link, "get", "cards"], env=_BARE, check=True, cwd="/")
    assert (made / "calls").read_text().endswith("-m tiaas get cards\n")


def test_the_cli_is_told_how_it_was_called(made: Path) -> None:
    for name, folder in (("./tiaas", made), (str(made / "tiaas"), Path("/"))):
        subprocess.run([name, "check", "pvs"], env=_BARE, check=True, cwd=folder)
        subprocess.run([name, "up"], env=_BARE, check=True, cwd=folder)
    assert (made / "calls.name").read_text().splitlines() == ["./tiaas"] * 2 + [str(made / "tiaas")] * 2


def test_a_foreign_configuration_is_left_to_the_cli(made: Path) -> None:
    subprocess.run([made / "tiaas", "x"], env={**_BARE, "OPENSSL_CONF": "/etc/x"}, check=True)
    assert (made / "calls").read_text() == "/etc/x -m tiaas x\n"


@pytest.mark.parametrize("words", [["up"], ["python", "-c", "1"], ["fuzz"]])
def test_compiled_modules_are_kept_in_the_environment(made: Path, words: list[str]) -> None:
    """Also where the machine forbids them: a start that compiles every module takes twice as long."""
    subprocess.run([made / "tiaas", *words], env={**_BARE, "PYTHONDONTWRITEBYTECODE": "1"}, check=True)
    assert (made / "calls.compiled").read_text() == f"unset {made}/.venv/compiled\n"


def test_a_changed_lock_makes_the_environment_anew(made: Path) -> None:
    """Here with a Python that cannot: the launcher notices, and says what it misses."""
    (made / ".venv" / "tiaas-dev.stamp").unlink()
    with (made / "requirements.lock").open("a") as lock:
        lock.write("\n")
    (made / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    done = subprocess.run(
        [made / "tiaas", "x"], env={**_BARE, "TIAAS_PYTHON": "/bin/false"}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer, found none" in done.stderr


def test_a_foreign_environment_is_left_alone_and_told(clone: Path) -> None:
    """One that an editor or another Python made; it was emptied, or packages could not be put into it."""
    (clone / ".venv" / "pyvenv.cfg").write_text("version = 3.9.2\n")
    done = subprocess.run([clone / "tiaas", "x"], env=_BARE, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert "was not made by this launcher; move it away" in done.stderr
    assert (clone / ".venv" / "pyvenv.cfg").read_text() == "version = 3.9.2\n"
    assert not (clone / "calls").exists()


@pytest.mark.packaging
def test_from_nothing_twice_at_once(tmp_path: Path) -> None:
    root = tmp_path / "clone"
    files = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    for name in filter(None, files.split("\0")):
        if (ROOT / name).is_file():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, root / name)
    env = {**_BARE, "TIAAS_PYTHON": sys.executable}

    def start(_: int) -> subprocess.CompletedProcess[str]:
        return subprocess.run([root / "tiaas", "selftest"], env=env, capture_output=True, text=True, cwd="/")

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(start, range(2)))
    for done in both:
        assert done.returncode == 0, done.stderr
        assert "brainpoolP256r1: ECDHE-ECDSA" in done.stdout
    assert sum("installing the packages" in done.stderr for done in both) == 1
    assert start(0).stderr == ""
