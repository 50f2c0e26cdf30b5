"""What makes a downloaded or imported trust list the one in use: the decisions, without I/O.

TSL: TUC_PKI_019 (newer), 011 and 012 (signer, signature), 013 (trust anchor), 001 step 6 (extraction); BNetzA-VL:
TUC_PKI_036 (gemSpec_PKI V2.14.1, chapters 8.1, 8.2, 8.5.2). After schema and signature nothing in a list may keep the
rest of it from being used (TUC_PKI_001, note on robustness): what cannot be read is left out.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from tiaas.base.errors import TiaasError
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.cvc import BadCvc, Cvc, decode_cvc_untrusted
from tiaas.pki.path import PathError
from tiaas.pki.signedlist import SignedList, check_tsl_signer, read_signed_list
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
    it is empty as long as no TSL was imported.
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
        return replace(self, following=Issuer(certificate, _supply_point(change)), following_from=change.since)

    def located(self, space: TrustSpace) -> "Anchors":
        """With the address that a TSL names for the anchor in force, if it names one."""
        listed = (issuer for issuer in space.issuers if issuer.certificate == self.active.certificate)
        url = next((issuer.ocsp_url for issuer in listed if issuer.ocsp_url), self.active.ocsp_url)
        return replace(self, active=Issuer(self.active.certificate, url))


def read_tsl(document: bytes, anchors: Anchors, now: datetime) -> SignedList:
    """A TSL that the trust anchor vouches for. Raises only `ListRefused`."""
    signed = _read(document)
    try:
        check_tsl_signer(signed.signer, (anchors.active.certificate,), now)
    except TslError as error:
        raise ListRefused(PkiCode.of(error.code), error.detail) from None
    except PathError as error:
        code = error.fault.code
        raise ListRefused(None if code is None else PkiCode.of(code), f"signer of the TSL: {error}") from None
    return signed


def read_bnetza(document: bytes, signers: Iterable[Certificate], now: datetime) -> SignedList:
    """A BNetzA-VL whose signer the TSL names, and which is not out of date. Raises only `ListRefused`."""
    signed = _read(document)
    if signed.signer.encoded not in {signer.encoded for signer in signers}:
        raise ListRefused(PkiCode.VL_UPDATE_ERROR, "the signer is not in the TSL")
    if signed.content.next_update is not None and signed.content.next_update < now:
        raise ListRefused(PkiCode.VL_UPDATE_ERROR, "out of date")
    return signed


def is_newer(held: TrustList | None, offered: TrustList) -> bool:
    """Whether `offered` takes the place of `held`; False if it is the same. Raises `ListRefused` TSL_ID_INCORRECT."""
    if held is None:
        return True
    if (held.id, held.sequence_number) == (offered.id, offered.sequence_number):
        return False
    if held.id == offered.id or offered.sequence_number <= held.sequence_number:
        numbers = f"number {offered.sequence_number} after {held.sequence_number}"
        raise ListRefused(PkiCode.TSL_ID_INCORRECT, numbers)
    return True


def space_of(content: TrustList, given: TrustSpace) -> TrustSpace:
    """What a TSL makes trusted. Of `given` only CVC roots and cross certificates stay."""
    cvcs = tuple(_cvcs(content))
    return TrustSpace(
        issuers=tuple(_issuers(content)),
        cvc_roots=_union(given.cvc_roots, (cvc for cvc in cvcs if cvc.is_root)),
        cross_cvcs=_union(given.cross_cvcs, (cvc for cvc in cvcs if not cvc.is_root)),
        ocsp_signers=tuple(_certificates(content, ServiceType.OCSP)),
        bnetza_signers=tuple(_certificates(content, ServiceType.BNETZA)),
    )


def qualified_issuers(content: TrustList) -> tuple[Certificate, ...]:
    """The CAs for qualified certificates that a BNetzA-VL names, whatever their status."""
    services = content.of_type(ServiceType.QUALIFIED_CA)
    return tuple(certificate for service in services for certificate in _readable(service.certificates))


def _read(document: bytes) -> SignedList:
    try:
        return read_signed_list(document)
    except TslError as error:
        raise ListRefused(PkiCode.of(error.code), error.detail) from None


def _issuers(content: TrustList) -> Iterator[Issuer]:
    for service in content.of_type(ServiceType.CA):
        if service.status not in _USABLE:
            continue
        since = service.since if service.status == ServiceStatus.REVOKED else None
        types = frozenset(service.extensions) - frozenset(_NO_TYPE)
        for certificate in _readable(service.certificates):
            yield Issuer(certificate, _supply_point(service), types, since)


def _certificates(content: TrustList, kind: ServiceType) -> Iterator[Certificate]:
    for service in content.of_type(kind):
        if service.status == ServiceStatus.IN_ACCORD:
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


def _union(held: tuple[Cvc, ...], more: Iterable[Cvc]) -> tuple[Cvc, ...]:
    return tuple(dict.fromkeys((*held, *more)))
