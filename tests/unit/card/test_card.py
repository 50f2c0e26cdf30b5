"""The card as a whole: class octets, channels, limits, and random commands that must never break it."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cardbench import PIN, Desk, block, desk
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.objsys import addresses, egk
from tiaas.card.objsys.basefiles import decode_atr_file_untrusted
from tiaas.card.objsys.model import CardKind
from tiaas.card.virtual.card import ATR

INSTRUCTIONS = [0xB0, 0xA4, 0xD6, 0xD0, 0x0E, 0x44, 0x04, 0xB2, 0xA2, 0xE2, 0xDC, 0x0C, 0x08, 0x06, 0x20, 0x24, 0x2C]
INSTRUCTIONS += [0x26, 0x28, 0x82, 0x84, 0x88, 0x86, 0x22, 0x2A, 0x46, 0xCA, 0x70, 0xFA, 0xE4, 0xFF]


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("", "6700"),
        ("00A404", "6700"),
        ("00A4040C05D276", "6700"),
        ("20A4040C", "6E00"),
        ("04A4040C", "6E00"),
        ("80A4040C", "6E00"),
        ("00FE0000", "6D00"),
        ("01A4040C", "6881"),
        ("40A4040C", "6881"),
        ("4FA4040C", "6881"),
        ("0CA4040C", "6988"),
        ("60A4040C", "6881"),
    ],
)
def test_class_octet_and_length(command: str, answer: str) -> None:
    assert desk().raw(command) == answer


@pytest.mark.parametrize("kind", CardKind)
def test_longest_command(kind: CardKind) -> None:
    card = desk(kind)
    limit = decode_atr_file_untrusted(card.ok(commands.read_binary(sfid=addresses.SFID_ATR))).command
    fits = CommandApdu(0x00, 0xA4, 0x04, 0x0C, bytes(limit - 7))
    assert len(fits.encode()) == limit
    assert card.sw(fits) == 0x6A82
    assert card.sw(CommandApdu(0x00, 0xA4, 0x04, 0x0C, bytes(limit - 6))) == 0x6700


def test_answer_to_reset() -> None:
    card = desk()
    assert card.card.reset() == card.card.atr == ATR
    check = 0
    for octet in ATR[1:]:
        check ^= octet
    assert check == 0  # TCK


def test_channels_have_states_of_their_own() -> None:
    card = desk()
    numbers = [card.ok(commands.manage_channel_open())[0] for _ in range(3)]
    assert numbers == [1, 2, 3]
    assert card.sw(commands.manage_channel_open()) == 0x6981
    card.ok(commands.with_channel(commands.verify(egk.PIN_CH, block(PIN)), 2))
    assert card.sw(commands.with_channel(commands.get_pin_status(egk.PIN_CH), 2)) == 0x9000
    assert card.sw(commands.with_channel(commands.get_pin_status(egk.PIN_CH), 1)) == 0x63C3
    assert card.sw(commands.get_pin_status(egk.PIN_CH)) == 0x63C3
    card.ok(commands.with_channel(commands.select_aid(egk.AID_HCA), 1))
    assert card.sw(commands.select_ef(0xD001)) == 0x6A82
    card.ok(commands.with_channel(commands.select_ef(0xD001), 1))


def test_channels_close_and_reset() -> None:
    card = desk()
    card.ok(commands.manage_channel_open())
    card.ok(commands.manage_channel_open())
    card.ok(commands.with_channel(commands.verify(egk.PIN_CH, block(PIN)), 1))
    card.ok(commands.with_channel(commands.manage_channel_reset(), 1))
    assert card.sw(commands.with_channel(commands.get_pin_status(egk.PIN_CH), 1)) == 0x63C3
    card.ok(commands.with_channel(commands.manage_channel_close(), 1))
    assert card.sw(commands.with_channel(commands.get_challenge(8), 1)) == 0x6881
    assert card.ok(commands.manage_channel_open()) == b"\x01"
    card.ok(commands.verify(egk.PIN_CH, block(PIN)))
    card.ok(commands.card_reset())
    assert card.sw(commands.get_pin_status(egk.PIN_CH)) == 0x63C3
    assert card.sw(commands.with_channel(commands.get_challenge(8), 2)) == 0x6881
    assert card.sw(commands.manage_channel_close()) == 0x6A81
    assert card.sw(CommandApdu(0x00, 0x70, 0x12, 0x00)) == 0x6A86


def test_wrong_pin_on_one_channel_leaves_the_others() -> None:
    card = desk()
    card.ok(commands.manage_channel_open())
    card.ok(commands.verify(egk.PIN_CH, block(PIN)))
    assert card.sw(commands.with_channel(commands.verify(egk.PIN_CH, block("000000")), 1)) == 0x63C2
    assert card.sw(commands.get_pin_status(egk.PIN_CH)) == 0x9000


def test_random_octets() -> None:
    card = desk()
    assert len(card.ok(commands.get_random(32))) == 32
    assert card.ok(commands.get_random(32)) != card.ok(commands.get_random(32))
    assert len(card.ok(commands.fingerprint(bytes(128)))) == 32
    assert card.sw(commands.fingerprint(bytes(127))) == 0x6700


_RANDOM = st.builds(
    CommandApdu,
    cla=st.sampled_from([0x00, 0x80, 0x10, 0x01, 0x0C, 0x40]),
    ins=st.sampled_from(INSTRUCTIONS),
    p1=st.sampled_from([0, 1, 2, 3, 4, 0x41, 0x81, 0x80, 0x86, 0x9E, 0x84, 0xF3, 0x40]),
    p2=st.sampled_from([0, 1, 2, 3, 4, 0x0C, 0x0D, 0x14, 0x86, 0x80, 0x9A, 0xA4, 0xB6, 0xB8, 0xBE, 0x81]),
    data=st.one_of(
        st.just(b""),
        st.sampled_from(
            [
                block(PIN).reveal(),
                block("000000").reveal(),
                block(PIN).reveal() * 2,
                egk.AID_HCA,
                egk.AID_AMTS,
                bytes.fromhex("840109800100"),
                bytes.fromhex("830112800154"),
                bytes.fromhex("83084445475858870226"),
            ]
        ),
        st.binary(max_size=40),
    ),
    ne=st.sampled_from([None, 1, 256, 65536]),
)


def _counters(card: Desk) -> list[int]:
    states = card.image.passwords.values()
    return [state.retry_counter for state in states] + [state.puk_uses for state in states]


@settings(max_examples=150, deadline=None)
@given(st.lists(_RANDOM, max_size=20), st.sampled_from(CardKind))
def test_random_commands_keep_the_invariants(steps: list[CommandApdu], kind: CardKind) -> None:
    card = desk(kind)
    objects = card.card._contents.tree.objects
    for command in steps:
        before, changes = _counters(card), card.changes
        response = card.send(command)
        after = _counters(card)
        assert response.sw >> 8 in (0x90, 0x62, 0x63, 0x64, 0x67, 0x68, 0x69, 0x6A, 0x6B, 0x6D, 0x6E)
        if response.sw != 0x9000:
            assert all(new <= old for old, new in zip(before, after, strict=True)), "a counter rose without success"
        assert (before == after) or card.changes == changes + 1, "a counter changed and nobody was told"
        assert response.sw >> 8 in (0x90, 0x62) or not response.data
        assert all(channel.folder in objects for channel in card.card._channels.values())
        assert 0 in card.card._channels
        for path, content in card.image.files.items():
            assert len(content) <= getattr(objects[path], "size", 0)
