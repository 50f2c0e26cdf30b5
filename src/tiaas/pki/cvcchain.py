"""Checks a card's CV certificate up to a trusted root: TUC_KON_042 (gemSpec_Kon V5.18, TIP1-A_5482-01).

Signatures of both certificates, that issuer and holder fit each other (gemSpec_PKI V2.14.1, Tab_PKI_908), and the
dates of all three by the shell model (Tab_PKI_909: each certificate is valid today). There is no revocation.
"""

from collections.abc import Iterable
from datetime import date
from enum import StrEnum, unique

from tiaas.base.errors import TiaasError
from tiaas.pki.cvc import FLAGS_TI, Cvc, CvcSignatureWrong, has_flag, verify_cvc
from tiaas.pki.profession import AccessProfile


@unique
class CvcFault(StrEnum):
    """What is wrong with a chain, in the order of the checks."""

    ROOT_UNKNOWN = "no trusted root has the key that issued the CA certificate"
    CA_SIGNATURE = "signature of the CA certificate"
    CARD_SIGNATURE = "signature of the end-entity certificate"
    ISSUER_MISMATCH = "CAR or CHAT of the end-entity certificate does not fit the CA certificate"
    NOT_A_ROOT = "the trusted certificate does not belong to a root"
    NOT_A_CA = "the CA certificate must not issue card certificates"
    NOT_A_CARD = "the end-entity certificate belongs to a CA"
    NOT_YET_VALID = "a certificate of the chain is not valid yet"
    EXPIRED = "a certificate of the chain has expired"
    WRONG_PROFILE = "the end-entity certificate has other rights than its purpose has"


class CvcChainError(TiaasError):
    """The chain is not valid; `fault` says why. TUC_KON_042 reports 4228 for ROOT_UNKNOWN, else 4196."""

    def __init__(self, fault: CvcFault) -> None:
        super().__init__(fault.value)
        self.fault = fault


def check_cvc_chain(end_entity: Cvc, ca: Cvc, roots: Iterable[Cvc], today: date) -> None:
    """Checks `end_entity` with its `ca` up to one of the trusted `roots` on the day `today` (UTC).

    `roots` are self-signed roots, or cross certificates checked before, found by their CHR. Raises `CvcChainError`.
    """
    root = next((candidate for candidate in roots if candidate.chr == ca.car), None)
    if root is None:
        raise CvcChainError(CvcFault.ROOT_UNKNOWN)
    _check_signature(ca, root, CvcFault.CA_SIGNATURE)
    _check_signature(end_entity, ca, CvcFault.CARD_SIGNATURE)
    _check_fit(end_entity, ca, root)
    _check_dates((end_entity, ca, root), today)


def check_profile(end_entity: Cvc, profile: AccessProfile) -> None:
    """Checks that `end_entity` has exactly the rights of `profile`, in the flag list of the Telematikinfrastruktur.

    A chain that holds says only that some card of the infrastructure has the key. Raises `CvcChainError`.
    """
    if end_entity.flag_oid != FLAGS_TI or end_entity.flags != profile.flags:
        raise CvcChainError(CvcFault.WRONG_PROFILE)


def _check_signature(cvc: Cvc, issuer: Cvc, fault: CvcFault) -> None:
    try:
        verify_cvc(cvc, issuer.key())
    except CvcSignatureWrong:
        raise CvcChainError(fault) from None


def _check_fit(end_entity: Cvc, ca: Cvc, root: Cvc) -> None:
    if end_entity.car != ca.chr or not end_entity.flag_oid == ca.flag_oid == root.flag_oid:
        raise CvcChainError(CvcFault.ISSUER_MISMATCH)
    # b0 b1 = 11: root; 10: sub-CA; 00: card (gemSpec_PKI 6.4.6).
    if not root.is_ca or not has_flag(root.flags, 1):
        raise CvcChainError(CvcFault.NOT_A_ROOT)
    if not ca.is_ca or has_flag(ca.flags, 1) or len(end_entity.chr) == len(ca.chr):
        raise CvcChainError(CvcFault.NOT_A_CA)
    if end_entity.is_ca:
        raise CvcChainError(CvcFault.NOT_A_CARD)


def _check_dates(chain: tuple[Cvc, ...], today: date) -> None:
    if any(today < cvc.ced for cvc in chain):
        raise CvcChainError(CvcFault.NOT_YET_VALID)
    if any(today > cvc.cxd for cvc in chain):
        raise CvcChainError(CvcFault.EXPIRED)
