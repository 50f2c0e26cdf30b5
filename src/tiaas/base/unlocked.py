"""Octets by the megabyte, made, copied and searched by calls that let go of the interpreter's lock.

Whatever Python itself does with octets keeps the lock until it is done, and fresh memory is the dearest of it: the
system makes each page of 4 KiB on its own, 25 MB take 30 to 45 ms. Here the C library works on them, and the memory is
asked for in pages of 2 MiB where the system has such (madvise(2)): 8 to 14 ms, and giving it back takes 0.4 ms instead
of 5. Where it has none all goes on with small pages.

Nobody may write to octets while they are worked on; as with any view, a `bytearray` cannot be resized meanwhile.
"""

import ctypes
import mmap
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

Octets = bytes | bytearray | memoryview

_HUGE_OCTETS = 2 * 1024 * 1024
_POPULATE_WRITE = 23
"""MADV_POPULATE_WRITE (Linux 5.14), which the `mmap` module does not know yet."""
_PAGE = mmap.PAGESIZE


class _Buffer(ctypes.Structure):
    """Py_buffer (PEP 3118)."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.c_void_p),
        ("strides", ctypes.c_void_p),
        ("suboffsets", ctypes.c_void_p),
        ("internal", ctypes.c_void_p),
    )


# Called with the lock: they deal with objects, in no time.
_python = ctypes.PyDLL(None)
_new_bytes = _python.PyBytes_FromStringAndSize
_new_bytes.argtypes, _new_bytes.restype = (ctypes.c_void_p, ctypes.c_ssize_t), ctypes.py_object
_new_bytearray = _python.PyByteArray_FromStringAndSize
_new_bytearray.argtypes, _new_bytearray.restype = (ctypes.c_void_p, ctypes.c_ssize_t), ctypes.py_object
_get_buffer = _python.PyObject_GetBuffer
_get_buffer.argtypes, _get_buffer.restype = (ctypes.py_object, ctypes.POINTER(_Buffer), ctypes.c_int), ctypes.c_int
_release_buffer = _python.PyBuffer_Release
_release_buffer.argtypes, _release_buffer.restype = (ctypes.POINTER(_Buffer),), None
# Called without it.
_system = ctypes.CDLL(None)
_move = _system.memmove
_move.argtypes, _move.restype = (ctypes.c_void_p, ctypes.c_void_p, ctypes.c_size_t), ctypes.c_void_p
_search = _system.memmem
_search.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)
_search.restype = ctypes.c_void_p
_advise = _system.madvise
_advise.argtypes, _advise.restype = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int), ctypes.c_int


def joined(parts: Iterable[Octets]) -> bytes:
    """All parts in one piece."""
    with ExitStack() as stack:
        places = [stack.enter_context(_place(part)) for part in parts]
        size = sum(length for _, length in places)
        whole: bytes = _new_bytes(None, size)
        at, _ = stack.enter_context(_place(whole))
        _ask_for_large_pages(at, size)
        for source, length in places:
            _move(at, source, length)
            at += length
    return whole


def room(size: int) -> bytearray:
    """Room for so many octets: whatever stands in it has to be written over, all of it, before anybody reads it."""
    octets: bytearray = _new_bytearray(None, size)
    with _place(octets) as (start, _):
        _ask_for_large_pages(start, size)
    return octets


def make_ready(place: memoryview) -> None:
    """Has the system make the memory of room that nobody wrote to, so that who writes waits for no page."""
    with _place(place) as (start, size):
        first, end = start & -_PAGE, start + size
        # All at once would keep those waiting who want other memory of the system.
        for at in range(first, end, _HUGE_OCTETS):
            _advise(at, min(_HUGE_OCTETS, end - at), _POPULATE_WRITE)


def found(octets: Octets, wanted: bytes, start: int, end: int) -> int:
    """Where `wanted` comes first between `start` and `end`, or -1."""
    with _place(octets) as (first, size):
        at = _search(first + start, max(min(end, size) - start, 0), wanted, len(wanted))
    return -1 if at is None else int(at) - first


@contextmanager
def _place(octets: Octets) -> Iterator[tuple[int, int]]:
    """Where octets are in memory, and how many; they stay there meanwhile. Raises `BufferError`."""
    buffer = _Buffer()
    _get_buffer(octets, ctypes.byref(buffer), 0)
    try:
        yield buffer.buf or 0, buffer.len
    finally:
        _release_buffer(ctypes.byref(buffer))


def _ask_for_large_pages(start: int, size: int) -> None:
    """For memory nobody has written to."""
    if size >= _HUGE_OCTETS:
        _advise(start & -_PAGE, size + start % _PAGE, mmap.MADV_HUGEPAGE)
