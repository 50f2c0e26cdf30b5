"""Where counter signatures go: one for each signature that is there (gemSpec_Kon TAB_KON_779 "Gegensignatur").

XAdES CounterSignature (ETSI TS 101 903 V1.4.2, 7.2.4) is an unsigned property. That of a signature which another one
covers goes into the innermost that covers it (`xades`, parallel signatures).
"""

from dataclasses import replace

from tiaas.ades.signing import CannotSign
from tiaas.ades.xadesdocument import XmlDocument, parse_to_sign
from tiaas.ades.xadeslimits import holds_too_many_signatures
from tiaas.ades.xadesunsigned import DECLARED, Room, covering, signing_all, top_signatures, unsigned_rooms
from tiaas.ades.xmlsplice import Place, inserted, locate
from tiaas.base.dataclass import dataclass
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec.canonical import canonical
from tiaas.xmlsec.markup import Scope, octets
from tiaas.xmlsec.names import Transform, ds


@dataclass(frozen=True, slots=True, repr=False)
class CounterPlan:
    """A counter signature to be: the Id and the digest of the SignatureValue, and where it goes."""

    identifier: str
    digest: bytes
    place: Place
    scope: Scope


def plan_counters(document: XmlDocument, name: str) -> tuple[bytes, tuple[CounterPlan, ...]]:
    """The document, with the Ids that its SignatureValues lacked, and what has to be signed.

    Raises `CannotSign` 4111 without signature, or if a counter signature would break one, 4280 for too many.
    """
    if holds_too_many_signatures(document.root):
        raise CannotSign(4280, "more signatures than supported")
    document = _with_value_ids(document, name)
    signatures = top_signatures(document.root)
    if not signatures:
        raise CannotSign(4111, "no signature to be countersigned")
    whole = signing_all(signatures)
    guests: dict[XmlElement, list[XmlElement]] = {}
    for signature in signatures:
        guests.setdefault(_host(signature, whole), []).append(signature)
    rooms = unsigned_rooms(document, list(guests))
    plans = {
        guest: plan
        for room, those in zip(rooms, guests.values(), strict=True)
        for guest, plan in zip(those, _plans(document, room, those), strict=True)
    }
    return document.octets, tuple(plans[signature] for signature in signatures)


def _plans(document: XmlDocument, room: Room, signatures: list[XmlElement]) -> list[CounterPlan]:
    """One after the other in one room: what is made around them comes with the first and the last."""
    plans = []
    for number, signature in enumerate(signatures):
        place = room.place
        if number:
            place = replace(place, start=place.end, before=b"")
        if number < len(signatures) - 1:
            place = replace(place, after=b"")
        place = place.around(octets(f"<xades:CounterSignature{DECLARED}>"), b"</xades:CounterSignature>")
        value = _value(signature)
        digest = document.digest(canonical(value, Transform.C14N_11))
        plans.append(CounterPlan(value.get("Id", ""), digest, place, room.scope))
    return plans


def _host(signature: XmlElement, whole: list[XmlElement]) -> XmlElement:
    """The signature that may be added to: itself, or the innermost of those that cover it."""
    around = covering(signature, whole)
    if not around:
        return signature
    host = around[-1]
    if covering(host, whole):
        raise CannotSign(4111, "a counter signature would break another signature")
    return host


def _with_value_ids(document: XmlDocument, name: str) -> XmlDocument:
    """Gives an Id to every SignatureValue that has none: nothing signs it, unless another signature covers it."""
    signatures = top_signatures(document.root)
    bare = [signature for signature in signatures if _value(signature).get("Id") is None]
    if not bare:
        return document
    whole = signing_all(signatures)
    if any(covering(signature, whole) for signature in bare):
        raise CannotSign(4111, "a counter signature would break another signature")
    spans = locate(document.octets, document.encoding, [_value(signature) for signature in bare])
    additions = [(span.attribute(), octets(f' Id="signaturevalue-{name}-of-{at}"')) for at, span in enumerate(spans)]
    return parse_to_sign(inserted(document.octets, additions))


def _value(signature: XmlElement) -> XmlElement:
    value = signature.find(ds("SignatureValue"))
    if value is None:
        raise CannotSign(4111, "a signature without value")
    return value
