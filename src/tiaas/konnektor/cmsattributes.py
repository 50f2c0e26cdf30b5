"""CMS attributes that clients hand in: dss:Property/Value/CMSAttribute (gemSpec_Kon V5.18 TAB_KON_065, TAB_KON_071)."""

from base64 import b64decode
from binascii import Error as BadBase64

from lxml import etree

from tiaas.cms.enveloped import check_attribute_untrusted
from tiaas.cms.errors import BadCms
from tiaas.interfaces.dss_core_v1_0 import PropertyList
from tiaas.konnektor.errors import KonnektorError
from tiaas.soap.markup import local_name
from tiaas.soap.parsers import fromstring

_CMS_ATTRIBUTE = "CMSAttribute"
_ATTRIBUTES_MAX = 50
_VALUES_MAX = 200
"""Of a list, attributes and others."""
_OCTETS_MAX = 2 * 1024 * 1024
"""Of all of them. A parser refuses texts of 10 MB."""


def attributes_in(properties: PropertyList | None) -> tuple[bytes, ...]:
    """The attributes of a list (DER), whatever namespace they are in: KIM sends them in none.

    Raises `KonnektorError` 4000 for what is not base64 of one whole Attribute (RFC 5652, 5.3).
    """
    if properties is None:
        return ()
    texts = [text for entry in properties.property for text in entry.value or ()]
    if len(texts) > _VALUES_MAX:
        raise KonnektorError(4000, "too many values of properties")
    if sum(map(len, texts)) > _OCTETS_MAX:
        raise KonnektorError(4000, "values of properties are too large")
    elements = map(fromstring, texts)
    found = [_attribute(element) for element in elements if local_name(element) == _CMS_ATTRIBUTE]
    if len(found) > _ATTRIBUTES_MAX:
        raise KonnektorError(4000, "too many CMSAttributes")
    return tuple(found)


def _attribute(element: etree._Element) -> bytes:
    try:
        octets = b64decode("".join((element.text or "").split()), validate=True)
        check_attribute_untrusted(octets)
    except (BadBase64, ValueError, BadCms):
        raise KonnektorError(4000, "CMSAttribute is no attribute in Base64") from None
    return octets
