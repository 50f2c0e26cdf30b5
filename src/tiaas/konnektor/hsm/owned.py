"""Keys that only the instance's present owner uses.

A command to a card passes the front, which knows the highest epoch; an HSM knows none. So before a key is used the
store is asked, and an owner that was frozen and taken over signs and deciphers nothing. What the store said holds for
some milliseconds: a new owner needs many times as long until it serves its first call.
"""

from collections.abc import Callable

from tiaas.base.clock import Clock
from tiaas.konnektor.heldkeys import KeyStore
from tiaas.konnektor.store import InstanceStore
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.pkcs11 import TokenError, WrongCryptogram

FRESH_SECONDS = 0.01
"""By the monotonic clock, from before the store was asked."""


class OwnedKeys:
    """`KeyStore` before another one; what uses a key raises `StaleEpochWrite` and `StoreError` too.

    `on_failure` is called with why the use of a key failed, but for octets that it does not decipher.
    """

    def __init__(
        self,
        keys: KeyStore,
        store: InstanceStore,
        clock: Clock,
        on_failure: Callable[[TokenError], None] = lambda _: None,
    ) -> None:
        self._keys = keys
        self._store = store
        self._clock = clock
        self._on_failure = on_failure
        self._asked: float | None = None

    @property
    def is_outside(self) -> bool:
        """See `KeyStore`."""
        return self._keys.is_outside

    @property
    def is_stuck(self) -> bool:
        """See `KeyStore`."""
        return self._keys.is_stuck

    async def open(self) -> None:
        """See `KeyStore`."""
        await self._keys.open()

    async def close(self) -> None:
        """See `KeyStore`."""
        await self._keys.close()

    async def certificate(self, label: str) -> bytes | None:
        """See `KeyStore`."""
        return await self._keys.certificate(label)

    async def data(self, label: str) -> bytes | None:
        """See `KeyStore`."""
        return await self._keys.data(label)

    async def sign(self, label: str, digest: bytes, scheme: SigningScheme, hash_function: Digest) -> bytes:
        """See `KeyStore`."""
        if self._is_to_be_asked():
            await self._require_owner()
        try:
            return await self._keys.sign(label, digest, scheme, hash_function)
        except TokenError as error:
            self._on_failure(error)
            raise

    async def agree(self, label: str, point: bytes) -> bytes:
        """See `KeyStore`."""
        if self._is_to_be_asked():
            await self._require_owner()
        try:
            return await self._keys.agree(label, point)
        except WrongCryptogram:
            raise
        except TokenError as error:
            self._on_failure(error)
            raise

    async def decipher(self, label: str, cryptogram: bytes) -> bytes:
        """See `KeyStore`."""
        if self._is_to_be_asked():
            await self._require_owner()
        try:
            return await self._keys.decipher(label, cryptogram)
        except WrongCryptogram:
            raise
        except TokenError as error:
            self._on_failure(error)
            raise

    def _is_to_be_asked(self) -> bool:
        return self._asked is None or self._clock.monotonic() - self._asked >= FRESH_SECONDS

    async def _require_owner(self) -> None:
        now = self._clock.monotonic()
        await self._store.require_owner()
        self._asked = now
