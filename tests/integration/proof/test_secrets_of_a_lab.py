"""The search for secrets finds each in every form, and none in what only looks like it by chance."""

import json
from base64 import b64encode

import pytest

from tests.integration.proof.secrets_of_a_lab import Secrets

CAN, PIN = "130427", "90817263"
BLOCK = bytes.fromhex("2890817263FFFFFF")
KEY = bytes(range(0x51, 0x61))
SECRETS = Secrets(
    pins={CAN, PIN, "100000"},
    kvnrs={"X110411675"},
    iccsns={"80276883110000012345"},
    names={"Gänseblümchen"},
    passwords={"Sesam-öffne-dich"},
    keys={KEY},
)


@pytest.mark.parametrize(
    "text",
    [
        f"{CAN}",
        f"CAN {CAN} is wrong",
        f'{{"can": "{CAN}"}}',
        f"can={CAN}ms",
        f"Code{CAN}",
        f"\\n{CAN}\\n",
        f"\\x9f{CAN}",
        f"/cards/{CAN}/pin?can={CAN}",
        f"0.{CAN}",
        f"05:40:53.{CAN}",
        f"2026-11-27T05:40:53.130000+00:00 {CAN}",
        f"2026-11-27T05:40:53 {CAN}",
        f"20261127054053Z {CAN}",
        f"00000000-0000-4000-8000-000000000000{CAN}",
        f"deadbeef{CAN[0]}-{CAN}",
    ],
)
def test_a_number_is_found(text: str) -> None:
    assert SECRETS.found_in(text.encode()) == [f"pins: {CAN}"]
    assert SECRETS.found_in(b"\xff\x00" + text.encode() + b"\x00") == [f"pins: {CAN}"]
    assert SECRETS.found_in(text.encode(), but=frozenset({"pins"})) == []


@pytest.mark.parametrize(
    "text",
    [
        f"2026-11-27T05:40:53.{CAN}+00:00",
        f"2026-11-27T05:40:53.{CAN}Z",
        f'"time": "2026-11-27T05:40:53.{CAN}"',
        f"2026-11-27 05:40:53,{CAN}",
        f"2026-11-27T05:40:53.{CAN}000Z",
        f"20261127054053.{CAN}Z",
        f"20261127{CAN}Z",
        f"261127{CAN}Z",
        f"00000000-0000-4000-8000-{CAN}abcdef",
        f"ab{CAN}-0000-4000-8000-000000000000",
        f'"seal":"9d{CAN}b9a99c999a9d9c9c"',
        f'"seal":"{CAN}ca99f99c9f99"',
        f'"header": "{PIN}", "sw": "9000"',
        f'"header": "{CAN}A9", "sw": "9000"',
        f"KT:{CAN}:D9B99B MIT",
        f"CHR=DETIA{CAN}, CAR=DETIA{CAN}",
        "MIIB" * 20 + f"x{CAN}x",
        f"1{CAN}",
        f"{PIN}0",
        '"maximum": 100000',
    ],
)
def test_a_number_that_only_looks_like_it_is_not_found(text: str) -> None:
    assert SECRETS.found_in(text.encode()) == []


@pytest.mark.parametrize("before", range(3))
@pytest.mark.parametrize(("octets", "hit"), [(BLOCK, f"pins: {PIN}"), (KEY, f"keys: {KEY.hex()[:16]}")])
def test_octets_are_found_in_every_form(before: int, octets: bytes, hit: str) -> None:
    surrounded = b"\x01" * before + octets + b"\x02" * 7
    forms = [surrounded, b64encode(surrounded), *(text.encode() for text in _hex_forms(surrounded))]
    for form in forms:
        assert SECRETS.found_in(form) == [hit]
        assert SECRETS.found_in(b"\x80" + form + b"\x80") == [hit]
    assert SECRETS.found_in(octets[1:] + octets[:1]) == []


def _hex_forms(octets: bytes) -> list[str]:
    return [octets.hex(), octets.hex().upper(), octets.hex(" ")]


@pytest.mark.parametrize(
    ("form", "hit"),
    [
        (b"a X110411675 b", "kvnrs: X110411675"),
        (b"80276883110000012345", "iccsns: 80276883110000012345"),
        (bytes.fromhex("5A0A80276883110000012345"), "iccsns: 80276883110000012345"),
        ("Frau Gänseblümchen".encode(), "names: Gänseblümchen"),
        ("Frau Gänseblümchen".encode("iso-8859-15"), "names: Gänseblümchen"),
        (json.dumps("Frau Gänseblümchen").encode(), "names: Gänseblümchen"),
        ("mit Sesam-öffne-dich!".encode(), "passwords: Sesam-öffne-dich"),
    ],
)
def test_words_are_found_in_every_form(form: bytes, hit: str) -> None:
    assert SECRETS.found_in(form) == [hit]
    assert SECRETS.found_in(form, but=frozenset({hit.partition(":")[0]})) == []
