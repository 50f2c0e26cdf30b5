"""Keys in cards, by commands: TUC_KON_218 "Signiere", TUC_KON_219 "Entschlüssele" (gemSpec_Kon V5.18 TIP1-A_4581, 4582;
gemSpec_COS V3.12.0, 14.8.2, 14.8.3, 14.9.9).

MSE SET and PSO of one use are not mixed with those of another: they have the session's channel alone. A key that is
selected already is not selected again, so a stack costs one command per signature.
"""

from collections.abc import Mapping

from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.objsys.addresses import (
    ALG_ELC_SHARED_SECRET,
    ALG_RSA_OAEP_DECIPHER,
    ALG_SIGN_ECDSA,
    ALG_SIGN_PKCS1,
    ALG_SIGN_PSS,
)
from tiaas.card.status import StatusWord
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.keyuse import CARD_FAULT, CRYPTOGRAM_FAULT, CertifiedKey, CertifiedSigner, KeyUse
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.sessions import Channel
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.prehashed import DIGEST_INFO

_RSA_PADDING_INDICATOR = b"\x00"

_ALGORITHM = {
    SigningScheme.ECDSA: ALG_SIGN_ECDSA,
    SigningScheme.RSASSA_PSS: ALG_SIGN_PSS,
    SigningScheme.RSASSA_PKCS1_V1_5: ALG_SIGN_PKCS1,
}
_DECIPHER_FAULTS: Mapping[int, int] = {
    StatusWord.WRONG_DATA: CRYPTOGRAM_FAULT,
    StatusWord.KEY_OR_PASSWORD_NOT_FOUND: 4079,
    StatusWord.KEY_INVALID: 4079,
}
"""TAB_KON_210. An object whose key was never put in answers 6400 (gemSpec_COS V3.12.0, N086.810)."""


class CardSigner(CertifiedSigner):
    """`Signer`: a key in a card."""

    def __init__(self, use: KeyUse, certified: CertifiedKey) -> None:
        super().__init__(certified)
        self._use = use

    async def sign_digest(self, digest: bytes, scheme: SigningScheme, hash_function: Digest = Digest.SHA256) -> bytes:
        """See `Signer` and `keys.signer_of`."""
        response = await _run(self._use, *self._commands(digest, scheme, hash_function))
        if not response.ok:
            raise _card_fault(response.sw)
        return await self._certified.taken(response.data, digest, scheme, hash_function)

    def _commands(self, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> tuple[CommandApdu, CommandApdu]:
        self._certified.require_scheme(scheme, hash_function)
        signed = DIGEST_INFO[hash_function] + digest if scheme is SigningScheme.RSASSA_PKCS1_V1_5 else digest
        setting = commands.mse_private_sign(self._use.key.ref, _ALGORITHM[scheme])
        return setting, commands.pso_compute_signature(signed)


class CardDecipherer:
    """`Decipherer`: a key in a card."""

    def __init__(self, use: KeyUse, certified: CertifiedKey) -> None:
        self._use = use
        self._certified = certified

    @property
    def certificate(self) -> bytes:
        """See `Decipherer`."""
        return self._certified.certificate

    async def decipher(self, cryptogram: bytes) -> bytes:
        """See `Decipherer` and `keys.decipherers_of`."""
        if self._certified.is_ecc:
            setting = commands.mse_private_decipher(self._use.key.ref, ALG_ELC_SHARED_SECRET)
            operation = commands.pso_decipher(cryptogram)
        else:
            setting = commands.mse_private_decipher(self._use.key.ref, ALG_RSA_OAEP_DECIPHER)
            operation = commands.pso_decipher(_RSA_PADDING_INDICATOR + cryptogram)
        response = await _run(self._use, setting, operation)
        if not response.ok:
            raise _card_fault(response.sw, _DECIPHER_FAULTS)
        return response.data


async def _run(use: KeyUse, setting: CommandApdu, operation: CommandApdu) -> ResponseApdu:
    use.require()
    with link_faults():
        async with use.session.use() as channel:
            # Whoever had the channel before may have lost the right.
            use.require()
            return await _run_on(use, channel, setting, operation)


async def _run_on(use: KeyUse, channel: Channel, setting: CommandApdu, operation: CommandApdu) -> ResponseApdu:
    """MSE SET and one PSO; the first answer that is not 9000, or the last."""
    response = await channel.select(use.key.folder)
    if channel.folder is use.key.folder:
        response = await channel.use_key(setting)
        if response.ok:
            response = await channel.transmit(operation)
    if response.sw == StatusWord.SECURITY_STATUS_NOT_SATISFIED:
        use.session.auth_state.pop(use.key.pin, None)
        raise KonnektorError(4085)
    return response


def _card_fault(sw: int, known: Mapping[int, int] | None = None) -> KonnektorError:
    """<Kartenfehlercode gemäß gemSpec_COS>: the status word goes out as detail of "Kartenfehler"."""
    code = (known or {}).get(sw)
    return KonnektorError(CARD_FAULT, f"the card's status word {sw:04X}") if code is None else KonnektorError(code)
