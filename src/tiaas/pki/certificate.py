"""Reads an X.509 certificate once and completely (RFC 5280; profile gemSpec_PKI V2.14.1, 5).

A `Certificate` holds plain values only, so whoever has one need not expect reading errors any more.
"""

from datetime import datetime

from asn1crypto import algos, core, x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.pki.admission import Admission, BadAdmission, decode_admission_untrusted
from tiaas.pki.oids import ADMISSION, KeyUsage

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

CERTIFICATE_OCTETS_MAX = 64 * 1024
_RSA_BITS_MAX, _EXPONENT_BITS_MAX = 8192, 32
_OCSP = "1.3.6.1.5.5.7.48.1"
_QC_COMPLIANCE = "0.4.0.1862.1.1"
_MARKER = "\x1e"

_KEY_USAGE, _CONSTRAINTS, _POLICIES, _EXTENDED = "2.5.29.15", "2.5.29.19", "2.5.29.32", "2.5.29.37"
_SUBJECT_KEY, _AUTHORITY_KEY, _INFORMATION_ACCESS = "2.5.29.14", "2.5.29.35", "1.3.6.1.5.5.7.1.1"
_QC_STATEMENTS = "1.3.6.1.5.5.7.1.3"
_READ = frozenset({_KEY_USAGE, _CONSTRAINTS, _POLICIES, _EXTENDED, _SUBJECT_KEY, _AUTHORITY_KEY, _INFORMATION_ACCESS})

# Another extension marked critical makes a path invalid (RFC 5280, 4.2).
_UNDERSTOOD = _READ | {ADMISSION, _QC_STATEMENTS}

# asn1crypto raises these while it reads lazily; nothing else may leave `decode_certificate_untrusted`.
_READ_ERRORS = (ValueError, TypeError, KeyError, IndexError, AttributeError, OverflowError, RecursionError)


class BadCertificate(TiaasError):
    """Octets that are no readable X.509 certificate (CERT_READ_ERROR, 1019)."""


@dataclass(frozen=True, slots=True)
class SignatureAlgorithm:
    """How the issuer signed: `scheme` is ecdsa, rsassa_pkcs1v15 or rsassa_pss; `digest` a hash's name."""

    scheme: str
    digest: str
    salt_length: int | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Certificate:
    """One certificate. Names are tuples of (attribute OID, value) in the order they are written.

    `qc_statements` are the OIDs of the extension QCStatements (RFC 3739, 3.2.6), () without one.
    """

    encoded: bytes
    serial_number: int
    subject: tuple[tuple[str, str], ...]
    issuer: tuple[tuple[str, str], ...]
    subject_key: str
    issuer_key: str
    not_before: datetime
    not_after: datetime
    public_key: bytes
    key_usage: frozenset[KeyUsage] | None
    extended_key_usage: tuple[str, ...]
    policies: tuple[str, ...]
    is_ca: bool
    path_length: int | None
    subject_key_identifier: bytes | None
    authority_key_identifier: bytes | None
    ocsp_urls: tuple[str, ...]
    admission: Admission | None
    qc_statements: tuple[str, ...]
    critical_unknown: tuple[str, ...]
    signature_algorithm: SignatureAlgorithm | None
    signature: bytes
    signed: bytes

    def __repr__(self) -> str:
        # Names are personal data of insured people; a serial number is enough to find a certificate.
        return f"Certificate(serial_number={self.serial_number:x})"

    @property
    def is_qualified(self) -> bool:
        """Whether it says that it is a qualified certificate (id-etsi-qcs-QcCompliance, ETSI EN 319 412-5, 4.2.1)."""
        return _QC_COMPLIANCE in self.qc_statements

    def key(self) -> PublicKey | None:
        """The certified key, or None if it is neither an RSA key nor one on a known curve.

        An RSA key that nobody makes, with an exponent as long as its modulus, is none: one signature would take long.
        """
        try:
            key = load_der_public_key(self.public_key)
        except (ValueError, UnsupportedAlgorithm):
            return None
        if isinstance(key, rsa.RSAPublicKey):
            is_usual = key.key_size <= _RSA_BITS_MAX and key.public_numbers().e.bit_length() <= _EXPONENT_BITS_MAX
            return key if is_usual else None
        return key if isinstance(key, ec.EllipticCurvePublicKey) else None


def decode_certificate_untrusted(der: bytes) -> Certificate:
    """Reads a DER certificate; octets behind it (card files are padded) are ignored. Raises only `BadCertificate`."""
    if len(der) > CERTIFICATE_OCTETS_MAX:
        raise BadCertificate(f"{len(der)} octets are too many")
    try:
        return _read(x509.Certificate.load(der))
    except _READ_ERRORS as error:
        raise BadCertificate(f"certificate not readable ({type(error).__name__})") from None
    except BadAdmission as error:
        raise BadCertificate(f"Admission not readable: {error}") from None


def _read(certificate: x509.Certificate) -> Certificate:
    body = certificate["tbs_certificate"]
    extensions = _Extensions(body)
    return Certificate(
        encoded=certificate.dump(),
        serial_number=body["serial_number"].native,
        subject=_attributes(body["subject"]),
        issuer=_attributes(body["issuer"]),
        subject_key=comparable_name(body["subject"]),
        issuer_key=comparable_name(body["issuer"]),
        not_before=body["validity"]["not_before"].native,
        not_after=body["validity"]["not_after"].native,
        public_key=body["subject_public_key_info"].dump(),
        key_usage=extensions.key_usage(),
        extended_key_usage=extensions.extended_key_usage(),
        policies=extensions.policies(),
        is_ca=extensions.is_ca(),
        path_length=extensions.path_length(),
        subject_key_identifier=extensions.subject_key_identifier(),
        authority_key_identifier=extensions.authority_key_identifier(),
        ocsp_urls=extensions.ocsp_urls(),
        admission=extensions.admission(),
        qc_statements=extensions.qc_statements(),
        critical_unknown=tuple(oid for oid in extensions.critical if oid not in _UNDERSTOOD),
        signature_algorithm=read_algorithm(certificate["signature_algorithm"]),
        signature=certificate["signature_value"].native,
        signed=body.dump(),
    )


def _attributes(name: x509.Name) -> tuple[tuple[str, str], ...]:
    return tuple((attribute["type"].dotted, str(attribute["value"].native)) for rdn in name.chosen for attribute in rdn)


def comparable_name(name: x509.Name) -> str:
    """A form in which equal names are equal (RFC 5280, 7.1): case, spaces and string types do not count."""
    rdns = []
    for rdn in name.chosen:
        rdns.append("+".join(sorted(f"{item['type'].dotted}={_folded(item['value'].native)}" for item in rdn)))
    return _MARKER.join(rdns)


def comparable_name_untrusted(der: bytes) -> str:
    """`comparable_name` of a Name (DER) from outside; raises only `BadCertificate`."""
    try:
        return comparable_name(x509.Name.load(der, strict=True))
    except _READ_ERRORS as error:
        raise BadCertificate(f"name not readable ({type(error).__name__})") from None


def _folded(value: object) -> str:
    return " ".join(str(value).casefold().split())


def read_algorithm(identifier: algos.SignedDigestAlgorithm) -> SignatureAlgorithm | None:
    """The signature algorithm, or None if it is none that the TI knows."""
    try:
        scheme = identifier.signature_algo
        digest = identifier.hash_algo
        salt = identifier["parameters"]["salt_length"].native if scheme == "rsassa_pss" else None
    except ValueError:
        return None
    if scheme not in ("ecdsa", "rsassa_pkcs1v15", "rsassa_pss"):
        return None
    return SignatureAlgorithm(scheme, digest, salt)


class _QcStatement(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [("statement_id", core.ObjectIdentifier), ("statement_info", core.Any, {"optional": True})]  # noqa: RUF012


class _QcStatements(core.SequenceOf):  # type: ignore[misc]  # asn1crypto has no types
    _child_spec = _QcStatement


class _Extensions:
    """The extensions by OID; a second one with the same OID is an error (RFC 5280, 4.2)."""

    def __init__(self, body: x509.TbsCertificate) -> None:
        self.parsed: dict[str, core.Asn1Value] = {}
        self.raw: dict[str, bytes] = {}
        self.critical: list[str] = []
        for extension in body["extensions"] if body["extensions"].native is not None else ():
            oid = extension["extn_id"].dotted
            if oid in self.raw:
                raise ValueError("an extension occurs twice")
            self.raw[oid] = bytes(extension["extn_value"])
            if oid in _READ:
                self.parsed[oid] = extension["extn_value"].parsed
            if extension["critical"].native:
                self.critical.append(oid)

    def key_usage(self) -> frozenset[KeyUsage] | None:
        found = self.parsed.get(_KEY_USAGE)
        return None if found is None else frozenset(KeyUsage(name) for name in found.native)

    def extended_key_usage(self) -> tuple[str, ...]:
        found = self.parsed.get(_EXTENDED)
        return () if found is None else tuple(purpose.dotted for purpose in found)

    def policies(self) -> tuple[str, ...]:
        found = self.parsed.get(_POLICIES)
        return () if found is None else tuple(item["policy_identifier"].dotted for item in found)

    def is_ca(self) -> bool:
        found = self.parsed.get(_CONSTRAINTS)
        return found is not None and bool(found["ca"].native)

    def path_length(self) -> int | None:
        found = self.parsed.get(_CONSTRAINTS)
        length = None if found is None else found["path_len_constraint"].native
        return None if length is None else int(length)

    def subject_key_identifier(self) -> bytes | None:
        found = self.parsed.get(_SUBJECT_KEY)
        return None if found is None else bytes(found.native)

    def authority_key_identifier(self) -> bytes | None:
        found = self.parsed.get(_AUTHORITY_KEY)
        identifier = None if found is None else found["key_identifier"].native
        return None if identifier is None else bytes(identifier)

    def ocsp_urls(self) -> tuple[str, ...]:
        found = self.parsed.get(_INFORMATION_ACCESS)
        if found is None:
            return ()
        return tuple(str(item["access_location"].native) for item in found if item["access_method"].dotted == _OCSP)

    def qc_statements(self) -> tuple[str, ...]:
        if _QC_STATEMENTS not in self.raw:
            return ()
        found = _QcStatements.load(self.raw[_QC_STATEMENTS], strict=True)
        return tuple(statement["statement_id"].dotted for statement in found)

    def admission(self) -> Admission | None:
        return decode_admission_untrusted(self.raw[ADMISSION]) if ADMISSION in self.raw else None
