"""Verifies bare signature values with a given certificate: PKCS#1 and ECDSA (gemSpec_Kon V5.18 TUC_KON_161).

Whether an RSA signature is RSASSA-PSS or RSASSA-PKCS1-v1_5, and with which hash function, is found out from the
signature itself, as the specification demands.
"""

from dataclasses import replace
from hashlib import new

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature, encode_dss_signature

from tiaas.ades.cmsalgorithm import public_key
from tiaas.ades.found import FoundSignature, Integrity, SignatureFormat
from tiaas.cms.certificate import names_untrusted
from tiaas.cms.errors import BadCms
from tiaas.pki.certificate import PublicKey
from tiaas.pki.keys import Digest, SigningScheme

_HASHES: dict[Digest, hashes.HashAlgorithm] = {
    Digest.SHA256: hashes.SHA256(),
    Digest.SHA384: hashes.SHA384(),
    Digest.SHA512: hashes.SHA512(),
}


def read_pkcs1_untrusted(signature: bytes, document: bytes, certificate: bytes | None) -> FoundSignature:
    """The result for an RSA signature over `document` (`urn:ietf:rfc:3447`); raises nothing.

    A signature made with another hash function than SHA-256, -384 or -512, or one that is no RSA signature at all,
    gives SIGNATURE_WRONG without algorithm; an intact v1.5 signature over another document DIGEST_WRONG.
    """
    template = FoundSignature(
        SignatureFormat.PKCS1,
        Integrity.SIGNATURE_WRONG,
        signature,
        certificate,
        algorithm_name=SignatureFormat.PKCS1.value,
    )
    key = _key(certificate)
    if certificate is None:
        return replace(template, integrity=Integrity.CERTIFICATE_MISSING)
    if not isinstance(key, rsa.RSAPublicKey):
        return replace(template, integrity=Integrity.ALGORITHM_UNKNOWN)
    return _pkcs1_v1_5(key, template, document) or _pss(key, template, document) or template


def read_ecdsa_untrusted(signature: bytes, document: bytes, certificate: bytes | None) -> FoundSignature:
    """The result for an ECDSA signature with SHA-256 over `document` (`urn:bsi:tr:03111:ecdsa`); raises nothing.

    `signature` is in DER (X9.62) or plain, r and s in equal halves (TR-03111 V2.10, 5.2.1 and 5.2.2).
    """
    known = (SigningScheme.ECDSA, Digest.SHA256)
    template = FoundSignature(
        SignatureFormat.ECDSA,
        Integrity.SIGNATURE_WRONG,
        signature,
        certificate,
        algorithm=known,
        algorithm_name=SignatureFormat.ECDSA.value,
    )
    key = _key(certificate)
    if certificate is None:
        return replace(template, integrity=Integrity.CERTIFICATE_MISSING)
    if not isinstance(key, ec.EllipticCurvePublicKey):
        return replace(template, integrity=Integrity.ALGORITHM_UNKNOWN, algorithm=None)
    try:
        key.verify(_in_der(signature, key.key_size), document, ec.ECDSA(hashes.SHA256()))
    except (InvalidSignature, ValueError):
        return template
    return replace(template, integrity=Integrity.INTACT)


def _key(certificate: bytes | None) -> PublicKey | None:
    if certificate is None:
        return None
    try:
        return public_key(names_untrusted(certificate).public_key)
    except BadCms:
        return None


def _pkcs1_v1_5(key: rsa.RSAPublicKey, found: FoundSignature, document: bytes) -> FoundSignature | None:
    """The result if the value is an RSASSA-PKCS1-v1_5 signature over anything, else None."""
    for function, algorithm in _HASHES.items():
        try:
            stated = key.recover_data_from_signature(found.value, padding.PKCS1v15(), algorithm)
        except (InvalidSignature, ValueError):
            continue
        same = stated == new(function.value, document).digest()
        known = (SigningScheme.RSASSA_PKCS1_V1_5, function)
        return replace(found, integrity=Integrity.INTACT if same else Integrity.DIGEST_WRONG, algorithm=known)
    return None


def _pss(key: rsa.RSAPublicKey, found: FoundSignature, document: bytes) -> FoundSignature | None:
    """The result if the value is an RSASSA-PSS signature over `document`, with any salt length, else None."""
    for function, algorithm in _HASHES.items():
        try:
            key.verify(found.value, document, padding.PSS(padding.MGF1(algorithm), padding.PSS.AUTO), algorithm)
        except (InvalidSignature, ValueError):
            continue
        return replace(found, integrity=Integrity.INTACT, algorithm=(SigningScheme.RSASSA_PSS, function))
    return None


def _in_der(signature: bytes, bits: int) -> bytes:
    """The signature in DER; a plain one is told by its length and by not being DER. Raises ValueError."""
    size = (bits + 7) // 8
    try:
        decode_dss_signature(signature)
    except ValueError:
        if len(signature) != 2 * size:
            raise
        return encode_dss_signature(int.from_bytes(signature[:size], "big"), int.from_bytes(signature[size:], "big"))
    return signature
