"""Keys of a virtual SMC-B (HSM-B) as `Signer` and `Decipherer`, with the rules of a card's keys.

What an HSM signs for a document is verified (gemSpec_Kon V5.18 TUC_KON_166, step 3: 4120). TUC_KON_218 and
ExternalAuthenticate (TAB_KON_782, 783) ask for no such check: whoever wants an authentication verifies it, and that the
key is the certificate's was seen when it was loaded (`hsm.loading`).
"""

from tiaas.card.elc import BadCryptogram, decode_elc_cryptogram_untrusted, elc_open, encode_point, ephemeral_of
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.heldkeys import KeyStore
from tiaas.konnektor.keyuse import CRYPTOGRAM_FAULT, CertifiedKey, CertifiedSigner, KeyUse
from tiaas.konnektor.linkfaults import link_faults, raise_link_fault
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.pkcs11 import TokenError, WrongCryptogram


class HeldSigner(CertifiedSigner):
    """`Signer`: a key in a `KeyStore`."""

    def __init__(self, use: KeyUse, certified: CertifiedKey, store: KeyStore, label: str) -> None:
        super().__init__(certified)
        self._use = use
        self._store = store
        self._label = label
        self._is_verified = store.is_outside and not certified.authenticates

    async def sign_digest(self, digest: bytes, scheme: SigningScheme, hash_function: Digest = Digest.SHA256) -> bytes:
        """See `Signer` and `keys.signer_of`."""
        self._certified.require_scheme(scheme, hash_function)
        self._use.require()
        try:
            value = await self._store.sign(self._label, digest, scheme, hash_function)
        except TokenError as error:
            raise_link_fault(error)
            raise
        if self._is_verified:
            await self._certified.verify(value, digest, scheme, hash_function)
        return value


class HeldDecipherer:
    """`Decipherer`: a key in a `KeyStore`."""

    def __init__(self, use: KeyUse, certified: CertifiedKey, store: KeyStore, label: str) -> None:
        self._use = use
        self._certified = certified
        self._store = store
        self._label = label

    @property
    def certificate(self) -> bytes:
        """See `Decipherer`."""
        return self._certified.certificate

    async def decipher(self, cryptogram: bytes) -> bytes:
        """See `Decipherer` and `keys.decipherers_of`."""
        self._use.require()
        try:
            with link_faults():
                return await self._decipher(cryptogram)
        except (BadCryptogram, WrongCryptogram):
            raise KonnektorError(CRYPTOGRAM_FAULT) from None

    async def _decipher(self, cryptogram: bytes) -> bytes:
        if not self._certified.is_ecc:
            return await self._store.decipher(self._label, cryptogram)
        parts = decode_elc_cryptogram_untrusted(cryptogram)
        return elc_open(parts, await self._store.agree(self._label, encode_point(ephemeral_of(parts))))
