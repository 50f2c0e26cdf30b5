"""The trust service as a person sees it: a value for the status page (gemSpec_Kon V5.18 §4.1.9)."""

from dataclasses import field
from datetime import datetime
from enum import Enum
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.heldlist import Attempt, HeldList
from tiaas.konnektor.ocsp import OcspCounts
from tiaas.konnektor.trust import Issuer
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.tslservice import TslContact
from tiaas.pki.certificate import Certificate


@dataclass(frozen=True, slots=True)
class ListStatus:
    """A trust list; everything about the list itself is None until one was imported.

    `last_code` and `last_reason` say why the last attempt failed; the code is of Tab_PKI_274, or None.
    """

    id: str | None = None
    sequence_number: int | None = None
    issued: datetime | None = None
    next_update: datetime | None = None
    imported: datetime | None = None
    last_attempt: datetime | None = None
    last_succeeded: bool | None = None
    last_code: int | None = None
    last_reason: str = ""
    next_attempt: datetime | None = None


@dataclass(frozen=True, slots=True)
class AnchorStatus:
    """A TSL-Signer-CA: common name, SHA-256 of the certificate in hexadecimal, end of its validity.

    `since` is the StatusStartingTime of its service in a TSL; None until a TSL named it.
    """

    name: str
    fingerprint: str
    not_after: datetime
    since: datetime | None = None


class TslType(Enum):
    """For which certificates a TSL opens the trust space, as its signature tells (TIP1-A_4703-01)."""

    RSA = "RSA"
    ECC_RSA = "ECC-RSA"

    @staticmethod
    def of(signer: Certificate) -> "TslType":
        """The type of a TSL that `signer` signed."""
        return TslType.RSA if isinstance(signer.key(), RSAPublicKey) else TslType.ECC_RSA


@dataclass(frozen=True, slots=True)
class TrustStatus:
    """All of it. Without a TSL (`has_lists` False) the instance trusts what it was given, and lists are empty.

    `tsl_service` is the last TLS connection to the TSL service; None: none since the start.
    """

    has_lists: bool
    issuers: int
    ocsp_signers: int
    ocsp: OcspCounts
    tsl: ListStatus = field(default_factory=ListStatus)
    bnetza: ListStatus = field(default_factory=ListStatus)
    anchor: AnchorStatus | None = None
    next_anchor: AnchorStatus | None = None
    next_anchor_from: datetime | None = None
    tsl_type: TslType | None = None
    tsl_service: TslContact | None = None


def status_of(lists: TrustLists, ocsp: OcspCounts) -> TrustStatus:
    """The status of an instance with lists."""
    anchors, tsl = lists.anchors, lists.tsl[0]
    return TrustStatus(
        has_lists=True,
        issuers=len(lists.space.issuers),
        ocsp_signers=len(lists.space.ocsp_signers),
        ocsp=ocsp,
        tsl=_list(*lists.tsl),
        bnetza=_list(*lists.bnetza),
        anchor=_anchor(anchors.active),
        next_anchor=None if anchors.following is None else _anchor(anchors.following),
        next_anchor_from=anchors.following_from,
        tsl_type=None if tsl is None else TslType.of(tsl.signer),
        tsl_service=lists.service.contact,
    )


def _list(held: HeldList | None, attempt: Attempt | None) -> ListStatus:
    content = None if held is None else held.content
    return ListStatus(
        id=None if content is None else content.id,
        sequence_number=None if content is None else content.sequence_number,
        issued=None if content is None else content.issued,
        next_update=None if content is None else content.next_update,
        imported=None if held is None else held.imported,
        last_attempt=None if attempt is None else attempt.at,
        last_succeeded=None if attempt is None else attempt.succeeded,
        last_code=None if attempt is None or attempt.fault is None else attempt.fault.number,
        last_reason="" if attempt is None else attempt.reason,
        next_attempt=None if attempt is None else attempt.due,
    )


def _anchor(issuer: Issuer) -> AnchorStatus:
    certificate = issuer.certificate
    names = [value for oid, value in certificate.subject if oid == "2.5.4.3"]
    fingerprint = sha256(certificate.encoded).hexdigest()
    return AnchorStatus(next(iter(names), ""), fingerprint, certificate.not_after, issuer.since)
