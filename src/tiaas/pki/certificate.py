"""Reads an X.509 certificate once and completely (RFC 5280; profile gemSpec_PKI V2.14.1, 5).

A `Certificate` holds plain values only, so whoever has one need not expect reading errors any more.
"""

from datetime import datetime
from functools import lru_cache

from asn1crypto import algos, x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.pki.admission import Admission, BadAdmission
from tiaas.pki.certificatebounds import check_bounds
from tiaas.pki.extensions import UNDERSTOOD, USUAL, Extensions
from tiaas.pki.oids import KeyUsage
from tiaas.pki.usualform import ISSUERS_KEPT, Name, Parts, take_apart

PublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey

CERTIFICATE_OCTETS_MAX = 64 * 1024
CERTIFICATE_QUICK_OCTETS = 2 * 1024
"""So many are read in a few milliseconds, whatever they are; a certificate of the TI has fewer."""
_RSA_BITS_MAX, _EXPONENT_BITS_MAX = 8192, 32
_QC_COMPLIANCE = "0.4.0.1862.1.1"
BETWEEN_RDNS = "\x1e"
"""Stands in a comparable name, where no value can have it."""
_SERIAL_OCTETS_MAX = 64
_ALGORITHMS_KEPT, _ALGORITHM_KEPT_OCTETS = 64, 128
_ISSUER_OF_OCTETS = 4 * 1024
"""Of a longer certificate the name of the issuer is not kept: as values of Python it takes 20 times as much."""

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
        """The certified key, see `load_key_untrusted`."""
        return load_key_untrusted(self.public_key)


def load_key_untrusted(encoded: bytes) -> PublicKey | None:
    """The key in a SubjectPublicKeyInfo (DER), or None if it is neither an RSA key nor one on a known curve.

    An RSA key that nobody makes, with an exponent as long as its modulus, is none: one signature would take long.
    """
    try:
        key = load_der_public_key(encoded)
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
        if len(der) > CERTIFICATE_QUICK_OCTETS:
            check_bounds(der)
        return _certificate(take_apart(der, USUAL) or general_parts(x509.Certificate.load(der)))
    except _READ_ERRORS as error:
        raise BadCertificate(f"certificate not readable ({type(error).__name__})") from None
    except BadAdmission as error:
        raise BadCertificate(f"Admission not readable: {error}") from None


def _certificate(parts: Parts) -> Certificate:
    extensions = Extensions(parts.extensions)
    is_ca, path_length = extensions.constraints()
    return Certificate(
        encoded=parts.encoded,
        serial_number=parts.serial_number,
        subject=_attributes(parts.subject),
        issuer=_attributes(parts.issuer),
        subject_key=_comparable(parts.subject),
        issuer_key=_comparable_issuer(parts.issuer)
        if len(parts.encoded) <= _ISSUER_OF_OCTETS
        else _comparable(parts.issuer),
        not_before=parts.not_before,
        not_after=parts.not_after,
        public_key=parts.public_key,
        key_usage=extensions.key_usage(),
        extended_key_usage=extensions.extended_key_usage(),
        policies=extensions.policies(),
        is_ca=is_ca,
        path_length=path_length,
        subject_key_identifier=extensions.subject_key_identifier(),
        authority_key_identifier=extensions.authority_key_identifier(),
        ocsp_urls=extensions.ocsp_urls(),
        admission=extensions.admission(),
        qc_statements=extensions.qc_statements(),
        critical_unknown=tuple([oid for oid in parts.critical if oid not in UNDERSTOOD]),
        signature_algorithm=algorithm_of(parts.algorithm),
        signature=parts.signature,
        signed=parts.signed,
    )


def general_parts(certificate: x509.Certificate) -> Parts:
    """The parts of any certificate. Raises what asn1crypto raises."""
    body = certificate["tbs_certificate"]
    # RFC 5280, 4.1.2.2, has 20; Python writes no integer of more than 4,300 digits.
    if len(body["serial_number"].contents) > _SERIAL_OCTETS_MAX:
        raise ValueError("no serial number of a usable length")
    values: dict[str, bytes] = {}
    critical = []
    # `native` reads the values of all extensions that asn1crypto knows.
    for extension in body["extensions"] if body["extensions"].native is not None else ():
        oid = extension["extn_id"].dotted
        if oid in values:
            raise ValueError("an extension occurs twice (RFC 5280, 4.2)")
        values[oid] = bytes(extension["extn_value"])
        if extension["critical"].native:
            critical.append(oid)
    return Parts(
        encoded=certificate.dump(),
        signed=body.dump(),
        serial_number=body["serial_number"].native,
        algorithm=certificate["signature_algorithm"].dump(),
        issuer=_name(body["issuer"]),
        not_before=body["validity"]["not_before"].native,
        not_after=body["validity"]["not_after"].native,
        subject=_name(body["subject"]),
        public_key=body["subject_public_key_info"].dump(),
        extensions=values,
        critical=critical,
        signature=certificate["signature_value"].native,
    )


def _name(name: x509.Name) -> Name:
    return tuple(tuple((item["type"].dotted, str(item["value"].native)) for item in rdn) for rdn in name.chosen)


def _attributes(name: Name) -> tuple[tuple[str, str], ...]:
    return tuple([attribute for rdn in name for attribute in rdn])


def comparable_name(name: x509.Name) -> str:
    """A form in which equal names are equal (RFC 5280, 7.1): case, spaces and string types do not count."""
    return _comparable(_name(name))


def _comparable(name: Name) -> str:
    return BETWEEN_RDNS.join(
        [
            f"{rdn[0][0]}={_folded(rdn[0][1])}"
            if len(rdn) == 1
            else "+".join(sorted([f"{oid}={_folded(value)}" for oid, value in rdn]))
            for rdn in name
        ]
    )


_comparable_issuer = lru_cache(maxsize=ISSUERS_KEPT)(_comparable)


def comparable_name_untrusted(der: bytes) -> str:
    """`comparable_name` of a Name (DER) from outside; raises only `BadCertificate`."""
    try:
        if len(der) > CERTIFICATE_QUICK_OCTETS:
            check_bounds(der)
        return comparable_name(x509.Name.load(der, strict=True))
    except _READ_ERRORS as error:
        raise BadCertificate(f"name not readable ({type(error).__name__})") from None


def _folded(value: str) -> str:
    return " ".join(value.casefold().split())


def algorithm_of(encoded: bytes) -> SignatureAlgorithm | None:
    """`read_algorithm` of an AlgorithmIdentifier (DER). Raises what asn1crypto raises."""
    return _kept_algorithm(encoded) if len(encoded) <= _ALGORITHM_KEPT_OCTETS else _kept_algorithm.__wrapped__(encoded)


@lru_cache(maxsize=_ALGORITHMS_KEPT)
def _kept_algorithm(encoded: bytes) -> SignatureAlgorithm | None:
    """Kept for the last ones: there are few."""
    return read_algorithm(algos.SignedDigestAlgorithm.load(encoded))


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
