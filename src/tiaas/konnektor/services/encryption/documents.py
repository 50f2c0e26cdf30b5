"""CONN:Document as both operations take it: its octets and their size (gemSpec_Kon V5.18 TIP1-A_4500-02)."""

from tiaas.interfaces.connector_common_v5_0 import Document
from tiaas.konnektor.errors import KonnektorError

OCTETS_MAX = 26_214_400
"""25 MB have to be taken, more must not."""


def octets_of(document: Document) -> bytes:
    """The document itself, from whichever of the two elements."""
    if document.base64_xml is not None:
        return document.base64_xml
    return b"" if document.base64_data is None else document.base64_data.data


def check_size(octets: bytes) -> None:
    """Raises 4283 for a document that is larger than we take."""
    if len(octets) > OCTETS_MAX:
        raise KonnektorError(4283)
