"""SELECT and what it does to a channel."""

import pytest

from tests.cardbench import PIN, TODAY, block, desk, root
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.objsys import addresses, egk, hba
from tiaas.card.objsys.catalogue import kind_of_root, object_system
from tiaas.card.objsys.model import CardKind, Folder, RecordFile, TransparentFile, parent_of
from tiaas.card.virtual.image import PublicKey
from tiaas.tlv import decode_one_untrusted


@pytest.mark.parametrize("kind", CardKind)
def test_every_folder_and_file_can_be_selected(kind: CardKind) -> None:
    card = desk(kind)
    objects = object_system(kind).objects
    for path, item in objects.items():
        if isinstance(item, Folder):
            card.ok(commands.select_aid(item.aid, fcp=True))
        elif isinstance(item, TransparentFile | RecordFile):
            folder = objects[parent_of(path)]
            assert isinstance(folder, Folder)
            card.ok(commands.select_aid(folder.aid))
            fcp = decode_one_untrusted(card.ok(commands.select_ef(item.fid, fcp=True)))[0]
            assert fcp.tag == 0x62
            assert fcp.child(0x83).value == item.fid.to_bytes(2, "big")


@pytest.mark.parametrize("kind", CardKind)
def test_the_root_tells_the_kind(kind: CardKind) -> None:
    fcp = decode_one_untrusted(desk(kind).ok(commands.select_mf(fcp=True)))[0]
    # A Vorläuferkarte has the identifier of the HBA.
    assert kind_of_root(fcp.child(0x84).value) is (CardKind.HBA if kind is CardKind.HBA_QSIG else kind)


def test_fcp_is_cut_to_the_expected_length() -> None:
    card = desk()
    whole = card.ok(commands.select_aid(egk.AID_HCA, fcp=True))
    short = card.ok(CommandApdu(0x00, 0xA4, 0x04, 0x04, egk.AID_HCA, ne=256))
    assert len(whole) > 256
    assert short == whole[:256]


def test_unknown_leaves_the_channel_as_it_was() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    card.ok(commands.select_ef(0xD001))
    for command in (commands.select_aid(b"\xd2\x76\x00\x99"), commands.select_ef(0x1234), commands.select_df(0x1234)):
        assert card.sw(command) == 0x6A82
    assert card.sw(commands.read_binary()) == 0x6B00  # still EF.PD, which is empty here


def test_parent_and_next() -> None:
    card = desk()
    assert card.sw(commands.select_parent()) == 0x6A82
    card.ok(commands.select_aid(egk.AID_NFD))
    card.ok(commands.select_parent())
    assert card.sw(commands.read_binary(sfid=egk.SFID_PD)) == 0x6B00
    card.ok(commands.select_parent())
    assert card.sw(CommandApdu(0x00, 0xA4, 0x04, 0x0E, addresses.AID_ROOT_EGK)) == 0x6A82
    seen = 1
    while card.sw(CommandApdu(0x00, 0xA4, 0x04, 0x0E)) == 0x9000:
        seen += 1
    assert seen == sum(isinstance(item, Folder) for item in object_system(CardKind.EGK).objects.values())


@pytest.mark.parametrize("command", ["00A4050C", "00A4040B", "00A4020C01D0", "00A40800020001"])
def test_other_variants_are_refused(command: str) -> None:
    assert desk().raw(command) in ("6A86", "6700", "6A82")


def test_root_by_file_identifier() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    assert card.raw("00A4000C023F00") == "9000"
    card.ok(commands.read_binary(sfid=addresses.SFID_GDO))


def test_leaving_a_folder_drops_its_password_state() -> None:
    card = desk(CardKind.HBA)
    card.ok(commands.verify(hba.PIN_CH, block(PIN)))
    card.ok(commands.select_aid(hba.AID_QES))
    card.ok(commands.verify(hba.PIN_QES, block(PIN)))
    card.ok(commands.select_aid(hba.AID_QES))
    assert card.sw(commands.get_pin_status(hba.PIN_QES)) == 0x9000
    card.ok(commands.select_aid(addresses.AID_ESIGN))
    card.ok(commands.select_aid(hba.AID_QES))
    assert card.sw(commands.get_pin_status(hba.PIN_QES)) == 0x63C3
    assert card.sw(commands.get_pin_status(hba.PIN_CH)) == 0x9000


def test_leaving_a_folder_drops_its_key_and_environment() -> None:
    card = desk(CardKind.HBA)
    card.ok(commands.select_aid(hba.AID_QES))
    card.ok(commands.mse_private_sign(0x86, addresses.ALG_SIGN_ECDSA))
    card.ok(commands.mse_restore(2))
    assert card.sw(commands.pso_compute_signature(bytes(32))) == 0x6985  # RESTORE emptied the key reference
    assert card.sw(commands.verify(hba.PIN_QES, block(PIN))) == 0x6982  # SE 2 wants secure messaging
    card.ok(commands.select_mf())
    card.ok(commands.select_aid(hba.AID_QES))
    card.ok(commands.verify(hba.PIN_QES, block(PIN)))


def test_deactivated_folder() -> None:
    card = desk()
    card.ok(commands.verify(egk.MRPIN_HOME, block(PIN)))
    card.ok(commands.select_aid(egk.AID_NFD))
    card.ok(commands.deactivate())
    assert card.sw(commands.select_aid(egk.AID_NFD)) == 0x6283
    fcp = decode_one_untrusted(card.send(commands.select_aid(egk.AID_NFD, fcp=True)).data)[0]
    assert fcp.child(0x8A).value == b"\x04"
    assert card.sw(commands.select_ef(0xD010)) == 0x6283
    assert card.sw(commands.read_binary()) == 0x6982
    card.sw(commands.select_aid(egk.AID_NFD))
    card.ok(commands.activate())
    assert card.sw(commands.select_aid(egk.AID_NFD)) == 0x9000
    assert card.image.deactivated == set()


def test_deactivating_needs_the_condition() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_NFD))
    assert card.sw(commands.deactivate()) == 0x6982
    card.ok(commands.select_aid(egk.AID_HCA))
    card.ok(commands.verify(egk.MRPIN_HOME, block(PIN)))
    assert card.sw(commands.deactivate()) == 0x6982  # DF.HCA only with the CMS


def test_public_key_survives_folders_and_reset() -> None:
    card = desk()
    key = PublicKey(b"\x00\x06" + bytes(10), root().cvc.public_key, b"", bytes(7), TODAY)
    card.image.public_keys[key.key_id] = key
    card.ok(commands.mse_public_auth(key.key_id, addresses.ALG_ROLE))
    card.ok(commands.select_aid(egk.AID_HCA))
    card.ok(commands.get_challenge(16))
    assert card.sw(CommandApdu(0x00, 0x82, 0x00, 0x00, bytes(63))) == 0x6300
