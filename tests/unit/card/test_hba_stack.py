"""DF.QES of an HBA in environment 2: only the SAK signs, only a gSMC-KT brings the PIN (gemSpec_HBA_ObjSys)."""

from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tests.cardbench import PIN, Desk, authority, block, desk, load
from tiaas.base.entropy import SeededEntropy
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.elc import ephemeral_key
from tiaas.card.keyagreement import ModuleAgreement
from tiaas.card.objsys.addresses import ALG_SESSION_SM, ALG_SIGN_ECDSA
from tiaas.card.objsys.hba import AID_QES, PIN_QES, QES_SIGNATURES
from tiaas.card.objsys.model import CardKind
from tiaas.card.securemessaging import SessionKeys, protect_command, unprotect_response
from tiaas.card.ssec import BadSsec, decode_ssec_untrusted, encode_ssec
from tiaas.card.trustedchannel import decode_ephemeral_point_untrusted
from tiaas.pki.profession import AccessProfile

SAK, SENDER = AccessProfile.CHAT_51.flags, AccessProfile.CHAT_54.flags
DIGEST = bytes(range(32))
SIGN = commands.pso_compute_signature(DIGEST)
KEY = commands.mse_private_sign(0x86, ALG_SIGN_ECDSA)


class Module:
    """A device with a CV certificate that agrees on keys with an HBA in `environment` of DF.QES."""

    def __init__(self, hba: Desk, flags: bytes, number: int = 9) -> None:
        self.hba = hba
        self.key = ephemeral_key(SeededEntropy(b"module" + bytes([number])))
        holder = b"\x00\x0a" + bytes.fromhex(f"802760099000000000{number:02d}")
        self.cvc = authority().issue(holder, self.key.public_key(), flags, cxd=date(2029, 1, 1))
        self.keys: SessionKeys | None = None

    def agree(self) -> None:
        for cvc in (authority().cvc, self.cvc):
            self.hba.ok(commands.mse_verify_certificate(cvc.car))
            self.hba.ok(commands.pso_verify_certificate(cvc.value))
        self.hba.ok(commands.mse_private_auth(0x09, ALG_SESSION_SM))
        answer = self.hba.ok(commands.general_authenticate(0xC3, self.cvc.chr, last=False))
        agreement = ModuleAgreement(self.key, SeededEntropy(b"agreement"))
        static = load(self.hba.image, "MF/PrK.HPC.AUTD_SUK_CVC.E256").public_key()
        self.keys = agreement.finish_untrusted(static, decode_ephemeral_point_untrusted(answer))
        self.hba.ok(commands.general_authenticate(0x85, agreement.point, last=True))

    def send(self, command: CommandApdu, *, encipher: bool = True) -> ResponseApdu:
        assert self.keys is not None
        return unprotect_response(self.keys, self.hba.send(protect_command(self.keys, command, encipher)))


@pytest.fixture
def hba() -> Desk:
    """In DF.QES, environment 2."""
    card = desk(CardKind.HBA)
    card.ok(commands.select_aid(AID_QES))
    card.ok(commands.mse_restore(2))
    return card


def with_pin(hba: Desk) -> Module:
    """PIN.QES brought by a gSMC-KT, then keys agreed with a SAK."""
    sender = Module(hba, SENDER, 8)
    sender.agree()
    assert sender.send(commands.verify(PIN_QES, block(PIN))).ok
    sak = Module(hba, SAK)
    sak.agree()
    return sak


def test_a_signature_needs_the_pin_and_the_sak(hba: Desk) -> None:
    sak = with_pin(hba)
    assert sak.send(KEY).ok
    answer = sak.send(SIGN)
    assert answer.ok
    r, s = int.from_bytes(answer.data[:32], "big"), int.from_bytes(answer.data[32:], "big")
    public = load(hba.image, "MF/DF.QES/PrK.HP.QES.E256").public_key()
    public.verify(encode_dss_signature(r, s), DIGEST, ec.ECDSA(Prehashed(SHA256())))
    assert sak.send(commands.get_pin_status(PIN_QES)).ok


def test_the_answer_is_enciphered(hba: Desk) -> None:
    sak = with_pin(hba)
    assert sak.send(KEY).ok
    assert sak.keys is not None
    answer = hba.send(protect_command(sak.keys, SIGN))
    assert answer.data[0] == 0x87


@pytest.mark.parametrize("flags", [SENDER, AccessProfile.CHAT_53.flags, bytes(7)])
def test_nobody_else_signs(hba: Desk, flags: bytes) -> None:
    with_pin(hba)
    other = Module(hba, flags, 7)
    other.agree()
    assert other.send(KEY).ok
    assert other.send(SIGN).sw == 0x6982


def test_not_in_plain_and_not_with_plain_data(hba: Desk) -> None:
    sak = with_pin(hba)
    assert sak.send(KEY).ok
    assert sak.send(SIGN, encipher=False).sw == 0x6982
    assert hba.sw(KEY) == 0x9000
    assert hba.sw(SIGN) == 0x6982


def test_the_pin_comes_from_a_gsmckt_only(hba: Desk) -> None:
    assert hba.sw(commands.verify(PIN_QES, block(PIN))) == 0x6982
    sak = Module(hba, SAK)
    sak.agree()
    assert sak.send(commands.verify(PIN_QES, block(PIN))).sw == 0x6982
    assert sak.send(KEY).ok
    assert sak.send(SIGN).sw == 0x6982


def test_changing_the_environment_or_the_folder_takes_the_pin_away(hba: Desk) -> None:
    for way in (commands.mse_restore(2), commands.select_mf()):
        with_pin(hba)
        hba.ok(way)
        hba.ok(commands.select_aid(AID_QES))
        hba.ok(commands.mse_restore(2))
        sak = Module(hba, SAK)
        sak.agree()
        assert sak.send(KEY).ok
        assert sak.send(SIGN).sw == 0x6982


def test_new_keys_leave_the_pin_verified(hba: Desk) -> None:
    """A secure channel for the signature is built after the one for the PIN, in the same environment."""
    sak = with_pin(hba)
    sak.agree()
    assert sak.send(KEY).ok
    assert sak.send(SIGN).ok


def test_one_pin_pays_for_as_many_signatures_as_the_counter_says(hba: Desk) -> None:
    sak = with_pin(hba)
    assert sak.send(KEY).ok
    path = "MF/DF.QES/PIN.QES"
    channel = hba.card._channels[0]
    assert channel.verified[path] == QES_SIGNATURES
    channel.verified[path] = 2
    assert [sak.send(SIGN).sw for _ in range(3)] == [0x9000, 0x9000, 0x6982]
    assert sak.send(commands.get_pin_status(PIN_QES)).sw == 0x63C3


def test_ef_ssec() -> None:
    """The octets of a card image of gematik (HBA, object system 5.0.0)."""
    raw = bytes.fromhex("7b2c800101a4118206d27600006601830181950108c001fa800102a4118206d27600006601830181950108c001fa")
    assert encode_ssec(AID_QES, PIN_QES, {1: 250, 2: 250}) == raw
    assert decode_ssec_untrusted(raw) == {1: 250, 2: 250}
    for damaged in (b"", raw[:-1], raw[2:], raw[:-1] + b"\0", b"\x7b\x03\x80\x01\x01"):
        with pytest.raises(BadSsec):
            decode_ssec_untrusted(damaged)
