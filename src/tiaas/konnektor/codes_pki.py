"""Codes of certificate checks as they stand in a trace, before the Konnektor's own (gemSpec_PKI V2.14.1, Tab_PKI_274).

Only what TUC_PKI_018 and TUC_PKI_030 can end with: codes of trust lists stay inside, and some of their numbers mean
something else in the messages of the Fachdienste. The text is the specification's abbreviation.
"""

from tiaas.konnektor.codetypes import Code, CompType, ErrorType, Severity
from tiaas.pki.codes import PkiCode

_OF_CERTIFICATES = (
    PkiCode.WRONG_KEYUSAGE,
    PkiCode.WRONG_EXTENDEDKEYUSAGE,
    PkiCode.CERT_TYPE_MISMATCH,
    PkiCode.CERT_READ_ERROR,
    PkiCode.CERTIFICATE_NOT_VALID_TIME,
    PkiCode.AUTHORITYKEYID_DIFFERENT,
    PkiCode.CERTIFICATE_NOT_VALID_MATH,
    PkiCode.SERVICESUPPLYPOINT_MISSING,
    PkiCode.CA_CERT_MISSING,
    PkiCode.OCSP_CHECK_REVOCATION_FAILED,
    PkiCode.OCSP_CHECK_REVOCATION_ERROR,
    PkiCode.OCSP_CERT_MISSING,
    PkiCode.OCSP_SIGNATURE_ERROR,
    PkiCode.OCSP_NOT_AVAILABLE,
    PkiCode.CERT_TYPE_INFO_MISSING,
    PkiCode.CA_CERTIFICATE_REVOKED_IN_TSL,
    PkiCode.NO_OCSP_CHECK,
    PkiCode.CERTHASH_EXTENSION_MISSING,
    PkiCode.CERTHASH_MISMATCH,
    PkiCode.CERT_UNKNOWN,
    PkiCode.CERT_REVOKED,
    PkiCode.PROVIDED_OCSP_RESPONSE_NOT_VALID,
    PkiCode.OCSP_NONCE_MISMATCH,
    PkiCode.OCSP_STATUS_ERROR,
    PkiCode.CA_CERTIFICATE_NOT_QES_QUALIFIED,
    PkiCode.CERT_TYPE_CA_NOT_AUTHORIZED,
    PkiCode.CA_CERTIFICATE_REVOKED_IN_BNETZA_VL,
)

PKI_CODES: tuple[Code, ...] = tuple(
    Code(row.number, ErrorType(row.error_type), Severity(row.severity), row.name, "Tab_PKI_274", CompType.PKI)
    for row in _OF_CERTIFICATES
)
