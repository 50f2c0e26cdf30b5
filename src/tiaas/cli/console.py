"""Display and keypad of a terminal on a console: texts are printed, keys are typed without echo.

Every line is one entry: digits and Enter press the digits and OK, an empty line presses OK, `c` cancels. Nothing that
is typed is shown, kept or logged.
"""

import asyncio
import contextlib
import os
import sys
import termios
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from tiaas.cli.writer import note, out
from tiaas.terminal.sicct.text import BREAK, DisplayText
from tiaas.terminal.virtual.keypad import CANCEL, DIGITS, OK
from tiaas.terminal.virtual.terminal import VirtualTerminal

CANCEL_LINES = ("c", "cancel")


class Keypad(Protocol):
    """What has keys: a `VirtualTerminal`."""

    def press(self, key: str) -> None:
        """See `VirtualTerminal.press`."""
        ...


def show_display(terminal: VirtualTerminal, write: Callable[[str], None] = out) -> None:
    """Prints every text from now on as the display shows it; what is typed is not among it."""

    def shown(text: DisplayText) -> None:
        write("display: " + " ".join(part for part in (text.message.replace(BREAK, ""), text.prompt) if part))

    terminal.machine.display.on_show = shown


async def take_keys(terminal: VirtualTerminal, on_line: Callable[[str], bool] | None = None) -> None:
    """Presses what is typed, until the input ends or this is cancelled; lines that `on_line` takes are none."""
    loop = asyncio.get_running_loop()
    lines: asyncio.Queue[str | None] = asyncio.Queue()

    def read() -> None:
        with hidden_input():
            for line in sys.stdin:
                loop.call_soon_threadsafe(lines.put_nowait, line.strip())
        loop.call_soon_threadsafe(lines.put_nowait, None)

    # A thread that waits for a line cannot be ended; as a daemon it does not hold the process.
    threading.Thread(target=read, name="keypad", daemon=True).start()
    while (line := await lines.get()) is not None:
        if on_line is None or not on_line(line):
            press_line(terminal, line)


def press_line(terminal: Keypad, line: str) -> None:
    """The keys one line stands for; a line with anything but digits is refused."""
    if line.lower() in CANCEL_LINES:
        terminal.press(CANCEL)
        return
    if not set(line) <= DIGITS:
        note("tiaas: type digits and Enter, Enter alone for OK, c to cancel")
        return
    for digit in line:
        terminal.press(digit)
    terminal.press(OK)


@contextlib.contextmanager
def hidden_input() -> Iterator[None]:
    """Switches the console's echo off, if there is a console."""
    if not sys.stdin.isatty():
        yield
        return
    descriptor = sys.stdin.fileno()
    before = termios.tcgetattr(descriptor)
    without_echo = [*before]
    without_echo[3] = int(before[3]) & ~termios.ECHO
    termios.tcsetattr(descriptor, termios.TCSADRAIN, without_echo)
    try:
        yield
    finally:
        with contextlib.suppress(OSError, termios.error):
            termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


def restore_echo() -> None:
    """Switches the echo on again, for a process that ends while the keypad's thread still waits."""
    with contextlib.suppress(OSError, ValueError, termios.error):
        descriptor = sys.stdin.fileno()
        if os.isatty(descriptor):
            settings = termios.tcgetattr(descriptor)
            settings[3] = int(settings[3]) | termios.ECHO
            termios.tcsetattr(descriptor, termios.TCSADRAIN, settings)
