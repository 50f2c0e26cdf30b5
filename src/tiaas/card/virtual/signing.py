"""Signatures with private keys, and their public parts (gemSpec_COS V3.12.0, 14.8.2 and 14.9.3)."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed, decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tiaas.card.apdu import ResponseApdu
from tiaas.card.elc import encode_point
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.model import KeyType, PrivateKey
from tiaas.card.status import StatusWord
from tiaas.card.virtual.channel import KeyUse
from tiaas.card.virtual.contents import LoadedKey
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.keyselect import own_key
from tiaas.card.virtual.refusal import Refused
from tiaas.tlv import encode

_DIGEST_SIZE: Final = 32
_COORDINATE: Final = 32
_PREHASHED: Final = Prehashed(SHA256())
_ECDSA: Final = ec.ECDSA(_PREHASHED)
_PSS: Final = padding.PSS(padding.MGF1(SHA256()), _DIGEST_SIZE)


def compute_digital_signature(run: Execution) -> ResponseApdu:
    """PSO COMPUTE DIGITAL SIGNATURE over a hash value (14.8.2.4)."""
    item, alg = own_key(run, KeyUse.SIGNATURE)
    run.require(item, Access.SIGN)
    data = run.command.data
    match alg:
        case 0x00:
            signature = sign_ecdsa(run.contents.elc_key(item), data)
        case 0x02:
            signature = sign_pkcs1(run.contents.rsa_key(item), data)
        case _:
            signature = sign_pss(run.contents.rsa_key(item), data)
    return ResponseApdu(run.cut(signature), StatusWord.OK)


def sign_ecdsa(key: ec.EllipticCurvePrivateKey, digest: bytes) -> bytes:
    """ECDSA over 32 octets as they are: r ‖ s; refuses other lengths with 6700 (N087.300b)."""
    if len(digest) != _DIGEST_SIZE:
        raise Refused(StatusWord.WRONG_LENGTH)
    r, s = decode_dss_signature(key.sign(digest, _ECDSA))
    return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")


def sign_pkcs1(key: rsa.RSAPrivateKey, digest_info: bytes) -> bytes:
    """RSASSA-PKCS1-v1_5 of a given DigestInfo shorter than 40 % of the modulus (N087.300c)."""
    if not digest_info or 10 * len(digest_info) >= 4 * (key.key_size // 8):
        raise Refused(StatusWord.WRONG_LENGTH)
    return key.sign(digest_info, padding.PKCS1v15(), NoDigestInfo())


def sign_pss(key: rsa.RSAPrivateKey, digest: bytes) -> bytes:
    """RSASSA-PSS with SHA-256, salt of 32 octets; takes SHA-256 values only."""
    if len(digest) != _DIGEST_SIZE:
        raise Refused(StatusWord.WRONG_LENGTH)
    return key.sign(digest, _PSS, _PREHASHED)


def key_pair(run: Execution) -> ResponseApdu:
    """GENERATE ASYMMETRIC KEY PAIR: P1 81 reads the public key, C0 makes a new pair and returns it (14.9.3)."""
    command = run.command
    if command.p1 not in (0x81, 0xC0):
        raise Refused(StatusWord.INCORRECT_P1_P2)
    if command.p2:
        item = run.contents.tree.secret_key(run.channel.folder, command.p2)
        if item is None:
            raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    else:
        item, _ = own_key(run, KeyUse.SIGNATURE)
    if not isinstance(item, PrivateKey):
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    if command.p1 == 0x81:
        run.require(item, Access.READ_PUBLIC_KEY)
        key: LoadedKey = run.contents.private_key(item)
    else:
        run.require(item, Access.GENERATE)
        if item.type is not KeyType.P256R1:
            raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
        key = run.contents.generate(item)
    return ResponseApdu(run.cut(encode(0x7F49, _public_part(key))), StatusWord.OK)


def _public_part(key: LoadedKey) -> bytes:
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return encode(0x86, encode_point(key.public_key()))
    numbers = key.public_key().public_numbers()
    modulus = numbers.n.to_bytes(key.key_size // 8, "big")
    return encode(0x81, modulus) + encode(0x82, numbers.e.to_bytes((numbers.e.bit_length() + 7) // 8, "big"))
