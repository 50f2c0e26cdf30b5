"""What an ECDSA key is asked by somebody who has no more than the key: a process that uses keys, for one."""

from hashlib import sha256, sha384, sha512
from typing import NamedTuple

from tiaas.pki.certificate import Certificate, SignatureAlgorithm
from tiaas.pki.keys import Digest

_HASHES = {Digest.SHA256: sha256, Digest.SHA384: sha384, Digest.SHA512: sha512}
_DIGESTS = {digest.value: digest for digest in Digest}


class EcdsaUse(NamedTuple):
    """Whether `value` (DER) is the signature of a key over the octets `signed`.

    `public_key` is a SubjectPublicKeyInfo (DER).
    """

    public_key: bytes
    value: bytes
    signed: bytes
    digest: Digest

    def hashed(self) -> bytes:
        """The hash value of what is signed."""
        return _HASHES[self.digest](self.signed).digest()

    @staticmethod
    def of(signer: Certificate, algorithm: SignatureAlgorithm | None, value: bytes, signed: bytes) -> "EcdsaUse | None":
        """The question whether `signer` signed that way, None for another algorithm than ECDSA with a known hash."""
        digest = None if algorithm is None or algorithm.scheme != "ecdsa" else _DIGESTS.get(algorithm.digest)
        return None if digest is None else EcdsaUse(signer.public_key, value, signed, digest)
