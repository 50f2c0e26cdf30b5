"""Signatures with an HBA: environment 1 for one document, the SAK's channel for stacks (TUC_KON_150, 154, 168)."""

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from tests.integration.konnektor_core.desk import CT_DESK, CT_SERVER
from tests.integration.konnektor_core.surgeon import PIN_QES, Surgeon
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.objsys.hba import AID_QES
from tiaas.card.objsys.hba import PIN_QES as REF
from tiaas.card.ssec import encode_ssec
from tiaas.konnektor.cardmap import Folder
from tiaas.konnektor.config import SignatureSettings, SimpleMode
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.pinstates import PinState
from tiaas.konnektor.qesfolder import leave_qes_folder
from tiaas.konnektor.qesjob import QesJob, StackResult
from tiaas.konnektor.qesstack import StackEnd
from tiaas.konnektor.sessions import AuthValue, CallContext
from tiaas.pki.prehashed import is_signature
from tiaas.terminal.errors import PinEntryCancelled, PinEntryTimeout

TIMEOUT, CANCEL = PinEntryTimeout("PERFORM", 0x6400), PinEntryCancelled("PERFORM", 0x6401)
SELECT_QES = commands.select_aid(AID_QES)
WRONG = "000000"


def digests(count: int) -> list[list[bytes]]:
    return [[bytes([number + 1]) * 32] for number in range(count)]


def genuine(surgeon: Surgeon, result: StackResult, documents: list[list[bytes]]) -> None:
    """The signatures are of the first documents, in order."""
    key, scheme = surgeon.key.public_key, surgeon.key.scheme
    for values, hashes in zip(result.values, documents, strict=False):
        assert len(values) == len(hashes)
        assert all(is_signature(key, v, d, scheme) for v, d in zip(values, hashes, strict=True))


async def code(work: Awaitable[object]) -> int:
    with pytest.raises(KonnektorError) as caught:
        await work
    return caught.value.code


async def at_rest(surgeon: Surgeon, job: QesJob) -> None:
    """DF.QES is left, nothing is raised or reserved, PIN.QES pays for no further signature."""
    assert PIN_QES not in job.session.auth_state
    assert not surgeon.hba.reserved
    assert not surgeon.desk.taken
    async with job.session.use() as channel:
        await channel.transmit(SELECT_QES)
        await channel.transmit(commands.mse_private_sign(0x86, 0))
        assert (await channel.transmit(commands.pso_compute_signature(bytes(32)))).sw == 0x6982
        await channel.transmit(commands.select_mf())
        channel.forget()


@pytest.mark.requirement("TIP1-A_4652-02", "TIP1-A_4639", "TIP1-A_4640")
async def test_one_document_in_environment_1() -> None:
    surgeon = await Surgeon.make()
    job, documents = surgeon.job(), digests(1)
    surgeon.desk.types([surgeon.pin])
    result = await surgeon.qes.sign(job, documents)
    assert result.end is StackEnd.COMPLETE
    genuine(surgeon, result, documents)
    assert surgeon.signed == [0]
    (shown,) = surgeon.desk.pads[CT_SERVER].prompts
    assert shown.prompt == "#ABC-475 \x0bEingabe \x0bSignatur-PIN \x0bHBA\x0fPIN.QES:"
    assert not any(command.cla & 0x0C == 0x0C for command in surgeon.desk.carried)
    topics = [str(event.topic) for event in surgeon.desk.events]
    assert topics[-2:] == ["CARD/PIN/VERIFY_STARTED", "CARD/PIN/VERIFY_FINISHED"]
    await at_rest(surgeon, job)


@pytest.mark.requirement("TIP1-A_4651-02", "TIP1-A_4670", "TIP1-A_5664", "TIP1-A_4669")
@pytest.mark.parametrize("workplace", ["AP1", "AP2"])
async def test_a_stack_goes_through_the_secure_channel(workplace: str) -> None:
    surgeon = await Surgeon.make()
    job, documents = surgeon.job(workplace), digests(3)
    documents[1].append(b"\x77" * 32)
    surgeon.desk.types([surgeon.pin])
    result = await surgeon.qes.sign(job, documents)
    assert result.end is StackEnd.COMPLETE
    assert [len(values) for values in result.values] == [1, 2, 1]
    genuine(surgeon, result, documents)
    assert surgeon.signed == [0, 1, 2]
    plain = [command for command in surgeon.desk.carried if command.cla & 0x0C != 0x0C]
    assert not any(command.data in (d for document in documents for d in document) for command in plain)
    assert not any((command.p1, command.p2) == (0x9E, 0x9A) for command in plain if command.ins == 0x2A)
    pad = surgeon.desk.pads[CT_SERVER if workplace == "AP1" else CT_DESK]
    assert [prompts.prompt[:8] for prompts in pad.prompts] == ["#ABC-475"]
    assert pad.shown == ["PIN \x0berfolgreich \x0bverifiziert!"]
    await at_rest(surgeon, job)


@pytest.mark.requirement("TIP1-A_4651-02")
async def test_nothing_selects_another_folder_between_pin_and_last_signature() -> None:
    surgeon = await Surgeon.make()
    job = surgeon.job()
    surgeon.desk.types([surgeon.pin])
    surgeon.desk.carried.clear()
    await surgeon.qes.sign(job, digests(2))
    async with job.session.use() as channel:
        number = channel.number
    own = [c for c in surgeon.desk.carried if c.cla & 0x03 == number]
    selects = [at for at, command in enumerate(own) if command.ins == 0xA4]
    signs = [at for at, command in enumerate(own) if command.ins == 0x2A and command.p1 == 0x9E]
    assert len(selects) == 2
    assert selects[0] < signs[0] < signs[-1] < selects[1]


async def test_simple_mode_2_takes_the_secure_channel_for_one_document_too() -> None:
    surgeon = await Surgeon.make(SignatureSettings(simple_mode=SimpleMode.SE2))
    surgeon.desk.types([surgeon.pin])
    surgeon.desk.carried.clear()
    documents = digests(1)
    result = await surgeon.qes.sign(surgeon.job(), documents)
    genuine(surgeon, result, documents)
    signs = [c for c in surgeon.desk.carried if c.ins == 0x2A and c.p1 == 0x9E]
    assert [command.cla & 0x0C for command in signs] == [0x0C]


def pays_for(surgeon: Surgeon, count: int) -> None:
    """EF.SSEC says that one PIN entry pays for so many signatures."""
    image = surgeon.desk.practice.personalised[surgeon.hba.handle].image
    image.files["MF/DF.QES/EF.SSEC"] = encode_ssec(AID_QES, REF, {1: 1, 2: count})


async def test_part_stacks_have_a_pin_entry_each() -> None:
    surgeon = await Surgeon.make()
    pays_for(surgeon, 2)
    surgeon.desk.types([surgeon.pin] * 3)
    documents = digests(5)
    result = await surgeon.qes.sign(surgeon.job(), documents)
    assert (len(result.values), result.end) == (5, StackEnd.COMPLETE)
    genuine(surgeon, result, documents)
    assert len(surgeon.desk.pads[CT_SERVER].prompts) == 3


@pytest.mark.parametrize(
    ("entries", "end"),
    [
        ([TIMEOUT], StackEnd.PIN_TIMEOUT),
        ([CANCEL], StackEnd.CANCELLED),
    ],
)
async def test_what_ends_a_later_part_keeps_the_finished_ones(entries: list[str | Exception], end: StackEnd) -> None:
    """TAB_KON_192 no. 1 and 4."""
    surgeon = await Surgeon.make()
    pays_for(surgeon, 2)
    job, documents = surgeon.job(), digests(5)
    surgeon.desk.types([surgeon.pin, *entries])
    result = await surgeon.qes.sign(job, documents)
    assert (len(result.values), result.end) == (2, end)
    genuine(surgeon, result, documents)
    await at_rest(surgeon, job)


async def test_a_pin_blocked_meanwhile_keeps_the_finished_parts() -> None:
    """TAB_KON_192 no. 2; a wrong PIN in between is no. 7."""
    surgeon = await Surgeon.make()
    pays_for(surgeon, 1)
    image = surgeon.desk.practice.personalised[surgeon.hba.handle].image
    job, documents = surgeon.job(), digests(3)

    def last_try(index: int) -> None:
        image.passwords["MF/DF.QES/PIN.QES"].retry_counter = 1

    job = QesJob(job.card, job.session, job.workplace_id, job.number, job.key, on_signed=last_try)
    surgeon.desk.types([surgeon.pin, WRONG])
    result = await surgeon.qes.sign(job, documents)
    assert (len(result.values), result.end) == (1, StackEnd.PIN_BLOCKED)
    await at_rest(surgeon, job)
    surgeon.desk.types([surgeon.pin])
    assert await code(surgeon.qes.sign(surgeon.job(), digests(2))) == 4063


async def test_stopped_while_signing_drops_the_current_part() -> None:
    """TAB_KON_192 no. 5."""
    surgeon = await Surgeon.make()
    pays_for(surgeon, 2)
    job = surgeon.job()

    def stop(index: int) -> None:
        if index == 2:
            job.stop.turn()

    job = QesJob(job.card, job.session, job.workplace_id, job.number, job.key, job.stop, stop)
    surgeon.desk.types([surgeon.pin, surgeon.pin])
    result = await surgeon.qes.sign(job, digests(5))
    assert (len(result.values), result.end) == (2, StackEnd.STOPPED)
    await at_rest(surgeon, job)


@pytest.mark.parametrize(
    ("entry", "expected"),
    [
        pytest.param(TIMEOUT, 4043, marks=pytest.mark.code(4043)),
        pytest.param(CANCEL, 4049, marks=pytest.mark.code(4049)),
        pytest.param(WRONG, 4085, marks=pytest.mark.code(4085)),
    ],
)
@pytest.mark.parametrize("count", [1, 2])
async def test_without_the_pin_nothing_is_signed(entry: str | Exception, expected: int, count: int) -> None:
    surgeon = await Surgeon.make()
    job = surgeon.job()
    surgeon.desk.types([entry])
    assert await code(surgeon.qes.sign(job, digests(count))) == expected
    assert surgeon.signed == []
    await at_rest(surgeon, job)


async def test_a_card_pulled_while_signing_drops_everything() -> None:
    """TAB_KON_192 no. 7."""
    surgeon = await Surgeon.make()
    pays_for(surgeon, 1)
    line = surgeon.desk.practice.lines[surgeon.hba.handle]
    job = surgeon.job()

    def pull(index: int) -> None:
        line.pulled = index == 1

    job = QesJob(job.card, job.session, job.workplace_id, job.number, job.key, on_signed=pull)
    surgeon.desk.types([surgeon.pin] * 3)
    assert await code(surgeon.qes.sign(job, digests(3))) in (4053, 4094)
    assert not surgeon.hba.reserved
    assert not surgeon.desk.taken


async def test_terminal_or_card_in_use() -> None:
    surgeon = await Surgeon.make()
    surgeon.desk.taken.add(CT_SERVER)
    assert await code(surgeon.qes.sign(surgeon.job(), digests(1))) == 4060
    surgeon.desk.taken.clear()
    async with surgeon.hba.reserve():
        with pytest.raises(KonnektorError):
            surgeon.job()
    assert not surgeon.hba.reserved


async def test_without_a_sak_there_are_no_stacks() -> None:
    surgeon = await Surgeon.make(with_sak=False)
    surgeon.desk.types([surgeon.pin])
    assert await code(surgeon.qes.sign(surgeon.job(), digests(2))) == 4056
    assert (await surgeon.qes.sign(surgeon.job(), digests(1))).end is StackEnd.COMPLETE


async def test_other_pin_use_goes_on_as_before() -> None:
    """PIN.CH stays verified in the session that signs; PIN.QES does not show up as verified."""
    surgeon = await Surgeon.make()
    desk, job = surgeon.desk, surgeon.job()
    desk.types([desk.secret(surgeon.hba, "PIN.CH"), surgeon.pin])
    await desk.pins.verify(surgeon.hba, job.session, "AP1", "PIN.CH")
    await surgeon.qes.sign(job, digests(2))
    assert (await desk.pins.status(surgeon.hba, job.session, "PIN.CH")).state is PinState.VERIFIED
    assert (await desk.pins.status(surgeon.hba, job.session, PIN_QES)).state is PinState.VERIFIABLE


async def test_who_waits_no_more_for_the_folder_to_be_left_gives_the_channel_up(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    surgeon = await Surgeon.make()
    session = surgeon.job().session
    async with session.use() as channel:
        await channel.select(Folder.QES)
        session.auth_state[PIN_QES] = AuthValue.VERIFIED

        async def silent(command: CommandApdu) -> ResponseApdu:
            raise asyncio.CancelledError

        monkeypatch.setattr(channel, "transmit", silent)
        with pytest.raises(asyncio.CancelledError):
            await leave_qes_folder(session, channel)
    assert channel.closed
    assert session.channel is None
    assert not session.raised


@pytest.mark.code(4092)
async def test_the_terminal_is_that_of_the_mandant_who_asks() -> None:
    """Mandanten share the session of an HBA (C1 to C3); at AP2 only M1 has a terminal for remote entries."""
    surgeon = await Surgeon.make()
    session = surgeon.hba.session(CallContext("M2", "CS1", "AP2", "U1"))
    job = QesJob(surgeon.hba, session, "AP2", "ABC-475", surgeon.key)
    surgeon.desk.types([surgeon.pin])
    assert await code(surgeon.qes.sign(job, digests(1))) == 4092
    assert surgeon.hba.session(CallContext("M1", "CS1", "AP2", "U1")) is session
    documents = digests(1)
    genuine(surgeon, await surgeon.qes.sign(replace(job, mandant_id="M1"), documents), documents)
