"""A recording as a sequence diagram (HTML): one row per message, opened by a click."""

from datetime import datetime

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.pvs.checks.model import Said
from tiaas.pvs.messages import SDS_PATH, Exchange, Outcome, Seen, Story, parsed, unpacked
from tiaas.pvs.pages import NOTICE, render
from tiaas.pvs.recording import Call, Handshake, Struck

_TONES = {Outcome.OK: "ok", Outcome.WARNING: "warn", Outcome.FAULT: "bad", Outcome.REFUSED: "bad", Outcome.LEFT: "bad"}
_CONTAINERS = (
    "PersoenlicheVersichertendaten",
    "AllgemeineVersicherungsdaten",
    "GeschuetzteVersichertendaten",
    "Pruefungsnachweis",
)
_LABELS = {
    "title": Said("Recording", "Aufzeichnung"),
    "notice": NOTICE,
    "clients": Said("client systems", "Clientsysteme"),
    "entries": Said("entries", "Einträge"),
    "lost": Said("older entries were lost", "ältere Einträge gingen verloren"),
    "time": Said("time (UTC)", "Zeit (UTC)"),
    "pvs": Said("practice software", "Primärsystem"),
    "cut": Said("cut", "gekürzt"),
}
_REQUEST, _ANSWER = Said("request", "Anfrage"), Said("answer", "Antwort")
_HEAD = Said("connection and head", "Verbindung und Kopf")
_EVENT = Said("event", "Ereignis")
_CODES_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Part:
    """A text of an opened row."""

    label: Said
    text: str
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One message. `outbound`: from the practice software to the Konnektor."""

    number: int
    at: datetime
    title: str
    detail: str = ""
    answer: str = ""
    tone: str = ""
    seconds: float | None = None
    outbound: bool = True
    is_note: bool = False
    parts: tuple[Part, ...] = ()

    @property
    def time(self) -> str:
        """Time of day with milliseconds."""
        return self.at.strftime("%H:%M:%S.") + f"{self.at.microsecond // 1000:03d}"

    @property
    def ms(self) -> str:
        """How long it took."""
        return "" if self.seconds is None else f"{self.seconds * 1000:.0f}"


def diagram(story: Story, lang: str = "en") -> str:
    """The page."""
    return render(
        "diagram.html",
        f"tiaas: {story.recording.instance}",
        lang,
        labels=_LABELS,
        recording=story.recording,
        rows=rows(story),
    )


def rows(story: Story) -> list[Row]:
    """The rows in their order."""
    found = [_exchange(each) for each in story.exchanges]
    found += [_page(call) for call in story.pages]
    found += [_event(event) for event in story.events]
    found += [_handshake(each) for each in story.handshakes]
    found.sort(key=lambda row: row.number)
    for struck in story.recording.struck:
        at = next((n for n, row in enumerate(found) if not row.is_note and row.at > struck.at), len(found))
        found.insert(at, _struck(struck))
    return found


def _exchange(exchange: Exchange) -> Row:
    call = exchange.call
    return Row(
        call.number,
        call.at,
        exchange.operation or f"POST {call.path}",
        _asked(exchange),
        _told(exchange),
        _TONES[exchange.outcome],
        call.seconds,
        parts=(
            Part(_HEAD, _head(call)),
            Part(_REQUEST, pretty(call.request), len(call.request.encode()) < call.request_octets),
            Part(_ANSWER, pretty(call.answer), len(call.answer.encode()) < call.answer_octets),
            *_containers(exchange),
        ),
    )


def _asked(exchange: Exchange) -> str:
    context = exchange.context
    ids = (
        () if context is None else (context.mandant_id, context.client_system_id, context.workplace_id, context.user_id)
    )
    said = [" · ".join(each for each in ids if each)] if any(ids) else []
    for name in ("CardType", "PinTyp", "Topic", "EventTo", "PerformOnlineCheck", "ReadOnlineReceipt"):
        said += [f"{name} {value}" for value in exchange.asked.all(name)[:1] if value]
    return "; ".join([*said, *exchange.handles])


def _told(exchange: Exchange) -> str:
    outcome = exchange.outcome
    if outcome is Outcome.LEFT:
        return "✗"
    if outcome is Outcome.REFUSED:
        return f"HTTP {exchange.call.status}"
    codes = " ".join(str(code) for code in exchange.codes[:_CODES_SHOWN])
    if outcome is Outcome.FAULT:
        text = exchange.told.all("ErrorText") or exchange.told.all("faultstring")
        return f"Fault {codes} {text[-1] if text else ''}".strip()
    said = ["OK" if outcome is Outcome.OK else f"Warning {codes}"]
    said += [f"{name} {value}" for name in ("PinResult", "LeftTries", "PinStatus") for value in exchange.told.all(name)]
    said += [f"{card.type} {card.handle}" for card in exchange.cards]
    return ", ".join(said)


def _containers(exchange: Exchange) -> tuple[Part, ...]:
    found = ((name, exchange.told.first(name)) for name in _CONTAINERS)
    texts = ((name, unpacked(packed)) for name, packed in found if packed)
    return tuple(Part(Said(name, name), pretty(text)) for name, text in texts if text)


def _page(call: Call) -> Row:
    tone = "ok" if call.status < 400 else "bad"
    title = "connector.sds" if call.path == SDS_PATH else f"{call.method} {call.path}"
    return Row(
        call.number, call.at, title, "", f"HTTP {call.status}", tone, call.seconds, parts=(Part(_HEAD, _head(call)),)
    )


def _event(event: Seen) -> Row:
    told = "; ".join(f"{key} {value}" for key, value in event.parameters.items())
    tone = "ok" if event.arrived else "bad"
    answer = event.delivery.outcome if not event.arrived else ""
    return Row(
        event.number,
        event.at,
        event.topic or "CETP",
        f"{event.delivery.client_system} {event.delivery.sink}; {told}",
        answer,
        tone,
        event.delivery.seconds,
        outbound=False,
        parts=(Part(_EVENT, pretty(event.delivery.message)),),
    )


def _handshake(handshake: Handshake) -> Row:
    return Row(handshake.number, handshake.at, "TLS", handshake.address, handshake.reason, "bad")


def _struck(struck: Struck) -> Row:
    return Row(0, struck.at, f"lab fault {struck.fault}: {struck.service}: {struck.line}", is_note=True)


def _head(call: Call) -> str:
    lines = [
        f"{call.connection}  {call.tls or 'no TLS'}  {', '.join(call.client_systems)}",
        f"{call.method} {call.path}",
    ]
    lines += [f"{field.name}: {field.value}" for field in call.fields]
    return "\n".join([*lines, f"→ HTTP {call.status}, {call.answer_octets} octets"])


def pretty(text: str) -> str:
    """XML with indentation; what cannot be read stays as it is."""
    root = parsed(text)
    if root is None:
        return text
    etree.indent(root)
    return etree.tostring(root, encoding="unicode")
