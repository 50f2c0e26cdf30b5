"""One comfort signature session as a value: who may still sign, and when its card state has to go.

gemSpec_Kon V5.18 A_18686-01 (timer), A_19100-01 (counter), A_22352, A_22459 (parallel sessions are independent),
TUC_KON_158, 170. Pure: times are seconds of a monotonic clock.
"""

from tiaas.base.dataclass import dataclass


@dataclass(slots=True)
class ComfortState:
    """`limit` is SAK_COMFORT_SIGNATURE_MAX, `card_limit` what the card allows on this channel per PIN entry.

    A session ends once, by its timer, its counter or from outside. Jobs accepted before its timer's end may still
    sign; one that ended from outside signs no more. `used` counts what was sent to the card.
    """

    limit: int
    card_limit: int
    deadline: float
    used: int = 0
    running: int = 0
    exhausted: bool = False
    ended: bool = False

    def is_open(self, now: float) -> bool:
        """Whether a further job is accepted."""
        return not self.ended and not self.exhausted and now < self.deadline

    def accept(self, now: float) -> bool:
        """Takes a job in, if one is accepted; `finish` comes after it."""
        if not self.is_open(now):
            return False
        self.running += 1
        return True

    def may_sign(self) -> bool:
        """Whether an accepted job may send one more signature; if so it is counted."""
        if self.ended or self.exhausted or self.count_left == 0:
            return False
        self.used += 1
        return True

    def card_refused(self) -> None:
        """The card's own counter has run out, whatever we counted."""
        self.exhausted = True

    def finish(self) -> None:
        """A job is over."""
        self.running -= 1

    def is_due(self, now: float) -> bool:
        """Whether the card's state is to be reset now: the end has come and no accepted job needs it any more."""
        if self.ended or self.running:
            return False
        return self.exhausted or self.count_left == 0 or now >= self.deadline

    def next_look(self, now: float) -> float | None:
        """In how many seconds `is_due` may have become true by time alone; None: never, or the last job will see."""
        if self.ended or (self.running and now >= self.deadline):
            return None
        return self.seconds_left(now)

    @property
    def drains(self) -> bool:
        """Whether accepted jobs still need the card's state."""
        return not self.ended and self.running > 0

    def end(self) -> None:
        """The card's state is reset, or on its way to be."""
        self.ended = True

    @property
    def count_left(self) -> int:
        """CountRemaining."""
        return 0 if self.exhausted else max(0, min(self.limit, self.card_limit) - self.used)

    def seconds_left(self, now: float) -> float:
        """TimeRemaining."""
        return max(0.0, self.deadline - now)
