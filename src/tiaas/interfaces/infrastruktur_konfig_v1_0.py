"""Bestandsnetze.xml: the networks behind the TI, their name servers and domains (InfrastrukturKonfig.xsd 1.0.1)."""

import re
from datetime import date
from typing import Annotated

from tiaas.soap.mapping import Element, Namespace, message
from tiaas.soap.simple import DATE, STRING, String

TICONF = Namespace("http://ws.gematik.de/ticonf/v1.0", "TICONF")

_LABEL = "[a-zA-Z]([a-zA-Z0-9-]*[a-zA-Z0-9])?"

_VERSION = String(name=None, base=STRING, pattern=re.compile(r"[0-9]{1,3}\.[0-9]{1,3}\.[0-9]{1,3}"))
_ID = String(name=None, base=STRING, max_length=100, pattern=re.compile(r"[a-zA-Z0-9.\-]*"))
_NAME = String(name=None, base=STRING, max_length=100, pattern=re.compile(r"[a-zA-Z 0-9_.\-äöüÄÖÜß]*"))
_DOMAIN = String(name=None, base=STRING, max_length=100, pattern=re.compile(rf"{_LABEL}(\.{_LABEL})*"))
_HOST = String(name=TICONF("Host"), base=STRING, max_length=100)
_ADDRESS = String(name=None, base=STRING, max_length=40)


@message(TICONF, type_name="Network")
class Segment:
    """Element Network: address and prefix of one segment; of the prefix the schema says only that it is short."""

    address: Annotated[str, Element(TICONF, "NetworkAddress", _ADDRESS)]
    prefix: Annotated[str, Element(TICONF, "NetworkPrefix", _ADDRESS)]


@message(TICONF)
class Segments:
    """Element Networks."""

    segments: Annotated[tuple[Segment, ...], Element(TICONF, "Network").occurs(1, None)]


@message(TICONF)
class Servers:
    """The name servers of a domain."""

    servers: Annotated[tuple[str, ...], Element(TICONF, "Server", _HOST).occurs(1, None)]


@message(TICONF)
class Domain:
    """A domain and who knows its names."""

    name: Annotated[str, Element(TICONF, "DomainName", _DOMAIN)]
    servers: Annotated[Servers, Element(TICONF, "Servers")]


@message(TICONF)
class Dns:
    """Element DNS."""

    domain: Annotated[Domain, Element(TICONF, "Domain")]


@message(TICONF)
class History:
    """Since when and until when a network is connected, and when its entry was changed."""

    valid_from: Annotated[date, Element(TICONF, "ValidFromDate", DATE)]
    valid_until: Annotated[date, Element(TICONF, "ValidTilDate", DATE)]
    changed: Annotated[date, Element(TICONF, "LastChangeDate", DATE)]


@message(TICONF)
class InventoryNetwork:
    """One Bestandsnetz."""

    id: Annotated[str, Element(TICONF, "ID", _ID)]
    name: Annotated[str, Element(TICONF, "Name", _NAME)]
    networks: Annotated[Segments, Element(TICONF, "Networks")]
    dns: Annotated[Dns, Element(TICONF, "DNS")]
    history: Annotated[History, Element(TICONF, "History")]


@message(TICONF)
class InventoryNetworks:
    """All of them."""

    networks: Annotated[tuple[InventoryNetwork, ...], Element(TICONF, "InventoryNetwork").occurs(1, None)]


@message(TICONF, root="Infrastructure")
class Infrastructure:
    """The document."""

    version: Annotated[str, Element(TICONF, "Version", _VERSION)]
    inventory: Annotated[InventoryNetworks, Element(TICONF, "InventoryNetworks")]
