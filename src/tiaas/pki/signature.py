"""Checks a signature made with a certified key: ECDSA on brainpool and NIST curves, RSASSA-PKCS1-v1_5 and -PSS.

Digests are SHA-256 or longer (gemSpec_Krypt, Tab_KRYPT_002); a shorter one never fits. Also makes signatures with a key
in memory, for the lab and for tests.
"""

from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa

from tiaas.base.dataclass import dataclass
from tiaas.pki.certificate import PublicKey, SignatureAlgorithm

_DIGESTS: dict[str, hashes.HashAlgorithm] = {
    "sha256": hashes.SHA256(),
    "sha384": hashes.SHA384(),
    "sha512": hashes.SHA512(),
}
_ECDSA = {name: ec.ECDSA(digest) for name, digest in _DIGESTS.items()}


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key behind a function: `sign` gets the octets to be signed, not their hash."""

    algorithm: SignatureAlgorithm
    sign: Callable[[bytes], bytes]


def fits(key: PublicKey | None, algorithm: SignatureAlgorithm | None, signature: bytes, signed: bytes) -> bool:
    """Whether `key` made `signature` over `signed`; False, too, if key or algorithm are None or do not go together."""
    if key is None or algorithm is None or algorithm.digest not in _DIGESTS:
        return False
    try:
        return _verify(key, algorithm, signature, signed)
    except InvalidSignature:
        return False


def software_key(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> SigningKey:
    """A key in memory: ECDSA or RSASSA-PKCS1-v1_5, with SHA-256."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return SigningKey(
            SignatureAlgorithm("ecdsa", "sha256"), lambda signed: key.sign(signed, ec.ECDSA(hashes.SHA256()))
        )
    return SigningKey(
        SignatureAlgorithm("rsassa_pkcs1v15", "sha256"),
        lambda signed: key.sign(signed, padding.PKCS1v15(), hashes.SHA256()),
    )


def _verify(key: PublicKey, algorithm: SignatureAlgorithm, signature: bytes, signed: bytes) -> bool:
    if isinstance(key, ec.EllipticCurvePublicKey):
        if algorithm.scheme != "ecdsa":
            return False
        key.verify(signature, signed, _ECDSA[algorithm.digest])
        return True
    digest = _DIGESTS[algorithm.digest]
    if algorithm.scheme == "rsassa_pkcs1v15":
        key.verify(signature, signed, padding.PKCS1v15(), digest)
        return True
    if algorithm.scheme == "rsassa_pss" and algorithm.salt_length is not None:
        pss = padding.PSS(padding.MGF1(digest), algorithm.salt_length)
        key.verify(signature, signed, pss, digest)
        return True
    return False
