"""The far end of symmetric mutual authentication, against a virtual eGK."""

import pytest

from tests.cardbench import ICCSN, Desk, desk
from tiaas.base.entropy import SeededEntropy
from tiaas.card import commands
from tiaas.card.mutual import AuthenticationKey, BadAuthentication, MutualAuthentication
from tiaas.card.objsys.egk import AID_HCA, SFID_PD
from tiaas.card.objsys.model import CardKind
from tiaas.card.securemessaging import protect_command, unprotect_response
from tiaas.card.status import StatusWord

OWN = b"\x09" * 8
KEYS = [("MF/SK.VSD.AES128", 0x12), ("MF/SK.VSD.AES256", 0x19), ("MF/SK.CMS.AES128", 0x13), ("MF/SK.CMS.AES256", 0x18)]


def begin(
    card: Desk, path: str, ref: int, key: bytes | None = None, iccsn8: bytes | None = None
) -> MutualAuthentication:
    card.ok(commands.mse_symmetric_auth(ref, 0x54))
    challenge = card.ok(commands.get_challenge(16))
    known = AuthenticationKey.of(key or card.image.keys[path])
    return MutualAuthentication.begin_untrusted(
        known, challenge, iccsn8 or ICCSN[CardKind.EGK][-8:], OWN, SeededEntropy(b"far end")
    )


@pytest.mark.parametrize(("path", "ref"), KEYS)
def test_both_ends_have_the_same_keys(path: str, ref: int) -> None:
    card = desk()
    far_end = begin(card, path, ref)
    keys = far_end.finish_untrusted(card.ok(commands.mutual_authenticate(far_end.command_data)))
    select = protect_command(keys, commands.select_aid(AID_HCA))
    assert unprotect_response(keys, card.send(select)).sw == StatusWord.OK
    update = protect_command(keys, commands.update_binary(b"\x00\x01", sfid=SFID_PD))
    allowed = StatusWord.OK if "VSD" in path else StatusWord.SECURITY_STATUS_NOT_SATISFIED
    assert unprotect_response(keys, card.send(update)).sw == allowed


def test_session_keys_of_the_far_end_are_not_shown() -> None:
    far_end = begin(desk(), *KEYS[0])
    assert far_end.key.enc.hex() not in repr(far_end)
    assert repr(far_end.key.mac) not in repr(far_end.key)
    assert repr(far_end.material) not in repr(far_end)


@pytest.mark.parametrize("wrong", ["key", "iccsn", "own"])
def test_the_card_refuses(wrong: str) -> None:
    card = desk()
    iccsn8 = bytes(8) if wrong == "iccsn" else None
    far_end = begin(card, *KEYS[1], key=bytes(64) if wrong == "key" else None, iccsn8=iccsn8)
    if wrong == "own":
        far_end = MutualAuthentication(far_end.key, far_end.outer[:16] + card.image.iccsn8, far_end.inner, bytes(64))
    assert card.sw(commands.mutual_authenticate(far_end.command_data)) == StatusWord.AUTHENTICATION_FAILED


@pytest.mark.parametrize("at", [0, 60, 111, 112, 119])
def test_the_far_end_refuses_a_changed_answer(at: int) -> None:
    card = desk()
    far_end = begin(card, *KEYS[1])
    answer = bytearray(card.ok(commands.mutual_authenticate(far_end.command_data)))
    answer[at] ^= 1
    with pytest.raises(BadAuthentication):
        far_end.finish_untrusted(bytes(answer))


@pytest.mark.parametrize("answer", [b"", bytes(8), bytes(119), bytes(121)])
def test_the_far_end_refuses_other_lengths(answer: bytes) -> None:
    with pytest.raises(BadAuthentication):
        begin(desk(), *KEYS[1]).finish_untrusted(answer)


def test_the_far_end_refuses_an_old_answer() -> None:
    card = desk()
    first = begin(card, *KEYS[1])
    old = card.ok(commands.mutual_authenticate(first.command_data))
    with pytest.raises(BadAuthentication, match="another"):
        begin(card, *KEYS[1]).finish_untrusted(old)


@pytest.mark.parametrize("challenge", [b"", bytes(8), bytes(17)])
def test_a_challenge_has_sixteen_octets(challenge: bytes) -> None:
    key = AuthenticationKey(bytes(16), bytes(16))
    with pytest.raises(BadAuthentication):
        MutualAuthentication.begin_untrusted(key, challenge, bytes(8), OWN, SeededEntropy(b"x"))
