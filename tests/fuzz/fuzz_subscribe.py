"""Fuzz target: what a client may put into Subscribe, its EventTo and its Filter, and the filter at work."""

from tiaas.interfaces.event_service_v7_2 import EVT
from tiaas.konnektor.audience import FILTER_STEPS, document_of, make_filter_untrusted
from tiaas.konnektor.events import Event, Topic
from tiaas.konnektor.sinkaddress import BadEventTo, decode_event_to_untrusted
from tiaas.konnektor.xpath.compiler import compile_xpath_untrusted
from tiaas.konnektor.xpath.lexer import BadXPath
from tiaas.konnektor.xpath.values import Run, XPathFailed

SEEDS: list[bytes] = [
    b"cetp://192.168.178.20:20000",
    b"CETP://[::1]:1/",
    b"cetp://pvs.praxis.example.:65535",
    b"/EVT:Event/EVT:Message/EVT:Parameter[EVT:Key='CardType' and EVT:Value='EGK']",
    b"//Parameter[Key='CtID']/Value = 'CT1'",
    b"count(//*[count(//*[count(//*[count(//*) > 1]) > 1]) > 1]) > 1",
    b"substring-before(concat(x:a, translate('a', 'b', 'c')), 1.5 div -0) | ..//@*[last()]",
    b"not(starts-with(normalize-space(string(.)), '-')) or - - 3 mod 2 >= sum(//*)",
]
_EVENT = Event(
    Topic.CARD_INSERTED, tuple((key, "v" * 20) for key in ("CardHandle", "CardType", "ICCSN", "CtID", "SlotID"))
)
_DOCUMENT = document_of(_EVENT, "s")


def target(data: bytes) -> None:
    """Only the one error of each step may escape; an address reads the same when written as a URL."""
    text = data.decode("utf-8", "replace")
    try:
        address = decode_event_to_untrusted(text)
        if decode_event_to_untrusted(f"cetp://{address}") != address:
            raise AssertionError("another address")
    except BadEventTo:
        pass
    try:
        made = make_filter_untrusted(text, (("x", "urn:x"),))
        compile_xpath_untrusted(text, {"EVT": EVT.uri, "x": "urn:x"}, EVT.uri)
    except BadXPath:
        return
    try:
        made.compiled.holds(Run(_DOCUMENT, FILTER_STEPS))
    except XPathFailed:
        return
