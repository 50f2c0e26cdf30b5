"""The Hersteller's signature of an Update-Paket or of an UpdateInformation: CMS SignedData, detached (RFC 5652).

One signer, SHA-256, ECDSA on a brainpool curve (gemSpec_Krypt, Tab_KRYPT_002a); the signer's certificate is in it and
leads to the CA of the Hersteller that the Konnektor was given. Whether it was revoked is not asked: a Hersteller whose
key is lost gives his Konnektors another CA.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.errors import TiaasError
from tiaas.cms import oids
from tiaas.cms.algorithms import ECDSA_SHA256
from tiaas.cms.certificate import names_untrusted
from tiaas.cms.der import octet_string, oid
from tiaas.cms.errors import BadCms
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import SignedData, SignerInfo, decode_signed_data_untrusted
from tiaas.cms.signing import (
    SignedDataParts,
    content_type,
    message_digest,
    signed_attributes,
    signer_info,
    signer_named,
    signing_time,
)
from tiaas.pki.certificate import BadCertificate, Certificate, SignatureAlgorithm, decode_certificate_untrusted
from tiaas.pki.issue import Authority
from tiaas.pki.oids import ExtendedKeyUsage, KeyUsage
from tiaas.pki.path import Demands, PathError, check_path
from tiaas.pki.signature import fits, software_key

CERTIFICATES_MAX = 4
_DEMANDS = Demands(
    key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}), extended_key_usage=frozenset({ExtendedKeyUsage.CODE_SIGNING})
)
_CURVES = "brainpool"


class BadHerstellerSignature(TiaasError):
    """Not what the Hersteller has signed, or not by him; says why."""


def sign_as_hersteller(content: bytes, signer: Authority, at: datetime) -> bytes:
    """The signature of `content` at that time, DER; the key of `signer` is on a brainpool curve."""
    certificate = signer.certificate.public_bytes(Encoding.DER)
    attributes = signed_attributes(
        (content_type(oids.DATA), message_digest(sha256(content).digest()), signing_time(at))
    )
    value = software_key(signer.key).sign(attributes.encoded)
    named = signer_named(names_untrusted(certificate).issuer_and_serial)
    info = signer_info(named, attributes, ECDSA_SHA256, value)
    return SignedDataParts((info,), (certificate,)).encode()


def verify_hersteller_untrusted(
    content: bytes, signature: bytes, anchors: Sequence[Certificate], at: datetime
) -> Certificate:
    """The signer's certificate, if one of `anchors` leads to it. Raises only `BadHerstellerSignature`."""
    try:
        signed = decode_signed_data_untrusted(signature)
        info, certificate = _signer(signed)
        if info.signed_attribute(Attribute.CONTENT_TYPE) != oid(oids.DATA):
            raise BadHerstellerSignature("the signature has no content-type")
        if info.signed_attribute(Attribute.MESSAGE_DIGEST) != octet_string(sha256(content).digest()):
            raise BadHerstellerSignature("it was changed after it was signed")
        forms = tuple(info.signed_forms())
    except BadCms as error:
        raise BadHerstellerSignature("the signature cannot be read") from error
    key = certificate.key()
    if not isinstance(key, ec.EllipticCurvePublicKey) or not key.curve.name.startswith(_CURVES):
        raise BadHerstellerSignature("the signer's key is not on a brainpool curve")
    if not any(fits(key, SignatureAlgorithm("ecdsa", "sha256"), info.value, form) for form in forms):
        raise BadHerstellerSignature("the signature does not fit")
    try:
        check_path(certificate, anchors, at, demands=_DEMANDS)
    except PathError as error:
        raise BadHerstellerSignature(f"the signer is not the Hersteller ({error.fault.name})") from error
    return certificate


def _signer(signed: SignedData) -> tuple[SignerInfo, Certificate]:
    """The one signer and his certificate. Raises `BadCms`, `BadHerstellerSignature`."""
    certificates = signed.certificates()
    if len(signed.signers) != 1 or not 0 < len(certificates) <= CERTIFICATES_MAX or signed.segments is not None:
        raise BadHerstellerSignature("a signature of another form")
    info = signed.signers[0]
    if info.digest_algorithm.oid != oids.SHA256 or info.signature_algorithm.oid != oids.ECDSA_SHA256:
        raise BadHerstellerSignature("another algorithm than ECDSA with SHA-256")
    for encoded in certificates:
        if names_untrusted(encoded).issuer_and_serial == info.issuer_and_serial:
            try:
                return info, decode_certificate_untrusted(encoded)
            except BadCertificate as error:
                raise BadHerstellerSignature("the signer's certificate cannot be read") from error
    raise BadHerstellerSignature("the signer's certificate is missing")
