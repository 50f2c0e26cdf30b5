"""The keypad: keys come from `press`, one command at a time waits for them (SICCT V1.3.0, 5.7)."""

import asyncio
import enum
from collections import deque
from collections.abc import Callable

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.base.secret import Secret
from tiaas.terminal.sicct.events import KeyCode

DIGITS = frozenset("0123456789")
OK = "ok"
CANCEL = "cancel"
CORRECTION = "clear"
_CODES = {OK: KeyCode.OK, CANCEL: KeyCode.CANCEL, CORRECTION: KeyCode.CORRECTION}


class EntryTimeout(TiaasError):
    """No key in time."""


class EntryCancelled(TiaasError):
    """The cancel key."""


@enum.unique
class Echo(enum.Enum):
    """How typed characters appear."""

    NOTHING = 0
    PLAIN = 1
    ASTERISKS = 2


@dataclass(frozen=True, slots=True)
class Timers:
    """Seconds: t1 to the first key, t2 from key to key, t3 for the whole entry."""

    first: float
    following: float
    overall: float


@dataclass(frozen=True, slots=True)
class Entry:
    """What is asked for. OK counts only with `minimum` … `maximum` characters; `ends_full`: no OK needed at maximum."""

    minimum: int
    maximum: int
    echo: Echo
    ends_full: bool = False


class Keypad:
    """See module. `told` is called with a key code for every key that counts (event 87), `echoed` with what to show."""

    def __init__(self, told: Callable[[KeyCode], None], echoed: Callable[[str], None]) -> None:
        self._told = told
        self._echoed = echoed
        self._keys: deque[str] = deque()
        self._waiting: asyncio.Future[None] | None = None
        self._listening = False
        self._later: asyncio.TimerHandle | None = None

    def press(self, key: str) -> None:
        """A key: `0`…`9`, `ok`, `cancel`, `clear`. Ignored while nothing is asked. Raises `InvalidInput`."""
        if key not in DIGITS and key not in _CODES:
            raise InvalidInput("keys are 0…9, ok, cancel and clear")
        if not self._listening:
            return
        self._keys.append(key)
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    def type(self, digits: Secret) -> None:
        """All digits and OK."""
        for digit in digits.reveal().decode("ascii"):
            self.press(digit)
        self.press(OK)

    def later(self, seconds: float, act: Callable[[], None]) -> None:
        """Calls `act` after some seconds, unless the entry has ended by then."""
        self._later = asyncio.get_running_loop().call_later(seconds, act)

    async def read(self, entry: Entry, timers: Timers, begun: Callable[[], None]) -> Secret:
        """One entry; `begun` is called once keys are taken. Raises `EntryTimeout`, `EntryCancelled`."""
        loop = asyncio.get_running_loop()
        end = loop.time() + timers.overall
        typed: list[str] = []
        self._keys.clear()
        self._listening = True
        try:
            begun()
            patience = timers.first
            while True:
                key = await self._next(min(patience, end - loop.time()))
                patience = timers.following
                if self._take(key, typed, entry):
                    return Secret("".join(typed).encode("ascii"))
        except EntryTimeout:
            self._told(KeyCode.TIMED_OUT)
            raise
        finally:
            self._listening = False
            if self._later is not None:
                self._later.cancel()
            self._keys.clear()
            self._echoed("")

    def _take(self, key: str, typed: list[str], entry: Entry) -> bool:
        """Applies a key; True if the entry is complete."""
        self._told(_CODES.get(key, KeyCode.DIGIT))
        if key == CANCEL:
            raise EntryCancelled
        if key == OK:
            return entry.minimum <= len(typed) <= entry.maximum
        if key == CORRECTION:
            del typed[-1:]
        elif len(typed) < entry.maximum:
            typed.append(key)
        if entry.echo is not Echo.NOTHING:
            self._echoed("".join(typed) if entry.echo is Echo.PLAIN else "*" * len(typed))
        return entry.ends_full and len(typed) == entry.maximum

    async def _next(self, patience: float) -> str:
        if not self._keys:
            self._waiting = asyncio.get_running_loop().create_future()
            try:
                async with asyncio.timeout(max(patience, 0.0)):
                    await self._waiting
            except TimeoutError:
                raise EntryTimeout from None
            finally:
                self._waiting = None
        return self._keys.popleft()
