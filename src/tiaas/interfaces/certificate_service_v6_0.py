"""CertificateService 6.0 (CertificateService.xsd 6.0.1 and 6.0.2, WSDL 6.0.0 and 6.0.1; 6.0.2 adds Crypt)."""

import enum
from datetime import date, datetime
from typing import Annotated

from tiaas.interfaces.certificate_service_common_v2_0 import (
    CERT_REF_TYPE,
    CERTCMN,
    X509_CERTIFICATE,
    CertRef,
    X509DataInfoList,
)
from tiaas.interfaces.connector_common_v5_0 import CARD_HANDLE, STATUS, Status
from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.interfaces.telematik_error_v2_0 import ERROR, Error
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import DATE, DATE_TIME, STRING, TOKEN, Enumeration, String

SERVICE = "CertificateService"
CERT = Namespace("http://ws.gematik.de/conn/CertificateService/v6.0", "CERT")
WSDL_NAMESPACE = "http://ws.gematik.de/conn/CertificateService/WSDL/v6.0"
VERSIONS = ("6.0.0", "6.0.1")

CHECK_CERTIFICATE_EXPIRATION_ACTION = f"{CERT.uri}#CheckCertificateExpiration"
READ_CARD_CERTIFICATE_ACTION = f"{CERT.uri}#ReadCardCertificate"
VERIFY_CERTIFICATE_ACTION = f"{CERT.uri}#VerifyCertificate"


@enum.unique
class Crypt(enum.StrEnum):
    """CryptType."""

    RSA = "RSA"
    ECC = "ECC"


@enum.unique
class VerificationResult(enum.StrEnum):
    """VerificationResultType."""

    VALID = "VALID"
    INCONCLUSIVE = "INCONCLUSIVE"
    INVALID = "INVALID"


CRYPT_TYPE = Enumeration(name=CERT("CryptType"), base=TOKEN, members=Crypt, collapsed=True)
VERIFICATION_RESULT_TYPE = Enumeration(
    name=CERT("VerificationResultType"), base=TOKEN, members=VerificationResult, collapsed=True
)
_CRYPT = Element(CERT, "Crypt", CRYPT_TYPE)
# In CertRefList the reference has an anonymous restriction of CertRefEnum.
_CERT_REF = Element(CERT, "CertRef", Enumeration(base=CERT_REF_TYPE, members=CertRef, collapsed=True))


@message(CERT, root="CheckCertificateExpiration")
class CheckCertificateExpiration:
    """Asks when a card's certificate ends, or those of all cards of the Mandant."""

    card_handle: Annotated[str | None, CARD_HANDLE] = None
    context: Annotated[Context, CONTEXT]
    crypt: Annotated[Crypt | None, _CRYPT] = None


@message(CERT, type_name="CertificateExpirationType")
class CertificateExpiration:
    """End of one certificate; `serial_number` in decimal."""

    ct_id: Annotated[str, Element(CERT, "CtID", STRING)]
    card_handle: Annotated[str, CARD_HANDLE]
    iccsn: Annotated[str, Element(CERT, "ICCSN", STRING)]
    subject_common_name: Annotated[str, Element(CERT, "subject_commonName", STRING)]
    serial_number: Annotated[str, Element(CERT, "serialNumber", STRING)]
    validity: Annotated[date, Element(CERT, "validity", DATE)]


@message(CERT, root="CheckCertificateExpirationResponse")
class CheckCertificateExpirationResponse:
    """The certificates found."""

    status: Annotated[Status, STATUS]
    certificate_expiration: Annotated[tuple[CertificateExpiration, ...], Element(CERT, "CertificateExpiration")] = ()


@message(CERT)
class CertRefList:
    """At least one reference."""

    cert_ref: Annotated[tuple[CertRef, ...], _CERT_REF.occurs(1)]


@message(CERT, root="ReadCardCertificate")
class ReadCardCertificate:
    """Reads certificates of a card; without `crypt` RSA (gemSpec_Kon TAB_KON_678)."""

    card_handle: Annotated[str, CARD_HANDLE]
    context: Annotated[Context, CONTEXT]
    cert_ref_list: Annotated[CertRefList, Element(CERT, "CertRefList")]
    crypt: Annotated[Crypt | None, _CRYPT] = None


@message(CERT, root="ReadCardCertificateResponse")
class ReadCardCertificateResponse:
    """The certificates, in the order asked."""

    status: Annotated[Status, STATUS]
    x509_data_info_list: Annotated[X509DataInfoList, Element(CERTCMN, "X509DataInfoList")]


@message(CERT, root="VerifyCertificate")
class VerifyCertificate:
    """Asks whether a certificate (DER) is valid, now or at `verification_time`."""

    context: Annotated[Context, CONTEXT]
    x509_certificate: Annotated[bytes, X509_CERTIFICATE]
    verification_time: Annotated[datetime | None, Element(CERT, "VerificationTime", DATE_TIME)] = None


@message(CERT)
class VerificationStatus:
    """The verdict; `error` gives the reasons."""

    verification_result: Annotated[VerificationResult, Element(CERT, "VerificationResult", VERIFICATION_RESULT_TYPE)]
    error: Annotated[Error | None, ERROR] = None


@message(CERT)
class RoleList:
    """OIDs of roles; the schema asks for at least one."""

    role: Annotated[tuple[str, ...], Element(CERT, "Role", String(base=STRING, max_length=100)).occurs(1)]


@message(CERT, root="VerifyCertificateResponse")
class VerifyCertificateResponse:
    """Verdict and roles."""

    status: Annotated[Status, STATUS]
    verification_status: Annotated[VerificationStatus, Element(CERT, "VerificationStatus")]
    role_list: Annotated[RoleList, Element(CERT, "RoleList")]
