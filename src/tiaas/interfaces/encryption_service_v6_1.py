"""EncryptionService 6.1 (EncryptionService.xsd 6.1.1 and 6.1.2, WSDL 6.1.0 and 6.1.1; 6.1.2 adds Crypt)."""

import enum
from typing import Annotated

from tiaas.interfaces.connector_common_v5_0 import CARD_HANDLE, CONN, STATUS, Document, Status
from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.interfaces.dss_core_v1_0 import PropertyList
from tiaas.soap.mapping import Attribute, Element, Namespace, Text, message
from tiaas.soap.simple import ANY_TYPE, ANY_URI, BASE64_BINARY, STRING, TOKEN, Enumeration, String

SERVICE = "EncryptionService"
CRYPT = Namespace("http://ws.gematik.de/conn/EncryptionService/v6.1", "CRYPT")
WSDL_NAMESPACE = "http://ws.gematik.de/conn/EncryptionService/WSDL/v6.1"
VERSIONS = ("6.1.0", "6.1.1")

ENCRYPT_DOCUMENT_ACTION = f"{CRYPT.uri}#EncryptDocument"
# The WSDL has another namespace in this one.
DECRYPT_DOCUMENT_ACTION = "http://ws.gematik.de/conn/crypt/EncryptionService/v6.1#DecryptDocument"

C_ENC = "C.ENC"
"""The default of KeyReference, with an empty element, too."""


@enum.unique
class Crypt(enum.StrEnum):
    """Which of a card's keys."""

    RSA = "RSA"
    ECC = "ECC"
    RSA_ECC = "RSA_ECC"


@enum.unique
class EncryptionType(enum.StrEnum):
    """Format of the encrypted document."""

    XML = "http://www.w3.org/TR/xmlenc-core/"
    CMS = "urn:ietf:rfc:5652"
    SMIME = "urn:ietf:rfc:5751"


@enum.unique
class ElementEncryption(enum.StrEnum):
    """What of an XML element is encrypted (Element/@Type)."""

    ELEMENT = "http://www.w3.org/2001/04/xmlenc#Element"
    CONTENT = "http://www.w3.org/2001/04/xmlenc#Content"


@enum.unique
class CommonStep(enum.StrEnum):
    """CommonStepsEnum: declared by the schema, used by no element; `xsi:type` may name it."""

    ENCRYPT_XML_DATA = "EncryptXMLData"
    DECRYPT_XML_DATA = "DecryptXMLData"


@enum.unique
class StepResult(enum.StrEnum):
    """EncryptionStepResultEnum: declared by the schema, used by no element; `xsi:type` may name it."""

    ERROR = "ERROR"
    OK = "OK"


COMMON_STEPS_ENUM = Enumeration(name=CRYPT("CommonStepsEnum"), base=TOKEN, members=CommonStep, collapsed=True)
STEP_RESULT_ENUM = Enumeration(name=CRYPT("EncryptionStepResultEnum"), base=TOKEN, members=StepResult, collapsed=True)

_DOCUMENT = Element(CONN, "Document")
_KEY_REFERENCE = Element(CRYPT, "KeyReference", String(base=STRING), default=C_ENC)
_CRYPT = Element(CRYPT, "Crypt", Enumeration(base=STRING, members=Crypt))
_ENCRYPTION_TYPE = Element(CRYPT, "EncryptionType", Enumeration(base=ANY_URI, members=EncryptionType, collapsed=True))
_ELEMENT_TYPE = Enumeration(base=STRING, members=ElementEncryption)
_OPTIONAL_OUTPUTS = Element(CRYPT, "OptionalOutputs", ANY_TYPE)


@message(CRYPT, type_name="KeyOnCardType")
class KeyOnCard:
    """A key of a card, or its certificate; `key_reference` None means `C_ENC`."""

    card_handle: Annotated[str, CARD_HANDLE]
    key_reference: Annotated[str | None, _KEY_REFERENCE] = None
    crypt: Annotated[Crypt | None, _CRYPT] = None


@message(CRYPT, root="CertificateOnCard")
class CertificateOnCard(KeyOnCard):
    """The certificate of a card as recipient."""


@message(CRYPT, root="PrivateKeyOnCard")
class PrivateKeyOnCard(KeyOnCard):
    """The private key of a card."""


@message(CRYPT)
class RecipientKeys:
    """Who is to read the document: certificates (DER) given, and that of a card."""

    certificate_on_card: Annotated[CertificateOnCard | None, Element(CRYPT, "CertificateOnCard")] = None
    certificate: Annotated[tuple[bytes, ...], Element(CRYPT, "Certificate", BASE64_BINARY)] = ()


@message(CRYPT, root="Element")
class ElementSelection:
    """An XPath and how its element is to be encrypted; a Konnektor ignores it (TAB_KON_071)."""

    xpath: Annotated[str, Text(STRING)]
    type: Annotated[ElementEncryption, Attribute("Type", _ELEMENT_TYPE)]


@message(CRYPT, root="UnprotectedProperties")
class UnprotectedProperties(PropertyList):
    """Attributes for the unprotected part of a CMS: Property/Value/CMSAttribute with the DER of an attribute."""


@message(CRYPT)
class EncryptOptionalInputs:
    """What may be said about an encryption."""

    encryption_type: Annotated[EncryptionType | None, _ENCRYPTION_TYPE] = None
    element: Annotated[tuple[ElementSelection, ...], Element(CRYPT, "Element")] = ()
    unprotected_properties: Annotated[UnprotectedProperties | None, Element(CRYPT, "UnprotectedProperties")] = None


@message(CRYPT, root="EncryptDocument")
class EncryptDocument:
    """Encrypts a document for recipients."""

    context: Annotated[Context, CONTEXT]
    recipient_keys: Annotated[RecipientKeys, Element(CRYPT, "RecipientKeys")]
    document: Annotated[Document, _DOCUMENT]
    optional_inputs: Annotated[EncryptOptionalInputs | None, Element(CRYPT, "OptionalInputs")] = None


@message(CRYPT, root="EncryptDocumentResponse")
class EncryptDocumentResponse:
    """The encrypted document, after what is empty as yet."""

    status: Annotated[Status, STATUS]
    optional_outputs: Annotated[str | None, _OPTIONAL_OUTPUTS] = None
    document: Annotated[Document | None, _DOCUMENT] = None


@message(CRYPT, root="DecryptDocument")
class DecryptDocument:
    """Decrypts a document with the key of a card; what stands in `optional_inputs` is ignored."""

    context: Annotated[Context, CONTEXT]
    private_key_on_card: Annotated[PrivateKeyOnCard, Element(CRYPT, "PrivateKeyOnCard")]
    document: Annotated[Document, _DOCUMENT]
    optional_inputs: Annotated[str | None, Element(CRYPT, "OptionalInputs", ANY_TYPE)] = None


@message(CRYPT, root="DecryptDocumentResponse")
class DecryptDocumentResponse:
    """The document. The order differs from that of EncryptDocumentResponse."""

    status: Annotated[Status, STATUS]
    document: Annotated[Document | None, _DOCUMENT] = None
    optional_outputs: Annotated[str | None, _OPTIONAL_OUTPUTS] = None
