"""Data objects, texts, units and events of SICCT (V1.3.0, 5.5.9, 5.5.10; gemSpec_KT DO_KT_0001, DO_KT_0002)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.base.secret import Secret
from tiaas.terminal.sicct import commands as cmd
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.text import (
    CharacterSetUnknown,
    DisplayText,
    decode_text_untrusted,
    encode_label,
    encode_utf8_message,
)
from tiaas.terminal.sicct.units import DISPLAY, KEYPAD, from_p1, is_slot, to_p1
from tiaas.tlv import Tlv, decode_one_untrusted

EHEALTH = do.EhealthData((2, 61, 242), "KT", (1, 7, 1), "MODEL", (3, 9, 0), (1, 0, 0), "00003", "text")


def test_anonymous_session_as_in_gemspec_kt() -> None:
    command = cmd.init_session("", Secret(b""))
    assert command.encode().hex() == "80280000086906130013001300" + "00"


def test_ehealth_data_has_fixed_columns() -> None:
    encoded = do.Manufacturer("DEABC", "0130", "0100", EHEALTH).encode()
    assert encoded[:1].hex() == "46"
    assert b"DEABC0130 0100 " in encoded
    assert b"  2 61242KT  1  7  1   MODEL  3  9  0  1  0  000003text" in encoded
    assert do.decode_manufacturer_untrusted(decode_one_untrusted(encoded)[0].value) == do.Manufacturer(
        "DEABC", "0130", "0100", EHEALTH
    )


@given(st.tuples(*[st.integers(0, 999)] * 3), st.text("abc XYZ19", max_size=59))
def test_ehealth_data_round_trip(version: tuple[int, int, int], vendor: str) -> None:
    data = do.EhealthData(version, "KT", version, "M", version, version, "1", vendor.strip())
    value = decode_one_untrusted(do.Manufacturer("DEABC", "0130", "0100", data).encode())[0].value
    assert do.decode_manufacturer_untrusted(value).ehealth == data
    assert 51 <= len(data.encode()) - 2 <= 110


@pytest.mark.parametrize("value", [b"", b"x" * 15, b"x" * 15 + b"\xd7\x01x", b"\xff" * 15 + EHEALTH.encode()])
def test_terminal_without_ehealth_data(value: bytes) -> None:
    with pytest.raises(BadSicct):
        do.decode_manufacturer_untrusted(value)


@pytest.mark.parametrize(
    ("text", "wire"),
    [
        ("Grüße", "500547727d7e65"),
        ("PIN \x0bfür \x0bANW\x0fPIN.eGK:", None),
        ("ÄÖÜäöüß", "50075b5c5d7b7c7d7e"),
        ("", "5000"),
    ],
)
def test_labels_are_iso_646_de(text: str, wire: str | None) -> None:
    encoded = encode_label(text)
    assert wire is None or encoded.hex() == wire
    found = decode_text_untrusted(decode_one_untrusted(encoded)[0])
    assert found.message + ("\x0f" + found.prompt if found.prompt else "") == text


@pytest.mark.parametrize("text", ["a[b", "tilde~", "€", "x" * 128])
def test_label_that_cannot_be(text: str) -> None:
    with pytest.raises(ValueError, match="exist|codec|fit"):
        encode_label(text)


def test_separators_do_not_count() -> None:
    text = decode_text_untrusted(Tlv(0x50, b"ab\x0bcd\x0fPIN:"))
    assert (text, text.message_characters, text.prompt_characters) == (DisplayText("ab\x0bcd", "PIN:"), 4, 4)


@pytest.mark.parametrize(
    ("item", "message"),
    [
        (decode_one_untrusted(encode_utf8_message("Größe €"))[0], "Größe €"),
        (Tlv(0xA0, bytes.fromhex("85010F0401A4")), "€"),
        (Tlv(0xA0, bytes.fromhex("850100" + "04025B7D")), "Äü"),
        (Tlv(0xA0, b""), ""),
        (Tlv(0x50, b"a\x80\x07\x01b\r\nc"), "a  b\x0bc"),
    ],
)
def test_character_sets(item: Tlv, message: str) -> None:
    assert decode_text_untrusted(item).message == message


def test_unknown_character_set_is_named() -> None:
    with pytest.raises(CharacterSetUnknown):
        decode_text_untrusted(Tlv(0xA0, bytes.fromhex("850130" + "040141")))
    with pytest.raises(BadSicct):
        decode_text_untrusted(Tlv(0xA0, bytes.fromhex("040141")))


@pytest.mark.parametrize(
    ("p1", "unit"), [(0x00, 0), (0x01, 1), (0x0E, 14), (0x11, 0x1001), (0x40, DISPLAY), (0x50, KEYPAD)]
)
def test_direct_coding(p1: int, unit: int) -> None:
    assert from_p1(p1) == unit
    assert to_p1(unit) == p1
    assert is_slot(unit) == (p1 in (0x01, 0x0E, 0x11))


@pytest.mark.parametrize("unit", [0x0010, 0x00FF, 0x4010])
def test_units_without_direct_coding(unit: int) -> None:
    with pytest.raises(ValueError, match="direct"):
        to_p1(unit)


def test_verify_at_slot_2_as_in_the_example() -> None:
    perform = do.CommandToPerform(0x02, (6,), bytes.fromhex("00200001" + "08" + "FF" * 8))
    command = cmd.perform_verification(2, ["a", "b", "c", "", ""], (30, 30), perform, returns_data=False)
    assert command.encode().hex() == (
        "801802d0" + "24" + "500161" + "500162" + "500163" + "5000" + "5000" + "80011e" * 2 + "520f0206"
        "00200001" + "08" + "ff" * 8
    )
    assert do.decode_command_to_perform_untrusted(perform.encode()[2:], 1) == perform


def test_remote_pin_command_has_le_short_or_extended() -> None:
    perform = do.CommandToPerform(0x02, (6,), bytes.fromhex("002A8680" + "08" + "FF" * 8 + "00"))
    short = cmd.perform_verification(4, ["a"], (), perform, returns_data=True)
    long = cmd.perform_verification(4, ["x" * 120] * 3, (), perform, returns_data=True)
    assert (short.ne, long.ne) == (256, 65536)
    assert long.encode().endswith(b"\x00\x00")


@pytest.mark.parametrize(
    ("atr", "historical"),
    [
        ("3BD096FF81B1FE451F07", ""),
        ("3B0241 42", "4142"),
        ("3B9F958131FE9F006646530511041171DF000039A800", ""),
        ("3B", ""),
    ],
)
def test_historical_bytes(atr: str, historical: str) -> None:
    found = do.historical_bytes(bytes.fromhex(atr))
    assert found.hex() == historical or atr.startswith("3B9F")
    assert len(found) <= 15


def test_session_object_refuses_long_or_foreign_content() -> None:
    for value in ("13001300", "130013001300" * 2, "130D" + "41" * 13 + "13001300", "1301FF13001300", "040013001300"):
        with pytest.raises(BadSicct):
            do.decode_session_untrusted(bytes.fromhex(value))
