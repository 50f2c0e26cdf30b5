"""Who gets an event: topic, access, filter (gemSpec_Kon V5.18 TUC_KON_256 step 5). Decisions only, no I/O.

Topic and access are judged when the event is raised, because a card may be gone a moment later; the filter is
evaluated when it is the receiver's turn.
"""

from collections.abc import Callable, Iterable

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.event_service_v7_2 import EVT, EventKind, EventMessage, EventSeverity, Parameter
from tiaas.interfaces.event_service_v7_2 import Event as WireEvent
from tiaas.konnektor.access import AccessRequest, CardFact, Granted, decide
from tiaas.konnektor.events import Event
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.subscriptions import Filter, Subscription, Wish
from tiaas.konnektor.xpath.compiler import compile_xpath_untrusted
from tiaas.konnektor.xpath.document import Branch, Document, build
from tiaas.konnektor.xpath.lexer import BadXPath
from tiaas.konnektor.xpath.values import Run

FILTER_STEPS = 2_000
"""What one filter may cost for one event: about 5 ms, for which the process serves nobody else. An ordinary filter
needs 80 to 400 steps."""
CLIENT_STEPS = 200_000
"""What all filters of one Clientsystem together may cost for one event: 200 steps each of 1,000."""
PREFIX_URI_MAX = 256
"""Longest namespace name a filter's prefix may stand for."""


def make_filter_untrusted(text: str, prefixes: tuple[tuple[str, str], ...]) -> Filter:
    """A subscription's filter: prefix EVT and names without prefix mean the namespace of the event; further prefixes
    are those the client declared, of which only those that the filter uses are kept. Raises `BadXPath`."""
    known = {EVT.prefix: EVT.uri} | dict(prefixes)
    compiled = compile_xpath_untrusted(text, known, EVT.uri)
    used = tuple((prefix, known[prefix]) for prefix in sorted(compiled.prefixes))
    for prefix, uri in used:
        if len(uri) > PREFIX_URI_MAX:
            raise BadXPath(text.index(f"{prefix}:") + 1, f"the namespace is longer than {PREFIX_URI_MAX} characters")
    return Filter(text, used, compiled)


@dataclass(slots=True)
class Allowance:
    """Steps the filters of one Clientsystem may still cost for one event."""

    left: int = CLIENT_STEPS


def audience(
    event: Event,
    subscriptions: Iterable[Subscription],
    model: InfoModel,
    card_of: Callable[[str], CardFact | None],
) -> list[Subscription]:
    """Those whose topic is a prefix of the event's and whose workplace may know of its card or terminal."""
    topic = str(event.topic).upper()
    allowed: dict[tuple[str, str, str], bool] = {}
    heard = []
    for subscription in subscriptions:
        wish = subscription.wish
        if not topic.startswith(wish.topic_key):
            continue
        who = (wish.mandant_id, wish.sink.client_system_id, wish.workplace_id)
        if who not in allowed:
            allowed[who] = _may_know(event, wish, model, card_of)
        if allowed[who]:
            heard.append(subscription)
    return heard


def _may_know(event: Event, wish: Wish, model: InfoModel, card_of: Callable[[str], CardFact | None]) -> bool:
    """TUC_KON_000 with the context of the subscription (R3, R4, R5, R7, R8)."""
    request = AccessRequest(
        wish.mandant_id,
        wish.sink.client_system_id,
        wish.workplace_id,
        ct_id=event.ct_id,
        card_handle=event.card_handle,
        need_card_session=False,
        all_workplaces=False,
    )
    return isinstance(decide(request, model, card_of), Granted)


def passes_filter(event: Event, subscription: Subscription, allowance: Allowance) -> bool:
    """Whether the filter of a subscription lets the event through; its cost goes off `allowance`.

    Raises `XPathFailed`, also for a filter that costs more than `FILTER_STEPS` or than is left.
    """
    wanted = subscription.wish.filter
    if wanted is None:
        return True
    budget = min(FILTER_STEPS, allowance.left)
    run = Run(document_of(event, subscription.subscription_id), budget)
    try:
        return wanted.compiled.holds(run)
    finally:
        allowance.left -= budget - max(run.budget, 0)


def document_of(event: Event, subscription_id: str) -> Document:
    """The event as a filter sees it: the document that is sent."""
    parameters = tuple(
        Branch("Parameter", (Branch("Key", key), Branch("Value", value))) for key, value in event.parameters
    )
    return build(
        EVT.uri,
        Branch(
            "Event",
            (
                Branch("Topic", str(event.topic)),
                Branch("Type", event.kind.value),
                Branch("Severity", event.severity.value),
                Branch("SubscriptionID", subscription_id),
                Branch("Message", parameters),
            ),
        ),
    )


def message_of(event: Event, subscription_id: str) -> WireEvent:
    """The event as it is sent to one subscription."""
    return WireEvent(
        topic=str(event.topic),
        type=EventKind(event.kind.value),
        severity=EventSeverity(event.severity.value),
        subscription_id=subscription_id,
        message=EventMessage(parameter=tuple(Parameter(key=key, value=value) for key, value in event.parameters)),
    )
