"""EncryptDocument (gemSpec_Kon V5.18 TIP1-A_4621-05, TAB_KON_071, 746).

The document is looked at before anybody asks whether the caller may: that is the order of TAB_KON_746. Without Crypt
the RSA certificate of a card is taken. What clients say of the MIME type and of elements is not looked at.
"""

from functools import partial

from tiaas.ades.mime import BadMime, split_untrusted
from tiaas.ades.xmlsplice import NotLocated
from tiaas.base.heavy import beside
from tiaas.interfaces.connector_common_v5_0 import OK, Document
from tiaas.interfaces.dss_core_v1_0 import Base64Data
from tiaas.interfaces.encryption_service_v6_1 import (
    ENCRYPT_DOCUMENT_ACTION,
    Crypt,
    EncryptDocument,
    EncryptDocumentResponse,
    EncryptionType,
)
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cmsattributes import attributes_in
from tiaas.konnektor.documents import check_sizes, octets_of
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.hybrid.recipients import RecipientChecks
from tiaas.konnektor.hybrid.sealing import Seal, seal_cms, seal_smime, seal_xml
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared, warning
from tiaas.konnektor.services.encryption.cards import check_key
from tiaas.konnektor.xmldocuments import parse_document, unread_xml
from tiaas.soap.dispatch import Operation, operation

_IGNORED_ATTRIBUTES = 4273
_SMIME_TYPE = "application/pkcs7-mime"


def operations(context: ServiceContext) -> list[Operation]:
    """The operation."""
    checks = RecipientChecks(context.trust, context.clock, online=context.online_mode.active)

    async def encrypt(request: EncryptDocument, peer: Peer) -> EncryptDocumentResponse:
        return await _encrypt(context, checks, request, peer)

    return [
        operation(
            EncryptDocument,
            EncryptDocumentResponse,
            encrypt,
            access=declared("EncryptDocument"),
            soap_action=ENCRYPT_DOCUMENT_ACTION,
        )
    ]


async def _encrypt(
    context: ServiceContext, checks: RecipientChecks, request: EncryptDocument, peer: Peer
) -> EncryptDocumentResponse:
    keys = request.recipient_keys
    if keys.certificate_on_card is None and not keys.certificate:
        raise KonnektorError(4000, "no recipient")
    if keys.certificate_on_card is not None:
        check_key(context, keys.certificate_on_card)
    kind = _kind(request)
    attributes = _attributes(request, kind)
    octets = len(octets_of(request.document))
    seal = await beside(octets, _checked, request.document, kind, attributes)
    card = _card(context, request, peer)
    crypt = (keys.certificate_on_card and keys.certificate_on_card.crypt) or Crypt.RSA
    chosen = await checks.choose(keys.certificate, card, crypt.value)
    try:
        sealed = await beside(octets, seal, chosen.recipients, context.entropy)
    except NotLocated as error:
        raise unread_xml(error.code, error.reason) from None
    warnings = [] if chosen.warning is None else [chosen.warning]
    if _has_properties(request) and kind is not EncryptionType.CMS:
        warnings.append(KonnektorError(_IGNORED_ATTRIBUTES))
    status = warning(context, *warnings) if warnings else OK
    return EncryptDocumentResponse(status=status, optional_outputs="", document=_sealed(sealed, kind))


def _kind(request: EncryptDocument) -> EncryptionType:
    """The format asked for, or that of the document's element; 4000 if the two do not go together."""
    is_xml = request.document.base64_xml is not None
    inputs = request.optional_inputs
    kind = inputs.encryption_type if inputs is not None else None
    if kind is None:
        return EncryptionType.XML if is_xml else EncryptionType.CMS
    if is_xml is not (kind is EncryptionType.XML):
        raise KonnektorError(4000, "EncryptionType does not fit the document's element")
    return kind


def _attributes(request: EncryptDocument, kind: EncryptionType) -> tuple[bytes, ...]:
    """UnprotectedProperties count for CMS only (TAB_KON_071)."""
    if request.optional_inputs is None or kind is not EncryptionType.CMS:
        return ()
    return attributes_in(request.optional_inputs.unprotected_properties)


def _has_properties(request: EncryptDocument) -> bool:
    return request.optional_inputs is not None and request.optional_inputs.unprotected_properties is not None


def _checked(document: Document, kind: EncryptionType, attributes: tuple[bytes, ...]) -> Seal:
    """checkDocumentFormat: raises 4283, for XML 4022, 4024, 4280, 4281, for S/MIME 4022 if there is no MIME message."""
    octets = octets_of(document)
    check_sizes((octets,))
    if kind is EncryptionType.CMS:
        return lambda recipients, entropy: seal_cms(octets, recipients, attributes, entropy)
    if kind is EncryptionType.SMIME:
        try:
            split_untrusted(octets)
        except BadMime as error:
            raise KonnektorError(4022, str(error)) from None
        return partial(seal_smime, octets)
    return partial(seal_xml, parse_document(octets))


def _card(context: ServiceContext, request: EncryptDocument, peer: Peer) -> Card | None:
    """TUC_KON_000, and with a card TUC_KON_026: without one the call needs no card session."""
    named = request.recipient_keys.certificate_on_card
    handle = None if named is None else named.card_handle
    authorize(
        context,
        peer,
        request.context,
        "EncryptDocument",
        card_handle=handle,
        need_card_session=handle is not None,
    )
    if handle is None:
        return None
    card = context.cards.get(handle)
    card.session(call_context(request.context))
    return card


def _sealed(octets: bytes, kind: EncryptionType) -> Document:
    if kind is EncryptionType.XML:
        return Document(base64_xml=octets)
    mime_type = _SMIME_TYPE if kind is EncryptionType.SMIME else None
    return Document(base64_data=Base64Data(data=octets, mime_type=mime_type))
