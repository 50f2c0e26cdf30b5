"""Which attributes are Ids: those of type xs:ID where schemas are given (gemSpec_Kon TAB_KON_779 "Referenzierung")."""

from collections.abc import Iterable

from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec.names import XML

_XSD = "http://www.w3.org/2001/XMLSchema"


def id_attributes(schemas: Iterable[bytes]) -> frozenset[str]:
    """The local names of the attributes that XML schemas declare with the type xs:ID.

    A schema that cannot be read declares none; that it is broken is found elsewhere (TUC_KON_080, 4026).
    """
    found: set[str] = set()
    for schema in schemas:
        try:
            root = parse_xml_untrusted(schema).root
        except BadEnvelope:
            continue
        for attribute in root.iter(f"{{{_XSD}}}attribute"):
            prefix, _, local = attribute.get("type", "").strip().rpartition(":")
            if local == "ID" and attribute.nsmap.get(prefix or None) == _XSD:
                found.add(attribute.get("name", ""))
    return frozenset(found)


def is_id_by_schema(element: XmlElement, name: str, attributes: frozenset[str] | None) -> bool:
    """Whether one of the attributes that the schemas call xs:ID has that value; without schema (None) any will do."""
    if attributes is None or element.get(f"{{{XML}}}id") == name:
        return True
    return any(element.get(attribute) == name for attribute in attributes)
