"""Where counter signatures go: one for each signature that is there (gemSpec_Kon TAB_KON_779 "Gegensignatur").

XAdES CounterSignature (ETSI TS 101 903 V1.4.2, 7.2.4) is an unsigned property. A signature that another one covers must
not be touched, or that one breaks; its counter signature goes into the innermost that covers it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from tiaas.ades.signing import CannotSign
from tiaas.ades.xadesdocument import XmlDocument, parse_to_sign
from tiaas.ades.xmlsplice import Place, inserted, locate
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec.canonical import canonical
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.markup import Scope, octets, scope_inside
from tiaas.xmlsec.names import XADES, Transform, ds, xades
from tiaas.xmlsec.properties import qualifying_properties

_COUNTER = xades("CounterSignature")
_DECLARED = f' xmlns:xades="{XADES}"'


@dataclass(frozen=True, slots=True, repr=False)
class CounterPlan:
    """A counter signature to be: the Id and canonical octets of the SignatureValue, and where it goes."""

    identifier: str
    canonical: bytes
    place: Place
    scope: Scope


def top_signatures(root: XmlElement) -> list[XmlElement]:
    """The signatures of a document in its order, without counter signatures and without those in enclosed content."""
    return [signature for signature in all_signatures(root) if not _is_counter(signature)]


def all_signatures(root: XmlElement) -> Iterator[XmlElement]:
    """All signatures in document order, but those inside what an enveloping signature encloses: they are content."""
    for signature in root.iter(ds("Signature")):
        if not any(_encloses(ancestor) for ancestor in signature.iterancestors(ds("Object"))):
            yield signature


def plan_counters(document: XmlDocument, name: str) -> tuple[bytes, tuple[CounterPlan, ...]]:
    """The document, with the Ids that its SignatureValues lacked, and what has to be signed.

    Raises `CannotSign` 4111 without signature, or if a counter signature would break one.
    """
    document = _with_value_ids(document, name)
    signatures = top_signatures(document.root)
    if not signatures:
        raise CannotSign(4111, "no signature to be countersigned")
    plans: list[CounterPlan] = []
    rooms: dict[XmlElement, _Room] = {}
    for signature in signatures:
        host = _host(signature, signatures)
        room = rooms.get(host)
        if room is None:
            room = rooms[host] = _room(document, host)
        value = _value(signature)
        plans.append(
            CounterPlan(
                value.get("Id", ""),
                canonical(value, Transform.C14N_11),
                room.place,
                room.scope,
            )
        )
    return document.octets, _merged(plans)


@dataclass(frozen=True, slots=True)
class _Room:
    place: Place
    scope: Scope


def _merged(plans: list[CounterPlan]) -> tuple[CounterPlan, ...]:
    """Each counter signature with its own property element; what is made for them all comes with the first and last."""
    merged = []
    for at, plan in enumerate(plans):
        same = [number for number, other in enumerate(plans) if other.place == plan.place]
        before = plan.place.before if at == same[0] else b""
        after = plan.place.after if at == same[-1] else b""
        start = plan.place.start if at == same[0] else plan.place.end
        place = Place(start, plan.place.end, before, after)
        counter = place_in_counter(place)
        merged.append(CounterPlan(plan.identifier, plan.canonical, counter, plan.scope))
    return tuple(merged)


def place_in_counter(place: Place) -> Place:
    """The place for the signature in a CounterSignature at `place`."""
    return place.around(octets(f"<xades:CounterSignature{_DECLARED}>"), b"</xades:CounterSignature>")


def _room(document: XmlDocument, host: XmlElement) -> _Room:
    """Where an unsigned property of a signature goes; what is missing around it is made."""
    try:
        qualifying = qualifying_properties(host)
    except BadXmlSignature:
        raise CannotSign(4111, "a signature with properties that are not its own") from None
    if qualifying is None:
        raise CannotSign(4111, "a signature without qualifying properties")
    before, after, parent = "", "", qualifying
    unsigned = qualifying.find(xades("UnsignedProperties"))
    about = None if unsigned is None else unsigned.find(xades("UnsignedSignatureProperties"))
    if about is not None:
        parent = about
    elif unsigned is not None:
        parent = unsigned
        before, after = f"<xades:UnsignedSignatureProperties{_DECLARED}>", "</xades:UnsignedSignatureProperties>"
    else:
        before = f"<xades:UnsignedProperties{_DECLARED}><xades:UnsignedSignatureProperties>"
        after = "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>"
    span = locate(document.octets, document.encoding, (parent,))[0]
    place = span.first() if parent is unsigned else span.last()
    scope = scope_inside(parent)
    within = Scope({**scope.namespaces, "xades": XADES}, scope.attributes)
    return _Room(place.around(octets(before), octets(after)), within)


def _host(signature: XmlElement, signatures: list[XmlElement]) -> XmlElement:
    """The signature that may be added to: itself, or the innermost of those that cover it."""
    covering = [other for other in signatures if other is not signature and _covers(other, signature)]
    if not covering:
        return signature
    host = covering[-1]
    if any(other is not host and _covers(other, host) for other in signatures):
        raise CannotSign(4111, "a counter signature would break another signature")
    return host


def _covers(other: XmlElement, signature: XmlElement) -> bool:
    """Whether `other` signs the whole document and with it what is in `signature`."""
    if other in signature.iterancestors():
        return False
    references = other.findall(f"{ds('SignedInfo')}/{ds('Reference')}")
    return any(reference.get("URI") == "" for reference in references)


def _with_value_ids(document: XmlDocument, name: str) -> XmlDocument:
    """Gives an Id to every SignatureValue that has none: nothing signs it, unless another signature covers it."""
    signatures = top_signatures(document.root)
    bare = [signature for signature in signatures if _value(signature).get("Id") is None]
    if not bare:
        return document
    if any(_covers(other, signature) for signature in bare for other in signatures if other is not signature):
        raise CannotSign(4111, "a counter signature would break another signature")
    spans = locate(document.octets, document.encoding, [_value(signature) for signature in bare])
    additions = [(span.attribute(), octets(f' Id="signaturevalue-{name}-of-{at}"')) for at, span in enumerate(spans)]
    return parse_to_sign(inserted(document.octets, additions))


def _value(signature: XmlElement) -> XmlElement:
    value = signature.find(ds("SignatureValue"))
    if value is None:
        raise CannotSign(4111, "a signature without value")
    return value


def _is_counter(signature: XmlElement) -> bool:
    parent = signature.getparent()
    return parent is not None and parent.tag == _COUNTER


def _encloses(element: XmlElement) -> bool:
    """Whether an Object is what its signature refers to."""
    name, signature = element.get("Id"), element.getparent()
    if name is None or signature is None:
        return False
    return any(
        reference.get("URI") == f"#{name}" for reference in signature.iterfind(f"{ds('SignedInfo')}/{ds('Reference')}")
    )
