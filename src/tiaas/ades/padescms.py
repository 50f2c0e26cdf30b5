"""The CMS in a PDF signature: SignedData with one signer, its certificate and no content (TS 102 778-3, 4.4 and 4.5).

Neither signing-time nor content-hints are in it: a PDF document has `M` and `Reason` for that.
"""

from dataclasses import replace
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric import ec, rsa

from tiaas.ades.cmssigner import CmsSigner, cms_signer
from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.base.dataclass import dataclass
from tiaas.cms import oids
from tiaas.cms.der import INTEGER, sequence
from tiaas.cms.signing import AttributesAround, SignedAttributes, attributes_around, content_type
from tiaas.pki.certificate import BadCertificate, PublicKey, decode_certificate_untrusted
from tiaas.pki.keys import Digest
from tiaas.tlv import encode

_KEPT = 1024


@dataclass(frozen=True, slots=True, repr=False)
class PdfSigner:
    """What a signer brings to every PDF signature of his: `room` are the octets of the longest CMS."""

    signer: CmsSigner
    around: AttributesAround
    room: int

    def attributes(self, digest: bytes) -> SignedAttributes:
        """The signed attributes for the SHA-256 hash value of what ByteRange covers."""
        return self.around.with_digest(digest)

    def cms(self, attributes: SignedAttributes, value: bytes) -> bytes:
        """The ContentInfo with a signature value (ECDSA in DER)."""
        return self.signer.detached.with_signers((self.signer.info(attributes, value),))


@lru_cache(maxsize=_KEPT)
def pdf_signer(by: SignedBy) -> PdfSigner:
    """What `by` brings; raises `CannotSign` (4001) for a certificate that cannot be read."""
    try:
        longest = _longest_value(decode_certificate_untrusted(by.certificate).key())
    except BadCertificate:
        raise CannotSign(4001, "the signer's certificate cannot be read") from None
    signer = cms_signer(by)
    around = attributes_around((content_type(oids.DATA), signer.signing_certificate, signer.algorithm_protection))
    without_room = PdfSigner(signer, around, 0)
    attributes = without_room.attributes(bytes(Digest.SHA256.size))
    return replace(without_room, room=len(without_room.cms(attributes, bytes(longest))))


def _longest_value(key: PublicKey | None) -> int:
    """Octets of the longest signature value of a key."""
    if isinstance(key, rsa.RSAPublicKey):
        return (key.key_size + 7) // 8
    if isinstance(key, ec.EllipticCurvePublicKey):
        number = encode(INTEGER, bytes((key.key_size + 7) // 8 + 1))
        return len(sequence(number, number))
    raise CannotSign(4001, "the signer's key is of an unknown kind")
