"""VSDM-A_2567 with a recorded real eGK G2.1 (OpenHealth-Core, read-vsd): what was sent in the clear."""

import json
from pathlib import Path

import pytest

from tiaas.card.apdu import decode_response_untrusted
from tiaas.card.objsys import basefiles

RECORDING = Path(__file__).parents[3].parent / "shared" / "vectors" / "openhealth-core" / "read-vsd.jsonl"

pytestmark = pytest.mark.skipif(not RECORDING.is_file(), reason="../shared/vectors is not there")

# The insured data themselves are under PACE secure messaging; they can be read when that is there.
LEFT_FOR_PACE = [
    (10, 0xA4, "SELECT the root"),
    (11, 0xA4, "SELECT the health care application"),
    (12, 0xA4, "SELECT a file with insured data"),
    (13, 0xB0, "READ BINARY of the file"),
    (14, 0xB0, "READ BINARY behind its end"),
]


def exchanges() -> list[tuple[bytes, bytes]]:
    lines = [json.loads(line) for line in RECORDING.read_text().splitlines()]
    return [(bytes.fromhex(item["tx"]), bytes.fromhex(item["rx"])) for item in lines if item["type"] == "exchange"]


def answer_to(command: str) -> bytes:
    return next(decode_response_untrusted(rx).data for tx, rx in exchanges() if tx == bytes.fromhex(command))


def test_versions_in_the_clear() -> None:
    versions = basefiles.decode_version2_untrusted(answer_to("00B09100000000"))
    assert versions.generation2
    assert versions.object_system_text == "4.5.2"
    assert versions.has_ecc
    assert versions.logging == bytes.fromhex("010000")


def test_card_access_is_the_one_we_personalise() -> None:
    assert answer_to("00B00000000000") == basefiles.encode_card_access()


def test_exchanges_left_for_pace() -> None:
    hidden = [(number, tx[1]) for number, (tx, _) in enumerate(exchanges(), 1) if tx[0] & 0x0C == 0x0C]
    assert hidden == [(number, instruction) for number, instruction, _ in LEFT_FOR_PACE]
