"""Python's collector of cycles rests while a program starts.

It walks all objects again and again while modules are loaded and parts are put together, a fifth of a start's computing
time, and finds next to nothing: what a start makes stays.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def resting() -> Iterator[None]:
    """No collection of cycles inside."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
