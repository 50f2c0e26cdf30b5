"""What every use of a private key of an HBA or SM-B has in common: its certificate, the right to use it, the schemes it
does, the check of what it signed (gemSpec_Kon V5.18 TUC_KON_218, TAB_KON_780, TUC_KON_166 step 3).
"""

from collections.abc import Mapping

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.shortwork import in_turn
from tiaas.konnektor.cardcertificates import has_ecc, read_certificate
from tiaas.konnektor.cardmap import AUT, ECC, RSA, CardKey
from tiaas.konnektor.cards import Card, Reservation
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.sessions import CardSession
from tiaas.pki.certificate import BadCertificate, PublicKey, decode_certificate_untrusted
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.prehashed import is_signature

CARD_FAULT = 4120
CRYPTOGRAM_FAULT = 4069
_COORDINATE = 32

_ALLOWED: Mapping[tuple[SigningScheme, Digest], str] = {
    (SigningScheme.ECDSA, Digest.SHA256): ECC,
    (SigningScheme.RSASSA_PSS, Digest.SHA256): RSA,
    **{(SigningScheme.RSASSA_PKCS1_V1_5, digest): RSA for digest in Digest},
}
"""Which kind of key signs how (TAB_KON_780; gemSpec_COS V3.12.0 N087.300). PKCS#1 v1.5 is for the key of AUT alone."""


@dataclass(frozen=True, slots=True, repr=False)
class CertifiedKey:
    """A certificate (DER) and its key.

    `authenticates`: it is for authentication, not for documents; `is_ecc`: it is a key on an elliptic curve. `scheme`:
    how the key signs documents (gemSpec_Krypt Tab_KRYPT_002).
    """

    certificate: bytes
    public_key: PublicKey
    authenticates: bool
    is_ecc: bool
    scheme: SigningScheme

    @classmethod
    def of(cls, certificate: bytes, public_key: PublicKey, *, authenticates: bool) -> "CertifiedKey":
        """With what follows from the key."""
        is_ecc = isinstance(public_key, ec.EllipticCurvePublicKey)
        scheme = SigningScheme.ECDSA if is_ecc else SigningScheme.RSASSA_PSS
        return cls(certificate, public_key, authenticates, is_ecc, scheme)

    def require_scheme(self, scheme: SigningScheme, hash_function: Digest) -> None:
        """Raises `KonnektorError` 4111 for what the private key does not do."""
        if _ALLOWED.get((scheme, hash_function)) != (ECC if self.is_ecc else RSA):
            raise KonnektorError(4111)
        if scheme is SigningScheme.RSASSA_PKCS1_V1_5 and not self.authenticates:
            raise KonnektorError(4111)

    async def taken(
        self, answer: bytes, digest: bytes, scheme: SigningScheme, hash_function: Digest = Digest.SHA256
    ) -> bytes:
        """The signature in a card's answer as a `Signer` gives it, verified. Raises 4120."""
        value = _in_der(answer) if scheme is SigningScheme.ECDSA else answer
        await self.verify(value, digest, scheme, hash_function)
        return value

    async def verify(self, value: bytes, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> None:
        """Checks a signature that a card or an HSM made, in a thread. Raises 4120."""
        if not await in_turn(is_signature, self.public_key, value, digest, scheme, hash_function):
            raise KonnektorError(CARD_FAULT)


class CertifiedSigner:
    """What all signers of cards and HSMs have in common (`Signer`)."""

    def __init__(self, certified: CertifiedKey) -> None:
        self._certified = certified
        self.certificate = certified.certificate
        self.scheme = certified.scheme


def _in_der(raw: bytes) -> bytes:
    """ECDSA-Sig-Value of r ‖ s; octets that are none become a signature that does not verify."""
    r, s = (int.from_bytes(raw[at : at + _COORDINATE], "big") for at in (0, _COORDINATE))
    return encode_dss_signature(r, s)


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A key of a card as a session uses it; `holder` is the caller's reservation of the card."""

    card: Card
    session: CardSession
    key: CardKey
    holder: Reservation | None

    def require(self) -> None:
        """Raises 4094 for a card that is gone, 4093 if another has reserved it, 4085 without PIN."""
        if self.card.removed:
            raise KonnektorError(4094)
        self.card.require_free(self.holder)
        if self.key.pin not in self.session.auth_state:
            raise KonnektorError(4085)


async def certified_key(card: Card, reference: str, crypt: str, clock: Clock) -> CertifiedKey | None:
    """The certificate of a reference with its key; None if the card has none.

    Raises `KonnektorError` 4148 if it cannot be read, 4149, 4094, 4044, 4060.
    """
    # TUC_KON_001 has read this one.
    is_known = card.held is None and (reference, crypt) == (AUT, ECC) and has_ecc(card)
    der = card.data.aut_certificate if is_known else None
    if der is None:
        with link_faults():
            der = await read_certificate(card, reference, crypt, clock)
    if der is None:
        return None
    known: dict[tuple[str, str], CertifiedKey] = card.derived("certified keys", dict)
    found = known.get((reference, crypt))
    # Read again after a day, it may be another one.
    if found is None or found.certificate != der:
        found = known[reference, crypt] = _certified(der, authenticates=reference == AUT)
    return found


def _certified(der: bytes, *, authenticates: bool) -> CertifiedKey:
    try:
        key = decode_certificate_untrusted(der).key()
    except BadCertificate:
        key = None
    if key is None:
        raise KonnektorError(4148)
    return CertifiedKey.of(der, key, authenticates=authenticates)
