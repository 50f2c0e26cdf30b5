"""Cards and terminals that a scenario names, as a lab knows them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tiaas.lab.errors import LabError
from tiaas.lab.scenario.model import Scenario, Step

_TYPES = {"egk": "EGK", "smcb": "SMC-B", "hba": "HBA"}
NAMED = re.compile(r"(egk|smcb|hba)-[1-9][0-9]{0,3}")


def iccsn_of(card: str, cards: Sequence[Mapping[str, Any]]) -> str:
    """The ICCSN of egk-2 and the like: the second health card of the lab, in the order of `GET /cards`.

    Raises `LabError`.
    """
    kind, _, number = card.partition("-")
    if kind not in _TYPES:
        return card
    found = [entry["iccsn"] for entry in cards if entry["type"] == _TYPES[kind]]
    if len(found) < int(number):
        raise LabError(f"this lab has no {card}")
    return str(found[int(number) - 1])


def card_of(iccsn: str, cards: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """The entry of `GET /cards`. Raises `LabError`."""
    found = next((card for card in cards if card["iccsn"] == iccsn), None)
    if found is None:
        raise LabError(f"this lab has no card {iccsn}")
    return found


def unknown_names(
    scenario: Scenario, cards: Sequence[Mapping[str, Any]], terminals: Sequence[Mapping[str, Any]]
) -> Iterator[str]:
    """What a lab with these (`GET /cards`, `GET /`) does not have, each with the line of its step."""
    slots = {terminal["ct_id"]: {slot["number"] for slot in terminal["slots"]} for terminal in terminals}
    for step in (*scenario.setup, *scenario.timeline):
        for card in _cards(step):
            try:
                card_of(iccsn_of(card, cards), cards)
            except LabError as error:
                yield f"line {step.line}: {error}"
        ct_id, slot = step.what.get("ct_id"), step.what.get("slot")
        if ct_id is not None and ct_id not in slots:
            yield f"line {step.line}: this lab has no terminal {ct_id}; there are {', '.join(sorted(slots))}"
        elif ct_id is not None and slot is not None and slot not in slots[ct_id]:
            yield f"line {step.line}: {ct_id} has no slot {slot}"


def _cards(step: Step) -> Iterator[str]:
    if "card" in step.what:
        yield step.what["card"]
    yield from (word for word in (step.what.get("match") or "").split(" ") if NAMED.fullmatch(word))
