"""What a document with XML signatures may not hold: too much of anything, and content that is forbidden.

gemSpec_Kon V5.18 A_19052-01 (TAB_KON_775), A_22673, TAB_KON_779.
"""

from itertools import islice

from lxml import etree

from tiaas.ades.found import BadSignatureFile
from tiaas.soap.markup import XmlElement, local_name
from tiaas.xmlsec.names import FORBIDDEN_TRANSFORMS, ds

SIGNATURES_MAX = 64
"""Ours; at least 20 are demanded (TAB_KON_779)."""
TRANSFORMS_MAX = 64
TRANSFORMS_PER_REFERENCE_MAX = 10
"""TAB_KON_775."""
_MANIFEST_REFERENCES_MAX = 256
"""In all manifests of a document."""


_SIGNATURE, _TRANSFORM, _TRANSFORMS = ds("Signature"), ds("Transform"), ds("Transforms")
_REFERENCE, _MANIFEST = ds("Reference"), ds("Manifest")


def holds_too_many_signatures(root: XmlElement) -> bool:
    """Whether there are more signatures than are looked at together."""
    return len(list(islice(root.iter(_SIGNATURE), SIGNATURES_MAX + 1))) > SIGNATURES_MAX


def check_content(root: XmlElement) -> None:
    """Neither too much of anything nor XPath and XSLT in transforms, nor xpointer() in references (A_22673).

    Raises `BadSignatureFile` 4280 for too many signatures, transforms or references, else 4281.
    """
    signatures = transforms = references = 0
    forbidden = None
    for element in root.iter(_SIGNATURE, _TRANSFORM, _TRANSFORMS, _REFERENCE, _MANIFEST):
        tag = element.tag
        if tag == _TRANSFORM:
            transforms += 1
            if _is_forbidden(element):
                forbidden = "a transform by XPath or XSLT"
        elif tag == _REFERENCE:
            if "xpointer(" in element.get("URI", ""):
                forbidden = "a reference by xpointer"
        elif tag == _SIGNATURE:
            signatures += 1
        elif tag == _MANIFEST:
            references += len(element)
        elif len(element) > TRANSFORMS_PER_REFERENCE_MAX:
            raise BadSignatureFile(4280, "too many transforms of a reference")
        if signatures > SIGNATURES_MAX or transforms > TRANSFORMS_MAX or references > _MANIFEST_REFERENCES_MAX:
            raise BadSignatureFile(4280, "too many signatures, transforms, or references of manifests")
    if forbidden is not None:
        raise BadSignatureFile(4281, forbidden)


def _is_forbidden(transform: XmlElement) -> bool:
    return transform.get("Algorithm") in FORBIDDEN_TRANSFORMS or any(
        local_name(child) in ("XPath", "stylesheet", "transform") for child in transform.iterchildren(etree.Element)
    )
