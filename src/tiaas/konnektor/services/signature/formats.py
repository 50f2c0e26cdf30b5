"""A wish in the hands of its format: what is to be signed, and the finished signature (gemSpec_Kon V5.18 TUC_KON_155).

Pure and slow for large documents: to be run in a thread.
"""

from datetime import datetime

from tiaas.ades import cades, pades, xades
from tiaas.ades.cades import CadesOptions
from tiaas.ades.found import SignatureFormat
from tiaas.ades.pades import PadesOptions
from tiaas.ades.pdffile import PdfFile
from tiaas.ades.signing import CannotSign, Prepared, SignedBy
from tiaas.ades.smime import PreparedSmime, prepare_smime
from tiaas.ades.xades import PreparedXades, XadesOptions
from tiaas.ades.xadesdocument import XmlDocument
from tiaas.ades.xadesvariants import Placement, Update, Use
from tiaas.base.dataclass import dataclass
from tiaas.interfaces.dss_core_v1_0 import SignaturePlacement
from tiaas.konnektor.documents import Checked
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.services.signature.answers import Made
from tiaas.konnektor.services.signature.wishes import Wish

_IGNORED_ATTRIBUTES = 4273
_NAMING = frozenset({4024, 4110})
"""Codes whose text names the format."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is the same for all documents of a call. `ocsp` is to be embedded where that is asked for before signing."""

    by: SignedBy
    moment: datetime
    qes: bool
    ocsp: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Ready:
    """A wish that waits for its signature values. `warnings` are codes."""

    wish: Wish
    prepared: Prepared
    warnings: tuple[int, ...]


def prepare(wish: Wish, name: str, here: Circumstances, checked: Checked) -> Ready:
    """`checked` is the wish's document, `name` is in the Ids of an XML signature.

    Raises `KonnektorError` with the code of `CannotSign`: 4111, 4205 …
    """
    ignored: tuple[str, ...] = ()
    try:
        match wish.format:
            case SignatureFormat.XADES:
                xml = checked.opened if isinstance(checked.opened, XmlDocument) else wish.data
                prepared: Prepared = xades.prepare(xml, here.by, _xades_options(wish, name, here))
            case SignatureFormat.PADES:
                options = PadesOptions(time=here.moment, reason=wish.request.document.short_text)
                pdf = checked.opened if isinstance(checked.opened, PdfFile) else wish.data
                prepared = pades.prepare(pdf, here.by, options)
            case _:
                prepared = cms = _prepare_cms(wish, here)
                ignored = cms.ignored
    except CannotSign as error:
        raise fault_of(error, wish) from None
    warnings = checked.warnings
    if wish.warnings or ignored:
        more = (_IGNORED_ATTRIBUTES,) if ignored else ()
        warnings = tuple(sorted({*wish.warnings, *warnings, *more}))
    return Ready(wish, prepared, warnings)


def finish(ready: Ready, values: tuple[bytes, ...], ocsp: bytes | None) -> Made:
    """The signature. `ocsp` was fetched after it was made; a request that does not ask for it gets none."""
    wish = ready.wish
    try:
        octets = ready.prepared.finish(values, ocsp if wish.request.include_revocation_info else None)
    except CannotSign as error:
        raise fault_of(error, wish) from None
    if not isinstance(ready.prepared, PreparedXades):
        return Made(octets)
    if wish.inputs.include_objects is not None:
        signature = ready.prepared.enveloping(octets)
        if signature is not None:
            return Made(signature)
    return Made(octets, ready.prepared.xpath(octets))


def _prepare_cms(wish: Wish, here: Circumstances) -> cades.PreparedCades | PreparedSmime:
    options = CadesOptions(
        time=here.moment,
        enveloping=wish.inputs.include_e_content,
        short_text=wish.request.document.short_text,
        # Of what is added to a signature a nonQES does not know whether the type is the document's or the CMS's.
        mime_type=wish.mime_type if wish.update is None or here.qes else None,
        signed_attributes=wish.signed_attributes,
        unsigned_attributes=wish.unsigned_attributes,
        ocsp=_ocsp(wish, here),
    )
    if wish.format is SignatureFormat.SMIME:
        return prepare_smime(wish.data, here.by, options)
    if wish.update is Update.PARALLEL:
        return cades.prepare_parallel(wish.data, None, here.by, options)
    if wish.update is Update.COUNTER:
        return cades.prepare_counter(wish.data, here.by, options)
    return cades.prepare(wish.data, here.by, options)


def _xades_options(wish: Wish, name: str, here: Circumstances) -> XadesOptions:
    document, inputs = wish.request.document, wish.inputs
    return XadesOptions(
        moment=here.moment,
        name=name,
        use=Use.QES if here.qes else Use.NONQES,
        include_object=inputs.include_objects is not None,
        object_id=None if inputs.include_objects is None else inputs.include_objects.include_object[0].obj_id,
        reference=document.ref_uri,
        placement=None if inputs.signature_placement is None else _placement(inputs.signature_placement),
        update=wish.update,
        policy=wish.policy,
        short_text=document.short_text,
        schemas=tuple([xades.Schema(uri, octets) for uri, octets in wish.schemas.items()]) if wish.schemas else (),
        ocsp=_ocsp(wish, here),
    )


def _ocsp(wish: Wish, here: Circumstances) -> bytes | None:
    return here.ocsp if wish.request.include_revocation_info else None


def _placement(place: SignaturePlacement) -> Placement:
    if place.xpath_after is not None:
        return Placement(place.xpath_after, behind=True)
    return Placement(place.xpath_first_child_of or "")


def fault_of(error: CannotSign, wish: Wish) -> KonnektorError:
    """The fault with the code and reason of `error`."""
    return KonnektorError(error.code, error.reason, fill=wish.document_format.value if error.code in _NAMING else "")
