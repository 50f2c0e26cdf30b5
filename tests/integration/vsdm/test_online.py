"""ReadVSD with online check: TLS with the card's key, the messages, the receipt, and what happens when things break."""

import asyncio
import gzip
from datetime import UTC, datetime

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.integration.konnektor_core.practice import CALL
from tests.integration.vsdm.fachdienst import (
    PROOF_UFS,
    PROOF_VSDD,
    Call,
    Fachdienst,
    Reply,
    fault,
    flag,
    package,
)
from tests.integration.vsdm.scene import EF_RECEIPT, EF_STATUS, SELECT_HCA, UPDATE_RECEIPT, Scene, answering
from tiaas.base.entropy import SystemEntropy
from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu
from tiaas.fachdienste.vsdm.containers import StatusVd, encode_status_vd
from tiaas.fachdienste.vsdm.receipt import Result, decode_receipt_untrusted
from tiaas.interfaces.cm_cc_v2_0 import Abort, GetNextCommandPackage, PerformUpdates
from tiaas.interfaces.cm_common_v2_0 import UpdatePriority
from tiaas.interfaces.cm_uf_v2_0 import GetUpdateFlags
from tiaas.konnektor import rounds
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.vsdm import Wishes
from tiaas.lab.pki import LabPki
from tiaas.pki.oids import Role
from tiaas.terminal.errors import BadTerminalAnswer

# ---- the way there ---------------------------------------------------------------------------------------------------


async def test_no_update_is_e_2_with_the_proof_of_ufs(scene: Scene) -> None:
    data = await scene.read()
    assert data.gvd is not None
    assert data.receipt is not None
    receipt = decode_receipt_untrusted(data.receipt)
    assert (receipt.result, receipt.code, receipt.proof) == (Result.NO_UPDATE_NEEDED, None, PROOF_UFS)
    [call] = scene.service.calls
    assert call.path == "/vsdm/109990018/UFS/2.0" or call.path.endswith("/UFS/2.0")
    assert call.localization is not None
    assert f"/{call.localization.provider}/UFS/2.0" in call.path
    assert isinstance(call.message, GetUpdateFlags)
    assert call.message.iccsn == scene.egk.data.iccsn
    # VSDM-A_2200, 2199, 2203: gzip is offered, the request is not packed and has no white space between elements.
    assert call.headers["accept-encoding"] == "gzip"
    assert "content-encoding" not in call.headers
    assert b"> <" not in call.body
    assert call.body.count(b"\n") == 1


@pytest.mark.requirement("TIP1-A_4720-02", "TIP1-A_4581")
async def test_the_client_is_the_smcb_and_its_key_stays_in_the_card(scene: Scene) -> None:
    await scene.read()
    assert scene.service.calls[0].certificate == scene.smcb.data.aut_certificate
    sent = scene.practice.lines[scene.smcb.handle].sent
    assert any((command.ins, command.p1, command.p2) == (0x2A, 0x9E, 0x9A) for command in sent)


@pytest.mark.parametrize("curve", [ec.BrainpoolP256R1(), ec.SECP256R1(), ec.SECP384R1()], ids=lambda curve: curve.name)
async def test_servers_with_any_curve_of_the_ti(scene: Scene, curve: ec.EllipticCurve) -> None:
    await scene.service.stop()
    other = Fachdienst(scene.practice.pki, curve=curve)
    await other.start()
    scene.configure(intermediaer=other.url)
    assert (await scene.receipt()).result is Result.NO_UPDATE_NEEDED
    await other.stop()


async def test_the_connection_is_used_again(scene: Scene) -> None:
    await scene.read()
    await scene.read()
    first, second = scene.service.calls
    assert first.port == second.port
    signatures = [c for c in scene.practice.lines[scene.smcb.handle].sent if (c.ins, c.p1) == (0x2A, 0x9E)]
    assert len(signatures) == 1


async def test_a_closed_connection_is_resumed_without_the_card(scene: Scene) -> None:
    async def close_once(call: Call) -> Reply | None:
        return Reply(drop=True) if len(scene.service.calls) == 2 else None

    scene.service.behave = close_once
    assert (await scene.receipt()).result is Result.NO_UPDATE_NEEDED
    assert (await scene.receipt()).result is Result.NO_UPDATE_NEEDED
    assert len(scene.service.calls) == 3
    signatures = [c for c in scene.practice.lines[scene.smcb.handle].sent if (c.ins, c.p1) == (0x2A, 0x9E)]
    assert len(signatures) == 1


@pytest.mark.parametrize("what", ["role", "host", "issuer"])
async def test_a_wrong_server_gets_no_data(scene: Scene, what: str) -> None:
    pki = LabPki.create(SystemEntropy(), scene.practice.clock) if what == "issuer" else scene.practice.pki
    wrong = Fachdienst(
        pki,
        role=Role.UFS if what == "role" else Role.INT_VSDM,
        hosts=("10.0.0.1",) if what == "host" else ("127.0.0.1",),
    )
    await wrong.start()
    scene.configure(intermediaer=wrong.url)
    assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE
    assert not wrong.calls
    assert scene.practice.opstate.holds(Condition.NO_ONLINE_CONNECTION)
    await wrong.stop()


@pytest.mark.code(4157, 4156, 4220)
async def test_the_log_tells_who_refused_whom(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    """A server that does not know the card's issuer (4157), one with a foreign certificate, one with another role."""
    strangers = LabPki.create(SystemEntropy(), scene.practice.clock)
    for code, wrong in (
        (4157, Fachdienst(scene.practice.pki, clients=strangers)),
        (4156, Fachdienst(strangers, clients=scene.practice.pki)),
        (4220, Fachdienst(scene.practice.pki, role=Role.UFS)),
    ):
        await wrong.start()
        scene.configure(intermediaer=wrong.url)
        caplog.clear()
        assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE
        assert code in {getattr(record, "code", None) for record in caplog.records}
        assert not wrong.calls
        await wrong.stop()


@pytest.mark.requirement("TIP1-A_4721")
async def test_with_the_card_go_its_connections(scene: Scene) -> None:
    gate = asyncio.Event()

    async def wait(call: Call) -> Reply | None:
        await gate.wait()
        return None

    scene.service.behave = wait
    reading = asyncio.create_task(scene.receipt())
    while not scene.service.calls:  # noqa: ASYNC110 - the service has no event for it
        await asyncio.sleep(0.01)
    assert scene.practice.intermediaer is not None
    scene.practice.intermediaer.forget(scene.smcb.handle)
    assert (await reading).result is Result.UPDATE_IMPOSSIBLE
    gate.set()


async def test_many_at_once(scene: Scene) -> None:
    cards = [await scene.practice.egk(number) for number in range(1, 6)]
    wishes = Wishes(True, True, scene.smcb)
    reads = (scene.practice.vsdm.read(card, scene.smcb, CALL, wishes) for card in cards)
    for data in await asyncio.gather(*reads):
        assert data.receipt is not None
        assert decode_receipt_untrusted(data.receipt).result is Result.NO_UPDATE_NEEDED
    signatures = [c for c in scene.practice.lines[scene.smcb.handle].sent if (c.ins, c.p1) == (0x2A, 0x9E)]
    assert len(signatures) == 1


# ---- E and EC --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("reply", "code", "connected"),
    [
        (fault(1006), 1006, True),
        (fault(1011), 1011, True),
        (fault(11101), 11101, True),
        (fault(11148), 11148, True),
        (fault(11999), 11999, True),
        (fault(500), 500, True),
        (fault(11101, via=False), None, True),
        (fault(None), None, True),
        (Reply(503, b"busy"), None, True),
        (Reply(404, b""), None, True),
        (Reply(200, b"no xml"), None, True),
        (Reply(200, gzip.compress(b"x" * 5_000_000)), None, False),
        (Reply(200, b"\x1f\x8bbroken"), None, False),
        (Reply(drop=True), None, False),
    ],
)
async def test_what_ufs_refuses_is_e_3_and_the_read_goes_on(
    scene: Scene, reply: Reply, code: int | None, connected: bool
) -> None:
    scene.service.behave = answering(reply)
    data = await scene.read()
    assert data.gvd is not None
    assert data.receipt is not None
    receipt = decode_receipt_untrusted(data.receipt)
    assert (receipt.result, receipt.code, receipt.proof) == (Result.UPDATE_IMPOSSIBLE, code, None)
    assert scene.practice.opstate.holds(Condition.NO_ONLINE_CONNECTION) is not connected


@pytest.mark.event("OPERATIONAL_STATE/EC_No_Online_Connection")
async def test_a_time_out_is_e_3_and_the_state_is_told(scene: Scene) -> None:
    scene.configure(vsdm_seconds=2)
    gate = asyncio.Event()

    async def wait(call: Call) -> Reply | None:
        await gate.wait()
        return None

    scene.service.behave = wait
    assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE
    gate.set()
    assert scene.practice.opstate.holds(Condition.NO_ONLINE_CONNECTION)
    scene.service.behave = answering(fault(1011))
    scene.configure()
    assert (await scene.receipt()).code == 1011
    assert not scene.practice.opstate.holds(Condition.NO_ONLINE_CONNECTION)


async def test_nobody_there_is_e_3_and_after_too_many_days_e_6(scene: Scene) -> None:
    scene.configure(offline_days_max=2)
    assert (await scene.receipt()).result is Result.NO_UPDATE_NEEDED
    scene.service.behave = answering(fault(1011))
    scene.practice.clock.advance(86400)
    assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE
    scene.practice.clock.advance(2 * 86400)
    receipt = await scene.receipt()
    assert (receipt.result, receipt.code) == (Result.OFFLINE_TOO_LONG, 1011)
    # A restart does not forget it.
    scene.configure(offline_days_max=2)
    assert (await scene.receipt()).result is Result.OFFLINE_TOO_LONG


async def test_an_unknown_status_of_the_certificate_is_e_5(scene: Scene) -> None:
    async def nobody(der: bytes) -> bool:
        assert der == scene.egk.data.aut_certificate
        return False

    scene.practice.status_of = nobody
    scene.configure()
    receipt = await scene.receipt()
    assert (receipt.result, receipt.proof) == (Result.CERTIFICATE_UNCHECKED, None)


@pytest.mark.parametrize("standalone", [False, True])
@pytest.mark.code(106)
async def test_a_revoked_certificate_is_106_and_e_4_only_for_a_standalone_konnektor(
    scene: Scene, standalone: bool
) -> None:
    async def revoked(der: bytes) -> bool:
        raise KonnektorError(106)

    scene.practice.status_of = revoked
    scene.configure(standalone=standalone, receipt_secret=Secret(b"one practice"))
    assert await scene.refused() == 106
    scene.configure(receipt_secret=Secret(b"one practice"), online=False)
    if standalone:
        assert (await scene.receipt()).result is Result.CERTIFICATE_INVALID
    else:
        assert await scene.refused() == 3040


# ---- receipts --------------------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4574")
async def test_the_stored_receipt_comes_back_without_a_check(scene: Scene) -> None:
    made = await scene.read()
    scene.service.calls.clear()
    again = await scene.read(online=False)
    assert again.receipt == made.receipt
    assert not scene.service.calls
    assert (await scene.read(online=False, receipt=False)).receipt is None
    assert PROOF_UFS not in scene.image()[EF_RECEIPT]


@pytest.mark.code(3040, 3039)
async def test_none_is_3040_and_a_foreign_one_3039(scene: Scene) -> None:
    assert await scene.refused(online=False) == 3040
    await scene.read()
    scene.configure(receipt_secret=Secret(b"another practice"))
    assert await scene.refused(online=False) == 3039
    await scene.practice.unlock(scene.smcb, "PIN.SMC", CallContext("M2", "CS1", "AP1"))
    scene.configure()
    with pytest.raises(KonnektorError, match="3039"):
        await scene.read(online=False, call=CallContext("M2", "CS1", "AP1"))


async def test_a_check_without_receipt_writes_none(scene: Scene) -> None:
    data = await scene.read(receipt=False)
    assert data.receipt is None
    assert len(scene.service.calls) == 1
    assert EF_RECEIPT not in scene.image()


@pytest.mark.code(111)
async def test_a_receipt_that_the_card_does_not_give_is_111(scene: Scene) -> None:
    await scene.read()
    scene.practice.lines[scene.egk.handle].card.image.deactivated.add(EF_RECEIPT)
    with pytest.raises(KonnektorError) as caught:
        await scene.read(online=False)
    assert (caught.value.code, [cause.code for cause in caught.value.causes]) == (111, [4085])


@pytest.mark.requirement("TIP1-A_4722")
async def test_without_online_mode_nothing_goes_out(scene: Scene) -> None:
    """MGM_LU_ONLINE off: a wish for an online check is answered from the card."""
    scene.configure(online=False)
    data = await scene.read(receipt=False)
    assert (data.receipt, len(data.pd) > 0) == (None, True)
    assert not scene.service.calls


@pytest.mark.requirement("TIP1-A_4719")
async def test_the_way_to_the_fachdienste_follows_MGM_LU_ONLINE_at_once(scene: Scene) -> None:
    """Connections that stand end; with the online mode on again new ones are made."""
    assert (await scene.read()).receipt is not None
    asked = len(scene.service.calls)
    scene.practice.online.switch(False)
    await scene.read(receipt=False)
    assert len(scene.service.calls) == asked
    assert scene.practice.intermediaer is not None
    assert not scene.practice.intermediaer._lines
    scene.practice.online.switch(True)
    assert (await scene.receipt()).result is Result.NO_UPDATE_NEEDED
    assert len(scene.service.calls) == asked + 1


@pytest.mark.requirement("TIP1-A_4719")
async def test_a_check_under_way_ends_when_MGM_LU_ONLINE_goes_off(scene: Scene) -> None:
    assert (await scene.receipt()).result is Result.NO_UPDATE_NEEDED
    intermediaer = scene.practice.intermediaer
    assert intermediaer is not None
    asked, answer = asyncio.Event(), asyncio.Event()

    async def slow(call: Call) -> Reply | None:
        asked.set()
        await answer.wait()
        return None

    scene.service.behave = slow
    reading = asyncio.create_task(scene.receipt())
    await asked.wait()
    scene.practice.online.switch(False)
    assert (await reading).result is Result.UPDATE_IMPOSSIBLE
    assert not intermediaer._lines
    answer.set()


@pytest.mark.code(112)
async def test_a_receipt_that_cannot_be_written_is_112(scene: Scene) -> None:
    line = scene.practice.lines[scene.egk.handle]

    def spoil(command: CommandApdu) -> None:
        if (command.ins, command.p1) == (0xD6, 0x9C):
            line.card.image.deactivated.add(EF_RECEIPT)

    line.before = spoil
    with pytest.raises(KonnektorError) as caught:
        await scene.read()
    assert caught.value.code == 112


async def test_an_hba_goes_online_with_the_smcb(scene: Scene) -> None:
    hba = await scene.practice.hba()
    await scene.practice.unlock(hba, "PIN.CH")
    data = await scene.read(hpc=hba)
    assert data.receipt is not None
    assert decode_receipt_untrusted(data.receipt).result is Result.NO_UPDATE_NEEDED
    assert scene.service.calls[0].certificate == scene.smcb.data.aut_certificate
    wishes = Wishes(True, True, None)
    data = await scene.practice.vsdm.read(scene.egk, hba, CALL, wishes)
    assert data.receipt is not None
    assert decode_receipt_untrusted(data.receipt).result is Result.UPDATE_IMPOSSIBLE


# ---- updates ---------------------------------------------------------------------------------------------------------


@pytest.mark.event("VSDM/PROGRESS/UPDATE")
async def test_an_update_is_e_1_and_optional_ones_are_left_out(scene: Scene) -> None:
    optional = flag(UpdatePriority.OPTIONAL, update_id=b"\x07")
    scene.service.flags = [optional, flag()]
    scene.service.packages = [package(SELECT_HCA, UPDATE_RECEIPT), package(SELECT_HCA)]
    receipt = await scene.receipt()
    assert (receipt.result, receipt.proof) == (Result.UPDATED, PROOF_VSDD)
    kinds = [type(call.message) for call in scene.service.calls]
    assert kinds == [GetUpdateFlags, PerformUpdates, GetNextCommandPackage, GetNextCommandPackage]
    perform, first, second = scene.service.calls[1:]
    assert perform.session is None
    assert first.session is not None
    assert first.session.conversation_id == "lab.1-A"
    assert perform.path.endswith("/109990018/VSD/2.0")
    assert isinstance(first.message, GetNextCommandPackage)
    assert first.message.command_response_package.command_responses == (b"\x90\x00", b"\x90\x00")
    assert isinstance(second.message, GetNextCommandPackage)
    updates = [event for event in scene.practice.events if event.topic is Topic.VSDM_PROGRESS_UPDATE]
    assert len(updates) == 1
    assert dict(updates[0].parameters)["KVNR"] == scene.egk.data.kvnr


async def test_after_an_update_everything_is_read_anew(scene: Scene) -> None:
    stamp = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
    before = (await scene.read()).status

    async def write(call: Call) -> Reply | None:
        scene.image()[EF_STATUS] = encode_status_vd(StatusVd(False, stamp))
        return None

    scene.service.packages = [package(SELECT_HCA)]
    scene.on_perform(write)
    data = await scene.read()
    assert before.timestamp != stamp
    assert data.status.timestamp == stamp
    assert data.gvd is not None


async def test_updates_run_in_order_and_stop_at_the_first_failure(scene: Scene) -> None:
    async def second_fails(call: Call) -> Reply | None:
        if isinstance(call.message, PerformUpdates) and call.message.update_ids == (b"\x02",):
            return fault(12102)
        return None

    scene.service.packages = [package(SELECT_HCA)]
    scene.on_perform(second_fails)
    scene.service.flags = [flag(update_id=bytes([number])) for number in (1, 2, 3)]
    receipt = await scene.receipt()
    assert (receipt.result, receipt.code) == (Result.UPDATE_IMPOSSIBLE, 12102)
    begun = [call.message.update_ids for call in scene.service.calls if isinstance(call.message, PerformUpdates)]
    assert begun == [(b"\x01",), (b"\x02",)]


@pytest.mark.parametrize("code", [5, 500, 1006, 1011, 1014, 12101, 12102, 12103, 12105, 12148, 12999])
async def test_what_ccs_refuses_is_e_3_with_its_code(scene: Scene, code: int) -> None:
    scene.on_perform(answering(fault(code)))
    receipt = await scene.receipt()
    assert (receipt.result, receipt.code) == (Result.UPDATE_IMPOSSIBLE, code)


async def test_a_package_stops_at_the_first_unexpected_answer(scene: Scene) -> None:
    wrong_pin = "0020000108" + "2100000000000000"[:16]
    scene.service.flags = [flag()]
    scene.service.packages = [package(wrong_pin, SELECT_HCA, "00B0990000", UPDATE_RECEIPT), package(SELECT_HCA)]
    await scene.receipt()
    report = scene.service.calls[2].message
    assert isinstance(report, GetNextCommandPackage)
    responses = report.command_response_package.command_responses
    # 63Cx counts as 9000, the file that is not there ends the package (VSDM-A_2552).
    assert [response.hex()[:2] for response in responses] == ["63", "90", "6a"]


@pytest.mark.code(3001)
async def test_an_update_left_open_is_3001_and_the_next_check_repairs_it(scene: Scene) -> None:
    async def leave_open(call: Call) -> Reply | None:
        scene.image()[EF_STATUS] = encode_status_vd(StatusVd(True, datetime(2026, 5, 4, tzinfo=UTC)))
        return fault(1014) if isinstance(call.message, GetNextCommandPackage) else None

    scene.service.packages = [package(SELECT_HCA)]
    scene.on_perform(leave_open)
    assert await scene.refused() == 3001
    assert await scene.refused(online=False) == 3001

    async def finish(call: Call) -> Reply | None:
        scene.image()[EF_STATUS] = encode_status_vd(StatusVd(False, datetime(2026, 5, 5, tzinfo=UTC)))
        return None

    scene.on_perform(finish)
    assert (await scene.receipt()).result is Result.UPDATED
    assert (await scene.read(online=False)).gvd is not None


@pytest.mark.code(4094)
async def test_a_card_pulled_in_the_middle_of_a_package_is_told_and_4094(scene: Scene) -> None:
    scene.service.flags = [flag()]
    scene.service.packages = [package(SELECT_HCA, UPDATE_RECEIPT, SELECT_HCA)]
    line = scene.practice.lines[scene.egk.handle]

    def pull(command: CommandApdu) -> None:
        line.pulled = line.pulled or command.data == bytes.fromhex("AABBCCDD")

    line.before = pull
    assert await scene.refused() == 4094
    report = scene.service.calls[-1].message
    assert isinstance(report, GetNextCommandPackage)
    told = report.command_response_package
    assert told.command_responses == (b"\x90\x00",)
    assert told.abort == Abort(command_sent_to_card=True)


@pytest.mark.code(110)
async def test_a_terminal_that_fails_at_the_fachdienstes_commands_is_110(scene: Scene) -> None:
    scene.service.flags = [flag()]
    scene.service.packages = [package(SELECT_HCA, UPDATE_RECEIPT, SELECT_HCA)]

    def fail(command: CommandApdu) -> None:
        if command.data == bytes.fromhex("AABBCCDD"):
            raise BadTerminalAnswer("no status word")

    scene.practice.lines[scene.egk.handle].before = fail
    with pytest.raises(KonnektorError) as caught:
        await scene.read()
    assert (caught.value.code, [cause.code for cause in caught.value.causes]) == (110, [4044])
    report = scene.service.calls[-1].message
    assert isinstance(report, GetNextCommandPackage)
    assert report.command_response_package.abort == Abort(command_sent_to_card=True)


async def test_a_card_pulled_while_the_service_is_asked_does_not_wait_for_it(scene: Scene) -> None:
    scene.configure(vsdm_seconds=300)
    gate = asyncio.Event()

    async def wait(call: Call) -> Reply | None:
        await gate.wait()
        return None

    scene.service.behave = wait
    line = scene.practice.lines[scene.egk.handle]

    def pull(command: CommandApdu) -> None:
        line.pulled = line.pulled or command.ins == 0x82

    line.before = pull
    async with asyncio.timeout(60):
        assert await scene.refused() == 4094
    gate.set()


async def test_a_service_that_closes_without_update_is_e_3(scene: Scene) -> None:
    scene.service.flags = [flag()]
    assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE


@pytest.mark.parametrize("command", ["00", "00" * 3083])
async def test_what_is_no_command_does_not_reach_the_card(scene: Scene, command: str) -> None:
    scene.service.flags = [flag()]
    scene.service.packages = [package(command)]
    assert (await scene.receipt()).result is Result.UPDATE_IMPOSSIBLE


@pytest.mark.code(114)
async def test_a_locked_card_is_checked_in_every_case_and_114_if_it_stays_locked(scene: Scene) -> None:
    locked = scene.practice.lines[scene.egk.handle].card
    await scene.read(online=False, receipt=False)
    assert not scene.service.calls
    await lock(scene, locked_now=True)
    assert await scene.refused(online=False, receipt=False) == 114
    assert [type(call.message) for call in scene.service.calls] == [GetUpdateFlags]
    assert locked is scene.practice.lines[scene.egk.handle].card
    scene.configure(online=False)
    scene.service.calls.clear()
    assert await scene.refused(online=False, receipt=False) == 114
    assert not scene.service.calls


async def test_an_unlocked_card_serves_in_the_same_call(scene: Scene) -> None:
    await lock(scene, locked_now=True)

    async def unlock(call: Call) -> Reply | None:
        await lock(scene, locked_now=False)
        return None

    scene.service.packages = [package("00A4040C")]
    scene.on_perform(unlock)
    scene.service.flags = [flag(service="CMS")]
    data = await scene.read(online=False, receipt=False)
    assert data.gvd is not None
    assert scene.service.calls[1].path.endswith("/CMS/2.0")


async def lock(scene: Scene, *, locked_now: bool) -> None:
    image = scene.practice.lines[scene.egk.handle].card.image
    (image.deactivated.add if locked_now else image.deactivated.discard)("MF/DF.HCA")
    scene.egk.forget("status_vd")
    scene.egk.basic.forget()


# ---- cost ------------------------------------------------------------------------------------------------------------


async def test_round_trips_with_an_online_check(scene: Scene) -> None:
    """The check costs two more than a plain read: the receipt and its log entry."""
    other = await scene.practice.egk(1)
    await scene.practice.vsdm.read(other, scene.smcb, CALL, Wishes(True, True, scene.smcb))
    rounds.reset()
    await scene.read(online=False, receipt=False)
    plain = rounds.depth()
    third = await scene.practice.egk(2)
    rounds.reset()
    await scene.practice.vsdm.read(third, scene.smcb, CALL, Wishes(True, True, scene.smcb))
    assert rounds.depth() == plain + 2
