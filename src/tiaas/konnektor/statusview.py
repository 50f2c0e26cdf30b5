"""What an instance tells of itself, as a JSON document (`docs/reference/status-interface.md`, version 1).

Read from memory alone: no card and no terminal is asked. No ICCSN, KVNR, name of a person, PIN or key is in it: a card
is named by its handle and type. Lists are bounded by the practice's equipment or by the rings they come from.
"""

from typing import Any

from tiaas.fachdienste.vsdm.receipt import Receipt
from tiaas.konnektor.calllog import Call
from tiaas.konnektor.cardmap import HOLDER_PIN
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.delivery import DeliveryView
from tiaas.konnektor.eventfeed import SeenEvent
from tiaas.konnektor.heldkeys import HeldKeys
from tiaas.konnektor.infomodel import AuthKind
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.opstate import State
from tiaas.konnektor.sessions import AuthValue
from tiaas.konnektor.statustime import time_text
from tiaas.konnektor.statustrust import trust_document
from tiaas.konnektor.terminallist import TerminalEntry

VERSION = 1
CALLS_SHOWN = 40
EVENTS_SHOWN = 40


def summary_document(instance: Instance) -> dict[str, Any]:
    """An instance in the list of all."""
    terminals = list(instance.context.terminals)
    return {
        "name": instance.name,
        "url": instance.url,
        "profile": instance.config.profile.value,
        "since": time_text(instance.serves_since),
        "terminals": len(terminals),
        "terminals_connected": sum(entry.connected for entry in terminals),
    }


def instance_document(instance: Instance) -> dict[str, Any]:
    """Everything that is told of one instance."""
    product = instance.config.product
    ti = instance.config.ti
    calls = list(instance.calls)
    return {
        "version": VERSION,
        "name": instance.name,
        "url": instance.url,
        "profile": instance.config.profile.value,
        "environment": instance.config.environment.shown,
        "since": time_text(instance.serves_since),
        "product": {
            "vendor": product.vendor_name,
            "name": product.product_name,
            "type_version": product.product_type_version,
            "firmware": product.firmware_version,
        },
        "connections": instance.reception.connection_count,
        "clients": _clients(instance),
        "terminals": [_terminal(instance, entry) for entry in instance.context.terminals],
        "calls_total": instance.calls.total,
        "calls": [call_document(call) for call in calls[:CALLS_SHOWN]],
        "events": [event_document(event) for event in list(instance.feed)[:EVENTS_SHOWN]],
        "sinks": [_sink(view) for view in instance.context.events],
        "conditions": [_condition(state) for state in instance.context.opstate if state.value],
        "ti": {
            "online": instance.context.online_mode.active,
            "vsdm": bool(ti.intermediaer),
            "tsl": bool(ti.tsl_url),
            "ocsp": bool(ti.ocsp_forwarder),
            "last_check": _last_check(instance.context.vsdm.last_receipt),
        },
        "trust": trust_document(instance.context.trust.status()),
    }


def call_document(call: Call) -> dict[str, Any]:
    """One call."""
    return {
        "number": call.number,
        "at": time_text(call.at),
        "operation": call.operation,
        "ms": round(call.seconds * 1000, 1),
        "outcome": call.outcome.value,
        "code": call.code,
        "client_system": call.client_system,
    }


def event_document(event: SeenEvent) -> dict[str, Any]:
    """One event."""
    return {
        "number": event.number,
        "at": time_text(event.at),
        "topic": event.topic,
        "type": event.kind,
        "severity": event.severity,
        "ct_id": event.ct_id,
        "slot": event.slot,
    }


def _clients(instance: Instance) -> list[dict[str, Any]]:
    """The Clientsysteme of the information model and how many ways they have to authenticate themselves."""
    clients = instance.model.current.clients
    return [
        {
            "id": client_system_id,
            "certificates": sum(feature.kind is AuthKind.CERTIFICATE for feature in client.auth_features),
            "users": sum(feature.kind is AuthKind.BASIC for feature in client.auth_features),
        }
        for client_system_id, client in sorted(clients.items())
    ]


def _sink(view: DeliveryView) -> dict[str, Any]:
    counters = view.counters
    return {
        "client_system": counters.sink.client_system_id,
        "address": str(counters.sink.address),
        "subscriptions": view.subscriptions,
        "queued": counters.queued,
        "delivered": counters.delivered,
        "failed": counters.failed,
        "dropped": counters.dropped,
        "failures_in_row": counters.failures_in_row,
        "last_delivered": time_text(counters.last_delivered),
        "last_failure": counters.last_failure,
    }


def _terminal(instance: Instance, entry: TerminalEntry) -> dict[str, Any]:
    config, product = entry.config, entry.product
    return {
        "ct_id": config.ct_id,
        "name": config.name,
        "address": f"{config.host}:{config.port}",
        "physical": config.is_physical,
        "connected": entry.connected,
        "correlation": config.correlation.value,
        "pin_entry": entry.pinpad_taken,
        "product": None
        if product is None
        else {"vendor": product.vendor_text, "model": product.model, "firmware": product.firmware_version},
        "slots": [_slot(instance, entry, slot) for slot in range(1, config.slots + 1)],
    }


def _slot(instance: Instance, entry: TerminalEntry, slot: int) -> dict[str, Any]:
    card = instance.context.cards.at(entry.config.ct_id, slot)
    return {
        "number": slot,
        "opening": slot in entry.opening,
        "card": None if card is None else _card(card, instance),
    }


def _card(card: Card, instance: Instance) -> dict[str, Any]:
    data = card.data
    expires = data.certificate_expiration if card.card_type is not CardType.EGK else None
    versions = data.versions
    worth = instance.expiry.statuses.status_of(card.handle)
    return {
        "handle": card.handle,
        "type": card.card_type.value,
        "inserted": time_text(card.insert_time),
        "object_system": None if versions is None else str(versions.object_system),
        "too_old": data.too_old,
        "expires": None if expires is None else expires.isoformat(),
        "certificates": None if worth is None else worth.value,
        "busy": card.reserved,
        "pin": _pin(card, instance),
    }


def _pin(card: Card, instance: Instance) -> dict[str, Any] | None:
    """The PIN that opens the card's role, as the sessions know it: the card itself is not asked. Of an HSM-B its
    activation (gemF_Personalisierung_HSM A_23632-01)."""
    name = HOLDER_PIN.get(card.card_type)
    if name is None:
        return None
    last = instance.feed.pin_result(card.handle, name)
    verified = _sessions_open(card, name) if card.held is None else _activations(card, card.held, instance)
    state = "VERIFIED" if verified else "BLOCKED" if last == "BLOCKED" else "NOT_VERIFIED"
    return {"name": name, "state": state, "sessions": verified, "last_result": last}


def _sessions_open(card: Card, name: str) -> int:
    held = [session.auth_state.get(name) for session in card.sessions.values()]
    return sum(value in (AuthValue.VERIFIED, AuthValue.DISABLED) for value in held)


def _activations(card: Card, held: HeldKeys, instance: Instance) -> int:
    """For how many Mandanten a virtual SMC-B is activated, whether or not one has used it."""
    assigned = instance.model.current.mandant_smbs
    return sum(held.is_active(mandant_id) for mandant_id, iccsn in assigned if iccsn == card.data.iccsn)


def _last_check(receipt: Receipt | None) -> dict[str, Any] | None:
    if receipt is None:
        return None
    return {"at": time_text(receipt.made), "result": receipt.result.value, "code": receipt.code}


def _condition(state: State) -> dict[str, Any]:
    row = state.condition.value
    return {
        "name": row.name,
        "of": state.of,
        "type": row.kind.value,
        "severity": row.severity.value,
        "meaning": row.meaning,
        "since": time_text(state.since),
    }
