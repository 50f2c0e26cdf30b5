"""Dialogues recorded with a real eGK G2.1 (OpenHealth-Core) against our codecs and our virtual card.

The recordings run over PACE; the header line holds the terminal's ephemeral keys, so this test does the terminal's
part of PACE by itself (textbook arithmetic, test only) and looks behind the secure messaging. What is checked: secure
messaging bit by bit in both directions, information files, file control parameters against our tables, CV certificates
and their import by our card, insured data, PIN commands.
"""

import json
from dataclasses import dataclass
from datetime import date
from hashlib import sha1
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import ECB

from tests.cardbench import Desk, desk, make_image
from tiaas.base.secret import Secret
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu, decode_command_untrusted, decode_response_untrusted
from tiaas.card.objsys import basefiles, egk
from tiaas.card.objsys.addresses import SFID_VERSION2
from tiaas.card.objsys.model import CardKind
from tiaas.card.pinblock import decode_pin_block_untrusted
from tiaas.card.securemessaging import (
    SessionKeys,
    derive_session_keys,
    protect_command,
    protect_response,
    unprotect_command,
    unprotect_response,
)
from tiaas.card.symmetric import checksum_unpadded
from tiaas.card.virtual.image import PublicKey
from tiaas.fachdienste.vsdm.containers import decode_vd_untrusted
from tiaas.pki.cvc import decode_cvc_untrusted, decode_cvc_value_untrusted, verify_cvc
from tiaas.tlv import Tlv, decode_one_untrusted, encode

FOLDER = Path(__file__).parents[3].parent / "shared" / "vectors" / "openhealth-core"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/vectors is not there")

OVER_PACE = (
    "change-pin-with-puk",
    "establish-secure-channel",
    "get-random",
    "read-certs",
    "read-vsd",
    "unlock-egk-with-puk",
    "verify-pin",
)
IN_THE_CLEAR = ("trusted-channel",)

# brainpoolP256r1 (RFC 5639, 3.4)
P = 0xA9FB57DBA1EEA9BC3E660A909D838D726E3BF623D52620282013481D1F6E5377
A = 0x7D5A0975FC2C3057EEF67530417AFFE7FB8055C126DC5C6CE94A4B44F330B5D9
G = (
    0x8BD2AEB9CB7E57CB2C4B482FFC81B7AFB9DE27E1E3BD23C23A4453BD9ACE3262,
    0x547EF835C3DAC4FD97F8461A14611DC9C27745132DED8E545C1D54C72F046997,
)
OID_PACE = bytes.fromhex("04007F00070202040202")

Point = tuple[int, int]


def add(one: Point, other: Point) -> Point:
    if one == other:
        slope = (3 * one[0] * one[0] + A) * pow(2 * one[1], -1, P)
    else:
        slope = (other[1] - one[1]) * pow(other[0] - one[0], -1, P)
    x = (slope * slope - one[0] - other[0]) % P
    return x, (slope * (one[0] - x) - one[1]) % P


def times(factor: int, point: Point) -> Point:
    total: Point | None = None
    while factor:
        if factor & 1:
            total = point if total is None else add(total, point)
        point = add(point, point)
        factor >>= 1
    assert total is not None
    return total


def octets(point: Point) -> bytes:
    return b"\x04" + point[0].to_bytes(32, "big") + point[1].to_bytes(32, "big")


def to_point(raw: bytes) -> Point:
    return int.from_bytes(raw[1:33], "big"), int.from_bytes(raw[33:], "big")


@dataclass(frozen=True)
class Dialogue:
    """A recording: header, plain exchanges, and what was said behind secure messaging (plain again)."""

    header: dict[str, Any]
    exchanges: list[tuple[CommandApdu, ResponseApdu]]
    protected: list[tuple[CommandApdu, ResponseApdu]]

    def answer(self, command: str) -> ResponseApdu:
        """The answer to a protected command, by its plain octets."""
        return next(r for c, r in self.protected if c.encode().hex().upper() == command)


def load(name: str) -> Dialogue:
    lines = [json.loads(line) for line in (FOLDER / f"{name}.jsonl").read_text().splitlines()]
    exchanges = [
        (decode_command_untrusted(bytes.fromhex(line["tx"])), decode_response_untrusted(bytes.fromhex(line["rx"])))
        for line in lines
        if line["type"] == "exchange"
    ]
    plain = [pair for pair in exchanges if pair[0].cla & 0x0C != 0x0C]
    secret = [pair for pair in exchanges if pair[0].cla & 0x0C == 0x0C]
    return Dialogue(lines[0], plain, open_up(lines[0], plain, secret) if lines[0]["can"] else [])


def pace(header: dict[str, Any], exchanges: list[tuple[CommandApdu, ResponseApdu]]) -> bytes:
    """The terminal's side; checks every octet the terminal sent; returns the shared secret."""
    steps = [(c, r) for c, r in exchanges if c.ins == 0x86]
    values = [decode_one_untrusted(r.data)[0].children()[0].value for _, r in steps]
    key = sha1(header["can"].encode() + b"\0\0\0\x03").digest()[:16]
    nonce = Cipher(AES(key), ECB()).decryptor().update(values[0])
    first, second = (int(text, 16) for text in header["keys"])
    assert steps[1][0].data == encode(0x7C, encode(0x81, octets(times(first, G))))
    mapped = add(times(int.from_bytes(nonce, "big"), G), times(first, to_point(values[1])))
    own = octets(times(second, mapped))
    assert steps[2][0].data == encode(0x7C, encode(0x83, own))
    shared = times(second, to_point(values[2]))[0].to_bytes(32, "big")
    mac_key = derive_session_keys(shared, 16).mac
    for point, token in ((values[2], steps[3][0].data[4:]), (own, values[3])):
        template = encode(0x7F49, encode(0x06, OID_PACE), encode(0x86, point))
        assert checksum_unpadded(mac_key, template) == token
    return shared


def open_up(
    header: dict[str, Any],
    plain: list[tuple[CommandApdu, ResponseApdu]],
    secret: list[tuple[CommandApdu, ResponseApdu]],
) -> list[tuple[CommandApdu, ResponseApdu]]:
    """Takes protection off and puts it on again: what comes out must be what was recorded."""
    shared = pace(header, plain)
    card, terminal = (derive_session_keys(shared, 16) for _ in range(2))
    out = []
    for command, response in secret:
        inner, enciphered = unprotect_command(card, command)
        assert protect_command(terminal, inner, enciphered).encode() == command.encode()
        answer = unprotect_response(terminal, response)
        assert protect_response(card, answer, response.data[:1] == b"\x87") == response
        out.append((inner, answer))
    return out


@pytest.fixture(scope="module")
def dialogues() -> dict[str, Dialogue]:
    return {name: load(name) for name in (*OVER_PACE, *IN_THE_CLEAR)}


def test_no_recording_is_left_out() -> None:
    assert {path.stem for path in FOLDER.glob("*.jsonl")} == {*OVER_PACE, *IN_THE_CLEAR}


@pytest.mark.parametrize("name", OVER_PACE)
def test_information_files(dialogues: dict[str, Dialogue], name: str) -> None:
    exchanges = {c.encode().hex().upper(): r for c, r in dialogues[name].exchanges}
    versions = basefiles.decode_version2_untrusted(exchanges["00B09100000000"].data)
    assert versions.object_system_text == "4.5.2"
    assert versions.has_ecc
    assert versions.logging is not None
    assert exchanges["00B00000000000"].data == basefiles.encode_card_access()
    own = basefiles.decode_version2_untrusted(desk().ok(commands.read_binary(sfid=SFID_VERSION2)))
    assert own.object_system == versions.object_system


def test_pin_commands(dialogues: dict[str, Dialogue]) -> None:
    status, verify = dialogues["verify-pin"].protected[1:]
    assert (status[0], status[1].sw) == (commands.get_pin_status(egk.MRPIN_HOME), 0x63C3)
    pin = decode_pin_block_untrusted(Secret(verify[0].data))
    card = desk()
    card.image.passwords["MF/PIN.CH"].secret = pin
    for command, response in (status, verify):
        assert card.send(command) == response
    for name, size in (("change-pin-with-puk", 16), ("unlock-egk-with-puk", 8)):
        command, response = dialogues[name].protected[1]
        assert (command.ins, len(command.data), response.sw) == (0x2C, size, 0x9000)
        card.image.passwords["MF/PIN.CH"].puk = decode_pin_block_untrusted(Secret(command.data[:8]))
        assert card.send(command) == response


def test_random_octets(dialogues: dict[str, Dialogue]) -> None:
    command, response = dialogues["get-random"].protected[1]
    assert command == commands.get_random(32)
    assert len(response.data) == len(desk().ok(command)) == 32


def test_insured_data(dialogues: dict[str, Dialogue]) -> None:
    _, select_aid, select_ef, read, end = dialogues["read-vsd"].protected
    assert select_aid[0] == commands.select_aid(egk.AID_HCA)
    assert select_ef[0] == commands.select_ef(0xD002)
    card = desk()
    card.image.files["MF/DF.HCA/EF.VD"] = read[1].data
    for command, response in (select_aid, select_ef, read, end):
        assert card.send(command) == response
    vd = decode_vd_untrusted(read[1].data).vd
    assert vd is not None
    assert vd[:2] == b"\x1f\x8b"


def rules_of(fcp: Tlv, interface: int) -> bytes:
    """The rule set of the contact (1) or contactless (2) interface, SE 1, active."""
    objects = fcp.child(0xA1).children()
    wanted = bytes([interface, 0x05, 0x01])
    index = next(i for i, item in enumerate(objects) if item.tag == 0x91 and item.value == wanted)
    return objects[index + 1].value


@pytest.mark.parametrize(
    ("aid", "fid", "path"),
    [
        ("A000000167455349474E", 0xC504, "MF/DF.ESIGN/EF.C.CH.AUT.E256"),
        ("", 0x2F06, "MF/EF.C.eGK.AUT_CVC.E256"),
    ],
)
def test_control_parameters_of_files(dialogues: dict[str, Dialogue], aid: str, fid: int, path: str) -> None:
    recorded_reads = dialogues["read-certs"].protected
    position = next(i for i, (c, _) in enumerate(recorded_reads) if c.ins == 0xA4 and c.data == fid.to_bytes(2, "big"))
    recorded = decode_one_untrusted(recorded_reads[position][1].data)[0]
    content = recorded_reads[position + 1][1].data
    card = desk()
    card.image.files[path] = content
    card.sw(commands.select_aid(bytes.fromhex(aid)))
    ours = decode_one_untrusted(card.ok(commands.select_ef(fid, fcp=True)))[0]
    for tag in (0x80, 0x82, 0x83, 0x88, 0x8A, 0xC5):
        assert ours.child(tag) == recorded.child(tag), f"{tag:X}"
    for interface in (1, 2):
        assert rules_of(ours, interface) == rules_of(recorded, interface)
    assert card.send(recorded_reads[position + 1][0]) == recorded_reads[position + 1][1]
    assert card.send(recorded_reads[position + 2][0]) == recorded_reads[position + 2][1]


def test_control_parameters_of_the_root(dialogues: dict[str, Dialogue]) -> None:
    """The recording is cut at 256 octets (short Le) and has a maker's own right for FINGERPRINT: the rest is equal."""
    recorded = dialogues["read-vsd"].exchanges[0][1].data
    assert len(recorded) == 256
    ours = desk().ok(commands.select_mf(fcp=True))
    head = bytes.fromhex("82017883023F008A01058407D2760001448000")
    assert recorded[4:].startswith(head)
    assert decode_one_untrusted(ours)[0].value.startswith(head)
    load_application = bytes.fromhex("8F0410EA00008F0400EA0000AF32A02B")
    condition = ours[ours.index(load_application) :][: len(load_application) + 48]

    def leaves(raw: bytes) -> list[Tlv]:
        template = decode_one_untrusted(raw[len("8F0410EA00008F0400EA0000") // 2 :])[0]
        alternatives, enciphered = template.children()
        return [*sorted(alternatives.children(), key=Tlv.encode), enciphered]

    assert leaves(condition) == leaves(recorded[recorded.index(load_application) :])
    for always in ("8F0480840000", "8C028082"):  # GET RANDOM, GET SECURITY STATUS KEY
        assert bytes.fromhex(always) in recorded
        assert bytes.fromhex(always) in ours


def test_certificates_on_the_card(dialogues: dict[str, Dialogue]) -> None:
    reads = [r.data for c, r in dialogues["read-certs"].protected if c.ins == 0xB0 and r.ok]
    certificate = x509.load_der_x509_certificate(reads[0])
    assert certificate.subject
    cvc = decode_cvc_untrusted(reads[1])
    assert cvc.encoded == reads[1]
    assert (cvc.chr[:2], cvc.flags, len(reads[1])) == (b"\x00\x09", bytes(7), 222)


def import_steps(dialogue: Dialogue) -> list[tuple[CommandApdu, CommandApdu]]:
    pairs = pairwise(dialogue.exchanges)
    return [(select[0], check[0]) for select, check in pairs if check[0].p2 == 0xBE and check[0].ins == 0x2A]


def test_certificates_of_the_trusted_channel(dialogues: dict[str, Dialogue]) -> None:
    chain = [decode_cvc_value_untrusted(check.data) for _, check in import_steps(dialogues["trusted-channel"])]
    assert len(chain) == 3
    for issuer, cvc in pairwise(chain):
        assert cvc.car == issuer.chr
        verify_cvc(cvc, issuer.key())
    assert chain[-1].is_root
    assert all(cvc.is_ca for cvc in chain)


def _card_trusting(cvc_value: bytes) -> Desk:
    image = make_image(CardKind.EGK)
    image.point_in_time = date(2018, 1, 1)
    cvc = decode_cvc_value_untrusted(cvc_value)
    image.public_keys[cvc.chr] = PublicKey(cvc.chr, cvc.public_key, cvc.flag_oid, cvc.flags, cvc.cxd)
    return Desk(image)


def test_our_card_imports_the_recorded_chain(dialogues: dict[str, Dialogue]) -> None:
    """The first certificate's issuer is not in the recording; the card trusts the first one from the start."""
    first, *others = import_steps(dialogues["trusted-channel"])
    card = _card_trusting(first[1].data)
    for select, check in others:
        card.ok(select)
        card.ok(check)
        cvc = decode_cvc_value_untrusted(check.data)
        assert card.image.public_keys[cvc.chr].point == cvc.public_key
    damaged = others[0][1].data[:-1] + b"\x00"
    card.ok(others[0][0])
    assert card.sw(commands.pso_verify_certificate(damaged)) == 0x6A80


def test_list_of_public_keys(dialogues: dict[str, Dialogue]) -> None:
    command, response = dialogues["trusted-channel"].exchanges[0]
    assert command == commands.list_public_keys()

    def shapes(data: bytes) -> set[tuple[int, ...]]:
        found = set()
        while data:
            entry, data = decode_one_untrusted(data)
            aid, template = entry.children()
            assert aid == Tlv(0x4F, bytes.fromhex("D2760001448000"))
            found.add((entry.tag, template.tag, *(item.tag for item in template.children())))
        return found

    card = _card_trusting(import_steps(dialogues["trusted-channel"])[0][1].data)
    card.image.public_keys[bytes(12)] = PublicKey(bytes(12), b"", b"", bytes(7), None)
    assert shapes(card.ok(command)) == shapes(response.data) == {(0xE0, 0xB6, 0x83), (0xE0, 0xA4, 0x83)}


def test_recorded_key_agreement_has_our_form(dialogues: dict[str, Dialogue]) -> None:
    first, last = [pair for pair in dialogues["trusted-channel"].exchanges if pair[0].ins == 0x86]
    holder = decode_one_untrusted(first[0].data)[0].child(0xC3).value
    built = commands.general_authenticate(0xC3, holder, last=False)
    assert (built.cla, built.ins, built.data) == (first[0].cla, first[0].ins, first[0].data)
    point = decode_one_untrusted(first[1].data)[0].child(0x85).value
    assert (len(point), last[1].sw) == (65, 0x9000)


def test_session_keys_are_not_shown() -> None:
    assert "00" * 16 not in repr(SessionKeys(bytes(16), bytes(16)))
