"""Who gets the interpreter's lock first: threads that wait for it exactly, and threads that wait for it patiently.

Whoever wants the lock waits for the switch interval and then asks for it, and who has it must let go. The interval is
the same for all threads, but the system may end a thread's wait late, by its timer slack (prctl(2)): 50 µs unless told
otherwise. The event loop has none; a thread with large work has more than an iteration of the loop takes, so that it
gets the lock when the loop waits for its next event and does not take it in the midst of an answer.
"""

import ctypes
from contextlib import suppress

_SET_TIMER_SLACK = 29
"""PR_SET_TIMERSLACK."""
_LEAST_NANOSECONDS = 1
_PATIENT_NANOSECONDS = 2_000_000


def wait_exactly() -> None:
    """For the calling thread, and those it begins."""
    _set(_LEAST_NANOSECONDS)


def wait_patiently() -> None:
    """For the calling thread."""
    _set(_PATIENT_NANOSECONDS)


def _set(nanoseconds: int) -> None:
    # A system that is no Linux has no such call; everything works without.
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(_SET_TIMER_SLACK, ctypes.c_ulong(nanoseconds), 0, 0, 0)
