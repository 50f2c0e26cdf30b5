"""A small TEST-ONLY component PKI on brainpoolP256r1, and the files the two ends of SICCT need."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from tiaas.terminal.virtual.client import POLICY_SAK_AUT

POLICY_SMKT_AUT = "1.2.276.0.76.4.82"
START = datetime(2026, 1, 1, tzinfo=UTC)

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Identity:
    """A certificate with its key, in memory and as PEM files."""

    certificate: x509.Certificate
    key: PrivateKey
    certificate_file: Path
    key_file: Path

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)


def ec_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.BrainpoolP256R1())


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


class Pki:
    """Issues identities into a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._key = ec_key()
        name = _name("Komponenten-CA TEST-ONLY")
        self.certificate = (
            self._builder(name, name, self._key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(self.certificate.public_bytes(Encoding.PEM))

    def smkt(self, name: str, key: PrivateKey | None = None) -> Identity:
        """C.SMKT.AUT."""
        return self._issue(name, POLICY_SMKT_AUT, ExtendedKeyUsageOID.SERVER_AUTH, key)

    def sak(self, name: str, *, policy: str = POLICY_SAK_AUT) -> Identity:
        """C.SAK.AUT, or with another policy somebody who is no Konnektor."""
        return self._issue(name, policy, ExtendedKeyUsageOID.CLIENT_AUTH, None)

    def _issue(self, name: str, policy: str, purpose: ObjectIdentifier, key: PrivateKey | None) -> Identity:
        key = key or ec_key()
        policies = [x509.PolicyInformation(ObjectIdentifier(policy), None)]
        certificate = (
            self._builder(_name(name), self.certificate.subject, key)
            .add_extension(x509.CertificatePolicies(policies), critical=False)
            .add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
            .add_extension(x509.KeyUsage(True, False, False, False, False, False, False, False, False), critical=True)
            .sign(self._key, hashes.SHA256())
        )
        certificate_file, key_file = self._folder / f"{name}.pem", self._folder / f"{name}.key"
        certificate_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        key_file.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return Identity(certificate, key, certificate_file, key_file)

    def _builder(self, subject: x509.Name, issuer: x509.Name, key: PrivateKey) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(START)
            .not_valid_after(START + timedelta(days=3650))
        )
