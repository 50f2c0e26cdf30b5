"""OPD, what a Konnektor reports of its operation (OperatingData.xsd 1.1.2; A_21137).

`SiteType` and everything else of OperatingSiteExtension is the access provider's: a Konnektor never fills it, so there
is no class for it. Neither is there one for the CRL: it is told by a Konnektor that has one towards its VPN gateway.
"""

import enum
from datetime import date, datetime
from typing import Annotated

from tiaas.interfaces.connector_common_v5_0 import CONNECTOR, Connector
from tiaas.interfaces.product_information_v1_1 import PRODUCT_INFORMATION, ProductInformation
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BOOLEAN, DATE, DATE_TIME, POSITIVE_INTEGER, STRING, Enumeration

OPD = Namespace("http://ws.gematik.de/conn/OperatingData/v1.1", "OPD")


@enum.unique
class CautMode(enum.StrEnum):
    """ANCL_CAUT_MODE."""

    CERTIFICATE = "CERTIFICATE"
    PASSWORD = "PASSWORD"


@enum.unique
class TlsCertSource(enum.StrEnum):
    """Where the certificate that Clientsysteme see comes from."""

    SMCK_ORIGINAL = "SMC-K_ORIGINAL"
    SMCK_RENEWED = "SMC-K_RENEWED"
    SELFSIGNED = "SELFSIGNED"
    IMPORTED = "IMPORTED"


@enum.unique
class KeyAlgorithm(enum.StrEnum):
    """Of that certificate's key."""

    RSA = "RSA"
    NIST = "ECC-NIST"
    BRAINPOOL = "ECC-BRAINPOOL"


@enum.unique
class KeyLength(enum.StrEnum):
    """Its length in bits."""

    BITS_256 = "256"
    BITS_384 = "384"
    BITS_2048 = "2048"
    BITS_3072 = "3072"


@message(OPD)
class TlsKeyCrypt:
    """The key of the certificate that Clientsysteme see."""

    algorithm: Annotated[KeyAlgorithm, Element(OPD, "Algorithm", Enumeration(base=STRING, members=KeyAlgorithm))]
    key_length: Annotated[KeyLength, Element(OPD, "KeyLength", Enumeration(base=STRING, members=KeyLength))]


@message(OPD)
class ClientConnectionMode:
    """How Clientsysteme are connected (ANCL_*)."""

    tls_mandatory: Annotated[bool, Element(OPD, "TLSMandatory", BOOLEAN)]
    caut_mandatory: Annotated[bool, Element(OPD, "CAUTMandatory", BOOLEAN)]
    caut_mode: Annotated[CautMode, Element(OPD, "CAUTMode", Enumeration(base=STRING, members=CautMode))]
    dvd_open: Annotated[bool, Element(OPD, "DVDOpen", BOOLEAN)]
    tls_cert_source: Annotated[
        TlsCertSource, Element(OPD, "TlsCertSource", Enumeration(base=STRING, members=TlsCertSource))
    ]
    tls_key_crypt: Annotated[TlsKeyCrypt, Element(OPD, "TlsKeyCrypt")]


@message(OPD)
class UpdateMode:
    """MGM_KSR_AUTODOWNLOAD and MGM_KSR_AUTO_UPDATE."""

    auto_download: Annotated[bool, Element(OPD, "AutoDownload", BOOLEAN)]
    auto_update: Annotated[bool, Element(OPD, "AutoUpdate", BOOLEAN)]


@message(OPD)
class Configuration:
    """How the Konnektor is configured; TIConnectionMode and InternetMode (ANLW_*) are those of a box."""

    client_connection_mode: Annotated[ClientConnectionMode | None, Element(OPD, "ClientConnectionMode")] = None
    update_mode: Annotated[UpdateMode | None, Element(OPD, "UpdateMode")] = None


@message(OPD, type_name="TSL_InfoType")
class TslInfo:
    """The TSL in use."""

    sequence_number: Annotated[int, Element(OPD, "SequenceNumber", POSITIVE_INTEGER)]
    list_issue_date_time: Annotated[datetime, Element(OPD, "ListIssueDateTime", DATE_TIME)]
    next_update: Annotated[datetime, Element(OPD, "NextUpdate", DATE_TIME)]


@message(OPD, type_name="BNetzA_VL_InfoType")
class BnetzaInfo:
    """The BNetzA-VL in use."""

    sequence_number: Annotated[int, Element(OPD, "SequenceNumber", POSITIVE_INTEGER)]
    list_issue_date_time: Annotated[datetime, Element(OPD, "ListIssueDateTime", DATE_TIME)]
    next_update: Annotated[datetime, Element(OPD, "NextUpdate", DATE_TIME)]


@message(OPD)
class TrustStatus:
    """The trust lists in use."""

    tsl: Annotated[TslInfo | None, Element(OPD, "TSL")] = None
    bnetza_vl: Annotated[BnetzaInfo | None, Element(OPD, "BNetzA_VL")] = None


@message(OPD, type_name="CertificateDataType")
class CertificateData:
    """A certificate of a device's card; `iccsn` is that card's, `validity` its last day."""

    iccsn: Annotated[str, Element(OPD, "ICCSN", STRING)]
    subject_common_name: Annotated[str, Element(OPD, "subject_commonName", STRING)]
    serial_number: Annotated[str, Element(OPD, "serialNumber", STRING)]
    validity: Annotated[date, Element(OPD, "validity", DATE)]


@message(OPD)
class CtCertificates:
    """C.SMKT.AUT of one terminal."""

    certificate_data: Annotated[tuple[CertificateData, ...], Element(OPD, "CertificateData").occurs(1)]


@message(OPD)
class CardTerminal:
    """One terminal, without its CtID."""

    product_information: Annotated[ProductInformation, PRODUCT_INFORMATION]
    ct_certificates: Annotated[CtCertificates, Element(OPD, "CtCertificates")]


@message(OPD)
class CardTerminals:
    """The terminals that are paired and in use."""

    card_terminal: Annotated[tuple[CardTerminal, ...], Element(OPD, "CardTerminal")] = ()


@message(OPD)
class OperatingSite:
    """Where a box is: its contract with the VPN-Zugangsdienst, CONTRACT_ID_VPN_ZUGD."""

    contract_id: Annotated[str, Element(OPD, "ContractID", STRING)]


@message(OPD, root="OperatingData")
class OperatingData:
    """All of it; ContractID and the certificates of a gSMC-K are those of a box."""

    operating_site: Annotated[OperatingSite | None, Element(OPD, "OperatingSite")] = None
    product_information: Annotated[ProductInformation, PRODUCT_INFORMATION]
    configuration: Annotated[Configuration | None, Element(OPD, "Configuration")] = None
    connector: Annotated[Connector | None, CONNECTOR] = None
    trust_status: Annotated[TrustStatus | None, Element(OPD, "TrustStatus")] = None
    card_terminals: Annotated[CardTerminals | None, Element(OPD, "CardTerminals")] = None
