"""Gives large blocks of memory back to the system as soon as they are free.

glibc's allocator takes large blocks from the system one by one and returns them at once, but it learns from the first
ones that were freed to keep blocks up to 32 MB for later, in an arena per thread: a process that once had documents of
25 MB in a few threads then keeps hundreds of megabytes. A threshold that is set does not move (mallopt(3)), and then
neither does the one for what small blocks leave: at its 128 KiB the heap would grow and shrink with every few messages,
and for that one waits until the system has made, or taken back, what another thread wants.
"""

import ctypes

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_LARGE_OCTETS = 1024 * 1024
_SPARE_OCTETS = 4 * 1024 * 1024


def return_large_blocks() -> bool:
    """For the rest of the process. False where the C library knows nothing of it."""
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(_M_MMAP_THRESHOLD, _LARGE_OCTETS) and mallopt(_M_TRIM_THRESHOLD, _SPARE_OCTETS))
