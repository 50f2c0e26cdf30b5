"""Compares the references of a signed ds:Manifest (XML-Signature, 5.1) with what was given for them."""

from collections.abc import Mapping

from tiaas.ades.found import ManifestEntry
from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec.canonical import canonical
from tiaas.xmlsec.errors import BadXmlSignature, UnknownAlgorithm
from tiaas.xmlsec.references import digest_fits
from tiaas.xmlsec.syntax import read_reference


def compared(item: XmlElement, given: Mapping[str, bytes]) -> ManifestEntry:
    """What is found of one ds:Reference. External ones are never followed: only what was given counts, by its URI."""
    try:
        reference = read_reference(item)
    except BadXmlSignature:
        return ManifestEntry(item.get("URI", ""), None)
    octets = None if reference.uri is None else given.get(reference.uri)
    if octets is None:
        return ManifestEntry(reference.uri or "", None)
    try:
        if reference.steps:
            last = reference.steps[-1]
            root = parse_xml_untrusted(octets).root
            octets = canonical(root, last.algorithm, last.prefixes)
        intact = digest_fits(octets, reference.digest_method, reference.digest_value)
    except (BadEnvelope, UnknownAlgorithm):
        intact = False
    return ManifestEntry(reference.uri or "", intact)
