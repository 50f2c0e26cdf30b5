"""Random objects of our message classes, made from the compiled tables the codec itself uses.

The `Random` may be hypothesis's, so that failing objects shrink.
"""

import re
import re._constants as op  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from datetime import UTC, date, datetime, timedelta, timezone
from random import Random
from typing import Any

from tiaas.soap.plan import Child, Plan, plan_of
from tiaas.soap.simple import (
    Anything,
    AnyUri,
    Base64,
    Boolean,
    Date,
    DateTime,
    Enumeration,
    Hex,
    Integer,
    SimpleType,
    String,
)

_ALPHABET = "aZ09 .-_äß✓\U0001f600<>&\"'\t\n\r\x85\u2028\ufffd"


def random_message(cls: type[Any], random: Random) -> Any:
    """A valid object of a message class."""
    plan = plan_of(cls)
    made = _random_message(plan, random)
    while plan.binding.never_empty and not any(getattr(made, child.field) for child in plan.children):
        made = _random_message(plan, random)
    return made


def _random_message(plan: Plan, random: Random) -> Any:
    values: dict[str, Any] = {}
    for group in _groups(plan.children):
        chosen = random.choice(group)
        for child in group:
            values[child.field] = _child(child, len(group) > 1, random) if child is chosen else None
    for attribute in plan.attributes.values():
        if attribute.required or random.random() < 0.5:
            values[attribute.field] = random_value(attribute.simple, random)
    if plan.text is not None:
        values[plan.text[0]] = random_value(plan.text[1], random)
    return plan.cls(**values)


def _groups(children: tuple[Child, ...]) -> list[list[Child]]:
    groups: dict[int, list[Child]] = {}
    for child in children:
        groups.setdefault(child.position, []).append(child)
    return list(groups.values())


def _child(child: Child, chosen: bool, random: Random) -> Any:
    if child.many:
        count = random.randint(child.minimum, min(child.maximum or 3, 3))
        return tuple(_one(child, random) for _ in range(count))
    return _one(child, random) if chosen or child.minimum or random.random() < 0.6 else None


def _one(child: Child, random: Random) -> Any:
    if child.simple is not None:
        return random_value(child.simple, random)
    return random_message(child.item, random)


def random_value(simple: SimpleType, random: Random) -> Any:
    """A valid value of a simple type, often at a bound."""
    match simple:
        case Enumeration():
            return random.choice(list(simple.members))
        case Boolean():
            return random.random() < 0.5
        case Integer():
            low = 0 if simple.minimum is None else simple.minimum
            return random.choice((low, low + 1, min(simple.maximum or 10**18, 10**18), random.randint(low, low + 999)))
        case DateTime():
            zone = random.choice((UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=9, minutes=30))))
            return datetime(random.randint(1, 9999), 1, 1, tzinfo=zone) + timedelta(
                milliseconds=random.randint(0, 10**10)
            )
        case Date():
            return date.fromordinal(random.randint(1, 3_652_059))
        case Base64():
            return bytes(random.randint(0, 255) for _ in range(random.randint(0, 8)))
        case Hex():
            longest = simple.min_length + 8 if simple.max_length is None else simple.max_length
            return bytes(random.randint(0, 255) for _ in range(random.randint(simple.min_length, longest)))
        case Anything():
            return random.choice(("", "x", " y "))
        case AnyUri():
            return random.choice(("cetp://127.0.0.1:5000", "cetp://pvs.example/x?y=1", "cetp://[::1]:5000"))
        case String():
            return _string(simple, random)
    raise NotImplementedError(type(simple).__name__)


def _string(simple: String, random: Random) -> str:
    if simple.pattern is not None:
        return sample(simple.pattern, random)[: simple.max_length]
    longest = simple.max_length if simple.max_length is not None else 40
    size = random.choice((simple.min_length, longest, random.randint(simple.min_length, longest)))
    return "".join(random.choice(_ALPHABET) for _ in range(size))


def sample(pattern: re.Pattern[str], random: Random) -> str:
    """A string that matches the whole of `pattern`."""
    return _sample(parser.parse(pattern.pattern), random)


def _sample(tokens: Any, random: Random) -> str:
    return "".join(_token(kind, value, random) for kind, value in tokens)


def _token(kind: Any, value: Any, random: Random) -> str:
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.ANY:
        return random.choice("aZ0:/")
    if kind is op.IN:
        return _in(value, random)
    if kind is op.MAX_REPEAT:
        low, high, inner = value
        return "".join(_sample(inner, random) for _ in range(random.randint(low, min(int(high), low + 4))))
    if kind is op.SUBPATTERN:
        return _sample(value[-1], random)
    if kind is op.BRANCH:
        return _sample(random.choice(value[1]), random)
    raise NotImplementedError(str(kind))


def _in(options: Any, random: Random) -> str:
    kind, value = random.choice(options)
    if kind is op.LITERAL:
        return chr(value)
    if kind is op.RANGE:
        return chr(random.randint(*value))
    if kind is op.CATEGORY and value is op.CATEGORY_DIGIT:
        return random.choice("0123456789")
    raise NotImplementedError(str(kind))
