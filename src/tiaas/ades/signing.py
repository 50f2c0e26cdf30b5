"""How a format and a key come together: prepare, sign, finish.

A format module knows documents and structures, not keys: it says what hash values are to be signed, and afterwards puts
the signature values in.

    prepared = cades.prepare(document, by, options)          # pure, no I/O
    values = [await signer.sign_digest(digest, by.scheme) for digest in prepared.digests]
    document = prepared.finish(values)                       # pure, no I/O

So a stack is prepared as a whole and signed in the order of the request, and neither waits for the other.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

from tiaas.base.errors import TiaasError
from tiaas.pki.keys import SigningScheme


class CannotSign(TiaasError):
    """The document cannot be signed this way.

    `code` is the gematik code: 4111 (type or variant), 4110 (format of the document), 4205 (no room in a PDF) and the
    like; `reason` a short phrase without document content.
    """

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"{code} {reason}")
        self.code = code
        self.reason = reason


class SignedBy(NamedTuple):
    """Who is going to sign: certificate (DER) and scheme; always with SHA-256 (gemSpec_Krypt Tab_KRYPT_002)."""

    certificate: bytes
    scheme: SigningScheme


class Prepared(Protocol):
    """A document that waits for its signature values."""

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The SHA-256 hash values to be signed: one, or one per signature that is countersigned."""
        ...

    def finish(self, values: Sequence[bytes], ocsp: bytes | None = None) -> bytes:
        """The result, with the signature values in the order of `digests` (ECDSA in DER).

        `ocsp` is an OCSPResponse (DER) to embed, fetched after the signature was made (SignatureService 7.5.6);
        formats that embed none ignore it.
        """
        ...
