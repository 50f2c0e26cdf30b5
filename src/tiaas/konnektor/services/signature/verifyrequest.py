"""What a VerifyDocument hands in: checkArguments, and which format of signature is where (gemSpec_Kon V5.18
TAB_KON_066, TAB_KON_760).

A signature in its document comes as the document, one beside or around it as dss:SignatureObject; a SignaturePtr points
into the document.
"""

from base64 import b64decode
from binascii import Error as BadBase64
from datetime import UTC, datetime

from tiaas.ades.found import SignatureFormat
from tiaas.base.heavy import beside
from tiaas.interfaces import dss_core_v1_0 as dss
from tiaas.interfaces.signature_service_v7_5 import VerifyDocument, VerifyInputs
from tiaas.konnektor.documents import (
    DOCUMENT_OCTETS_MAX,
    DocumentFormat,
    check_all_sizes,
    format_of,
    octets_of,
    signed_octets_max,
)
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.quickwork import QUICK_OCTETS
from tiaas.konnektor.services.signature.wishes import check_names, require_named, schemas_of
from tiaas.konnektor.verification.reading import Material
from tiaas.soap.parsers import fromstring

_X509 = "{http://www.w3.org/2000/09/xmldsig#}X509Certificate"
_CERTIFICATES_MAX = 100
_KEY_INFO_MAX = 2 * 1024 * 1024
"""Octets of a ds:KeyInfo: certificates have a few KiB each. A parser refuses texts of 10 MB."""
_WITH_DOCUMENT = frozenset({SignatureFormat.PADES, SignatureFormat.SMIME})
"""Whatever place they come in."""
_PDF = b"%PDF-"
_PDF_WITHIN = 1024
"""The header may stand behind other octets (ISO 32000-1, annex H, 3.4.1)."""
NO_INPUTS = VerifyInputs()


def check_arguments(message: VerifyDocument) -> None:
    """What is seen without reading what was handed in. Raises 4000, 4253 (no signature), 4283."""
    form, given = _format(message), message.signature_object
    if given is not None and given.signature_ptr is not None and message.document is not None:
        require_named(given.signature_ptr.which_document, message.document)
    most = signed_octets_max(form)
    # A document beside its signature is one like any other, what holds both is larger.
    is_inside = form in _WITH_DOCUMENT or given is None or given.signature_ptr is not None
    document = 0 if message.document is None else len(octets_of(message.document))
    signature = len(_signature(message) or b"")
    check_all_sizes(((document, most if is_inside else DOCUMENT_OCTETS_MAX), (signature, most)))
    check_names((message.optional_inputs or NO_INPUTS).schemas)


async def material_beside(message: VerifyDocument) -> Material:
    """`material_of`, beside the event loop where there is much to read."""
    inputs = message.optional_inputs or NO_INPUTS
    size = 0 if inputs.additional_key_info is None else len(inputs.additional_key_info.key_info)
    if inputs.schemas is not None:
        size += sum(len(schema.inline_xml or "") for schema in inputs.schemas.schema)
    return material_of(message) if size <= QUICK_OCTETS else await beside(size, material_of, message)


def material_of(message: VerifyDocument) -> Material:
    """What is to be verified, of a message whose arguments were checked. Raises 4000."""
    inputs = message.optional_inputs or NO_INPUTS
    described = None if message.document is None else message.document.base64_data
    mime_type = None if described is None else described.mime_type
    is_xml = message.document is not None and described is None
    return Material(
        format=_format(message),
        document=None if message.document is None else octets_of(message.document),
        signature=_signature(message),
        certificates=_certificates(inputs.additional_key_info),
        schemas=schemas_of(inputs.schemas),
        document_format=DocumentFormat.XML if is_xml else format_of(mime_type),
        mime_type=mime_type,
    )


def user_time(message: VerifyDocument, now: datetime) -> datetime | None:
    """Benutzerdefinierter_Zeitpunkt: SpecificTime (without zone: UTC), or `now` for CurrentTime (OASIS DSS 4.5.2)."""
    wanted = (message.optional_inputs or NO_INPUTS).use_verification_time
    if wanted is None:
        return None
    moment = wanted.specific_time
    if moment is None:
        return now
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)


def _format(message: VerifyDocument) -> SignatureFormat:
    given = message.signature_object
    if given is None or given.signature_ptr is not None:
        return _format_inside(message)
    if given.signature is not None:
        return SignatureFormat.XADES
    if given.base64_signature is None:
        raise KonnektorError(4000, "SignatureObject without a signature")
    return _named(given.base64_signature)


def _signature(message: VerifyDocument) -> bytes | None:
    """The signature apart from its document, or None where it is in there."""
    given = message.signature_object
    if given is None or given.signature_ptr is not None:
        return None
    return given.signature_octets if given.base64_signature is None else given.base64_signature.value


def _named(signature: dss.Base64Signature) -> SignatureFormat:
    """The format by Type; without one it is CMS, which most are."""
    if not signature.type:
        return SignatureFormat.CADES
    try:
        return SignatureFormat(signature.type)
    except ValueError:
        raise KonnektorError(4000, "Base64Signature/@Type is not supported") from None


def _format_inside(message: VerifyDocument) -> SignatureFormat:
    """The format of signatures in a document: XML, PDF (known by its first octets, whatever it is called), S/MIME."""
    document = message.document
    if document is None:
        raise KonnektorError(4253)
    if document.base64_xml is not None or document.base64_data is None:
        return SignatureFormat.XADES
    data = document.base64_data
    is_pdf = format_of(data.mime_type) is DocumentFormat.PDF_A or _PDF in data.data[:_PDF_WITHIN]
    return SignatureFormat.PADES if is_pdf else SignatureFormat.SMIME


def _certificates(info: dss.AdditionalKeyInfo | None) -> tuple[bytes, ...]:
    """The certificates of a ds:KeyInfo."""
    if info is None:
        return ()
    if len(info.key_info) > _KEY_INFO_MAX:
        raise KonnektorError(4000, "KeyInfo is too large")
    elements = list(fromstring(info.key_info).iter(_X509))
    if len(elements) > _CERTIFICATES_MAX:
        raise KonnektorError(4000, "too many certificates")
    try:
        return tuple(b64decode("".join((element.text or "").split()), validate=True) for element in elements)
    except (BadBase64, ValueError):
        raise KonnektorError(4000, "X509Certificate is no Base64") from None
