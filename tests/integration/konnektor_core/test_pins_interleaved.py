"""Random interleavings of several clients at two terminals, against a model of what each session may do.

Clients work at the same time, each with people of its own at the keypads; the order is random, but the seed's.
After each round no session may have more rights on a card than the model says, nor fewer.
"""

import asyncio
import random
from dataclasses import dataclass, field

import pytest

from tests.integration.konnektor_core.desk import Desk
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.pinstates import PinOutcome, PinResult
from tiaas.konnektor.sessions import AuthValue, CardSession

ROUNDS, CLIENTS = 12, 4
WRONG = "11111111"


@dataclass
class Model:
    """One PIN of one card."""

    card: Card
    pin: str
    secret: str
    puk: str
    sessions: list[CardSession]
    tries: int = 3
    puk_uses: int = 10
    verified: set[int] = field(default_factory=set)

    def verify(self, session: int, right: bool) -> PinResult | int:
        if self.tries == 0:
            self.verified.discard(session)
            return 4063
        if right:
            self.tries = 3
            self.verified.add(session)
            return PinResult(PinOutcome.OK)
        return self._wrong(session)

    def change(self, session: int, right: bool, new: str) -> PinResult | int:
        if self.tries == 0:
            self.verified.discard(session)
            return 4063
        if right:
            self.tries, self.secret = 3, new
            return PinResult(PinOutcome.OK)
        return self._wrong(session)

    def unblock(self, session: int, right: bool) -> PinResult | int:
        if self.tries > 0:
            return PinResult(PinOutcome.OK)
        if self.puk_uses == 0:
            self.verified.discard(session)
            return 4064
        self.puk_uses -= 1
        self.verified.discard(session)
        if right:
            self.tries = 3
            return PinResult(PinOutcome.OK)
        return PinResult(PinOutcome.REJECTED if self.puk_uses else PinOutcome.BLOCKED, self.puk_uses)

    def _wrong(self, session: int) -> PinResult:
        self.tries -= 1
        self.verified.discard(session)
        return PinResult(PinOutcome.REJECTED if self.tries else PinOutcome.BLOCKED, self.tries)


@dataclass
class Surgery:
    """Desk, models, and one pseudo-random course of things."""

    desk: Desk
    models: list[Model]
    chance: random.Random
    served: int = 0

    async def client(self) -> None:
        """One operation at one of the terminals; its result is what the model says at that moment."""
        model = self.chance.choice(self.models)
        number = self.chance.randrange(len(model.sessions))
        session = model.sessions[number]
        workplace = "AP2" if session.context.mandant_id == "M1" and self.chance.random() < 0.5 else "AP1"
        right = self.chance.random() < 0.6
        what = self.chance.choice(["verify", "verify", "change", "unblock", "status"])
        for _ in range(self.chance.randrange(4)):
            await asyncio.sleep(0)
        pins, card, pin = self.desk.pins, model.card, model.pin
        new = f"{self.chance.randrange(10**8):08d}"
        found: object
        try:
            if what == "verify":
                self.desk.types([model.secret if right else WRONG])
                found = await pins.verify(card, session, workplace, pin)
                expected: object = model.verify(number, right)
            elif what == "change":
                self.desk.types([model.secret if right else WRONG, new, new])
                found = await pins.change(card, session, workplace, pin)
                expected = model.change(number, right, new)
            elif what == "unblock":
                self.desk.types([model.puk if right else WRONG])
                found = await pins.unblock(card, session, workplace, pin)
                expected = model.unblock(number, right)
            else:
                await pins.status(card, session, pin)
                return
        except KonnektorError as error:
            if error.code in (4060, 4093):  # somebody else is at the card or the keypad: nothing has happened
                return
            found = error.code
            again = {"verify": model.verify, "unblock": model.unblock}.get(what)
            expected = again(number, right) if again else model.change(number, right, new)
        assert found == expected, (what, workplace, right)
        self.served += 1

    def compare(self) -> None:
        """Between two rounds, when nobody works."""
        for model in self.models:
            assert not model.card.reserved
            channels = [session.channel for session in model.sessions if session.channel is not None]
            assert len({channel.number for channel in channels}) == len(channels)
            on_card = self.desk.practice.lines[model.card.handle].card._channels
            for number, session in enumerate(model.sessions):
                expected = {model.pin: AuthValue.VERIFIED} if number in model.verified else {}
                assert session.auth_state == expected
                if expected:
                    assert session.channel is not None
                    assert on_card[session.channel.number].verified
        assert not self.desk.taken


@pytest.mark.requirement("TIP1-A_4560", "TIP1-A_4571")
@pytest.mark.pitfall(17, 18)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_nobody_disturbs_anothers_security_state(seed: int) -> None:
    desk = Desk()
    smcb, hba = await desk.smcb(), await desk.hba()
    await desk.gsmckt()
    models = [
        Model(
            smcb,
            "PIN.SMC",
            desk.secret(smcb, "PIN.SMC"),
            desk.secret(smcb, "PUK.SMC"),
            [desk.session(smcb, mandant) for mandant in ("M1", "M2", "M3")],
        ),
        Model(
            hba,
            "PIN.CH",
            desk.secret(hba, "PIN.CH"),
            desk.secret(hba, "PUK.CH"),
            [desk.session(hba, "M1", user) for user in ("U1", "U2", "U3")],
        ),
    ]
    surgery = Surgery(desk, models, random.Random(seed))
    for _ in range(ROUNDS):
        await asyncio.gather(*(surgery.client() for _ in range(CLIENTS)))
        surgery.compare()
    assert surgery.served > ROUNDS
