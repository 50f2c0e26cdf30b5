"""The SOAP 1.1 envelope: read from untrusted octets, written around a message or a fault.

Sources: SOAP 1.1 (W3C Note 08 May 2000) §4; WS-I Basic Profile 1.2; gemSpec_Kon V5.18 §3.6.1, A_15606 (UTF-8 only).
Header blocks that the reader does not know are ignored unless one that is addressed to us says mustUnderstand="1": that
is a MustUnderstand fault (SOAP 1.1 §4.2.3).
"""

from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.soap.encoder import Part, encode_parts, encode_text, joined
from tiaas.soap.errors import BadEnvelope, FaultCode, NotUnderstood, WrongVersion
from tiaas.soap.mapping import decode, encode, root_name
from tiaas.soap.markup import Limits, parse_untrusted
from tiaas.soap.simpletype import WHITESPACE
from tiaas.soap.standalone import Places, places_of

__all__ = [
    "Headed",
    "Limits",
    "SoapFault",
    "decode_headers",
    "known_headers",
    "open_envelope_untrusted",
    "parse_envelope_untrusted",
    "places_in_body",
    "write_envelope",
    "write_envelope_parts",
    "write_fault",
]

XmlElement = etree._Element
Message = TypeVar("Message")
Block = TypeVar("Block")

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
_ENVELOPE = f"{{{SOAP}}}Envelope"
_HEADER = f"{{{SOAP}}}Header"
_BODY = f"{{{SOAP}}}Body"
_MUST_UNDERSTAND = f"{{{SOAP}}}mustUnderstand"
_ACTOR = f"{{{SOAP}}}actor"
_NEXT = "http://schemas.xmlsoap.org/soap/actor/next"

_ENVELOPE_START = f'<?xml version="1.0" encoding="UTF-8"?>\n<S:Envelope xmlns:S="{SOAP}">'
_OPEN = f"{_ENVELOPE_START}<S:Body>"
_CLOSE = "</S:Body></S:Envelope>"


@dataclass(frozen=True, slots=True)
class SoapFault:
    """A fault to send or one received. `detail` is a message object with a root element, or None."""

    code: FaultCode
    text: str
    detail: object | None = None


@dataclass(frozen=True, slots=True)
class Headed(Generic[Message]):
    """A message with header blocks; both are message objects with a root element."""

    message: Message
    headers: tuple[object, ...] = ()

    def header(self, kind: type[Block]) -> Block | None:
        """The first header block of that class, or None."""
        return next((block for block in self.headers if isinstance(block, kind)), None)


def known_headers(classes: Iterable[type[Any]]) -> dict[str, type[Any]]:
    """The classes of header blocks by Clark name, as `open_envelope_untrusted` and `decode_headers` take them."""
    return {root_name(cls): cls for cls in classes}


def places_in_body(classes: tuple[type[Any], ...]) -> Places:
    """Where elements stand whose octets count, if the body is a message of one of these classes."""
    return places_of(classes, _ENVELOPE, _BODY)


def parse_envelope_untrusted(document: bytes, limits: Limits) -> XmlElement:
    """The first element in the body of a SOAP 1.1 envelope; raises BadEnvelope or a subclass."""
    return open_envelope_untrusted(document, limits)[1]


def open_envelope_untrusted(
    document: bytes, limits: Limits, known: Mapping[str, type[Any]] | None = None
) -> tuple[list[XmlElement], XmlElement]:
    """The header blocks that are `known`, and the first element in the body; raises BadEnvelope or a subclass."""
    envelope = parse_untrusted(document, limits)
    tag = str(envelope.tag)
    if tag != _ENVELOPE:
        if tag.endswith("}Envelope"):
            raise WrongVersion("the envelope is not of SOAP 1.1")
        raise BadEnvelope("the root is not a SOAP envelope")
    children = envelope.getchildren()
    blocks: list[XmlElement] = []
    if children and children[0].tag == _HEADER:
        blocks = _header_blocks(children.pop(0), known or {})
    if not children:
        raise BadEnvelope("the envelope has no body")
    if len(children) > 1 or children[0].tag != _BODY:
        raise BadEnvelope("the envelope is not an optional header and one body")
    (body,) = children
    if len(body) != 1:
        raise BadEnvelope("the body has not exactly one child")
    return blocks, _bare(body)


def decode_headers(blocks: Iterable[XmlElement], known: Mapping[str, type[Any]]) -> tuple[object, ...]:
    """The header blocks as message objects; raises BadMessage."""
    return tuple(decode(known[str(block.tag)], block) for block in blocks)


def _bare(body: XmlElement) -> XmlElement:
    """The only child of the body; text beside it is refused."""
    child = body[0]
    if (body.text or "").strip(WHITESPACE) or (child.tail or "").strip(WHITESPACE):
        raise BadEnvelope("the body contains text")
    return child


def _header_blocks(header: XmlElement, known: Mapping[str, type[Any]]) -> list[XmlElement]:
    blocks = []
    for entry in header:
        must = entry.get(_MUST_UNDERSTAND, "").strip(WHITESPACE) in ("1", "true")
        ours = entry.get(_ACTOR, _NEXT) in ("", _NEXT)
        if ours and str(entry.tag) in known:
            # They belong to the envelope; the block's own schema does not know them.
            for name in (_MUST_UNDERSTAND, _ACTOR):
                entry.attrib.pop(name, None)
            blocks.append(entry)
        elif ours and must:
            raise NotUnderstood("a header that must be understood is not understood")
    return blocks


def write_envelope(message: object, headers: tuple[object, ...] = ()) -> bytes:
    """A SOAP 1.1 message with `message` as its body and header blocks before it; raises UnfitMessage.

    All are objects of message classes with a root element.
    """
    return joined(write_envelope_parts(message, headers)).encode()


def write_envelope_parts(message: object, headers: tuple[object, ...] = ()) -> list[Part]:
    """`write_envelope` in parts, with long contents set apart; raises UnfitMessage."""
    blocks = "".join(map(encode, headers))
    start = f"{_ENVELOPE_START}<S:Header>{blocks}</S:Header><S:Body>" if headers else _OPEN
    return [start, *encode_parts(message), _CLOSE]


def write_fault(fault: SoapFault) -> bytes:
    """A SOAP 1.1 message with a fault; raises UnfitMessage."""
    detail = "" if fault.detail is None else f"<detail>{encode(fault.detail)}</detail>"
    return (
        f"{_OPEN}<S:Fault><faultcode>S:{fault.code}</faultcode><faultstring>{encode_text(fault.text)}</faultstring>"
        f"{detail}</S:Fault>{_CLOSE}"
    ).encode()
