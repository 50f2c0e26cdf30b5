"""Signs MIME messages and reads signed ones: S/MIME (gemSpec_Kon V5.18 TUC_KON_155, 160; RFC 5751).

What is signed is the whole message in canonical form, its header included; the CMS structure, with that content in it,
becomes the body of a message of type application/pkcs7-mime with the same header. Read are this form and
multipart/signed.
"""

from collections.abc import Sequence
from dataclasses import replace

from tiaas.ades import mime
from tiaas.ades.cades import CadesOptions, PreparedCades, prepare
from tiaas.ades.cadesread import cades_claims_untrusted
from tiaas.ades.found import BadSignatureFile, Claim, FoundSignature, SignatureFormat
from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.base.dataclass import dataclass

_SIGNED = "signed-data"
_SIGNATURE_TYPES = ("application/pkcs7-signature", "application/x-pkcs7-signature")


@dataclass(frozen=True, slots=True, repr=False)
class PreparedSmime:
    """A message that waits for its signature value (`tiaas.ades.signing.Prepared`)."""

    inner: PreparedCades
    _message: bytes

    @property
    def digests(self) -> tuple[bytes, ...]:
        """The one hash value to be signed."""
        return self.inner.digests

    @property
    def ignored(self) -> tuple[str, ...]:
        """See `PreparedCades.ignored`."""
        return self.inner.ignored

    def finish(self, values: Sequence[bytes], ocsp: bytes | None = None) -> bytes:
        """The S/MIME message; see `Prepared.finish`."""
        return mime.pkcs7_mime(self._message, self.inner.finish(values, ocsp), _SIGNED)


def prepare_smime(message: bytes, by: SignedBy, options: CadesOptions) -> PreparedSmime:
    """A signed message from a MIME message; always enveloping.

    Raises `CannotSign`: 4110 `message` is no MIME message, 4000 see `cades.prepare`.
    """
    try:
        if not mime.split_untrusted(message).fields:
            raise CannotSign(4110, "no MIME message: without header")
        content = mime.canonical(message)
    except mime.BadMime as error:
        raise CannotSign(4110, f"no MIME message: {error}") from None
    return PreparedSmime(prepare(content, by, replace(options, enveloping=True)), message)


def read_smime_untrusted(message: bytes, given: Sequence[bytes] = ()) -> tuple[FoundSignature, ...]:
    """The signatures of a signed message; see `smime_claims_untrusted`."""
    return tuple([claim.checked() for claim in smime_claims_untrusted(message, given)])


def smime_claims_untrusted(message: bytes, given: Sequence[bytes] = ()) -> list[Claim]:
    """The signatures of a signed message, not yet checked; `given` are certificates (DER) from elsewhere.

    Raises only `BadSignatureFile`: 4253 for what is no signed message, else see `cades_claims_untrusted`.
    """
    try:
        split = mime.split_untrusted(message)
        if split.content_type in mime.PKCS7_MIME:
            return cades_claims_untrusted(mime.decoded_untrusted(split), None, given, SignatureFormat.SMIME)
        content, part = mime.signed_parts_untrusted(split)
        signature = mime.split_untrusted(part)
        if signature.content_type not in _SIGNATURE_TYPES:
            raise BadSignatureFile(4253, "the second part of multipart/signed is no CMS signature")
        return cades_claims_untrusted(mime.decoded_untrusted(signature), content, given, SignatureFormat.SMIME)
    except mime.BadMime as error:
        raise BadSignatureFile(4253, f"no signed message: {error}") from None
