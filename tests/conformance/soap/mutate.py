"""Schema-driven mutations of message documents. Deterministic for a given `Random`."""

from collections.abc import Callable
from random import Random

from tests.conformance.soap.xml_sketch import XSI, Node, Raw, escape

XML = "http://www.w3.org/XML/1998/namespace"
_TEXTS = (
    "",
    " ",
    "\n",
    "0",
    "1",
    "-1",
    "-0",
    "+1",
    "00",
    "01",
    "1.0",
    "1e3",
    "٣",
    "999999999999999999999999",
    "1 2",
    "true",
    "false",
    "TRUE",
    "True",
    "yes",
    " true ",
    "\ttrue\n",
    "\xa0true",
    "EGK",
    "egk",
    " EGK",
    "EGK ",
    "HBAx",
    "SM-B",
    "SMC-B",
    "C.AUT",
    " C.AUT ",
    "\nC.ENC\t",
    "C.aut",
    "C.QES",
    "RSA",
    " ECC ",
    "ecc",
    "PIN.SMC",
    "PIN.CH",
    "a",
    "ä",
    "✓",
    "\U0001f600",
    "a\rb",
    "a\x85b",
    "\u2028",
    "<&>\"'",
    "]]>",
    "&amp;",
    "https://x",
    "x" * 4096,
    "de-DE",
    "a:b",
    ":a",
    "OK",
    " OK",
    "Permit",
    "-a",
    "9a",
    "é.1",
)
_NAMES = ("Crypt", "Context", "CardHandle", "UserId", "MandantId", "CertRef", "Foo", "Envelope", "x-y.z", "Ärzte")
_URIS = ("", "urn:x", "http://ws.gematik.de/conn/EventService/v7.0", "http://ws.gematik.de/conn/ConnectorCommon/v5.0/")
_XSI_TYPES = (
    *[
        "xs:string",
        "xs:token",
        "xs:normalizedString",
        "xs:boolean",
        "xs:int",
        "xs:integer",
        "xs:positiveInteger",
        "xs:anyType",
        "xs:anySimpleType",
        "xs:anyURI",
        "xs:dateTime",
        "string",
        "nope:string",
        "xs:nope",
        "xs:",
        ":",
        "xs:unsignedShort",
        "xs:NMTOKEN",
        "xs:Name",
        "xs:NCName",
        "xs:language",
        "xs:ID",
        "xs:IDREF",
        "xs:ENTITY",
        "xs:NMTOKENS",
        "xs:QName",
        "xs:decimal",
        "xs:byte",
        "xs:negativeInteger",
        "xs:unsignedInt",
        "xs:base64Binary",
    ],
    "",
    " xs:string ",
    "a b",
)
_SCHEMA_TYPES = [
    "MandantIdType",
    "ClientSystemIdType",
    "WorkplaceIdType",
    "UserIdType",
    "CardHandleType",
    "CtIdType",
    "SlotIdType",
    "CardTypeType",
    "PinTypType",
    "IccsnType",
    "ContextType",
    "CertRefEnum",
    "CryptType",
    "PinResponseType",
    "SubscriptionType",
    "TopicType",
    "ResultEnum",
    "PinResultEnum",
    "VSD_StatusType",
    "mac",
    "ProductVersionCentral",
    "CryptoBinary",
    "DecisionType",
]
_FILLERS = (
    "<!-- -->",
    "<!--<a>&b;-->",
    "<?pi data?>",
    "<?p?>",
    "\n  ",
    "\t",
    " ",
    "&#32;",
    "&#x9;",
    "&#13;",
    "<![CDATA[]]>",
    "<![CDATA[ ]]>",
    "x",
    "&#160;",
    "&#x3000;",
    "<![CDATA[x]]>",
    "&amp;",
    "0",
)


class Mutator:
    """Applies random mutations; knows the names and namespaces of one schema, and limits to try."""

    def __init__(self, prefixes: dict[str, str], names: list[tuple[str, str]], lengths: tuple[int, ...]) -> None:
        self._prefixes = prefixes
        self._names = names
        self._lengths = lengths
        self._steps: tuple[Callable[[Node, Random], None], ...] = (
            self._drop,
            self._duplicate,
            self._swap,
            self._move,
            self._rename,
            self._change_namespace,
            self._change_case,
            self._add_attribute,
            self._change_attribute,
            self._drop_attribute,
            self._xsi,
            self._change_text,
            self._change_text,
            self._length,
            self._length,
            self._fill,
            self._fill,
            self._fill,
            self._respell,
            self._respell,
            self._insert,
            self._empty,
            self._nest,
            self._graft,
            self._repeat,
        )

    def mutant(self, base: Node, random: Random) -> Node:
        """A copy of `base` after none to three mutations."""
        root = base.copy()
        for _ in range(random.choice((0, 1, 1, 1, 1, 2, 2, 3))):
            random.choice(self._steps)(root, random)
        return root

    def _pick(self, root: Node, random: Random) -> Node:
        return random.choice(list(root.walk()))

    def _leaf(self, root: Node, random: Random) -> Node:
        return random.choice([node for node in root.walk() if not node.children()])

    def _parent(self, root: Node, random: Random) -> Node:
        return random.choice([node for node in root.walk() if node.children()] or [root])

    def _drop(self, root: Node, random: Random) -> None:
        parent = self._parent(root, random)
        if parent.content:
            parent.content.remove(random.choice(parent.content))

    def _duplicate(self, root: Node, random: Random) -> None:
        parent = self._parent(root, random)
        if parent.children():
            child = random.choice(parent.children())
            parent.content.insert(random.randint(0, len(parent.content)), child.copy())

    def _repeat(self, root: Node, random: Random) -> None:
        parent = self._parent(root, random)
        if parent.children():
            child = random.choice(parent.children())
            index = parent.content.index(child)
            parent.content[index:index] = [child.copy() for _ in range(random.randint(1, 4))]

    def _swap(self, root: Node, random: Random) -> None:
        content = self._parent(root, random).content
        if len(content) > 1:
            i, j = random.sample(range(len(content)), 2)
            content[i], content[j] = content[j], content[i]

    def _move(self, root: Node, random: Random) -> None:
        source = self._parent(root, random)
        if source.children():
            child = random.choice(source.children())
            source.content.remove(child)
            self._pick(root, random).content.append(child)  # never inside itself: it is out of the tree by now

    def _graft(self, root: Node, random: Random) -> None:
        graft = self._pick(root, random).copy()
        self._pick(root, random).content.append(graft)

    def _rename(self, root: Node, random: Random) -> None:
        node = self._pick(root, random)
        if random.random() < 0.5:
            node.local = random.choice(_NAMES)
        else:
            node.uri, node.local = random.choice(self._names)

    def _change_namespace(self, root: Node, random: Random) -> None:
        self._pick(root, random).uri = random.choice((*_URIS, *self._prefixes))

    def _change_case(self, root: Node, random: Random) -> None:
        node = self._pick(root, random)
        node.local = random.choice((node.local.lower(), node.local.upper(), node.local.swapcase()))

    def _add_attribute(self, root: Node, random: Random) -> None:
        name = random.choice(
            (
                "mandant-wide",
                "Mandant-wide",
                "mandantwide",
                "id",
                f"{{{XML}}}lang",
                f"{{{XML}}}space",
                "{urn:x}mandant-wide",
                "{urn:x}y",
                *(f"{{{uri}}}mandant-wide" for uri in self._prefixes),
            )
        )
        value = "preserve" if name.endswith("space") else random.choice(_TEXTS)
        node = root if random.random() < 0.5 else self._pick(root, random)
        node.attributes[name] = value

    def _change_attribute(self, root: Node, random: Random) -> None:
        holders = [node for node in root.walk() if node.attributes]
        if holders:
            node = random.choice(holders)
            node.attributes[random.choice(list(node.attributes))] = random.choice(_TEXTS)
        else:
            root.attributes["mandant-wide"] = random.choice(_TEXTS)

    def _drop_attribute(self, root: Node, random: Random) -> None:
        for node in root.walk():
            if node.attributes:
                del node.attributes[random.choice(list(node.attributes))]
                return

    def _xsi(self, root: Node, random: Random) -> None:
        local = random.choice(("type", "type", "type", "nil", "schemaLocation", "noNamespaceSchemaLocation", "foo"))
        value = {
            "nil": random.choice(("true", "false", "1", "0", "", "x")),
            "schemaLocation": random.choice(("urn:x x.xsd", "http://ws.gematik.de/x  EventService.xsd")),
            "noNamespaceSchemaLocation": "x.xsd",
        }.get(local, random.choice(_XSI_TYPES))
        if local == "type" and random.random() < 0.6:
            value = f"{random.choice(list(self._prefixes.values()))}:{random.choice(_SCHEMA_TYPES)}"
        if local == "type" and random.random() < 0.5:
            # On an unrestricted type, where other types may stand in, and with a text they may refuse.
            node = self._leaf(root, random)
            node.set_text(random.choice(_TEXTS))
            node.attributes[f"{{{XSI}}}type"] = value
            return
        self._pick(root, random).attributes[f"{{{XSI}}}{local}"] = value

    def _change_text(self, root: Node, random: Random) -> None:
        self._leaf(root, random).set_text(random.choice(_TEXTS))

    def _length(self, root: Node, random: Random) -> None:
        size = max(0, random.choice(self._lengths) + random.choice((-1, 0, 0, 1)))
        self._leaf(root, random).set_text(random.choice(("a", "0", "ä", "\U0001f600", " ", "\r")) * size)

    def _fill(self, root: Node, random: Random) -> None:
        node = self._pick(root, random)
        # Mostly what changes nothing in element content, so that enough mutants stay valid.
        filler = random.choice(_FILLERS if random.random() < 0.4 else _FILLERS[:9])
        node.content.insert(random.randint(0, len(node.content)), Raw(filler))

    def _respell(self, root: Node, random: Random) -> None:
        """The same text in other words: CDATA, character references, cut by a comment."""
        node = self._leaf(root, random)
        texts = [part for part in node.content if isinstance(part, Raw)]
        if len(texts) != 1 or "&" in texts[0].text or not texts[0].text or "<" in texts[0].text:
            return
        text = texts[0].text
        cut = random.randint(0, len(text))
        choice = random.randrange(3)
        if choice == 0:
            node.content = [Raw(f"<![CDATA[{text[:cut]}]]>{text[cut:]}")]
        elif choice == 1:
            node.content = [Raw("".join(f"&#{ord(char)};" for char in text[:64]) + text[64:])]
        else:
            node.content = [Raw(f"{text[:cut]}<!-- x -->{text[cut:]}")]

    def _insert(self, root: Node, random: Random) -> None:
        uri, local = random.choice(self._names)
        new = Node(uri, local) if random.random() < 0.7 else Node("urn:x", "Extra")
        new.content.append(Raw(escape(random.choice(_TEXTS))))
        node = self._pick(root, random)
        node.content.insert(random.randint(0, len(node.content)), new)

    def _empty(self, root: Node, random: Random) -> None:
        self._pick(root, random).content = []

    def _nest(self, root: Node, random: Random) -> None:
        node = self._pick(root, random)
        node.content = [Node(node.uri, node.local, {}, node.content)]
