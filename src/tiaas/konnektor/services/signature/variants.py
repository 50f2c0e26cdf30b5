"""Which type of signature a SignRequest asks for, and whether its inputs go together (gemSpec_Kon V5.18 TAB_KON_583,
TAB_KON_778, TAB_KON_065; TIP1-A_4624, 4628, 5538).

The variants of XML signatures, with their policies, are judged where the document is known: `tiaas.ades.xadesvariants`.
"""

from functools import cache

from tiaas.ades.found import SignatureFormat
from tiaas.ades.xadesvariants import POLICIES, Update
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


@cache
def kind_and_update(
    document: DocumentFormat,
    signature_type: str | None,
    policy: str | None,
    update: str | None,
    *,
    e_content: bool | None,
    has_objects: bool,
    has_part: bool,
    qes: bool,
) -> tuple[SignatureFormat, Update | None]:
    """The type of signature, by default that of the document's format; and what is to be added to an existing
    signature, None for a new one.

    `signature_type`, `policy` and `update` are the URIs given, `e_content` is IncludeEContent; `has_part`: RefURI names
    a part of the document. Raises 4111 for those that are unknown, for inputs that
    another type has and for a type that does not fit the document; 4110 for a format that is not signed so.
    """
    # Only what is known gets into the cache, which is therefore bounded.
    if signature_type is not None and signature_type not in _ALLOWED:
        raise KonnektorError(4111)
    kind = _DEFAULTS.get(document, SignatureFormat.CADES) if signature_type is None else _ALLOWED[signature_type]
    _require_inputs(kind, policy, e_content=e_content, has_objects=has_objects)
    if has_part and kind is not SignatureFormat.XADES:
        raise KonnektorError(4111, "RefURI: only XML signatures sign a part")
    wanted = None if update is None else _update(kind, update)
    _require_document(document, kind, qes=qes)
    return kind, wanted


def _require_inputs(kind: SignatureFormat, policy: str | None, *, e_content: bool | None, has_objects: bool) -> None:
    is_xml = kind is SignatureFormat.XADES
    if e_content is not None and kind not in CMS_FORMATS:
        raise KonnektorError(4111)
    if e_content is False and kind is SignatureFormat.SMIME:
        raise KonnektorError(4111, "IncludeEContent: an S/MIME signature contains the message")
    if has_objects and not is_xml:
        raise KonnektorError(4111)
    if policy is not None and (policy not in POLICIES or not is_xml):
        raise KonnektorError(4111)


def _update(kind: SignatureFormat, given: str) -> Update:
    found = next((update for update in Update if update.value == given), None)
    if found is None or kind not in _UPDATED:
        raise KonnektorError(4111)
    return found


def _require_document(document: DocumentFormat, kind: SignatureFormat, *, qes: bool) -> None:
    if qes and document not in QES_FORMATS:
        raise KonnektorError(4110, fill=document.value)
    if _SUITABLE.get(kind, document) is not document or (qes and kind is SignatureFormat.SMIME):
        raise KonnektorError(4111)
