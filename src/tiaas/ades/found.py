"""What is found in a signed document before anybody is trusted: the common result of all format readers.

Readers check structure and mathematics only: hash values, signature value, the binding of the certificate to the
signature (signing-certificate attribute). Whether the certificate is good, and at which time, VerifyDocument decides.
"""

import enum
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.keys import Digest, SigningScheme

SIGNERS_TRIED_MAX = 10
"""With so many of the certificates that were given is a signature checked that names none."""


class BadSignatureFile(TiaasError):
    """Octets that hold no readable signature of the format.

    `code` is the gematik code: 4253 (no signature), 4022 (not well-formed), 4024, 4110, 4279, 4280, 4281 …
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


@enum.unique
class SignatureFormat(enum.StrEnum):
    """The value is the URI of dss:SignatureType (gemSpec_Kon V5.18 TAB_KON_065)."""

    XADES = "urn:ietf:rfc:3275"
    CADES = "urn:ietf:rfc:5652"
    PADES = "http://uri.etsi.org/02778/3"
    SMIME = "urn:ietf:rfc:5751"
    PKCS1 = "urn:ietf:rfc:3447"
    ECDSA = "urn:bsi:tr:03111:ecdsa"


@enum.unique
class Integrity(enum.Enum):
    """The mathematical side of one signature; comments name the gematik code where there is one."""

    INTACT = "intact"
    DIGEST_WRONG = "digest wrong"
    """The document, or another signed part, is not what was signed."""
    SIGNATURE_WRONG = "signature wrong"
    CERTIFICATE_NOT_BOUND = "certificate not bound"
    """The signing-certificate attribute names another certificate."""
    CERTIFICATE_MISSING = "certificate missing"
    """The signer's certificate is neither embedded nor given (4206)."""
    NOT_WHOLE_DOCUMENT = "not whole document"
    """The signature does not cover the whole document (4262)."""
    ALGORITHM_UNKNOWN = "algorithm unknown"
    MALFORMED = "malformed"


@dataclass(frozen=True, slots=True)
class ManifestEntry:
    """A reference of a signed ds:Manifest: `intact` is None where nothing was given that could be compared."""

    uri: str
    intact: bool | None


@dataclass(frozen=True, slots=True, repr=False)
class FoundSignature:
    """One signature: parallel ones stand side by side, a counter signature names what it countersigns.

    `certificate` is the signer's, `certificates` are all that were embedded, `ocsp` embedded OCSPResponses (all DER).
    `algorithm` is None where integrity is ALGORITHM_UNKNOWN; `algorithm_name` is the URI or OID as written. `time` is
    the claimed signing time. `countersigns` is the index of another signature of the same reading. `identifier` is the
    XML Id, or None. `references` says which parts are covered, for the report. `is_bound`: a signed attribute names the
    signer's certificate; a signature without one is checked all the same, and the result says so (gemSpec_Kon V5.18
    TAB_KON_779-01).

    `findings` are gematik codes of what deviates from the profile of the format whatever the mathematics say (4208: a
    reference that is not ID-based, 4115: an Id that is missing, or that the schema does not call one). `manifest` is
    for VerifyManifests.
    """

    format: SignatureFormat
    integrity: Integrity
    value: bytes
    certificate: bytes | None
    certificates: tuple[bytes, ...] = ()
    ocsp: tuple[bytes, ...] = ()
    algorithm: tuple[SigningScheme, Digest] | None = None
    algorithm_name: str = ""
    time: datetime | None = None
    short_text: str | None = None
    policy: str | None = None
    countersigns: int | None = None
    identifier: str | None = None
    references: tuple[str, ...] = ()
    is_bound: bool = True
    findings: tuple[int, ...] = ()
    manifest: tuple[ManifestEntry, ...] = ()

    def __repr__(self) -> str:
        return f"FoundSignature({self.format.name}, {self.integrity.name})"


Check = Callable[[], Integrity]


class Claim(NamedTuple):
    """A signature as it was read, before its value is checked with the public key.

    `found` has the integrity that it claims; `check` computes the one it has, which takes as long as all the rest, and
    raises nothing: a thread may do it. Without `check` nothing is left to compute. `ecdsa` is the same question to
    somebody who has no more than the key: if he says yes, the integrity is what `found` claims, else `check` knows.
    """

    found: FoundSignature
    check: Check | None = None
    ecdsa: EcdsaUse | None = None

    def settled(self, integrity: Integrity) -> FoundSignature:
        """The signature with what `check` came to."""
        return self.found if integrity is self.found.integrity else replace(self.found, integrity=integrity)

    def checked(self) -> FoundSignature:
        """The signature, checked here and now."""
        return self.found if self.check is None else self.settled(self.check())

    def judged(self, judge: Callable[[Integrity], Integrity]) -> "Claim":
        """The same of whose integrity more is known: `judge` gives it from what the mathematics say."""
        check = self.check
        found = self.settled(judge(self.found.integrity))
        return Claim(found, None if check is None else lambda: judge(check()), self.ecdsa)
