"""What a start tells while it runs: one line per step with its duration, on standard error."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

from tiaas.base.clock import Clock

_WIDTH = 56


class Progress:
    """Writes steps to `stream` (None: standard error).

    On a terminal a step is shown while it runs, elsewhere when it is done.
    """

    def __init__(self, clock: Clock, stream: TextIO | None = None) -> None:
        self._clock = clock
        self._stream = stream or sys.stderr
        self._is_live = self._stream.isatty()

    @contextmanager
    def step(self, text: str) -> Iterator[None]:
        """A step that takes as long as the block."""
        started = self._clock.monotonic()
        if self._is_live:
            self._write(f"  … {text}")
        try:
            yield
        except BaseException:
            self._write(f"\r  ✗ {text}\n" if self._is_live else f"  ✗ {text}\n")
            raise
        seconds = self._clock.monotonic() - started
        line = f"  ✓ {text}".ljust(_WIDTH) + f" {seconds:6.2f} s\n"
        self._write(f"\r{line}" if self._is_live else line)

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
