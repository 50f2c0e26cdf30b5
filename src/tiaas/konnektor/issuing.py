"""The small CA of an instance: certificates for its TLS server and for its Clientsysteme.

It is not a CA of the Telematikinfrastruktur: an administrator lets the Konnektor make these certificates (gemSpec_Kon
V5.18 TIP1-A_4517). Names say TEST-ONLY. RFC 5280; end-entity certificates are valid for 397 days, what browsers and
operating systems still accept.
"""

from datetime import datetime, timedelta
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_der_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.konnektor.keykind import KeyKind, PrivateKey, generate_key

CA_DAYS = 3650
END_ENTITY_DAYS = 397
_BACKDATED = timedelta(hours=1)
"""Clients' clocks run late."""

_END_ENTITY_USAGE = (ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH)


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: PrivateKey

    def key_der(self) -> Secret:
        """The private key as PKCS#8 DER."""
        return Secret(self.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))

    def key_pem(self) -> Secret:
        """The private key as PKCS#8 PEM."""
        return Secret(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    @staticmethod
    def load(certificate: bytes, key: Secret) -> "KeyPair":
        """From DER. Raises `ValueError` for what is no certificate or no RSA or EC key."""
        loaded = load_der_private_key(key.reveal(), None)
        if not isinstance(loaded, PrivateKey):
            raise ValueError("neither an RSA nor an EC key")
        return KeyPair(x509.load_der_x509_certificate(certificate), loaded)


def create_ca(instance: str, now: datetime, entropy: Entropy) -> KeyPair:
    """A new CA of an instance (P-256, self-signed)."""
    key = generate_key(KeyKind.P256)
    name = x509.Name(
        (
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "tiaas TEST-ONLY"),
            x509.NameAttribute(NameOID.COMMON_NAME, f"tiaas TEST-ONLY CA {instance}"[:64]),
        )
    )
    builder = _builder(name, name, key, now, CA_DAYS, entropy)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_key_usage(signs_certificates=True), critical=True)
    return KeyPair(builder.sign(key, hashes.SHA256()), key)


def issue_server(ca: KeyPair, kind: KeyKind, hosts: tuple[str, ...], now: datetime, entropy: Entropy) -> KeyPair:
    """A TLS server certificate for `hosts` (names and IP addresses).

    It has clientAuth too: the same identity is shown to CETP sinks that ask for one.
    """
    key = generate_key(kind)
    subject = x509.Name((x509.NameAttribute(NameOID.COMMON_NAME, hosts[0][:64]),))
    builder = _end_entity(ca, subject, key, now, entropy)
    builder = builder.add_extension(x509.ExtendedKeyUsage(_END_ENTITY_USAGE), critical=False)
    builder = builder.add_extension(
        x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False
    )
    return KeyPair(_signed(builder, ca), key)


def issue_client(ca: KeyPair, kind: KeyKind, client_system_id: str, now: datetime, entropy: Entropy) -> KeyPair:
    """A TLS client certificate; its common name is the clientSystemId."""
    key = generate_key(kind)
    subject = x509.Name((x509.NameAttribute(NameOID.COMMON_NAME, client_system_id[:64]),))
    builder = _end_entity(ca, subject, key, now, entropy)
    builder = builder.add_extension(x509.ExtendedKeyUsage((ExtendedKeyUsageOID.CLIENT_AUTH,)), critical=False)
    return KeyPair(_signed(builder, ca), key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, days: int, entropy: Entropy
) -> x509.CertificateBuilder:
    public = key.public_key()
    return (
        x509.CertificateBuilder(subject_name=subject, issuer_name=issuer, public_key=public)
        .serial_number(int.from_bytes(entropy.octets(16), "big") | 1)
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _end_entity(
    ca: KeyPair, subject: x509.Name, key: PrivateKey, now: datetime, entropy: Entropy
) -> x509.CertificateBuilder:
    issuer_key_id = ca.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    authority = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(issuer_key_id)
    builder = _builder(subject, ca.certificate.subject, key, now, END_ENTITY_DAYS, entropy)
    builder = builder.add_extension(authority, critical=False)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    return builder.add_extension(_key_usage(signs_certificates=False), critical=True)


def _signed(builder: x509.CertificateBuilder, ca: KeyPair) -> x509.Certificate:
    return builder.sign(ca.key, hashes.SHA256())


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(host))
    except ValueError:
        return x509.DNSName(host)
