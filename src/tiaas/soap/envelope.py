"""The SOAP 1.1 envelope: read from untrusted octets, written around a message or a fault.

Sources: SOAP 1.1 (W3C Note 08 May 2000) §4; WS-I Basic Profile 1.2; gemSpec_Kon V5.18 §3.6.1, A_15606 (UTF-8 only).
Headers are ignored unless one that is addressed to us says mustUnderstand="1"; we understand none, so that is a
MustUnderstand fault (SOAP 1.1 §4.2.3).
"""

from dataclasses import dataclass

from lxml import etree

from tiaas.soap.encoder import encode_text
from tiaas.soap.errors import BadEnvelope, FaultCode, NotUnderstood, WrongVersion
from tiaas.soap.mapping import encode
from tiaas.soap.markup import Limits, parse_untrusted
from tiaas.soap.simple import WHITESPACE

__all__ = ["Limits", "SoapFault", "parse_envelope_untrusted", "write_envelope", "write_fault"]

XmlElement = etree._Element

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_ENVELOPE = f"{{{SOAP}}}Envelope"
_HEADER = f"{{{SOAP}}}Header"
_BODY = f"{{{SOAP}}}Body"
_MUST_UNDERSTAND = f"{{{SOAP}}}mustUnderstand"
_ACTOR = f"{{{SOAP}}}actor"
_NEXT = "http://schemas.xmlsoap.org/soap/actor/next"

_OPEN = f'<?xml version="1.0" encoding="UTF-8"?>\n<S:Envelope xmlns:S="{SOAP}"><S:Body>'
_CLOSE = "</S:Body></S:Envelope>"


@dataclass(frozen=True, slots=True)
class SoapFault:
    """A fault to send or one received. `detail` is a message object with a root element, or None."""

    code: FaultCode
    text: str
    detail: object | None = None


def parse_envelope_untrusted(document: bytes, limits: Limits) -> XmlElement:
    """The first element in the body of a SOAP 1.1 envelope; raises BadEnvelope or a subclass."""
    envelope = parse_untrusted(document, limits)
    tag = str(envelope.tag)
    if tag != _ENVELOPE:
        if tag.endswith("}Envelope"):
            raise WrongVersion("the envelope is not of SOAP 1.1")
        raise BadEnvelope("the root is not a SOAP envelope")
    body: XmlElement | None = None
    for child in envelope:
        if body is None and child.tag == _HEADER and child.getprevious() is None:
            _check_headers(child)
        elif body is None and child.tag == _BODY:
            body = child
        else:
            raise BadEnvelope("the envelope is not an optional header and one body")
    if body is None:
        raise BadEnvelope("the envelope has no body")
    if len(body) != 1:
        raise BadEnvelope("the body has not exactly one child")
    return _bare(body)


def _bare(body: XmlElement) -> XmlElement:
    """The only child of the body; text beside it is refused."""
    child = body[0]
    if (body.text or "").strip(WHITESPACE) or (child.tail or "").strip(WHITESPACE):
        raise BadEnvelope("the body contains text")
    return child


def _check_headers(header: XmlElement) -> None:
    for entry in header:
        if entry.get(_MUST_UNDERSTAND, "").strip(WHITESPACE) in ("1", "true") and entry.get(_ACTOR, _NEXT) in (
            "",
            _NEXT,
        ):
            raise NotUnderstood("a header that must be understood is not understood")


def write_envelope(message: object) -> bytes:
    """A SOAP 1.1 message with `message` (an object with a root element) as its body; raises UnfitMessage."""
    return f"{_OPEN}{encode(message)}{_CLOSE}".encode()


def write_fault(fault: SoapFault) -> bytes:
    """A SOAP 1.1 message with a fault; raises UnfitMessage."""
    detail = "" if fault.detail is None else f"<detail>{encode(fault.detail)}</detail>"
    return (
        f"{_OPEN}<S:Fault><faultcode>S:{fault.code}</faultcode><faultstring>{encode_text(fault.text)}</faultstring>"
        f"{detail}</S:Fault>{_CLOSE}"
    ).encode()
