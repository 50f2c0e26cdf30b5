"""The extension Admission: what we write, what others write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.pki.admission import Admission, BadAdmission, build_admission, decode_admission_untrusted
from tiaas.pki.oids import Role
from tiaas.tlv import encode


def test_round_trip() -> None:
    built = build_admission(Role.ARZT, "1-1a25sd-d529", "Lab-Ärztekammer TEST-ONLY").public_bytes()
    read = decode_admission_untrusted(built)
    assert read == Admission(("Ärztin/Arzt",), ("1.2.276.0.76.4.30",), "1-1a25sd-d529")
    assert read.roles == (Role.ARZT,)


def test_form_of_gs_a_4717() -> None:
    built = build_admission(Role.VERSICHERTER).public_bytes()
    # One Admissions, one ProfessionInfo: item as UTF8String, one OID, no registration number.
    item = encode(0x30, encode(0x0C, b"Versicherte/-r"))
    oids = encode(0x30, bytes.fromhex("06072A8214004C0431"))
    assert built == encode(0x30, encode(0x30, encode(0x30, encode(0x30, encode(0x30, item + oids)))))


@pytest.mark.parametrize(
    ("tag", "octets", "text"),
    [(0x13, b"Arzt", "Arzt"), (0x14, b"\xc4rztin", "Ärztin"), (0x1E, "Ärztin".encode("utf-16-be"), "Ärztin")],
)
def test_other_string_types_are_read(tag: int, octets: bytes, text: str) -> None:
    profession = encode(0x30, encode(0x30, encode(tag, octets)), encode(0x30, bytes.fromhex("06072A8214004C041E")))
    naming = encode(0xA1, encode(0x30, b""))
    value = encode(0x30, encode(0xA4, encode(0x30, b"")), encode(0x30, encode(0x30, naming, encode(0x30, profession))))
    assert decode_admission_untrusted(value) == Admission((text,), (Role.ARZT.oid,), None)


def test_several_professions() -> None:
    parts = [
        encode(0x30, encode(0x30, encode(0x0C, text)), encode(0x30, oid), encode(0x13, b"1-x"))
        for text, oid in ((b"a", bytes.fromhex("0603550406")), (b"b", bytes.fromhex("06022A03")))
    ]
    value = encode(0x30, encode(0x30, encode(0x30, encode(0x30, *parts))))
    assert decode_admission_untrusted(value) == Admission(("a", "b"), ("2.5.4.6", "1.2.3"), "1-x")


@pytest.mark.parametrize("raw", ["", "30", "3000", "310030", "3003300130", "30053003300130", "30023080"])
def test_garbage(raw: str) -> None:
    with pytest.raises(BadAdmission):
        decode_admission_untrusted(bytes.fromhex(raw))


@given(st.binary(max_size=60))
def test_only_bad_admission_escapes(raw: bytes) -> None:
    try:
        decode_admission_untrusted(encode(0x30, encode(0x30, encode(0x30, encode(0x30, raw)))))
    except BadAdmission:
        return
