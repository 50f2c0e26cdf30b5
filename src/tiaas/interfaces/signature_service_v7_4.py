"""SignatureService 7.4 (SignatureService.xsd 7.4.2 and 7.4.4, WSDL 7.4.0 and 7.4.2; 7.4.4 adds Crypt).

The messages of 7.5 in the namespace of 7.4. It has no comfort signatures, and SIG:ShortText of a report may be longer.
"""

from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.signature_service_v7_5 import SIG75
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import STRING, String

SERVICE = "SignatureService"
SIG74 = Namespace("http://ws.gematik.de/conn/SignatureService/v7.4", "SIG")
WSDL_NAMESPACE = "http://ws.gematik.de/conn/SignatureService/WSDL/v7.4"
VERSIONS = ("7.4.0", "7.4.2")

SIGN_DOCUMENT_ACTION = f"{SIG74.uri}#SignDocument"
VERIFY_DOCUMENT_ACTION = f"{SIG74.uri}#VerifyDocument"
STOP_SIGNATURE_ACTION = f"{SIG74.uri}#StopSignature"
GET_JOB_NUMBER_ACTION = f"{SIG74.uri}#GetJobNumber"

SHORT_TEXT = Element(SIG74, "ShortText", String(base=STRING, max_length=1000))


@message(SIG74, root="Document", moved_from=SIG75)
class Document(v7_5.Document):
    """See 7.5."""


@message(SIG74, root="DocumentWithSignature", moved_from=SIG75)
class DocumentWithSignature(v7_5.DocumentWithSignature):
    """See 7.5."""


@message(SIG74, root="ViewerInfo", moved_from=SIG75)
class ViewerInfo(v7_5.ViewerInfo):
    """See 7.5."""


@message(SIG74, root="SignRequest", moved_from=SIG75)
class SignRequest(v7_5.SignRequest):
    """See 7.5."""


@message(SIG74, root="SignDocument", moved_from=SIG75)
class SignDocument(v7_5.SignDocument):
    """See 7.5."""


@message(SIG74, root="SignResponse", moved_from=SIG75)
class SignResponse(v7_5.SignResponse):
    """See 7.5."""


@message(SIG74, root="SignDocumentResponse", moved_from=SIG75)
class SignDocumentResponse(v7_5.SignDocumentResponse):
    """See 7.5."""


@message(SIG74, root="VerifyDocument", moved_from=SIG75)
class VerifyDocument(v7_5.VerifyDocument):
    """See 7.5."""


@message(SIG74, root="VerifyDocumentResponse", moved_from=SIG75)
class VerifyDocumentResponse(v7_5.VerifyDocumentResponse):
    """See 7.5."""


@message(SIG74, root="GetJobNumber", moved_from=SIG75)
class GetJobNumber(v7_5.GetJobNumber):
    """See 7.5."""


@message(SIG74, root="GetJobNumberResponse", moved_from=SIG75)
class GetJobNumberResponse(v7_5.GetJobNumberResponse):
    """See 7.5."""


@message(SIG74, root="StopSignature", moved_from=SIG75)
class StopSignature(v7_5.StopSignature):
    """See 7.5."""


@message(SIG74, root="StopSignatureResponse", moved_from=SIG75)
class StopSignatureResponse(v7_5.StopSignatureResponse):
    """See 7.5."""


@message(SIG74, root="BinaryString", moved_from=SIG75)
class BinaryString(v7_5.BinaryString):
    """See 7.5."""


@message(SIG74, root="ExternalAuthenticate", moved_from=SIG75)
class ExternalAuthenticate(v7_5.ExternalAuthenticate):
    """See 7.5."""


@message(SIG74, root="ExternalAuthenticateResponse", moved_from=SIG75)
class ExternalAuthenticateResponse(v7_5.ExternalAuthenticateResponse):
    """See 7.5."""


@message(SIG74, root="CounterSignatureMarker", moved_from=SIG75)
class CounterSignatureMarker(v7_5.CounterSignatureMarker):
    """See 7.5."""


@message(SIG74, root="DisplayableAttributes", moved_from=SIG75)
class DisplayableAttributes(v7_5.DisplayableAttributes):
    """See 7.5."""
