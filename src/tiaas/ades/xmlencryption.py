"""XML documents with encrypted parts: what is encrypted or decrypted changes places, no other octet does.

So a document comes back as it was (gemSpec_Kon V5.18 TIP1-A_5434), in its encoding, with its declaration, comments and
instructions. A part may be an element or the content of one.
"""

from collections.abc import Mapping, Sequence

from tiaas.ades.xadesdocument import XmlDocument, parse_xml_untrusted
from tiaas.ades.xmlsplice import Place, inserted, locate
from tiaas.soap.errors import BadEnvelope
from tiaas.xmlsec.canonical import XmlElement
from tiaas.xmlsec.decryption import BadEncryptedXml, EncryptedPart
from tiaas.xmlsec.encryption import XmlRecipient, encrypted_data
from tiaas.xmlsec.markup import attribute


def encrypt_xml(document: XmlDocument, key: bytes, nonce: bytes, recipients: Sequence[XmlRecipient]) -> bytes:
    """The document with EncryptedData in the place of its document element. Raises `NotLocated`."""
    (span,) = locate(document.octets, document.encoding, (document.root,))
    plaintext = document.octets[span.start : span.end].decode(document.encoding).encode()
    sealed = encrypted_data(plaintext, key, nonce, recipients)
    return b"".join((document.octets[: span.start], sealed, document.octets[span.end :]))


def put_back(document: XmlDocument, parts: Sequence[EncryptedPart], opened: Mapping[int, bytes]) -> bytes:
    """The document with the XML (UTF-8) of each opened part, by its number, in the part's place.

    Keys that stand elsewhere stay. Raises only `BadEncryptedXml` if what came out is not well-formed, or not one
    element where an element must be, and `NotLocated`.
    """
    numbers = sorted(opened)
    found = [checked_part(document, parts[number], opened[number]) for number in numbers]
    spans = locate(document.octets, document.encoding, [parts[number].element for number in numbers])
    return inserted(
        document.octets, [(Place(span.start, span.end), octets) for span, octets in zip(spans, found, strict=True)]
    )


def checked_part(document: XmlDocument, part: EncryptedPart, octets: bytes) -> bytes:
    """The XML of a part in the document's encoding. Raises only `BadEncryptedXml`, as `put_back` does."""
    try:
        return _checked(part, octets, document.encoding)
    except (BadEnvelope, UnicodeError) as error:
        raise BadEncryptedXml(str(error) if isinstance(error, BadEnvelope) else "not UTF-8") from None


def _checked(part: EncryptedPart, octets: bytes, encoding: str) -> bytes:
    """The XML of a part in the document's encoding. Raises `BadEnvelope`, `BadEncryptedXml`, `UnicodeError`."""
    content = parse_xml_untrusted(b"".join((_start(part.element.getparent()), octets, b"</content>"))).root
    if not part.is_content and (len(content) != 1 or _has_text(content) or not isinstance(content[0].tag, str)):
        raise BadEncryptedXml("not one element")
    if part.is_content and part.element.getparent() is None:
        raise BadEncryptedXml("content without an element")
    return octets.decode().encode(encoding, "xmlcharrefreplace")


def _start(parent: XmlElement | None) -> bytes:
    """A start tag that declares the prefixes in scope in `parent`."""
    scope = {} if parent is None else parent.nsmap
    declarations = (f' xmlns{":" if prefix else ""}{prefix or ""}="{attribute(uri)}"' for prefix, uri in scope.items())
    return f"<content{''.join(declarations)}>".encode()


def _has_text(content: XmlElement) -> bool:
    return any(text and text.strip() for text in (content.text, *(child.tail for child in content)))
