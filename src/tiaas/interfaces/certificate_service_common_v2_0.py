"""CERTCMN, what CertificateService and SignatureService say about certificates (CertificateServiceCommon.xsd 2.0.1)."""

import enum
from typing import Annotated

from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BASE64_BINARY, STRING, TOKEN, Enumeration

CERTCMN = Namespace("http://ws.gematik.de/conn/CertificateServiceCommon/v2.0", "CERTCMN")


@enum.unique
class CertRef(enum.StrEnum):
    """CertRefEnum: which certificate of a card."""

    C_AUT = "C.AUT"
    C_ENC = "C.ENC"
    C_SIG = "C.SIG"
    C_QES = "C.QES"


CERT_REF_TYPE = Enumeration(name=CERTCMN("CertRefEnum"), base=TOKEN, members=CertRef, collapsed=True)
X509_CERTIFICATE = Element(CERTCMN, "X509Certificate", BASE64_BINARY)


@message(CERTCMN)
class X509IssuerSerial:
    """Issuer name in the form of XMLDSig and the serial number in decimal."""

    x509_issuer_name: Annotated[str, Element(CERTCMN, "X509IssuerName", STRING)]
    x509_serial_number: Annotated[str, Element(CERTCMN, "X509SerialNumber", STRING)]


@message(CERTCMN)
class X509Data:
    """A certificate (DER) and the names in it."""

    x509_issuer_serial: Annotated[X509IssuerSerial, Element(CERTCMN, "X509IssuerSerial")]
    x509_subject_name: Annotated[str, Element(CERTCMN, "X509SubjectName", STRING)]
    x509_certificate: Annotated[bytes, X509_CERTIFICATE]


@message(CERTCMN)
class X509DataInfo:
    """What a reference led to; no `x509_data` where the card has no such certificate."""

    cert_ref: Annotated[CertRef, Element(CERTCMN, "CertRef", CERT_REF_TYPE)]
    x509_data: Annotated[X509Data | None, Element(CERTCMN, "X509Data")] = None


@message(CERTCMN, root="X509DataInfoList", type_name="X509DataInfoListType")
class X509DataInfoList:
    """At least one entry."""

    x509_data_info: Annotated[tuple[X509DataInfo, ...], Element(CERTCMN, "X509DataInfo").occurs(1)]
