"""AlgorithmIdentifiers of encrypted contents, read (RFC 5652, 10.1; RFC 5084, 3.2; RFC 3565, 4.1)."""

from tiaas.cms.ber import Element, Elements, dotted_oid, string, whole_number
from tiaas.cms.contentcipher import ContentCipher, Mode
from tiaas.cms.der import INTEGER, OCTET_STRING, SEQUENCE
from tiaas.cms.errors import BadCms

_DEFAULT_ICV_LENGTH = 12


def algorithm_of(element: Element) -> tuple[str, Element | None]:
    """Object identifier and parameters, if there are any. Raises `BadCms`."""
    parts = element.expect(SEQUENCE).children()
    if not 1 <= len(parts) <= 2:
        raise BadCms("no algorithm identifier")
    return dotted_oid(parts[0]), parts[1] if len(parts) == 2 else None


def cipher_parameters(cipher: ContentCipher | None, parameters: Element | None) -> tuple[bytes, int]:
    """Nonce or initialisation vector, and the length of the tag. Raises `BadCms`."""
    if cipher is None:
        return b"", 0
    if parameters is None:
        raise BadCms("the algorithm has no parameters")
    if cipher.mode is Mode.CBC:
        return string(parameters, OCTET_STRING), 0
    parts = Elements(parameters.expect(SEQUENCE))
    nonce = string(parts.take(OCTET_STRING), OCTET_STRING)
    length = parts.optional(INTEGER)
    parts.end()
    return nonce, _DEFAULT_ICV_LENGTH if length is None else whole_number(length)
