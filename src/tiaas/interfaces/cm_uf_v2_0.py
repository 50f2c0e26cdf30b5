"""UFS, the update flag service of a health insurer (UFS.wsdl 1.0.0; CmUfServiceRequest.xsd, …Response.xsd 2.0.0).

SetUpdateFlag and DeleteUpdateFlag of the schema belong to no operation of the WSDL and are left out.
"""

from typing import Annotated

from tiaas.interfaces.cm_common_v2_0 import CM, ICCSN, ServiceReceipt, UpdateFlag
from tiaas.soap.mapping import Element, Namespace, message

UFS = Namespace("http://ws.gematik.de/cm/uf/CmUfServiceRequest/v2.0", "UFS")
UFSR = Namespace("http://ws.gematik.de/cm/uf/CmUfServiceResponse/v2.0", "UFSR")

GET_UPDATE_FLAGS_ACTION = "http://ws.gematik.de/cm/uf/WSDL/v1.0#getupdateflags"


@message(UFS, root="GetUpdateFlags")
class GetUpdateFlags:
    """Asks which updates wait for a card. Header: ServiceLocalization."""

    iccsn: Annotated[str, ICCSN]


@message(UFSR, root="GetUpdateFlagsResponse")
class GetUpdateFlagsResponse:
    """The updates that wait, in the order in which they are to be run; receipts where nothing waits."""

    update_flags: Annotated[tuple[UpdateFlag, ...], Element(CM, "UpdateFlag")] = ()
    service_receipts: Annotated[tuple[ServiceReceipt, ...], Element(CM, "ServiceReceipt")] = ()
