"""A SignRequest as we understand it: checkArguments of SignDocument and the first steps of TUC_KON_150 and 160
(gemSpec_Kon V5.18 TAB_KON_756, 755, 753)."""

from collections.abc import Mapping, Sequence

from lxml import etree

from tiaas.ades.found import SignatureFormat
from tiaas.ades.xadesvariants import Update
from tiaas.base.dataclass import dataclass
from tiaas.interfaces import dss_core_v1_0 as dss
from tiaas.interfaces.signature_service_v7_5 import SignDocument, SignInputs, SignRequest
from tiaas.konnektor.cmsattributes import attributes_in
from tiaas.konnektor.documents import DocumentFormat, check_sizes, format_of, octets_of
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.services.signature.variants import (
    CMS_FORMATS,
    require_document,
    require_inputs,
    signature_format,
    signature_update,
)

REQUESTS_MAX = 500
"""At least 50 have to be taken (TAB_KON_065); more than this is 4000."""
_NO_INPUTS = SignInputs()


@dataclass(frozen=True, slots=True, repr=False)
class Wish:
    """One signature to be made. `attributes` are CMSAttributes (DER), signed and unsigned; `warnings` are codes.

    `schemas` are octets by target namespace.
    """

    request: SignRequest
    data: bytes
    document_format: DocumentFormat
    format: SignatureFormat
    update: Update | None
    signed_attributes: tuple[bytes, ...]
    unsigned_attributes: tuple[bytes, ...]
    schemas: Mapping[str, bytes]
    warnings: tuple[int, ...]

    @property
    def inputs(self) -> SignInputs:
        """The request's optional inputs."""
        return self.request.optional_inputs or _NO_INPUTS

    @property
    def policy(self) -> str | None:
        """The signature policy to follow."""
        return self.inputs.policy.identifier if self.inputs.policy is not None else None

    @property
    def mime_type(self) -> str | None:
        """The MIME type of the document, None where the caller gave none."""
        data = self.request.document.base64_data
        return "text/xml" if data is None else data.mime_type


def check_arguments(message: SignDocument, *, qes: bool) -> str:
    """Step 1 of TAB_KON_756; the job number. Raises 4000, 4283."""
    requests = message.sign_request
    if message.job_number is None:
        raise KonnektorError(4000, "JobNumber is missing")
    if len(requests) > REQUESTS_MAX:
        raise KonnektorError(4000, f"more than {REQUESTS_MAX} SignRequests")
    if len({request.request_id for request in requests}) != len(requests):
        raise KonnektorError(4000, "a RequestID occurs twice")
    if qes and any(not request.document.short_text for request in requests):
        raise KonnektorError(4000, "ShortText is missing")
    check_sizes([octets_of(request.document) for request in requests])
    return message.job_number


def wish_of(request: SignRequest, *, qes: bool) -> Wish:
    """What is to be made. Raises 4000, 4110, 4111."""
    inputs, document = request.optional_inputs or _NO_INPUTS, request.document
    is_xml = document.base64_xml is not None
    mime_type = document.base64_data.mime_type if document.base64_data is not None else None
    document_format = DocumentFormat.XML if is_xml else format_of(mime_type)
    kind = signature_format(document_format, inputs.signature_type)
    require_inputs(kind, inputs)
    update = signature_update(kind, inputs)
    require_document(document_format, kind, qes=qes)
    warnings = []
    if inputs.signature_placement is not None and kind is not SignatureFormat.XADES:
        warnings.append(4197)
    signed, unsigned = _attributes(inputs.properties)
    if (signed or unsigned) and kind not in CMS_FORMATS:
        signed, unsigned = (), ()
        warnings.append(4273)
    return Wish(
        request=request,
        data=octets_of(document),
        document_format=document_format,
        format=kind,
        update=update,
        signed_attributes=signed,
        unsigned_attributes=unsigned,
        schemas=schemas_of(inputs.schemas),
        warnings=tuple(warnings),
    )


def _attributes(properties: dss.Properties | None) -> tuple[tuple[bytes, ...], tuple[bytes, ...]]:
    if properties is None:
        return (), ()
    return attributes_in(properties.signed_properties), attributes_in(properties.unsigned_properties)


def schemas_of(schemas: dss.Schemas | None) -> Mapping[str, bytes]:
    """The schemas given, by their RefURI, which TAB_KON_065 makes mandatory."""
    return {} if schemas is None else _by_namespace(schemas.schema)


def _by_namespace(schemas: Sequence[dss.Schema]) -> Mapping[str, bytes]:
    found: dict[str, bytes] = {}
    for schema in schemas:
        octets = _schema_octets(schema)
        if not schema.ref_uri or octets is None or schema.ref_uri in found:
            raise KonnektorError(4000, "dss:Schema needs RefURI and content")
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
    inner = next(iter(etree.fromstring(schema.inline_xml)), None)
    return None if inner is None else etree.tostring(inner)
