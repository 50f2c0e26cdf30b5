"""What a signer brings to every CMS signature of his, made once per certificate: CAdES, PAdES and S/MIME use it."""

from collections.abc import Sequence
from functools import lru_cache

from tiaas.ades.signing import CannotSign, SignedBy
from tiaas.base.dataclass import dataclass
from tiaas.cms import algorithms, signing
from tiaas.cms.certificate import IssuerAndSerial, names_untrusted
from tiaas.cms.errors import BadCms
from tiaas.pki.keys import SigningScheme

_ALGORITHMS = {
    SigningScheme.ECDSA: algorithms.ECDSA_SHA256,
    SigningScheme.RSASSA_PSS: algorithms.RSASSA_PSS_SHA256,
    SigningScheme.RSASSA_PKCS1_V1_5: algorithms.RSA_SHA256,
}
_KEPT = 1024


@dataclass(frozen=True, slots=True, repr=False, eq=False)
class CmsSigner:
    """Certificate, names and algorithm of a signer, and what follows from them: attributes (DER), and the frame of a
    detached signature that is his alone. There is one object for each signer, so it is known by itself."""

    certificate: bytes
    names: IssuerAndSerial
    named: bytes
    algorithm: bytes
    signing_certificate: bytes
    algorithm_protection: bytes
    detached: signing.SignedDataFrame

    def info(self, attributes: signing.SignedAttributes, value: bytes, unsigned: Sequence[bytes] = ()) -> bytes:
        """The SignerInfo with that signature value (ECDSA in DER) over the attributes."""
        return signing.signer_info(self.named, attributes, self.algorithm, value, unsigned)


@lru_cache(maxsize=_KEPT)
def cms_signer(by: SignedBy) -> CmsSigner:
    """What `by` brings; raises `CannotSign` (4001) if its certificate is none."""
    try:
        names = names_untrusted(by.certificate).issuer_and_serial
    except BadCms as error:
        raise CannotSign(4001, f"signer's certificate not readable: {error}") from None
    algorithm = _ALGORITHMS[by.scheme]
    return CmsSigner(
        certificate=by.certificate,
        names=names,
        named=signing.signer_named(names),
        algorithm=algorithm,
        signing_certificate=signing.signing_certificate(by.certificate, names),
        algorithm_protection=signing.algorithm_protection(algorithm),
        detached=signing.SignedDataParts(signers=(), certificates=(by.certificate,)).frame(),
    )
