"""Signatures over hash values: made with a key in memory, checked with a certified key.

Sources: gemSpec_Krypt Tab_KRYPT_002 (algorithms), BSI TR-03111 5.2.2 (ECDSA-Sig-Value), RFC 8017 8.1 and 8.2.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from tiaas.base.errors import InvalidInput
from tiaas.pki.keys import Digest, SigningScheme

if TYPE_CHECKING:
    from tiaas.pki.certificate import PublicKey

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_HASHES: Mapping[Digest, hashes.HashAlgorithm] = {
    Digest.SHA256: hashes.SHA256(),
    Digest.SHA384: hashes.SHA384(),
    Digest.SHA512: hashes.SHA512(),
}
_PREHASHED: Mapping[Digest, Prehashed] = {digest: Prehashed(known) for digest, known in _HASHES.items()}
_ECDSA: Mapping[Digest, ec.ECDSA] = {digest: ec.ECDSA(known) for digest, known in _PREHASHED.items()}
_PSS: Mapping[Digest, padding.PSS] = {
    digest: padding.PSS(padding.MGF1(known), digest.size) for digest, known in _HASHES.items()
}
_PKCS1 = padding.PKCS1v15()

DIGEST_INFO: Mapping[Digest, bytes] = {
    Digest.SHA256: bytes.fromhex("3031300D060960864801650304020105000420"),
    Digest.SHA384: bytes.fromhex("3041300D060960864801650304020205000430"),
    Digest.SHA512: bytes.fromhex("3051300D060960864801650304020305000440"),
}
"""What stands before a hash value in DigestInfo, for keys that pad but do not hash (RFC 8017, 9.2, note 1)."""


class SchemeMismatch(InvalidInput):
    """A key that does not sign this way, or octets that are no hash value of that function."""


def make_signature(
    key: PrivateKey, digest: bytes, scheme: SigningScheme, hash_function: Digest = Digest.SHA256
) -> bytes:
    """The signature of `key` over a hash value, ECDSA in DER. Raises `SchemeMismatch`.

    It takes half a millisecond and more, but lets other threads run meanwhile.
    """
    if len(digest) != hash_function.size:
        raise SchemeMismatch("octets of another length than the hash function's")
    if isinstance(key, ec.EllipticCurvePrivateKey):
        if scheme is not SigningScheme.ECDSA:
            raise SchemeMismatch("an ECC key signs by ECDSA")
        return key.sign(digest, _ECDSA[hash_function])
    return key.sign(digest, _padding(scheme, hash_function), _PREHASHED[hash_function])


def is_signature(
    key: "PublicKey | None",
    signature: bytes,
    digest: bytes,
    scheme: SigningScheme,
    hash_function: Digest = Digest.SHA256,
) -> bool:
    """Whether `signature` (ECDSA in DER) is `key`'s over a hash value; False, too, if they do not go together."""
    if len(digest) != hash_function.size:
        return False
    try:
        if isinstance(key, ec.EllipticCurvePublicKey) and scheme is SigningScheme.ECDSA:
            key.verify(signature, digest, _ECDSA[hash_function])
            return True
        if isinstance(key, rsa.RSAPublicKey) and scheme is not SigningScheme.ECDSA:
            key.verify(signature, digest, _padding(scheme, hash_function), _PREHASHED[hash_function])
            return True
    except InvalidSignature:
        return False
    return False


def _padding(scheme: SigningScheme, hash_function: Digest) -> padding.AsymmetricPadding:
    match scheme:
        case SigningScheme.RSASSA_PSS:
            return _PSS[hash_function]
        case SigningScheme.RSASSA_PKCS1_V1_5:
            return _PKCS1
        case SigningScheme.ECDSA:
            raise SchemeMismatch("an RSA key does not sign by ECDSA")
