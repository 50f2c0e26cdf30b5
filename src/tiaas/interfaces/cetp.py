"""CETP, how events travel: octets `CETP`, length, Event as XML (gemSpec_Kon V5.18 §4.1.6, EventService.xsd 7.2.1).

octets 0..3   ASCII "CETP"
octets 4..7   length N of what follows, unsigned, big-endian
octets 8..    N octets of XML in UTF-8, root EVT:Event
"""

from tiaas.base.errors import TiaasError
from tiaas.interfaces.event_service_v7_2 import Event
from tiaas.soap.errors import BadEnvelope, BadMessage
from tiaas.soap.mapping import decode, encode_document
from tiaas.soap.markup import Limits, parse_untrusted

MAGIC = b"CETP"
HEADER_SIZE = 8
EVENT_OCTETS_MAX = 64 * 1024
"""What receivers in the field take."""
_LIMITS = Limits(octets=EVENT_OCTETS_MAX, nodes=2000, depth=8)


class BadCetp(TiaasError):
    """Octets that are no CETP message; says why, without content."""


def encode_cetp(event: Event) -> bytes:
    """The whole message. Raises `UnfitMessage` for an event its schema forbids, `BadCetp` for one that is too long."""
    xml = encode_document(event)
    if len(xml) > EVENT_OCTETS_MAX:
        raise BadCetp(f"the event has {len(xml)} octets")
    return MAGIC + len(xml).to_bytes(4, "big") + xml


def decode_cetp_untrusted(message: bytes) -> Event:
    """The event of one whole message. Raises `BadCetp`."""
    if expected_size_untrusted(message) != len(message):
        raise BadCetp("the message is shorter or longer than its length field says")
    try:
        return decode(Event, parse_untrusted(message[HEADER_SIZE:], _LIMITS))
    except (BadEnvelope, BadMessage) as error:
        raise BadCetp(str(error)) from None


def expected_size_untrusted(head: bytes) -> int | None:
    """The size of the message that begins with `head`, None if more octets are needed to tell. Raises `BadCetp`."""
    if not MAGIC.startswith(head[:4]) if len(head) < 4 else head[:4] != MAGIC:
        raise BadCetp("it does not begin with CETP")
    if len(head) < HEADER_SIZE:
        return None
    size = int.from_bytes(head[4:HEADER_SIZE], "big")
    if size > EVENT_OCTETS_MAX:
        raise BadCetp("the length field says more than 64 KiB")
    return HEADER_SIZE + size
