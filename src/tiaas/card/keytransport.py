"""How the key of an encrypted document travels to the holder of a certificate (gemSpec_Krypt V2.22, Tab_KRYPT_009,
A_17220; gemSpec_Kon V5.18 TUC_KON_070).

For an RSA key it is RSAES-OAEP with SHA-256, for a key on brainpoolP256r1 the ELC cryptogram of gemSpec_COS: what a
card's PSO DECIPHER takes. Formats name the two ways by identifiers of their own (`tiaas.cms.enveloped`,
`tiaas.xmlsec.encryption`).
"""

from enum import Enum, unique
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.card.elc import elc_encrypt

_OAEP: Final = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
_SHORTEST_RSA: Final = 2048
_LONGEST_RSA: Final = 8192


class UnsuitableKey(TiaasError):
    """A key that may not be encrypted for: another curve, or an RSA key of another length (4200)."""


@unique
class KeyWay(Enum):
    """Which of the two ways."""

    RSA = "RSAES-OAEP"
    ECC = "ELC"


def way_of(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> KeyWay:
    """The way to a key's holder. Raises `UnsuitableKey` (gemSpec_Krypt Tab_KRYPT_002, 002a)."""
    if isinstance(key, rsa.RSAPublicKey):
        if not _SHORTEST_RSA <= key.key_size <= _LONGEST_RSA:
            raise UnsuitableKey("an RSA key of another length")
        return KeyWay.RSA
    if not isinstance(key.curve, ec.BrainpoolP256R1):
        raise UnsuitableKey("a key on another curve")
    return KeyWay.ECC


def seal_key(content_key: bytes, recipient: ec.EllipticCurvePublicKey | rsa.RSAPublicKey, entropy: Entropy) -> bytes:
    """The cryptogram with `content_key` for the holder of `recipient`. Raises `UnsuitableKey`.

    `entropy` is used for ELC; RSAES-OAEP takes the operating system's.
    """
    way_of(recipient)
    if isinstance(recipient, rsa.RSAPublicKey):
        return recipient.encrypt(content_key, _OAEP)
    return elc_encrypt(content_key, recipient, entropy)
