"""The checks every command goes through before it is executed, in the order of SICCT V1.3.0, 5.4.2 (table 7)."""

import enum
from collections.abc import Mapping
from dataclasses import field

from tiaas.base.dataclass import dataclass
from tiaas.card.apdu import CommandApdu
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.text import TAG_LABEL, TAG_MESSAGE, CharacterSetUnknown, DisplayText, decode_text_untrusted
from tiaas.terminal.sicct.units import P1_REFERENCED, decode_unit_untrusted, from_p1
from tiaas.terminal.virtual.display import MESSAGE_CHARACTERS, PROMPT_CHARACTERS
from tiaas.terminal.virtual.refused import Refused
from tiaas.tlv import Tlv

P2_REFERENCED_KEYPAD = 0x7F


@enum.unique
class Presence(enum.Enum):
    """Whether a field is there."""

    NEVER = "never"
    MAY = "may"
    MUST = "must"


@dataclass(frozen=True, slots=True)
class Form:
    """The shape of a command: data field, Le, and how many objects of which tag the data field may hold."""

    data: Presence
    le: Presence
    objects: Mapping[int, int] = field(default_factory=dict)


class Parameters:
    """A command whose outer form is right, taken apart."""

    def __init__(self, command: CommandApdu, objects: tuple[Tlv, ...]) -> None:
        self.command = command
        self._objects = objects

    def all(self, tag: int) -> list[bytes]:
        """The values of all objects with that tag, in order."""
        return [item.value for item in self._objects if item.tag == tag]

    def get(self, tag: int) -> bytes | None:
        """The value of the only object with that tag."""
        return next(iter(self.all(tag)), None)

    def need(self, tag: int) -> bytes:
        """The same; raises `Refused` (6A88)."""
        value = self.get(tag)
        if value is None:
            raise Refused(Sw.MISSING_DATA_OBJECT)
        return value

    def unit(self) -> int:
        """The functional unit of P1: direct, by object 84, or the first of a context A2. Raises `Refused`."""
        units = self.units()
        return units[0]

    def units(self) -> list[int]:
        """All functional units named: P1 alone, object 84, or those of a context A2. Raises `Refused`."""
        if self.command.p1 != P1_REFERENCED:
            return [from_p1(self.command.p1)]
        context = self.get(do.TAG_UNIT_CONTEXT)
        try:
            if context is None:
                return [decode_unit_untrusted(self.need(do.TAG_UNIT_INDEX))]
            found = [decode_unit_untrusted(item.value) for item in do.decode_objects_untrusted(context)]
        except BadSicct as bad:
            raise Refused(Sw.INVALID_DATA_OBJECT) from bad
        if not found:
            raise Refused(Sw.MISSING_DATA_OBJECT)
        return found

    def texts(self) -> list[DisplayText]:
        """The display texts in order; raises `Refused` (6A80 mixed forms or too long, 6942)."""
        items = [item for item in self._objects if item.tag in (TAG_LABEL, TAG_MESSAGE)]
        if len({item.tag for item in items}) > 1:
            raise Refused(Sw.INVALID_DATA_OBJECT)
        texts = [_text(item) for item in items]
        if any(
            text.message_characters > MESSAGE_CHARACTERS or text.prompt_characters > PROMPT_CHARACTERS for text in texts
        ):
            raise Refused(Sw.INVALID_DATA_OBJECT)
        return texts

    def text(self) -> DisplayText | None:
        """The only display text."""
        return next(iter(self.texts()), None)

    def waits(self) -> list[int]:
        """The waiting times in seconds, in order."""
        values = self.all(do.TAG_WAIT)
        if any(len(value) != 1 for value in values):
            raise Refused(Sw.INVALID_DATA_OBJECT)
        return [value[0] for value in values]

    def wait(self) -> int:
        """The only waiting time, 0 if there is none (5.5.10.21: the same)."""
        return next(iter(self.waits()), 0)


def check(command: CommandApdu, form: Form) -> Parameters:
    """Checks length fields and data objects; raises `Refused` (6700, 6C00, 6A80, 6A89)."""
    referenced = command.p1 == P1_REFERENCED
    data_form = Presence.MUST if referenced else form.data
    if not _fits(data_form, bool(command.data)):
        raise Refused(Sw.WRONG_LC)
    if not _fits(form.le, command.ne is not None):
        raise Refused(Sw.WRONG_LE)
    allowed = dict(form.objects)
    if referenced:
        allowed[do.TAG_UNIT_INDEX] = 1
    try:
        objects = do.decode_objects_untrusted(command.data)
    except BadSicct as bad:
        raise Refused(Sw.INVALID_DATA_OBJECT) from bad
    if any(item.tag not in allowed for item in objects):
        raise Refused(Sw.INVALID_DATA_OBJECT)
    for tag, most in allowed.items():
        if sum(item.tag == tag for item in objects) > most:
            raise Refused(Sw.TOO_MANY_DATA_OBJECTS)
    return Parameters(command, objects)


def _fits(presence: Presence, there: bool) -> bool:
    return presence is Presence.MAY or there is (presence is Presence.MUST)


def _text(item: Tlv) -> DisplayText:
    try:
        return decode_text_untrusted(item)
    except CharacterSetUnknown as unknown:
        raise Refused(Sw.NO_CHARACTER_SET) from unknown
    except BadSicct as bad:
        raise Refused(Sw.INVALID_DATA_OBJECT) from bad
