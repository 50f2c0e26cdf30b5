"""OASIS DSS Core 1.0 (oasis-dss-core-schema-v1.0-os.xsd), as far as gematik's interfaces use it.

Content of other specifications (key information, dss:AnyType) is kept as XML text and not judged; an XML signature is
kept octet by octet.
"""

from datetime import datetime
from typing import Annotated

from tiaas.soap.declare import XML_LANG
from tiaas.soap.mapping import Attribute, Element, Namespace, Text, message
from tiaas.soap.simple import (
    ANY_ELEMENTS,
    ANY_TYPE,
    ANY_URI,
    BASE64_BINARY,
    BOOLEAN,
    DATE_TIME,
    ID,
    IDREF,
    IDREFS,
    SIGNED_ELEMENT,
    STRING,
    WHOLE_ELEMENT,
    WrittenOctets,
)

DSS = Namespace("urn:oasis:names:tc:dss:1.0:core:schema", "dss")
DS = Namespace("http://www.w3.org/2000/09/xmldsig#", "ds")

_DOCUMENT = "Base64XML or Base64Data"
_WHICH_DOCUMENT = Attribute("WhichDocument", IDREF)
_SCHEMA_REFS = Attribute("SchemaRefs", IDREFS)

SIGNATURE_TYPE = Element(DSS, "SignatureType", ANY_URI)


@message(DSS, root="Base64Data")
class Base64Data:
    """Octets with their MIME type; none means binary."""

    data: Annotated[bytes, Text(BASE64_BINARY)]
    mime_type: Annotated[str | None, Attribute("MimeType", STRING)] = None


@message(DSS, type_name="DocumentBaseType")
class DocumentBase:
    """What every document may have: a name in the message, and the part of it that is meant."""

    id: Annotated[str | None, Attribute("ID", ID)] = None
    ref_uri: Annotated[str | None, Attribute("RefURI", ANY_URI)] = None
    ref_type: Annotated[str | None, Attribute("RefType", ANY_URI)] = None
    schema_refs: Annotated[str | None, _SCHEMA_REFS] = None


@message(DSS, root="Document", type_name="DocumentType")
class Document(DocumentBase):
    """A document in one of five forms."""

    inline_xml: Annotated[str | None, Element(DSS, "InlineXML", WHOLE_ELEMENT, choice=_DOCUMENT)] = None
    base64_xml: Annotated[bytes | None, Element(DSS, "Base64XML", BASE64_BINARY, choice=_DOCUMENT)] = None
    escaped_xml: Annotated[str | None, Element(DSS, "EscapedXML", STRING, choice=_DOCUMENT)] = None
    base64_data: Annotated[Base64Data | None, Element(DSS, "Base64Data", choice=_DOCUMENT)] = None
    attachment: Annotated[str | None, Element(DSS, "AttachmentReference", WHOLE_ELEMENT, choice=_DOCUMENT)] = None


@message(DSS, root="Schema")
class Schema(Document):
    """An XML schema; RefURI is its target namespace."""


@message(DSS, root="Schemas", type_name="SchemasType")
class Schemas:
    """At least one schema."""

    schema: Annotated[tuple[Schema, ...], Element(DSS, "Schema").occurs(1)]


@message(DSS, root="Base64Signature")
class Base64Signature:
    """A signature that is not XML; `type` says which."""

    value: Annotated[bytes, Text(BASE64_BINARY)]
    type: Annotated[str | None, Attribute("Type", ANY_URI)] = None


@message(DSS, root="SignaturePtr")
class SignaturePtr:
    """Where a signature is: `which_document` names the document by its ID."""

    which_document: Annotated[str | None, _WHICH_DOCUMENT] = None
    xpath: Annotated[str | None, Attribute("XPath", STRING)] = None


_SIGNATURE = "a signature"


@message(DSS, root="SignatureObject")
class SignatureObject:
    """A signature in one of five forms; `signature` is a ds:Signature."""

    signature: Annotated[bytes | WrittenOctets | None, Element(DS, "Signature", SIGNED_ELEMENT, choice=_SIGNATURE)] = (
        None
    )
    timestamp: Annotated[str | None, Element(DSS, "Timestamp", WHOLE_ELEMENT, choice=_SIGNATURE)] = None
    base64_signature: Annotated[Base64Signature | None, Element(DSS, "Base64Signature", choice=_SIGNATURE)] = None
    signature_ptr: Annotated[SignaturePtr | None, Element(DSS, "SignaturePtr", choice=_SIGNATURE)] = None
    other: Annotated[tuple[str, ...] | None, Element(DSS, "Other", ANY_ELEMENTS, choice=_SIGNATURE)] = None
    schema_refs: Annotated[str | None, _SCHEMA_REFS] = None

    @property
    def signature_octets(self) -> bytes | None:
        """The ds:Signature in UTF-8."""
        return self.signature.octets if isinstance(self.signature, WrittenOctets) else self.signature


@message(DSS, root="Property")
class Property:
    """One property; gematik puts a CMSAttribute into the value."""

    identifier: Annotated[str, Element(DSS, "Identifier", ANY_URI)]
    value: Annotated[tuple[str, ...] | None, Element(DSS, "Value", ANY_ELEMENTS)] = None


@message(DSS, type_name="PropertiesType")
class PropertyList:
    """At least one property."""

    property: Annotated[tuple[Property, ...], Element(DSS, "Property").occurs(1)]


@message(DSS, root="Properties")
class Properties:
    """Attributes for a signature."""

    signed_properties: Annotated[PropertyList | None, Element(DSS, "SignedProperties")] = None
    unsigned_properties: Annotated[PropertyList | None, Element(DSS, "UnsignedProperties")] = None


@message(DSS, root="IncludeObject")
class IncludeObject:
    """A document that goes into the signature as ds:Object."""

    which_document: Annotated[str | None, _WHICH_DOCUMENT] = None
    has_tags: Annotated[bool, Attribute("hasObjectTagsAndAttributesSet", BOOLEAN)] = False
    obj_id: Annotated[str | None, Attribute("ObjId", STRING)] = None
    create_reference: Annotated[bool, Attribute("createReference", BOOLEAN)] = True


_PLACE = "a place"


@message(DSS, root="SignaturePlacement")
class SignaturePlacement:
    """Where in a document the signature goes."""

    xpath_after: Annotated[str | None, Element(DSS, "XPathAfter", STRING, choice=_PLACE)] = None
    xpath_first_child_of: Annotated[str | None, Element(DSS, "XPathFirstChildOf", STRING, choice=_PLACE)] = None
    which_document: Annotated[str | None, _WHICH_DOCUMENT] = None
    enveloped: Annotated[bool, Attribute("CreateEnvelopedSignature", BOOLEAN)] = True


@message(DSS, root="ReturnUpdatedSignature")
class ReturnUpdatedSignature:
    """Asks for a signature that is added to an existing one."""

    type: Annotated[str | None, Attribute("Type", ANY_URI)] = None


@message(DSS, root="UpdatedSignature", type_name="UpdatedSignatureType")
class UpdatedSignature:
    """A signature with something added."""

    signature_object: Annotated[SignatureObject, Element(DSS, "SignatureObject")]
    type: Annotated[str | None, Attribute("Type", ANY_URI)] = None


@message(DSS, root="ManifestResult")
class ManifestResult:
    """What became of one reference of a manifest."""

    reference_xpath: Annotated[str, Element(DSS, "ReferenceXpath", STRING)]
    status: Annotated[str, Element(DSS, "Status", ANY_URI)]


@message(DSS, root="VerifyManifestResults", type_name="VerifyManifestResultsType")
class VerifyManifestResults:
    """At least one result."""

    manifest_result: Annotated[tuple[ManifestResult, ...], Element(DSS, "ManifestResult").occurs(1)]


_TIME = "CurrentTime or SpecificTime"


@message(DSS, type_name="UseVerificationTimeType")
class UseVerificationTime:
    """The time to verify for. A time in another namespace's element is refused."""

    current_time: Annotated[str | None, Element(DSS, "CurrentTime", ANY_TYPE, choice=_TIME)] = None
    specific_time: Annotated[datetime | None, Element(DSS, "SpecificTime", DATE_TIME, choice=_TIME)] = None


@message(DSS, root="AdditionalKeyInfo")
class AdditionalKeyInfo:
    """Certificates a signature does not bring, in a ds:KeyInfo."""

    key_info: Annotated[str, Element(DS, "KeyInfo", WHOLE_ELEMENT)]


@message(DSS, type_name="InternationalStringType")
class InternationalString:
    """A text and its language."""

    text: Annotated[str, Text(STRING)]
    language: Annotated[str, XML_LANG]


@message(DSS, root="Result")
class Result:
    """How something went, as URIs."""

    result_major: Annotated[str, Element(DSS, "ResultMajor", ANY_URI)]
    result_minor: Annotated[str | None, Element(DSS, "ResultMinor", ANY_URI)] = None
    result_message: Annotated[InternationalString | None, Element(DSS, "ResultMessage")] = None


@message(DSS, root="AdditionalTimeInfo", type_name="AdditionalTimeInfoType")
class AdditionalTimeInfo:
    """A further time; `type` says what it is."""

    time: Annotated[datetime, Text(DATE_TIME)]
    type: Annotated[str, Attribute("Type", ANY_URI)]
    ref: Annotated[str | None, Attribute("Ref", STRING)] = None


@message(DSS, root="VerificationTimeInfo", type_name="VerificationTimeInfoType")
class VerificationTimeInfo:
    """The time a verdict is about."""

    verification_time: Annotated[datetime, Element(DSS, "VerificationTime", DATE_TIME)]
    additional_time_info: Annotated[tuple[AdditionalTimeInfo, ...], Element(DSS, "AdditionalTimeInfo")] = ()
