"""SignResponse: where a signature stands in an answer (gemSpec_Kon V5.18 TAB_KON_065; OASIS DSS core 2.5, 3.2).

A signature in its document: the document with it, and a pointer. A signature outside: an empty document with the
attributes of the request's, and the signature itself; an XML signature as an element. S/MIME: the message is the
document, and nothing else.
"""

from tiaas.ades.found import SignatureFormat
from tiaas.base.dataclass import dataclass
from tiaas.interfaces.connector_common_v5_0 import Status
from tiaas.interfaces.dss_core_v1_0 import Base64Data, Base64Signature, SignatureObject, SignaturePtr
from tiaas.interfaces.signature_service_v7_5 import Document, DocumentWithSignature, SignOutputs, SignResponse
from tiaas.konnektor.services.signature.wishes import Wish
from tiaas.soap.simple import WrittenOctets
from tiaas.xmlsec.names import ds


@dataclass(frozen=True, slots=True, repr=False)
class Made:
    """A finished signature: `octets` are the signed document or the signature.

    `xpath` says where an XML signature stands in its document; without, `octets` are a ds:Signature in UTF-8.
    """

    octets: bytes
    xpath: str | None = None


def sign_response(wish: Wish, made: Made, status: Status, *, pdf_outside: bool) -> SignResponse:
    """The answer to one request. `pdf_outside`: a PDF goes where devices put it, into Base64Signature alone."""
    document = wish.request.document
    outputs, signature = _placed(wish, made, document, pdf_outside)
    return SignResponse(
        status=status,
        optional_outputs=None if outputs is None else SignOutputs(document_with_signature=outputs),
        signature_object=signature,
        request_id=wish.request.request_id,
    )


def _placed(
    wish: Wish, made: Made, document: Document, pdf_outside: bool
) -> tuple[DocumentWithSignature | None, SignatureObject | None]:
    match wish.format:
        case SignatureFormat.SMIME:
            return document_with(document, made.octets), None
        case SignatureFormat.PADES if pdf_outside:
            return None, _outside(SignatureFormat.PADES, made.octets)
        case SignatureFormat.PADES:
            return document_with(document, made.octets), _pointer(document, None)
        case SignatureFormat.XADES if made.xpath is None:
            return document_with(document, b""), SignatureObject(signature=WrittenOctets(made.octets, ds("Signature")))
        case SignatureFormat.XADES:
            return document_with(document, made.octets), _pointer(document, made.xpath)
        case _:
            return document_with(document, b""), _outside(SignatureFormat.CADES, made.octets)


def _outside(kind: SignatureFormat, octets: bytes) -> SignatureObject:
    return SignatureObject(base64_signature=Base64Signature(value=octets, type=str(kind)))


def _pointer(document: Document, xpath: str | None) -> SignatureObject:
    return SignatureObject(signature_ptr=SignaturePtr(which_document=document.id, xpath=xpath))


def document_with(document: Document, octets: bytes) -> DocumentWithSignature:
    """A document with the attributes of the request's."""
    data = document.base64_data
    return DocumentWithSignature(
        id=document.id,
        ref_uri=document.ref_uri,
        ref_type=document.ref_type,
        schema_refs=document.schema_refs,
        short_text=document.short_text,
        base64_xml=octets if data is None else None,
        base64_data=None if data is None else Base64Data(data=octets, mime_type=data.mime_type),
    )
