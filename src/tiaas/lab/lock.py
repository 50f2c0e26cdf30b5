"""One process per lab folder.

The lock is the kernel's (`flock`), not a file's existence: it ends with the process however that dies, so a lock
file left behind by `kill -9` locks nothing. The file's content is the process id, for messages and for whoever waits
for this process's `ready.json`: one left behind by another life is removed before the id is written, and so are files
it had begun to write.
"""

import errno
import fcntl
import os
from pathlib import Path

from tiaas.lab.errors import FolderInUse, FolderUnusable
from tiaas.lab.ready import remove_ready, sweep_private

LOCK_FILE = "lab.lock"


class FolderLock:
    """Held from `take` to `release`."""

    def __init__(self, path: Path, descriptor: int) -> None:
        self._path = path
        self._descriptor: int | None = descriptor

    @classmethod
    def take(cls, folder: Path) -> "FolderLock":
        """Locks `folder` (which must exist). Raises `FolderInUse`, `FolderUnusable`."""
        path = folder / LOCK_FILE
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise FolderUnusable(folder, error.strerror or str(error)) from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(descriptor)
            if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
                raise FolderInUse(folder, _holder(path)) from error
            raise FolderUnusable(folder, error.strerror or str(error)) from error
        try:
            remove_ready(folder)
            sweep_private(folder)
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"{os.getpid()}\n".encode())
        except OSError as error:
            os.close(descriptor)
            raise FolderUnusable(folder, error.strerror or str(error)) from error
        return cls(path, descriptor)

    def release(self) -> None:
        """Gives the folder free; the file stays, or a process waiting on it would lock a removed one."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def is_locked(folder: Path) -> bool:
    """True if a living process holds the lab in `folder`."""
    try:
        descriptor = os.open(folder / LOCK_FILE, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        # A shared lock is refused only while somebody holds the exclusive one, and two askers don't disturb each other.
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def _holder(path: Path) -> int | None:
    try:
        return int(path.read_text().strip())
    except (OSError, ValueError):
        return None
