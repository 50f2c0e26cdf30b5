"""CT, what a Konnektor tells about card terminals (CardTerminalInfo.xsd 8.1.0)."""

import re
from typing import Annotated

from tiaas.interfaces.card_service_common_v2_0 import CT_ID
from tiaas.interfaces.connector_common_v5_0 import WORKPLACE_IDS, WorkplaceIds
from tiaas.interfaces.product_information_v1_1 import PRODUCT_INFORMATION, ProductInformation
from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import BOOLEAN, NON_NEGATIVE_INTEGER, STRING, TOKEN, String

CT = Namespace("http://ws.gematik.de/conn/CardTerminalInfo/v8.0", "CT")

_OCTET = "(?:25[0-5]|2[0-4][0-9]|[0-1]?[0-9]?[0-9])"
_DOTTED = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_GROUP = "[0-9A-Fa-f]{1,4}"
_ZERO = "0{1,4}"
_ZERO_OR_F = "(?:0{1,4}|[fF]{4})"
# An IPv4 address at the end, after zeros and perhaps FFFF.
_EMBEDDED = (
    f"(?:(?::(?::{_ZERO}){{0,3}}(?::{_ZERO_OR_F})?)"
    f"|(?:{_ZERO}:(?::{_ZERO}){{0,2}}(?::{_ZERO_OR_F})?)"
    f"|(?:(?:{_ZERO}:){{2}}(?::{_ZERO})?(?::{_ZERO_OR_F})?)"
    f"|(?:(?:{_ZERO}:){{3}}(?::{_ZERO_OR_F})?)"
    f"|(?:(?:{_ZERO}:){{4}}{_ZERO_OR_F}?)):{_DOTTED}"
)

MAC = String(name=CT("mac"), base=TOKEN, collapsed=True, pattern=re.compile("[0-9a-fA-F]{2}(?:-[0-9a-fA-F]{2}){5}"))
IPV4 = String(name=CT("ipv4"), base=TOKEN, collapsed=True, pattern=re.compile(f"{_DOTTED}|[0-9A-Fa-f]{{8}}"))
IPV6 = String(
    name=CT("ipv6"),
    base=TOKEN,
    collapsed=True,
    pattern=re.compile(
        "|".join(
            [
                f"{_GROUP}(?::{_GROUP}){{7}}",
                f":(?::{_GROUP}){{1,7}}",
                *(f"(?:{_GROUP}:){{1,{left}}}(?::{_GROUP}){{1,{7 - left}}}" for left in range(6, 0, -1)),
                f"(?:{_GROUP}:){{1,7}}:",
                _EMBEDDED,
                "::",
            ]
        )
    ),
)


@message(CT)
class IpAddress:
    """Exactly one of the two."""

    ipv4_address: Annotated[str | None, Element(CT, "IPV4Address", IPV4).alternative("address")] = None
    ipv6_address: Annotated[str | None, Element(CT, "IPV6Address", IPV6).alternative("address")] = None


@message(CT, root="CardTerminal", type_name="CardTerminalInfoType")
class CardTerminal:
    """One terminal. `workplace_ids` are those that have it as local terminal; `mac_address` is written with dashes."""

    product_information: Annotated[ProductInformation, PRODUCT_INFORMATION]
    ct_id: Annotated[str, CT_ID]
    workplace_ids: Annotated[WorkplaceIds, WORKPLACE_IDS]
    name: Annotated[str, Element(CT, "Name", STRING)]
    mac_address: Annotated[str, Element(CT, "MacAddress", MAC)]
    ip_address: Annotated[IpAddress | None, Element(CT, "IPAddress")] = None
    slots: Annotated[int, Element(CT, "Slots", NON_NEGATIVE_INTEGER)]
    is_physical: Annotated[bool, Element(CT, "IS_PHYSICAL", BOOLEAN)]
    connected: Annotated[bool, Element(CT, "Connected", BOOLEAN)]


@message(CT, root="CardTerminals")
class CardTerminals:
    """A list of terminals, possibly empty."""

    card_terminal: Annotated[tuple[CardTerminal, ...], Element(CT, "CardTerminal")] = ()


CARD_TERMINAL = Element(CT, "CardTerminal")
CARD_TERMINALS = Element(CT, "CardTerminals")
