"""Card sessions for PoPP: signed scenarios go to a real card, and to nobody else's (gemSpec_Kon V5.27 A_26067 ff.)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.base_services.conftest import OnlineTrust
from tests.integration.konnektor_core.surgery import CT, Surgery, caller, context
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.link import CardLinkError
from tiaas.card.objsys.addresses import AID_ROOT_EGK
from tiaas.card.scenario import Scenario, Step
from tiaas.interfaces.card_service_v8_2 import SecureSendAPDU, StartCardSession, StopCardSession
from tiaas.interfaces.vsd_service_v5_2 import ReadVSD
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.popp import Limits, PoppSessions
from tiaas.konnektor.services import cardsession
from tiaas.lab.faults import Fault
from tiaas.lab.popp import PoppSigner
from tiaas.pki.oids import Role
from tiaas.soap.dispatch import Operation
from tiaas.soap.envelope import write_envelope
from tiaas.terminal.front import StaleEpoch

pytestmark = pytest.mark.asyncio(loop_scope="session")

SELECT = Step(CommandApdu(0x00, 0xA4, 0x04, 0x0C, AID_ROOT_EGK), frozenset({0x9000}))
READ_GDO = Step(CommandApdu(0x00, 0xB0, 0x82, 0x00, ne=256), frozenset({0x9000, 0x6282}))
OTHER = Peer("cd" * 32, frozenset({"CS1"}), None, "127.0.0.1")


@dataclass
class Desk:
    surgery: Surgery
    popp: PoppSessions
    signer: PoppSigner
    operations: list[Operation]

    async def call(self, request: Any, peer: Peer | None = None) -> Any:
        handler: Callable[..., Awaitable[Any]] = next(
            op.handler for op in self.operations if op.request is type(request)
        )
        answer = await handler(request, peer or caller())
        write_envelope(answer)
        return answer

    async def code(self, request: Any, peer: Peer | None = None) -> int:
        with pytest.raises(KonnektorError) as caught:
            await self.call(request, peer)
        return caught.value.code

    async def start(self, card: CardType = CardType.EGK) -> str:
        handle = self.surgery.find(card).handle
        answer = await self.call(StartCardSession(context=context(), card_handle=handle))
        return str(answer.session_id)

    def signed(self, session: str, counter: int = 0, *steps: Step, span: int = 10_000) -> SecureSendAPDU:
        scenario = Scenario(session, counter, span, steps or (SELECT, READ_GDO))
        return SecureSendAPDU(signed_scenario=self.signer.sign(scenario))

    async def stop(self, session: str) -> None:
        await self.call(StopCardSession(session_id=session))


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def desk(surgery: Surgery, online: OnlineTrust) -> Desk:
    """The surgery's cards, the online lab's trust: the PoPP service's certificate is of that lab."""
    popp = PoppSessions(online.trust, surgery.core.hub, surgery.core.clock, surgery.core.entropy)
    core = replace(surgery.core, popp=popp)
    return Desk(surgery, popp, PoppSigner(online.lab.pki), cardsession.operations(core))


async def test_a_scenario_reads_the_card(desk: Desk) -> None:
    session = await desk.start()
    answer = await desk.call(desk.signed(session))
    response = answer.signed_scenario_response
    selected, gdo = response.response_apdu_list.response_apdu
    assert selected == "9000"
    assert gdo == f"5a0a{desk.surgery.find(CardType.EGK).data.iccsn}9000"
    assert response.time_span >= 0
    # An answer that is not expected ends the scenario; what came so far is told.
    wrong = replace(SELECT, command=replace(SELECT.command, data=b"\xd2\x76\x00\x00\x01\x99"))
    answer = await desk.call(desk.signed(session, 1, wrong, READ_GDO))
    assert answer.signed_scenario_response.response_apdu_list.response_apdu == ("6a82",)
    await desk.stop(session)


@pytest.mark.code(4093, 4232, 4209)
async def test_a_session_locks_the_card_for_its_caller(desk: Desk) -> None:
    session = await desk.start()
    egk, smb = desk.surgery.find(CardType.EGK).handle, desk.surgery.find(CardType.SMC_B).handle
    read = ReadVSD(
        ehc_handle=egk, hpc_handle=smb, perform_online_check=False, read_online_receipt=False, context=context()
    )
    with pytest.raises(KonnektorError) as caught:
        await desk.surgery.call(read)
    assert caught.value.code == 4093
    assert await desk.code(StartCardSession(context=context(), card_handle=egk)) == 4093
    assert await desk.code(desk.signed(session), OTHER) == 4232
    assert await desk.code(StopCardSession(session_id=session), OTHER) == 4232
    await desk.stop(session)
    assert await desk.code(desk.signed(session)) == 4232
    assert await desk.code(StopCardSession(session_id=session)) == 4232
    assert await desk.code(StartCardSession(context=context(), card_handle=smb)) == 4209
    await desk.stop(await desk.start())


@pytest.mark.requirement("TIP1-A_4584")
async def test_rights_do_not_outlive_the_session(desk: Desk) -> None:
    """What a scenario selects or raises is gone afterwards: the card's channel is reset."""
    session = await desk.start()
    await desk.call(
        desk.signed(session, 0, Step(commands.select_aid(bytes.fromhex("D27600000102")), frozenset({0x9000})))
    )
    sent: list[CommandApdu] = []
    channel = desk.surgery.find(CardType.EGK).basic
    line = channel._line.transmit

    async def watched(command: CommandApdu) -> Any:
        sent.append(command)
        return await line(command)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(channel, "_line", type("Watched", (), {"transmit": staticmethod(watched)})())
        await desk.stop(session)
    assert [command.ins for command in sent] == [0x70]


@pytest.mark.code(4000, 4058)
async def test_order_and_form(desk: Desk) -> None:
    session = await desk.start()
    assert await desk.code(desk.signed(session, 1)) == 4058
    await desk.call(desk.signed(session, 0))
    assert await desk.code(desk.signed(session, 0)) == 4058
    for text in ("e30.e30.AAAA", "a.b.c", "e30.e30." + "A" * 86):
        assert await desk.code(SecureSendAPDU(signed_scenario=text)) == 4000
    await desk.stop(session)


@pytest.mark.code(4115)
async def test_only_the_popp_service_may_sign(desk: Desk, online: OnlineTrust) -> None:
    session = await desk.start()
    head, payload, signature = desk.signed(session).signed_scenario.split(".")
    foreign = desk.signed(session, 0, READ_GDO).signed_scenario.split(".")[1]
    assert await desk.code(SecureSendAPDU(signed_scenario=f"{head}.{foreign}.{signature}")) == 4115
    good, desk.signer = desk.signer, PoppSigner(online.lab.pki, Role.HSK)
    assert await desk.code(desk.signed(session)) == 4115
    desk.signer = PoppSigner(desk.surgery.pki)
    with pytest.raises(KonnektorError) as caught:
        await desk.call(desk.signed(session))
    assert [cause.code for cause in caught.value.causes] == [1023]
    desk.signer = good
    for code, cause in (("revoked", 1047), ("tryLater", 1058)):
        online.lab.faults.add(Fault.from_document({"service": "ocsp", "code": code}))
        with pytest.raises(KonnektorError) as caught:
            await desk.call(desk.signed(session))
        assert [found.code for found in caught.value.causes] == [cause]
        online.lab.faults.clear()
    # None of them counted, and none reached the card.
    await desk.call(SecureSendAPDU(signed_scenario=f"{head}.{payload}.{signature}"))
    await desk.stop(session)


@pytest.mark.code(4044)
async def test_a_session_ends_in_time_after_a_card_that_did_not_answer(desk: Desk) -> None:
    """Whoever was told 4044 may never come back: the card must not stay locked."""
    desk.popp.limits = Limits(first=60.0, grace=0.05)
    session = await desk.start()
    channel = desk.surgery.find(CardType.EGK).basic

    async def mute(command: CommandApdu) -> Any:
        raise CardLinkError("no answer")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(channel, "_line", type("Mute", (), {"transmit": staticmethod(mute)})())
        assert await desk.code(desk.signed(session, span=0)) == 4044
    await desk.surgery.until(lambda: not desk.surgery.find(CardType.EGK).reserved)
    desk.popp.limits = Limits()


async def test_an_instance_that_lost_its_terminals_ends_its_sessions_all_the_same(desk: Desk) -> None:
    await desk.start()
    channel = desk.surgery.find(CardType.EGK).basic

    async def stale(command: CommandApdu) -> Any:
        raise StaleEpoch("taken over")

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(channel, "_line", type("Stale", (), {"transmit": staticmethod(stale)})())
        await desk.popp.close()
    assert not desk.surgery.find(CardType.EGK).reserved


@pytest.mark.code(4094)
async def test_time_and_removal_end_a_session(desk: Desk) -> None:
    surgery = desk.surgery
    desk.popp.limits = Limits(first=60.0, grace=0.05)
    session = await desk.start()
    await desk.call(desk.signed(session, span=0))
    await surgery.until(lambda: not surgery.find(CardType.EGK).reserved)
    assert await desk.code(desk.signed(session, 1)) == 4232
    desk.popp.limits = Limits()
    session = await desk.start()
    card = surgery.terminal.eject(2)
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is None)
    assert await desk.code(desk.signed(session)) == 4232
    surgery.terminal.insert(2, card)
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is not None)
    session = await desk.start()
    await desk.popp.close()
    assert not surgery.find(CardType.EGK).reserved
