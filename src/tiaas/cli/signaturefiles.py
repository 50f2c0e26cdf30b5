"""What a file with a signature is by its octets: CMS (RFC 5652) in DER or PEM, and which document is beside it."""

import re
from base64 import b64decode
from binascii import Error as BadBase64
from pathlib import Path

from tiaas.base.errors import InvalidInput

_SIGNED_DATA = re.compile(
    rb"\x30(?:[\x00-\x80]|\x81.|\x82..|\x83.{3}|\x84.{4})\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x02", re.DOTALL
)
"""How a ContentInfo with id-signedData begins, in DER and BER."""
_BEGINNING = 24
"""Characters of base64 in which a ContentInfo shows what it is."""
_PEM = re.compile(rb"\s*-----BEGIN (CMS|PKCS7)-----\r?\n([A-Za-z0-9+/=\s]*+)-----END \1-----\s*")
_PEM_BEGINS = re.compile(rb"\s*-----BEGIN (?:CMS|PKCS7)-----")
_ADDED = ("-parallel", "-counter")
"""What `tiaas sign` puts into the name of a signature that it adds to."""


def cms_of(content: bytes, path: Path) -> bytes | None:
    """The CMS signature that a file is, without its PEM; None for anything else.

    Raises `InvalidInput` for a PEM that holds none, and for a signature in bare base64.
    """
    if _is_in_base64(content):
        raise InvalidInput(f"{path}: a signature in base64; as base64 -d makes it, it can be verified")
    if _PEM_BEGINS.match(content):
        found = _PEM.fullmatch(content)
        try:
            content = b64decode(found[2]) if found else b""
        except BadBase64:
            content = b""
        if not _SIGNED_DATA.match(content):
            raise InvalidInput(f"{path}: a PEM without a signature in it")
    return content if _SIGNED_DATA.match(content) else None


def _is_in_base64(content: bytes) -> bool:
    """By how it begins."""
    try:
        return _SIGNED_DATA.match(b64decode(content.lstrip()[:_BEGINNING], validate=True)) is not None
    except BadBase64:
        return False


def document_beside(signature: Path) -> Path | None:
    """The file that `NAME.p7s` signs by its name: NAME; of `NAME-counter.p7s`, which added to it, NAME, too."""
    name = signature.stem
    if signature.suffix.lower() != ".p7s":
        return None
    while name:
        if signature.with_name(name).is_file():
            return signature.with_name(name)
        bare = next((name.removesuffix(mark) for mark in _ADDED if name.endswith(mark)), None)
        if bare is None:
            return None
        name = bare
    return None
