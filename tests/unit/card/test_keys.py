"""Signing, deciphering, reading public keys, selecting them; keys made when first needed."""

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.cardbench import DOCTOR, PIN, Desk, block, desk, load, make_image
from tiaas.base.entropy import SeededEntropy
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu
from tiaas.card.elc import BadCryptogram, elc_decrypt, elc_encrypt, encode_point
from tiaas.card.objsys import addresses, egk, hba
from tiaas.card.objsys.model import CardKind
from tiaas.card.objsys.notation import OID_FLAGS_TI, flag_bits
from tiaas.card.virtual.channel import Role
from tiaas.card.virtual.image import CardImage
from tiaas.tlv import decode_one_untrusted, encode

DIGEST = bytes(range(32))
ESIGN = "MF/DF.ESIGN"


def _opened(kind: CardKind = CardKind.SMC_B, with_rsa: bool = False) -> Desk:
    card = desk(kind, with_rsa)
    card.ok(commands.verify(1 if kind is not CardKind.EGK else egk.MRPIN_HOME, block(PIN)))
    card.ok(commands.select_aid(addresses.AID_ESIGN))
    return card


def _verify_ecdsa(card: Desk, path: str, signature: bytes) -> None:
    der = encode_dss_signature(int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big"))
    load(card.image, path).public_key().verify(der, DIGEST, ec.ECDSA(Prehashed(SHA256())))


def _rsa(card: Desk, path: str) -> rsa.RSAPrivateKey:
    key = load_der_private_key(card.image.keys[path], None)
    assert isinstance(key, rsa.RSAPrivateKey)
    return key


@pytest.mark.parametrize(
    ("kind", "ref", "path"),
    [
        (CardKind.EGK, 0x84, "PrK.CH.AUT.E256"),
        (CardKind.EGK, 0x8B, "PrK.CH.AUTN.E256"),
        (CardKind.HBA, 0x86, "PrK.HP.AUT.E256"),
        (CardKind.SMC_B, 0x86, "PrK.HCI.AUT.E256"),
        (CardKind.SMC_B, 0x87, "PrK.HCI.OSIG.E256"),
    ],
)
def test_ecdsa(kind: CardKind, ref: int, path: str) -> None:
    card = _opened(kind)
    card.ok(commands.mse_private_sign(ref, addresses.ALG_SIGN_ECDSA))
    signature = card.ok(commands.pso_compute_signature(DIGEST))
    assert len(signature) == 64
    _verify_ecdsa(card, f"{ESIGN}/{path}", signature)
    assert card.sw(commands.pso_compute_signature(DIGEST[:31])) == 0x6700


def test_qes_pays_for_250_signatures() -> None:
    card = desk(CardKind.HBA)
    card.ok(commands.select_aid(hba.AID_QES))
    card.ok(commands.mse_private_sign(0x86, addresses.ALG_SIGN_ECDSA))
    assert card.sw(commands.pso_compute_signature(DIGEST)) == 0x6982
    card.ok(commands.verify(hba.PIN_QES, block(PIN)))
    signatures = [card.ok(commands.pso_compute_signature(DIGEST)) for _ in range(hba.QES_SIGNATURES)]
    _verify_ecdsa(card, "MF/DF.QES/PrK.HP.QES.E256", signatures[-1])
    assert card.sw(commands.pso_compute_signature(DIGEST)) == 0x6982
    assert card.sw(commands.get_pin_status(hba.PIN_QES)) == 0x63C3
    card.ok(commands.verify(hba.PIN_QES, block(PIN)))
    card.ok(commands.pso_compute_signature(DIGEST))


def test_rsa_signatures() -> None:
    card = _opened(with_rsa=True)
    path = f"{ESIGN}/PrK.HCI.AUT.R2048"
    card.ok(commands.mse_private_sign(0x82, addresses.ALG_SIGN_PSS))
    pss = card.ok(commands.pso_compute_signature(DIGEST))
    public = _rsa(card, path).public_key()
    public.verify(pss, DIGEST, padding.PSS(padding.MGF1(SHA256()), 32), Prehashed(SHA256()))
    card.ok(commands.mse_private_sign(0x82, addresses.ALG_SIGN_PKCS1))
    info = bytes.fromhex("3031300D060960864801650304020105000420") + DIGEST
    signature = card.ok(commands.pso_compute_signature(info))
    public.verify(signature, DIGEST, padding.PKCS1v15(), Prehashed(SHA256()))
    free = card.ok(commands.pso_compute_signature(b"free"))
    assert public.recover_data_from_signature(free, padding.PKCS1v15(), None) == b"free"
    assert card.sw(commands.pso_compute_signature(bytes(103))) == 0x6700
    card.ok(commands.mse_private_auth(0x82, 0x05))
    client = card.ok(commands.internal_authenticate(DIGEST))
    public.verify(client, DIGEST, padding.PSS(padding.MGF1(SHA256()), 32), Prehashed(SHA256()))


def test_decipher_with_rsa() -> None:
    card = _opened(with_rsa=True)
    public = _rsa(card, f"{ESIGN}/PrK.HCI.ENC.R2048").public_key()
    cryptogram = public.encrypt(b"secret", padding.OAEP(padding.MGF1(SHA256()), SHA256(), None))
    card.ok(commands.mse_private_decipher(0x83, addresses.ALG_RSA_OAEP_DECIPHER))
    assert card.ok(commands.pso_decipher(b"\x00" + cryptogram)) == b"secret"
    assert card.sw(commands.pso_decipher(b"\x01" + cryptogram)) == 0x6A80
    assert card.sw(commands.pso_decipher(b"\x00" + cryptogram[:-1] + bytes([cryptogram[-1] ^ 1]))) == 0x6A80


@settings(max_examples=25, deadline=None)
@given(message=st.binary(max_size=300), flip=st.integers(0, 2**20))
def test_elc_cryptogram(message: bytes, flip: int) -> None:
    key = load(make_image(CardKind.SMC_B), f"{ESIGN}/PrK.HCI.ENC.E256")
    cryptogram = elc_encrypt(message, key.public_key(), SeededEntropy(message))
    assert elc_decrypt(cryptogram, key) == message
    position = flip % len(cryptogram)
    damaged = cryptogram[:position] + bytes([cryptogram[position] ^ 1 << flip % 8]) + cryptogram[position + 1 :]
    with pytest.raises(BadCryptogram):
        elc_decrypt(damaged, key)


def test_elc_cryptogram_of_a_32_octet_key_has_145_octets() -> None:
    key = load(make_image(CardKind.SMC_B), f"{ESIGN}/PrK.HCI.ENC.E256")
    cryptogram = elc_encrypt(bytes(32), key.public_key(), SeededEntropy(b"length"))
    assert len(cryptogram) == 145
    assert cryptogram.hex().startswith("a6818e06092b24030302080101077f4943864104")


def test_decipher_and_transcipher_with_elc() -> None:
    card = _opened()
    own = load(card.image, f"{ESIGN}/PrK.HCI.ENC.E256")
    cryptogram = elc_encrypt(b"for the practice", own.public_key(), SeededEntropy(b"a"))
    card.ok(commands.mse_private_decipher(0x85, addresses.ALG_ELC_SHARED_SECRET))
    assert card.ok(commands.pso_decipher(cryptogram)) == b"for the practice"
    assert card.sw(commands.pso_decipher(cryptogram[:-1] + bytes([cryptogram[-1] ^ 1]))) == 0x6A80
    other = load(make_image(CardKind.HBA), f"{ESIGN}/PrK.HP.ENC.E256")
    template = encode(
        0xA0,
        encode(0x80, b"\x0b"),
        encode(0x06, bytes.fromhex("2B2403030208010107")),
        encode(0x7F49, encode(0x86, encode_point(other.public_key()))),
    )
    passed_on = card.ok(CommandApdu(0x00, 0x2A, 0x86, 0xB8, cryptogram + template, ne=65536))
    assert elc_decrypt(passed_on, other) == b"for the practice"


def test_encipher_with_a_key_in_the_command() -> None:
    card = desk()
    own = load(card.image, f"{ESIGN}/PrK.CH.ENC.E256")
    elliptic = encode(0x7F49, encode(0x86, encode_point(own.public_key())))
    head = encode(0x80, b"\x0b") + encode(0x06, bytes.fromhex("2B2403030208010107"))
    cryptogram = card.ok(commands.pso_encipher(encode(0xA0, head, elliptic, encode(0x80, b"message"))))
    assert elc_decrypt(cryptogram, own) == b"message"
    numbers = rsa.generate_private_key(65537, 2048).public_key().public_numbers()
    modular = encode(0x7F49, encode(0x81, numbers.n.to_bytes(256, "big")), encode(0x82, b"\x01\x00\x01"))
    for message, wanted in ((b"message", 0x9000), (bytes(200), 0x6400)):
        template = encode(0xA0, encode(0x80, b"\x05"), modular, encode(0x80, message))
        assert card.sw(commands.pso_encipher(template)) == wanted
    assert card.sw(commands.pso_encipher(b"")) == 0x6A80


def test_reading_public_keys() -> None:
    card = _opened(with_rsa=True)
    elliptic = decode_one_untrusted(card.ok(commands.read_public_key(0x86)))[0]
    own = load(card.image, f"{ESIGN}/PrK.HCI.AUT.E256")
    assert elliptic.child(0x86).value == encode_point(own.public_key())
    modular = decode_one_untrusted(card.ok(commands.read_public_key(0x82)))[0]
    assert len(modular.child(0x81).value) == 256
    assert modular.child(0x82).value == b"\x01\x00\x01"
    assert card.sw(commands.read_public_key(0x9F)) == 0x6A88
    assert card.sw(CommandApdu(0x00, 0x46, 0xC0, 0x86, ne=65536)) == 0x6982


def test_a_new_medication_key_needs_role_and_pin() -> None:
    card = desk()
    card.ok(commands.select_aid(egk.AID_AMTS))
    generate = CommandApdu(0x00, 0x46, 0xC0, 0x88, ne=65536)
    assert card.sw(generate) == 0x6982
    card.ok(commands.verify(egk.MRPIN_AMTS, block(PIN)))
    card.card._channels[0].add_role(Role(OID_FLAGS_TI, flag_bits(46, 47), "MF"))
    before = card.image.keys["MF/DF.HCA/DF.AMTS/PrK.AMTS.ENC.E256"]
    made = card.ok(generate)
    assert card.image.keys["MF/DF.HCA/DF.AMTS/PrK.AMTS.ENC.E256"] != before
    assert card.ok(commands.read_public_key(0x88)) == made


@pytest.mark.parametrize(
    ("command", "wanted"),
    [
        (commands.mse_private_sign(0x9F, 0x00), 0x6A88),
        (commands.mse_private_sign(0x86, 0x02), 0x6A81),
        (commands.mse_private_sign(0x85, 0x00), 0x6A81),
        (commands.mse_private_decipher(0x86, 0x0B), 0x6A81),
        (commands.mse_private_auth(0x06, 0x54), 0x6A81),
        (commands.mse_verify_certificate(b"DEGXX\x88\x02\x99"), 0x6A88),
        (commands.mse_public_auth(bytes(12), 0x00), 0x6A88),
        (commands.mse_symmetric_auth(0x7F, 0x54), 0x6A88),
        (commands.mse_symmetric_auth(0x14, 0x00), 0x6A81),
        (CommandApdu(0x00, 0x22, 0x41, 0xB6, b"\x84\x01"), 0x6A80),
        (commands.mse_pace(bytes.fromhex("04007F00070202040202"), 0x14), 0x6A81),
        (commands.mse_pace(bytes.fromhex("04007F00070202040204"), 0x02), 0x6A81),
        (commands.mse_pace(bytes.fromhex("04007F00070202040202"), 0x7F), 0x6A88),
        (commands.mse_restore(9), 0x6A86),
    ],
)
def test_a_refused_selection_changes_nothing(command: CommandApdu, wanted: int) -> None:
    card = _opened()
    card.ok(commands.mse_private_sign(0x86, addresses.ALG_SIGN_ECDSA))
    assert card.sw(command) == wanted
    _verify_ecdsa(card, f"{ESIGN}/PrK.HCI.AUT.E256", card.ok(commands.pso_compute_signature(DIGEST)))


@pytest.mark.parametrize(
    "command",
    [commands.pso_compute_signature(DIGEST), commands.pso_decipher(b"x"), commands.internal_authenticate(bytes(24))],
)
def test_nothing_selected_is_6985(command: CommandApdu) -> None:
    assert desk().sw(command) == 0x6985


class Drawer:
    """A source that has one key and its certificate, and remembers what it was asked for."""

    def __init__(self, have: str) -> None:
        self.have = have
        self.asked: list[str] = []

    def provide(self, image: CardImage, path: str) -> bool:
        self.asked.append(path)
        if not path.endswith(self.have):
            return False
        image.keys[f"{ESIGN}/PrK.{self.have}"] = make_image(CardKind.SMC_B).keys[f"{ESIGN}/PrK.HCI.AUT.E256"]
        image.files[f"{ESIGN}/EF.C.{self.have}"] = b"certificate"
        return True


def test_lazy_objects_come_once_and_are_stored() -> None:
    drawer = Drawer("HCI.OSIG.E256")
    card = desk(CardKind.SMC_B, source=drawer)
    del card.image.keys[f"{ESIGN}/PrK.HCI.OSIG.E256"]
    card.ok(commands.select_aid(addresses.AID_ESIGN))
    assert card.ok(commands.read_binary(sfid=0x07)) == b"certificate"
    assert card.changes == 1
    card.ok(commands.verify(1, block(PIN)))
    card.ok(commands.mse_private_sign(0x87, addresses.ALG_SIGN_ECDSA))
    card.ok(commands.pso_compute_signature(DIGEST))
    assert drawer.asked == [f"{ESIGN}/EF.C.HCI.OSIG.E256"]


def test_what_the_source_does_not_have() -> None:
    drawer = Drawer("nothing")
    card = desk(CardKind.SMC_B, source=drawer)
    card.ok(commands.verify(1, block(PIN)))
    card.ok(commands.select_aid(addresses.AID_ESIGN))
    assert card.sw(commands.read_binary(sfid=0x01)) == 0x6B00
    assert card.sw(commands.read_binary(sfid=0x01)) == 0x6B00
    card.ok(commands.mse_private_sign(0x82, addresses.ALG_SIGN_PSS))
    assert card.sw(commands.pso_compute_signature(DIGEST)) == 0x6400
    assert len(drawer.asked) == 2
    card.card.reset()
    card.ok(commands.select_aid(addresses.AID_ESIGN))
    assert card.sw(commands.read_binary(sfid=0x01)) == 0x6B00
    assert len(drawer.asked) == 3


def test_role_bits_of_two_cards_are_not_added_up() -> None:
    channel = desk().card._channels[0]
    channel.roles = [Role(OID_FLAGS_TI, flag_bits(17), "MF"), Role(OID_FLAGS_TI, flag_bits(33), "MF")]
    assert not any(role.has(OID_FLAGS_TI, flag_bits(17, 33)) for role in channel.roles)
    assert Role(OID_FLAGS_TI, DOCTOR, "MF").has(OID_FLAGS_TI, flag_bits(18, 30, 32))


def test_signature_does_not_fit_another_key() -> None:
    card = _opened()
    card.ok(commands.mse_private_sign(0x86, addresses.ALG_SIGN_ECDSA))
    signature = card.ok(commands.pso_compute_signature(DIGEST))
    with pytest.raises(InvalidSignature):
        _verify_ecdsa(card, f"{ESIGN}/PrK.HCI.OSIG.E256", signature)
