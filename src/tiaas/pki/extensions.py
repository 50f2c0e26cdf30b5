"""What the extensions of a certificate say (RFC 5280, 4.2; gemSpec_PKI V2.14.1, chapter 5)."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any, TypeVar

from asn1crypto import core, x509

from tiaas.cms.der import oid
from tiaas.pki.admission import Admission, decode_admission_untrusted
from tiaas.pki.oids import ADMISSION, KeyUsage

_KEY_USAGE, _CONSTRAINTS, _POLICIES, _EXTENDED = "2.5.29.15", "2.5.29.19", "2.5.29.32", "2.5.29.37"
_SUBJECT_KEY, _AUTHORITY_KEY, _INFORMATION_ACCESS = "2.5.29.14", "2.5.29.35", "1.3.6.1.5.5.7.1.1"
_QC_STATEMENTS = "1.3.6.1.5.5.7.1.3"
_USUAL_IDENTIFIER, _IDENTIFIER = 22, bytes((0x04, 20))
"""SHA-1 of the public key (RFC 5280, 4.2.1.2)."""
_VALIDITY_MODEL = "1.3.6.1.4.1.8301.3.5"
_NO_CHECK = "1.3.6.1.5.5.7.48.1.5"
_OCSP = "1.3.6.1.5.5.7.48.1"

# What is the same in all certificates of a kind, or of a CA, is kept as it was read, for the last ones.
_KEPT, _KEPT_OCTETS = 256, 512
_Value = TypeVar("_Value")


class _QcStatement(core.Sequence):  # type: ignore[misc]  # asn1crypto has no types
    _fields = [("statement_id", core.ObjectIdentifier), ("statement_info", core.Any, {"optional": True})]  # noqa: RUF012


class _QcStatements(core.SequenceOf):  # type: ignore[misc]  # asn1crypto has no types
    _child_spec = _QcStatement


class Extensions:
    """By the values (DER) of the extensions, by OID. All methods raise what asn1crypto raises for a value that is none,
    `admission` raises `BadAdmission`."""

    def __init__(self, values: Mapping[str, bytes]) -> None:
        self._values = values

    def key_usage(self) -> frozenset[KeyUsage] | None:
        """KeyUsage, None without."""
        return self._read(_KEY_USAGE, None)

    def extended_key_usage(self) -> tuple[str, ...]:
        """The OIDs of ExtendedKeyUsage."""
        return self._read(_EXTENDED, ())

    def policies(self) -> tuple[str, ...]:
        """The OIDs of CertificatePolicies."""
        return self._read(_POLICIES, ())

    def constraints(self) -> tuple[bool, int | None]:
        """BasicConstraints: whether it is a CA's, and pathLenConstraint."""
        return self._read(_CONSTRAINTS, (False, None))

    def subject_key_identifier(self) -> bytes | None:
        """SubjectKeyIdentifier, None without."""
        value = self._values.get(_SUBJECT_KEY)
        if value is None:
            return None
        # It is another one in each certificate.
        if len(value) == _USUAL_IDENTIFIER and value.startswith(_IDENTIFIER):
            return value[2:]
        return bytes(core.OctetString.load(value).native)

    def authority_key_identifier(self) -> bytes | None:
        """The keyIdentifier of AuthorityKeyIdentifier, None without."""
        return self._read(_AUTHORITY_KEY, None)

    def ocsp_urls(self) -> tuple[str, ...]:
        """Where AuthorityInformationAccess says that the status service is."""
        return self._read(_INFORMATION_ACCESS, ())

    def qc_statements(self) -> tuple[str, ...]:
        """The OIDs of QCStatements."""
        return self._read(_QC_STATEMENTS, ())

    def admission(self) -> Admission | None:
        """Admission, None without."""
        value = self._values.get(ADMISSION)
        return None if value is None else decode_admission_untrusted(value)

    def _read(self, name: str, absent: _Value) -> _Value:
        value = self._values.get(name)
        if value is None:
            return absent
        found: _Value = _kept(name, value) if len(value) <= _KEPT_OCTETS else _READERS[name](value)
        return found


@lru_cache(maxsize=_KEPT)
def _kept(name: str, value: bytes) -> Any:
    return _READERS[name](value)


def _key_usage(value: bytes) -> frozenset[KeyUsage]:
    return frozenset(KeyUsage(name) for name in x509.KeyUsage.load(value).native)


def _extended_key_usage(value: bytes) -> tuple[str, ...]:
    return tuple(purpose.dotted for purpose in _completely(x509.ExtKeyUsageSyntax, value))


def _policies(value: bytes) -> tuple[str, ...]:
    return tuple(item["policy_identifier"].dotted for item in _completely(x509.CertificatePolicies, value))


def _constraints(value: bytes) -> tuple[bool, int | None]:
    found = x509.BasicConstraints.load(value).native
    return bool(found["ca"]), found["path_len_constraint"]


def _authority_key(value: bytes) -> bytes | None:
    found = x509.AuthorityKeyIdentifier.load(value).native["key_identifier"]
    return None if found is None else bytes(found)


def _ocsp_urls(value: bytes) -> tuple[str, ...]:
    found = _completely(x509.AuthorityInfoAccessSyntax, value)
    return tuple(str(item["access_location"].native) for item in found if item["access_method"].dotted == _OCSP)


def _qc_statements(value: bytes) -> tuple[str, ...]:
    return tuple(statement["statement_id"].dotted for statement in _QcStatements.load(value, strict=True))


def _completely(kind: Any, value: bytes) -> Any:
    """The value, all of which has been read: asn1crypto reads what is asked for."""
    found = kind.load(value)
    _ = found.native
    return found


_READERS: Mapping[str, Callable[[bytes], Any]] = {
    _KEY_USAGE: _key_usage,
    _EXTENDED: _extended_key_usage,
    _POLICIES: _policies,
    _CONSTRAINTS: _constraints,
    _AUTHORITY_KEY: _authority_key,
    _INFORMATION_ACCESS: _ocsp_urls,
    _QC_STATEMENTS: _qc_statements,
}

UNDERSTOOD = frozenset({*_READERS, _SUBJECT_KEY, ADMISSION})
"""The extensions that are understood; another one that is critical makes a path invalid (RFC 5280, 4.2)."""
USUAL: Mapping[bytes, str] = {oid(name)[2:]: name for name in (*UNDERSTOOD, _VALIDITY_MODEL, _NO_CHECK)}
"""The extensions that are usual, by the content of their OIDs."""
