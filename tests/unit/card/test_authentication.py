"""Cards among themselves: certificates, role proof, session keys, secure messaging."""

from datetime import date

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from tests.cardbench import (
    DOCTOR,
    ICCSN,
    PIN,
    TODAY,
    Authority,
    Desk,
    authority,
    block,
    desk,
    load,
    root,
)
from tiaas.base.entropy import SeededEntropy
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.elc import encode_point, ephemeral_key
from tiaas.card.objsys import addresses, egk, gsmckt, hba, smcb
from tiaas.card.objsys.model import CardKind
from tiaas.card.objsys.notation import OID_FLAGS_TI
from tiaas.card.securemessaging import (
    BadSecureMessaging,
    SessionKeys,
    derive_session_keys,
    protect_command,
    unprotect_response,
)
from tiaas.card.symmetric import cbc_decrypt, cbc_encrypt, checksum
from tiaas.card.virtual.authentication import role_input, signature_fits
from tiaas.pki.cvc import Cvc, decode_cvc_untrusted
from tiaas.tlv import decode_one_untrusted, encode


def bring(card: Desk, *certificates: Cvc) -> None:
    """Imports certificates, issuers first."""
    for cvc in certificates:
        card.ok(commands.mse_verify_certificate(cvc.car))
        card.ok(commands.pso_verify_certificate(cvc.value))


def own_cvc(card: Desk, name: str) -> Cvc:
    return decode_cvc_untrusted(card.image.files[f"MF/EF.C.{name}.E256"])


def unlock(egk_card: Desk, source: Desk, name: str = "SMC.AUTR_CVC", key: int = smcb.KEY_AUTR) -> int:
    """One-sided C2C as a Konnektor does it; the status word of EXTERNAL AUTHENTICATE."""
    cvc = own_cvc(source, name)
    if egk_card.sw(commands.mse_public_auth(cvc.chr, addresses.ALG_ROLE)) == 0x6A88:
        bring(egk_card, authority().cvc, cvc)
        egk_card.ok(commands.mse_public_auth(cvc.chr, addresses.ALG_ROLE))
    challenge = egk_card.ok(commands.get_challenge(16))
    source.ok(commands.mse_private_auth(key, addresses.ALG_ROLE))
    signature = source.ok(commands.internal_authenticate(challenge + egk_card.image.iccsn8))
    return egk_card.sw(commands.external_authenticate(signature))


@pytest.fixture
def practice() -> tuple[Desk, Desk]:
    """An eGK and an SMC-B whose PIN is verified."""
    source = desk(CardKind.SMC_B)
    source.ok(commands.verify(smcb.PIN_SMC, block(PIN)))
    return desk(), source


def test_unlocking_gives_the_role_its_rights(practice: tuple[Desk, Desk]) -> None:
    card, source = practice
    card.image.files["MF/DF.HCA/EF.GVD"] = b"protected"
    card.ok(commands.select_aid(egk.AID_HCA))
    assert card.sw(commands.read_binary(sfid=egk.SFID_GVD)) == 0x6982
    assert unlock(card, source) == 0x9000
    assert card.ok(commands.read_binary(sfid=egk.SFID_GVD)) == b"protected"
    card.ok(commands.append_record(egk.SFID_LOGGING, bytes(egk.LOGGING_RECORD_SIZE)))
    card.ok(commands.select_mf())
    card.ok(commands.select_aid(egk.AID_HCA))
    card.ok(commands.read_binary(sfid=egk.SFID_GVD))  # roles belong to the root folder and stay
    card.card.reset()
    card.ok(commands.select_aid(egk.AID_HCA))
    assert card.sw(commands.read_binary(sfid=egk.SFID_GVD)) == 0x6982


def test_role_status_can_be_asked_for(practice: tuple[Desk, Desk]) -> None:
    card, source = practice
    chat = encode(0x7F4C, encode(0x06, OID_FLAGS_TI), encode(0x53, DOCTOR))
    assert card.sw(commands.get_security_status_key(chat)) == 0x63CF
    unlock(card, source)
    card.ok(commands.get_security_status_key(chat))
    assert card.sw(commands.get_security_status_key(b"\x83\x01\x13")) == 0x63CF
    assert card.sw(commands.get_security_status_key(b"\x83\x01\x7e")) == 0x6A88
    assert card.sw(commands.get_security_status_key(b"\x01")) == 0x6A80


def test_imported_keys_stay_and_are_listed(practice: tuple[Desk, Desk]) -> None:
    card, source = practice
    unlock(card, source)
    changes = card.changes
    card.card.reset()
    assert unlock(card, source) == 0x9000
    assert card.changes == changes
    listed = card.ok(commands.list_public_keys())
    aid = encode(0x4F, addresses.AID_ROOT_EGK)
    entries = [
        encode(0xE0, aid, encode(0xB6, encode(0x83, root().cvc.chr))),
        encode(0xE0, aid, encode(0xB6, encode(0x83, authority().cvc.chr))),
        encode(0xE0, aid, encode(0xA4, encode(0x83, own_cvc(source, "SMC.AUTR_CVC").chr))),
    ]
    assert listed == b"".join(entries)


def test_role_proof_needs_the_pin_of_the_source() -> None:
    source = desk(CardKind.SMC_B)
    source.ok(commands.mse_private_auth(smcb.KEY_AUTR, addresses.ALG_ROLE))
    assert source.sw(commands.internal_authenticate(bytes(24))) == 0x6982


def test_wrong_signature_takes_the_role_away(practice: tuple[Desk, Desk]) -> None:
    card, source = practice
    assert unlock(card, source) == 0x9000
    card.ok(commands.get_challenge(16))
    assert card.sw(commands.external_authenticate(bytes(64))) == 0x6300
    assert card.card._channels[0].roles == []


def test_a_challenge_serves_once(practice: tuple[Desk, Desk]) -> None:
    card, source = practice
    unlock(card, source)
    assert card.sw(commands.external_authenticate(bytes(64))) == 0x6985
    card.ok(commands.get_challenge(8))
    assert card.sw(commands.external_authenticate(bytes(64))) == 0x6985


def test_signature_for_another_card_is_refused(practice: tuple[Desk, Desk]) -> None:
    card, source = practice
    cvc = own_cvc(source, "SMC.AUTR_CVC")
    bring(card, authority().cvc, cvc)
    card.ok(commands.mse_public_auth(cvc.chr, addresses.ALG_ROLE))
    challenge = card.ok(commands.get_challenge(16))
    source.ok(commands.mse_private_auth(smcb.KEY_AUTR, addresses.ALG_ROLE))
    signature = source.ok(commands.internal_authenticate(challenge + ICCSN[CardKind.HBA][-8:]))
    assert card.sw(commands.external_authenticate(signature)) == 0x6300


def test_authenticity_of_an_egk() -> None:
    card = desk()
    card.ok(commands.mse_private_auth(egk.KEY_AUT_CVC, addresses.ALG_ROLE))
    token = bytes(range(24))
    signature = card.ok(commands.internal_authenticate(token))
    assert signature_fits(own_cvc(card, "eGK.AUT_CVC").key(), role_input(token), signature)
    assert role_input(token) == bytes(7) + token + b"\x00"
    assert card.sw(commands.internal_authenticate(bytes(16) + card.image.iccsn8)) == 0x6A80
    assert card.sw(commands.internal_authenticate(bytes(23))) == 0x6A80


# PSO VERIFY CERTIFICATE


def _import(card: Desk, cvc: Cvc, issuer: bytes | None = None) -> int:
    card.ok(commands.mse_verify_certificate(issuer or cvc.car))
    return card.sw(commands.pso_verify_certificate(cvc.value))


def _card_key() -> ec.EllipticCurvePublicKey:
    return ephemeral_key(SeededEntropy(b"somebody")).public_key()


HOLDER = bytes.fromhex("000680276009911111111111")


def test_certificate_of_an_unknown_or_other_issuer() -> None:
    card = desk()
    cvc = authority().issue(HOLDER, _card_key(), DOCTOR)
    assert card.sw(commands.mse_verify_certificate(cvc.car)) == 0x6A88
    assert _import(card, cvc, root().cvc.chr) == 0x6A88
    assert card.sw(commands.pso_verify_certificate(b"\x00")) == 0x6A80
    assert desk().sw(commands.pso_verify_certificate(cvc.value)) == 0x6985


def test_certificate_with_a_wrong_signature() -> None:
    card = desk()
    value = authority().cvc.value
    card.ok(commands.mse_verify_certificate(root().cvc.chr))
    assert card.sw(commands.pso_verify_certificate(value[:-1] + bytes([value[-1] ^ 1]))) == 0x6A80
    forged = Authority(ephemeral_key(SeededEntropy(b"forger")), root().cvc)
    assert card.sw(commands.pso_verify_certificate(forged.sub_authority(b"DEGXX\x12\x02\x26").cvc.value)) == 0x6A80


def test_dates_of_a_certificate() -> None:
    card = desk()
    bring(card, authority().cvc)
    key = _card_key()
    assert _import(card, authority().issue(HOLDER, key, DOCTOR, cxd=date(2026, 2, 28))) == 0x6983
    assert _import(card, authority().issue(HOLDER, key, DOCTOR, cxd=TODAY)) == 0x9000
    assert _import(card, authority().issue(HOLDER, key, DOCTOR, cxd=date(2031, 1, 1))) == 0x6A80
    assert _import(card, authority().issue(HOLDER, key, DOCTOR, date(2029, 1, 2), date(2029, 1, 1))) == 0x6A80
    assert card.image.point_in_time == TODAY
    assert _import(card, authority().issue(HOLDER, key, DOCTOR, ced=date(2026, 6, 1))) == 0x9000
    assert card.image.point_in_time == date(2026, 6, 1)


def test_a_later_date_expires_what_was_imported(practice: tuple[Desk, Desk]) -> None:
    card, source = practice
    unlock(card, source)
    card.image.point_in_time = date(2031, 1, 1)
    assert unlock(card, source) == 0x6983
    assert _import(card, authority().issue(HOLDER, _card_key(), DOCTOR)) == 0x6983


def test_flags_are_cut_to_those_of_the_issuer() -> None:
    card = desk()
    narrow = root().sub_authority(b"DEGXX\x13\x02\x26", bytes.fromhex("80000000A00000"))
    bring(card, narrow.cvc, narrow.issue(HOLDER, _card_key(), DOCTOR))
    assert card.image.public_keys[HOLDER].flags == bytes.fromhex("00000000A00000")


def test_a_new_root_comes_by_its_cross_certificate() -> None:
    card = desk()
    new = root(b"DEGXX\x88\x02\x27")
    cross = root().issue(new.cvc.chr, new.key.public_key(), b"\xff" * 7, cxd=date(2040, 1, 1))
    bring(card, cross)
    below = new.sub_authority(b"DEGXX\x14\x02\x27")
    bring(card, below.cvc, below.issue(HOLDER, _card_key(), DOCTOR))
    assert card.image.public_keys[new.cvc.chr].is_root


def test_an_authority_cannot_take_the_place_of_its_root() -> None:
    """A certificate that names the root as its holder is refused, or its maker's CA would be the last one ever."""
    card = desk()
    middle = authority()
    assert _import(card, middle.cvc) == 0x9000
    assert _import(card, middle.sub_authority(root().cvc.chr).cvc) == 0x6A80
    assert card.image.public_keys[root().cvc.chr].is_root


def test_the_store_gives_up_expired_keys_then_idle_ones() -> None:
    card = desk()
    bring(card, authority().cvc)
    early = authority().issue(b"\x00\x06" + b"early".rjust(10, b"\0"), _card_key(), DOCTOR, cxd=date(2026, 4, 1))
    bring(card, early)
    for number in range(28):
        bring(card, authority().issue(number.to_bytes(12, "big"), _card_key(), DOCTOR))
    card.image.point_in_time = date(2026, 5, 1)
    bring(card, authority().issue((28).to_bytes(12, "big"), _card_key(), DOCTOR))
    assert early.chr not in card.image.public_keys
    card.ok(commands.mse_public_auth((0).to_bytes(12, "big"), addresses.ALG_ROLE))
    for number in range(29, 40):
        bring(card, authority().issue(number.to_bytes(12, "big"), _card_key(), DOCTOR))
    keys = card.image.public_keys
    assert len(keys) == 31
    assert root().cvc.chr in keys
    assert (0).to_bytes(12, "big") in keys
    assert (39).to_bytes(12, "big") in keys


# Session keys


class Line:
    """The outside end of a session."""

    def __init__(self, card: Desk, keys: SessionKeys) -> None:
        self.card = card
        self.keys = keys

    def send(self, command: CommandApdu, encipher: bool = True) -> ResponseApdu:
        protected = self.card.send(protect_command(self.keys, command, encipher))
        return unprotect_response(self.keys, protected)


def software_session(card: Desk, key: int, flags: bytes) -> Line:
    """Negotiates with a module made of software: static key, certificate, ephemeral key of its own."""
    static = ephemeral_key(SeededEntropy(b"module"))
    cvc = authority().issue(bytes.fromhex("000A80276009922222222222"), static.public_key(), flags)
    bring(card, authority().cvc, cvc)
    card.ok(commands.mse_private_auth(key, addresses.ALG_SESSION_SM))
    answer = decode_one_untrusted(card.ok(commands.general_authenticate(0xC3, cvc.chr, last=False)))[0]
    theirs = ec.EllipticCurvePublicKey.from_encoded_point(ec.BrainpoolP256R1(), answer.child(0x85).value)
    ephemeral = ephemeral_key(SeededEntropy(b"once"))
    own_point = encode_point(ephemeral.public_key())
    card.ok(commands.general_authenticate(0x85, own_point, last=True))
    name = {CardKind.HBA: "HPC.AUTD_SUK_CVC", CardKind.SMC_B: "SMC.AUTD_RPE_CVC", CardKind.EGK: "eGK.AUT_CVC"}
    card_static = own_cvc(card, name[card.image.kind]).key()
    material = ephemeral.exchange(ec.ECDH(), card_static) + static.exchange(ec.ECDH(), theirs)
    return Line(card, derive_session_keys(material, 16))


REMOTE_PIN_SENDER, SIGNATURE_COMPONENT = bytes.fromhex("00000000000002"), bytes.fromhex("00000000000001")


def test_stack_signature_through_a_trusted_channel() -> None:
    card = desk(CardKind.HBA)
    card.ok(commands.select_aid(hba.AID_QES))
    card.ok(commands.mse_restore(2))
    sender = software_session(card, hba.KEY_AUTD_SUK, REMOTE_PIN_SENDER)
    assert sender.send(commands.verify(hba.PIN_QES, block(PIN)), encipher=False).sw == 0x6982
    assert sender.send(commands.verify(hba.PIN_QES, block(PIN))).sw == 0x9000
    assert sender.send(commands.get_pin_status(hba.PIN_QES)).sw == 0x6982  # only through the SAK's channel
    sak = software_session(card, hba.KEY_AUTD_SUK, SIGNATURE_COMPONENT)
    assert sak.send(commands.get_pin_status(hba.PIN_QES)).sw == 0x9000
    assert sak.send(commands.mse_private_sign(0x86, addresses.ALG_SIGN_ECDSA)).sw == 0x9000
    assert sak.send(commands.pso_compute_signature(bytes(32)), encipher=False).sw == 0x6982
    raw = card.send(protect_command(sak.keys, commands.pso_compute_signature(bytes(32))))
    assert raw.data[0] == 0x87  # the rule wants the response enciphered
    response = unprotect_response(sak.keys, raw)
    assert signature_fits(load(card.image, "MF/DF.QES/PrK.HP.QES.E256").public_key(), bytes(32), response.data)
    assert card.sw(commands.pso_compute_signature(bytes(32))) == 0x6982  # unprotected: the session is over
    assert card.sw(protect_command(sak.keys, commands.get_challenge(8))) == 0x6988


def test_responses_without_a_rule_for_it_are_plain() -> None:
    line = software_session(desk(CardKind.SMC_B), smcb.KEY_AUTD_RPE, REMOTE_PIN_SENDER)
    raw = line.card.send(protect_command(line.keys, commands.read_binary(sfid=addresses.SFID_GDO)))
    assert raw.data[0] == 0x81
    assert unprotect_response(line.keys, raw).data == line.card.image.files["MF/EF.GDO"]
    assert line.send(commands.select_ef(0x1234)).sw == 0x6A82  # errors come protected too


@pytest.mark.parametrize("position", [0, 3, -9, -1])
def test_a_damaged_command_ends_the_session(position: int) -> None:
    line = software_session(desk(CardKind.SMC_B), smcb.KEY_AUTD_RPE, REMOTE_PIN_SENDER)
    command = protect_command(line.keys, commands.verify(1, block(PIN)))
    octets = bytearray(command.encode())
    octets[5 + position if position >= 0 else position - 1] ^= 0x01
    assert line.card.card.process(bytes(octets)) == b"\x69\x88"
    assert line.card.card._channels[0].session is None
    assert line.card.card._channels[0].roles == []
    assert line.card.image.passwords["MF/PIN.SMC"].retry_counter == 3


def test_a_replayed_command_is_refused() -> None:
    line = software_session(desk(CardKind.SMC_B), smcb.KEY_AUTD_RPE, REMOTE_PIN_SENDER)
    command = protect_command(line.keys, commands.get_pin_status(1))
    unprotect_response(line.keys, line.card.send(command))
    assert line.card.sw(command) == 0x6988


def test_secure_messaging_without_a_session() -> None:
    assert desk().raw("0C2000010A8E080000000000000000") == "6988"


def test_two_cards_agree_on_keys() -> None:
    module, card = desk(CardKind.SMC_KT), desk(CardKind.SMC_B)
    bring(module, authority().cvc, own_cvc(card, "SMC.AUTD_RPE_CVC"))
    bring(card, authority().cvc, own_cvc(module, "SMC.AUTD_RPS_CVC"))
    card.ok(commands.mse_private_auth(smcb.KEY_AUTD_RPE, addresses.ALG_SESSION_SM))
    module.ok(commands.mse_private_auth(gsmckt.KEY_AUTD_RPS, addresses.ALG_SESSION_TC))
    points = []
    for this, other, name in ((card, module, "SMC.AUTD_RPS_CVC"), (module, card, "SMC.AUTD_RPE_CVC")):
        first = commands.general_authenticate(0xC3, own_cvc(other, name).chr, last=False)
        points.append(decode_one_untrusted(this.ok(first))[0].child(0x85).value)
    module.ok(commands.general_authenticate(0x85, points[0], last=True))
    card.ok(commands.general_authenticate(0x85, points[1], last=True))
    sent = _protect_by_module(module, commands.verify(smcb.PIN_SMC, block(PIN)))
    response = card.send(sent)
    assert response.sw == 0x9000
    check = encode(0x80, response.data[:-10]) + response.data[-10:]
    module.ok(CommandApdu(0x00, 0x2A, 0x00, 0xA2, check))
    assert module.sw(CommandApdu(0x00, 0x2A, 0x00, 0xA2, check)) == 0x6A80  # counted on: it ends the session
    assert module.sw(CommandApdu(0x00, 0x2A, 0x8E, 0x80, b"\x01x", ne=256)) == 0x6985


def _protect_by_module(module: Desk, command: CommandApdu) -> CommandApdu:
    """Remote PIN: the gSMC-KT enciphers and computes the checksum (sicct_cards 13.6, 13.7)."""
    cipher = module.ok(commands.pso_encipher(command.data))
    head = bytes([command.cla | 0x0C, command.ins, command.p1, command.p2])
    data = encode(0x87, cipher)
    source = b"\x00" + head + b"\x80" + bytes(11) + data
    mac = module.ok(CommandApdu(0x00, 0x2A, 0x8E, 0x80, source, ne=256))
    return CommandApdu(head[0], head[1], head[2], head[3], data + encode(0x8E, mac), ne=256)


def test_handshake_must_not_be_interrupted_or_turned_on_itself() -> None:
    card = desk(CardKind.SMC_B)
    card.ok(commands.mse_private_auth(smcb.KEY_AUTD_RPE, addresses.ALG_SESSION_SM))
    own = own_cvc(card, "SMC.AUTD_RPE_CVC").chr
    assert card.sw(commands.general_authenticate(0xC3, own, last=False)) == 0x6300
    assert card.sw(commands.general_authenticate(0xC3, HOLDER, last=False)) == 0x6A88
    assert card.sw(commands.general_authenticate(0x85, b"\x04" + bytes(64), last=True)) == 0x6985
    other = own_cvc(desk(CardKind.HBA), "HPC.AUTD_SUK_CVC")
    bring(card, authority().cvc, other)
    for between in (None, commands.get_challenge(8)):
        card.ok(commands.general_authenticate(0xC3, other.chr, last=False))
        if between is not None:
            card.ok(between)
        last = commands.general_authenticate(0x85, b"\x04" + bytes(64), last=True)
        assert card.sw(last) == (0x6A80 if between is None else 0x6985)


def mutual(card: Desk, path: str, ref: int, damage: str = "") -> tuple[ResponseApdu, Line | None]:
    """Symmetric MUTUAL AUTHENTICATE as a VSDM service does it; `damage` names what to do wrong."""
    value = card.image.keys[path]
    size = len(value) // 2
    enc, mac = value[:size], value[size:]
    card.ok(commands.mse_symmetric_auth(ref, addresses.ALG_SESSION_SM))
    challenge = card.ok(commands.get_challenge(16))
    if damage == "challenge":
        challenge = bytes(16)
    name = card.image.iccsn8 if damage == "own name" else b"SERVICE1"
    outer, inner, material = bytes(16) + name, challenge + card.image.iccsn8, bytes(range(64))
    cryptogram = cbc_encrypt(enc, bytes(16), outer + inner + material)
    tag = bytes(8) if damage == "checksum" else checksum(mac, cryptogram)
    response = card.send(commands.mutual_authenticate(cryptogram + tag))
    if not response.ok:
        return response, None
    assert checksum(mac, response.data[:112]) == response.data[112:]
    answer = cbc_decrypt(enc, bytes(16), response.data[:112])
    assert answer[:48] == inner + outer
    mixed = bytes(a ^ b for a, b in zip(material, answer[48:], strict=True))
    return response, Line(card, derive_session_keys(mixed, size))


@pytest.mark.parametrize(("path", "ref"), [("MF/SK.VSD.AES128", 0x12), ("MF/SK.VSD.AES256", 0x19)])
def test_update_of_insurance_data_by_its_service(path: str, ref: int) -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    _, line = mutual(card, path, ref)
    assert line is not None
    assert line.send(commands.update_binary(b"new", sfid=egk.SFID_PD), encipher=False).sw == 0x6982
    assert line.send(commands.update_binary(b"new", sfid=egk.SFID_PD)).sw == 0x9000
    assert card.image.files["MF/DF.HCA/EF.PD"] == b"new"
    raw = card.send(protect_command(line.keys, commands.read_binary(sfid=egk.SFID_GVD)))
    assert unprotect_response(line.keys, raw).sw == 0x6B00  # allowed, but empty
    assert line.send(commands.get_security_status_key(bytes([0x83, 1, ref]))).sw == 0x9000
    assert card.sw(commands.update_binary(b"x", sfid=egk.SFID_PD)) == 0x6982


def test_the_cms_key_does_not_open_insurance_data() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_HCA))
    _, line = mutual(card, "MF/SK.CMS.AES128", 0x13)
    assert line is not None
    assert line.send(commands.update_binary(b"new", sfid=egk.SFID_PD)).sw == 0x6982


@pytest.mark.parametrize("damage", ["challenge", "own name", "checksum"])
def test_mutual_authentication_refused(damage: str) -> None:
    response, _ = mutual(desk(), "MF/SK.VSD.AES128", 0x12, damage)
    assert response == ResponseApdu(b"", 0x6300)


def test_unprotect_response_finds_a_changed_status() -> None:
    line = software_session(desk(CardKind.SMC_B), smcb.KEY_AUTD_RPE, REMOTE_PIN_SENDER)
    raw = line.card.send(protect_command(line.keys, commands.get_pin_status(1)))
    with pytest.raises(BadSecureMessaging):
        unprotect_response(line.keys, ResponseApdu(raw.data, 0x9000))
