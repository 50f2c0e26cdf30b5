"""Does a signature value fit a public key? (RFC 6931, 2.3; gemSpec_Krypt Tab_KRYPT_002, 002a)"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tiaas.xmlsec.names import SignatureMethod
from tiaas.xmlsec.reader import XmlSignature

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

_SHA256 = hashes.SHA256()


def signature_fits(signature: XmlSignature, key: PublicKey) -> bool:
    """Whether the private half of `key` made the signature, with the method it names."""
    try:
        return _verify(signature, key)
    except InvalidSignature:
        return False


def _verify(signature: XmlSignature, key: PublicKey) -> bool:
    if isinstance(key, ec.EllipticCurvePublicKey):
        size = (key.curve.key_size + 7) // 8
        if signature.method is not SignatureMethod.ECDSA_SHA256 or len(signature.value) != 2 * size:
            return False
        r, s = (int.from_bytes(part, "big") for part in (signature.value[:size], signature.value[size:]))
        key.verify(encode_dss_signature(r, s), signature.octets, ec.ECDSA(_SHA256))
        return True
    if signature.method is SignatureMethod.RSA_PSS_SHA256:
        # RFC 6931, 2.3.9: mask and salt have the size of the digest.
        pss = padding.PSS(padding.MGF1(_SHA256), _SHA256.digest_size)
        key.verify(signature.value, signature.octets, pss, _SHA256)
        return True
    if signature.method is SignatureMethod.RSA_SHA256:
        key.verify(signature.value, signature.octets, padding.PKCS1v15(), _SHA256)
        return True
    return False
