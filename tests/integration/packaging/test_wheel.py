"""The wheel in a clean environment: `tiaas` speaks brainpool there too."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
_BARE = {name: value for name, value in os.environ.items() if name not in ("OPENSSL_CONF", "PYTHONPATH", "VIRTUAL_ENV")}
_PIP = ["-m", "pip", "--quiet", "--disable-pip-version-check", "--no-input"]


@pytest.mark.packaging
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
