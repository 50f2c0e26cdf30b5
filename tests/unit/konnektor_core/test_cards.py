"""Handles, sessions, channels, locks and caches of inserted cards."""

import asyncio
from datetime import UTC, datetime

import pytest

from tests.unit.konnektor_core.scripted import ScriptedCard, sw
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardGone
from tiaas.konnektor.cardmap import EF_PD, EF_VD
from tiaas.konnektor.cards import IDLE_SESSIONS_MAX, Card, CardData, CardList
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sessions import AuthValue, CallContext

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
ICCSN = "80276883110000017222"


def card_list() -> CardList:
    return CardList(ManualClock(START), SeededEntropy(b"cards"))


def put(cards: CardList, card_type: CardType, slot: int = 1, line: ScriptedCard | None = None, ct: str = "CT1") -> Card:
    return cards.insert(ct, slot, CardData(card_type), line or ScriptedCard())


def call(mandant: str = "M1", client: str = "CS1", workplace: str = "AP1", user: str | None = None) -> CallContext:
    return CallContext(mandant, client, workplace, user)


def code_of(caught: "pytest.ExceptionInfo[KonnektorError]") -> int:
    return caught.value.code


@pytest.mark.pitfall(23, 55)
def test_handles_are_never_given_twice_and_die_with_the_card() -> None:
    cards = card_list()
    seen = set()
    card = put(cards, CardType.EGK)
    for _ in range(200):
        card = put(cards, CardType.EGK)
        assert card.handle not in seen
        seen.add(card.handle)
    assert len(list(cards)) == 1
    cards.remove("CT1", 1)
    with pytest.raises(KonnektorError) as caught:
        cards.get(card.handle)
    assert code_of(caught) == 4008
    assert cards.fact_of(card.handle) is None


@pytest.mark.pitfall(25)
def test_cards_come_in_the_order_of_terminal_and_slot() -> None:
    cards = card_list()
    for ct, slot in (("CT2", 1), ("CT1", 3), ("CT1", 1)):
        put(cards, CardType.EGK, slot, ct=ct)
    assert [(card.ct_id, card.slot) for card in cards] == [("CT1", 1), ("CT1", 3), ("CT2", 1)]


def test_c4_the_same_card_elsewhere_replaces_the_old_entry() -> None:
    removed: list[str] = []
    cards = card_list()
    cards.on_removed = lambda card: removed.append(card.handle)
    old = cards.insert("CT1", 1, CardData(CardType.EGK, iccsn=ICCSN), ScriptedCard())
    new = cards.insert("CT2", 1, CardData(CardType.EGK, iccsn=ICCSN), ScriptedCard())
    assert list(cards) == [new]
    assert removed == [old.handle]
    assert old.removed


def test_losing_a_terminal_removes_its_cards_while_they_can_still_be_asked_for() -> None:
    cards = card_list()
    first, second = put(cards, CardType.EGK, 1), put(cards, CardType.SMC_B, 2)
    other = put(cards, CardType.HBA, 1, ct="CT2")
    found: list[bool] = []
    cards.on_removed = lambda card: found.append(cards.find(card.handle) is card)
    cards.remove_terminal("CT1")
    assert found == [True, True]
    assert first.removed
    assert second.removed
    assert list(cards) == [other]


@pytest.mark.pitfall(51)
@pytest.mark.requirement("TIP1-A_4566")
@pytest.mark.pitfall(12)
def test_sessions_are_keyed_as_the_specification_says() -> None:
    cards = card_list()
    egk, smb, hba = put(cards, CardType.EGK, 1), put(cards, CardType.SMC_B, 2), put(cards, CardType.HBA, 3)
    # C1: one session of an eGK, whoever asks.
    assert egk.session(call()) is egk.session(call("M2", "CS2", "AP2", "U2"))
    assert egk.fact().egk_workplaces == ("AP1",)
    # C3: SM-B by Mandant; Clientsystem, workplace and userId play no part.
    assert smb.session(call()) is smb.session(call("M1", "CS2", "AP2", "U9"))
    assert smb.session(call()) is not smb.session(call("M2"))
    # C2: HBAx by Clientsystem and userId.
    assert hba.session(call(user="U1")) is hba.session(call("M2", "CS1", "AP2", "U1"))
    assert hba.session(call(user="U1")) is not hba.session(call(user="U2"))
    assert hba.session(call(user="U1")) is not hba.session(call(client="CS2", user="U1"))
    # C16.
    with pytest.raises(ValueError, match="C16"):
        hba.session(call())


def test_facts_tell_raised_sessions() -> None:
    hba = put(card_list(), CardType.HBA)
    hba.session(call(user="U1")).auth_state["PIN.CH"] = AuthValue.VERIFIED
    hba.session(call(user="U2"))
    assert [(fact.user_id, fact.raised) for fact in hba.fact().hba_sessions] == [("U1", True), ("U2", False)]


def test_invented_users_do_not_fill_the_memory() -> None:
    hba = put(card_list(), CardType.HBA)
    kept = hba.session(call(user="U"))
    kept.auth_state["PIN.CH"] = AuthValue.VERIFIED
    for number in range(3 * IDLE_SESSIONS_MAX):
        hba.session(call(user=f"X{number}"))
    assert len(hba.sessions) <= IDLE_SESSIONS_MAX + 1
    assert hba.session(call(user="U")) is kept


def test_a_session_used_lately_is_not_dropped_for_one_more_user() -> None:
    """A call under way has no channel yet; dropped now, it would raise a PIN in a session that nobody finds again."""
    hba = put(card_list(), CardType.HBA)
    kept = hba.session(call(user="U"))
    for number in range(IDLE_SESSIONS_MAX - 1):
        hba.session(call(user=f"X{number}"))
    assert hba.session(call(user="U")) is kept
    for number in range(IDLE_SESSIONS_MAX - 1):
        hba.session(call(user=f"Y{number}"))
    assert hba.find_session(call(user="U")) is kept


# ---- channels


async def channel_of(card: Card, context: CallContext) -> int:
    async with card.session(context).use() as channel:
        return channel.number


@pytest.mark.requirement("TIP1-A_4560")
async def test_each_session_has_a_channel_of_its_own_and_an_egk_the_basic_one() -> None:
    cards = card_list()
    smb, egk = put(cards, CardType.SMC_B, 1), put(cards, CardType.EGK, 2)
    assert [await channel_of(smb, call(f"M{n}")) for n in (1, 2, 3)] == [1, 2, 3]
    assert await channel_of(smb, call("M2")) == 2
    assert await channel_of(egk, call()) == 0


async def test_commands_carry_the_channel() -> None:
    line = ScriptedCard()
    smb = put(card_list(), CardType.SMC_B, line=line)
    await channel_of(smb, call("M1"))
    async with smb.session(call("M2")).use() as channel:
        await channel.transmit(CommandApdu(0x00, 0x84, 0, 0, ne=16))
    assert line.sent[-1].cla == 0x02


async def test_without_a_free_channel_the_basic_one_then_an_unraised_one_then_4093() -> None:
    line = ScriptedCard(channels=3)
    smb = put(card_list(), CardType.SMC_B, line=line)
    for number, mandant in enumerate(("M1", "M2"), start=1):
        assert await channel_of(smb, call(mandant)) == number
        smb.session(call(mandant)).auth_state["PIN.SMC"] = AuthValue.VERIFIED
    assert await channel_of(smb, call("M3")) == 0
    smb.session(call("M3")).auth_state["PIN.SMC"] = AuthValue.VERIFIED
    with pytest.raises(KonnektorError) as caught:
        await channel_of(smb, call("M4"))
    assert code_of(caught) == 4093
    smb.session(call("M2")).auth_state.clear()
    assert await channel_of(smb, call("M4")) == 2
    # The channel was reset before it changed hands.
    assert (line.sent[-1].cla, line.sent[-1].ins, line.sent[-1].p1) == (0x02, 0x70, 0x40)
    assert smb.session(call("M2")).channel is None


async def test_a_channel_taken_while_somebody_waits_for_it_is_not_used_by_the_waiter() -> None:
    line = ScriptedCard(channels=2)
    smb = put(card_list(), CardType.SMC_B, line=line)
    first = smb.session(call("M1"))
    await channel_of(smb, call("M1"))
    assert await channel_of(smb, call("M2")) == 0
    smb.session(call("M2")).auth_state["PIN.SMC"] = AuthValue.VERIFIED
    channel = first.channel
    assert channel is not None
    await channel.mutex.acquire()
    waiter = asyncio.create_task(channel_of(smb, call("M1")))
    await asyncio.sleep(0)
    # Another session gets the channel exactly between its release and the waiter's turn.
    first.channel = None
    smb.session(call("M3")).channel = channel
    smb.session(call("M3")).auth_state["PIN.SMC"] = AuthValue.VERIFIED
    channel.mutex.release()
    with pytest.raises(KonnektorError) as caught:
        await waiter
    assert code_of(caught) == 4093


async def test_one_sequence_at_a_time_on_a_channel() -> None:
    smb = put(card_list(), CardType.SMC_B)
    order: list[str] = []

    async def sequence(name: str) -> None:
        async with smb.session(call()).use():
            order.append(name)
            await asyncio.sleep(0)
            order.append(name)

    await asyncio.gather(sequence("a"), sequence("b"))
    assert order in (["a", "a", "b", "b"], ["b", "b", "a", "a"])


async def test_after_removal_every_step_ends_with_card_gone() -> None:
    line = ScriptedCard()
    cards = card_list()
    egk = put(cards, CardType.EGK, line=line)
    line.gate = asyncio.Event()
    running = asyncio.create_task(egk.basic.transmit(CommandApdu(0, 0xB0, 0, 0, ne=256)))
    await asyncio.sleep(0)
    cards.remove("CT1", 1)
    line.gate.set()
    with pytest.raises(CardGone):
        await running
    sent = len(line.sent)
    with pytest.raises(CardGone):
        await egk.basic.transmit(CommandApdu(0, 0xB0, 0, 0, ne=256))
    assert len(line.sent) == sent


async def test_a_folder_is_selected_once_and_again_after_a_failure() -> None:
    answers = {0xA4: sw(0x9000), 0xB0: sw(0x9000, b"x"), 0x70: sw(0x9000)}
    line = ScriptedCard(lambda command: answers[command.ins])
    egk = put(card_list(), CardType.EGK, line=line)
    await egk.basic.read(EF_PD)
    await egk.basic.read(EF_VD)
    assert line.ins() == [0xA4, 0xB0, 0xB0]
    await egk.basic.reset()
    answers[0xA4] = sw(0x6A82)
    assert (await egk.basic.read(EF_PD)).sw == 0x6A82
    answers[0xA4] = sw(0x6283)
    assert (await egk.basic.read(EF_PD)).ok
    assert egk.basic.deactivated


# ---- locks


@pytest.mark.requirement("TIP1-A_4571")
@pytest.mark.code(4093)
async def test_the_second_operation_gets_4093_and_the_lock_ends_on_every_way_out() -> None:
    egk = put(card_list(), CardType.EGK)
    async with egk.reserve() as holder:
        with pytest.raises(KonnektorError) as caught:
            async with egk.reserve():
                pass
        assert code_of(caught) == 4093
        with pytest.raises(KonnektorError) as caught:
            egk.session(call())
        assert code_of(caught) == 4093
        egk.session(call(), holder)
    assert not egk.reserved
    with pytest.raises(ZeroDivisionError):
        async with egk.reserve():
            raise ZeroDivisionError
    assert not egk.reserved


async def test_cancellation_frees_the_lock() -> None:
    egk = put(card_list(), CardType.EGK)
    entered = asyncio.Event()

    async def hold() -> None:
        async with egk.reserve():
            entered.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(hold())
    await entered.wait()
    assert egk.reserved
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert not egk.reserved


async def test_removal_frees_the_lock_and_a_gone_card_cannot_be_reserved() -> None:
    cards = card_list()
    egk = put(cards, CardType.EGK)
    async with egk.reserve():
        cards.remove("CT1", 1)
        assert not egk.reserved
    with pytest.raises(KonnektorError) as caught:
        async with egk.reserve():
            pass
    assert code_of(caught) == 4094


# ---- cache


@pytest.mark.requirement("TIP1-A_4558")
async def test_cache_ends_after_24_hours_for_smb_and_hba_not_for_an_egk() -> None:
    clock = ManualClock(START)
    cards = CardList(clock, SeededEntropy(b"cards"))
    loads: list[str] = []

    async def load() -> int:
        loads.append("x")
        return len(loads)

    for slot, card_type, again in ((1, CardType.SMC_B, 2), (2, CardType.HBA, 2), (3, CardType.EGK, 1)):
        loads.clear()
        card = put(cards, card_type, slot)
        assert await card.cached("n", clock, load) == 1
        clock.advance(24 * 3600 - 1)
        assert await card.cached("n", clock, load) == 1
        clock.advance(1)
        assert await card.cached("n", clock, load) == again
        card.forget("n")
        assert await card.cached("n", clock, load) == again + 1


async def test_two_at_once_load_once_and_a_failure_is_not_kept() -> None:
    clock = ManualClock(START)
    card = put(card_list(), CardType.SMC_B)
    loads: list[int] = []

    async def load() -> ResponseApdu:
        loads.append(1)
        await asyncio.sleep(0)
        if len(loads) == 1:
            raise CardGone("once")
        return sw(0x9000)

    with pytest.raises(CardGone):
        await card.cached("n", clock, load)
    await asyncio.gather(card.cached("n", clock, load), card.cached("n", clock, load))
    assert len(loads) == 2


def test_nothing_personal_in_repr() -> None:
    data = CardData(CardType.EGK, iccsn=ICCSN, holder_name="Erika Muster", kvnr="X110411675")
    assert repr(data) == "CardData(EGK)"
