"""Which signature algorithm a SignerInfo names, and whether its value fits.

Known are ECDSA, RSASSA-PSS and RSASSA-PKCS1-v1_5 with SHA-256, -384 and -512 (gemSpec_Krypt Tab_KRYPT_002, RFC 5754);
RSASSA-PSS with the same hash function in MGF1 (RFC 4056, 3).
"""

from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm

from tiaas.cms import oids
from tiaas.cms.ber import Elements, read_untrusted, whole_number
from tiaas.cms.der import INTEGER, SEQUENCE
from tiaas.cms.errors import BadCms
from tiaas.cms.signed import Algorithm, algorithm_of
from tiaas.pki.certificate import PublicKey, SignatureAlgorithm, load_key_untrusted
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.signature import fits

_DIGESTS = {oids.SHA256: Digest.SHA256, oids.SHA384: Digest.SHA384, oids.SHA512: Digest.SHA512}
_MAX_SALT = 512
_KEYS_KEPT, _KEY_KEPT_OCTETS = 512, 2 * 1024
_ALGORITHMS_KEPT = 64
_NAMES = {
    SigningScheme.ECDSA: "ecdsa",
    SigningScheme.RSASSA_PSS: "rsassa_pss",
    SigningScheme.RSASSA_PKCS1_V1_5: "rsassa_pkcs1v15",
}


class KnownAlgorithm(NamedTuple):
    """A signature algorithm that is known here."""

    scheme: SigningScheme
    digest: Digest
    salt_length: int | None = None

    def fits(self, key: PublicKey | None, value: bytes, signed: bytes) -> bool:
        """Whether `key` made the signature `value` over `signed`; False, too, if they do not go together."""
        try:
            return fits(key, _named(self), value, signed)
        except (ValueError, UnsupportedAlgorithm):
            return False


@lru_cache(maxsize=_ALGORITHMS_KEPT)
def _named(algorithm: KnownAlgorithm) -> SignatureAlgorithm:
    return SignatureAlgorithm(_NAMES[algorithm.scheme], algorithm.digest.value, algorithm.salt_length)


_WITH_DIGEST = {
    oids.ECDSA_SHA256: KnownAlgorithm(SigningScheme.ECDSA, Digest.SHA256),
    oids.ECDSA_SHA384: KnownAlgorithm(SigningScheme.ECDSA, Digest.SHA384),
    oids.ECDSA_SHA512: KnownAlgorithm(SigningScheme.ECDSA, Digest.SHA512),
    oids.RSA_SHA256: KnownAlgorithm(SigningScheme.RSASSA_PKCS1_V1_5, Digest.SHA256),
    oids.RSA_SHA384: KnownAlgorithm(SigningScheme.RSASSA_PKCS1_V1_5, Digest.SHA384),
    oids.RSA_SHA512: KnownAlgorithm(SigningScheme.RSASSA_PKCS1_V1_5, Digest.SHA512),
}


def known_digest(algorithm: Algorithm) -> Digest | None:
    """The hash function, or None if it is none of those above."""
    return _DIGESTS.get(algorithm.oid)


def known_algorithm(signature: Algorithm, digest: Algorithm) -> KnownAlgorithm | None:
    """The algorithm of a SignerInfo, or None if it is unknown or does not go with the hash function.

    Raises `BadCms` if the parameters are not readable.
    """
    hashed = known_digest(digest)
    if hashed is None:
        return None
    if signature.oid == oids.RSASSA_PSS:
        return _pss(signature, hashed)
    if signature.oid == oids.RSA_ENCRYPTION:
        return KnownAlgorithm(SigningScheme.RSASSA_PKCS1_V1_5, hashed)
    found = _WITH_DIGEST.get(signature.oid)
    return found if found is not None and found.digest is hashed else None


def public_key(encoded: bytes) -> PublicKey | None:
    """`load_key_untrusted`, kept for the last usual ones: to load a brainpool key costs as much as to use it."""
    return _public_key(encoded) if len(encoded) <= _KEY_KEPT_OCTETS else load_key_untrusted(encoded)


_public_key = lru_cache(maxsize=_KEYS_KEPT)(load_key_untrusted)


def _pss(signature: Algorithm, hashed: Digest) -> KnownAlgorithm | None:
    """RSASSA-PSS-params (RFC 4055, 3.1); what is absent means SHA-1, which is refused, or a salt of 20 octets."""
    if signature.parameters is None:
        return None
    parts = Elements(read_untrusted(signature.parameters).expect(SEQUENCE))
    digest, generator = parts.optional(0xA0), parts.optional(0xA1)
    salt, trailer = parts.optional(0xA2), parts.optional(0xA3)
    parts.end()
    if digest is None or generator is None or known_digest(algorithm_of(digest.only())) is not hashed:
        return None
    mask = algorithm_of(generator.only())
    if mask.oid != oids.MGF1 or mask.parameters is None:
        return None
    if known_digest(algorithm_of(read_untrusted(mask.parameters))) is not hashed:
        return None
    if trailer is not None and whole_number(trailer.only().expect(INTEGER)) != 1:
        return None
    length = 20 if salt is None else whole_number(salt.only().expect(INTEGER))
    if not 0 <= length <= _MAX_SALT:
        raise BadCms("a salt of that length is none")
    return KnownAlgorithm(SigningScheme.RSASSA_PSS, hashed, length)
