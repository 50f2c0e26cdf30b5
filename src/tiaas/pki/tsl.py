"""Trust lists as values: the TSL of the TI and the Bundesnetzagentur's list (ETSI TS 102 231 V3.1.2, annex B).

What the TI demands of its list beyond ETSI is in gemSpec_TSL V1.19.2, chapter 7, what a reader does with it in
gemSpec_PKI V2.14.1, chapter 8. `tslreader` reads lists, `signedlist` checks their signatures. Certificates are unread:
one that nobody can read must not keep the rest of a list from being used (TUC_PKI_001, note on robustness).
"""

from collections.abc import Iterator
from datetime import datetime
from enum import Enum, StrEnum, unique

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

NAMESPACE = "http://uri.etsi.org/02231/v2#"

PRIMARY_LOCATION, BACKUP_LOCATION = "1.2.276.0.76.4.120", "1.2.276.0.76.4.121"
"""oid_tsl_p_loc and oid_tsl_b_loc mark the two download addresses (gemSpec_OID Tab_PKI_407)."""

PLACEHOLDER_OID = "1.2.276.0.76.4.124"
"""oid_tsl_placeholder: an extension that says nothing (TIP1-A_4108)."""

ANCHOR_CHANGE_OID = "1.2.276.0.76.4.164"
"""oid_tsl_cca_cert: the entry announces a new trust anchor (GS-A_4644)."""

CVC_OID = "1.2.276.0.76.4.186"
"""oid_cv_cert: the entry is a CV certificate."""

UNUSED_SUPPLY_POINT = "http://ocsp00.gematik.invalid/not-used"
"""ServiceSupplyPoint of services without a status service (TIP1-A_4106)."""


@unique
class ServiceType(StrEnum):
    """ServiceTypeIdentifier (TIP1-A_4099; of the national list ETSI TS 119 612, 5.5.1)."""

    CA = "http://uri.etsi.org/TrstSvc/Svctype/CA/PKC"
    QUALIFIED_CA = "http://uri.etsi.org/TrstSvc/Svctype/CA/QC"
    OCSP = "http://uri.etsi.org/TrstSvc/Svctype/Certstatus/OCSP"
    QUALIFIED_OCSP = "http://uri.etsi.org/TrstSvc/Svctype/Certstatus/OCSP/QC"
    CRL = "http://uri.etsi.org/TrstSvc/Svctype/Certstatus/CRL"
    DNSSEC = "http://uri.telematik/TrstSvc/Svctype/DNSSEC"
    CVC_ROOT = "http://uri.telematik/TrstSvc/Svctype/CA/CVC"
    ANCHOR_CHANGE = "http://uri.etsi.org/TrstSvc/Svctype/TSLServiceCertChange"
    BNETZA = "http://uri.telematik/TrstSvc/Svctype/TrustedList/schemerules/DE"
    UNSPECIFIED = "http://uri.etsi.org/TrstSvc/Svctype/unspecified"


@unique
class ServiceStatus(StrEnum):
    """ServiceStatus of the TI's list (gemSpec_PKI Tab_PKI_271), and of the national one (ETSI TS 119 612, 5.5.4)."""

    IN_ACCORD = "http://uri.etsi.org/TrstSvc/Svcstatus/inaccord"
    REVOKED = "http://uri.etsi.org/TrstSvc/Svcstatus/revoked"
    EXPIRED = "http://uri.etsi.org/TrstSvc/Svcstatus/expired"
    GRANTED = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/granted"
    WITHDRAWN = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn"


@unique
class TslFault(Enum):
    """What is wrong with a list: code and abbreviation of gemSpec_PKI Tab_PKI_274."""

    TSL_INIT_ERROR = 1001
    TSL_CERT_EXTRACTION_ERROR = 1002
    MULTIPLE_TRUST_ANCHOR = 1003
    TSL_SIG_CERT_EXTRACTION_ERROR = 1004
    TSL_DOWNLOAD_ADDRESS_ERROR = 1005
    TSL_DOWNLOAD_ERROR = 1006
    TSL_ID_INCORRECT = 1007
    VALIDITY_WARNING_1 = 1008
    VALIDITY_WARNING_2 = 1009
    TSL_NOT_WELLFORMED = 1011
    TSL_SCHEMA_NOT_VALID = 1012
    XML_SIGNATURE_ERROR = 1013
    TSL_CA_NOT_LOADED = 1042


class TslError(TiaasError):
    """A list cannot be used; `fault` says why, `detail` where, without content of the list."""

    def __init__(self, fault: TslFault, detail: str = "") -> None:
        super().__init__(f"{fault.name}: {detail}" if detail else fault.name)
        self.fault = fault
        self.detail = detail

    @property
    def code(self) -> int:
        """The code of Tab_PKI_274."""
        return self.fault.value


@dataclass(frozen=True, slots=True)
class Pointer:
    """An OtherTSLPointer: where a list lies, and `mark`, the text that says which of its addresses this is."""

    location: str
    mark: str | None


@dataclass(frozen=True, slots=True)
class TrustService:
    """One service of a list.

    `type` and `status` are URIs, mostly a `ServiceType` and a `ServiceStatus`; `since` is when the status began.
    `certificates` are DER, `cvcs` card verifiable. `extensions` are OIDs: the types of certificate that a CA may issue,
    or a mark. `information` are the texts of AdditionalServiceInformation: of the BNetzA-VL the public address of a
    status service and, behind a blank, its address in the TI (gemSpec_PKI V2.14.1 TUC_PKI_030, step 7).
    """

    provider: str
    type: str
    name: str
    certificates: tuple[bytes, ...]
    cvcs: tuple[bytes, ...]
    status: str
    since: datetime
    supply_points: tuple[str, ...]
    extensions: tuple[str, ...]
    information: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class TrustList:
    """A whole list. `next_update` None: the list is closed. Times are aware."""

    id: str
    sequence_number: int
    issued: datetime
    next_update: datetime | None
    pointers: tuple[Pointer, ...]
    services: tuple[TrustService, ...]

    def of_type(self, kind: ServiceType) -> Iterator[TrustService]:
        """The services of one type, in the order of the list."""
        return (service for service in self.services if service.type == kind)

    def location(self, mark: str) -> str | None:
        """The download address with that mark (`PRIMARY_LOCATION`, `BACKUP_LOCATION`)."""
        return next((pointer.location for pointer in self.pointers if pointer.mark == mark), None)

    def anchor_change(self) -> TrustService | None:
        """The announced trust anchor, one certificate in it, or None (TUC_PKI_013).

        Raises `TslError` MULTIPLE_TRUST_ANCHOR or TSL_SIG_CERT_EXTRACTION_ERROR.
        """
        announced = tuple(self.of_type(ServiceType.ANCHOR_CHANGE))
        if len(announced) > 1:
            raise TslError(TslFault.MULTIPLE_TRUST_ANCHOR, f"{len(announced)} announced")
        if announced and len(announced[0].certificates) != 1:
            raise TslError(TslFault.TSL_SIG_CERT_EXTRACTION_ERROR, "not one certificate")
        return announced[0] if announced else None
