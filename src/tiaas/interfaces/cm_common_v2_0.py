"""CM, what the update flag service and the card communication services share (CmCommon.xsd 2.0.0).

ServiceLocalization and SessionIdentifier travel as header blocks of the SOAP envelope.
"""

import enum
import re
from typing import Annotated

from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BASE64_BINARY, HEX_BINARY, STRING, Enumeration, Hex, String

CM = Namespace("http://ws.gematik.de/cm/common/CmCommon/v2.0", "CM")


@enum.unique
class ServiceType(enum.StrEnum):
    """`Type` of a ServiceLocalization, a plain string in the schema (gemSpec_SST_VSDM V2.5.0, Tab_SST_VSDM_02)."""

    UFS = "UFS"
    VSD = "VSD"
    CMS = "CMS"


@enum.unique
class UpdatePriority(enum.StrEnum):
    """Whether a Konnektor must run an update or may leave it."""

    MANDATORY = "MANDATORY"
    OPTIONAL = "OPTIONAL"


ICCSN = Element(CM, "Iccsn", String(base=STRING, pattern=re.compile("80276[0-9]{15}")))
UPDATE_ID = Element(CM, "UpdateId", Hex(base=HEX_BINARY, max_length=20))
RECEIPT = Element(CM, "Receipt", BASE64_BINARY)


@message(CM, root="ServiceLocalization")
class ServiceLocalization:
    """Which service is meant: `type` UFS, VSD or CMS, `provider` the insurer's IK. Header of each request."""

    type: Annotated[str, Element(CM, "Type", String(base=STRING, max_length=10))]
    provider: Annotated[str, Element(CM, "Provider", String(base=STRING, max_length=60))]


SERVICE_LOCALIZATION = Element(CM, "ServiceLocalization")


@message(CM, root="SessionIdentifier")
class SessionIdentifier:
    """Header that holds the messages of one update together: given with the first answer of a CCS."""

    conversation_id: Annotated[str, Element(CM, "ConversationID", String(base=STRING, max_length=60))]


@message(CM, root="UpdateFlag")
class UpdateFlag:
    """An update that waits for a card, and where to get it."""

    service_localization: Annotated[ServiceLocalization, SERVICE_LOCALIZATION]
    update_id: Annotated[bytes, UPDATE_ID]
    update_priority: Annotated[
        UpdatePriority, Element(CM, "UpdatePriority", Enumeration(base=STRING, members=UpdatePriority))
    ]
    short_description: Annotated[str, Element(CM, "ShortDescription", String(base=STRING, max_length=120))]


@message(CM, root="ServiceReceipt")
class ServiceReceipt:
    """A receipt (Prüfziffer) without an update."""

    service_localization: Annotated[ServiceLocalization, SERVICE_LOCALIZATION]
    receipt: Annotated[bytes, RECEIPT]
