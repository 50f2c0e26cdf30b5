"""What is kept of a password or code that a person types: salt and scrypt hash (RFC 7914; N=2^14, r=8, p=1)."""

from base64 import b64decode, b64encode
from collections.abc import Mapping
from hmac import compare_digest
from typing import Any

from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import hash_beside
from tiaas.base.secret import Secret

_N, _R, _P, _OCTETS = 1 << 14, 8, 1, 32


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
    return PasswordHash(salt, await hash_beside(_scrypt, password, salt))


async def is_right(password: Secret, kept: PasswordHash) -> bool:
    """Whether the password is the one that was hashed; costs about 50 ms of a core."""
    return compare_digest(await hash_beside(_scrypt, password, kept.salt), kept.digest)


def _scrypt(password: Secret, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=_OCTETS, n=_N, r=_R, p=_P).derive(password.reveal())
