"""CardService 8.1 over two real terminal connections: local and remote entries, and what crosses the wire.

CT-0001 holds the cards and is local to AP1; CT-0002 has only its gSMC-KT, is local to AP2 and its Remote-PIN-KT.
"""

import asyncio
import logging
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.konnektor_core.surgery import CLOCK, CT, ENTROPY, Surgery, context
from tests.integration.proof.secrets_of_a_lab import Secrets
from tests.logged import said
from tiaas.base.secret import Secret
from tiaas.card.pinblock import encode_pin_block
from tiaas.card.virtual.card import VirtualCard
from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import (
    ChangePin,
    DisablePin,
    EnablePin,
    GetPinStatus,
    PinStatus,
    UnblockPin,
    VerifyPin,
)
from tiaas.interfaces.connector_common_v5_0 import Result
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.konnektor import displaytexts as texts
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.infomodel import InfoModel, Kind, Relation, Terminal
from tiaas.konnektor.terminallist import TerminalConfig
from tiaas.lab.personalise import PersonalisedCard
from tiaas.terminal.front import Owner
from tiaas.terminal.virtual.config import PinMode, PinPolicy, PinPurpose, SlotCard
from tiaas.terminal.virtual.terminal import VirtualTerminal

CT2 = "CT-0002"
MAC2 = bytes.fromhex("00AABBCCDD02")
NEW, NEWER = "24681357", "86420975"


@dataclass
class People:
    """`PinHolder`: they type what the test tells them to, whoever asks."""

    typed: list[str] = field(default_factory=list)
    shown: list[str] = field(default_factory=list)

    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        return Secret(self.typed.pop(0).encode()) if self.typed else None

    def pin_shown(self, smkt: SlotCard, prompt: str) -> Secret | None:
        self.shown.append(prompt)
        return self.pin_for(smkt, 0, PinPurpose.CURRENT)

    def pin_changed(self, card: SlotCard, password_ref: int, pin: Secret | None) -> None:
        pass


class TwoTerminals(Surgery):
    """See module; `wire` is what the Konnektor exchanged with both terminals."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.people = People()
        self.holders = self.people  # type: ignore[assignment]
        self.wire: list[bytes] = []

    def virtual(self, made: PersonalisedCard) -> VirtualCard:
        return VirtualCard(made.image, clock=CLOCK, entropy=ENTROPY, source=self.personaliser)

    def model(self) -> InfoModel:
        out = super().model().add(Kind.TERMINAL, Terminal(CT2))
        for mandant in ("M1", "M2"):
            out = out.link(Relation.MANDANT_TERMINAL, mandant, CT2)
        out = out.link(Relation.LOCAL, "AP2", CT2).link(Relation.REMOTE, "AP2", CT)
        return out.link(Relation.REMOTE_PIN, "M1", "AP2", CT2)

    def second_terminal(self) -> VirtualTerminal:
        first = self.make_terminal(serial=2)
        config = replace(first.config, name="kt-zimmer", mac=MAC2, modify_returns_data=True)
        terminal = VirtualTerminal(
            config, first.state, clock=first.machine.clock, entropy=first.machine.entropy, pins=self.people
        )
        card = first.card_in(4)
        assert card is not None
        first.eject(4)
        terminal.insert(4, card)
        return terminal

    async def open(self) -> None:
        await super().open()
        self.desk = self.second_terminal()
        await self.desk.start("127.0.0.1")
        config = TerminalConfig(CT2, "kt-zimmer", MAC2, self.desk.host, self.desk.port, 4)
        await self.core.terminals.add(config)
        await self.core.terminals.pair(CT2, self.confirm)
        await self.core.terminals.settled(CT2)
        exchange = self.front.exchange

        async def overheard(owner: Owner, ct_id: str, unit: int, payload: bytes, wait: float) -> bytes:
            answer = await exchange(owner, ct_id, unit, payload, wait)
            self.wire += [payload, answer]
            return answer

        self.front.exchange = overheard  # type: ignore[method-assign]

    async def close(self) -> None:
        await super().close()
        if hasattr(self, "desk"):
            await self.desk.stop()

    def types(self, *entries: str, new: str | None = None, repeat: str | None = None) -> None:
        """What is typed where no new PIN is asked for, and the new one."""
        self.people.typed[:] = entries
        policy = PinPolicy(
            PinMode.AUTO, Secret(new.encode()) if new else None, Secret(repeat.encode()) if repeat else None
        )
        self.terminal.pin_policy = self.desk.pin_policy = policy

    def handle(self, card_type: CardType) -> str:
        return self.find(card_type).handle


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def practice(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[TwoTerminals]:
    out = TwoTerminals(tmp_path_factory.mktemp("practice"))
    presses = asyncio.create_task(_press_ok(out))
    try:
        await out.open()
        presses.cancel()
        yield out
    finally:
        presses.cancel()
        await out.close()


async def _press_ok(practice: TwoTerminals) -> None:
    while True:
        await asyncio.sleep(0.02)
        for name in ("terminal", "desk"):
            terminal = getattr(practice, name, None)
            if terminal is not None and "PAIREN" in str(terminal.snapshot()):
                terminal.press("ok")


pytestmark = pytest.mark.asyncio(loop_scope="module")


async def code(practice: TwoTerminals, request: object) -> int:
    with pytest.raises(KonnektorError) as caught:
        await practice.call(request)
    return caught.value.code


@pytest.mark.requirement("TIP1-A_5012", "TIP1-A_4561-02")
@pytest.mark.parametrize("workplace", ["AP1", "AP2"])
async def test_the_life_of_a_pin(practice: TwoTerminals, workplace: str, caplog: pytest.LogCaptureFixture) -> None:
    """PIN.SMC at the card's terminal and at the Remote-PIN-KT: verify, change, block, unblock."""
    caplog.set_level(logging.DEBUG, logger="tiaas")
    practice.wire.clear()
    handle, call = practice.handle(CardType.SMC_B), context(workplace=workplace)
    state = practice.smcb.image.passwords["MF/PIN.SMC"]
    assert state.secret is not None
    assert state.puk is not None
    pin, puk = state.secret.reveal().decode(), state.puk.reveal().decode()
    terminal = practice.terminal if workplace == "AP1" else practice.desk
    verify = VerifyPin(context=call, card_handle=handle, pin_typ="PIN.SMC")

    practice.types(pin)
    assert (await practice.call(verify)).pin_result is PinResult.OK
    assert terminal.snapshot().display == texts.PIN_OK.replace("\x0b", "")
    practice.types(pin, new=NEW)
    changed = await practice.call(ChangePin(context=call, card_handle=handle, pin_typ="PIN.SMC"))
    assert (changed.pin_result, changed.status.result) == (PinResult.OK, Result.OK)
    assert terminal.snapshot().display == texts.PIN_CHANGED.replace("\x0b", "")
    assert state.secret == Secret(NEW.encode())
    practice.types(NEW)
    assert (await practice.call(verify)).pin_result is PinResult.OK
    results = []
    for _ in range(4):
        practice.types("11111111")
        answer = await practice.call(verify)
        results.append((answer.pin_result, answer.left_tries))
    assert results == [
        (PinResult.REJECTED, 2),
        (PinResult.REJECTED, 1),
        (PinResult.NOWBLOCKED, None),
        (PinResult.WASBLOCKED, None),
    ]
    status = await practice.call(GetPinStatus(context=call, card_handle=handle, pin_typ="PIN.SMC"))
    assert (status.pin_status, status.left_tries) == (PinStatus.BLOCKED, 0)
    practice.types(puk, new=NEWER)
    unblocked = await practice.call(UnblockPin(context=call, card_handle=handle, pin_typ="PIN.SMC", set_new_pin=True))
    assert unblocked.pin_result is PinResult.OK
    assert state.secret == Secret(NEWER.encode())

    # The Konnektor saw templates, cryptograms and status words; no PIN, no PUK, not as digits nor as a block.
    secrets = (pin, puk, NEW, NEWER, "11111111")
    for secret in secrets:
        block = encode_pin_block(Secret(secret.encode())).reveal()[:5]
        assert not [message for message in practice.wire if secret.encode() in message or block in message]
    told = [said(record) for record in caplog.records]
    assert told
    # The search knows that ids are full of digits.
    assert not Secrets(set(secrets)).found_in(" ".join(told).encode())
    # Events tell where it was typed.
    inputs = {dict(event.parameters).get("PinInputCtID") for event in practice.events[-6:]}
    assert inputs == {CT if workplace == "AP1" else CT2}


@pytest.mark.requirement("TIP1-A_5487", "TIP1-A_5488")
async def test_the_protection_of_a_health_card(practice: TwoTerminals) -> None:
    handle = practice.handle(CardType.EGK)
    pin = practice.egk.pins["PIN.CH"].reveal().decode()
    enable = EnablePin(context=context(), card_handle=handle, pin_typ="MRPIN.NFD")
    disable = DisablePin(context=context(), card_handle=handle, pin_typ="MRPIN.NFD")
    ask = GetPinStatus(context=context(), card_handle=handle, pin_typ="MRPIN.NFD")
    assert (await practice.call(ask)).pin_status is PinStatus.DISABLED
    assert (await practice.call(disable)).pin_result is PinResult.OK  # off already
    practice.types(pin)
    assert (await practice.call(enable)).pin_result is PinResult.OK
    assert (await practice.call(ask)).pin_status is PinStatus.VERIFIABLE
    practice.types("11111111")
    answer = await practice.call(disable)
    assert (answer.pin_result, answer.left_tries) == (PinResult.REJECTED, 2)
    practice.types(pin)
    assert (await practice.call(disable)).pin_result is PinResult.OK
    assert (await practice.call(ask)).pin_status is PinStatus.DISABLED


@pytest.mark.code(4000, 4003, 4053, 4072, 4209)
async def test_what_is_refused_before_anybody_types(practice: TwoTerminals) -> None:
    smcb, hba, egk, smkt = (
        practice.handle(kind) for kind in (CardType.SMC_B, CardType.HBA, CardType.EGK, CardType.SMC_KT)
    )
    doctor = context(user="U1")
    assert await code(practice, ChangePin(context=context(), card_handle=smkt, pin_typ="PIN.CH")) == 4209
    assert await code(practice, UnblockPin(context=context(), card_handle=smkt, pin_typ="PIN.CH")) == 4209
    assert await code(practice, EnablePin(context=context(), card_handle=smcb, pin_typ="PIN.SMC")) == 4209
    assert await code(practice, DisablePin(context=doctor, card_handle=hba, pin_typ="PIN.CH")) == 4209
    assert await code(practice, VerifyPin(context=context(), card_handle=egk, pin_typ="PIN.CH")) == 4209
    assert await code(practice, VerifyPin(context=doctor, card_handle=hba, pin_typ="PIN.QES")) == 4072
    assert await code(practice, ChangePin(context=context(), card_handle=smcb, pin_typ="PIN.CH")) == 4072
    assert await code(practice, ChangePin(context=context(), card_handle=hba, pin_typ="PIN.CH")) == 4003
    unblock = UnblockPin(context=doctor, card_handle=hba, pin_typ="PIN.QES", set_new_pin=True)
    assert await code(practice, unblock) == 4072
    assert not practice.people.typed


@pytest.mark.code(4043, 4067)
async def test_mistakes_at_the_keypad(practice: TwoTerminals) -> None:
    handle, call = practice.handle(CardType.HBA), context(user="U1")
    pin = practice.hba.pins["PIN.CH"].reveal().decode()
    change = ChangePin(context=call, card_handle=handle, pin_typ="PIN.CH")
    practice.types(pin, new=NEW, repeat=NEWER)
    assert await code(practice, change) == 4067
    assert practice.terminal.snapshot().display == texts.PINS_DIFFER.replace("\x0b", "")
    practice.types()
    practice.impatient()
    answer = await practice.call(change)
    assert (answer.pin_result, answer.status.result) == (PinResult.ERROR, Result.WARNING)
    assert answer.status.error.trace[-1].code == 4043


@pytest.mark.pitfall(9)
async def test_a_long_entry_starves_nobody(practice: TwoTerminals) -> None:
    """Somebody thinks at the keypad of CT-0001; all other cards, terminals and services answer."""
    smcb, egk, hba = (practice.handle(kind) for kind in (CardType.SMC_B, CardType.EGK, CardType.HBA))
    practice.types(new=NEW)
    practice.terminal.pin_policy = PinPolicy(PinMode.MANUAL)
    entry = asyncio.create_task(practice.call(VerifyPin(context=context(), card_handle=smcb, pin_typ="PIN.SMC")))
    await practice.until(lambda: practice.terminal.snapshot().prompt == "PIN.SMC:")
    assert len((await practice.call(GetCards(context=context()))).cards.card) == 4
    status = await practice.call(GetPinStatus(context=context(), card_handle=egk, pin_typ="PIN.CH"))
    assert status.pin_status is PinStatus.VERIFIABLE
    # Another card of the same terminal, typed for at the other terminal.
    practice.people.typed[:] = [practice.hba.pins["PIN.CH"].reveal().decode()]
    doctor = context(workplace="AP2", user="U2")
    remote = await practice.call(VerifyPin(context=doctor, card_handle=hba, pin_typ="PIN.CH"))
    assert remote.pin_result is PinResult.OK
    assert practice.people.shown[-1] == "PIN.HBA:"
    again = VerifyPin(context=context(user="U3"), card_handle=hba, pin_typ="PIN.CH")
    assert await code(practice, again) in (4018, 4060)
    assert await code(practice, VerifyPin(context=context(), card_handle=smcb, pin_typ="PIN.SMC")) == 4093
    practice.terminal.press("cancel")
    with pytest.raises(KonnektorError) as ended:
        await entry
    assert ended.value.code == 4049
