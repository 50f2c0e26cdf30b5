"""The words of a verification report: verdicts on details, algorithms, what the caller wants in it."""

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.dss_core_v1_0 import InternationalString
from tiaas.interfaces.oasis_verification_report_v1_0 import AlgorithmValidity, ReturnVerificationReport, Verdict
from tiaas.soap.simple import ANY_URI
from tiaas.soap.simpletype import LexicalError

ALGORITHM_LENGTH_MAX = 200
_UNNAMED = "urn:unknown"
"""For an algorithm whose name in the signature is no URI, or longer than that of any."""
_DETAIL = "urn:oasis:names:tc:dss:1.0:detail:"
VALID = Verdict(result_major=f"{_DETAIL}valid")
INVALID = Verdict(result_major=f"{_DETAIL}invalid")
TRUST_ANCHOR = Verdict(result_major="urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:trustanchor:certDataBase")
"""What Anhang B3 puts into TrustAnchor."""


@dataclass(frozen=True, slots=True)
class ReportWish:
    """What a report contains beside what it must. IncludeVerifier and ExpandBinaryValues change nothing: there is no
    verifier to name (Anhang B3 sets both to false), and the level of detail is always allDetails."""

    certificate_values: bool
    revocation_values: bool

    @staticmethod
    def of(request: ReturnVerificationReport) -> "ReportWish":
        """What a request asks for; the schema's defaults are false."""
        return ReportWish(bool(request.include_certificate_values), bool(request.include_revocation_values))


def plain(text: str) -> str:
    """Text out of a signature or certificate without what XML does not allow."""
    return text if text.isprintable() else "".join([char for char in text if char.isprintable()])


def invalid(message: str) -> Verdict:
    """A detail that is wrong, and why, in our words."""
    return Verdict(result_major=f"{_DETAIL}invalid", result_message=_ours(message))


def invalid_officially(text: str) -> Verdict:
    """A detail that is wrong, in the specification's words."""
    return Verdict(result_major=f"{_DETAIL}invalid", result_message=official(text))


def indetermined(message: str) -> Verdict:
    """A detail that could not be found out, and why."""
    return Verdict(result_major=f"{_DETAIL}indetermined", result_message=_ours(message))


def algorithm(name: str, unsafe_since: int | None) -> AlgorithmValidity:
    """An algorithm by URI or dotted OID, and whether it is suitable (TIP1-A_5682; the text is the specification's)."""
    uri = _named(name) if len(name) <= ALGORITHM_LENGTH_MAX else _UNNAMED
    if unsafe_since is None:
        return AlgorithmValidity(algorithm=uri, suitability=VALID)
    text = f"Algorithmen seit {unsafe_since} als unsicher eingestuft"
    return AlgorithmValidity(algorithm=uri, suitability=invalid_officially(text))


def _named(name: str) -> str:
    uri = f"urn:oid:{name}" if name[:1].isdigit() else name
    try:
        return ANY_URI.encode(uri)
    except LexicalError:
        return _UNNAMED


def official(text: str) -> InternationalString:
    """The specification's words, which are German."""
    return InternationalString(text=text, language="de")


def _ours(message: str) -> InternationalString:
    return InternationalString(text=message, language="en")
