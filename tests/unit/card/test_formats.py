"""Small formats: PIN blocks, information files, images, commands, channel class octets, symmetric primitives."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cardbench import GENERATION_2, PIN, desk, make_image
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.objsys import basefiles
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import CardKind, Folder
from tiaas.card.pinblock import BadPinBlock, decode_pin_block_untrusted, encode_pin_block
from tiaas.card.securemessaging import (
    BadSecureMessaging,
    SessionKeys,
    protect_command,
    protect_response,
    unprotect_command,
    unprotect_response,
)
from tiaas.card.status import StatusWord, retries_left, tries_in
from tiaas.card.symmetric import PaddingError, checksum_unpadded, pad, unpad
from tiaas.card.virtual.image import BadImage, CardImage


@pytest.mark.parametrize(
    ("digits", "expected"),
    [
        ("123456", "26123456FFFFFFFF"),
        ("12345678", "2812345678FFFFFF"),
        ("54321", "2554321FFFFFFFFF"),
        ("123456789012", "2C123456789012FF"),
    ],
)
def test_pin_block(digits: str, expected: str) -> None:
    block = encode_pin_block(Secret(digits.encode()))
    assert block.reveal().hex().upper() == expected
    assert decode_pin_block_untrusted(block).reveal() == digits.encode()


@pytest.mark.parametrize("digits", [b"123", b"1234567890123", b"12a4", "١٢٣٤".encode()])
def test_no_pin_block_for_other_digits(digits: bytes) -> None:
    with pytest.raises(BadPinBlock):
        encode_pin_block(Secret(digits))


@pytest.mark.parametrize(
    "block", ["", "36123456FFFFFFFF", "26123456FFFFFFF0", "2612345AFFFFFFFF", "2D1234567890123F", "23123FFFFFFFFFFF"]
)
def test_unreadable_pin_block(block: str) -> None:
    with pytest.raises(BadPinBlock):
        decode_pin_block_untrusted(Secret(bytes.fromhex(block)))


@pytest.mark.parametrize(
    ("command", "octets"),
    [
        (commands.select_mf(), "00A4040C"),
        (commands.select_aid(bytes.fromhex("D27600000102")), "00A4040C06D27600000102"),
        (commands.select_ef(0x011C), "00A4020C02011C"),
        (commands.select_parent(), "00A4030C"),
        (commands.read_binary(sfid=0x11), "00B09100000000"),
        (commands.read_binary(sfid=0x02, ne=12), "00B082000C"),
        (commands.read_binary(offset=0x0230), "00B00230000000"),
        (commands.read_record(3, 0x1E), "00B203F400"),
        (commands.append_record(0x06, b"\xab"), "00E2003001AB"),
        (commands.set_logical_eof(5, 0x01), "800E8105"),
        (commands.verify(0x81, Secret(bytes(8))), "00200081080000000000000000"),
        (commands.verify_template(0x01), "0020000108FFFFFFFFFFFFFFFF"),
        (commands.get_pin_status(2), "80200002"),
        (commands.get_challenge(16), "0084000010"),
        (commands.get_random(32), "8084000020"),
        (commands.mse_private_auth(0x09, 0x54), "002241A406840109800154"),
        (commands.mse_verify_certificate(bytes.fromhex("4445475858850218")), "002281B60A83084445475858850218"),
        (commands.mse_symmetric_auth(0x12, 0x54), "002281A406830112800154"),
        (commands.mse_private_sign(0x86, 0x00), "002241B606840186800100"),
        (commands.mse_private_decipher(0x85, 0x0B), "002241B80684018580010B"),
        (commands.mse_restore(2), "0022F302"),
        (commands.pso_compute_signature(bytes(1)), "002A9E9A010000"),
        (commands.internal_authenticate(b"\x01"), "00880000010100"),
        (commands.external_authenticate(b"\x01"), "008200000101"),
        (
            commands.general_authenticate(0xC3, bytes.fromhex("000A80276001011699902101"), last=False),
            "10860000107C0EC30C000A8027600101169990210100",
        ),
        (commands.list_public_keys(), "80CA0100000000"),
        (commands.read_public_key(0x86), "00468186000000"),
        (commands.manage_channel_open(), "0070000001"),
        (commands.with_channel(commands.manage_channel_close(), 3), "03708000"),
        (commands.with_channel(commands.get_pin_status(1), 2), "82200001"),
        (commands.with_channel(commands.get_pin_status(1), 5), "C1200001"),
        (commands.change_reference_data(1, None, Secret(b"\x24")), "002401010124"),
        (commands.reset_retry_counter(1, Secret(b"\x01"), None), "002C01010101"),
        (commands.reset_retry_counter(1, None, Secret(b"\x02")), "002C02010102"),
        (commands.reset_retry_counter(1, None, None), "002C0301"),
        (commands.disable_verification(3, None), "00260103"),
        (commands.enable_verification(3, Secret(b"\x01")), "002800030101"),
    ],
)
def test_commands(command: CommandApdu, octets: str) -> None:
    assert command.encode().hex().upper() == octets


def test_addresses_that_do_not_fit() -> None:
    with pytest.raises(ValueError, match="15 bits"):
        commands.read_binary(offset=0x8000)
    with pytest.raises(ValueError, match="8 bits"):
        commands.read_binary(offset=0x100, sfid=1)
    with pytest.raises(ValueError, match="0 to 19"):
        commands.with_channel(commands.select_mf(), 20)


def test_status_words() -> None:
    assert retries_left(20) == 0x63CF
    assert tries_in(0x63C2) == 2
    assert tries_in(StatusWord.OK) is None


@pytest.mark.parametrize("kind", GENERATION_2)
def test_information_files(kind: CardKind) -> None:
    versions = basefiles.decode_version2_untrusted(basefiles.encode_version2(kind))
    assert versions.generation2
    assert versions.has_ecc
    assert (versions.logging is not None) == (kind is CardKind.EGK)
    sizes = basefiles.decode_atr_file_untrusted(basefiles.encode_atr_file(kind))
    assert (sizes.command, sizes.response) == (basefiles.command_limit(kind), 0x8002)
    aids = [basefiles.decode_directory_record_untrusted(r) for r in basefiles.encode_directory(object_system(kind))]
    assert aids == [item.aid for item in object_system(kind).objects.values() if isinstance(item, Folder)]
    assert basefiles.decode_gdo_untrusted(basefiles.encode_gdo(bytes(10))) == bytes(10)


@given(st.binary(max_size=80))
def test_information_files_from_anywhere(raw: bytes) -> None:
    for decode in (
        basefiles.decode_gdo_untrusted,
        basefiles.decode_version2_untrusted,
        basefiles.decode_atr_file_untrusted,
        basefiles.decode_directory_record_untrusted,
    ):
        with pytest.raises(basefiles.BadBaseFile):
            decode(raw + b"\x00\x00")


@pytest.mark.parametrize("kind", CardKind)
def test_image_survives_storage(kind: CardKind) -> None:
    card = desk(kind)
    card.image.deactivated.add("MF/DF.HCA")
    card.image.deactivated_records["MF/DF.HCA/EF.Verweis"] = {2}
    document = json.loads(json.dumps(card.image.to_document()))
    read = CardImage.from_document(document)
    assert read.to_document() == document
    assert read == card.image


def test_image_tells_nothing_of_its_holder() -> None:
    image = make_image(CardKind.EGK)
    shown = repr(image)
    assert image.iccsn.hex() not in shown
    assert PIN not in repr(image.passwords)


@pytest.mark.parametrize(
    "change",
    [
        {"version": 2},
        {"kind": "KVK"},
        {"iccsn": "00"},
        {"files": {"MF/EF.GDO": "xyz"}},
        {"passwords": {"MF/PIN.CH": {"secret": "12"}}},
        {"public_keys": [{"key_id": "00", "point": "04"}]},
        {"records": None},
    ],
)
def test_documents_that_are_no_image(change: dict[str, object]) -> None:
    whole = make_image(CardKind.EGK).to_document()
    (part,) = change
    with pytest.raises(BadImage, match=rf"(?i)\b{part}\b"):
        CardImage.from_document(whole | change)
    if part not in ("version", "kind"):
        with pytest.raises(BadImage, match=f"^{part} is missing$"):
            CardImage.from_document({name: value for name, value in whole.items() if name != part})


@given(st.binary(max_size=64))
def test_padding(message: bytes) -> None:
    assert unpad(pad(message)) == message
    assert len(pad(message)) % 16 == 0


@pytest.mark.parametrize("padded", [b"", bytes(16), b"\x80" + bytes(16), b"x" * 16])
def test_no_padding(padded: bytes) -> None:
    with pytest.raises(PaddingError):
        unpad(padded)


def test_cmac_of_rfc_4493() -> None:
    key = bytes.fromhex("2b7e151628aed2a6abf7158809cf4f3c")
    assert checksum_unpadded(key, bytes.fromhex("6bc1bee22e409f96e93d7e117393172a")).hex() == "070a16b46b4d4144"


_COMMANDS = st.builds(
    CommandApdu,
    cla=st.sampled_from([0x00, 0x80, 0x10, 0x02, 0x41]),
    ins=st.just(0xD6),
    p1=st.integers(0, 255),
    p2=st.integers(0, 255),
    data=st.binary(max_size=600),
    ne=st.sampled_from([None, 1, 255, 256, 257, 65536]),
)


@given(_COMMANDS, st.booleans(), st.binary(max_size=400))
def test_secure_messaging_both_ways(command: CommandApdu, encipher: bool, data: bytes) -> None:
    ours, theirs = (SessionKeys(bytes(16), bytes(range(16))) for _ in range(2))
    for _ in range(2):
        protected = protect_command(ours, command, encipher)
        assert protected.encode()
        assert unprotect_command(theirs, protected) == (command, encipher and bool(command.data))
        response = ResponseApdu(data, 0x9000)
        assert unprotect_response(ours, protect_response(theirs, response, encipher)) == response


@given(st.binary(max_size=60))
def test_secure_messaging_from_anywhere(data: bytes) -> None:
    with pytest.raises(BadSecureMessaging):
        unprotect_command(SessionKeys(bytes(16), bytes(16)), CommandApdu(0x0C, 0xB0, 0, 0, data))
    with pytest.raises(BadSecureMessaging):
        unprotect_response(SessionKeys(bytes(16), bytes(16)), ResponseApdu(data, 0x9000))


def test_a_response_shows_no_data() -> None:
    """Insured persons' data come this way."""
    shown = repr(ResponseApdu(b"Mustermann", 0x9000))
    assert shown == "ResponseApdu(<10 octets> 9000)"
