"""EventService 7.2: Subscribe, Unsubscribe, RenewSubscriptions, GetSubscription (gemSpec_Kon V5.18 §4.1.6.5.4 ff.)."""

from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import (
    GET_SUBSCRIPTION_ACTION,
    RENEW_SUBSCRIPTIONS_ACTION,
    SUBSCRIBE_ACTION,
    UNSUBSCRIBE_ACTION,
    GetSubscription,
    GetSubscriptionResponse,
    RenewSubscriptions,
    RenewSubscriptionsResponse,
    Subscribe,
    SubscribeRenewals,
    SubscribeResponse,
    SubscriptionRenewal,
    Subscriptions,
    Unsubscribe,
    UnsubscribeResponse,
)
from tiaas.interfaces.event_service_v7_2 import Subscription as WireSubscription
from tiaas.konnektor.audience import make_filter_untrusted
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, declared, warning
from tiaas.konnektor.sinkaddress import BadEventTo, Sink, SinkAddress, decode_event_to_untrusted
from tiaas.konnektor.subscriptions import Filter, Subscription, Wish, topic_key
from tiaas.konnektor.xpath.lexer import BadXPath
from tiaas.soap.dispatch import Operation, operation


def operations(context: ServiceContext) -> list[Operation]:
    """The operations about subscriptions."""

    async def subscribe(request: Subscribe, peer: Peer) -> SubscribeResponse:
        return await _subscribe(context, request, peer)

    async def unsubscribe(request: Unsubscribe, peer: Peer) -> UnsubscribeResponse:
        return await _unsubscribe(context, request, peer)

    async def renew(request: RenewSubscriptions, peer: Peer) -> RenewSubscriptionsResponse:
        return await _renew(context, request, peer)

    async def get(request: GetSubscription, peer: Peer) -> GetSubscriptionResponse:
        return _get(context, request, peer)

    return [
        operation(Subscribe, SubscribeResponse, subscribe, access=declared("Subscribe"), soap_action=SUBSCRIBE_ACTION),
        operation(
            Unsubscribe,
            UnsubscribeResponse,
            unsubscribe,
            access=declared("Unsubscribe"),
            soap_action=UNSUBSCRIBE_ACTION,
        ),
        operation(
            RenewSubscriptions,
            RenewSubscriptionsResponse,
            renew,
            access=declared("RenewSubscriptions"),
            soap_action=RENEW_SUBSCRIPTIONS_ACTION,
        ),
        operation(
            GetSubscription,
            GetSubscriptionResponse,
            get,
            access=declared("GetSubscription"),
            soap_action=GET_SUBSCRIPTION_ACTION,
        ),
    ]


async def _subscribe(context: ServiceContext, request: Subscribe, peer: Peer) -> SubscribeResponse:
    authorize(context, peer, request.context, "Subscribe")
    wanted, call = request.subscription, request.context
    wish = Wish(
        mandant_id=call.mandant_id,
        workplace_id=call.workplace_id,
        sink=Sink(call.client_system_id, _address(wanted.event_to)),
        topic_key=topic_key(wanted.topic),
        filter=_filter(wanted),
        topic=wanted.topic,
        event_to=wanted.event_to,
    )
    held = await context.events.subscribe(wish)
    return SubscribeResponse(status=OK, subscription_id=held.subscription_id, termination_time=held.ends)


def _address(event_to: str) -> SinkAddress:
    try:
        return decode_event_to_untrusted(event_to)
    except BadEventTo as error:
        raise KonnektorError(4000, str(error)) from None


def _filter(wanted: WireSubscription) -> Filter | None:
    """The filter; one that is no XPath is told now, not at the first event."""
    if not (wanted.filter or "").strip():
        return None
    try:
        return make_filter_untrusted(wanted.filter or "", wanted.prefixes)
    except BadXPath as error:
        raise KonnektorError(4000, f"Filter: {error}") from None


async def _unsubscribe(context: ServiceContext, request: Unsubscribe, peer: Peer) -> UnsubscribeResponse:
    authorize(context, peer, request.context, "Unsubscribe")
    caller = _caller(request.context)
    if request.subscription_id is not None:
        gone = [context.events.subscriptions.find(caller, request.subscription_id)]
    else:
        sink = Sink(request.context.client_system_id, _address(request.event_to or ""))
        gone = [held for held in context.events.subscriptions.at(sink) if held.wish.caller == caller]
        if not gone:
            raise KonnektorError(4102)
    await context.events.unsubscribe(gone)
    return UnsubscribeResponse(status=OK)


async def _renew(context: ServiceContext, request: RenewSubscriptions, peer: Peer) -> RenewSubscriptionsResponse:
    authorize(context, peer, request.context, "RenewSubscriptions")
    found, unknown = context.events.subscriptions.sort_out(_caller(request.context), request.subscription_id)
    renewals = await context.events.renew(found)
    if not renewals:
        raise KonnektorError(4102)
    complete = not unknown and len(renewals) == len(found)
    return RenewSubscriptionsResponse(
        status=OK if complete else warning(context, KonnektorError(4102)),
        subscribe_renewals=SubscribeRenewals(
            subscription_renewal=tuple(
                SubscriptionRenewal(subscription_id=held.subscription_id, termination_time=held.ends)
                for held in renewals
            )
        ),
    )


def _get(context: ServiceContext, request: GetSubscription, peer: Peer) -> GetSubscriptionResponse:
    authorize(context, peer, request.context, "GetSubscription", mandant_wide=request.mandant_wide)
    held = context.events.subscriptions
    if request.subscription_id is not None:
        found = [held.find(_caller(request.context), request.subscription_id)]
    else:
        found = held.of(_caller(request.context), None if request.mandant_wide else request.context.workplace_id)
    return GetSubscriptionResponse(status=OK, subscriptions=Subscriptions(subscription=tuple(map(_wire, found))))


def _caller(call: Context) -> tuple[str, str]:
    return call.mandant_id, call.client_system_id


def _wire(held: Subscription) -> WireSubscription:
    return WireSubscription(
        subscription_id=held.subscription_id,
        termination_time=held.ends,
        event_to=held.wish.event_to,
        topic=held.wish.topic,
        filter=held.wish.filter.text if held.wish.filter is not None else None,
    )
