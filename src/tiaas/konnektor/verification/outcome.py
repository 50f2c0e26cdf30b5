"""What a signature's check comes to: rows of TAB_KON_754 (nonQES) and TAB_KON_593 (QES), gemSpec_Kon V5.18."""

import enum

from tiaas.konnektor.verdict import Result

MAJOR = "urn:oasis:names:tc:dss:1.0:resultmajor:"
MINOR = "urn:oasis:names:tc:dss:1.0:resultminor:"

_SUCCESS, _REQUESTER, _RESPONDER = f"{MAJOR}Success", f"{MAJOR}RequesterError", f"{MAJOR}ResponderError"
_INSUFFICIENT = f"{MAJOR}InsufficientInformation"


@enum.unique
class Outcome(enum.Enum):
    """One row: class, ResultMajor, ResultMinor. OcspNotAvailiable is spelt as specified."""

    ON_ALL_DOCUMENTS = (Result.VALID, _SUCCESS, f"{MINOR}valid:signature:OnAllDocuments")
    HAS_MANIFEST_RESULTS = (Result.VALID, _SUCCESS, f"{MINOR}valid:signature:HasManifestResults")
    INCORRECT_SIGNATURE = (Result.INVALID, _SUCCESS, f"{MINOR}invalid:IncorrectSignature")
    INVALID_TIMESTAMP = (Result.INVALID, _SUCCESS, f"{MINOR}valid:signature:InvalidSignatureTimestamp")
    """NonQES only (TAB_KON_593 does not have it): all is right but the time that the signer claims."""
    REQUESTER_ERROR = (Result.INVALID, _REQUESTER, None)
    RESPONDER_ERROR = (Result.INVALID, _RESPONDER, None)
    UNPROVEN_SIGNATURE = (Result.INVALID, _INSUFFICIENT, f"{MINOR}invalid:IncorrectSignature")
    CHAIN_NOT_COMPLETE = (Result.INVALID, _INSUFFICIENT, f"{MINOR}CertificateChainNotComplete")
    OCSP_NOT_AVAILABLE = (Result.INCONCLUSIVE, _INSUFFICIENT, f"{MINOR}OcspNotAvailiable")

    def __init__(self, result: Result, major: str, minor: str | None) -> None:
        self.result = result
        self.major = major
        self.minor = minor


def high_level(outcomes: list[Outcome]) -> Result:
    """HighLevelResult: VALID if all are, INVALID if one is, else INCONCLUSIVE. There is one signature at least."""
    results = {outcome.result for outcome in outcomes}
    if Result.INVALID in results or not results:
        return Result.INVALID
    return Result.INCONCLUSIVE if Result.INCONCLUSIVE in results else Result.VALID
