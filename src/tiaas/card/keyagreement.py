"""A security module made of software: its end of GENERAL AUTHENTICATE with a card (gemSpec_COS V3.12.0, 15.4).

The card takes part with algorithm 54 (its end of secure messaging), the module with D4. Both static keys, certified by
CV certificates, and both ephemeral keys go in:

    KD = ECDH(module's ephemeral, card's static) ‖ ECDH(module's static, card's ephemeral)

What a gSMC-K does inside, a Konnektor without one does here. The commands after that are those of `securemessaging`.
"""

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.base.entropy import Entropy
from tiaas.card.elc import BadCryptogram, decode_point, encode_point, ephemeral_key
from tiaas.card.securemessaging import SessionKeys, derive_session_keys
from tiaas.card.trustedchannel import BadTrustedChannel

_KEY_SIZE = 16
"""A curve of 256 bits gives AES-128 (N031.500b.1)."""


class ModuleAgreement:
    """One key agreement of the module with the static key `key`, on brainpoolP256r1."""

    def __init__(self, key: ec.EllipticCurvePrivateKey, entropy: Entropy) -> None:
        self._key = key
        self._ephemeral = ephemeral_key(entropy)

    @property
    def point(self) -> bytes:
        """The module's ephemeral point, which the card gets in the second step."""
        return encode_point(self._ephemeral.public_key())

    def finish_untrusted(self, card: ec.EllipticCurvePublicKey, point: bytes) -> SessionKeys:
        """Session keys with the card whose certified key is `card` and whose ephemeral point is `point`.

        Raises only `BadTrustedChannel`.
        """
        try:
            ephemeral = decode_point(point)
        except BadCryptogram as error:
            raise BadTrustedChannel(str(error)) from None
        material = self._ephemeral.exchange(ec.ECDH(), card) + self._key.exchange(ec.ECDH(), ephemeral)
        return derive_session_keys(material, _KEY_SIZE)
