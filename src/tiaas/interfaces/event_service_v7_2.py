"""EventService 7.2: cards, terminals, state, subscriptions and events (EventService.xsd 7.2.1, WSDL 7.2.0).

Cards are those of CardService 8.1 whatever versions of CardService are served.
"""

import enum
import re
from dataclasses import field
from datetime import datetime
from typing import Annotated

from tiaas.interfaces.card_service_common_v2_0 import CARD_TYPE, CT_ID, ICCSN, SLOT_ID, CardType
from tiaas.interfaces.card_service_v8_1 import CARD, Card, Cards
from tiaas.interfaces.card_terminal_info_v8_0 import CARD_TERMINAL, CARD_TERMINALS, CardTerminal, CardTerminals
from tiaas.interfaces.connector_common_v5_0 import CARD_HANDLE, CONNECTOR, STATUS, Connector, Status
from tiaas.interfaces.connector_context_v2_0 import CONTEXT, Context
from tiaas.soap.mapping import Attribute, Element, Namespace, Prefixes, message
from tiaas.soap.simple import ANY_URI, BOOLEAN, DATE_TIME, STRING, TOKEN, Enumeration, String
from tiaas.soap.uris import AnyUri

SERVICE = "EventService"
EVT = Namespace("http://ws.gematik.de/conn/EventService/v7.2", "EVT")
WSDL_NAMESPACE = "http://ws.gematik.de/conn/EventService/WSDL/v7.2"
VERSIONS = ("7.2.0",)

GET_CARDS_ACTION = f"{EVT.uri}#GetCards"
GET_CARD_TERMINALS_ACTION = f"{EVT.uri}#GetCardTerminals"
GET_RESOURCE_INFORMATION_ACTION = f"{EVT.uri}#GetResourceInformation"
SUBSCRIBE_ACTION = f"{EVT.uri}#Subscribe"
UNSUBSCRIBE_ACTION = f"{EVT.uri}#Unsubscribe"
RENEW_SUBSCRIPTIONS_ACTION = f"{EVT.uri}#RenewSubscriptions"
GET_SUBSCRIPTION_ACTION = f"{EVT.uri}#GetSubscription"


@enum.unique
class EventKind(enum.StrEnum):
    """EventType."""

    OPERATION = "Operation"
    SECURITY = "Security"
    INFRASTRUCTURE = "Infrastructure"
    BUSINESS = "Business"
    OTHER = "Other"


@enum.unique
class EventSeverity(enum.StrEnum):
    """EventSeverityType."""

    INFO = "Info"
    WARNING = "Warning"
    ERROR = "Error"
    FATAL = "Fatal"


SUBSCRIPTION_ID_TYPE = String(name=EVT("SubscriptionIDType"), base=STRING, max_length=64)
TOPIC_TYPE = String(name=EVT("TopicType"), base=STRING, max_length=1024)
FILTER_TYPE = String(name=EVT("FilterType"), base=STRING, max_length=1024)
EVENT_TYPE = Enumeration(name=EVT("EventType"), base=TOKEN, members=EventKind, collapsed=True)
EVENT_SEVERITY_TYPE = Enumeration(name=EVT("EventSeverityType"), base=TOKEN, members=EventSeverity, collapsed=True)

SUBSCRIPTION_ID = Element(EVT, "SubscriptionID", SUBSCRIPTION_ID_TYPE)
TERMINATION_TIME = Element(EVT, "TerminationTime", DATE_TIME)
EVENT_TO = Element(EVT, "EventTo", AnyUri(base=ANY_URI, pattern=re.compile(r"cetp://[^\n\r]*")))
FILTER = Element(EVT, "Filter", FILTER_TYPE)
SUBSCRIPTION = Element(EVT, "Subscription")
_MANDANT_WIDE = Attribute("mandant-wide", BOOLEAN)


@message(EVT, root="GetCards")
class GetCards:
    """Asks for cards in terminals; `card_type` is a filter. `mandant_wide` is false where the client says nothing."""

    context: Annotated[Context, CONTEXT]
    ct_id: Annotated[str | None, CT_ID] = None
    slot_id: Annotated[int | None, SLOT_ID] = None
    card_type: Annotated[CardType | None, CARD_TYPE] = None
    mandant_wide: Annotated[bool, _MANDANT_WIDE] = False


@message(EVT, root="GetCardsResponse")
class GetCardsResponse:
    """The cards found."""

    status: Annotated[Status, STATUS]
    cards: Annotated[Cards, Element(CARD, "Cards")]


@message(EVT, root="GetCardTerminals")
class GetCardTerminals:
    """Asks for card terminals."""

    context: Annotated[Context, CONTEXT]
    mandant_wide: Annotated[bool, _MANDANT_WIDE] = False


@message(EVT, root="GetCardTerminalsResponse")
class GetCardTerminalsResponse:
    """The terminals found."""

    status: Annotated[Status, STATUS]
    card_terminals: Annotated[CardTerminals, CARD_TERMINALS]


@message(EVT, root="GetResourceInformation")
class GetResourceInformation:
    """Asks about one terminal, one card, or, with none of the four, the Konnektor."""

    context: Annotated[Context, CONTEXT]
    ct_id: Annotated[str | None, CT_ID] = None
    slot_id: Annotated[int | None, SLOT_ID] = None
    iccsn: Annotated[str | None, ICCSN] = None
    card_handle: Annotated[str | None, CARD_HANDLE] = None


@message(EVT, root="GetResourceInformationResponse")
class GetResourceInformationResponse:
    """One of card, terminal and connector (the schema leaves it open)."""

    status: Annotated[Status, STATUS]
    card: Annotated[Card | None, Element(CARD, "Card")] = None
    card_terminal: Annotated[CardTerminal | None, CARD_TERMINAL] = None
    connector: Annotated[Connector | None, CONNECTOR] = None


@message(EVT, root="Subscription", type_name="SubscriptionType")
class Subscription:
    """What a client wants to hear: `event_to` is `cetp://host:port`, `topic` a prefix, `filter` an XPath.

    `prefixes` are the namespace prefixes the filter may use; what else was in scope is no part of the message's value.
    """

    subscription_id: Annotated[str | None, SUBSCRIPTION_ID] = None
    termination_time: Annotated[datetime | None, TERMINATION_TIME] = None
    event_to: Annotated[str, EVENT_TO]
    topic: Annotated[str, Element(EVT, "Topic", TOPIC_TYPE)]
    filter: Annotated[str | None, FILTER] = None
    prefixes: Annotated[tuple[tuple[str, str], ...], Prefixes(FILTER)] = field(default=(), compare=False)


@message(EVT, root="Subscribe")
class Subscribe:
    """Registers a subscription."""

    context: Annotated[Context, CONTEXT]
    subscription: Annotated[Subscription, SUBSCRIPTION]


@message(EVT, root="SubscribeResponse")
class SubscribeResponse:
    """The subscription's id and end."""

    status: Annotated[Status, STATUS]
    subscription_id: Annotated[str, SUBSCRIPTION_ID]
    termination_time: Annotated[datetime, TERMINATION_TIME]


@message(EVT, root="Unsubscribe")
class Unsubscribe:
    """Removes one subscription by id, or all that go to `event_to`: exactly one of the two."""

    context: Annotated[Context, CONTEXT]
    subscription_id: Annotated[str | None, SUBSCRIPTION_ID.alternative("which")] = None
    event_to: Annotated[str | None, EVENT_TO.alternative("which")] = None


@message(EVT, root="UnsubscribeResponse")
class UnsubscribeResponse:
    """Done."""

    status: Annotated[Status, STATUS]


@message(EVT, root="GetSubscription")
class GetSubscription:
    """Asks for one subscription or all the caller may see."""

    context: Annotated[Context, CONTEXT]
    subscription_id: Annotated[str | None, SUBSCRIPTION_ID] = None
    mandant_wide: Annotated[bool, _MANDANT_WIDE] = False


@message(EVT)
class Subscriptions:
    """A list of subscriptions, possibly empty."""

    subscription: Annotated[tuple[Subscription, ...], SUBSCRIPTION] = ()


@message(EVT, root="GetSubscriptionResponse")
class GetSubscriptionResponse:
    """The subscriptions found."""

    status: Annotated[Status, STATUS]
    subscriptions: Annotated[Subscriptions, Element(EVT, "Subscriptions")]


@message(EVT, root="RenewSubscriptions")
class RenewSubscriptions:
    """Renews 1 to 1000 subscriptions."""

    context: Annotated[Context, CONTEXT]
    subscription_id: Annotated[tuple[str, ...], SUBSCRIPTION_ID.occurs(1, 1000)]


@message(EVT, root="SubscriptionRenewal")
class SubscriptionRenewal:
    """A renewed subscription and its new end."""

    subscription_id: Annotated[str, SUBSCRIPTION_ID]
    termination_time: Annotated[datetime, TERMINATION_TIME]


@message(EVT)
class SubscribeRenewals:
    """1 to 1000 renewals."""

    subscription_renewal: Annotated[
        tuple[SubscriptionRenewal, ...], Element(EVT, "SubscriptionRenewal").occurs(1, 1000)
    ]


@message(EVT, root="RenewSubscriptionsResponse")
class RenewSubscriptionsResponse:
    """The renewals."""

    status: Annotated[Status, STATUS]
    subscribe_renewals: Annotated[SubscribeRenewals, Element(EVT, "SubscribeRenewals")]


@message(EVT)
class Parameter:
    """One key and value of an event."""

    key: Annotated[str, Element(EVT, "Key", String(base=STRING, max_length=64))]
    value: Annotated[str, Element(EVT, "Value", String(base=STRING, max_length=5000))]


@message(EVT)
class EventMessage:
    """The parameters of an event."""

    parameter: Annotated[tuple[Parameter, ...], Element(EVT, "Parameter")] = ()


@message(EVT, root="Event")
class Event:
    """What is delivered by CETP; `subscription_id` is empty in the messages after a boot."""

    topic: Annotated[str, Element(EVT, "Topic", TOPIC_TYPE)]
    type: Annotated[EventKind, Element(EVT, "Type", EVENT_TYPE)]
    severity: Annotated[EventSeverity, Element(EVT, "Severity", EVENT_SEVERITY_TYPE)]
    subscription_id: Annotated[str, SUBSCRIPTION_ID]
    message: Annotated[EventMessage, Element(EVT, "Message")]
