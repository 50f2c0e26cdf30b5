"""gemSpec_COS V3.12.0 by requirement id: what a reader of the specification would try first.

Everything else of the operating system is in `tests/unit/card`, named by what it does.
"""

from tests.cardbench import OTHER_PIN, PIN, PUK, block, desk
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.objsys import addresses, egk
from tiaas.card.objsys.model import CardKind, RecordKind, TransportStatus


def test_N022_200_a_disabled_password_makes_its_condition_true() -> None:
    card = desk()
    card.image.files["MF/DF.HCA/EF.GVD"] = b"x"
    card.ok(commands.select_aid(egk.AID_HCA))
    assert card.sw(commands.read_binary(sfid=egk.SFID_GVD)) == 0x6982
    card.image.passwords["MF/MRPIN.home"].enabled = False
    assert card.sw(commands.read_binary(sfid=egk.SFID_GVD)) == 0x9000


def test_N029_900_N030_010_four_logical_channels() -> None:
    card = desk()
    assert [card.ok(commands.manage_channel_open()) for _ in range(3)] == [b"\x01", b"\x02", b"\x03"]


def test_N030_100_a_new_channel_knows_nothing() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    card.ok(commands.verify(egk.PIN_CH, block(PIN)))
    card.ok(commands.manage_channel_open())
    assert card.sw(commands.with_channel(commands.get_pin_status(egk.PIN_CH), 1)) == 0x63C3
    assert card.sw(commands.with_channel(commands.select_ef(0x2F02), 1)) == 0x9000


def test_N048_100_an_unsuccessful_select_changes_nothing() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    assert card.sw(commands.select_aid(bytes(7))) == 0x6A82
    assert card.sw(commands.select_ef(0xD001)) == 0x9000


def test_N048_300_no_answer_data_without_fcp() -> None:
    assert desk().ok(commands.select_mf()) == b""


def test_N051_800_N052_100_N052_300_read_binary() -> None:
    card = desk()
    assert card.sw(commands.read_binary()) == 0x6986
    size = len(card.ok(commands.read_binary(sfid=addresses.SFID_GDO)))
    assert card.sw(commands.read_binary(offset=size)) == 0x6B00
    assert card.sw(commands.read_binary(ne=size + 1)) == 0x6282


def test_N054_500_a_gap_is_filled_with_zeros() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    card.ok(commands.update_binary(b"x", offset=3, sfid=0x0A))
    assert card.ok(commands.read_binary()) == b"\0\0\0x"


def test_N059_650_a_cyclic_file_overwrites_its_oldest_record() -> None:
    card = desk()
    full = [bytes([number]) * 46 for number in range(50)]
    card.image.records["MF/DF.HCA/EF.Logging"] = list(full)
    card.card._contents.add_record("MF/DF.HCA/EF.Logging", RecordKind.CYCLIC, b"new", 50)
    assert card.image.records["MF/DF.HCA/EF.Logging"] == [b"new", *full[:49]]


def test_N074_200_N078_200_N080_600_N082_500_unknown_password() -> None:
    card = desk()
    for command in (
        commands.change_reference_data(0x1F, block(PIN), block(PIN)),
        commands.get_pin_status(0x1F),
        commands.reset_retry_counter(0x1F, block(PUK), None),
        commands.verify(0x1F, block(PIN)),
    ):
        assert card.sw(command) == 0x6A88


def test_N074_700_change_resets_the_counter_and_does_not_verify() -> None:
    card = desk()
    card.sw(commands.verify(egk.PIN_CH, block("000000")))
    card.ok(commands.change_reference_data(egk.PIN_CH, block(PIN), block(OTHER_PIN)))
    assert card.sw(commands.get_pin_status(egk.PIN_CH)) == 0x63C3


def test_N074_720_change_ends_the_transport_state() -> None:
    card = desk(CardKind.HBA)
    state = card.image.passwords["MF/PIN.CH"]
    state.transport, state.secret = TransportStatus.TRANSPORT_PIN, Secret(b"54321")
    card.ok(commands.change_reference_data(1, block("54321"), block(PIN)))
    assert state.transport is TransportStatus.REGULAR


def test_N076_500_disabling_what_is_disabled_looks_at_no_pin() -> None:
    card = desk()
    card.ok(commands.disable_verification(egk.MRPIN_NFD, block("000000")))
    assert card.image.passwords["MF/PIN.CH"].retry_counter == 3


def test_N078_800_priorities_of_get_pin_status() -> None:
    card = desk()
    state = card.image.passwords["MF/PIN.CH"]
    card.ok(commands.verify(egk.PIN_CH, block(PIN)))
    state.transport = TransportStatus.TRANSPORT_PIN
    assert card.sw(commands.get_pin_status(egk.PIN_CH)) == 0x9000
    card.image.passwords["MF/PIN.CH"].enabled = False
    assert card.sw(commands.get_pin_status(egk.PIN_CH)) == 0x62D0
    state.retry_counter = 0
    assert card.sw(commands.get_pin_status(egk.PIN_CH)) == 0x63C0


def test_N081_000_each_use_of_the_puk_counts() -> None:
    card = desk()
    assert card.sw(commands.reset_retry_counter(egk.PIN_CH, block("00000000"), None)) == 0x63C9
    card.ok(commands.reset_retry_counter(egk.PIN_CH, block(PUK), None))
    assert card.image.passwords["MF/PIN.CH"].puk_uses == 8


def test_N083_300_blocked_beats_not_usable() -> None:
    card = desk()
    state = card.image.passwords["MF/PIN.CH"]
    state.transport, state.retry_counter = TransportStatus.LEER_PIN, 0
    assert card.sw(commands.verify(egk.PIN_CH, block(PIN))) == 0x6983


def test_N084_100_N084_200_N084_910_challenge_and_key_first() -> None:
    card = desk()
    command = commands.external_authenticate(bytes(64))
    assert card.sw(command) == 0x6985
    card.ok(commands.get_challenge(16))
    assert card.sw(command) == 0x6985  # no key
    assert card.sw(command) == 0x6985  # and the challenge is gone


def test_N086_820_no_token_for_oneself() -> None:
    card = desk()
    card.ok(commands.mse_private_auth(egk.KEY_AUT_CVC, addresses.ALG_ROLE))
    assert card.sw(commands.internal_authenticate(bytes(16) + card.image.iccsn8)) == 0x6A80


def test_N099_548_channel_management() -> None:
    card = desk()
    card.ok(commands.manage_channel_open())
    card.ok(commands.with_channel(commands.manage_channel_close(), 1))
    assert card.sw(commands.with_channel(commands.get_challenge(8), 1)) == 0x6881


def test_N031_700_secure_messaging_without_session_is_6988() -> None:
    assert desk().sw(CommandApdu(0x0C, 0x84, 0, 0, b"\x8e\x08" + bytes(8), 256)) == 0x6988
