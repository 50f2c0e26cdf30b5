"""OASIS DSS-X verification report profile 1.0 (oasis-dssx-1.0-profiles-vr-cd1.xsd), what VerifyDocument answers with.

Messages carry a report as XML text (`VERIFICATION_REPORT`): these classes write it.
"""

from datetime import datetime
from typing import Annotated

from tiaas.interfaces.dss_core_v1_0 import (
    DS,
    DSS,
    InternationalString,
    Result,
    VerificationTimeInfo,
    VerifyManifestResults,
)
from tiaas.soap.mapping import Attribute, Element, Namespace, Text, message
from tiaas.soap.simple import (
    ANY_ELEMENTS,
    ANY_URI,
    BASE64_BINARY,
    BOOLEAN,
    DATE_TIME,
    ID,
    IDREF,
    INTEGER,
    STRING,
    WHOLE_ELEMENT,
)

VR = Namespace("urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:schema#", "vr")
XADES = Namespace("http://uri.etsi.org/01903/v1.3.2#", "XAdES")

ALL_DETAILS = "urn:oasis:names:tc:dss:1.0:profiles:verificationreport:reportdetail:allDetails"
VERIFICATION_REPORT = Element(VR, "VerificationReport", WHOLE_ELEMENT)


def _switch(name: str, default: str) -> Element:
    return Element(VR, name, BOOLEAN, default=default)


@message(VR, root="ReturnVerificationReport")
class ReturnVerificationReport:
    """What a report is to contain."""

    include_verifier: Annotated[bool | None, _switch("IncludeVerifier", "true")] = None
    include_certificate_values: Annotated[bool | None, _switch("IncludeCertificateValues", "false")] = None
    include_revocation_values: Annotated[bool | None, _switch("IncludeRevocationValues", "false")] = None
    expand_binary_values: Annotated[bool | None, _switch("ExpandBinaryValues", "false")] = None
    report_detail_level: Annotated[str | None, Element(VR, "ReportDetailLevel", ANY_URI, default=ALL_DETAILS)] = None


@message(VR, type_name="VerificationResultType")
class Verdict:
    """How one check went, as URIs."""

    result_major: Annotated[str, Element(VR, "ResultMajor", ANY_URI)]
    result_minor: Annotated[str | None, Element(VR, "ResultMinor", ANY_URI)] = None
    result_message: Annotated[InternationalString | None, Element(VR, "ResultMessage")] = None


@message(DS)
class X509IssuerSerial:
    """Issuer and serial number of a certificate (ds:X509IssuerSerialType)."""

    issuer_name: Annotated[str, Element(DS, "X509IssuerName", STRING)]
    serial_number: Annotated[int, Element(DS, "X509SerialNumber", INTEGER)]


@message(VR, type_name="SignedSignaturePropertiesType")
class SignedSignatureProperties:
    """What the signer said about the signature."""

    signing_time: Annotated[datetime | None, Element(XADES, "SigningTime", DATE_TIME)] = None


@message(VR, type_name="SignedPropertiesType")
class SignedProperties:
    """Signed attributes; gematik's own stand in `other`."""

    signed_signature_properties: Annotated[
        SignedSignatureProperties | None, Element(VR, "SignedSignatureProperties")
    ] = None
    other: Annotated[tuple[str, ...] | None, Element(VR, "Other", ANY_ELEMENTS)] = None
    id: Annotated[str | None, Attribute("Id", ID)] = None


@message(VR, type_name="UnsignedPropertiesType")
class UnsignedProperties:
    """Unsigned attributes; gematik's own stand in `other`."""

    other: Annotated[tuple[str, ...] | None, Element(VR, "Other", ANY_ELEMENTS)] = None
    id: Annotated[str | None, Attribute("Id", ID)] = None


@message(VR, type_name="PropertiesType")
class ReportedProperties:
    """Attributes of a signature."""

    signed_properties: Annotated[SignedProperties | None, Element(VR, "SignedProperties")] = None
    unsigned_properties: Annotated[UnsignedProperties | None, Element(VR, "UnsignedProperties")] = None


@message(DS, root="SignatureValue", type_name="SignatureValueType")
class SignatureValue:
    """The value of a signature (ds:SignatureValue), with the name by which counter signatures point at it."""

    value: Annotated[bytes, Text(BASE64_BINARY)]
    id: Annotated[str | None, Attribute("Id", ID)] = None


@message(VR, type_name="SignedObjectIdentifierType")
class SignedObjectIdentifier:
    """Which signature a report is about."""

    signed_properties: Annotated[SignedProperties | None, Element(VR, "SignedProperties")] = None
    signature_value: Annotated[SignatureValue | None, Element(DS, "SignatureValue")] = None
    which_document: Annotated[str | None, Attribute("WhichDocument", IDREF)] = None
    xpath: Annotated[str | None, Attribute("XPath", STRING)] = None


@message(VR, type_name="IndividualReportType")
class IndividualReport:
    """The report on one signature; `details` holds a DetailedSignatureReport."""

    signed_object_identifier: Annotated[SignedObjectIdentifier, Element(VR, "SignedObjectIdentifier")]
    result: Annotated[Result, Element(DSS, "Result")]
    details: Annotated[tuple[str, ...] | None, Element(VR, "Details", ANY_ELEMENTS)] = None


@message(VR, root="VerificationReport", type_name="VerificationReportType")
class VerificationReport:
    """Time and one report for each signature."""

    verification_time_info: Annotated[VerificationTimeInfo | None, Element(DSS, "VerificationTimeInfo")] = None
    individual_report: Annotated[tuple[IndividualReport, ...], Element(VR, "IndividualReport")] = ()


@message(VR, type_name="AlgorithmValidityType")
class AlgorithmValidity:
    """An algorithm and whether it is still good."""

    algorithm: Annotated[str, Element(VR, "Algorithm", ANY_URI)]
    suitability: Annotated[Verdict | None, Element(VR, "Suitability")] = None


@message(VR, type_name="SignatureValidityType")
class SignatureValidity:
    """Mathematics and algorithm of a signature."""

    sig_math_ok: Annotated[Verdict, Element(VR, "SigMathOK")]
    signature_algorithm: Annotated[AlgorithmValidity | None, Element(VR, "SignatureAlgorithm")] = None


@message(XADES)
class ResponderId:
    """Who signed an OCSP response."""

    by_name: Annotated[str, Element(XADES, "ByName", STRING)]


@message(XADES)
class OcspIdentifier:
    """An OCSP response by responder and time."""

    responder_id: Annotated[ResponderId, Element(XADES, "ResponderID")]
    produced_at: Annotated[datetime, Element(XADES, "ProducedAt", DATE_TIME)]


@message(VR, type_name="CertificatePathValidityType")
class CertificatePathValidity:
    """The path of a certificate: verdict, whose certificate, and the single steps."""

    path_validity_summary: Annotated[Verdict, Element(VR, "PathValiditySummary")]
    certificate_identifier: Annotated[X509IssuerSerial, Element(VR, "CertificateIdentifier")]
    path_validity_detail: Annotated["PathValidityDetail | None", Element(VR, "PathValidityDetail")] = None


@message(VR, type_name="OCSPValidityType")
class OcspValidity:
    """An OCSP response and what is to be said about it."""

    ocsp_identifier: Annotated[OcspIdentifier, Element(VR, "OCSPIdentifier")]
    ocsp_value: Annotated[bytes | None, Element(VR, "OCSPValue", BASE64_BINARY)] = None
    signature_ok: Annotated[SignatureValidity, Element(VR, "SignatureOK")]
    certificate_path_validity: Annotated[CertificatePathValidity, Element(VR, "CertificatePathValidity")]


@message(VR)
class RevocationEvidence:
    """What a status was read from."""

    ocsp_validity: Annotated[OcspValidity | None, Element(VR, "OCSPValidity", choice="evidence")] = None


@message(VR)
class RevocationInfo:
    """When and why a certificate was revoked."""

    revocation_date: Annotated[datetime, Element(VR, "RevocationDate", DATE_TIME)]
    revocation_reason: Annotated[Verdict, Element(VR, "RevocationReason")]


@message(VR, type_name="CertificateStatusType")
class CertificateStatus:
    """Whether a certificate was revoked, and where that is known from."""

    cert_status_ok: Annotated[Verdict, Element(VR, "CertStatusOK")]
    revocation_info: Annotated[RevocationInfo | None, Element(VR, "RevocationInfo")] = None
    revocation_evidence: Annotated[RevocationEvidence | None, Element(VR, "RevocationEvidence")] = None


@message(VR, type_name="CertificateValidityType")
class CertificateValidity:
    """One certificate of a path."""

    certificate_identifier: Annotated[X509IssuerSerial, Element(VR, "CertificateIdentifier")]
    subject: Annotated[str, Element(VR, "Subject", STRING)]
    chaining_ok: Annotated[Verdict, Element(VR, "ChainingOK")]
    validity_period_ok: Annotated[Verdict, Element(VR, "ValidityPeriodOK")]
    extensions_ok: Annotated[Verdict, Element(VR, "ExtensionsOK")]
    certificate_value: Annotated[bytes | None, Element(VR, "CertificateValue", BASE64_BINARY)] = None
    signature_ok: Annotated[SignatureValidity, Element(VR, "SignatureOK")]
    certificate_status: Annotated[CertificateStatus, Element(VR, "CertificateStatus")]


@message(VR, type_name="CertificatePathValidityVerificationDetailType")
class PathValidityDetail:
    """The certificates of a path and what it ends in."""

    certificate_validity: Annotated[tuple[CertificateValidity, ...], Element(VR, "CertificateValidity")] = ()
    trust_anchor: Annotated[Verdict, Element(VR, "TrustAnchor")]


@message(VR, root="DetailedSignatureReport", type_name="DetailedSignatureReportType")
class DetailedSignatureReport:
    """Everything about one signature."""

    format_ok: Annotated[Verdict, Element(VR, "FormatOK")]
    properties: Annotated[ReportedProperties | None, Element(VR, "Properties")] = None
    verify_manifest_results: Annotated[VerifyManifestResults | None, Element(DSS, "VerifyManifestResults")] = None
    signature_has_visible_content: Annotated[bool | None, Element(VR, "SignatureHasVisibleContent", BOOLEAN)] = None
    signature_ok: Annotated[SignatureValidity, Element(VR, "SignatureOK")]
    certificate_path_validity: Annotated[CertificatePathValidity, Element(VR, "CertificatePathValidity")]
