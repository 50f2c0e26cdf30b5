"""ID.SAK.AUTD_CVC of an instance: read, kept, refused."""

from datetime import UTC, datetime

import pytest

from tests.integration.konnektor_core.memorystore import MemoryStore
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.konnektor.sakcvc import SakCvc, keep_sak_cvc
from tiaas.konnektor.store import StoreError
from tiaas.lab.pki import LabPki

ICCSN = "80276001990000000001"


@pytest.fixture(scope="module")
def pki() -> LabPki:
    return LabPki.create(SeededEntropy(b"sak"), ManualClock(datetime(2026, 3, 1, tzinfo=UTC)), ecc_only=True)


async def test_it_is_kept(pki: LabPki) -> None:
    certificate, ca, key = pki.sak_cvc(ICCSN)
    store = MemoryStore()
    assert await keep_sak_cvc(store, None) is None
    given = SakCvc.load(certificate, ca, Secret(key))
    assert await keep_sak_cvc(store, given) is given
    kept = await keep_sak_cvc(store, None)
    assert kept is not None
    assert kept.chain == given.chain
    assert kept.chain.end_entity.chr == b"\x00\x0a" + bytes.fromhex(ICCSN)
    assert "PrivateKey" not in repr(kept)
    await store.put("identity", "sak-cvc", {"certificate": "AA=="})
    with pytest.raises(StoreError):
        await keep_sak_cvc(store, None)


def test_another_cards_certificate_or_key_is_none(pki: LabPki) -> None:
    certificate, ca, key = pki.sak_cvc(ICCSN)
    *_, other_key = pki.sak_cvc(ICCSN)
    for parts in ((ca, ca, key), (certificate, ca, other_key), (certificate[:-1], ca, key)):
        with pytest.raises(ValueError, match=r"."):
            SakCvc.load(parts[0], parts[1], Secret(parts[2]))
