"""Cards made by hand for tests: a tiny CVC hierarchy, images with all in them, and a short way to talk to them."""

from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu, ResponseApdu, decode_response_untrusted
from tiaas.card.elc import ephemeral_key
from tiaas.card.objsys import basefiles
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import (
    CardKind,
    ConnectionKey,
    KeyType,
    Password,
    PrivateKey,
    SymmetricKey,
    TransportStatus,
)
from tiaas.card.pinblock import encode_pin_block
from tiaas.card.virtual.blank import blank_image
from tiaas.card.virtual.card import VirtualCard
from tiaas.card.virtual.image import CardImage, PublicKey
from tiaas.card.virtual.source import ObjectSource
from tiaas.pki.cvc import Cvc, CvcBody, issue_cvc

PIN, OTHER_PIN, PUK, TRANSPORT_PIN = "123456", "654321", "12345678", "54321"
TODAY = date(2026, 3, 1)
ICCSN = {
    CardKind.EGK: bytes.fromhex("80276009900000000001"),
    CardKind.HBA: bytes.fromhex("80276009900000000002"),
    CardKind.SMC_B: bytes.fromhex("80276009900000000003"),
    CardKind.SMC_KT: bytes.fromhex("80276009900000000004"),
    CardKind.HBA_QSIG: bytes.fromhex("80276009900000000006"),
}
# Flag lists as in gemSpec_PKI 6.4.6: doctor, remote-PIN receivers and sender.
DOCTOR = bytes.fromhex("005D29DAA0BB00")
_FLAGS = {
    "eGK.AUT_CVC": bytes(7),
    "HPC.AUTR_CVC": DOCTOR,
    "HPC.AUTD_SUK_CVC": bytes.fromhex("0000000000000C"),
    "SMC.AUTR_CVC": DOCTOR,
    "SMC.AUTD_RPE_CVC": bytes.fromhex("00000000000004"),
    "SMC.AUTD_RPS_CVC": bytes.fromhex("00000000000002"),
}
_CA_FILES = {
    CardKind.EGK: "MF/EF.C.CA_eGK.CS.E256",
    CardKind.HBA: "MF/EF.C.CA_HPC.CS.E256",
    CardKind.SMC_B: "MF/EF.C.CA_SMC.CS.E256",
    CardKind.SMC_KT: "MF/EF.C.CA_SMC.CS.E256",
}
GENERATION_2 = tuple(_CA_FILES)
"""Kinds of cards with CV certificates, EF.Version2 and PACE."""


def block(digits: str) -> Secret:
    """The format 2 block of a PIN."""
    return encode_pin_block(Secret(digits.encode()))


@dataclass(frozen=True)
class Authority:
    """A CVC issuer: its key and certificate."""

    key: ec.EllipticCurvePrivateKey
    cvc: Cvc

    def issue(
        self,
        holder: bytes,
        key: ec.EllipticCurvePublicKey,
        flags: bytes,
        ced: date = date(2026, 1, 1),
        cxd: date = date(2030, 12, 31),
    ) -> Cvc:
        """A certificate below this issuer."""
        return issue_cvc(CvcBody(self.cvc.chr, holder, key, flags, ced, cxd), self.key)

    def sub_authority(self, holder: bytes, flags: bytes = b"\x80" + b"\x7f" * 6, seed: bytes = b"sub") -> "Authority":
        """A CA below this one."""
        key = ephemeral_key(SeededEntropy(seed + holder))
        return Authority(key, self.issue(holder, key.public_key(), flags))


@cache
def root(name: bytes = b"DEGXX\x87\x02\x26") -> Authority:
    """A root of the test hierarchy."""
    key = ephemeral_key(SeededEntropy(b"root" + name))
    body = CvcBody(name, name, key.public_key(), b"\xff" * 7, date(2025, 1, 1), date(2035, 1, 1))
    return Authority(key, issue_cvc(body, key))


@cache
def authority(name: bytes = b"DEGXX\x11\x02\x26") -> Authority:
    """The CA that issues the cards' certificates; all flags."""
    return root().sub_authority(name, b"\xbf" + b"\xff" * 6)


def public_key(cvc: Cvc, expires: date | None) -> PublicKey:
    """The form a card stores the key of a certificate in."""
    return PublicKey(cvc.chr, cvc.public_key, cvc.flag_oid, cvc.flags, expires)


@cache
def _rsa_key(size: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(65537, size)


def _der(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())


def make_image(kind: CardKind, iccsn: bytes | None = None, with_rsa: bool = False) -> CardImage:
    """A card whose passwords have left transport state; certificates files hold a readable stand-in."""
    number = iccsn or ICCSN[kind]
    image = blank_image(kind, number, TODAY)
    entropy = SeededEntropy(b"card" + number)
    image.files["MF/EF.GDO"] = basefiles.encode_gdo(number)
    image.files["MF/EF.ATR"] = basefiles.encode_atr_file(kind)
    image.records["MF/EF.DIR"] = basefiles.encode_directory(object_system(kind))
    if kind in GENERATION_2:
        image.files["MF/EF.Version2"] = basefiles.encode_version2(kind)
        image.files["MF/EF.CardAccess"] = basefiles.encode_card_access()
        image.files[_CA_FILES[kind]] = authority().cvc.encoded
    anchor = root().cvc
    image.public_keys[anchor.chr] = public_key(anchor, None)
    for path, item in object_system(kind).objects.items():
        match item:
            case Password():
                state = image.passwords[path]
                state.secret, state.puk = Secret(PIN.encode()), Secret(PUK.encode())
                state.transport = TransportStatus.REGULAR
            case PrivateKey(type=KeyType.P256R1):
                image.keys[path] = _der(ephemeral_key(entropy))
            case PrivateKey() if with_rsa:
                image.keys[path] = _der(_rsa_key(2048))
            case SymmetricKey():
                image.keys[path] = entropy.octets(2 * item.size)
            case ConnectionKey():
                image.keys[path] = b"123123"
            case _:
                pass
    _add_cvcs(image)
    return image


def _add_cvcs(image: CardImage) -> None:
    for path, item in object_system(image.kind).objects.items():
        stem = path.removeprefix("MF/PrK.").removesuffix(".E256")
        if isinstance(item, PrivateKey) and stem in _FLAGS:
            key = load(image, path)
            holder = bytes([0, item.id]) + image.iccsn
            image.files[f"MF/EF.C.{stem}.E256"] = authority().issue(holder, key.public_key(), _FLAGS[stem]).encoded


def load(image: CardImage, path: str) -> ec.EllipticCurvePrivateKey:
    """A key on a curve out of an image."""
    key = load_der_private_key(image.keys[path], None)
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return key


class Desk:
    """A card on the desk: takes commands, gives responses, counts stored changes."""

    def __init__(self, image: CardImage, source: ObjectSource | None = None) -> None:
        self.image = image
        self.changes = 0
        self.card = VirtualCard(
            image,
            clock=ManualClock(datetime(2026, 3, 1, tzinfo=UTC)),
            entropy=SeededEntropy(b"desk" + image.iccsn),
            source=source,
            on_change=self._changed,
        )

    def _changed(self, image: CardImage) -> None:
        assert image is self.image
        self.changes += 1

    def send(self, command: CommandApdu) -> ResponseApdu:
        """One command."""
        return decode_response_untrusted(self.card.process(command.encode()))

    def sw(self, command: CommandApdu) -> int:
        """The status word of one command."""
        return self.send(command).sw

    def ok(self, command: CommandApdu) -> bytes:
        """The data of a command that must succeed."""
        response = self.send(command)
        assert response.sw == 0x9000, f"{command}: {response.sw:04X}"
        return response.data

    def raw(self, octets: str) -> str:
        """Hexadecimal in, hexadecimal out."""
        return self.card.process(bytes.fromhex(octets)).hex().upper()


def desk(kind: CardKind = CardKind.EGK, with_rsa: bool = False, source: ObjectSource | None = None) -> Desk:
    """A fresh card of that kind on the desk."""
    return Desk(make_image(kind, with_rsa=with_rsa), source)
