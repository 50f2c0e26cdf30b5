"""The signatures of a document, which of them cover others, and where an unsigned property of one goes.

A signature that another one covers must not be touched, or that one breaks (`xades`, parallel signatures).
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tiaas.ades.signing import CannotSign
from tiaas.ades.xadesdocument import XmlDocument, parse_to_sign
from tiaas.ades.xmlsplice import NotLocated, Place, Span, inserted, locate
from tiaas.base.dataclass import dataclass
from tiaas.soap.markup import XmlElement
from tiaas.xmlsec.errors import BadXmlSignature
from tiaas.xmlsec.markup import Scope, octets, scope_inside
from tiaas.xmlsec.names import XADES, ds, xades
from tiaas.xmlsec.properties import qualifying_properties
from tiaas.xmlsec.writer import revocation_values

DECLARED = f' xmlns:xades="{XADES}"'
"""Whether the prefix is in force where a property goes does not matter: it is declared again."""

_COUNTER = xades("CounterSignature")
_REFERENCE = f"{ds('SignedInfo')}/{ds('Reference')}"
_Referred = dict[XmlElement, frozenset[str | None]]
"""What each signature refers to, looked up once however many stand in its Objects."""


@dataclass(frozen=True, slots=True)
class Room:
    """Where an unsigned property goes, and what is in force there."""

    place: Place
    scope: Scope


def all_signatures(root: XmlElement) -> Iterator[XmlElement]:
    """All signatures in document order, but those inside what an enveloping signature encloses: they are content."""
    referred: _Referred = {}
    for signature in root.iter(ds("Signature")):
        if not any(_encloses(ancestor, referred) for ancestor in signature.iterancestors(ds("Object"))):
            yield signature


def top_signatures(root: XmlElement) -> list[XmlElement]:
    """Those of `all_signatures` that are no counter signatures."""
    return [signature for signature in all_signatures(root) if not _is_counter(signature)]


def signing_all(signatures: Iterable[XmlElement]) -> list[XmlElement]:
    """Those that sign the whole document, for `covering`."""
    return [signature for signature in signatures if "" in _references(signature)]


def covering(signature: XmlElement, signing_all: Iterable[XmlElement]) -> list[XmlElement]:
    """Those of `signing_all` that sign what is in `signature`, too: all but itself and those around it."""
    apart = {signature, *signature.iterancestors()}
    return [other for other in signing_all if other not in apart]


@dataclass(frozen=True, slots=True)
class _Missing:
    """The element that unsigned properties go into, and what has to be made around them; `first`: in front of all."""

    parent: XmlElement
    before: str = ""
    after: str = ""
    first: bool = False


def unsigned_rooms(document: XmlDocument, signatures: Sequence[XmlElement]) -> list[Room]:
    """Behind the unsigned properties of each signature; what is missing around them is made.

    Raises `CannotSign` 4111 for a signature without qualifying properties of its own, `NotLocated`.
    """
    wanted = list(map(_missing, signatures))
    # One reading of the document, which may be long, finds all of them.
    spans = locate(document.octets, document.encoding, [one.parent for one in wanted])
    return [_room(one, span) for one, span in zip(wanted, spans, strict=True)]


def _missing(signature: XmlElement) -> _Missing:
    try:
        qualifying = qualifying_properties(signature)
    except BadXmlSignature:
        raise CannotSign(4111, "a signature with properties that are not its own") from None
    if qualifying is None:
        raise CannotSign(4111, "a signature without qualifying properties")
    unsigned = qualifying.find(xades("UnsignedProperties"))
    about = None if unsigned is None else unsigned.find(xades("UnsignedSignatureProperties"))
    if about is not None:
        return _Missing(about)
    if unsigned is not None:
        before, after = f"<xades:UnsignedSignatureProperties{DECLARED}>", "</xades:UnsignedSignatureProperties>"
        return _Missing(unsigned, before, after, first=True)
    before = f"<xades:UnsignedProperties{DECLARED}><xades:UnsignedSignatureProperties>"
    return _Missing(qualifying, before, "</xades:UnsignedSignatureProperties></xades:UnsignedProperties>")


def _room(missing: _Missing, span: Span) -> Room:
    place = span.first() if missing.first else span.last()
    scope = scope_inside(missing.parent)
    return Room(
        place.around(octets(missing.before), octets(missing.after)),
        Scope({**scope.namespaces, "xades": XADES}, scope.attributes),
    )


def with_ocsp(document: bytes, responses: Mapping[int, bytes]) -> bytes:
    """The document with an OCSPResponse (DER) added to signatures, by their index in `read_xades_untrusted`.

    For VerifyDocument with IncludeRevocationInfo (gemSpec_Kon TUC_KON_161). Signatures that another one covers stay as
    they are. Raises `CannotSign` like `unsigned_rooms`, and for a document that cannot be read.
    """
    parsed = parse_to_sign(document)
    signatures = list(all_signatures(parsed.root))
    whole = signing_all(signatures)
    given = {signatures[index]: ocsp for index, ocsp in responses.items() if not covering(signatures[index], whole)}
    try:
        rooms = unsigned_rooms(parsed, list(given))
    except NotLocated as error:
        raise CannotSign(error.code, error.reason) from None
    values = [octets(revocation_values(ocsp, DECLARED)) for ocsp in given.values()]
    return inserted(document, zip([room.place for room in rooms], values, strict=True))


def _is_counter(signature: XmlElement) -> bool:
    parent = signature.getparent()
    return parent is not None and parent.tag == _COUNTER


def _encloses(element: XmlElement, referred: _Referred) -> bool:
    """Whether an Object is what its signature refers to."""
    name, signature = element.get("Id"), element.getparent()
    if name is None or signature is None:
        return False
    if signature not in referred:
        referred[signature] = _references(signature)
    return f"#{name}" in referred[signature]


def _references(signature: XmlElement) -> frozenset[str | None]:
    """The URIs of a signature's references."""
    return frozenset([reference.get("URI") for reference in signature.iterfind(_REFERENCE)])
