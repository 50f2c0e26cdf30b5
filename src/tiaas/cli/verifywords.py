"""What the words of a verification report mean to people: sentences in English, without names of codes and algorithms.

Makers fill their reports in their own ways: words that are not known here are told as they stand.
"""

import re
from collections.abc import Iterable, Mapping
from functools import cache

from tiaas.client.verificationreport import ReportedSignature
from tiaas.pki.codes import PkiCode

_VALID, _NOT_VALID, _UNKNOWN = "valid", "not valid", "it cannot be told whether it is valid"
# ResultMajor and ResultMinor of TAB_KON_754 and TAB_KON_593 (gemSpec_Kon V5.18).
_VERDICTS = {
    ("Success", ""): _VALID,
    ("Success", "valid:signature:OnAllDocuments"): _VALID,
    ("Success", "valid:signature:HasManifestResults"): _VALID,
    ("Success", "valid:signature:InvalidSignatureTimestamp"): _NOT_VALID,
    ("Success", "invalid:IncorrectSignature"): _NOT_VALID,
    ("RequesterError", ""): _NOT_VALID,
    ("ResponderError", ""): _NOT_VALID,
    ("InsufficientInformation", "invalid:IncorrectSignature"): _NOT_VALID,
    ("InsufficientInformation", "CertificateChainNotComplete"): _NOT_VALID,
    ("InsufficientInformation", "OcspNotAvailiable"): _UNKNOWN,
}
_WRONG_TIME = "valid:signature:InvalidSignatureTimestamp"
_MATHEMATICS = {
    "digest wrong": "the document was changed after it was signed, or this is another one",
    "signature wrong": "the signature was changed, or made with another key",
    "certificate not bound": "the signature is of another certificate than the one that is in it",
    "certificate missing": "the signer's certificate is not there",
    "not whole document": "the signature does not cover the whole document: something was added after it",
    "algorithm unknown": "the signature uses an algorithm that is not known here",
    "malformed": "the signature cannot be read",
}
"""What our Konnektor says of a signature's mathematics."""
_INVALID, _NOT_IN_TSL, _NOT_USED, _NOT_THEN = 4115, 4260, 1050, 1021
_KONNEKTOR = 4000
"""From here on codes are those of Konnektoren, below those of certificates (Tab_PKI_274)."""
_OWN = {
    _INVALID: "document or signature were changed after it was signed, or the signature is not of this document",
    _NOT_THEN: "a certificate was not valid at this time: it had expired, or not yet begun",
}
"""Where the help for a code speaks to whoever made a call."""
_UNNAMED = {
    "ISSUER_IS_NO_CA": "the issuer may not issue this certificate",
    "CRITICAL_EXTENSION_UNKNOWN": "a critical extension of the certificate is not understood",
}
"""What Tab_PKI_274 has no code for."""
_NAME = re.compile(r"\b[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+\b(?: at depth [0-9]+)?")
_CODE = re.compile(r"(?:^|; )([0-9]{4}) ")
_OID = "urn:oid:"
_ALGORITHMS = {
    "1.2.840.10045.4.3.2": "ECDSA with SHA-256",
    "1.2.840.10045.4.3.3": "ECDSA with SHA-384",
    "1.2.840.10045.4.3.4": "ECDSA with SHA-512",
    "0.4.0.127.0.7.1.1.4.1.3": "plain ECDSA with SHA-256",
    "0.4.0.127.0.7.1.1.4.1.4": "plain ECDSA with SHA-384",
    "0.4.0.127.0.7.1.1.4.1.5": "plain ECDSA with SHA-512",
    "1.2.840.113549.1.1.1": "RSA",
    "1.2.840.113549.1.1.5": "RSA with SHA-1",
    "1.2.840.113549.1.1.10": "RSASSA-PSS",
    "1.2.840.113549.1.1.11": "RSA with SHA-256",
    "1.2.840.113549.1.1.12": "RSA with SHA-384",
    "1.2.840.113549.1.1.13": "RSA with SHA-512",
}


def outcome(signature: ReportedSignature) -> str:
    """Valid, not valid and why, or that it cannot be told and why."""
    words = " / ".join(part for part in (signature.result, signature.reason) if part)
    verdict = _VERDICTS.get((signature.result, signature.reason), words or "no verdict")
    cause = "" if verdict == _VALID else _cause(signature)
    return f"{verdict}: {cause}" if cause else verdict


def _cause(signature: ReportedSignature) -> str:
    mathematics = [check.message for check in signature.checks if not check.subject and check.message in _MATHEMATICS]
    if mathematics:
        return _MATHEMATICS[mathematics[0]]
    codes = [int(number) for number in _CODE.findall(signature.message)]
    if signature.reason == _WRONG_TIME and _NOT_THEN not in codes:
        return "the time that it states is in the future"
    return cause_of(codes) if codes else signature.message


def cause_of(codes: Iterable[int]) -> str:
    """Why a signature is not valid, by the codes of its verdict, which run from cause to effect; empty if none is
    known. What a signature breaks itself comes before what its certificate does."""
    known = _causes()
    found = [code for code in codes if code in known]
    if not found:
        return ""
    of_signature = [code for code in found if code >= _KONNEKTOR and code not in (_INVALID, _NOT_IN_TSL)]
    of_certificate = [code for code in found if code < _KONNEKTOR and code != _NOT_USED]
    return known[[*of_signature, *of_certificate, *found][0]]


def explained(message: str) -> str:
    """What a single check says: names of codes and official texts are sentences."""
    known = _meanings()
    if message in known:
        return known[message]
    return _NAME.sub(lambda found: known.get(found[0].partition(" at ")[0], found[0]), message)


def algorithm(name: str) -> str:
    """With its name, if it is told by its OID."""
    number = name.removeprefix(_OID)
    return f"{_ALGORITHMS[number]} ({number})" if number in _ALGORITHMS else name


@cache
def _causes() -> Mapping[int, str]:
    from tiaas.client.errorhelp import Language, all_help
    from tiaas.konnektor.codes import CODES

    helped = all_help(Language.ENGLISH).items()
    # Fachdienste of insurers use some numbers of Tab_PKI_274 for their own errors.
    ours = {code for code, _ in helped if code >= _KONNEKTOR or CODES[code].text in PkiCode.__members__}
    return {code: _clause(help_.cause) for code, help_ in helped if code in ours} | _OWN


@cache
def _meanings() -> Mapping[str, str]:
    from tiaas.konnektor.codes import CODES

    causes = _causes()
    texts = {code.filled(""): causes[number] for number, code in CODES.items() if number in causes}
    return texts | _UNNAMED | _MATHEMATICS


def _clause(sentence: str) -> str:
    """A sentence as the end of another one."""
    begin = sentence[0].lower() if sentence[1:2].islower() or sentence[1:2] == " " else sentence[0]
    return begin + sentence[1:].removesuffix(".")
