"""GetResourceInformation and the operations about subscriptions, with a real terminal and its cards."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.konnektor_core.surgery import CLOCK, CT, Surgery, caller, context
from tiaas.interfaces.connector_common_v5_0 import Connection, Result
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.event_service_v7_2 import (
    GetCards,
    GetResourceInformation,
    GetSubscription,
    RenewSubscriptions,
    Subscribe,
    Subscription,
    Unsubscribe,
)
from tiaas.konnektor import errors
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.infomodel import ClientSystem, Kind, Relation
from tiaas.konnektor.opstate import Condition

URL = "cetp://127.0.0.1:9"


@pytest.fixture
async def surgery(tmp_path: Path) -> AsyncIterator[Surgery]:
    surgery = Surgery(tmp_path)
    await surgery.open()
    yield surgery
    await surgery.core.events.stop()
    await surgery.close()


def other(mandant: str = "M1") -> Context:
    return Context(mandant_id=mandant, client_system_id="CS2", workplace_id="AP1")


def wish(topic: str = "CARD", event_to: str = URL, **more: Any) -> Subscription:
    return Subscription(event_to=event_to, topic=topic, **more)


async def subscribe(surgery: Surgery, who: Context | None = None, **more: Any) -> Any:
    request = Subscribe(context=who or context(), subscription=wish(**more))
    return await surgery.call(request, caller("CS1", "CS2"))


async def refused(surgery: Surgery, request: Any) -> int:
    with pytest.raises(KonnektorError) as caught:
        await surgery.call(request, caller("CS1", "CS2"))
    return caught.value.code


async def resource(surgery: Surgery, who: Context | None = None, **which: Any) -> Any:
    return await surgery.call(GetResourceInformation(context=who or context(), **which))


async def ids(surgery: Surgery, who: Context | None = None, **more: Any) -> list[str]:
    answer = await surgery.call(GetSubscription(context=who or context(), **more), caller("CS1", "CS2"))
    return [entry.subscription_id for entry in answer.subscriptions.subscription]


# ---- GetResourceInformation ------------------------------------------------------------------------------------------


@pytest.mark.requirement("TIP1-A_4602")
@pytest.mark.pitfall(47)
async def test_the_konnektor_lists_all_conditions(surgery: Surgery) -> None:
    answer = await resource(surgery)
    assert (answer.card, answer.card_terminal) == (None, None)
    states = {state.error_condition: state for state in answer.connector.operating_state.error_state}
    assert f"EC_CardTerminal_Not_Available({CT})" in states
    assert len(states) == len(list(surgery.core.opstate))
    assert not any(state.value for state in states.values())
    surgery.core.opstate.set(Condition.TSL_EXPIRING, True)
    answer = await resource(surgery, context(workplace="AP2"))
    states = {state.error_condition: state for state in answer.connector.operating_state.error_state}
    assert states["EC_TSL_Expiring"].value is True
    # This Konnektor was given no TI.
    assert answer.connector.vpn_ti_status.connection_status is Connection.OFFLINE
    assert answer.connector.vpn_sis_status.connection_status is Connection.OFFLINE


@pytest.mark.requirement("TIP1-A_4710", "TIP1-A_6479")
@pytest.mark.pitfall(3)
@pytest.mark.parametrize(
    ("given", "told"),
    [("M1 ", "unbekannt; ohne Leerraum bekannt: M1"), ("Wilhelmine Brückner", "unbekannt (19 Zeichen)")],
)
async def test_the_log_of_a_refusal_tells_known_ids_only(surgery: Surgery, given: str, told: str) -> None:
    with pytest.raises(KonnektorError) as caught:
        await surgery.call(GetCards(context=context(given)))
    evidence = dict(caught.value.evidence)
    assert (evidence["Mandant"], evidence["Clientsystem"], evidence["Arbeitsplatz"]) == (told, "CS1", "AP1")


async def test_terminals_and_cards(surgery: Surgery) -> None:
    egk = surgery.find(CardType.EGK)
    assert (await resource(surgery, ct_id=CT)).card_terminal.ct_id == CT
    for which in ({"ct_id": CT, "slot_id": 2}, {"iccsn": egk.data.iccsn}, {"card_handle": egk.handle}):
        answer = await resource(surgery, **which)
        assert answer.card.card_handle == egk.handle
        assert (answer.card_terminal, answer.connector) == (None, None)


@pytest.mark.parametrize(
    ("code", "which"),
    [
        (4000, {"slot_id": 1}),
        (4000, {"ct_id": CT, "iccsn": "80276001011699900861"}),
        (4000, {"card_handle": "x", "iccsn": "80276001011699900861"}),
        (4007, {"ct_id": "CT-9999"}),
        (4097, {"ct_id": CT, "slot_id": 9}),
        (4099, {"iccsn": "80276001011699900861"}),
        (4101, {"card_handle": "gone"}),
    ],
)
@pytest.mark.code(4000, 4007, 4097, 4099, 4101)
async def test_errors_of_GetResourceInformation(surgery: Surgery, code: int, which: dict[str, Any]) -> None:
    assert await refused(surgery, GetResourceInformation(context=context(), **which)) == code


@pytest.mark.code(4021)
async def test_what_is_empty_in_a_context_is_named_and_what_is_unknown_is_not(surgery: Surgery) -> None:
    for ids, code, detail in (
        ({"mandant_id": ""}, 4021, "empty: MandantId"),
        ({"client_system_id": "", "workplace_id": ""}, 4021, "empty: ClientSystemId, WorkplaceId"),
        ({"mandant_id": "M9", "workplace_id": ""}, 4021, "empty: WorkplaceId"),
        ({"mandant_id": "M9"}, 4004, ""),
    ):
        with pytest.raises(KonnektorError) as caught:
            await surgery.call(GetCards(context=replace(context(), **ids)))
        assert (caught.value.code, caught.value.detail) == (code, detail)
        assert errors.shown_of(caught.value)["code"] == 4021
        assert "M9" not in str(errors.shown_of(caught.value))


@pytest.mark.code(4004, 4013, 4016, 4098)
async def test_more_errors_of_GetResourceInformation(surgery: Surgery) -> None:
    egk, smcb = surgery.find(CardType.EGK), surgery.find(CardType.SMC_B)
    far = GetResourceInformation(context=context(workplace="AP2"), card_handle=egk.handle)
    assert await refused(surgery, far) == 4016
    foreign = GetResourceInformation(context=context("M2"), card_handle=smcb.handle)
    assert await refused(surgery, foreign) == 4013
    unknown = GetResourceInformation(context=context("M9"), iccsn="80276001011699900861")
    assert await refused(surgery, unknown) == 4004
    surgery.terminal.eject(2)
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is None)
    assert await refused(surgery, GetResourceInformation(context=context(), ct_id=CT, slot_id=2)) == 4098


# ---- subscriptions ---------------------------------------------------------------------------------------------------


@pytest.mark.pitfall(29)
async def test_a_subscription_lasts_25_hours_and_the_same_wish_has_one_id(surgery: Surgery) -> None:
    before = CLOCK.now()
    first = await subscribe(surgery)
    assert timedelta(0) <= first.termination_time - before - timedelta(hours=25) < timedelta(minutes=1)
    again = await subscribe(surgery, topic="card/", event_to=URL + "/")
    assert again.subscription_id == first.subscription_id
    assert again.termination_time >= first.termination_time
    assert (await subscribe(surgery, topic="CT")).subscription_id != first.subscription_id
    assert (await subscribe(surgery, context(workplace="AP2"))).subscription_id != first.subscription_id
    (shown,) = [s for s in await shown_of(surgery) if s.subscription_id == first.subscription_id]
    assert (shown.event_to, shown.topic, shown.filter) == (URL, "CARD", None)
    assert shown.termination_time == again.termination_time


async def shown_of(surgery: Surgery) -> list[Subscription]:
    answer = await surgery.call(GetSubscription(context=context()))
    return list(answer.subscriptions.subscription)


async def test_what_the_client_says_of_id_and_end_is_ignored(surgery: Surgery) -> None:
    made = await subscribe(surgery, subscription_id="mine", termination_time=CLOCK.now())
    assert made.subscription_id != "mine"
    assert made.termination_time > CLOCK.now()


@pytest.mark.parametrize(
    "more", [{"event_to": "cetp://127.0.0.1"}, {"event_to": "cetp://127.0.0.1:0"}, {"filter": "//a["},
             {"filter": "/x:Event", "prefixes": (("y", "urn:y"),)}]
)  # fmt: skip
async def test_4000_what_cannot_be_subscribed(surgery: Surgery, more: dict[str, Any]) -> None:
    assert await refused(surgery, Subscribe(context=context(), subscription=wish(**more))) == 4000


@pytest.mark.pitfall(29)
@pytest.mark.requirement("TIP1-A_5112")
async def test_renewals(surgery: Surgery) -> None:
    one, two = await subscribe(surgery), await subscribe(surgery, topic="CT")
    both = (one.subscription_id, two.subscription_id)
    answer = await surgery.call(RenewSubscriptions(context=context(), subscription_id=both))
    assert answer.status.result is Result.OK
    assert [entry.subscription_id for entry in answer.subscribe_renewals.subscription_renewal] == list(both)
    answer = await surgery.call(RenewSubscriptions(context=context(), subscription_id=("x", *both[:1])))
    assert answer.status.result is Result.WARNING
    assert [entry.code for entry in answer.status.error.trace] == [4102]
    assert [entry.subscription_id for entry in answer.subscribe_renewals.subscription_renewal] == list(both[:1])
    assert await refused(surgery, RenewSubscriptions(context=context(), subscription_id=("x", "y"))) == 4102
    assert await refused(surgery, RenewSubscriptions(context=context("M2"), subscription_id=both)) == 4102


async def test_only_mandant_and_client_of_a_subscription_touch_it(surgery: Surgery) -> None:
    await surgery.core.infomodel.apply(
        lambda model: (
            model.add(Kind.CLIENT, ClientSystem("CS2"))
            .link(Relation.MANDANT_CLIENT, "M1", "CS2")
            .link(Relation.CS_AP, "M1", "CS2", "AP1")
        )
    )
    made = (await subscribe(surgery)).subscription_id
    for who in (context("M2"), other()):
        assert await refused(surgery, Unsubscribe(context=who, subscription_id=made)) == 4102
        assert await refused(surgery, Unsubscribe(context=who, event_to=URL)) == 4102
        assert await refused(surgery, GetSubscription(context=who, subscription_id=made)) == 4102
        assert await ids(surgery, who, mandant_wide=True) == []
    assert await ids(surgery, subscription_id=made) == [made]
    assert await refused(surgery, Unsubscribe(context=context(), subscription_id="x")) == 4102
    await surgery.call(Unsubscribe(context=context(workplace="AP2"), subscription_id=made))
    assert await refused(surgery, Unsubscribe(context=context(), subscription_id=made)) == 4102


@pytest.mark.requirement("TIP1-A_4599", "TIP1-A_4600")
@pytest.mark.pitfall(14, 15)
async def test_lists_by_workplace_and_mandant_wide(surgery: Surgery) -> None:
    here, there = await subscribe(surgery), await subscribe(surgery, context(workplace="AP2"))
    assert await ids(surgery) == [here.subscription_id]
    assert await ids(surgery, mandant_wide=True) == [here.subscription_id, there.subscription_id]
    await surgery.call(Unsubscribe(context=context(), event_to=URL))
    assert await ids(surgery, mandant_wide=True) == []


async def test_a_caller_needs_access(surgery: Surgery) -> None:
    stranger = context("M9")
    for request in (
        Subscribe(context=stranger, subscription=wish()),
        Unsubscribe(context=stranger, subscription_id="x"),
        RenewSubscriptions(context=stranger, subscription_id=("x",)),
        GetSubscription(context=stranger),
        GetResourceInformation(context=stranger),
    ):
        assert await refused(surgery, request) == 4004
