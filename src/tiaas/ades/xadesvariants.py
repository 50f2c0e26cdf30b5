"""Which XML signatures may be made: what is signed, where the signature goes, and for whom.

gemSpec_Kon V5.18 TAB_KON_778 "Einsatzbereich der Signaturvarianten", its rows for XAdES; TAB_KON_065 (RefURI,
IncludeObject, SignaturePlacement, ReturnUpdatedSignature, GenerateUnderSignaturePolicy). What is not allowed is 4111.
"""

import enum
from collections.abc import Mapping
from types import MappingProxyType

from tiaas.ades.signing import CannotSign
from tiaas.base.dataclass import dataclass

NFDM_POLICY = "urn:gematik:fa:sak:nfdm:r1:v1"


@enum.unique
class Use(enum.StrEnum):
    """The column of TAB_KON_778."""

    NONQES = "nonQES"
    QES = "QES at the interface for Clientsysteme"
    QES_MODULE = "QES for a Fachmodul"


@enum.unique
class Update(enum.StrEnum):
    """ReturnUpdatedSignature/@Type: what becomes of the signatures that are there (TAB_KON_065)."""

    PARALLEL = "http://ws.gematik.de/conn/sig/sigupdate/parallel"
    COUNTER = "http://ws.gematik.de/conn/sig/sigupdate/counter/documentexcluding"


@dataclass(frozen=True, slots=True)
class Placement:
    """dss:SignaturePlacement: an XPath to an element, and whether the signature goes into or behind it."""

    path: str
    behind: bool = False


@enum.unique
class Variant(enum.StrEnum):
    """What is signed and where the signature is (TAB_KON_778)."""

    DETACHED_PART = "a part, the signature elsewhere in the document"
    ENVELOPED = "the whole document, the signature a child of the document element"
    ENVELOPED_PART = "a part, the signature in it"
    ENVELOPING = "the whole document, in the signature"


@dataclass(frozen=True, slots=True)
class SignaturePolicy:
    """A signature policy that the Konnektor has: what it demands.

    `part` is the local name of the element signed, a child of the document element; `holder` that of the element the
    signature goes into.
    """

    variant: Variant
    part: str
    holder: str


POLICIES: Mapping[str, SignaturePolicy] = MappingProxyType(
    {NFDM_POLICY: SignaturePolicy(Variant.DETACHED_PART, "Notfalldaten", "SignatureArzt")}
)
"""The policies by URI; for NFDM: gematik's NFD_Document V1.4 and the example of SignDocument."""

_NEVER = frozenset({Variant.ENVELOPED_PART, Variant.DETACHED_PART})


def check_variant(variant: Variant, use: Use, policy: str | None, update: Update | None) -> None:
    """Raises `CannotSign` 4111: what TAB_KON_778 forbids, an unknown policy, one that demands another variant."""
    if policy is not None and policy not in POLICIES:
        raise CannotSign(4111, "unknown signature policy")
    if update is Update.PARALLEL and variant is Variant.ENVELOPING:
        # TAB_KON_779 "Parallelsignatur".
        raise CannotSign(4111, "no parallel signatures around a document")
    if use is Use.NONQES:
        if policy is not None or variant in _NEVER:
            raise CannotSign(4111, "not with a nonQES")
        return
    if policy is None:
        raise CannotSign(4111, "a QES of XML needs a signature policy")
    if POLICIES[policy].variant is not variant or update is Update.COUNTER:
        raise CannotSign(4111, "the signature policy demands another variant")
