"""Card verifiable certificates of generation 2 on brainpoolP256r1 (gemSpec_PKI V2.14.1, 6.4).

Wire format:

    7F21  certificate
      7F4E  message M (what is signed: tag, length and value)
        5F29 01  CPI = 70
        42   08  CAR, name of the issuer's key: 5 letters, service and index nibble, 02, two digits of the year
        7F49     06 OID of the key's purpose, 86 41 point of the public key (04 X Y)
        5F20     CHR: 8 octets CAR-like (CA key), or 2 octets key id and 10 octets ICCSN (card key)
        7F4C     06 OID of the flag list, 53 07 flags
        5F25 06  CED, first day;  5F24 06  CXD, last day: YYMMDD, one BCD digit an octet
      5F37 40  signature r, s: ECDSA with SHA-256

A card gets the value of 7F21 in PSO VERIFY CERTIFICATE; a card file holds all of it. The decoder takes the
canonical form only, so decoding and encoding again gives the same octets.
"""

from datetime import date

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.tlv import BadTlv, Tlv, decode_one_untrusted, encode

# Tab_PKI_901, brainpoolP256r1: purpose of the certified key.
KEY_OID_CA = bytes.fromhex("2A8648CE3D040302")
KEY_OID_CARD = bytes.fromhex("2B2403050301")

# gemSpec_OID Tab_PKI_408: which flag list the CHAT holds (oid_cvc_fl_ti 1.2.276.0.76.4.152, oid_cvc_fl_cms …153).
FLAGS_TI = bytes.fromhex("2A8214004C048118")
FLAGS_CMS = bytes.fromhex("2A8214004C048119")

_CPI = b"\x70"
_COORDINATE = 32
_CA_NAME_SIZE = 8
_CARD_NAME_SIZE = 12
_FLAGS_SIZE = 7


class BadCvc(TiaasError):
    """Octets that are no card verifiable certificate of generation 2 on brainpoolP256r1."""


class CvcSignatureWrong(TiaasError):
    """The signature of a CV certificate does not fit the issuer's key."""


@dataclass(frozen=True, slots=True)
class Cvc:
    """One certificate; `encoded` is the whole data object 7F21, the other fields are read from it."""

    encoded: bytes
    car: bytes
    chr: bytes
    key_oid: bytes
    public_key: bytes
    flag_oid: bytes
    flags: bytes
    ced: date
    cxd: date
    signature: bytes

    @property
    def value(self) -> bytes:
        """What PSO VERIFY CERTIFICATE carries: the value of 7F21, that is 7F4E and 5F37."""
        return decode_one_untrusted(self.encoded)[0].value

    @property
    def signed(self) -> bytes:
        """The octets under the signature: data object 7F4E with tag and length."""
        return decode_one_untrusted(self.value)[0].encode()

    @property
    def is_ca(self) -> bool:
        """True if the first flag says that a card imports the key for certificate verification."""
        return has_flag(self.flags, 0)

    @property
    def is_root(self) -> bool:
        """True for a certificate whose key signs itself."""
        return self.car == self.chr

    def key(self) -> ec.EllipticCurvePublicKey:
        """The certified public key on brainpoolP256r1."""
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.BrainpoolP256R1(), self.public_key)


@dataclass(frozen=True, slots=True)
class CvcBody:
    """What an issuer certifies: everything of a certificate but the signature."""

    car: bytes
    chr: bytes
    public_key: ec.EllipticCurvePublicKey
    flags: bytes
    ced: date
    cxd: date
    flag_oid: bytes = FLAGS_TI

    @property
    def point(self) -> bytes:
        """The public key's point, uncompressed, 65 octets."""
        numbers = self.public_key.public_numbers()
        return b"\x04" + numbers.x.to_bytes(_COORDINATE, "big") + numbers.y.to_bytes(_COORDINATE, "big")


def has_flag(flags: bytes, number: int) -> bool:
    """Flag b`number` of a flag list; b0 is the leftmost bit (gemSpec_PKI 6.4.6)."""
    return bool(flags[number // 8] & 0x80 >> number % 8)


def decode_cvc_untrusted(raw: bytes) -> Cvc:
    """Reads a data object 7F21 as a card file holds it; raises only `BadCvc`."""
    try:
        outer, rest = decode_one_untrusted(raw)
        if outer.tag != 0x7F21 or rest:
            raise BadCvc("not exactly one data object 7F21")
        cvc = _read(raw, outer)
    except BadTlv as error:
        raise BadCvc(str(error)) from None
    if _assemble(_message(cvc), cvc.signature) != cvc.encoded:
        raise BadCvc("not in canonical form")
    return cvc


def decode_cvc_value_untrusted(value: bytes) -> Cvc:
    """Reads the value of a 7F21 (7F4E and 5F37) as PSO VERIFY CERTIFICATE carries it; raises only `BadCvc`."""
    return decode_cvc_untrusted(encode(0x7F21, value))


def issue_cvc(body: CvcBody, issuer: ec.EllipticCurvePrivateKey) -> Cvc:
    """Signs `body` with the issuer's key; 8 octets CHR make a CA certificate (220 octets), 12 a card's (222)."""
    key_oid = KEY_OID_CA if len(body.chr) == _CA_NAME_SIZE else KEY_OID_CARD
    unsigned = Cvc(
        encoded=b"",
        car=body.car,
        chr=body.chr,
        key_oid=key_oid,
        public_key=body.point,
        flag_oid=body.flag_oid,
        flags=body.flags,
        ced=body.ced,
        cxd=body.cxd,
        signature=b"",
    )
    message = _message(unsigned)
    r, s = decode_dss_signature(issuer.sign(message, ec.ECDSA(SHA256())))
    signature = r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")
    return decode_cvc_untrusted(_assemble(message, signature))


def verify_cvc(cvc: Cvc, issuer_key: ec.EllipticCurvePublicKey) -> None:
    """Checks the signature over 7F4E (GS-A_5009); raises `CvcSignatureWrong`."""
    r = int.from_bytes(cvc.signature[:_COORDINATE], "big")
    s = int.from_bytes(cvc.signature[_COORDINATE:], "big")
    try:
        issuer_key.verify(encode_dss_signature(r, s), cvc.signed, ec.ECDSA(SHA256()))
    except InvalidSignature:
        raise CvcSignatureWrong("signature does not fit the issuer's key") from None


def encode_cvc_date(day: date) -> bytes:
    """YYMMDD, one BCD digit an octet (GS-A_5000); only the years 2000 to 2099 have a form."""
    if not 2000 <= day.year <= 2099:
        raise ValueError("no two-digit form for the year")
    return bytes(int(digit) for digit in day.strftime("%y%m%d"))


def _message(cvc: Cvc) -> bytes:
    return encode(
        0x7F4E,
        encode(0x5F29, _CPI),
        encode(0x42, cvc.car),
        encode(0x7F49, encode(0x06, cvc.key_oid), encode(0x86, cvc.public_key)),
        encode(0x5F20, cvc.chr),
        encode(0x7F4C, encode(0x06, cvc.flag_oid), encode(0x53, cvc.flags)),
        encode(0x5F25, encode_cvc_date(cvc.ced)),
        encode(0x5F24, encode_cvc_date(cvc.cxd)),
    )


def _assemble(message: bytes, signature: bytes) -> bytes:
    return encode(0x7F21, message, encode(0x5F37, signature))


def _read(raw: bytes, outer: Tlv) -> Cvc:
    message = outer.child(0x7F4E)
    if message.child(0x5F29).value != _CPI:
        raise BadCvc("CPI is not 70")
    key, chat = message.child(0x7F49), message.child(0x7F4C)
    return Cvc(
        encoded=bytes(raw),
        car=_sized(message.child(0x42), _CA_NAME_SIZE),
        key_oid=(key_oid := _one_of(key.child(0x06), KEY_OID_CA, KEY_OID_CARD)),
        chr=_sized(message.child(0x5F20), _CA_NAME_SIZE if key_oid == KEY_OID_CA else _CARD_NAME_SIZE),
        public_key=_point(key.child(0x86)),
        flag_oid=_one_of(chat.child(0x06), FLAGS_TI, FLAGS_CMS),
        flags=_sized(chat.child(0x53), _FLAGS_SIZE),
        ced=_date(message.child(0x5F25)),
        cxd=_date(message.child(0x5F24)),
        signature=_sized(outer.child(0x5F37), 2 * _COORDINATE),
    )


def _sized(item: Tlv, size: int) -> bytes:
    if len(item.value) != size:
        raise BadCvc(f"data object {item.tag:X} has {len(item.value)} octets, not {size}")
    return item.value


def _one_of(item: Tlv, *allowed: bytes) -> bytes:
    if item.value not in allowed:
        raise BadCvc(f"object identifier {item.value.hex()} not allowed here")
    return item.value


def _point(item: Tlv) -> bytes:
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(ec.BrainpoolP256R1(), item.value)
    except ValueError:
        raise BadCvc("the public key is no point of brainpoolP256r1") from None
    if item.value[0] != 0x04:
        raise BadCvc("the public key's point is compressed")
    return item.value


def _date(item: Tlv) -> date:
    digits = _sized(item, 6)
    if any(digit > 9 for digit in digits):
        raise BadCvc("a date holds something else than BCD digits")
    pairs = [10 * digits[at] + digits[at + 1] for at in (0, 2, 4)]
    try:
        return date(2000 + pairs[0], pairs[1], pairs[2])
    except ValueError:
        raise BadCvc("a date is none") from None
