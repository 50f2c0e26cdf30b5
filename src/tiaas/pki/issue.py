"""Issues X.509 certificates after the profiles of gemSpec_PKI V2.14.1, chapter 5, signed ECDSA or RSA with SHA-256."""

from datetime import datetime
from ipaddress import ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import AuthorityInformationAccessOID

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.pki.certificate import PublicKey
from tiaas.pki.oids import ExtendedKeyUsage, KeyUsage, Policy
from tiaas.pki.profiles import Profile

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

_SERIAL_OCTETS = 16
_POLICY_URL = "http://www.gematik.de/go/policies"

# C.HP.QES: id-validity-Model-chain, and the statements QcCompliance and QcSSCD (ETSI EN 319 412-5).
_VALIDITY_MODEL = (x509.ObjectIdentifier("1.3.6.1.4.1.8301.3.5"), bytes.fromhex("300C060A2B06010401C06D030501"))
_QC_STATEMENTS = (
    x509.ObjectIdentifier("1.3.6.1.5.5.7.1.3"),
    bytes.fromhex("30143008060604008E4601013008060604008E460104"),
)


@dataclass(frozen=True, slots=True)
class Authority:
    """Who signs: the CA's certificate and key."""

    certificate: x509.Certificate
    key: PrivateKey


@dataclass(frozen=True, slots=True)
class Validity:
    """From and until, aware times; seconds are the finest unit of a certificate."""

    start: datetime
    end: datetime


@dataclass(frozen=True, slots=True)
class EndEntity:
    """What is certified about a holder; `ocsp_url` is left out of the certificate if empty.

    `hosts` are DNS names and IP addresses of a server or client (subjectAltName).
    """

    subject: x509.Name
    public_key: PublicKey
    admission: x509.Admissions | None = None
    ocsp_url: str = ""
    hosts: tuple[str, ...] = ()


def issue_end_entity(
    profile: Profile, holder: EndEntity, authority: Authority, validity: Validity, entropy: Entropy
) -> bytes:
    """A holder's certificate of that profile, DER."""
    usage = profile.ecc_usage if isinstance(holder.public_key, ec.EllipticCurvePublicKey) else profile.rsa_usage
    builder = _builder(holder.subject, holder.public_key, validity, entropy)
    builder = builder.issuer_name(authority.certificate.subject)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(holder.public_key), critical=False)
    builder = builder.add_extension(_key_usage(usage), critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_policies(profile), critical=False)
    if holder.ocsp_url and profile.has_ocsp:
        builder = builder.add_extension(_ocsp(holder.ocsp_url), critical=False)
    builder = builder.add_extension(_authority_key(authority), critical=False)
    if holder.admission is not None:
        builder = builder.add_extension(holder.admission, critical=False)
    if holder.hosts:
        names = x509.SubjectAlternativeName([_host(host) for host in holder.hosts])
        builder = builder.add_extension(names, critical=False)
    if profile.extended_key_usage:
        purposes = [x509.ObjectIdentifier(purpose) for purpose in profile.extended_key_usage]
        builder = builder.add_extension(x509.ExtendedKeyUsage(purposes), critical=False)
    if profile.is_unchecked:
        builder = builder.add_extension(x509.OCSPNoCheck(), critical=False)
    for oid, value in (_VALIDITY_MODEL, _QC_STATEMENTS) if profile.is_qualified else ():
        builder = builder.add_extension(x509.UnrecognizedExtension(oid, value), critical=False)
    return builder.sign(authority.key, hashes.SHA256()).public_bytes(Encoding.DER)


def issue_list_signer(subject: x509.Name, key: PrivateKey, validity: Validity, entropy: Entropy) -> x509.Certificate:
    """A self-signed signer of the Bundesnetzagentur's list (ETSI TS 119 612 V2.1.1, 5.7.1)."""
    public = key.public_key()
    builder = _builder(subject, public, validity, entropy).issuer_name(subject)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    builder = builder.add_extension(_key_usage(frozenset({KeyUsage.NON_REPUDIATION})), critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    purpose = x509.ObjectIdentifier(ExtendedKeyUsage.TSL_SIGNING)
    builder = builder.add_extension(x509.ExtendedKeyUsage([purpose]), critical=False)
    return builder.sign(key, hashes.SHA256())


def issue_authority(
    subject: x509.Name,
    key: PrivateKey,
    validity: Validity,
    entropy: Entropy,
    *,
    parent: Authority | None = None,
    policy: Policy = Policy.GEM_OR_CP,
) -> Authority:
    """A CA: a root that signs itself without `parent` (Tab_PKI_211), else an issuing CA (Tab_PKI_212, 215)."""
    public = key.public_key()
    builder = _builder(subject, public, validity, entropy)
    builder = builder.issuer_name(parent.certificate.subject if parent else subject)
    builder = builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    builder = builder.add_extension(_key_usage(frozenset({KeyUsage.KEY_CERT_SIGN, KeyUsage.CRL_SIGN})), critical=True)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0 if parent else None), critical=True)
    builder = builder.add_extension(x509.CertificatePolicies([_policy(policy)]), critical=False)
    if parent is not None:
        builder = builder.add_extension(_authority_key(parent), critical=False)
    return Authority(builder.sign(parent.key if parent else key, hashes.SHA256()), key)


def _builder(
    subject: x509.Name, public_key: PublicKey, validity: Validity, entropy: Entropy
) -> x509.CertificateBuilder:
    # Positive and not zero: the two upper bits are 01.
    serial = int.from_bytes(entropy.octets(_SERIAL_OCTETS), "big") & ((1 << 126) - 1) | 1 << 126
    builder = x509.CertificateBuilder().subject_name(subject).public_key(public_key).serial_number(serial)
    start, end = validity.start.replace(microsecond=0), validity.end.replace(microsecond=0)
    return builder.not_valid_before(start).not_valid_after(end)


def _key_usage(usage: frozenset[KeyUsage]) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=KeyUsage.DIGITAL_SIGNATURE in usage,
        content_commitment=KeyUsage.NON_REPUDIATION in usage,
        key_encipherment=KeyUsage.KEY_ENCIPHERMENT in usage,
        data_encipherment=KeyUsage.DATA_ENCIPHERMENT in usage,
        key_agreement=KeyUsage.KEY_AGREEMENT in usage,
        key_cert_sign=KeyUsage.KEY_CERT_SIGN in usage,
        crl_sign=KeyUsage.CRL_SIGN in usage,
        encipher_only=False,
        decipher_only=False,
    )


def _policies(profile: Profile) -> x509.CertificatePolicies:
    """Policies with the URL of the rules, then the certificate type, which must have no qualifier (GS-A_4718)."""
    policies = [_policy(policy) for policy in profile.policies]
    if profile.type is not None:
        policies.append(x509.PolicyInformation(x509.ObjectIdentifier(profile.type.oid), None))
    return x509.CertificatePolicies(policies)


def _policy(policy: Policy) -> x509.PolicyInformation:
    url = _POLICY_URL if policy is Policy.GEM_OR_CP else None
    return x509.PolicyInformation(x509.ObjectIdentifier(policy), [url] if url else None)


def _host(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _ocsp(url: str) -> x509.AuthorityInformationAccess:
    location = x509.UniformResourceIdentifier(url)
    return x509.AuthorityInformationAccess([x509.AccessDescription(AuthorityInformationAccessOID.OCSP, location)])


def _authority_key(authority: Authority) -> x509.AuthorityKeyIdentifier:
    identifier = authority.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier)
