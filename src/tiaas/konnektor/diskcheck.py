"""Is there room on the disk with the Konnektor's state: the manufacturer's own condition EC_OTHER_ERROR_STATE(1).

TAB_KON_503 leaves type, severity and cause of these conditions to the manufacturer. It is a warning: everything still
works, and somebody has time to make room before the logs cannot be written (EC_Security_Log_Not_Writable, Fatal).
"""

import os
from pathlib import Path

MEBIBYTE = 1 << 20
LITTLE = 100 * MEBIBYTE
"""With fewer free octets the disk is nearly full."""
ENOUGH = 150 * MEBIBYTE
"""With as many it is so no more; in between it stays what it was, so that a log that turns does not tell it twice."""


def is_nearly_full(free: int, was: bool) -> bool:
    """Whether a disk with so many free octets is nearly full, if it `was` so before."""
    return free < (ENOUGH if was else LITTLE)


def free_octets(folder: Path) -> int:
    """What this process may still write below `folder`. Raises `OSError`."""
    status = os.statvfs(folder)
    return status.f_bavail * status.f_frsize
