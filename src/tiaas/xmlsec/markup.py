"""Canonical markup written as text: what canonicalisation would make of it, without parsing it first.

A signature that is about to be written stands in a document whose prefixes and `xml` attributes belong to the canonical
form of each of its parts (C14N 1.1, 2.3 and 2.4). `Scope` is what is in force there.
"""

import re
from binascii import b2a_base64
from collections.abc import Mapping
from itertools import chain

from tiaas.base.dataclass import dataclass
from tiaas.xmlsec.canonical import XmlElement, inherited
from tiaas.xmlsec.names import XML

_TEXT = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", "\r": "&#xD;"})
_ATTRIBUTE = str.maketrans({"&": "&amp;", "<": "&lt;", '"': "&quot;", "\t": "&#x9;", "\n": "&#xA;", "\r": "&#xD;"})
# Nearly everything written has none of these; looking is cheaper than translating.
_IN_TEXT, _IN_ATTRIBUTE = re.compile(r"[&<>\r]"), re.compile(r'[&<"\t\n\r]')
_XML_PREFIX = f"{{{XML}}}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What is in force where an element is going to be written: namespaces by prefix, inherited `xml` attributes.

    The keys of `attributes` are Clark names.
    """

    namespaces: Mapping[str | None, str]
    attributes: Mapping[str, str]

    def declarations(self, own: Mapping[str, str]) -> str:
        """The namespace nodes of a canonical part, in their order; `own` are those that its ancestors down from here or
        itself declare, written already, by prefix and in the order of prefixes."""
        if not self.namespaces:
            return "".join(own.values())
        found = {prefix or "": _declaration(prefix or "", uri) for prefix, uri in self.namespaces.items()}
        found.update(own)
        return "".join([found[prefix] for prefix in sorted(found)])

    def inherited(self) -> str:
        """The `xml` attributes of a canonical part, in their order, to be put behind its attributes of no namespace."""
        if not self.attributes:
            return ""
        return "".join(
            f' xml:{name.removeprefix(_XML_PREFIX)}="{attribute(value)}"'
            for name, value in sorted(self.attributes.items())
        )


NOWHERE = Scope({}, {})
"""For a document element."""


def scope_inside(element: XmlElement) -> Scope:
    """What is in force for a child of `element`."""
    if element.getparent() is None and not element.nsmap and not element.keys():
        return NOWHERE
    return Scope(element.nsmap, inherited(chain((element,), element.iterancestors()), {}))


def text(value: str) -> str:
    """Character data (C14N 1.1, 2.3: text nodes); characters that XML 1.0 does not allow are left out."""
    if not value.isprintable():
        value = "".join(char for char in value if _is_allowed(char))
    return value if _IN_TEXT.search(value) is None else value.translate(_TEXT)


def attribute(value: str) -> str:
    """An attribute's value (C14N 1.1, 2.3: attribute nodes)."""
    return value if _IN_ATTRIBUTE.search(value) is None else value.translate(_ATTRIBUTE)


def base64(octets: bytes) -> str:
    """Base64 without line breaks."""
    return b2a_base64(octets, newline=False).decode("ascii")


def octets(markup: str) -> bytes:
    """Markup for a document in any encoding that contains ASCII: other characters become references.

    The canonical form of what this gives is `markup` in UTF-8.
    """
    return markup.encode("ascii", "xmlcharrefreplace")


def _declaration(prefix: str, uri: str) -> str:
    """A namespace node; the prefix xml is never declared, and an empty name undoes a declaration that is not there."""
    if not uri or prefix == "xml":
        return ""
    return f' xmlns:{prefix}="{attribute(uri)}"' if prefix else f' xmlns="{attribute(uri)}"'


def _is_allowed(char: str) -> bool:
    """XML 1.0, production 2."""
    code = ord(char)
    return code in (0x9, 0xA, 0xD) or 0x20 <= code <= 0xD7FF or 0xE000 <= code <= 0xFFFD or code >= 0x10000
