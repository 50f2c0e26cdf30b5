"""XML documents before they are signed or enciphered: TUC_KON_080 "Dokument validieren" (gemSpec_Kon V5.18 TIP1-A_4501,
TAB_KON_143, 144; A_19052-01 TAB_KON_775, A_22673, A_22923).

Schemas come with the call and are all there is: nothing else is opened, whatever they or the document name.
"""

import re
from collections.abc import Mapping
from itertools import islice

from lxml import etree

from tiaas.ades.xadesdocument import LIMITS as SIGNED_LIMITS
from tiaas.ades.xadesdocument import XmlDocument, code_of, parse_thin_xml_untrusted, parse_xml_untrusted, reason_of
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.schemacost import TooCostly, require_cheap, require_few_keys
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, XmlElement, parse_document_untrusted
from tiaas.soap.parsers import fromstring

DOCUMENT_LIMITS = Limits(octets=26_214_400, nodes=30_000, depth=30, attributes=20)
"""Elements, levels and attributes that TAB_KON_775 wants at least; one element may have more than 20 attributes."""
_SIGNATURE = "{http://www.w3.org/2000/09/xmldsig#}Signature"
_XSD = "{http://www.w3.org/2001/XMLSchema}"
_NO_SCHEMA = 4193
_MEMORY = "schema:"
_OF_ELEMENT = re.compile(r"Element '(?:\{[^}]*\})?([^']{1,200})'")


def check_xml(document: XmlDocument, schemas: Mapping[str, bytes]) -> tuple[int, ...]:
    """The codes of warnings: 4193 without schemas. Raises 4023, 4026."""
    if not schemas:
        return (_NO_SCHEMA,)
    _validate(document.root, schemas)
    return ()


def check_signed_xml(data: bytes, schemas: Mapping[str, bytes]) -> None:
    """The same for a document with signatures in it, which no schema has to know: they are taken out before.

    A document that was as large as it may be has grown by them. Raises 4022, 4023, 4024, 4026, 4280, 4281.
    """
    root = parse_document(data, SIGNED_LIMITS, thin=False).root
    for signature in list(root.iter(_SIGNATURE)):
        parent = signature.getparent()
        if parent is not None:
            parent.remove(signature)
    # Each error takes as long as there are siblings, and no thread can be stopped: as many as were signed, no more.
    if len(list(islice(root.iter(etree.Element), DOCUMENT_LIMITS.nodes + 1))) > DOCUMENT_LIMITS.nodes:
        raise KonnektorError(4280, f"more than {DOCUMENT_LIMITS.nodes} elements beside the signatures")
    _validate(root, schemas)


def parse_document(data: bytes, limits: Limits = DOCUMENT_LIMITS, *, thin: bool = True) -> XmlDocument:
    """The document with its octets; with `thin`, marks stand for its long texts. Raises 4022, 4024, 4280, 4281."""
    try:
        return parse_thin_xml_untrusted(data, limits) if thin else parse_xml_untrusted(data, limits)
    except BadEnvelope as error:
        raise unread_xml(code_of(error), reason_of(error)) from None


def unread_xml(code: int, reason: str) -> KonnektorError:
    """The error for XML that is not read; the official text of 4024 names the format."""
    return KonnektorError(code, reason, fill="XML" if code == 4024 else "")


def _validate(root: XmlElement, schemas: Mapping[str, bytes]) -> None:
    """Raises 4023, 4026."""
    schema = _schema(schemas, root)
    try:
        is_valid = schema.validate(root)
    except etree.XMLSchemaValidateError:
        # A pattern whose attempts libxml2 gave up to count.
        raise KonnektorError(4026) from None
    if not is_valid:
        raise KonnektorError(4023, _where_invalid(schema.error_log[0], schemas))


def _where_invalid(failure: etree._LogEntry, schemas: Mapping[str, bytes]) -> str:
    """Line, element and broken rule (XML Schema Part 1, appendix C, in libxml2's spelling).

    libxml2's sentence holds values of the document, and so may a name that the schemas do not declare.
    """
    told = _OF_ELEMENT.match(failure.message)
    named = told is not None and told[1] in _declared_names(schemas)
    element = f"element {told[1]}" if told is not None and named else "an element that is not declared"
    rule = failure.type_name.removeprefix("SCHEMAV_").lower().replace("_", "-")
    return f"line {failure.line}, {element}: {rule}"


def _declared_names(schemas: Mapping[str, bytes]) -> frozenset[str]:
    roots = (parse_document_untrusted(octets, DOCUMENT_LIMITS) for octets in schemas.values())
    return frozenset(element.get("name", "") for root in roots for element in root.iter(f"{_XSD}element"))


class _Given(etree.Resolver):
    """Gives the schemas of the call, and an empty document for everything else."""

    def __init__(self, schemas: Mapping[str, bytes]) -> None:
        super().__init__()
        self._schemas = schemas

    def resolve(
        self, system_url: str | None, public_id: str | None, context: object
    ) -> "etree._docloader._InputDocument | None":
        """See `etree.Resolver`."""
        given = self._schemas.get((system_url or "").removeprefix(_MEMORY))
        return self.resolve_string(given, context) if given is not None else self.resolve_empty(context)


def _schema(schemas: Mapping[str, bytes], document: XmlElement) -> etree.XMLSchema:
    """One schema for a document that imports all given ones. Raises 4026."""
    parser = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False)
    try:
        roots = {name: parse_document_untrusted(octets, DOCUMENT_LIMITS) for name, octets in schemas.items()}
        if any(root.get("targetNamespace") != namespace for namespace, root in roots.items()):
            raise KonnektorError(4026, "RefURI is not the schema's target namespace")
        require_cheap(roots.values())
        require_few_keys(roots.values(), document)
        located = {namespace: _located(root, schemas) for namespace, root in roots.items()}
        parser.resolvers.add(_Given(located))
        all_of_them = etree.Element(f"{_XSD}schema")
        for namespace in located:
            etree.SubElement(all_of_them, f"{_XSD}import", namespace=namespace, schemaLocation=_MEMORY + namespace)
        return etree.XMLSchema(fromstring(etree.tostring(all_of_them), parser))
    except (BadEnvelope, TooCostly, etree.XMLSchemaParseError, etree.XMLSyntaxError):
        raise KonnektorError(4026) from None


def _located(root: XmlElement, schemas: Mapping[str, bytes]) -> bytes:
    """A schema whose imports lead to the schemas of the call, and nowhere else."""
    for element in root.iter(f"{_XSD}import"):
        namespace = element.get("namespace", "")
        element.attrib.pop("schemaLocation", None)
        if namespace in schemas:
            element.set("schemaLocation", _MEMORY + namespace)
    for element in root.iter(f"{_XSD}include", f"{_XSD}redefine"):
        element.attrib.pop("schemaLocation", None)
    return etree.tostring(root)
