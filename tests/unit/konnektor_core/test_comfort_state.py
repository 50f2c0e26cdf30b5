"""A comfort session against a small model of A_18686-01 and A_19100-01: random steps, any order."""

from dataclasses import dataclass, field
from random import Random

import pytest

from tiaas.konnektor.comfortstate import ComfortState

HOUR = 3600.0


@dataclass
class Model:
    """What the requirements say, as lists: every signature and every accepted job is written down."""

    limit: int
    card: int
    begun: float
    seconds: float
    signatures: list[float] = field(default_factory=list)
    open_jobs: int = 0
    ended: bool = False
    refused: bool = False

    def may_accept(self, now: float) -> bool:
        return not self.ended and not self.refused and now - self.begun < self.seconds

    def may_sign(self) -> bool:
        return not self.ended and not self.refused and len(self.signatures) < min(self.limit, self.card)

    def must_reset(self, now: float) -> bool:
        used_up = self.refused or len(self.signatures) >= min(self.limit, self.card)
        return not self.ended and not self.open_jobs and (used_up or now - self.begun >= self.seconds)


@pytest.mark.requirement("A_18686-01", "A_19100-01")
@pytest.mark.parametrize("seed", range(60))
def test_against_the_model(seed: int) -> None:
    random = Random(seed)
    limit, card, now = random.randint(1, 12), random.randint(1, 12), random.uniform(0, 9)
    state = ComfortState(limit, card, now + HOUR)
    model = Model(limit, card, now, HOUR)
    for _ in range(60):
        match random.choice(("accept", "sign", "sign", "finish", "wait", "look", "refuse", "end")):
            case "accept":
                assert state.accept(now) is model.may_accept(now)
                model.open_jobs += model.may_accept(now)
            case "sign" if model.open_jobs:
                assert state.may_sign() is model.may_sign()
                if model.may_sign():
                    model.signatures.append(now)
            case "finish" if model.open_jobs:
                state.finish()
                model.open_jobs -= 1
            case "wait":
                now += random.choice((1.0, HOUR / 8, HOUR / 2))
            case "look" if state.is_due(now):
                state.end()
                model.ended = True
            case "refuse" if random.random() < 0.1:
                state.card_refused()
                model.refused = True
            case "end" if random.random() < 0.1:
                state.end()
                model.ended = True
        assert state.is_due(now) is model.must_reset(now)
        assert state.is_open(now) is model.may_accept(now)
        assert (state.next_look(now) is None) is (model.ended or (model.open_jobs > 0 and now >= model.begun + HOUR))
        left = 0 if model.refused else min(limit, card) - len(model.signatures)
        assert state.count_left == left
        assert state.seconds_left(now) == pytest.approx(max(0.0, model.begun + HOUR - now))
    assert len(model.signatures) <= min(limit, card)
