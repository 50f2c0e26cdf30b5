"""Broken cards, ECC-only cards, answers to reset."""

import pytest

from tests.cardbench import Desk, block, desk, make_image
from tests.unit.card.test_pace import Channel
from tiaas.card import commands
from tiaas.card.apdu import BadApdu, decode_response_untrusted
from tiaas.card.atr import Atr, BadAtr, decode_atr_untrusted
from tiaas.card.link import CardTimeout
from tiaas.card.objsys import egk
from tiaas.card.objsys.addresses import AID_ESIGN, SFID_GDO
from tiaas.card.objsys.model import CardKind, Interface, KeyProfile
from tiaas.card.securemessaging import BadSecureMessaging
from tiaas.card.virtual.card import ATR, ATR_CONTACTLESS
from tiaas.card.virtual.defects import Defect, DefectKind
from tiaas.card.virtual.image import BadImage, CardImage


def broken(kind: DefectKind, path: str | None = None, after: int = 0) -> Desk:
    card = desk()
    card.image.defect = Defect(kind, path, after)
    return card


@pytest.mark.parametrize(
    ("atr", "wanted"),
    [
        (ATR, Atr((1, 1, 15), b"")),
        (ATR_CONTACTLESS, Atr((0, 1), b"")),
        (bytes.fromhex("3BD096FF81B1FE451F072A"), Atr((1, 1, 15), b"")),
        (bytes.fromhex("3B024142"), Atr((), b"AB")),
    ],
)
def test_answers_to_reset(atr: bytes, wanted: Atr) -> None:
    assert decode_atr_untrusted(atr) == wanted


@pytest.mark.parametrize(
    "atr", ["", "3B", "3C00", "3B909681B1FE451F0392", "3B909681B1FE451F03", "3B8080", "3B01", "3B0041"]
)
def test_no_answers_to_reset(atr: str) -> None:
    with pytest.raises(BadAtr):
        decode_atr_untrusted(bytes.fromhex(atr))


def test_a_mute_card() -> None:
    card = broken(DefectKind.MUTE)
    for call in (card.card.reset, lambda: card.card.atr, lambda: card.send(commands.select_mf())):
        with pytest.raises(CardTimeout):
            call()


def test_a_card_with_a_wrong_answer_to_reset() -> None:
    with pytest.raises(BadAtr):
        decode_atr_untrusted(broken(DefectKind.WRONG_ATR).card.reset())


def test_a_broken_file() -> None:
    card = broken(DefectKind.BROKEN_FILE, "MF/EF.GDO")
    response = card.send(commands.read_binary(sfid=SFID_GDO))
    assert response.sw == 0x6281
    assert len(response.data) == 12
    assert card.image.iccsn not in response.data
    assert card.sw(commands.read_binary(sfid=0x11)) == 0x9000


def test_a_file_that_cannot_be_read() -> None:
    card = broken(DefectKind.READ_ERROR, "MF/DF.HCA/EF.PD")
    card.image.files["MF/DF.HCA/EF.PD"] = bytes(10)
    card.ok(commands.select_aid(egk.AID_HCA))
    assert card.raw("00B0810000").endswith("6581")


def test_wrong_checksums() -> None:
    channel = Channel(desk())
    channel.card.image.defect = Defect(DefectKind.WRONG_CHECKSUM)
    with pytest.raises(BadSecureMessaging):
        channel.send(commands.read_binary(sfid=SFID_GDO))
    assert channel.card.sw(commands.select_mf()) == 0x9000


def test_garbage() -> None:
    card = broken(DefectKind.GARBAGE)
    answers = set()
    for _ in range(20):
        raw = card.card.process(commands.select_mf().encode())
        answers.add(raw)
        try:
            decode_response_untrusted(raw)
        except BadApdu:
            assert len(raw) < 2
    assert len(answers) > 15


def test_a_card_that_dies_has_done_its_last_command() -> None:
    card = broken(DefectKind.DIES, after=1)
    wrong = commands.verify(egk.PIN_CH, block("000000"))
    assert card.sw(wrong) == 0x63C2
    for _ in range(2):
        with pytest.raises(CardTimeout):
            card.send(wrong)
        card.card.reset()
    assert card.image.passwords["MF/PIN.CH"].retry_counter == 1


@pytest.mark.parametrize(
    ("kind", "path", "after"),
    [(DefectKind.MUTE, "MF/EF.GDO", 0), (DefectKind.BROKEN_FILE, None, 0), (DefectKind.DIES, None, -1)],
)
def test_defects_that_cannot_be(kind: DefectKind, path: str | None, after: int) -> None:
    with pytest.raises(ValueError, match=r"a (file|card)"):
        Defect(kind, path, after)


def test_images_keep_defect_and_profile() -> None:
    image = make_image(CardKind.HBA)
    image.defect = Defect(DefectKind.READ_ERROR, "MF/EF.GDO")
    image.profile = KeyProfile.ECC_ONLY
    document = image.to_document()
    assert CardImage.from_document(document) == image
    for key in ("defect", "profile"):
        del document[key]
    old = CardImage.from_document(document)
    assert (old.defect, old.profile) == (None, KeyProfile.RSA_AND_ECC)
    document["defect"] = {"kind": "gone", "path": None, "commands": 0}
    with pytest.raises(BadImage):
        CardImage.from_document(document)


def test_an_ecc_only_card_has_no_rsa_objects() -> None:
    image = make_image(CardKind.EGK)
    image.profile = KeyProfile.ECC_ONLY
    card = Desk(image)
    card.ok(commands.select_aid(AID_ESIGN))
    assert card.sw(commands.select_ef(0xC500)) == 0x6A82
    assert card.sw(commands.select_ef(0xC504)) == 0x9000
    assert card.sw(commands.mse_private_sign(0x82, 0x05)) == 0x6A88
    assert card.sw(commands.mse_private_sign(0x84, 0x00)) == 0x9000
    assert desk().card.reset(Interface.CONTACTLESS) == ATR_CONTACTLESS
