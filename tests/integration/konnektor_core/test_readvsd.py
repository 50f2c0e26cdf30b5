"""ReadVSD without online check, with cards that compute: unlock, authenticity, data, log, and what can go wrong."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.integration.konnektor_core.practice import CALL, Practice, fixed_trust
from tiaas.card.apdu import CommandApdu
from tiaas.card.objsys.basefiles import encode_version2
from tiaas.card.objsys.model import CardKind
from tiaas.card.virtual.image import CardImage
from tiaas.fachdienste.vsdm.containers import StatusVd, decode_pd_untrusted, encode_status_vd
from tiaas.konnektor import rounds
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.vsdm import InsuredData, Wishes
from tiaas.lab.cvcpki import CvcAuthorityKind
from tiaas.lab.personalise import Personaliser
from tiaas.pki.cvc import decode_cvc_untrusted


@pytest.fixture
def practice() -> Practice:
    return Practice()


async def read(
    practice: Practice, egk: Card, hpc: Card, call: CallContext = CALL, *, receipt: bool = False
) -> InsuredData:
    return await practice.vsdm.read(egk, hpc, call, Wishes(receipt=receipt))


def image(practice: Practice, card: Card) -> CardImage:
    return practice.lines[card.handle].card.image


async def unlocked_smcb(practice: Practice) -> Card:
    smcb = await practice.smcb()
    await practice.unlock(smcb, "PIN.SMC")
    return smcb


async def refused(practice: Practice, egk: Card, hpc: Card, *, receipt: bool = False) -> KonnektorError:
    with pytest.raises(KonnektorError) as caught:
        await read(practice, egk, hpc, receipt=receipt)
    assert not egk.reserved
    assert not hpc.reserved
    return caught.value


@pytest.mark.requirement("TIP1-A_4559")
async def test_opening_tells_type_name_kvnr_and_expiry(practice: Practice) -> None:
    egk, smcb, hba = await practice.egk(), await practice.smcb(), await practice.hba()
    patient = practice.seed.patients[0]
    assert (egk.card_type, egk.data.kvnr) == (CardType.EGK, patient.kvnr)
    assert egk.data.holder_name is not None
    assert patient.name.surname in egk.data.holder_name
    assert egk.data.certificate_expiration is not None
    assert egk.data.iccsn == image(practice, egk).iccsn.hex()
    assert (smcb.card_type, smcb.data.kvnr) == (CardType.SMC_B, None)
    assert hba.card_type is CardType.HBA
    terminal_card = await practice.insert(practice.personaliser.gsmckt(1))
    assert terminal_card.card_type is CardType.SMC_KT
    # TIP1-A_4559: DF.KT is not touched; nothing but the root folder was selected.
    sent = practice.lines[terminal_card.handle].sent
    assert [command.ins for command in sent] == [0xA4, 0xB0, 0xB0]
    assert all(not command.data for command in sent)


@pytest.mark.event("VSDM/PROGRESS/READVSD")
@pytest.mark.parametrize("profession", ["SMC-B", "HBA"])
@pytest.mark.requirement("TIP1-A_4572", "TIP1-A_4573", "TIP1-A_4580", "TIP1-A_4583")
@pytest.mark.requirement("TIP1-A_4577")
async def test_the_protected_data_come_with_the_right_and_leave_a_log_entry(
    practice: Practice, profession: str
) -> None:
    egk = await practice.egk()
    hpc = await practice.smcb() if profession == "SMC-B" else await practice.hba()
    await practice.unlock(hpc, "PIN.SMC" if profession == "SMC-B" else "PIN.CH")
    data = await read(practice, egk, hpc)
    files = image(practice, egk).files
    assert data.pd == decode_pd_untrusted(files["MF/DF.HCA/EF.PD"])
    assert data.gvd is not None
    assert not data.status.transaction_open
    record = image(practice, egk).records["MF/DF.HCA/EF.Logging"][0]
    assert len(record) == 46
    assert int.from_bytes(record[:4], "big") == int(practice.clock.now().timestamp())
    assert record[6:16] == image(practice, hpc).iccsn
    assert record[16:46].decode().strip()
    assert not egk.reserved
    started = [event for event in practice.events if event.topic is Topic.VSDM_PROGRESS_READVSD]
    assert len(started) == 1
    assert dict(started[0].parameters)["KVNR"] == egk.data.kvnr


async def test_round_trips(practice: Practice) -> None:
    """Goal: at most 12 one after the other, also at the first contact of an eGK with this SMC-B's issuer."""
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    rounds.reset()
    await read(practice, egk, smcb)
    first = rounds.depth()
    rounds.reset()
    await read(practice, egk, smcb)
    again = rounds.depth()
    assert first <= 12
    assert again == 4
    # The same card comes back: it knows the issuer's key by now.
    practice.cards.remove("CT1", egk.slot)
    back = await practice.insert(practice.personalised[egk.handle])
    rounds.reset()
    await read(practice, back, smcb)
    assert rounds.depth() < first


async def test_without_preparation_it_works_as_well(practice: Practice) -> None:
    egk, smcb = await practice.egk(prepare=False), await unlocked_smcb(practice)
    assert (await read(practice, egk, smcb)).gvd is not None


@pytest.mark.code(3041, 3042)
async def test_3041_names_the_smcb_and_3042_the_hba(practice: Practice) -> None:
    egk, smcb, hba = await practice.egk(), await practice.smcb(), await practice.hba()
    error = await refused(practice, egk, smcb)
    assert (error.code, error.detail) == (3041, smcb.handle)
    assert (await refused(practice, egk, hba)).code == 3042


async def test_a_pin_that_the_card_has_lost_is_3041_and_forgotten(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    channel = smcb.session(CALL).channel
    assert channel is not None
    await channel.reset()
    assert (await refused(practice, egk, smcb)).code == 3041
    assert not smcb.session(CALL).auth_state


async def test_unlocking_under_one_mandant_is_not_for_another(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    with pytest.raises(KonnektorError) as caught:
        await read(practice, egk, smcb, CallContext("M2", "CS1", "AP1"))
    assert caught.value.code == 3041


async def test_3001_with_an_open_transaction(practice: Practice) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    made.image.files["MF/DF.HCA/EF.StatusVD"] = encode_status_vd(StatusVd(True, practice.clock.now()))
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    assert (await refused(practice, egk, smcb)).code == 3001


@pytest.mark.code(3011)
@pytest.mark.parametrize("name", ["EF.PD", "EF.VD", "EF.GVD", "EF.StatusVD"])
async def test_3011_names_the_container(practice: Practice, name: str) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    made.image.files[f"MF/DF.HCA/{name}"] = b"\x00\x08rubbish!"
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    error = await refused(practice, egk, smcb)
    assert (error.code, error.detail) == (3011, name)


@pytest.mark.code(114)
@pytest.mark.requirement("TIP1-A_4579")
async def test_114_when_the_health_application_is_deactivated(practice: Practice) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    made.image.deactivated.add("MF/DF.HCA")
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    assert (await refused(practice, egk, smcb)).code == 114


@pytest.mark.code(107)
async def test_107_when_the_egk_certificate_does_not_stand(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    practice.clock.advance(6 * 365 * 86400)
    assert (await refused(practice, egk, smcb)).code == 107


async def test_3040_without_receipt_and_3039_with_a_foreign_one(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    assert (await refused(practice, egk, smcb, receipt=True)).code == 3040
    image(practice, egk).files["MF/DF.HCA/EF.Pruefungsnachweis"] = b"\x01foreign"
    assert (await refused(practice, egk, smcb, receipt=True)).code == 3039


@pytest.mark.code(108)
async def test_108_when_the_log_cannot_be_written(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    line = practice.lines[egk.handle]

    def spoil(command: CommandApdu) -> None:
        if command.ins == 0xE2:
            line.card.image.deactivated.add("MF/DF.HCA/EF.Logging")

    line.before = spoil
    error = await refused(practice, egk, smcb)
    assert (error.code, [cause.code for cause in error.causes]) == (108, [4085])


async def test_3011_tells_what_the_card_said(practice: Practice) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    made.image.deactivated.add("MF/DF.HCA/EF.VD")
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    error = await refused(practice, egk, smcb)
    assert (error.code, error.detail, [cause.code for cause in error.causes]) == (3011, "EF.VD", [4085])


async def test_4057_when_the_egk_is_a_copy(practice: Practice) -> None:
    """A card with another's CV certificate cannot sign with its key."""
    made = practice.personaliser.egk(practice.seed.patients[0])
    other = practice.personaliser.egk(practice.seed.patients[1])
    path = "MF/PrK.eGK.AUT_CVC.E256"
    made.image.keys[path] = other.image.keys[path]
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    assert (await refused(practice, egk, smcb)).code == 4057


@pytest.mark.parametrize(("profession", "code"), [("eGK", 4057), ("SMC-B", 4196), ("HBA", 4196)])
@pytest.mark.requirement("TIP1-A_5482-01")
@pytest.mark.code(4057, 4196)
async def test_another_cards_key_does_not_vouch_for_an_egk(practice: Practice, profession: str, code: int) -> None:
    """Key and CV certificates of a genuine card on a card with foreign data: the CHR or the profile gives it away."""
    made = practice.personaliser.egk(practice.seed.patients[0])
    lender, name, issuer = {
        "eGK": (practice.personaliser.egk(practice.seed.patients[1]), "eGK.AUT", "eGK"),
        "SMC-B": (practice.personaliser.smcb(practice.seed.institutions[1]), "SMC.AUTR", "SMC"),
        "HBA": (practice.personaliser.hba(practice.seed.professionals[0]), "HPC.AUTR", "HPC"),
    }[profession]
    made.image.keys["MF/PrK.eGK.AUT_CVC.E256"] = lender.image.keys[f"MF/PrK.{name}_CVC.E256"]
    made.image.files["MF/EF.C.eGK.AUT_CVC.E256"] = lender.image.files[f"MF/EF.C.{name}_CVC.E256"]
    made.image.files["MF/EF.C.CA_eGK.CS.E256"] = lender.image.files[f"MF/EF.C.CA_{issuer}.CS.E256"]
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    error = await refused(practice, egk, smcb)
    assert (error.code, error.causes) == (code, ())
    assert not egk.session(CALL).auth_state


@pytest.mark.parametrize(("key_id", "flags", "code"), [(0x09, "00000000000001", 4196), (0x06, "00000000000000", 4057)])
async def test_an_egk_with_another_role_or_key_is_not_genuine(
    practice: Practice, key_id: int, flags: str, code: int
) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    path = "MF/EF.C.eGK.AUT_CVC.E256"
    key, today = decode_cvc_untrusted(made.image.files[path]).key(), practice.clock.now().date()
    issued = practice.pki.cvc.card(CvcAuthorityKind.EGK, key, key_id, made.image.iccsn, bytes.fromhex(flags), today)
    made.image.files[path] = issued.encoded
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    assert (await refused(practice, egk, smcb)).code == code


@pytest.mark.parametrize("profession", ["SMC-B", "HBA"])
@pytest.mark.code(4056)
async def test_4056_when_the_source_has_another_cards_certificate(practice: Practice, profession: str) -> None:
    maker = practice.personaliser
    if profession == "SMC-B":
        made, other = (maker.smcb(practice.seed.institutions[number]) for number in (0, 1))
        name, pin = "SMC", "PIN.SMC"
    else:
        made, other = (maker.hba(practice.seed.professionals[0], edition=edition) for edition in (0, 1))
        name, pin = "HPC", "PIN.CH"
    made.image.keys[f"MF/PrK.{name}.AUTR_CVC.E256"] = other.image.keys[f"MF/PrK.{name}.AUTR_CVC.E256"]
    made.image.files[f"MF/EF.C.{name}.AUTR_CVC.E256"] = other.image.files[f"MF/EF.C.{name}.AUTR_CVC.E256"]
    egk, hpc = await practice.egk(), await practice.insert(made)
    await practice.unlock(hpc, pin)
    error = await refused(practice, egk, hpc)
    assert (error.code, error.causes) == (4056, ())


@pytest.mark.code(4228)
async def test_4228_when_the_root_of_the_egk_is_not_trusted(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    rootless = replace(practice.trust.space, cvc_roots=())
    practice.vsdm._c2c._trust = fixed_trust(rootless, practice.clock, practice.entropy)
    assert (await refused(practice, egk, smcb)).code == 4228


@pytest.mark.requirement("TIP1-A_6031", "TIP1-A_4558")
async def test_an_smcb_whose_data_are_read_anew_after_24_hours_stays_unlocked(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    line = practice.lines[smcb.handle]
    await read(practice, egk, smcb)
    known = len(line.sent)
    await read(practice, egk, smcb)
    assert 0xB0 not in {command.ins for command in line.sent[known:]}
    practice.clock.advance(25 * 3600)
    known = len(line.sent)
    assert (await read(practice, egk, smcb)).pd
    again = {command.ins for command in line.sent[known:]}
    assert 0xB0 in again
    assert 0x70 not in again, "no channel is reset"


@pytest.mark.requirement("TIP1-A_5482-01")
@pytest.mark.code(4196)
@pytest.mark.parametrize(("whose", "code"), [("egk", 4196), ("smcb", 4057)])
async def test_a_cv_certificate_that_has_ended(practice: Practice, whose: str, code: int) -> None:
    """The Konnektor looks at that of the eGK, and the eGK refuses that of the source."""
    ended = Personaliser(
        practice.pki,
        practice.seed,
        practice.entropy,
        practice.clock,
        cvc_last=practice.clock.now().date() - timedelta(days=1),
    )
    egk = await (practice.insert(ended.egk(practice.seed.patients[1])) if whose == "egk" else practice.egk())
    smcb = await practice.insert(
        (ended if whose == "smcb" else practice.personaliser).smcb(practice.seed.institutions[0])
    )
    await practice.unlock(smcb, "PIN.SMC")
    assert (await refused(practice, egk, smcb)).code == code


@pytest.mark.requirement("TIP1-A_5482-01")
@pytest.mark.code(4233)
async def test_cvc_of_the_source_from_the_future_is_4233(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    source = await practice.vsdm._c2c.source(smcb)
    late = replace(source.end_entity, ced=source.end_entity.ced.replace(year=2099))
    smcb.forget("cvc")

    async def loaded() -> object:
        return replace(source, end_entity=late)

    await smcb.cached("cvc", practice.clock, loaded)
    assert (await refused(practice, egk, smcb)).code == 4233


@pytest.mark.code(105)
async def test_wrong_cards(practice: Practice) -> None:
    egk, other, smcb = await practice.egk(), await practice.egk(1), await practice.smcb()
    assert (await refused(practice, egk, other)).code == 4058
    assert (await refused(practice, smcb, smcb)).code == 4058
    unknown = practice.cards.insert("CT1", 9, replace(egk.data, card_type=CardType.UNKNOWN), practice.lines[egk.handle])
    assert (await refused(practice, unknown, smcb)).code == 105


@pytest.mark.code(113)
async def test_a_card_of_generation_1_is_113(practice: Practice) -> None:
    made = practice.personaliser.egk(practice.seed.patients[1])
    made.image.files["MF/EF.Version2"] = encode_version2(CardKind.EGK, bytes((3, 0, 0)))
    old, smcb = await practice.insert(made), await practice.smcb()
    assert old.card_type is CardType.UNKNOWN
    assert (await refused(practice, old, smcb)).code == 113


@pytest.mark.code(109)
async def test_an_smcb_without_a_readable_name_is_109(practice: Practice) -> None:
    """The reader's name stands in the log entry on the eGK; without it nobody may read the protected data."""
    made = practice.personaliser.smcb(practice.seed.institutions[0])
    for path in ("MF/DF.ESIGN/EF.C.HCI.OSIG.E256", "MF/DF.ESIGN/EF.C.HCI.OSIG.R2048"):
        made.image.files[path] = b"\x30\x01\x00"
    egk, smcb = await practice.egk(), await practice.insert(made, prepare=False)
    await practice.unlock(smcb, "PIN.SMC")
    assert (await refused(practice, egk, smcb)).code == 109


# ---- several at once, and cards that go


async def test_several_workplaces_read_with_one_smcb_at_once(practice: Practice) -> None:
    smcb = await unlocked_smcb(practice)
    patients = [await practice.egk(number) for number in range(4)]
    results = await asyncio.gather(*(read(practice, egk, smcb) for egk in patients))
    for egk, data in zip(patients, results, strict=True):
        assert data.pd == decode_pd_untrusted(image(practice, egk).files["MF/DF.HCA/EF.PD"])
        assert data.gvd is not None


async def test_the_second_reader_of_a_card_gets_4093(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    outcomes = await asyncio.gather(*(read(practice, egk, smcb) for _ in range(3)), return_exceptions=True)
    codes = sorted(outcome.code if isinstance(outcome, KonnektorError) else 0 for outcome in outcomes)
    assert codes == [0, 4093, 4093]
    assert (await read(practice, egk, smcb)).gvd is not None


async def test_a_reserved_smcb_is_4093(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    async with smcb.reserve():
        with pytest.raises(KonnektorError) as caught:
            await read(practice, egk, smcb)
    assert caught.value.code == 4093
    assert not egk.reserved


class Puller:
    """Pulls a card out when it is sent its command number `step`, counted from now on."""

    def __init__(self, practice: Practice, card: Card, step: int) -> None:
        self.practice = practice
        self.card = card
        self.left = step
        self.line = practice.lines[card.handle]
        self.line.before = self

    def __call__(self, command: CommandApdu) -> None:
        if self.left == 0:
            self.line.pulled = True
            self.practice.cards.remove(self.card.ct_id, self.card.slot)
        self.left -= 1


@pytest.mark.parametrize(("victim", "step"), [("eGK", n) for n in range(12)] + [("SMC-B", n) for n in range(2)])
async def test_a_card_pulled_at_any_step_is_4094_and_leaves_no_lock(practice: Practice, victim: str, step: int) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    pulled = egk if victim == "eGK" else smcb
    Puller(practice, pulled, step)
    assert (await refused(practice, egk, smcb)).code == 4094
    assert practice.cards.find(pulled.handle) is None
    assert not egk.basic.mutex.locked()


async def test_the_steps_above_are_all(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    pullers = Puller(practice, egk, 12), Puller(practice, smcb, 2)
    await read(practice, egk, smcb)
    assert [puller.left for puller in pullers] == [0, 0]


async def test_cancelling_at_any_moment_leaves_a_card_that_can_be_read(practice: Practice) -> None:
    egk, smcb = await practice.egk(), await unlocked_smcb(practice)
    for moment in range(40):
        task = asyncio.create_task(read(practice, egk, smcb))
        for _ in range(moment):
            await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        assert not egk.reserved
        assert not egk.basic.mutex.locked()
    assert (await read(practice, egk, smcb)).gvd is not None


async def test_rights_granted_to_one_do_not_serve_the_next(practice: Practice) -> None:
    """A role without the right to GVD gets none, though another had opened the same inserted card before."""
    doctor = await unlocked_smcb(practice)
    egk = await practice.egk()
    made = practice.personaliser.smcb(practice.seed.institutions[0], edition=1)
    other = await practice.insert(made)
    await practice.unlock(other, "PIN.SMC")
    assert (await read(practice, egk, doctor)).gvd is not None
    line = practice.lines[egk.handle]
    line.sent.clear()
    await read(practice, egk, other)
    assert (line.sent[0].ins, line.sent[0].p1) == (0x70, 0x40)
    line.sent.clear()
    assert (await read(practice, egk, other)).gvd is not None
    assert 0x82 not in [command.ins for command in line.sent]


def test_trust_space_reads_files() -> None:
    practice = Practice()
    trust = TrustSpace.read(practice.pki.ca_certificates, [practice.pki.cvc_root.encoded])
    assert trust.cvc_roots == (practice.pki.cvc_root,)
    assert trust.cross_cvcs == ()
