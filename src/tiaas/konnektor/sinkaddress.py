"""Where events go: the EventTo of a subscription, `cetp://host:port` (gemSpec_Kon V5.18 §4.1.6.5, TIP1-A_4608)."""

import re

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput

_EVENT_TO = re.compile(
    r"cetp://(?:\[(?P<v6>[0-9a-f:.]{2,45})\]|(?P<host>[a-z0-9](?:[a-z0-9_.\-]{0,251}[a-z0-9])?\.?))"
    r":(?P<port>[0-9]{1,5})/?",
    re.IGNORECASE | re.ASCII,
)


_URL_MAX = 512
_LABEL_MAX = 63
"""RFC 1035 §2.3.4."""


class BadEventTo(InvalidInput):
    """A URL that names no host and port to send events to."""


@dataclass(frozen=True, slots=True)
class SinkAddress:
    """Host (IP address or DNS name, lower case) and port of a receiver."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Sink:
    """A receiver of one Clientsystem: whether it is checked, and how, is decided per Clientsystem."""

    client_system_id: str
    address: SinkAddress


def decode_event_to_untrusted(url: str) -> SinkAddress:
    """The address in an EventTo; a slash at the end means nothing. Raises `BadEventTo`."""
    match = _EVENT_TO.fullmatch(url.strip(" \t\r\n")) if len(url) <= _URL_MAX else None
    if match is None:
        raise BadEventTo("EventTo is not cetp://host:port")
    labels = (match["host"] or "-").removesuffix(".").split(".")
    if not all(1 <= len(label) <= _LABEL_MAX for label in labels):
        raise BadEventTo(f"a label of the host in EventTo has not 1 to {_LABEL_MAX} characters")
    port = int(match["port"])
    if not 1 <= port <= 65535:
        raise BadEventTo("EventTo has no port from 1 to 65535")
    return SinkAddress((match["v6"] or match["host"]).lower(), port)
