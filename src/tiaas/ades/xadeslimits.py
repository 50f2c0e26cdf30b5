"""What a document with XML signatures may not hold: too much of anything, and content that is forbidden.

gemSpec_Kon V5.18 A_19052-01 (TAB_KON_775), A_22673, TAB_KON_779.
"""

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


def check_limits(root: XmlElement) -> None:
    """Raises `BadSignatureFile` 4280 for too many signatures, transforms or references."""
    if sum(1 for _ in root.iter(ds("Signature"))) > SIGNATURES_MAX:
        raise BadSignatureFile(4280, "too many signatures")
    if sum(1 for _ in root.iter(ds("Transform"))) > TRANSFORMS_MAX:
        raise BadSignatureFile(4280, "too many transforms")
    for transforms in root.iter(ds("Transforms")):
        if len(transforms) > TRANSFORMS_PER_REFERENCE_MAX:
            raise BadSignatureFile(4280, "too many transforms of a reference")
    if sum(len(manifest) for manifest in root.iter(ds("Manifest"))) > _MANIFEST_REFERENCES_MAX:
        raise BadSignatureFile(4280, "too many references of manifests")


def check_content(root: XmlElement) -> None:
    """A_22673: neither XPath nor XSLT in transforms, no xpointer() in references. Raises `BadSignatureFile` 4281."""
    for transform in root.iter(ds("Transform")):
        if transform.get("Algorithm") in FORBIDDEN_TRANSFORMS or any(
            local_name(child) in ("XPath", "stylesheet", "transform") for child in transform.iterchildren(etree.Element)
        ):
            raise BadSignatureFile(4281, "a transform by XPath or XSLT")
    for reference in root.iter(ds("Reference")):
        if "xpointer(" in reference.get("URI", ""):
            raise BadSignatureFile(4281, "a reference by xpointer")
