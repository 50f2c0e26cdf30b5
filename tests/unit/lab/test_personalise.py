"""Cards of the lab: complete, consistent, recognisable as TEST-ONLY."""

from datetime import UTC, datetime

import pytest

from tests.cardbench import GENERATION_2
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.card.objsys import basefiles
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import (
    CardKind,
    Password,
    PrivateKey,
    RecordFile,
    SymmetricKey,
    TransparentFile,
    TransportStatus,
)
from tiaas.card.virtual.image import CardImage
from tiaas.lab.keys import read_key
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.lab.pki import LabPki
from tiaas.lab.seed import Seed, load_seed, parse_seed
from tiaas.pki.certificate import Certificate, decode_certificate_untrusted
from tiaas.pki.cvc import decode_cvc_untrusted
from tiaas.pki.cvcchain import check_cvc_chain
from tiaas.pki.oids import CertificateType, KeyUsage, Role
from tiaas.pki.path import Demands, check_path
from tiaas.pki.subject import COMMON_NAME, ORGANIZATION, ORGANIZATIONAL_UNIT, SERIAL_NUMBER, holder_of, values

CLOCK = ManualClock(datetime(2026, 6, 1, 12, tzinfo=UTC))
SEED = load_seed()
PKI = LabPki.create(SeededEntropy(b"pki"), CLOCK)
PERSONALISER = Personaliser(PKI, SEED, SeededEntropy(b"cards"), CLOCK, ocsp_url="http://127.0.0.1:9/ocsp")


def make(kind: CardKind) -> PersonalisedCard:
    if kind is CardKind.EGK:
        return PERSONALISER.egk(SEED.patients[0])
    if kind is CardKind.HBA:
        return PERSONALISER.hba(SEED.professionals[0])
    if kind is CardKind.HBA_QSIG:
        return PERSONALISER.hbaqsig(SEED.professionals[0])
    if kind is CardKind.SMC_B:
        return PERSONALISER.smcb(SEED.institutions[0])
    return PERSONALISER.gsmckt(1)


CARDS = {kind: make(kind) for kind in CardKind}

# What the object system has but a lab card has not: no specification at hand, or optional and empty in the field.
WITHOUT_KEY = ("PrK.HP.SIG.R2048", "PrK.HP.SIG.E256", "PrK.HP.AUTO.R3072")


def anchors() -> list[Certificate]:
    return [decode_certificate_untrusted(der) for der in PKI.ca_certificates]


@pytest.mark.parametrize("kind", CardKind)
def test_everything_fits_into_the_object_system(kind: CardKind) -> None:
    image, objects = CARDS[kind].image, object_system(kind).objects
    for path, content in image.files.items():
        file = objects[path]
        assert isinstance(file, TransparentFile), path
        assert 0 < len(content) <= file.size, path
    for path, records in image.records.items():
        record_file = objects[path]
        assert isinstance(record_file, RecordFile), path
        assert len(records) <= record_file.max_records
        assert all(0 < len(record) <= record_file.record_size for record in records), path
        assert record_file.total_size is None or sum(map(len, records)) <= record_file.total_size
    assert set(image.keys) <= set(objects)
    symmetric = [item for item in objects.values() if isinstance(item, SymmetricKey)]
    assert all(len(image.keys[item.path]) == 2 * item.size for item in symmetric)
    assert len({image.keys[item.path] for item in symmetric}) == len(symmetric)


@pytest.mark.parametrize("kind", CardKind)
def test_base_files(kind: CardKind) -> None:
    image = CARDS[kind].image
    assert basefiles.decode_gdo_untrusted(image.files["MF/EF.GDO"]) == image.iccsn
    basefiles.decode_atr_file_untrusted(image.files["MF/EF.ATR"])
    if kind in GENERATION_2:
        assert basefiles.decode_version2_untrusted(image.files["MF/EF.Version2"]).generation2
        assert image.files["MF/EF.CardAccess"] == basefiles.encode_card_access()
    assert image.records["MF/EF.DIR"]


@pytest.mark.parametrize(
    ("kind", "ca", "names"),
    [
        (CardKind.EGK, "CA_eGK", {"eGK.AUT_CVC": ("0009", "00000000000000")}),
        (
            CardKind.HBA,
            "CA_HPC",
            {"HPC.AUTR_CVC": ("0006", "005D29DAA0BB00"), "HPC.AUTD_SUK_CVC": ("0009", "0000000000000C")},
        ),
        (
            CardKind.SMC_B,
            "CA_SMC",
            {"SMC.AUTR_CVC": ("0006", "005D29DAA0BB00"), "SMC.AUTD_RPE_CVC": ("0009", "00000000000004")},
        ),
        (CardKind.SMC_KT, "CA_SMC", {"SMC.AUTD_RPS_CVC": ("000A", "00000000000002")}),
    ],
)
def test_cv_certificates(kind: CardKind, ca: str, names: dict[str, tuple[str, str]]) -> None:
    image = CARDS[kind].image
    issuer = decode_cvc_untrusted(image.files[f"MF/EF.C.{ca}.CS.E256"])
    for name, (key_id, flags) in names.items():
        cvc = decode_cvc_untrusted(image.files[f"MF/EF.C.{name}.E256"])
        check_cvc_chain(cvc, issuer, [PKI.cvc_root], CLOCK.now().date())
        assert cvc.chr.hex() == key_id.lower() + image.iccsn.hex()
        assert cvc.flags == bytes.fromhex(flags)
        assert read_key(image.keys[f"MF/PrK.{name}.E256"]).public_key().public_numbers() == cvc.key().public_numbers()
        assert len(cvc.encoded) == 0xDE
        # The CA may grant what the card gets: a card's effective rights are the AND of both.
        assert all(own & ca_flag == own for own, ca_flag in zip(cvc.flags, issuer.flags, strict=True))
    root = image.public_keys[PKI.cvc_root.chr]
    assert root.point == PKI.cvc_root.public_key
    assert root.checks_certificates


@pytest.mark.parametrize("kind", CardKind)
def test_x509_objects_on_demand(kind: CardKind) -> None:
    card = make(kind)
    image = card.image
    before = set(image.files)
    objects = object_system(kind).objects
    certificates = [
        path
        for path in objects
        if "/EF.C." in path and "CVC" not in path and ".CS." not in path and "R3072" not in path
    ]
    for path in certificates:
        provided = path in image.files or PERSONALISER.provide(image, path)
        assert provided is not (".SIG." in path), path
    for item in objects.values():
        if isinstance(item, PrivateKey):
            assert (item.path in image.keys or PERSONALISER.provide(image, item.path)) is not item.path.endswith(
                WITHOUT_KEY
            )
    made = [path for path in certificates if path in image.files]
    trusted = anchors()
    for path in made:
        certificate = decode_certificate_untrusted(image.files[path])
        check_path(certificate, trusted, CLOCK.now())
        key = certificate.key()
        assert key is not None
        stored = read_key(image.keys[path.replace("EF.C.", "PrK.")])
        assert key.public_numbers() == stored.public_key().public_numbers()
        file = objects[path]
        assert isinstance(file, TransparentFile)
        assert len(certificate.encoded) <= file.size
    assert len(before & set(certificates)) == 1


def provided(card: PersonalisedCard, path: str) -> Certificate:
    assert path in card.image.files or PERSONALISER.provide(card.image, path)
    return decode_certificate_untrusted(card.image.files[path])


def test_gs_a_4595_c_ch_aut() -> None:
    patient = SEED.patients[0]
    certificate = provided(CARDS[CardKind.EGK], "MF/DF.ESIGN/EF.C.CH.AUT.E256")
    holder = holder_of(certificate)
    assert (holder.kvnr, holder.insurer_ik) == (patient.kvnr, patient.insurer)
    assert holder.name == "Wilhelmine Brückner TEST-ONLY"
    assert values(certificate, ORGANIZATION) == ("Testkasse Morgenrot NOT-VALID",)
    assert holder.profession_oids == (Role.VERSICHERTER.oid,)
    check_path(certificate, anchors(), CLOCK.now(), demands=Demands(types=frozenset({CertificateType.CH_AUT})))
    assert certificate.ocsp_urls == ("http://127.0.0.1:9/ocsp",)
    assert certificate.not_after.year == 2031


def test_gs_a_4574_pseudonyms() -> None:
    card = CARDS[CardKind.EGK]
    autn = provided(card, "MF/DF.ESIGN/EF.C.CH.AUTN.E256")
    encv = provided(card, "MF/DF.ESIGN/EF.C.CH.ENCV.R2048")
    assert values(autn, COMMON_NAME) == values(encv, COMMON_NAME)
    assert len(values(autn, COMMON_NAME)[0]) == 64
    assert values(autn, ORGANIZATIONAL_UNIT) == (SEED.patients[0].insurer,)
    assert SEED.patients[0].kvnr not in str(autn.subject)
    assert encv.key_usage == frozenset({KeyUsage.KEY_ENCIPHERMENT, KeyUsage.DATA_ENCIPHERMENT})


def test_hba_certificates_share_the_serial_number() -> None:
    card = CARDS[CardKind.HBA]
    paths = ("MF/DF.ESIGN/EF.C.HP.AUT.E256", "MF/DF.ESIGN/EF.C.HP.ENC.E256", "MF/DF.QES/EF.C.HP.QES.E256")
    found = [provided(card, path) for path in paths]
    assert {values(certificate, SERIAL_NUMBER) for certificate in found} == {(f"99.{card.image.iccsn.hex()}",)}
    assert {holder_of(certificate).telematik_id for certificate in found} == {SEED.professionals[0].telematik_id}


def test_every_inhabitant_gets_a_card() -> None:
    cards = [PERSONALISER.egk(patient) for patient in SEED.patients]
    cards += [PERSONALISER.hba(person) for person in SEED.professionals]
    cards += [PERSONALISER.smcb(institution) for institution in SEED.institutions]
    cards += [PERSONALISER.gsmckt(number) for number in (1, 2)]
    assert len({card.image.iccsn for card in cards}) == len(cards)
    for card in cards:
        first = next(path for path in card.image.files if path.endswith(("AUT.E256", "AUT2.E256")))
        certificate = decode_certificate_untrusted(card.image.files[first])
        marks = values(certificate, COMMON_NAME) + values(certificate, ORGANIZATION)
        assert any("TEST-ONLY" in mark for mark in marks)
        assert all(len(value.encode()) <= 64 for _, value in certificate.subject)


def test_iccsn_follows_from_holder_and_edition() -> None:
    patient = SEED.patients[1]
    first, again, successor = (PERSONALISER.egk(patient, edition=edition).image.iccsn for edition in (0, 0, 1))
    assert first == again != successor
    assert first.hex().startswith("80276")


def test_pins() -> None:
    egk, hba = CARDS[CardKind.EGK], CARDS[CardKind.HBA]
    assert egk.pins["PIN.CH"].reveal() == b"123456"
    assert egk.image.passwords["MF/PIN.CH"].secret == egk.pins["PIN.CH"]
    assert egk.image.keys["MF/SK.CAN"] == b"123123"
    assert {"PIN.CH", "PUK.CH", "PIN.QES", "PUK.QES", "PUK.AUTO", "PUK.SO", "CAN"} == set(hba.pins)
    other = PERSONALISER.egk(SEED.patients[1])
    assert len(other.pins["PIN.CH"].reveal()) == 6
    assert len(other.pins["PUK.CH"].reveal()) == 8
    assert other.pins["PIN.CH"] != egk.pins["PIN.CH"]
    assert "123456" not in repr(egk)


@pytest.mark.parametrize("transport", [False, True])
def test_transport_state(transport: bool) -> None:
    card = PERSONALISER.hba(SEED.professionals[0], transport=transport)
    state = card.image.passwords["MF/DF.QES/PIN.QES"]
    assert state.transport is (TransportStatus.TRANSPORT_PIN if transport else TransportStatus.REGULAR)
    assert len(card.pins["PIN.QES"].reveal()) == (5 if transport else 6)
    leer = card.image.passwords["MF/DF.AUTO/PIN.AUTO"]
    assert (leer.secret, leer.transport) == (None, TransportStatus.LEER_PIN)
    for path, item in object_system(CardKind.HBA).objects.items():
        if isinstance(item, Password):
            assert card.image.passwords[path].retry_counter == 3


def test_stored_card_is_completed_after_a_restart_without_its_seed() -> None:
    card = PERSONALISER.egk(SEED.patients[2])
    image = CardImage.from_document(card.image.to_document())
    pki = LabPki.from_document(PKI.to_document(), SeededEntropy(b"later"), CLOCK)
    nobody: Seed = parse_seed("insurers = []\npatients = []\nprofessionals = []\ninstitutions = []\n", "x")
    later = Personaliser(pki, nobody, SeededEntropy(b"later"), CLOCK)
    assert later.provide(image, "MF/DF.ESIGN/PrK.CH.ENC.E256")
    certificate = decode_certificate_untrusted(image.files["MF/DF.ESIGN/EF.C.CH.ENC.E256"])
    assert holder_of(certificate).kvnr == SEED.patients[2].kvnr
    assert certificate.ocsp_urls == ()


def test_ecc_only_cards_have_no_rsa() -> None:
    pki = LabPki.create(SeededEntropy(b"ecc"), CLOCK, ecc_only=True)
    personaliser = Personaliser(pki, SEED, SeededEntropy(b"ecc"), CLOCK)
    image = personaliser.smcb(SEED.institutions[0]).image
    assert not personaliser.provide(image, "MF/DF.ESIGN/EF.C.HCI.AUT.R2048")
    assert not personaliser.provide(image, "MF/DF.ESIGN/PrK.HCI.AUT.R2048")
    assert personaliser.provide(image, "MF/DF.ESIGN/PrK.HCI.OSIG.E256")


def test_unknown_paths_are_not_provided() -> None:
    image = CARDS[CardKind.EGK].image
    for path in ("MF/DF.ESIGN/EF.C.HP.AUT.E256", "MF/EF.GDO", "MF/DF.HCA/EF.PD", "nonsense", "MF/DF.HCA/EF.Standalone"):
        assert not PERSONALISER.provide(image, path)


@pytest.mark.parametrize(
    ("number", "organization", "has_serial"),
    [(0, "999910100", False), (2, "2-2099999000103", True), (3, "3-2.2.1099999.10.104", True), (4, "269990109", True)],
)
def test_institution_subjects_by_sector(number: int, organization: str, has_serial: bool) -> None:
    card = PERSONALISER.smcb(SEED.institutions[number])
    certificate = provided(card, "MF/DF.ESIGN/EF.C.HCI.AUT.E256")
    assert values(certificate, ORGANIZATION) == (f"{organization} NOT-VALID",)
    assert bool(values(certificate, SERIAL_NUMBER)) is has_serial
    assert holder_of(certificate).telematik_id == SEED.institutions[number].telematik_id
