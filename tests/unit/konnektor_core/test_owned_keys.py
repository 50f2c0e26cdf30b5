"""Keys that only the present owner uses: how often the store is asked, and that an older owner uses none."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tiaas.base.clock import ManualClock
from tiaas.konnektor.hsm.owned import FRESH_SECONDS, OwnedKeys
from tiaas.konnektor.hsm.software import SoftwareKeys
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.store import StaleEpochWrite
from tiaas.pki.keys import Digest, SigningScheme


async def test_an_owner_that_was_taken_over_signs_no_longer_than_the_answer_holds(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    (tmp_path / "a.key").write_bytes(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    store = await SqliteStore.open(tmp_path / "s.sqlite")
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    keys = OwnedKeys(SoftwareKeys(tmp_path), store.bind(await store.take_over("one")), clock)

    async def sign() -> bytes:
        return await keys.sign("a", bytes(32), SigningScheme.ECDSA, Digest.SHA256)

    await keys.open()
    try:
        assert await sign()
        clock.advance(FRESH_SECONDS)
        assert await sign()
        await store.take_over("one")
        clock.advance(FRESH_SECONDS)
        for _ in range(2):
            with pytest.raises(StaleEpochWrite):
                await sign()
        assert FRESH_SECONDS <= 0.01
    finally:
        await keys.close()
        await store.close()
