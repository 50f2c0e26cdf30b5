"""Which type of signature a SignRequest asks for, and whether its inputs go together (gemSpec_Kon V5.18 TAB_KON_583,
TAB_KON_778, TAB_KON_065; TIP1-A_4624, 4628, 5538).

The variants of XML signatures, with their policies, are judged where the document is known: `tiaas.ades.xadesvariants`.
"""

from tiaas.ades.found import SignatureFormat
from tiaas.ades.xadesvariants import POLICIES, Update
from tiaas.interfaces.signature_service_v7_5 import SignInputs
from tiaas.konnektor.documents import QES_FORMATS, DocumentFormat
from tiaas.konnektor.errors import KonnektorError

CMS_FORMATS = frozenset({SignatureFormat.CADES, SignatureFormat.SMIME})
_ALLOWED = {
    kind.value: kind
    for kind in (SignatureFormat.XADES, SignatureFormat.CADES, SignatureFormat.PADES, SignatureFormat.SMIME)
}
_DEFAULTS = {DocumentFormat.XML: SignatureFormat.XADES, DocumentFormat.PDF_A: SignatureFormat.PADES}
"""TAB_KON_583; all others CAdES."""
_SUITABLE = {SignatureFormat.XADES: DocumentFormat.XML, SignatureFormat.PADES: DocumentFormat.PDF_A}
"""The one format of documents that a type is for; CMS takes every octet."""
_UPDATED = frozenset({SignatureFormat.XADES, SignatureFormat.CADES})


def signature_format(document: DocumentFormat, given: str | None) -> SignatureFormat:
    """The type of signature: the one asked for, else the default of the document's format. Raises 4111."""
    if given is None:
        return _DEFAULTS.get(document, SignatureFormat.CADES)
    if given not in _ALLOWED:
        raise KonnektorError(4111)
    return _ALLOWED[given]


def require_document(document: DocumentFormat, kind: SignatureFormat, *, qes: bool) -> None:
    """Raises 4110 for a format of which no such signature is made, 4111 for a type that does not fit it."""
    if qes and document not in QES_FORMATS:
        raise KonnektorError(4110, fill=document.value)
    if _SUITABLE.get(kind, document) is not document or (qes and kind is SignatureFormat.SMIME):
        raise KonnektorError(4111)


def signature_update(kind: SignatureFormat, inputs: SignInputs) -> Update | None:
    """What is to be added to an existing signature, or None for a new one. Raises 4111."""
    wish = inputs.return_updated_signature
    if wish is None:
        return None
    found = next((update for update in Update if update.value == wish.type), None)
    if found is None or kind not in _UPDATED:
        raise KonnektorError(4111)
    return found


def require_inputs(kind: SignatureFormat, inputs: SignInputs) -> None:
    """Raises 4111 for inputs that another type has, and for a policy that is unknown or not for this type."""
    if inputs.include_e_content is not None and kind not in CMS_FORMATS:
        raise KonnektorError(4111)
    is_xml = kind is SignatureFormat.XADES
    if inputs.include_objects is not None and not is_xml:
        raise KonnektorError(4111)
    if inputs.policy is not None and (inputs.policy.identifier not in POLICIES or not is_xml):
        raise KonnektorError(4111)
