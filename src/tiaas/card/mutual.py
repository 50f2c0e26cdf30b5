"""The far end of symmetric MUTUAL AUTHENTICATE: what a card management system does (gemSpec_COS V3.12.0, 14.7.1).

    S = RND.ext (16) ‖ ICCSN8.ext ‖ RND.int (16) ‖ ICCSN8.int ‖ KD.e (64)    C1 = AES-CBC(enc, 0, S), MAC1 over C1
    R = RND.int ‖ ICCSN8.int ‖ RND.ext ‖ ICCSN8.ext ‖ KD.i (64)              C2, MAC2 likewise, from the card

Session keys come from KD.i XOR KD.e (N083.800, N084.402a, N084.410a). The card's half is `card/virtual/authentication`.
"""

from dataclasses import field
from hmac import compare_digest
from typing import Final

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.card.securemessaging import SessionKeys, derive_session_keys
from tiaas.card.symmetric import BLOCK, MAC_SIZE, cbc_decrypt, cbc_encrypt, checksum

CHALLENGE_SIZE: Final = 16
ICCSN8_SIZE: Final = 8
_MATERIAL_SIZE: Final = 64
_CRYPTOGRAM_SIZE: Final = 2 * (CHALLENGE_SIZE + ICCSN8_SIZE) + _MATERIAL_SIZE


class BadAuthentication(TiaasError):
    """The card's challenge or its part of the authentication cannot be: it does not have the key, or is another."""


@dataclass(frozen=True, slots=True)
class AuthenticationKey:
    """A symmetric authentication key: one half enciphers, the other makes checksums; 16 or 32 octets each."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)

    @classmethod
    def of(cls, octets: bytes) -> "AuthenticationKey":
        """The key as cards store it: both halves in a row."""
        return cls(octets[: len(octets) // 2], octets[len(octets) // 2 :])


@dataclass(frozen=True, slots=True)
class MutualAuthentication:
    """One authentication under way: `command_data` goes to the card, its answer into `finish_untrusted`."""

    key: AuthenticationKey = field(repr=False)
    outer: bytes
    inner: bytes
    material: bytes = field(repr=False)

    @classmethod
    def begin_untrusted(
        cls, key: AuthenticationKey, challenge: bytes, iccsn8: bytes, own_iccsn8: bytes, entropy: Entropy
    ) -> "MutualAuthentication":
        """Answers the card's challenge. Raises only `BadAuthentication`, for a challenge of another length."""
        if len(challenge) != CHALLENGE_SIZE:
            raise BadAuthentication(f"a challenge of {len(challenge)} octets")
        outer = entropy.octets(CHALLENGE_SIZE) + own_iccsn8
        return cls(key, outer, challenge + iccsn8, entropy.octets(_MATERIAL_SIZE))

    @property
    def command_data(self) -> bytes:
        """Data of MUTUAL AUTHENTICATE: 112 octets cryptogram, 8 octets checksum."""
        cryptogram = cbc_encrypt(self.key.enc, bytes(BLOCK), self.outer + self.inner + self.material)
        return cryptogram + checksum(self.key.mac, cryptogram)

    def finish_untrusted(self, answer: bytes) -> SessionKeys:
        """Session keys from the card's answer. Raises only `BadAuthentication`."""
        cryptogram, mac = answer[:-MAC_SIZE], answer[-MAC_SIZE:]
        if len(cryptogram) != _CRYPTOGRAM_SIZE or not compare_digest(checksum(self.key.mac, cryptogram), mac):
            raise BadAuthentication("checksum or length of the card's answer wrong")
        message = cbc_decrypt(self.key.enc, bytes(BLOCK), cryptogram)
        own, material = message[:-_MATERIAL_SIZE], message[-_MATERIAL_SIZE:]
        if own != self.inner + self.outer:
            raise BadAuthentication("the card's answer belongs to another authentication")
        mixed = bytes(a ^ b for a, b in zip(self.material, material, strict=True))
        return derive_session_keys(mixed, len(self.key.enc))
