"""Passwords of administrators: what is accepted as one, and what is kept of it.

The rules of the protection profile are not in gemSpec_Kon; these follow BSI IT-Grundschutz ORP.4: twelve characters of
three kinds, not the user's name, none of the last five. Kept are salt and scrypt hash (RFC 7914; N=2^14, r=8, p=1).
"""

import asyncio
from base64 import b64decode, b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hmac import compare_digest
from typing import Any

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.interfaces.management.accounts import PASSWORD_MAX, PASSWORD_MIN

KINDS_MIN = 3
HISTORY = 5
_N, _R, _P, _OCTETS = 1 << 14, 8, 1, 32


class WeakPassword(InvalidInput):
    """A password that is not accepted; says why and never what it was."""


@dataclass(frozen=True, slots=True)
class PasswordHash:
    """Salt and scrypt hash."""

    salt: bytes
    digest: bytes

    def to_row(self) -> dict[str, str]:
        """For the store."""
        return {"salt": b64encode(self.salt).decode(), "hash": b64encode(self.digest).decode()}

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "PasswordHash":
        """Raises `KeyError`, `ValueError`."""
        return PasswordHash(b64decode(row["salt"]), b64decode(row["hash"]))


NOBODY = PasswordHash(bytes(16), bytes(_OCTETS))
"""Compared with when there is no such user, so that the answer takes as long."""


async def hash_password(password: Secret, entropy: Entropy) -> PasswordHash:
    """A new salt and the hash."""
    salt = entropy.octets(16)
    return PasswordHash(salt, await asyncio.to_thread(_scrypt, password, salt))


async def is_right(password: Secret, kept: PasswordHash) -> bool:
    """Whether the password is the one that was hashed; costs about 50 ms of a core."""
    return compare_digest(await asyncio.to_thread(_scrypt, password, kept.salt), kept.digest)


async def check_new(user: str, password: Secret, last: Sequence[PasswordHash]) -> None:
    """Raises `WeakPassword` for one that breaks a rule."""
    text = password.reveal().decode()
    if not PASSWORD_MIN <= len(text) <= PASSWORD_MAX:
        raise WeakPassword(f"a password has {PASSWORD_MIN} to {PASSWORD_MAX} characters")
    kinds = (str.islower, str.isupper, str.isdigit, lambda char: not char.isalnum())
    if sum(any(kind(char) for char in text) for kind in kinds) < KINDS_MIN:
        raise WeakPassword(f"a password has {KINDS_MIN} of: small letters, capital letters, digits, other characters")
    if user.lower() in text.lower():
        raise WeakPassword("a password does not contain the user's name")
    for kept in last:
        if await is_right(password, kept):
            raise WeakPassword(f"a password is none of the last {HISTORY}")


def _scrypt(password: Secret, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=_OCTETS, n=_N, r=_R, p=_P).derive(password.reveal())
