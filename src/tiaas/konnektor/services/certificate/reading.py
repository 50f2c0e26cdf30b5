"""ReadCardCertificate (gemSpec_Kon V5.18 TAB_KON_678, 679, 858).

Without Crypt the RSA certificate is read, on G2.1 cards too. A missing ECC certificate ends the operation with 4258; a
missing RSA certificate gives an entry without X509Data, so that clients of ECC-only cards get the rest.
"""

from cryptography import x509

from tiaas.interfaces.certificate_service_common_v2_0 import (
    CertRef,
    X509Data,
    X509DataInfo,
    X509DataInfoList,
    X509IssuerSerial,
)
from tiaas.interfaces.certificate_service_v6_0 import (
    READ_CARD_CERTIFICATE_ACTION,
    Crypt,
    ReadCardCertificate,
    ReadCardCertificateResponse,
)
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.konnektor.cardcertificates import certificate_file, read_certificate
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.distinguishednames import written_name
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared, require_type
from tiaas.soap.dispatch import Operation, operation


def operations(context: ServiceContext) -> list[Operation]:
    """The operation."""

    async def read_card_certificate(request: ReadCardCertificate, peer: Peer) -> ReadCardCertificateResponse:
        return await _read_card_certificate(context, request, peer)

    return [
        operation(
            ReadCardCertificate,
            ReadCardCertificateResponse,
            read_card_certificate,
            access=declared("ReadCardCertificate"),
            soap_action=READ_CARD_CERTIFICATE_ACTION,
        ),
    ]


async def _read_card_certificate(
    context: ServiceContext, request: ReadCardCertificate, peer: Peer
) -> ReadCardCertificateResponse:
    card = context.cards.find(request.card_handle)
    if card is not None and card.card_type is CardType.EGK:
        raise KonnektorError(4090)
    require_type(context, request.card_handle, HBAX | SM_B)
    # An HBAx without UserId: reading needs no session, so rule R8 instead of R9.
    with_session = card is None or card.card_type not in HBAX or bool(request.context.user_id)
    authorize(
        context,
        peer,
        request.context,
        "ReadCardCertificate",
        card_handle=request.card_handle,
        need_card_session=with_session,
    )
    card = context.cards.get(request.card_handle)
    if with_session:
        card.session(call_context(request.context))
    else:
        card.require_free()
    crypt = request.crypt or Crypt.RSA
    for reference in request.cert_ref_list.cert_ref:
        certificate_file(card, reference.value, crypt.value)
    with link_faults():
        entries = [await _entry(context, card, reference, crypt) for reference in request.cert_ref_list.cert_ref]
    return ReadCardCertificateResponse(status=OK, x509_data_info_list=X509DataInfoList(x509_data_info=tuple(entries)))


async def _entry(context: ServiceContext, card: Card, reference: CertRef, crypt: Crypt) -> X509DataInfo:
    der = await read_certificate(card, reference.value, crypt.value, context.clock)
    if der is None and crypt is Crypt.ECC:
        raise KonnektorError(4258, fill=card.handle, causes=(KonnektorError(4256),))
    return X509DataInfo(cert_ref=reference, x509_data=None if der is None else _x509_data(der))


def _x509_data(der: bytes) -> X509Data:
    certificate = x509.load_der_x509_certificate(der)
    return X509Data(
        x509_issuer_serial=X509IssuerSerial(
            x509_issuer_name=written_name(certificate.issuer),
            x509_serial_number=str(certificate.serial_number),
        ),
        x509_subject_name=written_name(certificate.subject),
        x509_certificate=der,
    )
