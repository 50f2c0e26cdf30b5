"""CertificateService: when certificates end, and whether they are valid (TIP1-A_4699-03, TIP1-A_5449)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from tests.integration.base_services.conftest import OnlineTrust, code_of
from tests.integration.konnektor_core.surgery import CT, Surgery, caller, context
from tiaas.base.clock import ManualClock
from tiaas.card.apdu import CommandApdu
from tiaas.card.link import CardGone
from tiaas.card.objsys.basefiles import encode_version2
from tiaas.card.objsys.model import CardKind
from tiaas.card.virtual.image import CardImage
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import (
    CertRefList,
    CheckCertificateExpiration,
    Crypt,
    ReadCardCertificate,
    VerificationResult,
    VerifyCertificate,
    VerifyCertificateResponse,
)
from tiaas.interfaces.connector_common_v5_0 import Result
from tiaas.interfaces.management.roles import Role as AdminRole
from tiaas.interfaces.management.system import ExpiryRun
from tiaas.konnektor.admin.certificates import CERTIFICATE_ROUTES
from tiaas.konnektor.admin.routes import Call, Caller
from tiaas.konnektor.cardstatus import CardStatuses
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.config import WatchDays
from tiaas.konnektor.errors import KonnektorError, LoggedError
from tiaas.konnektor.events import EventSeverity, Topic
from tiaas.konnektor.expiry import CertificateWatch
from tiaas.konnektor.services.certificate import expiration, verification
from tiaas.lab.faults import Fault
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.oids import CertificateType, Role
from tiaas.soap.envelope import write_envelope
from tiaas.terminal.virtual.config import SlotCard
from tiaas.terminal.virtual.mishaps import CardMishap, Mishaps
from tiaas.terminal.virtual.terminal import VirtualTerminal

DAY = 86_400
pytestmark = pytest.mark.asyncio(loop_scope="session")

AUT_SMCB = "MF/DF.ESIGN/EF.C.HCI.AUT.E256"
AUT_EGK = "MF/DF.ESIGN/EF.C.CH.AUT.E256"
AUT_HBA = "MF/DF.ESIGN/EF.C.HP.AUT.R2048"
READ_BINARY = 0xB0
QES = "MF/DF.QES/EF.C.HP.QES.E256"


def check(handle: str | None = None, crypt: Crypt | None = None, mandant: str = "M1") -> CheckCertificateExpiration:
    return CheckCertificateExpiration(card_handle=handle, context=context(mandant), crypt=crypt)


# ---- CheckCertificateExpiration --------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4699-03", "TIP1-A_4697", "TIP1-A_4695")
@pytest.mark.parametrize("crypt", [None, Crypt.RSA, Crypt.ECC])
async def test_all_cards_of_the_mandant(surgery: Surgery, crypt: Crypt | None) -> None:
    answer = await surgery.call(check(crypt=crypt))
    write_envelope(answer)
    assert answer.status.result is Result.OK
    found = {entry.card_handle: entry for entry in answer.certificate_expiration}
    types = {surgery.core.cards.get(handle).card_type for handle in found if handle}
    assert types == {CardType.SMC_B, CardType.HBA, CardType.SMC_KT}
    hba = found[surgery.find(CardType.HBA).handle]
    assert hba.subject_common_name == surgery.find(CardType.HBA).data.holder_name
    assert (hba.ct_id, hba.iccsn) == (CT, surgery.hba.image.iccsn.hex())
    assert hba.serial_number.isdecimal()
    assert hba.validity > datetime.now(UTC).date()


async def test_the_konnektors_own_certificate(surgery: Surgery) -> None:
    certificate, _ = surgery.pki.sak("80276883990000000077")
    core = replace(surgery.core, device_certificate=certificate)
    (operation,) = expiration.operations(core)
    answer: Any = await operation.handler(check(), caller())
    own = answer.certificate_expiration[0]
    assert (own.ct_id, own.card_handle, own.iccsn) == ("", "", "")
    named: Any = await operation.handler(check(surgery.find(CardType.SMC_B).handle), caller())
    assert [entry.ct_id for entry in named.certificate_expiration] == [CT]


@pytest.mark.code(4132)
async def test_an_own_certificate_without_a_date(surgery: Surgery) -> None:
    certificate, _ = surgery.pki.sak("80276883990000000077")
    worn = certificate[:40] + bytes(len(certificate) - 40)
    (operation,) = expiration.operations(replace(surgery.core, device_certificate=worn))
    with pytest.raises(KonnektorError) as refused:
        await operation.handler(check(), caller())
    assert refused.value.code == 4132


async def test_the_smcb_of_another_mandant_is_not_told(surgery: Surgery) -> None:
    answer = await surgery.call(check(mandant="M2"))
    types = {surgery.core.cards.get(entry.card_handle).card_type for entry in answer.certificate_expiration}
    assert types == {CardType.HBA, CardType.SMC_KT}
    assert await code_of(surgery, check(surgery.find(CardType.SMC_B).handle, mandant="M2")) == 4013


@pytest.mark.code(4058, 4008)
async def test_cards_that_are_not_served(surgery: Surgery) -> None:
    assert await code_of(surgery, check(surgery.find(CardType.EGK).handle)) == 4058
    assert await code_of(surgery, check("gone")) == 4008


@pytest.mark.code(4257, 4147, 4256, 4258)
@pytest.mark.pitfall(33)
async def test_cards_of_one_algorithm(surgery: Surgery) -> None:
    """A card of generation 2.0 has no ECC certificate, one made without RSA has no other."""
    made = surgery.personaliser.smcb(surgery.seed.institutions[0])
    made.image.files["MF/EF.Version2"] = encode_version2(CardKind.SMC_B, bytes((4, 3, 0)))
    card = surgery.virtual(made)
    before = surgery.terminal.eject(1)
    await surgery.until(lambda: surgery.core.cards.at(CT, 1) is None)
    surgery.terminal.insert(1, card)
    await surgery.until(lambda: surgery.core.cards.at(CT, 1) is not None)
    handle = surgery.find(CardType.SMC_B).handle
    answer = await surgery.call(check(crypt=Crypt.ECC))
    assert answer.status.result is Result.WARNING
    (trace,) = answer.status.error.trace
    assert (trace.code, handle in trace.error_text) == (4257, True)
    assert handle not in [entry.card_handle for entry in answer.certificate_expiration]
    assert (await surgery.call(check(handle))).certificate_expiration[0].card_handle == handle
    assert (await surgery.call(check(handle, Crypt.ECC))).certificate_expiration == ()
    read = ReadCardCertificate(
        card_handle=handle,
        context=context(),
        cert_ref_list=CertRefList(cert_ref=(CertRef.C_AUT,)),
        crypt=Crypt.ECC,
    )
    assert await code_of(surgery, read) == 4258
    surgery.terminal.eject(1)
    await surgery.until(lambda: surgery.core.cards.at(CT, 1) is None)

    for path in [path for path in made.image.files if path.endswith("R2048")]:
        made.image.files[path] = b""
    made.image.files["MF/EF.Version2"] = encode_version2(CardKind.SMC_B, None)
    made.image.files["MF/DF.ESIGN/EF.C.HCI.AUT.R2048"] = b""
    surgery.terminal.insert(1, surgery.virtual(made))
    await surgery.until(lambda: surgery.core.cards.at(CT, 1) is not None)
    handle = surgery.find(CardType.SMC_B).handle
    assert await code_of(surgery, check(handle)) == 4147
    assert handle not in [e.card_handle for e in (await surgery.call(check())).certificate_expiration]
    assert (await surgery.call(check(handle, Crypt.ECC))).certificate_expiration[0].card_handle == handle
    surgery.terminal.eject(1)
    await surgery.until(lambda: surgery.core.cards.at(CT, 1) is None)
    surgery.terminal.insert(1, before)
    await surgery.until(lambda: surgery.core.cards.at(CT, 1) is not None)


class Pulling(Mishaps):
    """Somebody takes the card of a slot out when it is to be read, as the lab's fault `pulled` does."""

    def __init__(self, terminal: VirtualTerminal, slot: int) -> None:
        self._terminal, self._slot = terminal, slot
        self.taken: SlotCard | None = None

    def at_card(self, slot: int, card: SlotCard, header: bytes | None) -> CardMishap | None:
        if slot != self._slot or header is None or header[1] != READ_BINARY:
            return None
        self.taken = self._terminal.eject(slot)
        return CardMishap()


async def put_in(surgery: Surgery, slot: int, card: SlotCard) -> None:
    surgery.terminal.insert(slot, card)
    await surgery.until(lambda: surgery.core.cards.at(CT, slot) is not None)


@pytest.mark.code(4131)
async def test_a_card_that_is_pulled_while_it_is_read(surgery: Surgery) -> None:
    card = surgery.find(CardType.HBA)
    card.forget("C.AUT RSA")
    before, pulling = surgery.terminal.mishaps, Pulling(surgery.terminal, card.slot)
    surgery.terminal.mishaps = pulling
    try:
        assert await code_of(surgery, check(card.handle)) == 4131
    finally:
        surgery.terminal.mishaps = before
    assert pulling.taken is not None
    await surgery.until(lambda: surgery.core.cards.at(CT, card.slot) is None)
    await put_in(surgery, card.slot, pulling.taken)


@pytest.mark.code(4148)
async def test_a_certificate_file_that_is_defective(surgery: Surgery) -> None:
    card, files = surgery.find(CardType.HBA), surgery.hba.image.files
    assert (await surgery.call(check(card.handle))).status.result is Result.OK
    whole, files[AUT_HBA] = files[AUT_HBA], files[AUT_HBA][:40]
    card.forget("C.AUT RSA")
    try:
        assert await code_of(surgery, check(card.handle)) == 4148
    finally:
        files[AUT_HBA] = whole
        card.forget("C.AUT RSA")


@pytest.mark.code(4146)
async def test_a_card_that_is_gone_when_it_has_been_read(surgery: Surgery) -> None:
    """The race is made here: the card goes off the list between the answer to READ BINARY and that of the operation."""
    card = surgery.find(CardType.HBA)
    channel = card.basic
    card.forget("C.AUT RSA")
    transmit = channel.transmit

    async def gone(command: CommandApdu) -> Any:
        answer = await transmit(command)
        if command.ins == READ_BINARY:
            surgery.core.cards.remove(card.ct_id, card.slot)
        return answer

    channel.transmit = gone  # type: ignore[method-assign]
    assert await code_of(surgery, check(card.handle)) == 4146
    await put_in(surgery, card.slot, surgery.terminal.eject(card.slot))


# ---- VerifyCertificate -----------------------------------------------------------------------------------------------


async def verify(
    surgery: Surgery, online: OnlineTrust, der: bytes, at: datetime | None = None
) -> VerifyCertificateResponse:
    (operation,) = verification.operations(replace(surgery.core, trust=online.trust))
    request = VerifyCertificate(context=context(), x509_certificate=der, verification_time=at)
    answer = await operation.handler(request, caller())
    assert isinstance(answer, VerifyCertificateResponse)
    write_envelope(answer)
    return answer


def told(answer: VerifyCertificateResponse) -> tuple[VerificationResult, list[int]]:
    status = answer.verification_status
    return status.verification_result, [] if status.error is None else [step.code for step in status.error.trace]


@pytest.mark.requirement("TIP1-A_5449", "TIP1-A_4696-02")
async def test_valid_certificates(surgery: Surgery, online: OnlineTrust) -> None:
    for kind, path, role in (
        (CardKind.SMC_B, AUT_SMCB, Role.PRAXIS_ARZT),
        (CardKind.EGK, AUT_EGK, Role.VERSICHERTER),
        (CardKind.HBA, QES, Role.ARZT),
    ):
        answer = await verify(surgery, online, online.certificate(kind, path))
        assert told(answer) == (VerificationResult.VALID, []), path
        assert role.oid in answer.role_list.role


async def test_a_certificate_without_role_has_an_empty_one(surgery: Surgery, online: OnlineTrust) -> None:
    terminal = next(iter(next(iter(online.lab.practices.values())).terminals.values()))
    answer = await verify(surgery, online, online.lab.terminal_certificate(terminal))
    assert answer.status.result is Result.OK
    assert answer.role_list.role != ()


@pytest.mark.parametrize(
    ("fault", "result", "codes"),
    [
        ({"code": "revoked"}, VerificationResult.INVALID, [1047]),
        ({"code": "certHash-wrong"}, VerificationResult.INVALID, [1041]),
        ({"code": "signature-wrong"}, VerificationResult.INCONCLUSIVE, [1031]),
        ({"code": "tryLater"}, VerificationResult.INCONCLUSIVE, [1058]),
        ({"http": 503}, VerificationResult.INCONCLUSIVE, [1028]),
    ],
)
async def test_what_the_status_service_does(
    surgery: Surgery, online: OnlineTrust, fault: dict[str, object], result: VerificationResult, codes: list[int]
) -> None:
    online.lab.faults.add(Fault.from_document({"service": "ocsp", **fault}))
    answer = await verify(surgery, online, online.certificate(CardKind.SMC_B, AUT_SMCB))
    assert told(answer) == (result, codes)
    assert answer.status.result is Result.OK
    online.lab.faults.clear()


@pytest.mark.code(4260)
@pytest.mark.code(1021)
async def test_certificates_that_are_not_valid(surgery: Surgery, online: OnlineTrust) -> None:
    der = online.certificate(CardKind.SMC_B, AUT_SMCB)
    long_ago = online.clock.now() - timedelta(days=4000)
    assert told(await verify(surgery, online, der, long_ago)) == (VerificationResult.INVALID, [1021])
    broken = der[:-1] + bytes([der[-1] ^ 1])
    assert told(await verify(surgery, online, broken)) == (VerificationResult.INVALID, [1024])
    # The surgery's cards are from another PKI: its RSA CAs are in no list, its others have names of listed ones.
    foreign = surgery.pki.component(CertificateType.FD_TLS_S, Role.INT_VSDM, ["somewhere"])[0]
    assert told(await verify(surgery, online, foreign)) == (VerificationResult.INVALID, [1023])
    rsa = provided(surgery, surgery.smcb.image, "MF/DF.ESIGN/EF.C.HCI.AUT.R2048")
    assert told(await verify(surgery, online, rsa)) == (VerificationResult.INVALID, [1027, 4260])
    qes = provided(surgery, surgery.hba.image, "MF/DF.QES/EF.C.HP.QES.R2048")
    assert told(await verify(surgery, online, qes)) == (VerificationResult.INVALID, [1059])


def provided(surgery: Surgery, image: CardImage, path: str) -> bytes:
    if path not in image.files:
        assert surgery.personaliser.provide(image, path)
    return image.files[path]


async def test_the_log_has_what_the_trace_refers_to(
    surgery: Surgery, online: OnlineTrust, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[LoggedError] = []
    monkeypatch.setattr(surgery.core.protocol, "write_error", logged.append)
    answer = await verify(surgery, online, provided(surgery, surgery.smcb.image, "MF/DF.ESIGN/EF.C.HCI.AUT.R2048"))
    error = answer.verification_status.error
    assert error is not None
    assert [(entry.event_id, entry.error.code) for entry in logged] == [
        (step.log_reference, step.code) for step in error.trace
    ]


async def test_a_certificate_that_was_good_then(surgery: Surgery, online: OnlineTrust) -> None:
    der = online.certificate(CardKind.HBA, "MF/DF.ESIGN/EF.C.HP.AUT.E256")
    online.clock.advance(2 * 24 * 3600)
    before = online.clock.now() - timedelta(days=1)
    # This one alone: other tests share the card.
    online.lab.book.revoke(f"{decode_certificate_untrusted(der).serial_number:x}")
    assert told(await verify(surgery, online, der)) == (VerificationResult.INVALID, [1047])
    assert told(await verify(surgery, online, der, before)) == (VerificationResult.VALID, [])


@pytest.mark.code(4000, 4002)
async def test_what_ends_the_operation(surgery: Surgery, online: OnlineTrust, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await code_of(surgery, VerifyCertificate(context=context(), x509_certificate=b"0\x82")) == 4000
    der = surgery.pki.sak("80276883990000000078")[0]
    verdict = await surgery.call(VerifyCertificate(context=context(), x509_certificate=der))
    # Offline nobody can tell: everything but the status is right.
    assert told(verdict) == (VerificationResult.INCONCLUSIVE, [1039])
    with monkeypatch.context() as patched:
        patched.setattr(online.trust.lists, "is_outdated", lambda: True)
        with pytest.raises(KonnektorError) as caught:
            await verify(surgery, online, der)
    assert caught.value.code == 4002


# ---- the daily look --------------------------------------------------------------------------------------------------


def statuses(surgery: Surgery, clock: ManualClock) -> CardStatuses:
    core = surgery.core
    return CardStatuses(core.cards, core.trust, core.hub, core.protocol, core.online_mode, clock, core.entropy)


@pytest.mark.event("CERT/CARD/EXPIRATION")
@pytest.mark.requirement("TIP1-A_4691", "TIP1-A_4695")
@pytest.mark.pitfall(31)
async def test_certificates_that_end_are_told(surgery: Surgery) -> None:
    clock = ManualClock(datetime.now(UTC))
    ends = surgery.find(CardType.HBA).data.certificate_expiration
    assert ends is not None
    core = surgery.core
    watch = CertificateWatch(core.cards, core.terminals, core.hub, clock, statuses(surgery, clock))
    surgery.events.clear()
    await watch.look()
    assert surgery.events == [], "nothing ends soon"
    left = (ends - clock.now().date()).days
    clock.advance((left - 30) * DAY)
    await watch.look()
    told = [event for event in surgery.events if event.topic is Topic.CERT_CARD_EXPIRATION]
    hba = [dict(event.parameters) for event in told if event.card_handle == surgery.find(CardType.HBA).handle]
    assert {found["ZertName"] for found in hba} == {"C.HP.AUT.E256", "C.HP.AUT.R2048"}
    assert {found["DAYS_LEFT"] for found in hba} == {"30"}
    assert list(hba[0]) == [
        "CARD_TYPE",
        "ICCSN",
        "CARD_HANDLE",
        "CardHolderName",
        "ZertName",
        "ExpirationDate",
        "DAYS_LEFT",
    ]
    assert {event.severity for event in told} == {EventSeverity.INFO}
    assert not any(dict(event.parameters)["CARD_TYPE"] == "EGK" for event in told)
    surgery.events.clear()
    clock.advance(60 * DAY)
    await watch.look()
    ended = [event for event in surgery.events if event.topic is Topic.CERT_CARD_EXPIRATION]
    assert {event.severity for event in ended} == {EventSeverity.WARNING}
    assert not any("DAYS_LEFT" in dict(event.parameters) for event in ended)


@pytest.mark.requirement("A_23614-04", "A_23311", "TIP1-A_4695")
@pytest.mark.event("CERT/CARD/EXPIRATION")
async def test_a_card_that_comes_is_looked_at(surgery: Surgery) -> None:
    """Once, of the ECC certificate alone, and health cards never."""
    ends = surgery.find(CardType.HBA).data.certificate_expiration
    assert ends is not None
    clock = ManualClock(datetime.now(UTC))
    clock.advance(((ends - clock.now().date()).days - 30) * DAY)
    core = surgery.core
    watch = CertificateWatch(core.cards, core.terminals, core.hub, clock, statuses(surgery, clock))
    surgery.events.clear()
    await watch.look_at_arrivals()
    await watch.look_at_arrivals()
    told = [dict(event.parameters) for event in surgery.events if event.topic is Topic.CERT_CARD_EXPIRATION]
    names = [(found["CARD_TYPE"], found["ZertName"]) for found in told]
    assert sorted(names) == [("HBA", "C.HP.AUT.E256"), ("SMC-B", "C.HCI.AUT.E256")]


@pytest.mark.requirement("TIP1-A_4691")
@pytest.mark.parametrize(("every", "looks"), [(1, [1, 0, 1, 1]), (2, [1, 0, 0, 1]), (0, [0, 0, 0, 0])])
async def test_days_are_counted_by_the_clock(
    surgery: Surgery, monkeypatch: pytest.MonkeyPatch, every: int, looks: list[int]
) -> None:
    """CERT_EXPIRATION_CARD_CHECK_DAYS; 0: never."""
    clock, core, done = ManualClock(datetime.now(UTC)), surgery.core, 0
    watch = CertificateWatch(
        core.cards, core.terminals, core.hub, clock, statuses(surgery, clock), WatchDays(every=every)
    )

    async def look() -> None:
        nonlocal done
        done += 1

    monkeypatch.setattr(watch, "look", look)
    found = []
    for seconds in (0, DAY - 1, 1, DAY):
        clock.advance(seconds)
        done = 0
        await watch.tick()
        found.append(done)
    assert found == looks


# ---- the administrator's run -----------------------------------------------------------------------------------------


async def run_as(role: AdminRole, surgery: Surgery, clock: ManualClock, days: WatchDays) -> ExpiryRun:
    """The handler's answer for an administrator of that role."""
    core = surgery.core
    instance = SimpleNamespace(
        expiry=CertificateWatch(core.cards, core.terminals, core.hub, clock, statuses(surgery, clock), days),
        context=SimpleNamespace(clock=clock),
        config=SimpleNamespace(watch=days),
    )
    (route,) = (each for each in CERTIFICATE_ROUTES if each.path == "/certificates/expiry-run")
    assert role in route.roles
    run: ExpiryRun = await route.handler(Call(SimpleNamespace(instance=instance), Caller("a", role, "t"), {}))
    return run


@pytest.mark.requirement("TIP1-A_4704", "TIP1-A_4695")
async def test_the_administrators_run_shows_what_ends_and_tells_nobody(surgery: Surgery) -> None:
    clock = ManualClock(datetime.now(UTC))
    ends = surgery.find(CardType.HBA).data.certificate_expiration
    assert ends is not None
    surgery.events.clear()
    clock.advance(((ends - clock.now().date()).days - 30) * DAY)
    local = await run_as(AdminRole.LOKAL, surgery, clock, WatchDays())
    names = {(each.card_type, each.certificate, each.days_left) for each in local.expiring if each.card_type == "HBA"}
    assert names == {("HBA", "C.HP.AUT.E256", 30), ("HBA", "C.HP.AUT.R2048", 30)}
    assert all(each.iccsn for each in local.expiring)
    every = (await run_as(AdminRole.LOKAL, surgery, clock, WatchDays(warn=180))).expiring
    assert [each.days_left for each in every] == sorted(each.days_left for each in every)
    ended = ManualClock(clock.now() + timedelta(days=5000))
    all_of_them = await run_as(AdminRole.LOKAL, surgery, ended, WatchDays(warn=0))
    assert {each.card_type for each in all_of_them.expiring} == {"HBA", "SMC-B", "EGK", "SMC-KT"}
    assert len(all_of_them.expiring) == all_of_them.certificates
    remote = await run_as(AdminRole.REMOTE, surgery, ended, WatchDays())
    assert {each.card_type for each in remote.expiring} == {"SMC-B", "SMC-KT"}
    assert not any(each.iccsn or each.holder for each in remote.expiring)
    assert (await run_as(AdminRole.LOKAL, surgery, clock, WatchDays(warn=0))).expiring == ()
    assert surgery.events == [], "doInformClients is Nein"


async def test_a_card_that_cannot_be_read_is_shown(surgery: Surgery, monkeypatch: pytest.MonkeyPatch) -> None:
    hba = surgery.find(CardType.HBA)

    async def gone(command: CommandApdu) -> object:
        raise CardGone("pulled")

    monkeypatch.setattr(hba, "_cache", {})
    monkeypatch.setattr(hba.basic, "transmit", gone)
    run = await run_as(AdminRole.LOKAL, surgery, ManualClock(datetime.now(UTC)), WatchDays())
    assert [(each.card_type, each.code) for each in run.unread] == [("HBA", 4094)]
