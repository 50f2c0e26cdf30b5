"""Random valid instances read straight from an XSD file: the side of the parity test that knows no class of ours."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from lxml import etree

from tests.conformance.soap.class_instances import ANY, SAMPLES, sample
from tests.conformance.soap.xml_sketch import XS, Node, of_element

_URIS = ("cetp://127.0.0.1:5000", "cetp://pvs.example/x?y=1", "cetp://[::1]:5000", "cetp://a")
_BUILT_IN = {
    "string": ("", "a", "Müller ✓", " x ", "0"),
    "boolean": ("true", "false", "1", "0", " true\n"),
    "positiveInteger": ("1", "+7", "007", " 3 "),
    "integer": ("0", "-5", "+00012345678901234567"),
    "unsignedShort": ("0", "65535", "007"),
    "date": ("2025-01-31", "2024-02-29Z", "2025-01-31+14:00"),
    "nonNegativeInteger": ("0", "-0", "12"),
    "dateTime": ("2025-01-31T10:00:00Z", "2025-01-31T10:00:00.123+02:00"),
    "base64Binary": ("", "AAEC", "QQ==", "QU I="),
    "hexBinary": ("", "00", "a0FF", "0123456789abcdef"),
    "anyURI": ("http://x.example/",),
    "anyType": ("", "x"),
    "duration": ("P1DT2H", "-PT5M", "PT0S", "P1Y2M3DT4H5M6.7S"),
    "IDREF": ("a",),
    "IDREFS": ("a", "a b"),
}


@dataclass
class Schemas:
    """All global components of a schema file and what it imports, by Clark name."""

    elements: dict[str, etree._Element] = field(default_factory=dict)
    types: dict[str, etree._Element] = field(default_factory=dict)
    prefixes: dict[str, str] = field(default_factory=dict)

    @classmethod
    def load(cls, path: Path) -> "Schemas":
        schemas = cls()
        schemas._read(path, set())
        return schemas

    def _read(self, path: Path, seen: set[Path]) -> None:
        # Of the foreign schemas only those of which our classes are made; the rest are SAMPLES.
        if path in seen or ("ext" in path.parts and not path.name.startswith("oasis-dss")):
            return
        seen.add(path)
        root = etree.parse(path).getroot()
        target = root.get("targetNamespace", "")
        for prefix, uri in root.nsmap.items():
            if prefix is not None and uri not in (XS,) and uri not in self.prefixes:
                self.prefixes[uri] = f"{prefix}{len(self.prefixes)}"
        for entry in root:
            name = f"{{{target}}}{entry.get('name')}" if isinstance(entry.tag, str) else ""
            if entry.tag == f"{{{XS}}}element":
                self.elements[name] = entry
            elif entry.tag in (f"{{{XS}}}complexType", f"{{{XS}}}simpleType"):
                self.types[name] = entry
            elif entry.tag == f"{{{XS}}}import" and entry.get("schemaLocation"):
                self._read((path.parent / entry.get("schemaLocation", "")).resolve(), seen)

    def instance(self, name: str, random: Random) -> Node:
        """A valid instance of the global element `name`."""
        return self._element(self.elements[name], random)

    def is_complex(self, declaration: etree._Element) -> bool:
        """Whether an element declaration has a complex type."""
        kind = declaration.get("type")
        definition = self._definition(declaration, kind) if kind else _inline(declaration)
        return definition is not None and definition.tag == f"{{{XS}}}complexType"

    def _element(self, declaration: etree._Element, random: Random) -> Node:
        reference = declaration.get("ref")
        if reference:
            name = _resolve(declaration, reference)
            if name in SAMPLES:
                return of_element(etree.fromstring(SAMPLES[name]))
            return self._element(self.elements[name], random)
        target = declaration.getroottree().getroot().get("targetNamespace", "")
        node = Node(target, declaration.get("name", ""))
        fixed = SAMPLES.get(f"{{{target}}}{node.local}")
        if fixed is not None:
            return of_element(etree.fromstring(fixed))
        kind = declaration.get("type")
        definition = self._definition(declaration, kind) if kind else _inline(declaration)
        if definition is None:
            node.set_text(random.choice(_BUILT_IN[(kind or "anyType").rpartition(":")[2]]))
        elif definition.tag == f"{{{XS}}}simpleType":
            node.set_text(self._text(definition, random))
        else:
            self._complex(node, definition, random)
        return node

    def _definition(self, where: etree._Element, kind: str) -> etree._Element | None:
        return self.types.get(_resolve(where, kind))

    def _complex(self, node: Node, definition: etree._Element, random: Random) -> None:
        for part in definition:
            if part.tag == f"{{{XS}}}attribute":
                if part.get("ref") == "xml:lang":
                    node.attributes["{http://www.w3.org/XML/1998/namespace}lang"] = "de"
                elif part.get("type", "").endswith(":ID"):
                    node.attributes[part.get("name", "")] = f"i{random.getrandbits(64):x}"
                elif part.get("use") == "required" or random.random() < 0.5:
                    node.attributes[part.get("name", "")] = self._attribute(part, random)
            elif part.tag in (f"{{{XS}}}sequence", f"{{{XS}}}choice", f"{{{XS}}}all"):
                self._group(node, part, random)
            elif part.tag in (f"{{{XS}}}complexContent", f"{{{XS}}}simpleContent"):
                self._extension(node, part[0], random)
            elif isinstance(part.tag, str) and part.tag != f"{{{XS}}}annotation":
                raise NotImplementedError(part.tag)

    def _extension(self, node: Node, extension: etree._Element, random: Random) -> None:
        base = self._definition(extension, extension.get("base", ""))
        if base is not None:
            self._complex(node, base, random)
        else:
            node.set_text(random.choice(_BUILT_IN[extension.get("base", "").rpartition(":")[2]]))
        self._complex(node, extension, random)

    def _attribute(self, declaration: etree._Element, random: Random) -> str:
        kind = declaration.get("type", "")
        if not kind:
            inline = _inline(declaration)
            assert inline is not None
            return self._text(inline, random)
        return random.choice(_BUILT_IN[kind.rpartition(":")[2]])

    def _group(self, node: Node, group: etree._Element, random: Random) -> None:
        entries = [part for part in group if isinstance(part.tag, str) and part.tag != f"{{{XS}}}annotation"]
        if group.tag == f"{{{XS}}}choice":
            entries = [random.choice([entry for entry in entries if entry.tag != f"{{{XS}}}any"])]
        elif group.tag == f"{{{XS}}}all":
            random.shuffle(entries)
        for entry in entries:
            if entry.tag == f"{{{XS}}}any":
                if entry.get("processContents") == "lax" and entry.get("namespace") is None:
                    node.content.append(of_element(etree.fromstring(SAMPLES[ANY])))
                continue
            if entry.tag != f"{{{XS}}}element":
                self._group(node, entry, random)
                continue
            low, high = int(entry.get("minOccurs", "1")), entry.get("maxOccurs", "1")
            for _ in range(random.randint(low, 3 if high == "unbounded" else min(int(high), 3))):
                node.content.append(self._element(entry, random))

    def _text(self, simple: etree._Element, random: Random) -> str:
        """A value at or inside the bounds of a simple type."""
        restriction = simple[-1]
        base = restriction.get("base", "")
        facets = {str(facet.tag).rpartition("}")[2]: facet.get("value", "") for facet in restriction}
        values = [f.get("value", "") for f in restriction if f.tag == f"{{{XS}}}enumeration"]
        if values:
            return random.choice(values)
        if "pattern" in facets:
            # These schemas' expressions mean the same in Python.
            patterns = [f.get("value", "") for f in restriction if f.tag == f"{{{XS}}}pattern"]
            if base.rpartition(":")[2] == "anyURI":  # not everything of the pattern is a URI
                return random.choice([uri for uri in _URIS if re.fullmatch(random.choice(patterns), uri)])
            return sample(re.compile(random.choice(patterns)), random)
        definition = self._definition(restriction, base)
        if definition is not None:
            return self._text(definition, random)
        if "length" in facets:
            return "9e" * int(facets["length"])
        if "maxLength" in facets:
            low = int(facets.get("minLength", "0"))
            if base.endswith(":anyURI") or base == "anyURI":
                return random.choice(_BUILT_IN["anyURI"])
            if base.endswith(":hexBinary"):
                return "aF" * random.choice((low, low + 1, int(facets["maxLength"])))
            return "ä" * random.choice((low, low + 1, int(facets["maxLength"])))
        return random.choice(_BUILT_IN[base.rpartition(":")[2]])


def _inline(declaration: etree._Element) -> etree._Element | None:
    """The anonymous type of a declaration; None: it has none and with that anyType."""
    return next((part for part in declaration if str(part.tag).endswith("Type")), None)


def _resolve(where: etree._Element, name: str) -> str:
    prefix, _, local = name.rpartition(":")
    return f"{{{where.nsmap[prefix or None]}}}{local}"
