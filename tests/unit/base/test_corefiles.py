"""Core files."""

import os
import subprocess
import sys
from pathlib import Path

_ABORTS = """
import os, resource
from tiaas.base.corefiles import forbid_core_files
hard = resource.getrlimit(resource.RLIMIT_CORE)[1]
resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
if {forbidden}:
    forbid_core_files()
    forbid_core_files()
os.abort()
"""


def aborted(folder: Path, *, forbidden: bool) -> int:
    """The status of a process that aborts in `folder`."""
    process = subprocess.Popen(
        [sys.executable, "-c", _ABORTS.format(forbidden=forbidden)], cwd=folder, stderr=subprocess.DEVNULL
    )
    _, status = os.waitpid(process.pid, 0)
    process.returncode = 0
    assert os.WIFSIGNALED(status)
    return status


def test_a_process_that_aborts_leaves_no_core(tmp_path: Path) -> None:
    assert not os.WCOREDUMP(aborted(tmp_path, forbidden=True))
    assert list(tmp_path.iterdir()) == []
