"""The TLS identity of a virtual terminal: the files made of its gSMC-KT, and identities with one defect each."""

import ssl
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_der_private_key

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.card.virtual.image import CardImage
from tiaas.lab.pki import AuthorityKind, LabPki
from tiaas.lab.ready import write_private
from tiaas.pki.issue import EndEntity, Validity, issue_end_entity
from tiaas.pki.oids import CertificateType
from tiaas.pki.profiles import PROFILES
from tiaas.terminal.tls import server_context
from tiaas.terminal.virtual.terminal import TerminalConfig

CERTIFICATE = "MF/DF.KT/EF.C.SMKT.AUT2.E256"
KEY = "MF/DF.KT/PrK.SMKT.AUT2.E256"
_OVER = timedelta(days=1)
_LIVED = timedelta(days=5 * 365)


@dataclass(frozen=True, slots=True)
class SmktIdentity:
    """ID.SMKT.AUT of the gSMC-KT `card` in the files that `config` names."""

    config: TerminalConfig
    card: CardImage
    pki: LabPki
    clock: Clock
    entropy: Entropy

    def write(self) -> None:
        """Writes the files from which `ssl` reads the identity. Raises `OSError`."""
        folder = self.config.certificate_file.parent
        for place in (folder.parent, folder):
            place.mkdir(mode=0o700, exist_ok=True)
        certificate = x509.load_der_x509_certificate(self.card.files[CERTIFICATE])
        key = load_der_private_key(self.card.keys[KEY], None)
        write_private(self.config.certificate_file, certificate.public_bytes(Encoding.PEM))
        write_private(self.config.key_file, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        issuer = self.pki.authority(AuthorityKind.KOMP).certificate
        write_private(self.config.client_ca_file, issuer.public_bytes(Encoding.PEM))

    def defective(self, defect: str) -> ssl.SSLContext:
        """A TLS context with the card's key but a certificate that is expired or from a PKI nobody knows."""
        encoded = self._expired() if defect == "certificate-expired" else self._foreign()
        path = self._written(defect, encoded)
        return server_context(path, self.config.key_file, self.config.client_ca_file)

    def _written(self, defect: str, encoded: bytes) -> Path:
        path = self.config.certificate_file.with_name(f"{defect}.pem")
        write_private(path, x509.load_der_x509_certificate(encoded).public_bytes(Encoding.PEM))
        return path

    def issued(self, end: datetime) -> bytes:
        """A certificate like the card's for the same key, DER; it is valid until `end`."""
        authority = self.pki.authority(AuthorityKind.KOMP)
        validity = Validity(end - _LIVED, end)
        profile = PROFILES[CertificateType.SMKT_AUT]
        return issue_end_entity(profile, self._holder(), authority, validity, self.entropy)

    def _expired(self) -> bytes:
        return self.issued(self.clock.now() - _OVER)

    def _foreign(self) -> bytes:
        return LabPki.create(self.entropy, self.clock).issue(CertificateType.SMKT_AUT, self._holder())

    def _holder(self) -> EndEntity:
        """The subject, key and role of the certificate on the card."""
        own = x509.load_der_x509_certificate(self.card.files[CERTIFICATE])
        key = own.public_key()
        admission = own.extensions.get_extension_for_class(x509.Admissions).value
        return EndEntity(own.subject, key, admission, ocsp_url=self.pki.ocsp_url)  # type: ignore[arg-type]
