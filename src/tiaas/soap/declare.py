"""The words in which a message class describes its XML (see `tiaas.soap.mapping`)."""

from dataclasses import replace

from tiaas.base.dataclass import dataclass
from tiaas.soap.simple import LANGUAGE
from tiaas.soap.simpletype import SimpleType


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace with the prefix we write for it; calling it gives a Clark name."""

    uri: str
    prefix: str

    def __call__(self, local: str) -> str:
        return f"{{{self.uri}}}{local}"


@dataclass(frozen=True, slots=True)
class Element:
    """An element declaration: where a field stands in the content. `type` only for simple content.

    `default` is the text that an empty element stands for.
    """

    namespace: Namespace
    local: str
    type: SimpleType | None = None
    minimum: int = 0
    maximum: int | None = None
    choice: str | None = None
    default: str | None = None

    @property
    def name(self) -> str:
        """The Clark name."""
        return self.namespace(self.local)

    def alternative(self, choice: str) -> "Element":
        """The same element as one branch of the named choice."""
        return replace(self, choice=choice)

    def occurs(self, minimum: int, maximum: int | None = None) -> "Element":
        """The same element with bounds for a tuple field; `maximum` None is unbounded."""
        return replace(self, minimum=minimum, maximum=maximum)


@dataclass(frozen=True, slots=True)
class Attribute:
    """An attribute without namespace, or `XML_LANG`. Required unless the field has a default."""

    name: str
    type: SimpleType


XML_LANG = Attribute("{http://www.w3.org/XML/1998/namespace}lang", LANGUAGE)


@dataclass(frozen=True, slots=True)
class Text:
    """The text of an element with simple content and attributes."""

    type: SimpleType


@dataclass(frozen=True, slots=True)
class Prefixes:
    """The namespace prefixes in scope at the child `of`, as pairs (prefix, URI) sorted by prefix; () without it.

    For content that names prefixes itself (an XPath). They are read, never written.
    """

    of: Element
