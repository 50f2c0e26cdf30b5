"""What every simple type of XML Schema 1.0 part 2 has in common; the types themselves are in `tiaas.soap.simple`."""

from abc import abstractmethod
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.latepattern import late_pattern

XSD = "http://www.w3.org/2001/XMLSchema"
WHITESPACE = " \t\r\n"

_NOT_XML = late_pattern("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_OTHER_BLANKS = "\t\r\n"


_NAMED: "dict[str, SimpleType]" = {}


def named_type(name: str) -> "SimpleType | None":
    """The simple type with a Clark name, built in or declared by an interface."""
    return _NAMED.get(name)


class LexicalError(ValueError):
    """A text outside the type's lexical space or a value outside its value space; the message repeats neither."""


def collapse(text: str) -> str:
    """The `collapse` whitespace facet; only the four XML whitespace characters count.

    Not by a regular expression, which takes 400 ms for a text of 7 MB, in which nobody else has the interpreter.
    """
    for blank in _OTHER_BLANKS:
        text = text.replace(blank, " ")
    text = text.strip(" ")
    while "  " in text:
        text = text.replace("  ", " ")
    return text


def require_characters(text: str) -> None:
    """Raises LexicalError for text with a character that XML does not allow."""
    if _NOT_XML.search(text) is not None:
        raise LexicalError("contains a character XML does not allow")


@dataclass(frozen=True, slots=True, kw_only=True)
class SimpleType:
    """One simple type.

    `name` is the Clark name of a named type (None for an anonymous one), `base` the type it restricts: both are needed
    to judge `xsi:type`.
    """

    name: str | None = None
    base: "SimpleType | None" = None

    def __post_init__(self) -> None:
        if self.name is not None:
            _NAMED[self.name] = self

    @property
    def plain_lengths(self) -> range | None:
        """Printable text of so many characters is its own lexical form; None if the type asks for more."""
        return None

    @abstractmethod
    def decode(self, text: str) -> Any:
        """The value of `text`; raises LexicalError."""

    @abstractmethod
    def encode(self, value: Any) -> str:
        """The text of `value`, not yet escaped; raises LexicalError."""

    def derives_from(self, other: "SimpleType") -> bool:
        """Whether this type is `other` or restricts it in any number of steps."""
        step: SimpleType | None = self
        while step is not None:
            if step is other:
                return True
            step = step.base
        return False
