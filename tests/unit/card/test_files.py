"""Transparent files and files of records."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cardbench import DOCTOR, PIN, block, desk
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.objsys import addresses, egk
from tiaas.card.objsys.model import CardKind
from tiaas.card.objsys.notation import OID_FLAGS_TI
from tiaas.card.virtual.channel import Role

FREE = 0x0A  # EF.Standalone: everybody may read and write; 900 octets
FREE_SIZE = 0x0384


def test_read_with_offsets_and_lengths() -> None:
    card = desk()
    card.image.files["MF/DF.HCA/EF.PD"] = bytes(range(200))
    card.ok(commands.select_aid(egk.AID_HCA))
    assert card.sw(commands.read_binary()) == 0x6986
    assert card.ok(commands.read_binary(sfid=egk.SFID_PD, ne=256)) == bytes(range(200))
    assert card.ok(commands.read_binary(offset=190)) == bytes(range(190, 200))
    assert card.ok(commands.read_binary(offset=10, ne=4)) == bytes(range(10, 14))
    response = card.send(commands.read_binary(offset=198, ne=4))
    assert (response.data, response.sw) == (bytes([198, 199]), 0x6282)
    assert card.sw(commands.read_binary(offset=200)) == 0x6B00
    assert card.sw(commands.read_binary(sfid=0x1F)) == 0x6A82
    assert card.ok(commands.read_binary(ne=1)) == b"\x00"  # the file of before is still current
    assert card.raw("00B00000") == "6700"
    assert card.raw("00B0E10000") == "6A86"


def test_wrong_type_of_file() -> None:
    card = desk()
    assert card.sw(commands.read_binary(sfid=addresses.SFID_DIR)) == 0x6981
    assert card.sw(commands.read_record(1, addresses.SFID_GDO)) == 0x6981


_WRITES = st.lists(
    st.tuples(
        st.sampled_from(["update", "write", "erase", "eof"]),
        st.integers(0, FREE_SIZE + 40),
        st.binary(min_size=1, max_size=300),
    ),
    max_size=12,
)


@settings(max_examples=60, deadline=None)
@given(_WRITES)
def test_writing_agrees_with_a_naive_model(steps: list[tuple[str, int, bytes]]) -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    card.ok(commands.select_ef(0xDA0A))
    body = b""
    for name, offset, data in steps:
        match name:
            case "update":
                got = card.sw(commands.update_binary(data, offset))
                wanted = 0x9000
                if offset >= FREE_SIZE:
                    wanted = 0x6B00
                elif offset + len(data) > FREE_SIZE:
                    wanted = 0x6A84
                else:
                    body = body.ljust(offset, b"\0")[:offset] + data + body[offset + len(data) :]
            case "write":
                got = card.sw(commands.write_binary(data))
                wanted = 0x9000 if len(body) + len(data) <= FREE_SIZE else 0x6A84
                body = body + data if wanted == 0x9000 else body
            case "erase":
                got = card.sw(commands.erase_binary(offset))
                wanted = 0x9000 if offset < FREE_SIZE else 0x6B00
                body = body[:offset] + bytes(max(0, len(body) - offset))
            case _:
                got = card.sw(commands.set_logical_eof(offset))
                wanted = 0x9000 if offset < FREE_SIZE else 0x6B00
                body = body[:offset]
        assert got == wanted
        assert card.image.files.get("MF/DF.HCA/EF.Standalone", b"") == body
    response = card.send(commands.read_binary())
    assert (response.data, response.sw) == ((body, 0x9000) if body else (b"", 0x6B00))


def test_update_without_data_is_refused() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    assert card.sw(commands.update_binary(b"", sfid=FREE)) == 0x6700


def test_insurance_data_are_read_by_all_and_written_by_nobody() -> None:
    card = desk()
    card.ok(commands.verify(egk.PIN_CH, block(PIN)))
    card.ok(commands.select_aid(egk.AID_HCA))
    for sfid in (egk.SFID_PD, egk.SFID_VD, egk.SFID_STATUS_VD):
        assert card.sw(commands.read_binary(sfid=sfid)) == 0x6B00  # allowed, but empty here
        assert card.sw(commands.update_binary(b"x", sfid=sfid)) == 0x6982
        assert card.sw(commands.erase_binary(sfid=sfid)) == 0x6982


def test_records_of_a_cyclic_file() -> None:
    card = desk()
    # What a proven doctor leaves behind in the channel (EF.Logging wants flag b32 to append).
    card.card._channels[0].add_role(Role(OID_FLAGS_TI, DOCTOR, "MF"))
    card.ok(commands.select_aid(egk.AID_HCA))
    size = egk.LOGGING_RECORD_SIZE
    assert card.sw(commands.append_record(egk.SFID_LOGGING, b"short")) == 0x6700
    for number in range(53):
        card.ok(commands.append_record(egk.SFID_LOGGING, bytes([number]) * size))
    assert card.sw(commands.read_record(1, egk.SFID_LOGGING)) == 0x6982
    card.ok(commands.verify(egk.MRPIN_HOME, block(PIN)))
    assert card.ok(commands.read_record(1, egk.SFID_LOGGING)) == bytes([52]) * size
    assert card.ok(commands.read_record(50, egk.SFID_LOGGING)) == bytes([3]) * size
    assert card.sw(commands.read_record(51, egk.SFID_LOGGING)) == 0x6A83
    assert card.sw(commands.read_record(0, egk.SFID_LOGGING)) == 0x6A83
    assert card.ok(commands.search_record(1, bytes([50, 50]), egk.SFID_LOGGING)) == b"\x03"
    assert card.sw(commands.search_record(4, bytes([50, 50]), egk.SFID_LOGGING)) == 0x6282
    response = card.send(commands.read_record(1, egk.SFID_LOGGING, ne=100))
    assert (len(response.data), response.sw) == (size, 0x6282)


def test_variable_records_share_their_octets() -> None:
    card = desk()
    card.ok(commands.verify(egk.MRPIN_HOME, block(PIN)))
    card.ok(commands.select_aid(egk.AID_GDD))
    sfid = 0x13  # EF.EinwilligungGDD: 20 records of at most 60 octets, 600 together
    assert card.sw(commands.append_record(sfid, bytes(61))) == 0x6700
    for _ in range(10):
        card.ok(commands.append_record(sfid, bytes(60)))
    assert card.sw(commands.append_record(sfid, b"x")) == 0x6A84
    card.ok(commands.update_record(10, b"short", sfid))
    card.ok(commands.append_record(sfid, b"x" * 55))
    assert card.sw(commands.update_record(10, bytes(6), sfid)) == 0x6A84
    card.ok(commands.erase_record(10, sfid))
    assert card.ok(commands.read_record(10, sfid)) == bytes(5)
    card.ok(CommandApdu(0x80, 0x0C, 10, sfid << 3 | 4))  # DELETE RECORD
    assert card.ok(commands.read_record(10, sfid)) == b"x" * 55
    assert card.sw(commands.read_record(11, sfid)) == 0x6A83


def test_full_linear_file() -> None:
    card = desk()
    card.ok(commands.verify(egk.MRPIN_HOME, block(PIN)))
    card.ok(commands.select_aid(egk.AID_GDD))
    for _ in range(20):
        card.ok(commands.append_record(0x1A, b"x"))
    assert card.sw(commands.append_record(0x1A, b"x")) == 0x6A84


def _switch(ins: int, number: int, mode: int) -> CommandApdu:
    return CommandApdu(0x00, ins, number, 0x09 << 3 | mode)


def test_records_with_a_life_cycle() -> None:
    card = desk()
    card.image.records["MF/DF.HCA/EF.Verweis"] = [bytes([n]) * 0x14 for n in range(1, 5)]
    card.ok(commands.verify(egk.MRPIN_HOME, block(PIN)))
    card.ok(commands.select_aid(egk.AID_HCA))
    card.ok(_switch(0x06, 2, 0x05))
    card.ok(_switch(0x08, 4, 0x04))
    assert [card.sw(commands.read_record(number, 0x09)) for number in (1, 2, 3, 4)] == [0x9000, 0x6287, 0x6287, 0x9000]
    assert card.sw(commands.update_record(2, bytes(0x14), 0x09)) == 0x6287
    assert card.ok(commands.search_record(1, b"\x04", 0x09)) == b"\x04"
    assert card.sw(commands.search_record(1, b"\x02", 0x09)) == 0x6282
    assert card.image.deactivated_records["MF/DF.HCA/EF.Verweis"] == {2, 3}


def test_records_without_a_life_cycle() -> None:
    card = desk()
    assert card.sw(CommandApdu(0x00, 0x06, 1, addresses.SFID_DIR << 3 | 4)) == 0x6982


@pytest.mark.parametrize("kind", CardKind)
def test_directory_lists_the_root_first(kind: CardKind) -> None:
    card = desk(kind)
    first = card.ok(commands.read_record(1, addresses.SFID_DIR))
    assert first[4:] == card.card._contents.tree.root.aid
