"""CV certificates: form, signature, chain."""

from datetime import date, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from tiaas.pki.cvc import (
    FLAGS_CMS,
    BadCvc,
    Cvc,
    CvcBody,
    CvcSignatureWrong,
    decode_cvc_untrusted,
    decode_cvc_value_untrusted,
    encode_cvc_date,
    has_flag,
    issue_cvc,
    verify_cvc,
)
from tiaas.pki.cvcchain import CvcChainError, CvcFault, check_cvc_chain, check_profile
from tiaas.pki.profession import AccessProfile

ROOT, SUB, CARD = (ec.generate_private_key(ec.BrainpoolP256R1()) for _ in range(3))
TODAY = date(2026, 6, 1)
ROOT_NAME, SUB_NAME = b"DETIA\x81\x02\x26", b"DETIA\x11\x02\x26"
CARD_NAME = bytes.fromhex("000980276123450000000001")


def make(
    subject: ec.EllipticCurvePrivateKey,
    issuer: ec.EllipticCurvePrivateKey,
    car: bytes,
    name: bytes,
    flags: str,
    **other: object,
) -> Cvc:
    values: dict[str, object] = {"ced": TODAY, "cxd": TODAY + timedelta(days=100), **other}
    body = CvcBody(car=car, chr=name, public_key=subject.public_key(), flags=bytes.fromhex(flags), **values)  # type: ignore[arg-type]
    return issue_cvc(body, issuer)


def root(**other: object) -> Cvc:
    return make(ROOT, ROOT, ROOT_NAME, ROOT_NAME, "FFFFFFFFFFFFFF", **other)


def sub(flags: str = "80000000000000", **other: object) -> Cvc:
    return make(SUB, ROOT, ROOT_NAME, SUB_NAME, flags, **other)


def card(flags: str = "00000000000000", **other: object) -> Cvc:
    return make(CARD, SUB, SUB_NAME, CARD_NAME, flags, **other)


def test_sizes_and_head() -> None:
    assert len(sub().encoded) == 220
    assert sub().encoded.startswith(
        bytes.fromhex("7F2181D87F4E81915F290170420844455449418102267F494D06082A8648CE3D040302")
    )
    assert len(card().encoded) == 222
    assert card().encoded.startswith(
        bytes.fromhex("7F2181DA7F4E81935F290170420844455449411102267F494B06062B2403050301")
    )


def test_round_trip_and_fields() -> None:
    made = card()
    assert decode_cvc_untrusted(made.encoded) == made
    assert decode_cvc_value_untrusted(made.value) == made
    assert (made.car, made.chr, made.ced) == (SUB_NAME, CARD_NAME, TODAY)
    assert made.key().public_numbers() == CARD.public_key().public_numbers()
    assert not made.is_ca
    assert sub().is_ca
    assert root().is_root
    verify_cvc(made, SUB.public_key())
    with pytest.raises(CvcSignatureWrong):
        verify_cvc(made, ROOT.public_key())


def test_date_is_one_digit_an_octet() -> None:
    assert encode_cvc_date(date(2020, 1, 23)) == bytes.fromhex("020000010203")
    with pytest.raises(ValueError, match="year"):
        encode_cvc_date(date(2100, 1, 1))


def test_flag_numbers_count_from_the_left() -> None:
    flags = bytes.fromhex("005D29DAA0BB00")
    assert [number for number in range(56) if has_flag(flags, number)][:6] == [9, 11, 12, 13, 15, 18]
    assert has_flag(flags, 30)
    assert has_flag(flags, 32)


@pytest.mark.parametrize("broken", ["", "7F21", "7F2100", "00", "7F2103420101"])
def test_garbage_is_refused(broken: str) -> None:
    with pytest.raises(BadCvc):
        decode_cvc_untrusted(bytes.fromhex(broken))


@given(position=st.integers(0, 221), bit=st.integers(0, 7))
def test_every_flipped_bit_is_seen(position: int, bit: int) -> None:
    raw = bytearray(GOOD.encoded)
    raw[position] ^= 1 << bit
    try:
        read = decode_cvc_untrusted(bytes(raw))
    except BadCvc:
        return
    with pytest.raises(CvcSignatureWrong):
        verify_cvc(read, SUB.public_key())


GOOD = card()


@pytest.mark.parametrize("size", [0, 1, 100, 221, 223])
def test_wrong_sizes(size: int) -> None:
    with pytest.raises(BadCvc):
        decode_cvc_untrusted((GOOD.encoded + b"\x00")[:size] if size <= 223 else b"")


def test_chain_holds() -> None:
    check_cvc_chain(card(), sub(), [root()], TODAY)
    check_cvc_chain(card(), sub(), [root()], TODAY + timedelta(days=100))


FOREIGN = ec.generate_private_key(ec.BrainpoolP256R1())


@pytest.mark.parametrize(
    ("end_entity", "ca", "roots", "day", "fault"),
    [
        (card(), sub(), [], TODAY, CvcFault.ROOT_UNKNOWN),
        (card(), make(SUB, FOREIGN, ROOT_NAME, SUB_NAME, "80000000000000"), [root()], TODAY, CvcFault.CA_SIGNATURE),
        (make(CARD, FOREIGN, SUB_NAME, CARD_NAME, "00000000000000"), sub(), [root()], TODAY, CvcFault.CARD_SIGNATURE),
        (make(CARD, SUB, ROOT_NAME, CARD_NAME, "00000000000000"), sub(), [root()], TODAY, CvcFault.ISSUER_MISMATCH),
        (card(flag_oid=FLAGS_CMS), sub(), [root()], TODAY, CvcFault.ISSUER_MISMATCH),
        (card(), sub(), [make(ROOT, ROOT, ROOT_NAME, ROOT_NAME, "80000000000000")], TODAY, CvcFault.NOT_A_ROOT),
        (card(), sub("00000000000000"), [root()], TODAY, CvcFault.NOT_A_CA),
        (card("80000000000000"), sub(), [root()], TODAY, CvcFault.NOT_A_CARD),
        (card(), sub(), [root()], TODAY - timedelta(days=1), CvcFault.NOT_YET_VALID),
        (card(), sub(), [root(cxd=TODAY)], TODAY + timedelta(days=1), CvcFault.EXPIRED),
    ],
)
def test_chain_faults(end_entity: Cvc, ca: Cvc, roots: list[Cvc], day: date, fault: CvcFault) -> None:
    with pytest.raises(CvcChainError) as caught:
        check_cvc_chain(end_entity, ca, roots, day)
    assert caught.value.fault is fault


def test_the_profile_is_exact() -> None:
    check_profile(card(), AccessProfile.CHAT_0)
    doctor = AccessProfile.CHAT_2A
    check_profile(card(doctor.flags.hex()), doctor)
    for end_entity in (card(doctor.flags.hex()), card("00000000000001"), card(flag_oid=FLAGS_CMS)):
        with pytest.raises(CvcChainError) as caught:
            check_profile(end_entity, AccessProfile.CHAT_0)
        assert caught.value.fault is CvcFault.WRONG_PROFILE
