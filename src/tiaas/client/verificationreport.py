"""Reads the OASIS verification report of a Konnektor for people (oasis-dssx-1.0-profiles-vr, gemSpec_Kon V5.18).

Makers fill it in their own ways: what is there is taken by its local name, nothing is asked of it.
"""

from base64 import b64decode
from collections.abc import Iterator

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, XmlElement, local_name, parse_untrusted

_LIMITS = Limits(octets=16 * 1024 * 1024, nodes=100_000, depth=64)
_MAX_TEXT = 2_000
_GOOD = frozenset({"", "valid:signature:OnAllDocuments", "valid:signature:HasManifestResults"})
"""What ResultMinor says beside Success of a signature that is valid."""
_SUITABILITY = "suitability of the algorithm"
_RESULT = ("ResultMajor", "ResultMinor", "ResultMessage")
_STATUS_ANSWER = "OCSPValidity"
# Elements of a detailed report that are a verdict of their own, and what they are about.
_CHECKS = {
    "FormatOK": "format",
    "SigMathOK": "signature value",
    "Suitability": _SUITABILITY,
    "PathValiditySummary": "certificate path",
    "ChainingOK": "chaining",
    "ValidityPeriodOK": "validity period",
    "ExtensionsOK": "extensions",
    "CertStatusOK": "revocation status",
    "TrustAnchor": "trust anchor",
}


class BadReport(TiaasError):
    """Text that is no verification report."""


@dataclass(frozen=True, slots=True)
class Check:
    """One verdict: what about, of which certificate (its subject) if any, and the last parts of its URIs. What is about
    the answer on a certificate's status says so."""

    about: str
    subject: str
    result: str
    reason: str
    message: str

    @property
    def is_remark(self) -> bool:
        """Whether it is for information only: the verdict on a signature does not depend on it (TIP1-A_5682)."""
        return self.about.startswith(_SUITABILITY)


@dataclass(frozen=True, slots=True)
class ReportedSignature:
    """One signature: result and reason (last parts of the URIs), what it says of itself, and the single checks.

    `is_qualified`: it is valid, and its certificate is one for qualified signatures; None if that cannot be told.
    """

    result: str
    reason: str
    message: str
    signing_time: str
    short_text: str
    algorithm: str
    signer: str
    is_counter: bool
    is_qualified: bool | None
    attributes: tuple[tuple[str, str], ...]
    checks: tuple[Check, ...]


def read_report_untrusted(report: str) -> tuple[ReportedSignature, ...]:
    """The signatures of a report; raises only `BadReport`."""
    try:
        root = parse_untrusted(report.encode("utf-8", "replace"), _LIMITS)
    except BadEnvelope as error:
        raise BadReport(str(error)) from None
    if local_name(root) != "VerificationReport":
        raise BadReport("no VerificationReport")
    return tuple(_signature(element) for element in _all(root, "IndividualReport"))


def _signature(report: XmlElement) -> ReportedSignature:
    result = next(_all(report, "Result"), None)
    checks = tuple(_checks(report))
    subjects = [_text(element, "Subject") for element in _all(report, "CertificateValidity")]
    # Without one the first ResultMajor would be that of a single check.
    major, minor, message = ("" if result is None else _text(result, name) for name in _RESULT)
    major, minor = _tail(major), _tail(minor)
    return ReportedSignature(
        result=major,
        reason=minor,
        message=message,
        signing_time=_text(report, "SigningTime"),
        short_text=_text(report, "ShortText"),
        algorithm=_text(report, "Algorithm"),
        signer=subjects[0] if subjects else "",
        is_counter=next(_all(report, "CounterSignatureMarker"), None) is not None,
        is_qualified=_is_qualified(report, is_valid=major == "Success" and minor in _GOOD),
        attributes=tuple((_text(item, "Key"), _text(item, "Value")) for item in _all(report, "DisplayableAttribute")),
        checks=checks,
    )


def _is_qualified(report: XmlElement, *, is_valid: bool) -> bool | None:
    """By the statement QcCompliance of the signer's certificate, the first of its path.

    Only a valid signature is a qualified one: anybody can make a certificate that calls itself so.
    """
    signer = next(_all(report, "CertificateValidity"), ())
    value = next((_content(child) for child in signer if local_name(child) == "CertificateValue"), "")
    try:
        states_it = decode_certificate_untrusted(b64decode(value)).is_qualified
    except (ValueError, BadCertificate):
        return None
    return is_valid or None if states_it else False


def _checks(report: XmlElement) -> Iterator[Check]:
    for element in _all(report, *_CHECKS):
        yield Check(
            about=_about(element),
            subject=next((_text(above, "Subject") for above in element.iterancestors() if _is_certificate(above)), ""),
            result=_tail(_text(element, "ResultMajor")),
            reason=_tail(_text(element, "ResultMinor")),
            message=_text(element, "ResultMessage"),
        )


def _about(element: XmlElement) -> str:
    about = _CHECKS[local_name(element)]
    is_of_answer = any(local_name(above) == _STATUS_ANSWER for above in element.iterancestors())
    return f"{about} of the status answer" if is_of_answer else about


def _is_certificate(element: XmlElement) -> bool:
    return local_name(element) == "CertificateValidity"


def _all(element: XmlElement, *names: str) -> Iterator[XmlElement]:
    return (item for item in element.iter("{*}*") if local_name(item) in names)


def _text(element: XmlElement, name: str) -> str:
    found = next(_all(element, name), None)
    return "" if found is None else _content(found)[:_MAX_TEXT]


def _content(element: XmlElement) -> str:
    return (element.text or "").strip()


def _tail(uri: str) -> str:
    """`urn:…:resultmajor:Success` → `Success`; a whole name behind `resultminor:` stays."""
    for mark in ("resultminor:", "resultmajor:", "detail:", "trustanchor:"):
        if mark in uri:
            return uri.rpartition(mark)[2]
    return uri
