"""The outcome of a certificate check, as values (TUC_KON_037, TUC_PKI_006; gemSpec_Kon V5.18 §4.1.9.4.1)."""

import enum
from dataclasses import field
from datetime import datetime, timedelta

from tiaas.base.dataclass import dataclass
from tiaas.pki.codes import PkiCode
from tiaas.pki.path import Examination

FUTURE = timedelta(minutes=10)
"""So far may a time be ahead of our clock, for clocks differ: of a later one nobody can say anything yet."""


@enum.unique
class Result(enum.StrEnum):
    """VerificationResult of the CertificateService; the value is what stands there."""

    VALID = "VALID"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """What TUC_PKI_006 found out. `fault` None: good.

    CERT_REVOKED and CERT_UNKNOWN are answers; every other fault means that there is no usable answer. `reason` is a
    short English phrase for logs and the status page. `cached`: no request was made for it. `response` is the
    OCSPResponse (DER) that says so, to be embedded or reported, `signer` the certificate (DER) that signed it; empty if
    there was none.
    """

    fault: PkiCode | None
    reason: str = ""
    produced_at: datetime | None = None
    revoked_at: datetime | None = None
    cached: bool = False
    response: bytes = field(default=b"", repr=False)
    signer: bytes = field(default=b"", repr=False)

    @property
    def is_known(self) -> bool:
        """Whether a responder answered about this certificate."""
        return self.fault in (None, PkiCode.CERT_REVOKED, PkiCode.CERT_UNKNOWN)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What TUC_KON_037 says of a certificate.

    VALID: everything asked for was checked, or what was not was tolerated (`warnings` says so). INCONCLUSIVE: all but
    the status is right, and the status could not be had. INVALID: `fault` says why; None for a reason that Tab_PKI_274
    has no code for. `roles` are the OIDs of the certificate's Admission, none below an imported CA.
    """

    result: Result
    fault: PkiCode | None = None
    reason: str = ""
    warnings: tuple[PkiCode, ...] = ()
    roles: tuple[str, ...] = ()
    status: CertificateStatus | None = None


@dataclass(frozen=True, slots=True)
class CertificateCheck:
    """A verdict with all that led to it: the path and everything that is wrong with it, at the reference time `at`.

    `examination` is None for a certificate that cannot be read; `is_qualified`: the rules for QES counted.
    """

    verdict: Verdict
    at: datetime
    is_qualified: bool = False
    examination: Examination | None = None
