"""Whether this process is in a network namespace of its own, and not in the machine's.

The links in /proc/N/ns do not tell it alone: in a container number 1 is in the same namespace, and in a user namespace
number 1 cannot be asked. But some settings of the network exist once per machine, and the kernel shows them in the
machine's own namespace only (net.core.netdev_max_backlog, beside net.core.somaxconn, which every namespace has). Where
number 1 can be asked and is the machine's, both must say the same. Whoever cannot be told apart is on the machine.
"""

import os
from pathlib import Path

PROC = Path("/proc")
_OF_MACHINE, _OF_EACH = "sys/net/core/netdev_max_backlog", "sys/net/core/somaxconn"
_FIRST_PIDS = "pid:[4026531836]"
"""The machine's own PID namespace (PROC_PID_INIT_INO in the kernel's linux/proc_ns.h)."""
_ON_MACHINE = "this process is in the machine's own network namespace; start it in one of its own (unshare -rn)"
_UNKNOWN = "the kernel does not tell whether this process is in a network namespace of its own"


def why_not_own(proc: Path = PROC) -> str:
    """Why the network namespace of this process must not be changed, empty if it is one of its own."""
    try:
        if _is_there(proc / _OF_MACHINE):
            return _ON_MACHINE
        if not _is_there(proc / _OF_EACH):
            return _UNKNOWN
        own, pids = os.readlink(proc / "self/ns/net"), os.readlink(proc / "self/ns/pid")
    except OSError:
        return _UNKNOWN
    return _ON_MACHINE if pids == _FIRST_PIDS and own == _of_first(proc) else ""


def _is_there(path: Path) -> bool:
    try:
        path.stat()
    except FileNotFoundError:
        return False
    return True


def _of_first(proc: Path) -> str:
    """The network namespace of number 1, empty if it may not be asked."""
    try:
        return os.readlink(proc / "1/ns/net")
    except (PermissionError, FileNotFoundError):
        return ""
