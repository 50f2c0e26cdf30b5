"""The parts of a ds:Signature as they are written (XML Signature 1.1, 4), before anything is looked up or computed."""

from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Iterator
from itertools import islice

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.xmlsec.canonical import XmlElement
from tiaas.xmlsec.errors import BadXmlSignature, UnknownAlgorithm
from tiaas.xmlsec.names import CANONICAL, EXCLUSIVE, Transform, ds

CERTIFICATES_MAX = 8
_REFERENCES_MAX = 64
_BASE64_MAX = 128 * 1024
"""Characters; no certificate, value or OCSP response has as many."""
_PREFIXES_MAX = 8 * 1024
"""Characters of a PrefixList."""
_WHITESPACE = " \t\r\n"
_EXCLUSIVE_PREFIXES = f"{{{Transform.EXCLUSIVE_C14N}}}InclusiveNamespaces"
_TRANSFORMS = frozenset(Transform)
_SIGNED_INFO, _REFERENCE, _VALUE = ds("SignedInfo"), ds("Reference"), ds("SignatureValue")
_REFERENCES = f"{_SIGNED_INFO}/{_REFERENCE}"
_CANONICALIZATION, _METHOD = ds("CanonicalizationMethod"), ds("SignatureMethod")
_TRANSFORM_LIST, _TRANSFORM = ds("Transforms"), ds("Transform")
_DIGEST_METHOD, _DIGEST_VALUE = ds("DigestMethod"), ds("DigestValue")
_KEY_INFO, _DATA, _CERTIFICATE = ds("KeyInfo"), ds("X509Data"), ds("X509Certificate")


@dataclass(frozen=True, slots=True)
class Step:
    """A transform; `prefixes` is the PrefixList of exclusive C14N."""

    algorithm: Transform
    prefixes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reference:
    """A ds:Reference, of SignedInfo or of a Manifest. `uri` is None where the attribute is missing."""

    uri: str | None
    type: str | None
    identifier: str | None
    steps: tuple[Step, ...]
    digest_method: str
    digest_value: bytes


@dataclass(frozen=True, slots=True)
class SignatureSyntax:
    """A ds:Signature. `method` is its SignatureMethod as written; `certificates` are those of KeyInfo, DER."""

    element: XmlElement
    info: XmlElement
    canonicalization: Step
    method: str
    references: tuple[Reference, ...]
    value: bytes
    certificates: tuple[bytes, ...]


def read_signature(element: XmlElement) -> SignatureSyntax:
    """Raises `BadXmlSignature` for another structure and `UnknownAlgorithm` for transforms that are not worked off."""
    info = child(element, _SIGNED_INFO)
    references = list(islice(info.iterchildren(_REFERENCE), _REFERENCES_MAX + 1))
    if not 1 <= len(references) <= _REFERENCES_MAX:
        raise BadXmlSignature("no reference, or too many")
    return SignatureSyntax(
        element=element,
        info=info,
        canonicalization=_step(child(info, _CANONICALIZATION), CANONICAL),
        method=child(info, _METHOD).get("Algorithm", ""),
        references=tuple(map(read_reference, references)),
        value=binary(child(element, _VALUE)),
        certificates=_certificates(element),
    )


def referred_ids(signature: XmlElement) -> Iterator[str]:
    """The Ids that `read_signature` finds references of the signature to."""
    for reference in islice(signature.iterfind(_REFERENCES), _REFERENCES_MAX):
        uri = reference.get("URI", "")
        if uri.startswith("#"):
            yield uri[1:]


def read_reference(element: XmlElement) -> Reference:
    """Raises like `read_signature`."""
    found = element.iterchildren(_TRANSFORM_LIST)
    transforms = next(found, None)
    if next(found, None) is not None:
        raise BadXmlSignature("not exactly one Transforms")
    steps = []
    for transform in transforms.iterchildren(etree.Element) if transforms is not None else ():
        if transform.tag != _TRANSFORM:
            raise BadXmlSignature("something else than transforms")
        steps.append(_step(transform, _TRANSFORMS))
    method, value = read_digest(element)
    return Reference(element.get("URI"), element.get("Type"), element.get("Id"), tuple(steps), method, value)


def read_digest(parent: XmlElement) -> tuple[str, bytes]:
    """DigestMethod and DigestValue in `parent`."""
    return child(parent, _DIGEST_METHOD).get("Algorithm", ""), binary(child(parent, _DIGEST_VALUE))


def child(parent: XmlElement, name: str) -> XmlElement:
    """The only child of that name; raises `BadXmlSignature`."""
    found = parent.iterchildren(name)
    only = next(found, None)
    if only is None or next(found, None) is not None:
        raise BadXmlSignature(f"not exactly one {etree.QName(name).localname}")
    return only


def first(parent: XmlElement, *path: str) -> XmlElement | None:
    """The first element, in document order, that a path of names from element to child leads to."""
    name, *rest = path
    for element in parent.iterchildren(name):
        found = first(element, *rest) if rest else element
        if found is not None:
            return found
    return None


def binary(element: XmlElement) -> bytes:
    """What the base64 in an element stands for; raises `BadXmlSignature`."""
    if len(element):
        raise BadXmlSignature("elements inside base64")
    written = element.text or ""
    if len(written) > _BASE64_MAX:
        raise BadXmlSignature("too long a value")
    try:
        return a2b_base64(written, strict_mode=True)
    except (Base64Error, ValueError):
        pass
    try:
        return a2b_base64(written.translate(_NO_WHITESPACE), strict_mode=True)
    except (Base64Error, ValueError):
        raise BadXmlSignature("not base64") from None


_NO_WHITESPACE = {ord(char): None for char in _WHITESPACE}


def _step(element: XmlElement, allowed: frozenset[Transform]) -> Step:
    """The algorithm; a parameter that is not understood makes it an unknown one."""
    name = element.get("Algorithm", "")
    if name not in allowed:
        raise UnknownAlgorithm("unknown transform or canonicalization")
    algorithm = Transform(name)
    parameters = list(islice(element.iterchildren(etree.Element), 2))
    if not parameters:
        return Step(algorithm)
    if algorithm not in EXCLUSIVE or len(parameters) > 1 or parameters[0].tag != _EXCLUSIVE_PREFIXES:
        raise UnknownAlgorithm("a transform with unknown parameters")
    prefixes = parameters[0].get("PrefixList", "")
    if len(prefixes) > _PREFIXES_MAX:
        raise BadXmlSignature("too long a list of prefixes")
    return Step(algorithm, tuple(prefixes.split()))


def _certificates(signature: XmlElement) -> tuple[bytes, ...]:
    found: list[bytes] = []
    for info in signature.iterchildren(_KEY_INFO):
        for data in info.iterchildren(_DATA):
            for certificate in data.iterchildren(_CERTIFICATE):
                if len(found) == CERTIFICATES_MAX:
                    raise BadXmlSignature("too many certificates")
                found.append(binary(certificate))
    return tuple(found)
