"""What recorded messages say: operation, context, values, outcome, codes; by local names, as lenient as can be.

A recording holds whatever practice software sent, so nothing here assumes that a message fits its schema.
"""

import base64
import binascii
import enum
from collections.abc import Mapping
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.vsd_gzip import BadContainer, decompress_untrusted
from tiaas.pvs.recording import Call, Delivery, Handshake, Recording
from tiaas.soap.errors import SoapError
from tiaas.soap.markup import Limits, XmlElement, local_name, parse_untrusted

SDS_PATH = "/connector.sds"
_LIMITS = Limits(octets=1024 * 1024)
_ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}"
_FAULT = f"{_ENVELOPE}Fault"


@enum.unique
class Outcome(enum.Enum):
    """How a call ended."""

    OK = "ok"
    WARNING = "warning"
    FAULT = "fault"
    REFUSED = "refused"
    """HTTP without SOAP: 401, 403, 404, 413, …"""
    LEFT = "left"
    """The client left before the answer."""


@dataclass(frozen=True, slots=True)
class Context:
    """The call context of a request, as it stands there."""

    mandant_id: str | None
    client_system_id: str | None
    workplace_id: str | None
    user_id: str | None


@dataclass(frozen=True, slots=True)
class Card:
    """A card as a GetCards answer or an event tells it."""

    handle: str
    type: str
    iccsn: str | None
    ct_id: str | None
    slot: str | None


class Texts:
    """The texts of a document's leaves by local name."""

    def __init__(self, root: XmlElement | None) -> None:
        self._found: dict[str, list[str]] = {}
        for element in () if root is None else root.iter():
            if len(element) == 0 and isinstance(element.tag, str):
                self._found.setdefault(local_name(element), []).append((element.text or "").strip())

    def first(self, name: str) -> str | None:
        """The first one, None if there is none."""
        return next(iter(self._found.get(name, ())), None)

    def all(self, name: str) -> tuple[str, ...]:
        """All, in the order of the document."""
        return tuple(self._found.get(name, ()))


@dataclass(frozen=True, slots=True)
class Exchange:
    """A SOAP call. `operation` None: the request could not be read; `namespace` is that of the body's first child."""

    call: Call
    operation: str | None
    namespace: str
    context: Context | None
    asked: Texts
    told: Texts
    outcome: Outcome
    codes: tuple[int, ...]
    cards: tuple[Card, ...]

    @property
    def number(self) -> int:
        """The call's number."""
        return self.call.number

    @property
    def at(self) -> datetime:
        """When the request came."""
        return self.call.at

    @property
    def code(self) -> int | None:
        """The last code: the one that practice software shows."""
        return self.codes[-1] if self.codes else None

    @property
    def handles(self) -> tuple[str, ...]:
        """The card handles that the request names."""
        names = ("CardHandle", "EhcHandle", "HpcHandle")
        return tuple(handle for name in names for handle in self.asked.all(name) if handle)


@dataclass(frozen=True, slots=True)
class Seen:
    """An event that was delivered, or not."""

    delivery: Delivery
    topic: str
    parameters: Mapping[str, str]
    subscription_id: str

    @property
    def number(self) -> int:
        """The delivery's number."""
        return self.delivery.number

    @property
    def at(self) -> datetime:
        """When it was sent."""
        return self.delivery.at

    @property
    def arrived(self) -> bool:
        """Whether the receiver took it."""
        return self.delivery.outcome == "delivered"


@dataclass(frozen=True, slots=True)
class Story:
    """A whole recording, read: each list in the order of numbers."""

    recording: Recording
    exchanges: tuple[Exchange, ...]
    pages: tuple[Call, ...]
    """Calls that are no SOAP: the service directory, health checks."""
    events: tuple[Seen, ...]
    handshakes: tuple[Handshake, ...]

    @property
    def moments(self) -> "tuple[Exchange | Seen, ...]":
        """Calls and events, in the order of their numbers."""
        both: list[Exchange | Seen] = [*self.exchanges, *self.events]
        return tuple(sorted(both, key=lambda moment: moment.number))

    @property
    def directory_reads(self) -> tuple[Call, ...]:
        """The reads of connector.sds that were answered with it."""
        return tuple(call for call in self.pages if call.path == SDS_PATH and call.status == 200)


def read_story(recording: Recording) -> Story:
    """Reads all messages; what cannot be read stands there without content."""
    soap = [call for call in recording.calls if call.method == "POST"]
    return Story(
        recording,
        tuple(exchange_of(call) for call in soap),
        tuple(call for call in recording.calls if call.method != "POST"),
        tuple(_seen(delivery) for delivery in recording.deliveries),
        recording.handshakes,
    )


def exchange_of(call: Call) -> Exchange:
    """Reads one SOAP call."""
    request, answer = parsed(call.request), parsed(call.answer)
    body = _body(request)
    told = Texts(answer)
    return Exchange(
        call,
        None if body is None else local_name(body),
        "" if body is None else str(body.tag)[1:].rpartition("}")[0],
        _context(request),
        Texts(request),
        told,
        _outcome(call, answer, told),
        tuple(int(code) for code in told.all("Code") if code.isascii() and code.isdigit() and len(code) < 8),
        _cards(answer),
    )


def receipt_of(exchange: Exchange) -> str | None:
    """E of the Pruefungsnachweis in a ReadVSD answer."""
    packed = exchange.told.first("Pruefungsnachweis")
    document = None if not packed else unpacked(packed)
    return None if document is None else Texts(parsed(document)).first("E")


def unpacked(packed: str) -> str | None:
    """The text of a container of VSDM: base64 of gzip of XML; None if it is none."""
    try:
        octets = decompress_untrusted(base64.b64decode(packed, validate=False))
    except (binascii.Error, ValueError, BadContainer):
        return None
    declared = octets[:100].lower()
    return octets.decode("iso-8859-15" if b"8859-15" in declared else "utf-8", "replace")


def parsed(text: str) -> XmlElement | None:
    """The root of an XML document; None if it is none, or too large."""
    if not text.strip():
        return None
    try:
        return parse_untrusted(text.encode("utf-8", "replace"), _LIMITS)
    except SoapError:
        return None


def _body(root: XmlElement | None) -> XmlElement | None:
    if root is None:
        return None
    bodies = [child for child in root if str(child.tag).endswith("}Body")]
    return next(iter(bodies[0]), None) if bodies else None


def _context(root: XmlElement | None) -> Context | None:
    if root is None:
        return None
    for element in root.iter():
        if local_name(element) == "Context":
            texts = Texts(element)
            ids = ("MandantId", "ClientSystemId", "WorkplaceId", "UserId")
            return Context(*(texts.first(name) for name in ids))
    return None


def _outcome(call: Call, answer: XmlElement | None, told: Texts) -> Outcome:
    if call.status == 0:
        return Outcome.LEFT
    if answer is None or _body(answer) is None:
        return Outcome.REFUSED
    if next(answer.iter(_FAULT), None) is not None:
        return Outcome.FAULT
    return Outcome.WARNING if (told.first("Result") or "").upper() == "WARNING" else Outcome.OK


def _cards(root: XmlElement | None) -> tuple[Card, ...]:
    found = []
    for element in () if root is None else root.iter():
        if local_name(element) == "Card" and len(element):
            texts = Texts(element)
            handle = texts.first("CardHandle")
            if handle:
                rest = (texts.first(name) for name in ("Iccsn", "CtId", "SlotId"))
                found.append(Card(handle, texts.first("CardType") or "", *rest))
    return tuple(found)


def _seen(delivery: Delivery) -> Seen:
    root = parsed(delivery.message)
    texts = Texts(root)
    parameters: dict[str, str] = {}
    for element in () if root is None else root.iter():
        if local_name(element) == "Parameter":
            pair = Texts(element)
            key = pair.first("Key")
            if key:
                parameters[key] = pair.first("Value") or ""
    return Seen(delivery, texts.first("Topic") or "", parameters, texts.first("SubscriptionID") or "")
