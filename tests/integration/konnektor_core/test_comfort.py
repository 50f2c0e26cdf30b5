"""Comfort signatures with real card software: activation, jobs, every way a session ends (TUC_KON_158, 170 to 173)."""

import asyncio
import logging
from random import Random

import pytest

from tests.integration.konnektor_core.desk import CT_SERVER
from tests.integration.konnektor_core.surgeon import PIN_QES, Surgeon
from tests.integration.konnektor_core.test_qes import CANCEL, TIMEOUT, WRONG, code, digests, genuine
from tiaas.base.entropy import SeededEntropy, random_uuid
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardTimeout
from tiaas.konnektor.cards import Card
from tiaas.konnektor.comfort import SESSIONS_MAX
from tiaas.konnektor.config import SignatureSettings
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.pinstates import PinState
from tiaas.konnektor.qesjob import StackResult
from tiaas.konnektor.sessions import CallContext, CardSession
from tiaas.konnektor.store import StoreError

ON = SignatureSettings(comfort=True)
HOUR = 3600


def user(number: int) -> str:
    return random_uuid(SeededEntropy(b"user" + bytes([number])))


class Clinic(Surgeon):
    """Somebody who signs in comfort; each `number` is a user at a Clientsystem of its own."""

    def context(self, number: int = 1) -> CallContext:
        return CallContext("M1", f"CS{number}", "AP1", user(number))

    def session(self, number: int = 1) -> CardSession:
        return self.hba.session(self.context(number))

    async def activate(self, number: int = 1, entry: str | Exception | None = None) -> CardSession:
        self.desk.types([self.pin if entry is None else entry])
        session = self.session(number)
        await self.qes.comfort.activate(self.hba, session, "AP1")
        return session

    async def sign(self, session: CardSession, count: int = 1, workplace: str = "AP3") -> StackResult:
        job = self.job()
        job = type(job)(self.hba, session, workplace, "ABC-476", self.key, job.stop, self.signed.append)
        documents = digests(count)
        result = await self.qes.sign(job, documents)
        genuine(self, result, documents)
        return result

    @property
    def verified(self) -> list[int | None]:
        """How many signatures each channel of the card would still make without another PIN."""
        channels = self.desk.practice.lines[self.hba.handle].card._channels.values()
        return [left for channel in channels for path, left in channel.verified.items() if path.endswith(PIN_QES)]


@pytest.fixture
async def clinic() -> Clinic:
    made = await Clinic.make(ON)
    assert isinstance(made, Clinic)
    return made


@pytest.mark.requirement("A_19104-04", "A_19103-06", "A_19102-04", "A_19258", "A_18597")
async def test_one_pin_for_many_jobs(clinic: Clinic) -> None:
    session = await clinic.activate()
    (shown,) = clinic.desk.pads[CT_SERVER].prompts
    assert shown.prompt == "Komfortsignatur \x0baktivieren \x0bHBA\x0fPIN.QES:"
    clinic.desk.carried.clear()
    for count in (1, 3):
        assert len((await clinic.sign(session, count)).values) == count
    assert len(clinic.desk.pads[CT_SERVER].prompts) == 1
    assert clinic.signed == [0, 0, 1, 2]
    part = session.part
    assert part is not None
    async with part.use() as channel:
        own = [command for command in clinic.desk.carried if command.cla & 0x03 == channel.number]
    assert {command.cla & 0x0C for command in own} == {0x0C}
    info = clinic.qes.comfort.info(session)
    assert info is not None
    assert (info.count_left, info.seconds_left) == (96, 6 * HOUR)
    assert (await clinic.desk.pins.status(clinic.hba, session, PIN_QES)).state is PinState.VERIFIED


@pytest.mark.requirement("A_18597")
async def test_what_else_the_session_does_leaves_it_alone(clinic: Clinic) -> None:
    session = await clinic.activate()
    desk = clinic.desk
    desk.types([desk.secret(clinic.hba, "PIN.CH")])
    await desk.pins.verify(clinic.hba, session, "AP1", "PIN.CH")
    async with session.use() as channel:
        await channel.transmit(commands.select_mf())
    await clinic.sign(session)
    desk.types([desk.secret(clinic.hba, PIN_QES), "87654321", "87654321"])
    await desk.pins.change(clinic.hba, session, "AP1", PIN_QES)
    await clinic.sign(session)
    assert len(desk.pads[CT_SERVER].prompts) == 3


@pytest.mark.requirement("A_19104-04")
@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(TIMEOUT, 4043, marks=pytest.mark.code(4043)),
        pytest.param(CANCEL, 4049, marks=pytest.mark.code(4049)),
        pytest.param(WRONG, 4276, marks=pytest.mark.code(4276)),
    ],
)
async def test_without_the_pin_there_is_no_session(clinic: Clinic, entry: str | Exception, expected: int) -> None:
    assert await code(clinic.activate(entry=entry)) == expected
    assert not clinic.qes.comfort.holds(clinic.session())
    assert (clinic.verified, clinic.hba.reserved, clinic.desk.taken) == ([], False, set())
    await clinic.activate()


@pytest.mark.code(4275)
async def test_the_last_try(clinic: Clinic) -> None:
    image = clinic.desk.practice.personalised[clinic.hba.handle].image
    image.passwords["MF/DF.QES/PIN.QES"].retry_counter = 1
    assert await code(clinic.activate(entry=WRONG)) == 4275
    assert await code(clinic.activate()) == 4063


@pytest.mark.requirement("A_20073-01", "A_20074")
@pytest.mark.code(4270, 4272)
async def test_a_user_id_is_a_uuid_and_new(clinic: Clinic) -> None:
    comfort, prompts = clinic.qes.comfort, clinic.desk.pads[CT_SERVER].prompts
    for bad in ("U1", user(1)[:-1], user(1).replace("-", "")):
        session = clinic.hba.session(CallContext("M1", "CS1", "AP1", bad))
        assert await code(comfort.activate(clinic.hba, session, "AP1")) == 4272
    session = await clinic.activate()
    await comfort.deactivate(clinic.hba)
    assert await code(clinic.activate()) == 4270
    again = clinic.hba.session(CallContext("M1", "CS2", "AP1", user(1).upper()))
    assert await code(comfort.activate(clinic.hba, again, "AP1")) == 4270
    assert len(prompts) == 1
    used = comfort._users
    for number in range(1000):
        await used.remember(f"{number:08}-0000-4000-8000-000000000000")
    await clinic.activate()
    assert comfort.holds(session)


@pytest.mark.requirement("A_22344")
@pytest.mark.code(4278)
async def test_as_many_sessions_as_the_card_has_place_for(clinic: Clinic) -> None:
    sessions = [await clinic.activate(number) for number in range(1, SESSIONS_MAX + 1)]
    assert await code(clinic.activate(9)) == 4278
    for session in sessions:
        await clinic.sign(session)
    await clinic.qes.comfort.deactivate(clinic.hba)
    await clinic.activate(9)


@pytest.mark.code(4278)
async def test_a_card_whose_channels_are_all_taken_has_no_session_left(clinic: Clinic) -> None:
    desk = clinic.desk
    for number in range(1, 4):
        desk.types([desk.secret(clinic.hba, "PIN.CH")])
        await desk.pins.verify(clinic.hba, clinic.session(number), "AP1", "PIN.CH")
    assert await code(clinic.activate(4)) == 4278
    assert not clinic.hba.reserved


@pytest.mark.requirement("A_19100-01", "A_22459")
@pytest.mark.code(4271)
async def test_the_counter_ends_one_session(clinic: Clinic) -> None:
    await clinic.qes.configure(SignatureSettings(comfort=True, comfort_max=3))
    first, other = await clinic.activate(1), await clinic.activate(2)
    await clinic.sign(first, 2)
    assert await code(clinic.sign(first, 2)) == 4271
    assert not clinic.qes.comfort.holds(first)
    assert len(clinic.verified) == 1
    await clinic.sign(other, 3)
    assert clinic.verified == []
    assert clinic.qes.comfort.info(other) is None
    assert await code(clinic.sign(other)) == 4271
    clinic.desk.types([clinic.pin])
    assert len((await clinic.sign(other, workplace="AP1")).values) == 1


@pytest.mark.requirement("A_19102-04")
@pytest.mark.code(4271)
async def test_the_cards_own_counter_ends_it(clinic: Clinic) -> None:
    session = await clinic.activate()
    for channel in clinic.desk.practice.lines[clinic.hba.handle].card._channels.values():
        channel.verified = dict.fromkeys(channel.verified, 1)
    await clinic.sign(session)
    assert await code(clinic.sign(session)) == 4271
    assert not clinic.qes.comfort.holds(session)


@pytest.mark.requirement("A_18686-01", "A_22352")
@pytest.mark.code(4271)
async def test_the_timer_ends_one_session(clinic: Clinic) -> None:
    clock = clinic.desk.practice.clock
    first = await clinic.activate(1)
    clock.advance(3 * HOUR)
    other = await clinic.activate(2)
    clock.advance(3 * HOUR)
    assert clinic.qes.comfort.info(first) is None
    await clinic.qes.comfort.tidy()
    assert len(clinic.verified) == 1
    assert await code(clinic.sign(first)) == 4271
    await clinic.sign(other)
    clock.advance(3 * HOUR)
    assert await code(clinic.sign(other)) == 4271
    assert clinic.verified == []


@pytest.mark.requirement("A_18686-01")
async def test_a_job_accepted_before_the_timers_end_is_finished(clinic: Clinic) -> None:
    session = await clinic.activate()
    comfort, clock = clinic.qes.comfort, clinic.desk.practice.clock

    def late(index: int) -> None:
        clinic.signed.append(index)
        if index == 0:
            clock.advance(7 * HOUR)
            comfort._look()

    job = clinic.job()
    job = type(job)(clinic.hba, session, "AP1", "ABC-477", clinic.key, job.stop, late)
    assert len((await clinic.qes.sign(job, digests(4))).values) == 4
    assert clinic.verified == []
    assert await code(clinic.sign(session)) == 4271


@pytest.mark.requirement("A_18686-01")
@pytest.mark.code(4271)
async def test_a_job_that_comes_too_late_leaves_one_accepted_before_alone(clinic: Clinic) -> None:
    session = await clinic.activate()
    late: list[asyncio.Task[int]] = []

    def end(index: int) -> None:
        clinic.signed.append(index)
        if index == 0:
            clinic.desk.practice.clock.advance(7 * HOUR)
            late.append(asyncio.get_running_loop().create_task(code(clinic.sign(session))))

    job = clinic.job()
    job = type(job)(clinic.hba, session, "AP1", "ABC-477", clinic.key, job.stop, end)
    assert len((await clinic.qes.sign(job, digests(4))).values) == 4
    assert await late[0] == 4271
    assert clinic.verified == []


@pytest.mark.requirement("A_19100-01")
async def test_the_last_signature_is_given_out_whoever_looks_meanwhile(clinic: Clinic) -> None:
    await clinic.qes.configure(SignatureSettings(comfort=True, comfort_max=2))
    session = await clinic.activate()
    looks: list[asyncio.Task[None]] = []

    def look(index: int) -> None:
        looks.append(asyncio.get_running_loop().create_task(clinic.qes.comfort.tidy()))

    job = clinic.job()
    job = type(job)(clinic.hba, session, "AP1", "ABC-477", clinic.key, job.stop, look)
    assert len((await clinic.qes.sign(job, digests(2))).values) == 2
    await asyncio.gather(*looks)
    assert clinic.verified == []


async def test_after_the_timers_end_nobody_looks_again_and_again_while_a_job_signs(clinic: Clinic) -> None:
    session = await clinic.activate()
    comfort = clinic.qes.comfort
    timers: list[object] = []

    def end(index: int) -> None:
        clinic.desk.practice.clock.advance(7 * HOUR)
        comfort._arm()
        timers.append(comfort._timer)

    job = clinic.job()
    job = type(job)(clinic.hba, session, "AP1", "ABC-477", clinic.key, job.stop, end)
    await clinic.qes.sign(job, digests(1))
    assert timers == [None]
    assert clinic.verified == []


@pytest.mark.requirement("A_19105")
@pytest.mark.code(4263)
async def test_switched_off_while_the_pin_is_typed_no_session_begins(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    remember = clinic.qes.comfort._users.remember

    async def meanwhile(user_id: str) -> None:
        await clinic.qes.configure(SignatureSettings())
        await remember(user_id)

    monkeypatch.setattr(clinic.qes.comfort._users, "remember", meanwhile)
    assert await code(clinic.activate()) == 4263
    assert clinic.verified == []
    assert not clinic.session().raised
    assert not clinic.qes.comfort.holds(clinic.session())


async def test_what_an_activation_leaves_at_the_card_is_asked_for_again(
    clinic: Clinic, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = clinic.desk.practice.lines[clinic.hba.handle]
    transmit = line.transmit

    async def broken(command: CommandApdu) -> ResponseApdu:
        raise CardTimeout("no answer")

    async def full(user_id: str) -> None:
        monkeypatch.setattr(line, "transmit", broken)
        raise StoreError("disk full")

    with monkeypatch.context() as store:
        store.setattr(clinic.qes.comfort._users, "remember", full)
        assert await code(clinic.activate()) == 4267
    assert len(clinic.verified) == 1
    monkeypatch.setattr(line, "transmit", transmit)
    await clinic.qes.comfort.tidy()
    assert clinic.verified == []


@pytest.mark.requirement("A_20073-01")
async def test_user_ids_used_at_the_same_time_are_all_kept(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    users, put = clinic.qes.comfort._users, clinic.desk.practice.store.put

    async def slowly(kind: str, key: str, body: dict[str, object]) -> None:
        await asyncio.sleep(0)
        await put(kind, key, body)

    monkeypatch.setattr(clinic.desk.practice.store, "put", slowly)
    await asyncio.gather(*(users.remember(user(number)) for number in (1, 2, 3)))
    assert await code(users.remember(user(1))) == 4270
    for number in (1, 2, 3):
        assert await code(users.require_new(user(number))) == 4270


@pytest.mark.requirement("A_19105")
@pytest.mark.pitfall(43)
async def test_deactivation_ends_all_sessions_of_the_card(clinic: Clinic) -> None:
    sessions = [await clinic.activate(number) for number in (1, 2)]
    await clinic.qes.comfort.deactivate(clinic.hba)
    assert clinic.verified == []
    for session in sessions:
        assert not clinic.qes.comfort.holds(session)
        assert not session.raised


async def test_deactivation_ends_a_job_under_way(clinic: Clinic) -> None:
    session = await clinic.activate()
    ends: list[asyncio.Task[None]] = []

    def now(index: int) -> None:
        if index == 1:
            ends.append(asyncio.get_running_loop().create_task(clinic.qes.comfort.deactivate(clinic.hba)))

    job = clinic.job()
    job = type(job)(clinic.hba, session, "AP1", "ABC-477", clinic.key, job.stop, now)
    assert await code(clinic.qes.sign(job, digests(40))) == 4271
    await asyncio.gather(*ends)
    assert clinic.verified == []


@pytest.mark.code(4268)
async def test_a_card_that_does_not_close_its_channel_is_asked_again(clinic: Clinic) -> None:
    await clinic.activate()
    line = clinic.desk.practice.lines[clinic.hba.handle]
    with_holder = clinic.hba.basic.turn
    async with with_holder:
        with with_holder.of_entry():
            assert await code(clinic.qes.comfort.deactivate(clinic.hba)) == 4268
    assert len(clinic.verified) == 1
    assert not clinic.qes.comfort.holds(clinic.session())
    await clinic.qes.comfort.tidy()
    assert clinic.verified == []
    assert line.card is not None


@pytest.mark.requirement("A_19105")
@pytest.mark.code(4263)
async def test_switched_off_all_sessions_end(clinic: Clinic) -> None:
    session = await clinic.activate()
    await clinic.qes.configure(SignatureSettings())
    assert clinic.verified == []
    assert not clinic.qes.comfort.holds(session)
    assert await code(clinic.activate()) == 4263


async def test_a_reset_card_has_no_session_any_more(clinic: Clinic) -> None:
    session = await clinic.activate()
    clinic.desk.practice.lines[clinic.hba.handle].card.reset()
    assert await code(clinic.sign(session)) == 4271
    assert not clinic.qes.comfort.holds(session)
    clinic.desk.types([clinic.pin])
    await clinic.sign(session, workplace="AP1")


async def test_a_pulled_card_has_no_session_any_more(clinic: Clinic) -> None:
    session = await clinic.activate()
    clinic.desk.practice.cards.remove(clinic.hba.ct_id, clinic.hba.slot)
    assert clinic.qes.comfort.info(session) is None
    await clinic.qes.comfort.tidy()


@pytest.mark.code(4267)
async def test_what_fails_after_the_pin(clinic: Clinic, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(kind: str, key: str, body: object) -> None:
        raise StoreError("disk full")

    with monkeypatch.context() as broken:
        broken.setattr(clinic.desk.practice.store, "put", full)
        assert await code(clinic.activate()) == 4267
    assert clinic.verified == []
    assert not clinic.session().raised


@pytest.mark.code(4274)
async def test_only_an_hba(clinic: Clinic) -> None:
    smcb: Card = await clinic.desk.smcb()
    session = smcb.session(clinic.context())
    assert await code(clinic.qes.comfort.activate(smcb, session, "AP1")) == 4274


async def test_jobs_at_the_same_time_wait_for_each_other(clinic: Clinic) -> None:
    sessions = [await clinic.activate(number) for number in (1, 2)]
    results = await asyncio.gather(*(clinic.sign(session, 3) for session in sessions * 2))
    assert [len(result.values) for result in results] == [3] * 4


async def test_stopped_jobs_keep_nothing_and_the_session_goes_on(clinic: Clinic) -> None:
    session = await clinic.activate()
    job = clinic.job()
    job = type(job)(clinic.hba, session, "AP1", "ABC-477", clinic.key, job.stop, lambda index: job.stop.turn())
    assert (await clinic.qes.sign(job, digests(3))).values == ()
    await clinic.sign(session)


@pytest.mark.parametrize("seed", range(6))
async def test_interleaved_steps_leave_what_the_model_says(clinic: Clinic, seed: int) -> None:
    """Two users, random steps at once: afterwards exactly the sessions that should be are raised at the card."""
    random, clock, comfort = Random(seed), clinic.desk.practice.clock, clinic.qes.comfort
    await clinic.qes.configure(SignatureSettings(comfort=True, comfort_max=5, comfort_hours=1))
    fresh = iter(range(100, 200))
    live: dict[int, CardSession] = {}

    async def step(number: int) -> None:
        try:
            match random.choice(("activate", "sign", "sign", "off", "wait")):
                case "activate":
                    context = CallContext("M1", f"CS{number}", "AP1", user(next(fresh)))
                    clinic.desk.types([clinic.pin])
                    session = clinic.hba.session(context)
                    await comfort.activate(clinic.hba, session, "AP1")
                    live[number] = session
                case "sign" if number in live and comfort.holds(live[number]):
                    await clinic.sign(live[number], random.randint(1, 3))
                case "off":
                    await comfort.deactivate(clinic.hba)
                case "wait":
                    clock.advance(random.choice((60, HOUR / 2, HOUR)))
                    await comfort.tidy()
        except KonnektorError as error:
            assert error.code in (4268, 4271, 4278, 4093)  # noqa: PT017

    for _ in range(12):
        await asyncio.gather(step(1), step(2))
        await comfort.tidy()
        open_now = [s for s in clinic.hba.sessions.values() if comfort.info(s) is not None]
        assert len(clinic.verified) == len(open_now)
        assert [s for s in clinic.hba.sessions.values() if s.raised] == open_now
        assert not clinic.hba.reserved


async def test_no_secret_and_no_user_id_in_logs(clinic: Clinic, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="tiaas")
    session = await clinic.activate()
    await clinic.sign(session, 2)
    await clinic.qes.comfort.deactivate(clinic.hba)
    told = caplog.text + repr(clinic.qes.comfort._users.__dict__) + repr(session) + repr(clinic.desk.events)
    for secret in (clinic.pin, user(1)):
        assert secret not in told
