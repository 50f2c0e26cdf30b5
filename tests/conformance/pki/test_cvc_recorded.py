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


@pytest.mark.parametrize(
    ("name", "left_for_pace"),
    [("read-certs.jsonl", 8), ("read-vsd.jsonl", 5), ("trusted-channel.jsonl", 0)],
)
def test_exchanges_left_for_pace(name: str, left_for_pace: int) -> None:
    """These exchanges are under PACE secure messaging (CLA 0C): certificates and VSD in them wait for PACE."""
    assert sum(raw[0] == 0x0C for raw in commands(name)) == left_for_pace
    if left_for_pace:
        assert imported(name) == []
