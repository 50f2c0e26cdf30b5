"""No core files: what a process holds in memory (private keys, passwords, the PINs of a lab's cards) stays there."""

import resource

_NONE = 1


def forbid_core_files() -> None:
    """The kernel writes no core file of this process and its children, and pipes none to a program.

    The limit is one octet: a file needs a page at least, and 1 is the value at which Linux does not start the program
    of a `core_pattern` that begins with `|` (core(5) and fs/coredump.c), which a limit of 0 does not keep from.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CORE)
    limit = _NONE if hard == resource.RLIM_INFINITY else min(hard, _NONE)
    resource.setrlimit(resource.RLIMIT_CORE, (limit, limit))
