"""What of a document is signed, and where the signature goes: RefURI, SignaturePlacement (gemSpec_Kon TAB_KON_065)."""

import re

from lxml import etree

from tiaas.ades.signing import CannotSign
from tiaas.ades.xadesdocument import XmlDocument
from tiaas.ades.xadesids import is_id_by_schema
from tiaas.ades.xadespath import path_to_first, path_to_new
from tiaas.ades.xadesvariants import POLICIES, Placement, Variant
from tiaas.ades.xmlsplice import Place, end_of_root, locate
from tiaas.base import slices
from tiaas.base.dataclass import dataclass
from tiaas.soap.markup import XmlElement, local_name
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.names import ds
from tiaas.xmlsec.properties import qualifying_properties
from tiaas.xmlsec.references import index_ids

_STEP = re.compile(
    r"""/(?:child::)?(?:\*(?:\[\s*local-name\(\)\s*=\s*(?:'([^']*)'|"([^"]*)")\s*\])?|([\w.\-]+))(?:\[(\d{1,5})\])?"""
)

_SIGNATURE = "Signature"


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a signature goes: the octets, the element that it becomes a child of, and an XPath to it (`xadespath`)."""

    place: Place
    parent: XmlElement
    xpath: str


@dataclass(frozen=True, slots=True)
class Target:
    """What is signed: `part` with its Id, None the whole document; and the element that `placement` means, if any."""

    variant: Variant
    part: XmlElement | None = None
    identifier: str = ""
    holder: XmlElement | None = None
    behind: bool = False

    def check_policy(self, policy: str) -> None:
        """Raises `CannotSign` 4111 if the signature policy wants another part or place."""
        if self.part is None or self.holder is None:
            return
        demands = POLICIES[policy]
        above = self.part.getparent()
        if (
            above is None
            or above.getparent() is not None
            or local_name(self.part) != demands.part
            or local_name(self.holder) != demands.holder
            or self.holder.getparent() is not above
            or self.behind
        ):
            raise CannotSign(4111, "the signature policy demands another part or place")

    def check_whole(self) -> None:
        """Raises `CannotSign` 4111 if it is not the whole document."""
        if self.part is not None:
            raise CannotSign(4111, "a part cannot be enclosed")

    def spot(self, document: XmlDocument) -> Spot | None:
        """In front of all that is in the element of the placement; None without one.

        No variant that may be made puts a signature behind an element (TAB_KON_778).
        """
        holder = self.holder
        if holder is None:
            return None
        place = locate(document.octets, document.encoding, (holder,))[0].first()
        return Spot(place, holder, path_to_new(holder, _SIGNATURE, 0))


_WHOLE = Target(Variant.ENVELOPED)


def find_target(
    document: XmlDocument,
    reference: str | None,
    placement: Placement | None,
    id_attributes: frozenset[str] | None,
) -> Target:
    """Raises `CannotSign`: 4115 for a RefURI that leads to no single Id, 4111 for a placement that leads nowhere.

    A placement without policy is let through if it is the document element, as in gematik's examples.
    """
    if placement is None and not reference:
        return _WHOLE
    holder = None if placement is None else _holder(document.root, placement.path)
    behind = placement is not None and placement.behind
    part = _part(document.root, reference, id_attributes)
    if part is None:
        if holder is not None and (holder is not document.root or behind):
            raise CannotSign(4111, "the signature has to be a child of the document element")
        return Target(Variant.ENVELOPED, holder=holder)
    identifier = (reference or "").removeprefix("#")
    if holder is None or (part is holder and not behind) or part in holder.iterancestors():
        return Target(Variant.ENVELOPED_PART, part, identifier, holder, behind)
    return Target(Variant.DETACHED_PART, part, identifier, holder, behind)


def end_spot(document: XmlDocument) -> Spot:
    """Behind all that is in the document element."""
    root = document.root
    place = end_of_root(document.octets, document.encoding, root)
    if slices.found(document.octets, _SIGNATURE.encode()) < 0:
        return Spot(place, root, path_to_first(root, _SIGNATURE))
    return Spot(place, root, path_to_new(root, _SIGNATURE, len(root)))


def parallel_spot(document: XmlDocument) -> Spot:
    """Where a further signature of the whole document goes: into an Object of the innermost one that is there.

    Raises `CannotSign` 4111 if there is none of the whole document, or those that are there have no room.
    """
    signatures = document.root.findall(ds("Signature"))
    if not signatures:
        raise CannotSign(4111, "no signature for a parallel one")
    last = signatures[-1]
    while inner := last.findall(f"{ds('Object')}/{ds('Signature')}"):
        last = inner[-1]
    try:
        qualifying = qualifying_properties(last)
    except BadXmlSignature:
        qualifying = None
    room = None if qualifying is None else qualifying.getparent()
    if room is None or room.get("Id") is not None:
        raise CannotSign(4111, "no room for a parallel signature")
    place = locate(document.octets, document.encoding, (room,))[0].last()
    return Spot(place, room, path_to_new(room, _SIGNATURE, len(room)))


def _part(root: XmlElement, reference: str | None, id_attributes: frozenset[str] | None) -> XmlElement | None:
    """The element that RefURI means; None for the document element and without RefURI."""
    if not reference:
        return None
    if not reference.startswith("#"):
        raise CannotSign(4115, "RefURI is not the Id of an element")
    name = reference[1:]
    element = index_ids(root, (name,)).get(name)
    if element is None:
        raise CannotSign(4115, "RefURI names no element, or several")
    if not is_id_by_schema(element, name, id_attributes):
        raise CannotSign(4115, "the schema has no such Id")
    return None if element is root else element


def _holder(root: XmlElement, path: str) -> XmlElement:
    """The first element that the path leads to.

    Paths are steps from element to child: `*`, `*[local-name()='NAME']`, or a name in no namespace, with or without a
    position. That is what Clientsysteme send; a general XPath could cost any amount of time.
    """
    found, at = [root], 0
    path = path.strip()
    while at < len(path):
        step = _STEP.match(path, at)
        if step is None:
            raise CannotSign(4111, "the placement is no path that is understood")
        nodes = [child for node in found for child in node.iterchildren(etree.Element)] if at else found
        local, name, position = step[1] or step[2], step[3], step[4]
        found = [
            node
            for node in nodes
            if (local is None or local_name(node) == local) and (name is None or node.tag == name)
        ]
        if position is not None:
            found = found[int(position) - 1 : int(position)] if int(position) else []
        at = step.end()
    if not path or not found:
        raise CannotSign(4111, "the placement leads nowhere")
    return found[0]
