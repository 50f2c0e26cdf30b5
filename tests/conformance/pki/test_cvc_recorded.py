"""GS-A_4988 to GS-A_5010: CV certificates in recorded dialogues with a real eGK G2.1 (OpenHealth-Core)."""

import json
from pathlib import Path

import pytest

from tiaas.card.apdu import decode_command_untrusted
from tiaas.pki.cvc import Cvc, decode_cvc_untrusted, decode_cvc_value_untrusted, verify_cvc
from tiaas.tlv import encode

FOLDER = Path(__file__).parents[3].parent / "shared" / "vectors" / "openhealth-core"

pytestmark = pytest.mark.skipif(not FOLDER.is_dir(), reason="../shared/vectors is not there")


def commands(name: str) -> list[bytes]:
    lines = (FOLDER / name).read_text().splitlines()
    return [bytes.fromhex(item["tx"]) for item in map(json.loads, lines) if item["type"] == "exchange"]


def imported(name: str) -> list[tuple[bytes, Cvc]]:
    """(value as sent, certificate) of every PSO VERIFY CERTIFICATE in the clear."""
    found = []
    for raw in commands(name):
        command = decode_command_untrusted(raw)
        if (command.cla, command.ins, command.p1, command.p2) == (0x00, 0x2A, 0x00, 0xBE):
            found.append((command.data, decode_cvc_value_untrusted(command.data)))
    return found


def test_gs_a_4990_trusted_channel_certificates_decode_and_encode_identically() -> None:
    certificates = imported("trusted-channel.jsonl")
    assert len(certificates) == sum(
        raw.startswith(bytes.fromhex("002A00BE")) for raw in commands("trusted-channel.jsonl")
    )
    assert len(certificates) >= 3
    for sent, cvc in certificates:
        assert cvc.value == sent
        assert decode_cvc_untrusted(encode(0x7F21, sent)).encoded == cvc.encoded


def test_gs_a_5010_signatures_verify_where_the_issuer_is_recorded() -> None:
    certificates = [cvc for _, cvc in imported("trusted-channel.jsonl")]
    by_name = {cvc.chr: cvc for cvc in certificates}
    orphans = []
    for cvc in certificates:
        if cvc.car in by_name:
            verify_cvc(cvc, by_name[cvc.car].key())
        else:
            orphans.append(cvc.car)
    # The card held the root key of 2018 already, so nobody sent it.
    assert orphans == [b"DEGXX\x85\x02\x18"]
    assert len(certificates) == 3


# What PACE hides, by number of the exchange and instruction: to be read when secure messaging with the CAN is there.
LEFT_FOR_PACE = {
    "read-certs.jsonl": [
        (10, "SELECT the ESIGN application"),
        (11, "SELECT the file of a certificate"),
        (12, "READ BINARY of the certificate"),
        (13, "READ BINARY behind its end"),
        (14, "SELECT the root"),
        (15, "SELECT the file of a CV certificate"),
        (16, "READ BINARY of the CV certificate"),
        (17, "READ BINARY behind its end"),
    ],
    "trusted-channel.jsonl": [],
}
INSTRUCTIONS = {0xA4: "SELECT", 0xB0: "READ BINARY"}


@pytest.mark.parametrize("name", LEFT_FOR_PACE)
def test_exchanges_left_for_pace(name: str) -> None:
    hidden = [(number, raw) for number, raw in enumerate(commands(name), 1) if raw[0] & 0x0C == 0x0C]
    assert [number for number, _ in hidden] == [number for number, _ in LEFT_FOR_PACE[name]]
    for (_, raw), (_, what) in zip(hidden, LEFT_FOR_PACE[name], strict=True):
        assert what.startswith(INSTRUCTIONS[raw[1]])
    if hidden:
        assert imported(name) == []
