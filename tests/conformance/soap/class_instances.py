"""Random objects of our message classes, made from the compiled tables the codec itself uses.

The `Random` may be hypothesis's, so that failing objects shrink.
"""

import re
import re._constants as op  # type: ignore[import-not-found]
import re._parser as parser  # type: ignore[import-not-found]
from datetime import UTC, date, datetime, timedelta, timezone
from itertools import count
from random import Random
from typing import Any

from tiaas.soap.plan import Child, Plan, plan_of
from tiaas.soap.simple import ID, IDREF, IDREFS, Anything, Base64, Boolean, Enumeration, Hex, Integer, Opaque, String
from tiaas.soap.simpletype import SimpleType
from tiaas.soap.times import Date, DateTime, Duration
from tiaas.soap.uris import AnyUri

# An ID stands once in a document, whatever hypothesis makes of its randomness.
_IDS = count()
ANY = "any"
_DS = 'xmlns:ds="http://www.w3.org/2000/09/xmldsig#"'
_DSS = 'xmlns:dss="urn:oasis:names:tc:dss:1.0:core:schema"'
_VR = "urn:oasis:names:tc:dss-x:1.0:profiles:verificationreport:schema#"
_SP = "urn:oasis:names:tc:dss-x:1.0:profiles:SignaturePolicy:schema#"
_DIGEST = f'<ds:DigestMethod {_DS} Algorithm="urn:x"/><ds:DigestValue {_DS}>AAEC</ds:DigestValue>'
SAMPLES = {
    ANY: '<x:CMSAttribute xmlns:x="urn:x" a="1">MBc= <y/></x:CMSAttribute>',
    "{http://www.w3.org/2000/09/xmldsig#}Signature": f"""<ds:Signature {_DS}><ds:SignedInfo>
        <ds:CanonicalizationMethod Algorithm="urn:x"/><ds:SignatureMethod Algorithm="urn:x"/>
        <ds:Reference>{_DIGEST}</ds:Reference></ds:SignedInfo><ds:SignatureValue>AAEC</ds:SignatureValue>
        </ds:Signature>""",
    "{http://www.w3.org/2000/09/xmldsig#}KeyInfo": f"<ds:KeyInfo {_DS}><ds:KeyName>x</ds:KeyName></ds:KeyInfo>",
    "{urn:oasis:names:tc:dss:1.0:core:schema}Timestamp": (
        f"<dss:Timestamp {_DSS}><dss:RFC3161TimeStampToken>AAEC</dss:RFC3161TimeStampToken></dss:Timestamp>"
    ),
    "{urn:oasis:names:tc:dss:1.0:core:schema}InlineXML": f"<dss:InlineXML {_DSS}><x/></dss:InlineXML>",
    "{urn:oasis:names:tc:dss:1.0:core:schema}AttachmentReference": f"<dss:AttachmentReference {_DSS}/>",
    f"{{{_VR}}}VerificationReport": f'<vr:VerificationReport xmlns:vr="{_VR}"/>',
    f"{{{_SP}}}DigestAndAlgorithm": f'<sp:DigestAndAlgorithm xmlns:sp="{_SP}">{_DIGEST}</sp:DigestAndAlgorithm>',
}
"""Elements whose content we do not judge, each valid by its schema."""

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
        if attribute.simple is ID:
            values[attribute.field] = f"i{next(_IDS)}"
        elif attribute.required or random.random() < 0.5:
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
    if isinstance(child.simple, Opaque):
        if child.simple.inside:
            return (SAMPLES[ANY],) * random.randint(0, 2)
        return SAMPLES[child.name].encode() if child.simple.octets else SAMPLES[child.name]
    if child.simple is not None:
        value = random_value(child.simple, random)
        # An empty element would be read as its default.
        return child.default if value == "" and child.default is not None else value
    return random_message(child.item, random)


def random_value(simple: SimpleType, random: Random) -> Any:
    """A valid value of a simple type, often at a bound."""
    if simple in (IDREF, IDREFS):
        return random.choice(("a", "Ab.c-1"))  # names of XML 1.0 before its fifth edition, all that libxml2 knows
    match simple:
        case Enumeration():
            return random.choice(list(simple.members))
        case Boolean():
            return random.random() < 0.5
        case Integer():
            low = 0 if simple.minimum is None else simple.minimum
            high = min(simple.maximum or 10**18, 10**18)
            return random.choice((low, low + 1, high, random.randint(low, min(low + 999, high))))
        case DateTime():
            zone = random.choice((UTC, timezone(timedelta(hours=2)), timezone(-timedelta(hours=9, minutes=30))))
            return datetime(random.randint(1, 9999), 1, 1, tzinfo=zone) + timedelta(
                milliseconds=random.randint(0, 10**10)
            )
        case Date():
            return date.fromordinal(random.randint(1, 3_652_059))
        case Duration():
            return timedelta(seconds=random.choice((0, 59, 3600, 10**6, -5)))
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
