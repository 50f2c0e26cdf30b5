"""A scenario: title, what is set up at once, and a timeline (docs/how-to/scenarios.md).

title: SMC-B pulled
about: …
quarter_in: 60                       seconds until a quarter begins (a new lab only)
setup:                               steps done at once, in order
  - insert: egk-1
timeline:                            steps with the second at which they happen
  - at: 10
    eject: smcb-1
  - at: 20
    fault: {service: ocsp, code: tryLater, times: 0}
"""

import re
from collections.abc import Callable, Mapping
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.lab.faults import FAULT_KEYS, BadFault, Fault, Service
from tiaas.lab.scenario.document import Value, read_yaml_untrusted

SECONDS_MAX = 24 * 3600.0
STEPS_MAX = 1000
QUARTER_MAX = 3600.0
_CARD = re.compile(r"(egk|smcb|hba)-([1-9][0-9]{0,3})|[0-9]{20}")
_TERMINAL = re.compile(r"[A-Za-z0-9._-]{1,64}")
_PLACE = re.compile(r"([A-Za-z0-9._-]{1,64})/([1-9])")
_KEYS = frozenset({*"0123456789", "ok", "cancel", "clear", "correct"})
_TYPISTS = ("auto", "manual")
_TASKS = ("data", "lock", "unlock")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens: `act` names it, `what` are its values, `at` its second on the timeline."""

    act: str
    what: Mapping[str, Any]
    at: float
    line: int


@dataclass(frozen=True, slots=True)
class Scenario:
    """See module."""

    title: str
    about: str
    quarter_in: float | None
    setup: tuple[Step, ...]
    timeline: tuple[Step, ...]


def read_scenario_untrusted(octets: bytes) -> Scenario:
    """A scenario from the octets of a file. Raises `BadScenario`, which names the line."""
    root = read_yaml_untrusted(octets)
    document = root.only("title", "about", "quarter_in", "setup", "timeline")
    if "title" not in document:
        raise root.bad("title is missing")
    setup = _steps(document.get("setup"), timed=False)
    timeline = _steps(document.get("timeline"), timed=True)
    if not setup and not timeline:
        raise root.bad("nothing happens: setup and timeline are missing")
    about = document["about"].text.strip() if "about" in document else ""
    return Scenario(document["title"].text, about, _quarter(document.get("quarter_in")), setup, timeline)


def _quarter(value: Value | None) -> float | None:
    if value is None:
        return None
    if not 1 <= value.number <= QUARTER_MAX:
        raise value.bad(f"quarter_in is 1 to {QUARTER_MAX:g} seconds")
    return value.number


def _steps(value: Value | None, *, timed: bool) -> tuple[Step, ...]:
    if value is None:
        return ()
    if len(value.each) > STEPS_MAX:
        raise value.bad(f"there are {STEPS_MAX} steps at most")
    steps = [_step(item, timed=timed) for item in value.each]
    for before, after, item in zip(steps, steps[1:], value.each[1:], strict=False):
        if after.at < before.at:
            raise item.bad("the timeline goes forward only")
    return tuple(steps)


def _step(value: Value, *, timed: bool) -> Step:
    items = dict(value.items)
    at = _moment(value, items.pop("at", None), timed=timed)
    acts = [name for name in items if name in _ACTS]
    if len(acts) != 1:
        raise value.bad(f"a step has one of {', '.join(_ACTS)}")
    act = acts[0]
    options, read = _ACTS[act]
    for name, other in items.items():
        if name != act and name not in options:
            raise other.bad(
                f"unknown key {name!r}; known here: {', '.join((act, *options, *(('at',) if timed else ())))}"
            )
    return Step(act, read(items), at, value.line)


def _moment(step: Value, at: Value | None, *, timed: bool) -> float:
    if not timed:
        if at is not None:
            raise at.bad("setup happens at once; steps with a time belong to timeline")
        return 0.0
    if at is None:
        raise step.bad("a step of the timeline says at which second it happens: at")
    if not 0 <= at.number <= SECONDS_MAX:
        raise at.bad(f"at is 0 to {SECONDS_MAX:g} seconds")
    return at.number


Items = Mapping[str, Value]


def _card(value: Value) -> str:
    if not _CARD.fullmatch(value.text):
        raise value.bad("a card is egk-N, smcb-N, hba-N or an ICCSN in quotes")
    return value.text


def _insert(items: Items) -> dict[str, Any]:
    place = items.get("into")
    if place is None:
        return {"card": _card(items["insert"]), "ct_id": None, "slot": None}
    found = _PLACE.fullmatch(place.text)
    if found is None:
        raise place.bad("a place is CTID/SLOT, like CT-1/1")
    return {"card": _card(items["insert"]), "ct_id": found.group(1), "slot": int(found.group(2))}


def _eject(items: Items) -> dict[str, Any]:
    return {"card": _card(items["eject"])}


def _terminal(value: Value) -> str:
    if not _TERMINAL.fullmatch(value.text):
        raise value.bad("a terminal is its ctId, like CT-1")
    return value.text


def _unplug(items: Items) -> dict[str, Any]:
    return {"ct_id": _terminal(items["unplug"])}


def _plug_in(items: Items) -> dict[str, Any]:
    return {"ct_id": _terminal(items["plug_in"])}


def _typist(items: Items) -> dict[str, Any]:
    mode = items.get("by")
    if mode is None or mode.text not in _TYPISTS:
        raise (mode or items["typed"]).bad(f"by is one of {', '.join(_TYPISTS)}")
    return {"ct_id": _terminal(items["typed"]), "mode": mode.text}


def _press(items: Items) -> dict[str, Any]:
    keys = items.get("keys")
    pressed = () if keys is None else tuple(keys.text.split())
    if not pressed or not _KEYS.issuperset(pressed):
        raise (keys or items["press"]).bad(f"keys are of {' '.join(sorted(_KEYS))}, with spaces between them")
    return {"ct_id": _terminal(items["press"]), "keys": pressed}


def _fault(items: Items) -> dict[str, Any]:
    value = items["fault"]
    document = {name: item.content for name, item in value.only(*FAULT_KEYS).items()}
    for name in ("code", "match"):
        if isinstance(document.get(name), int | float) and not isinstance(document[name], bool):
            document[name] = value.items[name].text
    try:
        Fault.from_document(document)
    except BadFault as error:
        raise value.bad(str(error)) from None
    return document


def _clear(items: Items) -> dict[str, Any]:
    service = items["clear"].text
    if service not in (*Service, "all"):
        raise items["clear"].bad(f"clear names a service ({', '.join(Service)}) or all")
    return {"service": None if service == "all" else service}


def _revoke(items: Items) -> dict[str, Any]:
    return {"card": _card(items["revoke"])}


def _update(items: Items) -> dict[str, Any]:
    task = items["task"].text if "task" in items else "data"
    if task not in _TASKS:
        raise items["task"].bad(f"task is one of {', '.join(_TASKS)}")
    change = {} if "change" not in items else {name: item.text for name, item in items["change"].items.items()}
    if (task == "data") is not bool(change):
        raise items["update"].bad("an update of data has a change, lock and unlock have none")
    return {"card": _card(items["update"]), "task": task, "change": change}


def _say(items: Items) -> dict[str, Any]:
    return {"text": items["say"].text}


_ACTS: Mapping[str, tuple[tuple[str, ...], Callable[[Items], dict[str, Any]]]] = {
    "insert": (("into",), _insert),
    "eject": ((), _eject),
    "unplug": ((), _unplug),
    "plug_in": ((), _plug_in),
    "typed": (("by",), _typist),
    "press": (("keys",), _press),
    "fault": ((), _fault),
    "clear": ((), _clear),
    "revoke": ((), _revoke),
    "update": (("task", "change"), _update),
    "say": ((), _say),
}
"""What can happen: further keys of the step, and the reader of its values."""
