"""DecryptDocument (gemSpec_Kon V5.18 TIP1-A_4622-05, TAB_KON_075, 076).

Base64XML holds an XML document, Base64Data a CMS or an S/MIME message with one; the MIME type is not looked at. The
answer has the same element. Crypt of the request is not either: the document's keys decide.
"""

from tiaas.ades.mime import BadMime, pkcs7_content_untrusted
from tiaas.base.heavy import beside
from tiaas.base.slices import counted
from tiaas.interfaces.connector_common_v5_0 import OK, Document
from tiaas.interfaces.dss_core_v1_0 import Base64Data
from tiaas.interfaces.encryption_service_v6_1 import (
    DECRYPT_DOCUMENT_ACTION,
    DecryptDocument,
    DecryptDocumentResponse,
)
from tiaas.konnektor.documents import DOCUMENT_OCTETS_MAX, check_all_sizes, octets_of
from tiaas.konnektor.errors import KonnektorError, gerror_of
from tiaas.konnektor.hybrid.decrypting import decrypt
from tiaas.konnektor.hybrid.opening import (
    NOT_POSSIBLE,
    CannotRead,
    ClosedDocument,
    is_cms,
    read_cms_untrusted,
    read_xml_untrusted,
)
from tiaas.konnektor.keys import decipherers_of
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, call_context, declared
from tiaas.konnektor.services.encryption.cards import check_key
from tiaas.konnektor.xmldocuments import parse_document, unread_xml
from tiaas.soap.dispatch import Operation, operation


def operations(context: ServiceContext) -> list[Operation]:
    """The operation."""

    async def decrypt_document(request: DecryptDocument, peer: Peer) -> DecryptDocumentResponse:
        return await _decrypt(context, request, peer)

    return [
        operation(
            DecryptDocument,
            DecryptDocumentResponse,
            decrypt_document,
            access=declared("DecryptDocument"),
            soap_action=DECRYPT_DOCUMENT_ACTION,
        )
    ]


async def _decrypt(context: ServiceContext, request: DecryptDocument, peer: Peer) -> DecryptDocumentResponse:
    check_key(context, request.private_key_on_card)
    handle = request.private_key_on_card.card_handle
    authorize(context, peer, request.context, "DecryptDocument", card_handle=handle)
    card = context.cards.get(handle)
    session = card.session(call_context(request.context))
    closed = await beside(len(octets_of(request.document)), _read, request.document)
    decipherers = await decipherers_of(card, session, context.clock)

    def note(error: KonnektorError) -> None:
        gerror_of((error,), context.instance_id, context.clock, context.entropy, context.protocol)

    octets = await decrypt(closed, decipherers, note)
    await beside(len(octets), _check_result, request.document, closed, octets)
    return DecryptDocumentResponse(status=OK, document=_like(request.document, octets), optional_outputs="")


def _read(document: Document) -> ClosedDocument:
    """What is encrypted in a document. Raises 4022, 4024, 4280, 4281, 4103, 4104, 4107."""
    octets = octets_of(document)
    try:
        if document.base64_xml is not None:
            return read_xml_untrusted(octets)
        return read_cms_untrusted(octets if is_cms(octets) else pkcs7_content_untrusted(octets))
    except CannotRead as error:
        raise unread_xml(error.code, error.reason) from None
    except BadMime:
        raise KonnektorError(4107, "neither CMS nor S/MIME") from None


def _check_result(asked: Document, closed: ClosedDocument, octets: bytes) -> None:
    """The decrypted document keeps to gemSpec_Kon 3.1.1, or the operation ends: 4283, 4022, 4024, 4280, 4281.

    Of one that is not proven to be as it was sealed only 4107 is told.
    """
    check_all_sizes([(_size(asked, octets), DOCUMENT_OCTETS_MAX)])
    if asked.base64_xml is None:
        return
    try:
        parse_document(octets)
    except KonnektorError:
        if closed.is_proven:
            raise
        raise KonnektorError(NOT_POSSIBLE) from None


def _size(asked: Document, octets: bytes) -> int:
    """How large the document was when it was handed in: sealing a message has made CR LF of its line ends."""
    is_message = asked.base64_xml is None and not is_cms(octets_of(asked))
    return len(octets) - (counted(octets, b"\r\n") if is_message and len(octets) > DOCUMENT_OCTETS_MAX else 0)


def _like(asked: Document, octets: bytes) -> Document:
    if asked.base64_xml is not None:
        return Document(base64_xml=octets)
    return Document(base64_data=Base64Data(data=octets))
