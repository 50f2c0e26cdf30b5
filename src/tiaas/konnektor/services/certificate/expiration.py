"""CheckCertificateExpiration (gemSpec_Kon V5.18 TIP1-A_4699-03, TAB_KON_676, 677).

Read literally the operation has no access rule (card handle with allWorkplaces); it is judged like reading a card, or
without a handle like a question for all workplaces. Of a gSMC-KT the certificate that its terminal showed in TLS is
told, because DF.KT is not to be touched (TIP1-A_4559); of the Konnektor its ID.SAK.AUT, with empty CtID and CardHandle.
"""

from collections.abc import Iterator

from tiaas.card.link import CardGone
from tiaas.interfaces.certificate_service_v6_0 import (
    CHECK_CERTIFICATE_EXPIRATION_ACTION,
    CertificateExpiration,
    CheckCertificateExpiration,
    CheckCertificateExpirationResponse,
    Crypt,
)
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.konnektor.cardcertificates import CertificateFacts, facts_of, read_certificate
from tiaas.konnektor.cardmap import AUT
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, declared, warning
from tiaas.soap.dispatch import Operation, operation

_SERVED = HBAX | SM_B | {CardType.SMC_KT}


def operations(context: ServiceContext) -> list[Operation]:
    """The operation."""

    async def check(request: CheckCertificateExpiration, peer: Peer) -> CheckCertificateExpirationResponse:
        return await _check(context, request, peer)

    return [
        operation(
            CheckCertificateExpiration,
            CheckCertificateExpirationResponse,
            check,
            access=declared("CheckCertificateExpiration"),
            soap_action=CHECK_CERTIFICATE_EXPIRATION_ACTION,
        )
    ]


async def _check(
    context: ServiceContext, request: CheckCertificateExpiration, peer: Peer
) -> CheckCertificateExpirationResponse:
    crypt = request.crypt or Crypt.RSA
    handle = request.card_handle or None
    named = context.cards.find(handle) if handle else None
    if named is not None and named.card_type not in _SERVED:
        raise KonnektorError(4058)
    authorize(context, peer, request.context, "CheckCertificateExpiration", card_handle=handle)
    cards = [context.cards.get(handle)] if handle else list(_of_mandant(context, request.context.mandant_id))
    found: list[CertificateExpiration] = [] if handle else list(_device(context))
    without_ecc: list[str] = []
    for card in cards:
        facts = await _facts(context, card, crypt)
        if facts is None and crypt is Crypt.ECC:
            without_ecc.append(card.handle)
        elif facts is None and handle:
            raise KonnektorError(4147)
        elif facts is not None:
            found.append(_entry(card, facts))
    status = warning(context, KonnektorError(4257, fill=",".join(without_ecc))) if without_ecc else OK
    return CheckCertificateExpirationResponse(status=status, certificate_expiration=tuple(found))


async def _facts(context: ServiceContext, card: Card, crypt: Crypt) -> CertificateFacts | None:
    """TUC_KON_033 and 034; a card that goes meanwhile is 4131, one that went afterwards 4146."""
    if card.card_type is CardType.SMC_KT:
        shown = context.terminals.entry(card.ct_id).certificate
        return None if shown is None else facts_of(shown)
    try:
        with link_faults():
            der = await read_certificate(card, AUT, crypt.value, context.clock)
    except KonnektorError as error:
        if isinstance(error.__cause__, CardGone):
            raise KonnektorError(4131) from error
        raise
    if context.cards.find(card.handle) is None:
        raise KonnektorError(4146)
    return None if der is None else facts_of(der)


def _of_mandant(context: ServiceContext, mandant_id: str) -> Iterator[Card]:
    """HBAx, SM-B and gSMC-KT in terminals of the Mandant, of the SM-B only its own (step 3)."""
    model = context.infomodel.current
    for card in list(context.cards):
        if card.card_type not in _SERVED or (mandant_id, card.ct_id) not in model.mandant_terminals:
            continue
        if card.card_type in SM_B and (mandant_id, card.data.iccsn or "") not in model.mandant_smbs:
            continue
        yield card


def _device(context: ServiceContext) -> Iterator[CertificateExpiration]:
    if context.device_certificate is not None:
        facts = facts_of(context.device_certificate)
        yield CertificateExpiration(
            ct_id="",
            card_handle="",
            iccsn="",
            subject_common_name=facts.common_name,
            serial_number=facts.serial_number,
            validity=facts.expires,
        )


def _entry(card: Card, facts: CertificateFacts) -> CertificateExpiration:
    return CertificateExpiration(
        ct_id=card.ct_id,
        card_handle=card.handle,
        iccsn=card.data.iccsn or "",
        subject_common_name=facts.common_name,
        serial_number=facts.serial_number,
        validity=facts.expires,
    )
