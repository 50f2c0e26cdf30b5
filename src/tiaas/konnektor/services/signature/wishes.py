"""A SignRequest as we understand it: checkArguments of SignDocument and the first steps of TUC_KON_150 and 160
(gemSpec_Kon V5.18 TAB_KON_756, 755, 753)."""

from collections.abc import Mapping, Sequence
from itertools import chain

from lxml import etree

from tiaas.ades.found import SignatureFormat
from tiaas.ades.xadesvariants import Update
from tiaas.base.dataclass import dataclass
from tiaas.interfaces import dss_core_v1_0 as dss
from tiaas.interfaces.signature_service_v7_5 import Document, IncludeObjects, SignDocument, SignInputs, SignRequest
from tiaas.konnektor.cmsattributes import attributes_in
from tiaas.konnektor.documents import (
    DOCUMENT_OCTETS_MAX,
    DocumentFormat,
    check_all_sizes,
    format_of,
    octets_of,
    signed_octets_max,
)
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.services.signature.variants import (
    CMS_FORMATS,
    kind_and_update,
)
from tiaas.soap.parsers import fromstring

REQUESTS_MAX = 500
"""At least 50 have to be taken (TAB_KON_065); more than this is 4000."""
_NO_INPUTS = SignInputs()
_NAMELESS = "dss:Schema needs RefURI and content"
_NO_SCHEMAS: Mapping[str, bytes] = {}


@dataclass(frozen=True, slots=True, repr=False)
class Wish:
    """One signature to be made. `attributes` are CMSAttributes (DER), signed and unsigned; `warnings` are codes.

    `inputs` are the request's optional inputs, `policy` is the signature policy to follow, `mime_type` the document's
    (None where the caller gave none); `schemas` are octets by target namespace.
    """

    request: SignRequest
    inputs: SignInputs
    policy: str | None
    mime_type: str | None
    data: bytes
    document_format: DocumentFormat
    format: SignatureFormat
    update: Update | None
    signed_attributes: tuple[bytes, ...]
    unsigned_attributes: tuple[bytes, ...]
    schemas: Mapping[str, bytes]
    warnings: tuple[int, ...]


def check_arguments(message: SignDocument, *, qes: bool) -> str:
    """Step 1 of TAB_KON_756; the job number. Raises 4000, 4283."""
    requests = message.sign_request
    if message.job_number is None:
        raise KonnektorError(4000, "JobNumber is missing")
    if len(requests) > REQUESTS_MAX:
        raise KonnektorError(4000, f"more than {REQUESTS_MAX} SignRequests")
    if len(requests) > 1 and len({request.request_id for request in requests}) != len(requests):
        raise KonnektorError(4000, "a RequestID occurs twice")
    if qes and any(not request.document.short_text for request in requests):
        raise KonnektorError(4000, "ShortText is missing")
    check_all_sizes(map(_size, requests))
    return message.job_number


def wishes_of(requests: Sequence[SignRequest], qes: bool) -> list[Wish]:
    """The wishes of a call. Raises what `wish_of` raises, and says of which document."""
    wishes: list[Wish] = []
    try:
        for request in requests:
            wishes.append(wish_of(request, qes))
    except KonnektorError as error:
        tell_which(error, len(wishes), len(requests))
        raise
    return wishes


def octets_to_parse(requests: Sequence[SignRequest]) -> int:
    """How much XML of optional inputs `wishes_of` parses: properties and inline schemas."""
    octets = 0
    for request in requests:
        inputs = request.optional_inputs
        if inputs is not None and (inputs.properties is not None or inputs.schemas is not None):
            octets += _octets_in(inputs)
    return octets


def _octets_in(inputs: SignInputs) -> int:
    properties = inputs.properties or dss.Properties()
    lists = (properties.signed_properties, properties.unsigned_properties)
    values = (entry.value or () for found in lists if found is not None for entry in found.property)
    schemas = () if inputs.schemas is None else inputs.schemas.schema
    return sum(map(len, chain.from_iterable(values))) + sum(len(schema.inline_xml or "") for schema in schemas)


def tell_which(error: KonnektorError, before: int, count: int) -> None:
    """Says in the detail on which of `count` documents, after `before` good ones, a stack failed.

    By its place in the call: a RequestID is the caller's text and may be about a person.
    """
    if count > 1:
        place = f"document {before + 1} of {count}"
        error.detail = f"{place}: {error.detail}" if error.detail else place


def _size(request: SignRequest) -> tuple[int, int]:
    """Octets of the document, and how many it may have: more with a signature in it, beside which another one goes."""
    octets, inputs = len(octets_of(request.document)), request.optional_inputs
    if octets <= DOCUMENT_OCTETS_MAX or inputs is None or inputs.return_updated_signature is None:
        return octets, DOCUMENT_OCTETS_MAX
    is_xml = request.document.base64_xml is not None
    return octets, signed_octets_max(SignatureFormat.XADES if is_xml else SignatureFormat.CADES)


def wish_of(request: SignRequest, qes: bool) -> Wish:
    """What is to be made. Raises 4000, 4110, 4111."""
    inputs, document = request.optional_inputs or _NO_INPUTS, request.document
    data, mime_type, document_format = _content(document)
    policy, update = inputs.policy, inputs.return_updated_signature
    kind, wanted_update = kind_and_update(
        document_format,
        inputs.signature_type,
        None if policy is None else policy.identifier,
        # Optional in the schema, mandatory in TAB_KON_065.
        None if update is None else update.type or "",
        e_content=inputs.include_e_content,
        has_objects=inputs.include_objects is not None,
        has_part=bool(document.ref_uri),
        qes=qes,
    )
    warnings = []
    if inputs.signature_placement is not None:
        if kind is SignatureFormat.XADES:
            require_named(inputs.signature_placement.which_document, document)
        else:
            warnings.append(4197)
    if inputs.include_objects is not None:
        _require_whole(inputs.include_objects, document)
    signed, unsigned = ((), ()) if inputs.properties is None else _attributes(inputs.properties)
    if (signed or unsigned) and kind not in CMS_FORMATS:
        signed, unsigned = (), ()
        warnings.append(4273)
    return Wish(
        request=request,
        inputs=inputs,
        policy=None if policy is None else policy.identifier,
        mime_type=mime_type,
        data=data,
        document_format=document_format,
        format=kind,
        update=wanted_update,
        signed_attributes=signed,
        unsigned_attributes=unsigned,
        schemas=_NO_SCHEMAS if inputs.schemas is None else schemas_of(inputs.schemas),
        warnings=tuple(warnings),
    )


def _content(document: Document) -> tuple[bytes, str | None, DocumentFormat]:
    """Octets, MIME type and format of a document."""
    if document.base64_xml is not None:
        return document.base64_xml, "text/xml", DocumentFormat.XML
    if document.base64_data is None:
        return b"", "text/xml", format_of(None)
    return document.base64_data.data, document.base64_data.mime_type, format_of(document.base64_data.mime_type)


def require_named(which: str | None, document: Document) -> None:
    """Raises 4000 for a WhichDocument that is not the document it comes with."""
    if which is not None and which != document.id:
        raise KonnektorError(4000, "WhichDocument does not name the document")


def _require_whole(objects: IncludeObjects, document: Document) -> None:
    """Raises 4000 as above, 4111 for what is not the document as it is, in an Object that is signed (TAB_KON_778)."""
    for wanted in objects.include_object:
        require_named(wanted.which_document, document)
    if len(objects.include_object) > 1:
        raise KonnektorError(4111, "IncludeObject: the document is included once")
    if wanted.has_tags or not wanted.create_reference:
        raise KonnektorError(4111, "IncludeObject: the document is included as it is, with a reference to it")


def _attributes(properties: dss.Properties) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    return attributes_in(properties.signed_properties), attributes_in(properties.unsigned_properties)


def schemas_of(schemas: dss.Schemas | None) -> Mapping[str, bytes]:
    """The schemas given, by their RefURI, which TAB_KON_065 makes mandatory."""
    return {} if schemas is None else _by_namespace(schemas.schema)


def check_names(schemas: dss.Schemas | None) -> None:
    """What is seen of the schemas without reading them: each has a RefURI of its own. Raises 4000."""
    names = [] if schemas is None else [schema.ref_uri for schema in schemas.schema]
    if not all(names) or len(set(names)) < len(names):
        raise KonnektorError(4000, _NAMELESS)


def _by_namespace(schemas: Sequence[dss.Schema]) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for schema in schemas:
        octets = _schema_octets(schema)
        if not schema.ref_uri or octets is None or schema.ref_uri in found:
            raise KonnektorError(4000, _NAMELESS)
        found[schema.ref_uri] = octets
    return found


def _schema_octets(schema: dss.Schema) -> bytes | None:
    if schema.base64_xml is not None:
        return schema.base64_xml
    if schema.base64_data is not None:
        return schema.base64_data.data
    if schema.escaped_xml is not None:
        return schema.escaped_xml.encode()
    if schema.inline_xml is None:
        return None
    inner = next(iter(fromstring(schema.inline_xml)), None)
    return None if inner is None else etree.tostring(inner)
