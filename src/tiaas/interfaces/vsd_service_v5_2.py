"""VSDService 5.2: reads the insured person's data from the eGK (VSDService.xsd 5.2.0).

The soapAction of the official WSDL names v6.0; clients send it, or the namespace's v5.2.
"""

import enum
import re
from datetime import datetime
from typing import Annotated

from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BASE64_BINARY, BOOLEAN, DATE_TIME, STRING, Base64, Enumeration, String

SERVICE = "VSDService"
VSD = Namespace("http://ws.gematik.de/conn/vsds/VSDService/v5.2", "VSD")
WSDL_NAMESPACE = VSD.uri
VERSIONS = ("5.2.0",)

READ_VSD_ACTION = "http://ws.gematik.de/conn/vsds/VSDService/v6.0#ReadVSD"


@enum.unique
class Transactions(enum.StrEnum):
    """Status in VSD_Status: whether an update of the card was left open."""

    NONE_OPEN = "0"
    OPEN = "1"


@message(VSD, root="ReadVSD")
class ReadVSD:
    """Reads the eGK `ehc_handle` with the right of the HBA or SMC-B `hpc_handle`."""

    ehc_handle: Annotated[str, Element(VSD, "EhcHandle", STRING)]
    hpc_handle: Annotated[str, Element(VSD, "HpcHandle", STRING)]
    perform_online_check: Annotated[bool, Element(VSD, "PerformOnlineCheck", BOOLEAN)]
    read_online_receipt: Annotated[bool, Element(VSD, "ReadOnlineReceipt", BOOLEAN)]
    context: Annotated[Context, CONTEXT]


@message(VSD, type_name="VSD_StatusType")
class VsdStatus:
    """Consistency of the data on the card; `version` as in `5.2.0`, `timestamp` of the last update."""

    status: Annotated[Transactions, Element(VSD, "Status", Enumeration(base=STRING, members=Transactions))]
    timestamp: Annotated[datetime, Element(VSD, "Timestamp", DATE_TIME)]
    version: Annotated[
        str, Element(VSD, "Version", String(base=STRING, pattern=re.compile(r"\d{1,3}\.\d{1,3}\.\d{1,4}")))
    ]


@message(VSD, root="ReadVSDResponse")
class ReadVSDResponse:
    """The containers as gzip of the XML on the card; no protected data where the reader has no right to them."""

    persoenliche_versichertendaten: Annotated[bytes, Element(VSD, "PersoenlicheVersichertendaten", BASE64_BINARY)]
    allgemeine_versicherungsdaten: Annotated[bytes, Element(VSD, "AllgemeineVersicherungsdaten", BASE64_BINARY)]
    geschuetzte_versichertendaten: Annotated[
        bytes | None, Element(VSD, "GeschuetzteVersichertendaten", BASE64_BINARY)
    ] = None
    vsd_status: Annotated[VsdStatus, Element(VSD, "VSD_Status")]
    pruefungsnachweis: Annotated[bytes | None, Element(VSD, "Pruefungsnachweis", Base64(base=BASE64_BINARY))] = None
