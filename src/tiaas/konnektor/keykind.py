"""Kinds of key a TLS certificate can have (gemSpec_Kon V5.18 TIP1-A_4517, A_23511: RSA, ECC on NIST and brainpool)."""

import enum

from cryptography.hazmat.primitives.asymmetric import ec, rsa

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@enum.unique
class KeyKind(enum.StrEnum):
    """The value stands in documents and on the command line.

    Most TLS stacks of clients cannot do brainpool, so P-256 is the default everywhere (`docs/conformance/choices.md`).
    """

    P256 = "p256"
    BRAINPOOL_P256 = "brainpoolP256r1"
    RSA_2048 = "rsa2048"
    RSA_3072 = "rsa3072"


def key_name(key: object) -> str:
    """How a public key is shown: its curve, like `secp256r1`, or `rsa` and its bits."""
    return key.curve.name if isinstance(key, ec.EllipticCurvePublicKey) else f"rsa{getattr(key, 'key_size', '')}"


def generate_key(kind: KeyKind) -> PrivateKey:
    """A new private key by OpenSSL's generator; RSA takes some 100 ms, so call it in a thread."""
    match kind:
        case KeyKind.P256:
            return ec.generate_private_key(ec.SECP256R1())
        case KeyKind.BRAINPOOL_P256:
            return ec.generate_private_key(ec.BrainpoolP256R1())
        case KeyKind.RSA_2048:
            return rsa.generate_private_key(public_exponent=65537, key_size=2048)
        case KeyKind.RSA_3072:
            return rsa.generate_private_key(public_exponent=65537, key_size=3072)
