"""What a virtual SMC-B is, from what lies in its key store: the counterpart of TUC_KON_001 "Karte öffnen"."""

import json
from collections.abc import Callable
from hashlib import sha256

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tiaas.base.dataclass import dataclass
from tiaas.base.heavy import beside
from tiaas.konnektor.cardmap import AUT, ECC, RSA, SIG
from tiaas.konnektor.cards import CardData
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.cvcimport import CvcChain
from tiaas.konnektor.heldkeys import HeldKeys, KeyStore
from tiaas.konnektor.hsm.settings import VirtualSmb
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.cvc import BadCvc, decode_cvc_untrusted
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.passwordhash import PasswordHash
from tiaas.pki.pkcs11 import TokenError
from tiaas.pki.prehashed import is_signature
from tiaas.pki.subject import holder_of

_PROBE = sha256(b"tiaas: is this the key of the certificate?").digest()


@dataclass(frozen=True, slots=True, repr=False)
class Loaded:
    """A virtual SMC-B; `code` is what its activation code is compared with, None if it came without."""

    data: CardData
    held: HeldKeys
    code: PasswordHash | None


async def load_smb(store: KeyStore, smb: VirtualSmb, is_active: Callable[[str], bool]) -> Loaded:
    """Reads certificates and the rest. Raises `TokenError`, `StoreError`.

    Each key that signs does it once: labels may be mixed up, and what an authentication key signs is verified by nobody
    before it is given away.
    """
    labels = smb.key_labels()
    found = {key: await store.certificate(label) for key, label in labels.items()}
    certificates = {key: _whole(der) for key, der in found.items() if der is not None}
    aut = certificates.get((AUT, ECC)) or certificates.get((AUT, RSA))
    if aut is None:
        raise TokenError("the token has no authentication certificate of a virtual SMC-B")
    for (reference, crypt), der in certificates.items():
        if reference in (AUT, SIG):
            await _require_pair(store, labels[reference, crypt], der)
    holder = holder_of(decode_certificate_untrusted(aut))
    data = CardData(
        CardType.HSM_B,
        iccsn=smb.iccsn,
        holder_name=holder.name,
        certificate_expiration=holder.expires.date(),
        aut_certificate=aut,
    )
    held = HeldKeys(store, certificates, labels, is_active, await _role(store, smb), smb.label("AUTR_CVC.E256"))
    return Loaded(data, held, await _code(store, smb))


def _whole(der: bytes) -> bytes:
    try:
        return decode_certificate_untrusted(der).encoded
    except BadCertificate:
        raise TokenError("a certificate in the token cannot be read") from None


async def _require_pair(store: KeyStore, label: str, certificate: bytes) -> None:
    public_key = decode_certificate_untrusted(certificate).key()
    scheme = SigningScheme.RSASSA_PSS if isinstance(public_key, RSAPublicKey) else SigningScheme.ECDSA
    value = await store.sign(label, _PROBE, scheme, Digest.SHA256)
    if not await beside(0, is_signature, public_key, value, _PROBE, scheme):
        raise TokenError("a key in the token is not that of the certificate with its label")


async def _role(store: KeyStore, smb: VirtualSmb) -> CvcChain | None:
    card, authority = [await store.data(smb.label(name)) for name in ("AUTR_CVC.E256", "CA_CVC.E256")]
    if card is None or authority is None:
        return None
    try:
        return CvcChain(decode_cvc_untrusted(card), decode_cvc_untrusted(authority))
    except BadCvc:
        raise TokenError("a CV certificate in the token cannot be read") from None


async def _code(store: KeyStore, smb: VirtualSmb) -> PasswordHash | None:
    octets = await store.data(smb.label("activation"))
    if octets is None:
        return None
    try:
        return PasswordHash.from_row(json.loads(octets))
    except (KeyError, TypeError, ValueError):
        raise TokenError("the activation code's hash in the token cannot be read") from None
