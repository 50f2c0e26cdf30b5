"""Labs for whole-process tests: `tiaas up` as a child process, on loopback, in a folder of its own."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

START_SECONDS = 120


@contextmanager
def running_lab(folder: Path, *options: str) -> Iterator[dict[str, Any]]:
    """A lab that serves; gives the content of its `ready.json` and stops it with SIGTERM."""
    log = folder.with_name(folder.name + ".log")
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, "-m", "tiaas", "up", "--dir", str(folder), *options],
            stdout=stream,
            stderr=subprocess.STDOUT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
    try:
        yield _wait_ready(process, folder, log)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            code = process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
    assert code == 0, f"the lab ended with {code}:\n{log.read_text()[-4000:]}"
    assert not (folder / "ready.json").exists(), "ready.json outlived the lab"


def _wait_ready(process: subprocess.Popen[bytes], folder: Path, log: Path) -> dict[str, Any]:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        if (folder / "ready.json").exists():
            ready: dict[str, Any] = json.loads((folder / "ready.json").read_text())
            return ready
        if process.poll() is not None:
            break
        time.sleep(0.05)
    pytest.fail(f"the lab did not come up:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def two_practices_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two") / "lab"


@pytest.fixture(scope="session")
def two_practices(two_practices_dir: Path) -> Iterator[dict[str, Any]]:
    """One lab with two practices, shared by all tests that do not change it."""
    with running_lab(two_practices_dir, "--practices", "2") as ready:
        yield ready
