"""A CA with a responder and certificates below it, for tests of OCSP."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tiaas.base.entropy import SeededEntropy
from tiaas.pki.admission import build_admission
from tiaas.pki.certificate import Certificate, decode_certificate_untrusted
from tiaas.pki.issue import Authority, EndEntity, PrivateKey, Validity, issue_authority, issue_end_entity
from tiaas.pki.names import PersonName, authority_name, insured_name
from tiaas.pki.ocspmessages import Responder
from tiaas.pki.oids import CertificateType, Role
from tiaas.pki.profiles import PROFILES
from tiaas.pki.signature import software_key

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SPAN = Validity(NOW - timedelta(days=1), NOW + timedelta(days=1000))
PERSON = PersonName("Änne", "Großmann")


def read(certificate: x509.Certificate) -> Certificate:
    return decode_certificate_untrusted(certificate.public_bytes(Encoding.DER))


@dataclass
class World:
    """One CA, its responder, certificates on demand."""

    name: str = "CA TEST-ONLY"
    key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.BrainpoolP256R1()))
    responder_key: PrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.BrainpoolP256R1()))
    span: Validity = SPAN

    def __post_init__(self) -> None:
        self.entropy = SeededEntropy(self.name.encode())
        self.authority: Authority = issue_authority(
            authority_name(self.name, "unit", "NOT-VALID"), self.key, self.span, self.entropy
        )
        self.ca = read(self.authority.certificate)
        self.responder_certificate = self._responder_certificate()
        self.signer = read(self.responder_certificate)
        self.responder = Responder(self.signer, software_key(self.responder_key))
        self._holder = ec.generate_private_key(ec.BrainpoolP256R1())

    def insured(self, kind: CertificateType = CertificateType.CH_AUT, span: Validity = SPAN) -> Certificate:
        name = insured_name("Änne Großmann TEST-ONLY", PERSON, "A123456780", "109999996", "Kasse NOT-VALID")
        holder = EndEntity(name, self._holder.public_key(), build_admission(Role.VERSICHERTER), "http://ocsp.lab/")
        return decode_certificate_untrusted(
            issue_end_entity(PROFILES[kind], holder, self.authority, span, self.entropy)
        )

    def _responder_certificate(self) -> x509.Certificate:
        return (
            x509.CertificateBuilder()
            .subject_name(authority_name(f"OCSP of {self.name}", "unit", "NOT-VALID"))
            .issuer_name(self.authority.certificate.subject)
            .public_key(self.responder_key.public_key())
            .serial_number(7)
            .not_valid_before(SPAN.start)
            .not_valid_after(SPAN.end)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.OCSP_SIGNING]), critical=False)
            .add_extension(x509.OCSPNoCheck(), critical=False)
            .sign(self.key, SHA256())
        )
