"""Job numbers and the signature jobs under way (gemSpec_Kon V5.18 §4.1.8.1.4: TIP1-A_4642 to 4645; TIP1-A_4671).

A number tells a person at a terminal which job asks for a PIN. It is made here or by the Clientsystem; which, is not
remembered. Counted are calls of all contexts together.
"""

from collections import OrderedDict
from dataclasses import field
from types import TracebackType
from typing import Self

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.qesjob import StopSwitch

KEPT = 1000
"""A number must not come again within so many calls."""
_NUMBERS = 26**3 * 1000


class _LastNumbers(OrderedDict[str, None]):
    """The last `KEPT` numbers, each of them once."""

    def append(self, number: str) -> None:
        """One more, the oldest goes."""
        self[number] = None
        if len(self) > KEPT:
            self.popitem(last=False)


@dataclass(slots=True)
class SignatureJob:
    """A job from its beginning to its answer, as a context; `stop` is what StopSignature turns.

    Its number is nobody else's while it is under way. Afterwards it is used, unless the job failed before `has_begun`
    was set: before a signature was made or a person could be asked.
    `running` are the jobs under way, itself among them until its end, `used` the numbers of those before.
    """

    number: str
    card_handle: str
    running: dict[str, "SignatureJob"] = field(repr=False, compare=False)
    used: _LastNumbers = field(repr=False, compare=False)
    stop: StopSwitch = field(default_factory=StopSwitch)
    has_begun: bool = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        del self.running[self.number]
        if kind is None or self.has_begun:
            self.used.append(self.number)


class SignatureJobs:
    """The numbers and jobs of one instance."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy = entropy
        self._used = _LastNumbers()
        self._given = _LastNumbers()
        self._running: dict[str, SignatureJob] = {}

    def new_number(self) -> str:
        """A number that was neither given out nor used lately."""
        while True:
            number = self._random()
            if number not in self._given and number not in self._used and number not in self._running:
                self._given.append(number)
                return number

    def require_unused(self, number: str) -> None:
        """Raises 4252 for a number that a job has or had within the last 1000."""
        if number in self._used or number in self._running:
            raise KonnektorError(4252)

    def running(self, number: str, card_handle: str) -> SignatureJob:
        """A job with a number, which nobody else has from now on. Raises 4252."""
        self.require_unused(number)
        job = self._running[number] = SignatureJob(number, card_handle, self._running, self._used)
        return job

    def find(self, number: str) -> SignatureJob | None:
        """The job under way with a number, or None."""
        return self._running.get(number)

    def _random(self) -> str:
        """A number made of one random value; 64 bits for 17.6 million numbers, so each is as likely as any other."""
        letters, digits = divmod(int.from_bytes(self._entropy.octets(8), "big") % _NUMBERS, 1000)
        return f"{_letters(letters)}-{digits:03}"


def _letters(value: int) -> str:
    return "".join(chr(ord("A") + value // 26**place % 26) for place in (2, 1, 0))
