"""Job numbers, StopSignature, and how a stack ends early (TIP1-A_5666-02, TIP1-A_5667, TIP1-A_4671, TAB_KON_192)."""

import asyncio
import re
from dataclasses import replace

import pytest

from tests.integration.signature.office import TEXT, Office, impatient, wish
from tests.integration.signature.stacks import STACK, After, stack
from tiaas.card.ssec import encode_ssec
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.konnektor.cardmap import PIN_QES, PINS, Folder
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.opstate import Condition
from tiaas.lab.faults import Fault, Service
from tiaas.terminal.virtual.terminal import PinMode, PinPolicy

pytestmark = pytest.mark.asyncio(loop_scope="session")


@pytest.mark.requirement("TIP1-A_5667", "TIP1-A_4642", "TIP1-A_4643", "TIP1-A_4644", "TIP1-A_4645")
@pytest.mark.pitfall(34)
async def test_job_numbers(office: Office) -> None:
    message = v7_5.GetJobNumber(context=office.call_context(user=None))
    numbers = [(await office.call(message)).job_number for _ in range(1000)]
    assert len(set(numbers)) == 1000
    assert all(re.fullmatch("[A-Z]{3}-[0-9]{3}", number) for number in numbers)
    used = office.sign(wish(TEXT), job_number=numbers[-1])
    await office.call(used)


@pytest.mark.code(4243)
async def test_an_unknown_job(office: Office) -> None:
    message = v7_5.StopSignature(context=office.call_context(), job_number=office.number())
    assert await office.code_of(message) == 4243


@pytest.mark.code(4000)
async def test_a_job_number_for_nobody(office: Office) -> None:
    stranger = office.call_context(mandant_id="nobody")
    assert await office.code_of(v7_5.GetJobNumber(context=stranger)) == 4000


@pytest.mark.requirement("TIP1-A_5666-02", "TIP1-A_4671")
@pytest.mark.code(4000, 4049)
@pytest.mark.pitfall(9)
@pytest.mark.parametrize("kind", [CardType.SMC_B, CardType.HBA])
async def test_a_stack_of_250_is_stopped_while_it_is_signed(office: Office, kind: CardType) -> None:
    """TAB_KON_192 no. 5: the part is discarded, and here it is the only one. Others cannot stop it."""
    message = office.sign(*stack(STACK), kind=kind)
    after = After(office, 3)
    job = asyncio.create_task(office.call(message))
    await after.wait()
    stop = v7_5.StopSignature(context=office.call_context(user=None), job_number=message.job_number or "")
    stranger = office.call_context(mandant_id="nobody")
    assert await office.code_of(v7_5.StopSignature(context=stranger, job_number=stop.job_number)) == 4000
    office.events.clear()
    await office.call(stop)
    with pytest.raises(KonnektorError) as ended:
        await job
    assert ended.value.code == 4049
    assert sum(event.topic == Topic.SIGN_NEXT_SUCCESSFUL for event in office.events) <= 2
    assert not office.card(kind).reserved
    assert await office.code_of(stop) == 4243


@pytest.mark.requirement("TIP1-A_5666-02", "TIP1-A_4671")
@pytest.mark.code(4093)
@pytest.mark.parametrize("count", [1, 2])
async def test_stopped_while_the_pin_is_asked_for(office: Office, count: int) -> None:
    """TAB_KON_192 no. 3: nobody waits for the terminal; the card does, and says so to the next job."""
    message = office.sign(*stack(count), kind=CardType.HBA)
    office.events.clear()
    card = office.card(CardType.HBA)
    terminal = office.run.lab.terminal(card.ct_id).virtual
    pin = office.run.lab.cards.get(card.data.iccsn or "").pins()[PIN_QES]
    policy, terminal.pin_policy = terminal.pin_policy, PinPolicy(PinMode.MANUAL)
    try:
        job = asyncio.create_task(office.call(message))
        await office.until(lambda: any(event.topic == Topic.PIN_VERIFY_STARTED for event in office.events))
        await office.until(lambda: bool(terminal.snapshot().prompt))
        await office.call(v7_5.StopSignature(context=office.call_context(), job_number=message.job_number or ""))
        with pytest.raises(KonnektorError) as ended:
            await job
        assert ended.value.code == 4049
        assert not any(event.topic == Topic.PIN_VERIFY_FINISHED for event in office.events), "the prompt still stands"
        with pytest.raises(KonnektorError) as busy:
            await office.call(office.sign(wish(TEXT, "text/plain"), kind=CardType.HBA))
        assert (busy.value.code, "PIN-Eingabe" in busy.value.detail) == (4093, True)
        for key in (*pin.reveal().decode(), "ok"):
            terminal.press(key)
        await office.until(lambda: not card.reserved)
    finally:
        terminal.pin_policy = policy
    assert not any(event.topic == Topic.SIGN_NEXT_SUCCESSFUL for event in office.events), "typed, and not used"
    await office.call(office.sign(wish(TEXT, "text/plain"), kind=CardType.HBA))


def parts_of(office: Office, card: Card, count: int) -> None:
    """One PIN entry pays for `count` signatures of that HBA."""
    image = office.run.lab.cards.get(card.data.iccsn or "").card.image
    reference = PINS[CardType.HBA][PIN_QES].ref & 0x7F
    image.files["MF/DF.QES/EF.SSEC"] = encode_ssec(Folder.QES.value, reference, {1: 1, 2: count})
    card.forget("ssec")


@pytest.mark.requirement("TIP1-A_4671", "TIP1-A_4651-02")
async def test_each_part_has_its_pin_entry_and_a_cancelled_one_keeps_what_is_signed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """TAB_KON_192 no. 1, 4: the documents of the finished parts are answered, without an error."""
    card = office.card(CardType.HBA)
    parts_of(office, card, 2)
    impatient(monkeypatch)
    try:
        office.events.clear()
        answer = await office.call(office.sign(*stack(5), kind=CardType.HBA))
        assert len(answer.sign_response) == 5
        assert sum(event.topic == Topic.PIN_VERIFY_STARTED for event in office.events) == 3
        for keys in ("cancel", "timeout"):
            office.run.lab.faults.add(Fault(Service.KEYPAD, code=keys, skip=1))
            answer = await office.call(office.sign(*stack(5), kind=CardType.HBA))
            assert [each.request_id for each in answer.sign_response] == ["R0", "R1"]
    finally:
        office.run.lab.faults.clear()
        parts_of(office, card, STACK)


@pytest.mark.requirement("TIP1-A_4671")
async def test_stopped_while_a_later_part_is_signed(office: Office) -> None:
    """TAB_KON_192 no. 5: the current part is discarded, those before stay."""
    card = office.card(CardType.HBA)
    parts_of(office, card, 2)
    try:
        message = office.sign(*stack(6), kind=CardType.HBA)
        after = After(office, 3)
        job = asyncio.create_task(office.call(message))
        await after.wait()
        await office.call(v7_5.StopSignature(context=office.call_context(), job_number=message.job_number or ""))
        answer = await job
        assert [each.request_id for each in answer.sign_response] == ["R0", "R1"]
    finally:
        parts_of(office, card, STACK)


@pytest.mark.requirement("TIP1-A_4671", "TIP1-A_4539")
@pytest.mark.code(4094)
async def test_a_card_pulled_in_the_middle_leaves_nothing(office: Office) -> None:
    """TAB_KON_192 no. 7."""
    card = office.card(CardType.HBA)
    message = office.sign(*stack(20), kind=CardType.HBA)
    after = After(office, 3)
    job = asyncio.create_task(office.call(message))
    await after.wait()
    terminal = office.run.lab.terminal(card.ct_id)
    iccsn = terminal.eject(card.slot)
    try:
        with pytest.raises(KonnektorError) as ended:
            await job
        assert ended.value.code == 4094
    finally:
        terminal.insert(card.slot, office.run.lab.cards.get(iccsn))
        await office.until(lambda: any(each.card_type is CardType.HBA for each in office.context.cards))
    await office.call(office.sign(wish(TEXT, "text/plain"), kind=CardType.HBA))


@pytest.mark.requirement("TIP1-A_4671", "TIP1-A_4651-02")
@pytest.mark.code(4094)
@pytest.mark.parametrize("finished", [0, 1])
@pytest.mark.parametrize("rest", ["cancel", "pin"])
async def test_a_card_pulled_while_its_pin_is_asked_for_leaves_nothing(
    office: Office, finished: int, rest: str
) -> None:
    """TAB_KON_192 no. 7, at once: the terminal goes on asking, and whatever is typed then, no part is answered."""
    card = office.card(CardType.HBA)
    parts_of(office, card, 2)
    terminal = office.run.lab.terminal(card.ct_id)
    pad = terminal.virtual
    keys = (*office.run.lab.cards.get(card.data.iccsn or "").pins()[PIN_QES].reveal().decode(), "ok")
    policy, pad.pin_policy = pad.pin_policy, PinPolicy(PinMode.MANUAL)
    office.events.clear()
    job = asyncio.create_task(office.call(office.sign(*stack(5), kind=CardType.HBA)))
    iccsn = ""
    try:
        await office.until(lambda: bool(pad.snapshot().prompt))
        if finished:
            for key in keys:
                pad.press(key)
            asked = Topic.PIN_VERIFY_STARTED
            await office.until(lambda: sum(event.topic == asked for event in office.events) == 2)
            await office.until(lambda: bool(pad.snapshot().prompt))
        iccsn = terminal.eject(card.slot)
        with pytest.raises(KonnektorError) as ended:
            await job
        assert ended.value.code == 4094
        assert bool(pad.snapshot().prompt), "it stands until somebody answers it"
        for key in keys if rest == "pin" else ("cancel",):
            pad.press(key)
        await office.until(lambda: not pad.snapshot().prompt)
    finally:
        pad.pin_policy = policy
        if iccsn:
            terminal.insert(card.slot, office.run.lab.cards.get(iccsn))
        await office.until(lambda: any(each.card_type is CardType.HBA for each in office.context.cards))
        parts_of(office, office.card(CardType.HBA), STACK)
    await office.call(office.sign(*stack(2), kind=CardType.HBA))


@pytest.mark.code(4085)
@pytest.mark.pitfall(38)
@pytest.mark.requirement("TIP1-A_4648", "TIP1-A_4644")
async def test_an_smb_that_was_pulled_wants_its_pin_again(office: Office) -> None:
    """Nobody is asked for PIN.SMC: 4085 tells the Primärsystem to do that, and to repeat the call, number and all."""
    card = office.card(CardType.SMC_B)
    terminal = office.run.lab.terminal(card.ct_id)
    iccsn = terminal.eject(card.slot)
    terminal.insert(card.slot, office.run.lab.cards.get(iccsn))
    kind = CardType.SMC_B
    await office.until(lambda: any(each.card_type is kind and each is not card for each in office.context.cards))
    office.events.clear()
    message = office.sign(wish(TEXT))
    assert await office.code_of(message) == 4085
    assert not any(event.topic == Topic.PIN_VERIFY_STARTED for event in office.events)
    await office.unlock()
    await office.call(message)
    assert await office.code_of(message) == 4252


@pytest.mark.requirement("TIP1-A_5033", "TIP1-A_4597")
async def test_misuse_counts_what_an_smb_signs_and_not_what_an_hba_does(office: Office) -> None:
    watch = office.instance.health.misuse
    watch.reset()
    watch.alarm_values["SignDocument"] = 2
    kinds = (CardType.HBA, CardType.HBA, CardType.SMC_B)
    messages = [office.sign(wish(TEXT, "text/plain"), kind=kind) for kind in kinds]
    for message in messages:
        watch.done(watch.begin(), message, object())
    assert not office.context.opstate.holds(Condition.CRYPTOPERATION_ALARM)
    watch.done(watch.begin(), messages[-1], object())
    assert office.context.opstate.holds(Condition.CRYPTOPERATION_ALARM)
    watch.reset()
    watch.alarm_values["SignDocument"] = 41


@pytest.mark.event("LOG/CRYPTO_OP")
@pytest.mark.requirement("TIP1-A_4712")
async def test_successful_operations_are_logged_on_demand(office: Office) -> None:
    watch, settings = office.instance.health.misuse, office.context.protocol.settings
    message = office.sign(wish(TEXT, "text/plain"), kind=CardType.HBA)
    office.events.clear()
    watch.done(watch.begin(), message, object())
    await office.context.protocol.configure(replace(settings, crypto_operations=True))
    watch.done(watch.begin(), message, object())
    await office.context.protocol.configure(settings)
    (event,) = [event for event in office.events if event.topic == Topic.LOG_CRYPTO_OP]
    told = dict(event.parameters)
    assert (told["Operation"], told["Keyref"], told["CARD_HANDLE"]) == ("SignDocument", "C.QES", message.card_handle)
    assert not event.deliver
