"""Fuzz target: a CETP message as a receiver gets it."""

from tiaas.interfaces.cetp import BadCetp, decode_cetp_untrusted, encode_cetp, expected_size_untrusted
from tiaas.interfaces.event_service_v7_2 import Event, EventKind, EventMessage, EventSeverity, Parameter

_EVENT = Event(
    topic="CARD/INSERTED",
    type=EventKind.OPERATION,
    severity=EventSeverity.INFO,
    subscription_id="s",
    message=EventMessage(parameter=(Parameter(key="CardType", value="EGK"), Parameter(key="Name", value="ä & <"))),
)
_XML = b'<e:Event xmlns:e="http://ws.gematik.de/conn/EventService/v7.2"><e:Topic/></e:Event>'
SEEDS: list[bytes] = [
    encode_cetp(_EVENT),
    b"CETP" + len(_XML).to_bytes(4, "big") + _XML,
    b"CETP\xff\xff\xff\xff<",
    b"CE",
]


def target(data: bytes) -> None:
    """Only `BadCetp` may escape; what was read can be sent again and means the same."""
    try:
        expected_size_untrusted(data[:8])
        event = decode_cetp_untrusted(data)
    except BadCetp:
        return
    try:
        again = encode_cetp(event)
    except BadCetp:
        return  # escaped it is longer than it was
    if decode_cetp_untrusted(again) != event:
        raise AssertionError("another event after writing and reading")
