"""Bounds of fields in documents of the management interface, written as `Annotated[str, Text(1, 64)]`.

Every text, number and list that comes in has a bound; what carries no annotation has the default one.
"""

import re
from dataclasses import field
from typing import Annotated

from tiaas.base.dataclass import dataclass

NAME_PATTERN = r"[A-Za-z0-9][A-Za-z0-9._-]*"


@dataclass(frozen=True, slots=True)
class Text:
    """A text of `least` to `most` characters; `pattern` covers all of it. `personal` keeps it out of every log."""

    least: int = 0
    most: int = 1024
    pattern: str | None = None
    personal: bool = False
    compiled: re.Pattern[str] | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "compiled", None if self.pattern is None else re.compile(self.pattern))


@dataclass(frozen=True, slots=True)
class Number:
    """A whole number in a range, both ends included."""

    least: int = 0
    most: int = 2**31 - 1


@dataclass(frozen=True, slots=True)
class Items:
    """A list or an object with so many entries."""

    least: int = 0
    most: int = 4096


@dataclass(frozen=True, slots=True)
class Octets:
    """Base64 of so many octets."""

    least: int = 1
    most: int = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Told:
    """What a field means, for the OpenAPI document."""

    text: str


Id = Annotated[str, Text(1, 64)]
"""An id of the information model (ConnectorContext.xsd: 1 to 64 characters)."""
Iccsn = Annotated[str, Text(20, 20, r"[0-9]{20}", personal=True)]
Name = Annotated[str, Text(1, 64, NAME_PATTERN)]
Port = Annotated[int, Number(1, 65_535)]
Host = Annotated[str, Text(1, 253, "[A-Za-z0-9._:-]+")]
