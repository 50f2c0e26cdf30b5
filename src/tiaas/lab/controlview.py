"""What the control port shows: JSON documents and one small HTML page. No PIN is among it."""

from collections.abc import Sequence
from html import escape
from typing import Any

from tiaas.card.objsys.model import CardKind
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.lab.cards import LabCard
from tiaas.lab.lab import Lab
from tiaas.lab.practice import LabTerminal
from tiaas.terminal.virtual.terminal import PinPolicy

_STYLE = (
    "body{font:16px system-ui;margin:2rem;max-width:60rem}table{border-collapse:collapse;margin:1rem 0}"
    "td,th{border:1px solid #bbb;padding:.3rem .6rem;text-align:left}pre{background:#eef;padding:.6rem;min-height:2em}"
)

_TYPES = {
    CardKind.EGK: CardType.EGK,
    CardKind.HBA: CardType.HBA,
    CardKind.HBA_QSIG: CardType.HBA_QSIG,
    CardKind.SMC_B: CardType.SMC_B,
    CardKind.SMC_KT: CardType.SMC_KT,
}
"""The card's type as CardService spells it (CardServiceCommon.xsd 2.0)."""


def card_document(lab: Lab, card: LabCard) -> dict[str, Any]:
    """A card, where it is (`in` is null in the drawer), and where it goes if nobody says where (`home`)."""
    place, home = lab.place_of(card.iccsn), lab.home_slot(card)
    return {
        "iccsn": card.iccsn,
        "type": _type(card),
        "holder": card.holder,
        "kvnr": card.kvnr,
        "practice": card.practice,
        "in": None if place is None else {"ct_id": place.ct_id, "slot": place.slot},
        "home": {"ct_id": home.ct_id, "slot": home.slot},
    }


def terminal_document(lab: Lab, terminal: LabTerminal) -> dict[str, Any]:
    """A terminal's state; `entry` shows typed digits as stars."""
    snapshot = terminal.virtual.snapshot()
    return {
        "ct_id": terminal.ct_id,
        "name": terminal.record.name,
        "practice": terminal.record.practice,
        "sicct": terminal.sicct,
        "listening": snapshot.listening,
        "plugged": snapshot.plugged,
        "client": snapshot.client,
        "display": snapshot.display,
        "prompt": snapshot.prompt,
        "idle_text": snapshot.idle_text,
        "entry": snapshot.entry,
        "history": list(snapshot.history),
        "pin_policy": policy_document(terminal.virtual.pin_policy),
        "slots": [
            {"number": slot, "state": snapshot.slots[slot - 1], **_slot_card(lab, iccsn)}
            for slot, iccsn in sorted(terminal.record.slots.items())
        ],
    }


def policy_document(policy: PinPolicy) -> dict[str, Any]:
    """What the holder does, without the PINs he knows."""
    return {
        "mode": policy.mode.value,
        "has_new_pin": policy.new_pin is not None,
        "has_repeat_pin": policy.repeat_pin is not None,
    }


def overview_document(lab: Lab) -> dict[str, Any]:
    """All terminals and cards."""
    return {
        "notice": "TEST-ONLY: invented people, worthless certificates",
        "terminals": [terminal_document(lab, terminal) for terminal in lab.terminals()],
        "cards": [card_document(lab, card) for card in lab.cards],
    }


def overview_html(lab: Lab) -> str:
    """The overview for a person."""
    parts = [
        f"<!doctype html><meta charset=utf-8><title>tiaas lab</title><style>{_STYLE}</style>",
        "<h1>tiaas lab</h1><p>TEST-ONLY: invented people, worthless certificates.</p>",
    ]
    for terminal in lab.terminals():
        shown = terminal_document(lab, terminal)
        parts.append(
            f"<h2>{escape(shown['name'])} <small>{escape(shown['ct_id'])} at {escape(shown['sicct'])}</small></h2>"
        )
        parts.append(f"<pre>{escape(_display_text(shown))}</pre>")
        rows = [
            (str(slot["number"]), slot["type"] or "", slot["holder"] or "", slot["iccsn"] or "empty", slot["state"])
            for slot in shown["slots"]
        ]
        parts.append(_table(("slot", "card", "holder", "ICCSN", "state"), rows))
        parts.append(f"<p>PIN policy: {escape(shown['pin_policy']['mode'])}</p>")
    drawer = [card for card in lab.cards if lab.place_of(card.iccsn) is None]
    parts.append("<h2>Drawer</h2>")
    rows = [(str(card.practice), _type(card), card.holder, card.iccsn, card.kvnr or "") for card in drawer]
    parts.append(_table(("practice", "card", "holder", "ICCSN", "KVNR"), rows))
    return "\n".join(parts)


def _type(card: LabCard) -> str:
    return _TYPES[card.kind].value


def _display_text(shown: dict[str, Any]) -> str:
    """What a person in front of the terminal reads."""
    lines = [shown["display"] or shown["idle_text"], f"{shown['prompt']}{shown['entry']}"]
    return "\n".join(line for line in lines if line)


def _slot_card(lab: Lab, iccsn: str | None) -> dict[str, Any]:
    if iccsn is None:
        return {"iccsn": None, "type": None, "holder": None}
    card = lab.cards.get(iccsn)
    return {"iccsn": iccsn, "type": _type(card), "holder": card.holder}


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(title)}" for title in titles)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows)
    return f"<table><tr>{head}{body}</table>"
