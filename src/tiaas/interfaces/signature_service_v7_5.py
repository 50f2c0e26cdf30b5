"""SignatureService 7.5 (SignatureService.xsd 7.5.5 and 7.5.6, WSDL 7.5.5 and 7.5.6).

7.5.6 has the messages of 7.5.5; they differ in what IncludeRevocationInfo does. What is otherwise in 7.4, its module
says.
"""

import enum
import re
from datetime import datetime, timedelta
from typing import Annotated

from tiaas.interfaces.connector_common_v5_0 import CARD_HANDLE, CONN, STATUS, Status, XslStylesheet
from tiaas.interfaces.connector_common_v5_0 import Document as ConnDocument
from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.interfaces.dss_core_v1_0 import (
    DSS,
    SIGNATURE_TYPE,
    AdditionalKeyInfo,
    Base64Data,
    DocumentBase,
    IncludeObject,
    Properties,
    ReturnUpdatedSignature,
    Schemas,
    SignatureObject,
    SignaturePlacement,
    UpdatedSignature,
    UseVerificationTime,
    VerifyManifestResults,
)
from tiaas.interfaces.oasis_signature_policy_v1_0 import SP, GenerateUnderSignaturePolicy
from tiaas.interfaces.oasis_verification_report_v1_0 import VERIFICATION_REPORT, VR, ReturnVerificationReport
from tiaas.soap.mapping import Attribute, Element, Namespace, message
from tiaas.soap.simple import (
    ANY_TYPE,
    BOOLEAN,
    DATE_TIME,
    DURATION,
    IDREF,
    INTEGER,
    STRING,
    TOKEN,
    Enumeration,
    Integer,
    String,
)

SERVICE = "SignatureService"
SIG75 = Namespace("http://ws.gematik.de/conn/SignatureService/v7.5", "SIG")
WSDL_NAMESPACE = "http://ws.gematik.de/conn/SignatureService/WSDL/v7.5"
VERSIONS = ("7.5.5", "7.5.6")

SIGN_DOCUMENT_ACTION = f"{SIG75.uri}#SignDocument"
VERIFY_DOCUMENT_ACTION = f"{SIG75.uri}#VerifyDocument"
STOP_SIGNATURE_ACTION = f"{SIG75.uri}#StopSignature"
GET_JOB_NUMBER_ACTION = f"{SIG75.uri}#GetJobNumber"
ACTIVATE_COMFORT_SIGNATURE_ACTION = f"{SIG75.uri}#ActivateComfortSignature"
DEACTIVATE_COMFORT_SIGNATURE_ACTION = f"{SIG75.uri}#DeactivateComfortSignature"
GET_SIGNATURE_MODE_ACTION = f"{SIG75.uri}#GetSignatureMode"


@enum.unique
class Crypt(enum.StrEnum):
    """Which key of the card."""

    RSA = "RSA"
    ECC = "ECC"
    RSA_ECC = "RSA_ECC"


@enum.unique
class TvMode(enum.StrEnum):
    """Display in a trusted viewer, which a Konnektor no longer has: ignored."""

    NONE = "NONE"
    UNCONFIRMED = "UNCONFIRMED"
    CONFIRMED = "CONFIRMED"


@enum.unique
class SignatureScheme(enum.StrEnum):
    """SignatureSchemes of ExternalAuthenticate."""

    PSS = "RSASSA-PSS"
    PKCS1_V1_5 = "RSASSA-PKCS1-v1_5"


@enum.unique
class HighLevelResult(enum.StrEnum):
    """The verdict on all signatures of a document."""

    VALID = "VALID"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


@enum.unique
class TimestampType(enum.StrEnum):
    """Where the time of a verdict comes from."""

    EMBEDDED = "SIGNATURE_EMBEDDED_TIMESTAMP"
    QUALIFIED = "QUALIFIED_TIMESTAMP"
    USER_DEFINED = "USER_DEFINED_TIMESTAMP"
    SYSTEM = "SYSTEM_TIMESTAMP"


@enum.unique
class SignatureMode(enum.StrEnum):
    """SignatureModeEnum: a PIN for each job or a comfort session."""

    PIN = "PIN"
    COMFORT = "COMFORT"


@enum.unique
class ComfortSignatureStatus(enum.StrEnum):
    """ComfortSignatureStatusEnum."""

    ENABLED = "ENABLED"
    DISABLED = "DISABLED"


JOB_NUMBER = Element(SIG75, "JobNumber", String(base=STRING, pattern=re.compile("[A-Z][A-Z][A-Z]-[0-9][0-9][0-9]")))
INCLUDE_REVOCATION_INFO = Element(SIG75, "IncludeRevocationInfo", BOOLEAN)
SHORT_TEXT_LENGTH = 30
SHORT_TEXT = Element(SIG75, "ShortText", String(base=STRING, max_length=SHORT_TEXT_LENGTH))
REFERENCE_TO_SIGNER_CERTIFICATE = Element(SIG75, "ReferenceToSignerCertificate", BOOLEAN)

_TV_MODE = Element(SIG75, "TvMode", Enumeration(base=STRING, members=TvMode), default=TvMode.UNCONFIRMED.value)
_COUNT_TYPE = Integer(name=SIG75("CountType"), base=INTEGER, minimum=0, maximum=250)
_MODE_TYPE = Enumeration(name=SIG75("SignatureModeEnum"), base=STRING, members=SignatureMode)
_COMFORT_TYPE = Enumeration(name=SIG75("ComfortSignatureStatusEnum"), base=STRING, members=ComfortSignatureStatus)
_SIGNATURE_MODE = Element(SIG75, "SignatureMode", _MODE_TYPE)
_SIGNATURE_OBJECT = Element(DSS, "SignatureObject")
_OPTIONAL_INPUTS = Element(SIG75, "OptionalInputs")
_OPTIONAL_OUTPUTS = Element(SIG75, "OptionalOutputs")
_HIGH_LEVEL_RESULT = Element(SIG75, "HighLevelResult", Enumeration(base=TOKEN, members=HighLevelResult, collapsed=True))
_TIMESTAMP_TYPE = Element(SIG75, "TimestampType", Enumeration(base=TOKEN, members=TimestampType, collapsed=True))
_SIGNATURE_SCHEMES = Enumeration(base=STRING, members=SignatureScheme)


@message(SIG75, root="Document", type_name="DocumentType")
class Document(ConnDocument):
    """A document of a request or an answer; `short_text` names it to people."""

    short_text: Annotated[str | None, Attribute("ShortText", STRING)] = None


@message(SIG75, root="DocumentWithSignature")
class DocumentWithSignature(Document):
    """The document of a request with its signature in it, or empty where the signature stands outside."""


@message(SIG75)
class XslStylesheets:
    """At least one style sheet."""

    stylesheet: Annotated[tuple[XslStylesheet, ...], Element(CONN, "XslStylesheet").occurs(1)]


@message(SIG75, root="ViewerInfo")
class ViewerInfo:
    """How to show a document in a trusted viewer: ignored."""

    xsl_style_sheets: Annotated[XslStylesheets | None, Element(SIG75, "XslStyleSheets")] = None


@message(SIG75)
class IncludeObjects:
    """At least one object."""

    include_object: Annotated[tuple[IncludeObject, ...], Element(DSS, "IncludeObject").occurs(1)]


@message(SIG75, any_order=True)
class SignInputs:
    """OptionalInputs of a SignRequest: type and variant of the signature."""

    signature_type: Annotated[str | None, SIGNATURE_TYPE] = None
    properties: Annotated[Properties | None, Element(DSS, "Properties")] = None
    include_e_content: Annotated[bool | None, Element(SIG75, "IncludeEContent", BOOLEAN)] = None
    include_objects: Annotated[IncludeObjects | None, Element(SIG75, "IncludeObjects")] = None
    signature_placement: Annotated[SignaturePlacement | None, Element(DSS, "SignaturePlacement")] = None
    return_updated_signature: Annotated[ReturnUpdatedSignature | None, Element(DSS, "ReturnUpdatedSignature")] = None
    schemas: Annotated[Schemas | None, Element(DSS, "Schemas")] = None
    policy: Annotated[GenerateUnderSignaturePolicy | None, Element(SP, "GenerateUnderSignaturePolicy")] = None
    viewer_info: Annotated[ViewerInfo | None, Element(SIG75, "ViewerInfo")] = None


@message(SIG75, root="SignRequest")
class SignRequest:
    """One document to sign; `request_id` tells it from the others of a call."""

    optional_inputs: Annotated[SignInputs | None, _OPTIONAL_INPUTS] = None
    document: Annotated[Document, Element(SIG75, "Document")]
    include_revocation_info: Annotated[bool, INCLUDE_REVOCATION_INFO]
    request_id: Annotated[str, Attribute("RequestID", STRING)]


@message(SIG75, root="SignDocument")
class SignDocument:
    """Signs documents with the key of a card. A Konnektor needs the job number that the schema leaves optional."""

    card_handle: Annotated[str, CARD_HANDLE]
    crypt: Annotated[Crypt | None, Element(SIG75, "Crypt", Enumeration(base=STRING, members=Crypt))] = None
    context: Annotated[Context, CONTEXT]
    tv_mode: Annotated[TvMode, _TV_MODE]
    job_number: Annotated[str | None, JOB_NUMBER] = None
    sign_request: Annotated[tuple[SignRequest, ...], Element(SIG75, "SignRequest").occurs(1)]


@message(SIG75)
class SignOutputs:
    """OptionalOutputs of a SignResponse; the report is never filled by us."""

    document_with_signature: Annotated[DocumentWithSignature | None, Element(SIG75, "DocumentWithSignature")] = None
    verification_report: Annotated[str | None, VERIFICATION_REPORT] = None


@message(SIG75, root="SignResponse")
class SignResponse:
    """The signature of one document."""

    status: Annotated[Status, STATUS]
    optional_outputs: Annotated[SignOutputs | None, _OPTIONAL_OUTPUTS] = None
    signature_object: Annotated[SignatureObject | None, _SIGNATURE_OBJECT] = None
    request_id: Annotated[str, Attribute("RequestID", STRING)]


@message(SIG75, root="SignDocumentResponse")
class SignDocumentResponse:
    """The signatures, in the order of the requests."""

    sign_response: Annotated[tuple[SignResponse, ...], Element(SIG75, "SignResponse").occurs(1)]


@message(SIG75, any_order=True)
class VerifyInputs:
    """OptionalInputs of VerifyDocument."""

    verify_manifests: Annotated[str | None, Element(SIG75, "VerifyManifests", ANY_TYPE)] = None
    use_verification_time: Annotated[UseVerificationTime | None, Element(SIG75, "UseVerificationTime")] = None
    additional_key_info: Annotated[AdditionalKeyInfo | None, Element(DSS, "AdditionalKeyInfo")] = None
    return_verification_report: Annotated[ReturnVerificationReport | None, Element(VR, "ReturnVerificationReport")] = (
        None
    )
    schemas: Annotated[Schemas | None, Element(DSS, "Schemas")] = None
    viewer_info: Annotated[ViewerInfo | None, Element(SIG75, "ViewerInfo")] = None


@message(SIG75, root="VerifyDocument")
class VerifyDocument:
    """Asks whether the signatures of a document are good."""

    context: Annotated[Context, CONTEXT]
    tv_mode: Annotated[TvMode | None, _TV_MODE] = None
    optional_inputs: Annotated[VerifyInputs | None, _OPTIONAL_INPUTS] = None
    document: Annotated[Document | None, Element(SIG75, "Document")] = None
    signature_object: Annotated[SignatureObject | None, _SIGNATURE_OBJECT] = None
    include_revocation_info: Annotated[bool, INCLUDE_REVOCATION_INFO]


@message(SIG75, type_name="VerificationResultType")
class VerificationResult:
    """The verdict and the time it holds for."""

    high_level_result: Annotated[HighLevelResult, _HIGH_LEVEL_RESULT]
    timestamp_type: Annotated[TimestampType, _TIMESTAMP_TYPE]
    timestamp: Annotated[datetime, Element(SIG75, "Timestamp", DATE_TIME)]


@message(SIG75)
class VerifyOutputs:
    """OptionalOutputs of VerifyDocumentResponse; the report is XML text (`oasis_verification_report_v1_0`)."""

    verify_manifest_results: Annotated[VerifyManifestResults | None, Element(DSS, "VerifyManifestResults")] = None
    document_with_signature: Annotated[DocumentWithSignature | None, Element(SIG75, "DocumentWithSignature")] = None
    updated_signature: Annotated[UpdatedSignature | None, Element(DSS, "UpdatedSignature")] = None
    verification_report: Annotated[str | None, VERIFICATION_REPORT] = None


@message(SIG75, root="VerifyDocumentResponse")
class VerifyDocumentResponse:
    """The verdict."""

    status: Annotated[Status, STATUS]
    verification_result: Annotated[VerificationResult, Element(SIG75, "VerificationResult")]
    optional_outputs: Annotated[VerifyOutputs | None, _OPTIONAL_OUTPUTS] = None


@message(SIG75, root="GetJobNumber")
class GetJobNumber:
    """Asks for a job number for SignDocument."""

    context: Annotated[Context, CONTEXT]


@message(SIG75, root="GetJobNumberResponse")
class GetJobNumberResponse:
    """The number; there is no status."""

    job_number: Annotated[str, JOB_NUMBER]


@message(SIG75, root="StopSignature")
class StopSignature:
    """Ends the job with this number."""

    context: Annotated[Context, CONTEXT]
    job_number: Annotated[str, JOB_NUMBER]


@message(SIG75, root="StopSignatureResponse")
class StopSignatureResponse:
    """Done."""

    status: Annotated[Status, STATUS]


@message(SIG75, type_name="BinaryDocumentType")
class BinaryDocument(DocumentBase):
    """Octets."""

    base64_data: Annotated[Base64Data, Element(DSS, "Base64Data")]


@message(SIG75, root="BinaryString")
class BinaryString(BinaryDocument):
    """The hash value to sign."""


@message(SIG75, any_order=True)
class AuthenticateInputs:
    """OptionalInputs of ExternalAuthenticate."""

    signature_type: Annotated[str | None, SIGNATURE_TYPE] = None
    signature_schemes: Annotated[SignatureScheme | None, Element(SIG75, "SignatureSchemes", _SIGNATURE_SCHEMES)] = None


@message(SIG75, root="ExternalAuthenticate")
class ExternalAuthenticate:
    """Signs a hash value with an authentication key; served by AuthSignatureService, in the namespace of 7.4 only."""

    card_handle: Annotated[str, CARD_HANDLE]
    context: Annotated[Context, CONTEXT]
    optional_inputs: Annotated[AuthenticateInputs | None, _OPTIONAL_INPUTS] = None
    binary_string: Annotated[BinaryString, Element(SIG75, "BinaryString")]


@message(SIG75, root="ExternalAuthenticateResponse")
class ExternalAuthenticateResponse:
    """The signature."""

    status: Annotated[Status, STATUS]
    signature_object: Annotated[SignatureObject | None, _SIGNATURE_OBJECT] = None


@message(SIG75)
class SignatureValueReference:
    """A signature that was countersigned, by the ID of its report."""

    id_ref: Annotated[str | None, Attribute("IdRef", IDREF)] = None


@message(SIG75, root="CounterSignatureMarker")
class CounterSignatureMarker:
    """In a report: this signature countersigns others."""

    reference: Annotated[tuple[SignatureValueReference, ...], Element(SIG75, "SignatureValueReference").occurs(1)]


@message(SIG75)
class DisplayableAttribute:
    """An attribute as name and value for people."""

    key: Annotated[str, Element(SIG75, "Key", String(base=STRING, max_length=80))]
    value: Annotated[str, Element(SIG75, "Value", String(base=STRING, max_length=8000))]


@message(SIG75, root="DisplayableAttributes")
class DisplayableAttributes:
    """In a report: attributes worth showing."""

    attribute: Annotated[tuple[DisplayableAttribute, ...], Element(SIG75, "DisplayableAttribute").occurs(1)]


@message(SIG75, root="ActivateComfortSignature")
class ActivateComfortSignature:
    """Opens a comfort session with one entry of PIN.QES."""

    card_handle: Annotated[str, CARD_HANDLE]
    context: Annotated[Context, CONTEXT]


@message(SIG75, root="ActivateComfortSignatureResponse")
class ActivateComfortSignatureResponse:
    """The session is open."""

    status: Annotated[Status, STATUS]
    signature_mode: Annotated[SignatureMode, _SIGNATURE_MODE]


@message(SIG75, root="DeactivateComfortSignature")
class DeactivateComfortSignature:
    """Ends all comfort sessions of the cards."""

    card_handle: Annotated[tuple[str, ...], CARD_HANDLE.occurs(1)]


@message(SIG75, root="DeactivateComfortSignatureResponse")
class DeactivateComfortSignatureResponse:
    """Done, or done for some."""

    status: Annotated[Status, STATUS]


@message(SIG75, root="GetSignatureMode")
class GetSignatureMode:
    """Asks for the settings of comfort signatures and for the caller's session."""

    card_handle: Annotated[str, CARD_HANDLE]
    context: Annotated[Context, CONTEXT]


@message(SIG75, root="SessionInfo")
class SessionInfo:
    """A session: signatures and time left."""

    signature_mode: Annotated[SignatureMode, _SIGNATURE_MODE]
    count_remaining: Annotated[int, Element(SIG75, "CountRemaining", _COUNT_TYPE)]
    time_remaining: Annotated[timedelta, Element(SIG75, "TimeRemaining", DURATION)]


@message(SIG75, root="GetSignatureModeResponse")
class GetSignatureModeResponse:
    """Settings and session."""

    status: Annotated[Status, STATUS]
    comfort_signature_status: Annotated[ComfortSignatureStatus, Element(SIG75, "ComfortSignatureStatus", _COMFORT_TYPE)]
    comfort_signature_max: Annotated[int, Element(SIG75, "ComfortSignatureMax", _COUNT_TYPE)]
    comfort_signature_timer: Annotated[timedelta, Element(SIG75, "ComfortSignatureTimer", DURATION)]
    session_info: Annotated[SessionInfo | None, Element(SIG75, "SessionInfo")] = None
