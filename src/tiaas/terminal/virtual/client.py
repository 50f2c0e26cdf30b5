"""Is the TLS client a Konnektor? (gemSpec_KT V3.17.0, 3.10.2: TUC_PKI_018 offline, "fuzzyRevocation".)

OpenSSL has checked the chain to a stored CA and the validity; here come policy, key usage and extended key usage.
"""

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import ExtendedKeyUsageOID

POLICY_SAK_AUT = "1.2.276.0.76.4.113"


def konnektor_key(certificate: bytes | None) -> bytes | None:
    """The client's public key (SubjectPublicKeyInfo, DER) if the certificate is a C.SAK.AUT, else None."""
    if certificate is None:
        return None
    try:
        found = x509.load_der_x509_certificate(certificate)
        policies = found.extensions.get_extension_for_class(x509.CertificatePolicies).value
        usage = found.extensions.get_extension_for_class(x509.KeyUsage).value
        purposes = found.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
        key = found.public_key()
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return None
    is_konnektor = (
        any(policy.policy_identifier.dotted_string == POLICY_SAK_AUT for policy in policies)
        and usage.digital_signature
        and ExtendedKeyUsageOID.CLIENT_AUTH in purposes
    )
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo) if is_konnektor else None
