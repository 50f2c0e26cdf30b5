"""Compares the references of a signed ds:Manifest (XML-Signature, 5.1) with what was given for them."""

from collections.abc import Mapping
from hmac import compare_digest

from tiaas.ades.found import ManifestEntry
from tiaas.ades.xadesdocument import parse_xml_untrusted
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec.canonical import canonical
from tiaas.xmlsec.errors import BadXmlSignature, UnknownAlgorithm
from tiaas.xmlsec.references import Allowance, digest_named
from tiaas.xmlsec.syntax import Reference, read_reference


class Given:
    """What was given for the external references of a document's manifests, by URI. Others are never followed."""

    def __init__(self, given: Mapping[str, bytes]) -> None:
        self._given = given
        self._allowance = Allowance.of(sum(map(len, given.values())))
        self._digests: dict[tuple[object, ...], bytes | None] = {}

    def compared(self, item: XmlElement) -> ManifestEntry:
        """What is found of one ds:Reference.

        What many references mean is digested once, so that they cost no more than one. Raises `BadXmlSignature` if
        there is too much to be digested.
        """
        try:
            reference = read_reference(item)
        except BadXmlSignature:
            return ManifestEntry(item.get("URI", ""), None)
        octets = None if reference.uri is None else self._given.get(reference.uri)
        if octets is None:
            return ManifestEntry(reference.uri or "", None)
        key = (reference.uri, reference.steps, reference.digest_method)
        if key not in self._digests:
            self._digests[key] = self._digest(octets, reference)
        made = self._digests[key]
        return ManifestEntry(reference.uri or "", made is not None and compare_digest(made, reference.digest_value))

    def _digest(self, octets: bytes, reference: Reference) -> bytes | None:
        """None for what has none: no XML, or an algorithm that nobody knows."""
        allowance, cost = self._allowance, len(octets)
        if allowance.left <= 0 or allowance.comparisons < 0:
            raise BadXmlSignature("too much is referred to")
        try:
            if reference.steps:
                last, document = reference.steps[-1], parse_xml_untrusted(octets)
                allowance.comparisons -= document.comparisons()
                octets = canonical(document.root, last.algorithm, last.prefixes)
            return digest_named(octets, reference.digest_method)
        except (BadEnvelope, UnknownAlgorithm):
            return None
        finally:
            allowance.left -= max(cost, len(octets))
