"""What a Konnektor answers where documents are signed, verified, encrypted, decrypted."""

from datetime import UTC, datetime

from tiaas.interfaces import encryption_service_v6_1 as encryption
from tiaas.interfaces import signature_service_v7_4 as v7_4
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import OK, Document
from tiaas.interfaces.dss_core_v1_0 import Base64Data, Base64Signature, SignatureObject, SignaturePtr

NUMBER = v7_5.GetJobNumberResponse(job_number="ABC-123")
PDF = "http://uri.etsi.org/02778/3"
CMS = "urn:ietf:rfc:5652"
REPORT = """<vr:VerificationReport xmlns:vr="urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:schema#"
 xmlns:dss="urn:oasis:names:tc:dss:1.0:core:schema" xmlns:X="http://uri.etsi.org/01903/v1.3.2#"
 xmlns:SIG="http://ws.gematik.de/conn/SignatureService/v7.5"><vr:IndividualReport><vr:SignedObjectIdentifier>
<vr:SignedProperties><vr:SignedSignatureProperties><X:SigningTime>2026-11-26T08:00:00Z</X:SigningTime>
</vr:SignedSignatureProperties><vr:Other><SIG:ShortText>Befund &lt;b&gt;</SIG:ShortText></vr:Other>
</vr:SignedProperties></vr:SignedObjectIdentifier><dss:Result><dss:ResultMajor>urn:oasis:names:tc:dss:1.0:resultmajor:Success</dss:ResultMajor>
<dss:ResultMinor>urn:oasis:names:tc:dss:1.0:resultminor:invalid:IncorrectSignature</dss:ResultMinor></dss:Result>
<vr:Details><vr:DetailedSignatureReport><vr:FormatOK><vr:ResultMajor>urn:oasis:names:tc:dss:1.0:detail:valid</vr:ResultMajor>
</vr:FormatOK><vr:SignatureOK><vr:SigMathOK>
<vr:ResultMajor>urn:oasis:names:tc:dss:1.0:detail:invalid</vr:ResultMajor></vr:SigMathOK></vr:SignatureOK>
<vr:CertificatePathValidity><vr:PathValidityDetail><vr:CertificateValidity><vr:Subject>CN=Dr. Eva Kunst</vr:Subject>
<vr:ChainingOK><vr:ResultMajor>urn:oasis:names:tc:dss:1.0:detail:valid</vr:ResultMajor></vr:ChainingOK>
</vr:CertificateValidity></vr:PathValidityDetail></vr:CertificatePathValidity></vr:DetailedSignatureReport></vr:Details>
</vr:IndividualReport></vr:VerificationReport>"""


def signed(*responses: v7_5.SignResponse) -> v7_5.SignDocumentResponse:
    """An answer with these."""
    return v7_5.SignDocumentResponse(sign_response=responses)


def outside(index: int, value: bytes, kind: str = CMS) -> v7_5.SignResponse:
    """A signature beside the document, or a PDF where real devices put it."""
    found = SignatureObject(base64_signature=Base64Signature(value=value, type=kind))
    return v7_5.SignResponse(status=OK, signature_object=found, request_id=str(index))


def inside(index: int, document: bytes) -> v7_5.SignResponse:
    """XML with its signature in it."""
    outputs = v7_5.SignOutputs(document_with_signature=v7_5.DocumentWithSignature(id="document0", base64_xml=document))
    pointer = SignatureObject(signature_ptr=SignaturePtr(which_document="document0", xpath="/*/*[1]"))
    return v7_5.SignResponse(status=OK, optional_outputs=outputs, signature_object=pointer, request_id=str(index))


def around(index: int, signature: bytes) -> v7_5.SignResponse:
    """A ds:Signature with the document in it."""
    octets = signature.replace(b"<Signature", b'<Signature xmlns="http://www.w3.org/2000/09/xmldsig#"')
    return v7_5.SignResponse(status=OK, signature_object=SignatureObject(signature=octets), request_id=str(index))


def verified(result: v7_5.HighLevelResult, report: str | None = REPORT) -> v7_5.VerifyDocumentResponse:
    """A verdict."""
    found = v7_5.VerificationResult(
        high_level_result=result,
        timestamp_type=v7_5.TimestampType.EMBEDDED,
        timestamp=datetime(2026, 11, 26, 8, tzinfo=UTC),
    )
    outputs = None if report is None else v7_5.VerifyOutputs(verification_report=report)
    return v7_5.VerifyDocumentResponse(status=OK, verification_result=found, optional_outputs=outputs)


def authenticated(value: bytes) -> v7_4.ExternalAuthenticateResponse:
    """A signed hash value."""
    return v7_4.ExternalAuthenticateResponse(
        status=OK, signature_object=SignatureObject(base64_signature=Base64Signature(value=value))
    )


def encrypted(content: bytes) -> encryption.EncryptDocumentResponse:
    """An encrypted document."""
    return encryption.EncryptDocumentResponse(status=OK, document=Document(base64_data=Base64Data(data=content)))


def decrypted(content: bytes) -> encryption.DecryptDocumentResponse:
    """A decrypted document."""
    return encryption.DecryptDocumentResponse(status=OK, document=Document(base64_xml=content))
