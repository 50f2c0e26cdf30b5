"""Trust lists for tests: written as text, signed by TSL signers whose CAs are made here."""

import base64
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree

from tests.unit.pki.ocspmaker import NOW, SPAN, World, read
from tiaas.pki.certificate import Certificate
from tiaas.pki.issue import Validity
from tiaas.pki.names import authority_name
from tiaas.pki.oids import ExtendedKeyUsage
from tiaas.pki.signature import software_key
from tiaas.pki.tsl import ANCHOR_CHANGE_OID, ServiceStatus, ServiceType
from tiaas.xmlsec.names import SignatureMethod
from tiaas.xmlsec.writer import XmlSigner, raw_ecdsa, sign_enveloped

_ADDRESS = (
    '<PostalAddresses><PostalAddress xml:lang="DE"><StreetAddress>s</StreetAddress><Locality>l</Locality>'
    "<CountryName>DE</CountryName></PostalAddress></PostalAddresses>"
    "<ElectronicAddress><URI>mailto:a@b</URI></ElectronicAddress>"
)
_NAME = '<Name xml:lang="DE">n</Name>'
_URI = '<URI xml:lang="DE">http://u</URI>'


class SignerCa:
    """A TSL-Signer-CA with a signer below it and a responder for its status."""

    def __init__(self, name: str, span: Validity = SPAN) -> None:
        self.world = World(name, span=span)
        self.anchor: Certificate = self.world.ca
        self.key = ec.generate_private_key(ec.BrainpoolP256R1())
        self.signer = self.issue()

    def issue(self, purpose: str = ExtendedKeyUsage.TSL_SIGNING) -> Certificate:
        """A signer's certificate."""
        usage = dict.fromkeys(
            (
                "digital_signature", "key_encipherment", "data_encipherment", "key_agreement", "key_cert_sign",
                "crl_sign", "encipher_only", "decipher_only",
            ),
            False,
        )  # fmt: skip
        builder = (
            x509.CertificateBuilder()
            .subject_name(authority_name(f"signer below {self.world.name}", "unit", "NOT-VALID"))
            .issuer_name(self.world.authority.certificate.subject)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.anchor.not_before)
            .not_valid_after(self.anchor.not_after)
            .add_extension(x509.KeyUsage(content_commitment=True, **usage), critical=True)
            .add_extension(x509.ExtendedKeyUsage([x509.ObjectIdentifier(purpose)]), critical=False)
        )
        return read(builder.sign(self.world.key, SHA256()))

    def xml_signer(self) -> XmlSigner:
        """Who signs a list."""
        key = software_key(self.key)
        return XmlSigner(
            self.signer.encoded, SignatureMethod.ECDSA_SHA256, lambda octets: raw_ecdsa(key.sign(octets), 256)
        )


@dataclass(frozen=True)
class Listed:
    """One service."""

    kind: str
    certificate: bytes
    supply_point: str = "http://ocsp00.gematik.invalid/not-used"
    extensions: tuple[str, ...] = ("1.2.276.0.76.4.124",)
    status: str = ServiceStatus.IN_ACCORD
    since: datetime = NOW

    def xml(self) -> str:
        """The element."""
        extensions = "".join(
            f'<Extension Critical="false"><ExtensionOID>{oid}</ExtensionOID></Extension>' for oid in self.extensions
        )
        return (
            f"<TSPService><ServiceInformation><ServiceTypeIdentifier>{self.kind}</ServiceTypeIdentifier>"
            f"<ServiceName>{_NAME}</ServiceName><ServiceDigitalIdentity><DigitalId><X509Certificate>"
            f"{base64.b64encode(self.certificate).decode()}</X509Certificate></DigitalId></ServiceDigitalIdentity>"
            f"<ServiceStatus>{self.status}</ServiceStatus><StatusStartingTime>{stamp(self.since)}</StatusStartingTime>"
            f"<ServiceSupplyPoints><ServiceSupplyPoint>{self.supply_point}</ServiceSupplyPoint></ServiceSupplyPoints>"
            f"<ServiceInformationExtensions>{extensions}</ServiceInformationExtensions>"
            "</ServiceInformation></TSPService>"
        )


@dataclass(frozen=True)
class ListMaker:
    """Makes lists one after the other."""

    ca: SignerCa
    services: tuple[Listed, ...]
    number: int = 10_000
    issued: datetime = NOW
    valid: timedelta = timedelta(days=30)
    backup: str = ""
    id: str = field(default="")

    def newer(self, **changes: object) -> "ListMaker":
        """The next list."""
        return replace(self, **{"number": self.number + 1, **changes})  # type: ignore[arg-type]

    def announcing(self, following: SignerCa, since: datetime, supply_point: str = "") -> "ListMaker":
        """The next list, which announces another trust anchor."""
        change = Listed(
            ServiceType.ANCHOR_CHANGE, following.anchor.encoded, supply_point or Listed.supply_point,
            (ANCHOR_CHANGE_OID,), since=since,
        )  # fmt: skip
        return self.newer(services=(*self.services, change))

    def document(self) -> bytes:
        """The signed list."""
        root = etree.fromstring(self.text().encode())
        sign_enveloped(root, self.ca.xml_signer(), self.issued, "a")
        return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))

    def text(self) -> str:
        """The list without signature."""
        name = self.id or f"ID3{self.number}{self.issued:%Y%m%d%H%M%SZ}"
        pointers = ""
        if self.backup:
            pointers = (
                f"<PointersToOtherTSL><OtherTSLPointer><TSLLocation>{self.backup}</TSLLocation><AdditionalInformation>"
                '<TextualInformation xml:lang="DE">1.2.276.0.76.4.121</TextualInformation></AdditionalInformation>'
                "</OtherTSLPointer></PointersToOtherTSL>"
            )
        return (
            f'<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#" Id="{name}" '
            'TSLTag="http://uri.etsi.org/02231/TSLTag"><SchemeInformation>'
            f"<TSLVersionIdentifier>3</TSLVersionIdentifier><TSLSequenceNumber>{self.number}</TSLSequenceNumber>"
            "<TSLType>http://uri.etsi.org/TrstSvc/TSLtype/generic</TSLType>"
            f"<SchemeOperatorName>{_NAME}</SchemeOperatorName><SchemeOperatorAddress>{_ADDRESS}"
            f"</SchemeOperatorAddress><SchemeName>{_NAME}</SchemeName>"
            f"<SchemeInformationURI>{_URI}</SchemeInformationURI><StatusDeterminationApproach>"
            "http://uri.etsi.org/TrstSvc/TSLType/StatusDetn/passive</StatusDeterminationApproach>"
            f"<HistoricalInformationPeriod>0</HistoricalInformationPeriod>{pointers}"
            f"<ListIssueDateTime>{stamp(self.issued)}</ListIssueDateTime>"
            f"<NextUpdate><dateTime>{stamp(self.issued + self.valid)}</dateTime></NextUpdate></SchemeInformation>"
            f"<TrustServiceProviderList><TrustServiceProvider><TSPInformation><TSPName>{_NAME}</TSPName>"
            f"<TSPAddress>{_ADDRESS}</TSPAddress><TSPInformationURI>{_URI}</TSPInformationURI></TSPInformation>"
            f"<TSPServices>{''.join(service.xml() for service in self.services)}</TSPServices>"
            "</TrustServiceProvider></TrustServiceProviderList></TrustServiceStatusList>"
        )


def stamp(moment: datetime) -> str:
    """As lists write times."""
    return f"{moment:%Y-%m-%dT%H:%M:%SZ}"


def pem(certificate: Certificate) -> bytes:
    """A certificate as OpenSSL reads it."""
    return x509.load_der_x509_certificate(certificate.encoded).public_bytes(Encoding.PEM)
