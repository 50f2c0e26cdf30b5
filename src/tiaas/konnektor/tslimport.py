"""What makes a downloaded or imported trust list the one in use: the decisions, without I/O.

What a list says (`ReadList`) depends on its octets alone; whether it counts, on what the instance holds.

TSL: TUC_PKI_019 (newer), 011 and 012 (signer, signature), 013 (trust anchor), 001 step 6 (extraction); BNetzA-VL:
TUC_PKI_036 (gemSpec_PKI V2.14.1, chapters 8.1, 8.2, 8.5.2). After schema and signature nothing in a list may keep the
rest of it from being used (TUC_PKI_001, note on robustness): what cannot be read is left out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime
from hashlib import sha256

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.cvc import BadCvc, Cvc, decode_cvc_untrusted
from tiaas.pki.path import PathError
from tiaas.pki.signedlist import check_tsl_signer, read_signed_list
from tiaas.pki.tsl import (
    CVC_OID,
    PLACEHOLDER_OID,
    UNUSED_SUPPLY_POINT,
    ServiceStatus,
    ServiceType,
    TrustList,
    TrustService,
    TslError,
)

_USABLE = (ServiceStatus.IN_ACCORD, ServiceStatus.REVOKED, ServiceStatus.EXPIRED)
_NO_TYPE = (PLACEHOLDER_OID, CVC_OID)


class ListRefused(TiaasError):
    """A list is not taken over; `fault` is the row of Tab_PKI_274, None where the table has none."""

    def __init__(self, fault: PkiCode | None, reason: str) -> None:
        super().__init__(f"{fault.number} {fault.name}: {reason}" if fault is not None else reason)
        self.fault = fault
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Anchors:
    """The TI's trust anchor (TSL-Signer-CA) and, if one is announced, the next with the time of its activation.

    The issuers' `ocsp_url` says where the status of a TSL's signer is asked, from the TSL in use (TUC_PKI_001, step 4);
    it is empty as long as no TSL was imported, and so is `since`.
    """

    active: Issuer
    following: Issuer | None = None
    following_from: datetime | None = None

    def activated(self, now: datetime) -> "Anchors":
        """With the next anchor in force, and the old one gone, if its time has come (TUC_PKI_013, step 6)."""
        if self.following is None or self.following_from is None or now < self.following_from:
            return self
        return Anchors(self.following)

    def announced(self, content: TrustList) -> "Anchors":
        """With what a list announces; the last word counts. Raises `ListRefused`: then nothing is announced."""
        try:
            change = content.anchor_change()
        except TslError as error:
            raise ListRefused(PkiCode.of(error.code), error.detail) from None
        if change is None:
            return self
        try:
            certificate = decode_certificate_untrusted(change.certificates[0])
        except BadCertificate:
            raise ListRefused(PkiCode.TSL_SIG_CERT_EXTRACTION_ERROR, "not readable") from None
        if certificate == self.active.certificate:
            return replace(self, following=None, following_from=None)
        if not certificate.not_before <= change.since <= certificate.not_after:
            raise ListRefused(PkiCode.CERTIFICATE_NOT_VALID_TIME, "the announced trust anchor at its activation")
        return replace(
            self, following=Issuer(certificate, _supply_point(change), since=change.since), following_from=change.since
        )

    def located(self, space: TrustSpace) -> "Anchors":
        """With the address and the StatusStartingTime that a TSL names for the anchor in force, if it names them."""
        listed = [issuer for issuer in space.issuers if issuer.certificate == self.active.certificate]
        url = next((issuer.ocsp_url for issuer in listed if issuer.ocsp_url), self.active.ocsp_url)
        since = next((issuer.since for issuer in listed if issuer.since), self.active.since)
        return replace(self, active=Issuer(self.active.certificate, url, since=since))


@dataclass(frozen=True, slots=True)
class ListMark:
    """What orders lists: no list may take the place of one with a higher number."""

    id: str
    sequence_number: int

    @staticmethod
    def of(content: TrustList) -> "ListMark":
        """The mark of a list."""
        return ListMark(content.id, content.sequence_number)


@dataclass(frozen=True, slots=True)
class ReadList:
    """A list whose signature fits, as all may share it: nothing in it can change.

    `digest` is the SHA-256 of its octets, hexadecimal. Of its services `content` has only announced trust anchors: what
    the others say is in `space`, and in `qualified`, the CAs for qualified certificates, those withdrawn with the time
    since when, and in `qualified_signers` who may sign their status.
    """

    digest: str
    content: TrustList
    signer: Certificate
    space: TrustSpace
    qualified: tuple[Issuer, ...]
    qualified_signers: tuple[Certificate, ...]


def read_list(document: bytes) -> ReadList:
    """Reads a list and proves that its signature fits; who signed it is not asked. Raises only `ListRefused`."""
    try:
        signed = read_signed_list(document)
    except TslError as error:
        raise ListRefused(PkiCode.of(error.code), error.detail) from None
    content = signed.content
    return ReadList(
        sha256(document).hexdigest(),
        replace(content, services=tuple(content.of_type(ServiceType.ANCHOR_CHANGE))),
        signed.signer,
        _space(content),
        tuple(_qualified(content)),
        tuple(_certificates(content, ServiceType.QUALIFIED_OCSP, ServiceStatus.GRANTED)),
    )


def check_tsl(read: ReadList, anchors: Anchors, now: datetime) -> None:
    """That the trust anchor vouches for a TSL. Raises only `ListRefused`."""
    try:
        check_tsl_signer(read.signer, (anchors.active.certificate,), now)
    except TslError as error:
        raise ListRefused(PkiCode.of(error.code), error.detail) from None
    except PathError as error:
        code = error.fault.code
        raise ListRefused(None if code is None else PkiCode.of(code), f"signer of the TSL: {error}") from None


def check_bnetza(read: ReadList, signers: Iterable[Certificate], now: datetime) -> None:
    """That the TSL names the signer of a BNetzA-VL, and that it is not out of date. Raises only `ListRefused`."""
    if read.signer.encoded not in {signer.encoded for signer in signers}:
        raise ListRefused(PkiCode.VL_UPDATE_ERROR, "the signer is not in the TSL")
    if read.content.next_update is not None and read.content.next_update < now:
        raise ListRefused(PkiCode.VL_UPDATE_ERROR, "out of date")


def is_newer_tsl(held: ListMark | None, offered: ListMark) -> bool:
    """Whether `offered` takes the place of `held`; False if it is the same. Raises `ListRefused` TSL_ID_INCORRECT."""
    if held is None:
        return True
    if held == offered:
        return False
    if held.id == offered.id or offered.sequence_number <= held.sequence_number:
        raise ListRefused(PkiCode.TSL_ID_INCORRECT, _numbers(held, offered))
    return True


def require_newer_bnetza(held: ListMark | None, offered: ListMark, *, again: bool) -> None:
    """That a BNetzA-VL has a higher number; the same one will do if the list has to be had `again`.

    Ids are not compared: they need not be unique there. Raises `ListRefused` VL_UPDATE_ERROR.
    """
    if held is None or offered.sequence_number > held.sequence_number:
        return
    if offered.sequence_number < held.sequence_number or not again:
        raise ListRefused(PkiCode.VL_UPDATE_ERROR, _numbers(held, offered))


def _numbers(held: ListMark, offered: ListMark) -> str:
    return f"number {offered.sequence_number} after {held.sequence_number}"


def _space(content: TrustList) -> TrustSpace:
    cvcs = tuple(_cvcs(content))
    return TrustSpace(
        issuers=tuple(_issuers(content)),
        cvc_roots=tuple(cvc for cvc in cvcs if cvc.is_root),
        cross_cvcs=tuple(cvc for cvc in cvcs if not cvc.is_root),
        ocsp_signers=tuple(_certificates(content, ServiceType.OCSP)),
        bnetza_signers=tuple(_certificates(content, ServiceType.BNETZA)),
        status_addresses=tuple(_status_addresses(content)),
    )


def _status_addresses(content: TrustList) -> Iterator[tuple[str, str]]:
    """What is no pair of two texts is left out."""
    for service in content.of_type(ServiceType.BNETZA):
        for text in service.information:
            public, _, inside = text.partition(" ")
            if public and inside and " " not in inside:
                yield public, inside


def _issuers(content: TrustList) -> Iterator[Issuer]:
    for service in content.of_type(ServiceType.CA):
        if service.status not in _USABLE:
            continue
        since = service.since if service.status == ServiceStatus.REVOKED else None
        types = frozenset(service.extensions) - frozenset(_NO_TYPE)
        for certificate in _readable(service.certificates):
            yield Issuer(certificate, _supply_point(service), types, since, service.since)


def _qualified(content: TrustList) -> Iterator[Issuer]:
    """gemSpec_PKI TUC_PKI_030, note 7: all but those withdrawn are qualified."""
    for service in content.of_type(ServiceType.QUALIFIED_CA):
        since = service.since if service.status == ServiceStatus.WITHDRAWN else None
        for certificate in _readable(service.certificates):
            yield Issuer(certificate, revoked_since=since)


def _certificates(
    content: TrustList, kind: ServiceType, status: ServiceStatus = ServiceStatus.IN_ACCORD
) -> Iterator[Certificate]:
    for service in content.of_type(kind):
        if service.status == status:
            yield from _readable(service.certificates)


def _cvcs(content: TrustList) -> Iterator[Cvc]:
    for service in content.of_type(ServiceType.CVC_ROOT):
        for raw in service.cvcs if service.status == ServiceStatus.IN_ACCORD else ():
            try:
                yield decode_cvc_untrusted(raw)
            except BadCvc:
                continue


def _readable(certificates: Iterable[bytes]) -> Iterator[Certificate]:
    for der in certificates:
        try:
            yield decode_certificate_untrusted(der)
        except BadCertificate:
            continue


def _supply_point(service: TrustService) -> str:
    return next((point for point in service.supply_points if point != UNUSED_SUPPLY_POINT), "")
