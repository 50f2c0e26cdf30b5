"""Users and passwords of Clientsysteme for HTTP Basic (ANCL_CUP_LIST; variant SOAP2, gemSpec_Kon V5.18 §3.4.1).

Rows `basic-user`/NAME with salt and scrypt hash (RFC 7914). A password that was right is remembered as a keyed hash, so
that a client which sends it with every request costs one scrypt and not one per request. Which Clientsystem a user
belongs to says the information model.
"""

import hashlib
import hmac
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from dataclasses import field
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import hash_beside
from tiaas.base.secret import Secret
from tiaas.konnektor.store import InstanceStore, StoreError

BASIC_KIND = "basic-user"
_SCRYPT_N = 1 << 14
_REMEMBERED = 256


@dataclass(frozen=True, slots=True)
class Credentials:
    """What a client sent."""

    user: str
    password: Secret


def parse_basic_untrusted(header: str) -> Credentials | None:
    """The credentials in an `Authorization` header's value, None if it is no Basic one (RFC 7617)."""
    scheme, _, encoded = header.strip().partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, colon, password = b64decode(encoded.strip(), validate=True).partition(b":")
    except (NotBase64, ValueError):
        return None
    if not colon:
        return None
    try:
        return Credentials(user.decode("utf-8"), Secret(password))
    except UnicodeDecodeError:
        # RFC 7617 leaves the charset open; older stacks send ISO-8859-1.
        return Credentials(user.decode("iso-8859-1"), Secret(password))


@dataclass(slots=True)
class BasicUsers:
    """The users of one instance."""

    store: InstanceStore
    entropy: Entropy
    _hashes: dict[str, tuple[bytes, bytes]] = field(default_factory=dict)
    _remembered: dict[bytes, None] = field(default_factory=dict)
    _memory_key: bytes = field(default=b"", repr=False)

    @classmethod
    async def load(cls, store: InstanceStore, entropy: Entropy) -> "BasicUsers":
        """Reads the users from the store."""
        hashes = {user: read_hash(row) for user, row in (await store.list(BASIC_KIND)).items()}
        return cls(store, entropy, hashes, {}, entropy.octets(32))

    async def put(self, user: str, password: Secret) -> None:
        """Adds a user or changes a password."""
        salt = self.entropy.octets(16)
        digest = await hash_beside(_scrypt, password, salt)
        row = {"salt": b64encode(salt).decode(), "hash": b64encode(digest).decode()}
        await self.store.put(BASIC_KIND, user, row)
        self._hashes[user] = (salt, digest)
        self._remembered.clear()

    async def remove(self, user: str) -> None:
        """Removes a user if there is one."""
        await self.store.delete(BASIC_KIND, user)
        self._hashes.pop(user, None)
        self._remembered.clear()

    async def verify(self, credentials: Credentials) -> bool:
        """Whether user and password are right; takes as long for an unknown user."""
        mark = hmac.digest(self._memory_key, self._joined(credentials), "sha256")
        if mark in self._remembered:
            return True
        salt, expected = self._hashes.get(credentials.user, (b"\0" * 16, b""))
        digest = await hash_beside(_scrypt, credentials.password, salt)
        if not hmac.compare_digest(digest, expected) or self._hashes.get(credentials.user) != (salt, expected):
            return False
        if len(self._remembered) >= _REMEMBERED:
            self._remembered.pop(next(iter(self._remembered)))
        self._remembered[mark] = None
        return True

    @staticmethod
    def _joined(credentials: Credentials) -> bytes:
        user = credentials.user.encode()
        return len(user).to_bytes(4, "big") + user + credentials.password.reveal()


def read_hash(row: Mapping[str, Any]) -> tuple[bytes, bytes]:
    """Salt and hash of a row. Raises `StoreError` for a damaged one."""
    try:
        return b64decode(row["salt"], validate=True), b64decode(row["hash"], validate=True)
    except (KeyError, ValueError, TypeError):
        raise StoreError("a stored password of a Clientsystem is damaged") from None


def _scrypt(password: Secret, salt: bytes) -> bytes:
    return hashlib.scrypt(password.reveal(), salt=salt, n=_SCRYPT_N, r=8, p=1, dklen=32)
