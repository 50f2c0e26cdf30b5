"""Does a signature value fit a public key? (RFC 6931, 2.3; gemSpec_Krypt Tab_KRYPT_002, 002a)"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tiaas.xmlsec.names import SignatureMethod
from tiaas.xmlsec.reader import XmlSignature

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_HASHES: dict[str, hashes.HashAlgorithm] = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_ECDSA = {size: ec.ECDSA(algorithm) for size, algorithm in _HASHES.items()}


def signature_fits(signature: XmlSignature, key: PublicKey) -> bool:
    """Whether the private half of `key` made the signature, with the method it names."""
    return value_fits(signature.method, signature.octets, signature.value, key)


def value_fits(method: SignatureMethod, octets: bytes, value: bytes, key: PublicKey) -> bool:
    """Whether the private half of `key` made the signature `value` over `octets` with that method."""
    name = method.name
    algorithm = _HASHES[name[-3:]]
    try:
        if isinstance(key, ec.EllipticCurvePublicKey):
            der = ecdsa_in_der(value, key) if name.startswith("ECDSA") else None
            if der is None:
                return False
            key.verify(der, octets, _ECDSA[name[-3:]])
        elif name.startswith("RSA_PSS"):
            # RFC 6931, 2.3.9: mask and salt have the size of the digest.
            key.verify(value, octets, padding.PSS(padding.MGF1(algorithm), algorithm.digest_size), algorithm)
        elif name.startswith("RSA"):
            key.verify(value, octets, padding.PKCS1v15(), algorithm)
        else:
            return False
    except InvalidSignature:
        return False
    return True


def ecdsa_in_der(value: bytes, key: PublicKey | None) -> bytes | None:
    """A value of ECDSA, r and s in equal halves (RFC 4050, 3.3), as ECDSA-Sig-Value; None if it is none of that key."""
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return None
    size = (key.curve.key_size + 7) // 8
    if len(value) != 2 * size:
        return None
    return encode_dss_signature(int.from_bytes(value[:size], "big"), int.from_bytes(value[size:], "big"))
