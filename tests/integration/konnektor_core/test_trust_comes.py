"""Terminals of a Konnektor that trusts nobody yet, and what becomes of them when its first TSL comes."""

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.integration.konnektor_core.surgery import CLOCK, CT, Surgery
from tests.unit.konnektor_trust.listmaker import Listed, ListMaker, SignerCa
from tiaas.base.secret import Secret
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.events import Topic
from tiaas.konnektor.terminallist import Correlation, TerminalEntry
from tiaas.konnektor.trustlists import TrustLists
from tiaas.lab.pki import AuthorityKind, Family
from tiaas.pki.issue import Validity
from tiaas.pki.oids import CertificateType
from tiaas.pki.tsl import ServiceType
from tiaas.terminal.embedded import EmbeddedFront
from tiaas.terminal.front import Owner

LIFE = Validity(CLOCK.now() - timedelta(days=1), CLOCK.now() + timedelta(days=100))
SIGNER = SignerCa("TSL-CA TEST-ONLY", LIFE)


class Distrustful(Surgery):
    """Paired, with lists that are imported by hand."""

    def first_list(self) -> ListMaker:
        types = CertificateType.SMKT_AUT.oid, CertificateType.CH_AUT.oid
        issuers = [self.pki.authority(kind, of) for kind in (AuthorityKind.KOMP, AuthorityKind.EGK) for of in Family]
        ders = [ca.certificate.public_bytes(Encoding.DER) for ca in issuers]
        services = tuple(Listed(ServiceType.CA, der, extensions=types) for der in ders)
        return ListMaker(SIGNER, services, issued=CLOCK.now())

    @property
    def lists(self) -> TrustLists:
        assert self.core.trust.lists is not None
        return self.core.trust.lists

    @property
    def entry(self) -> TerminalEntry:
        return self.core.terminals.entry(CT)

    async def boot_without_trust(self) -> None:
        """After a restart nothing is trusted any more."""
        self.ti, self.anchor = TiAccess(online=False, tsl_url="http://tsl.lab/tsl.xml"), SIGNER.anchor.encoded
        self.events.clear()
        await self.boot()

    def failures(self) -> list[str]:
        """The codes with which terminals were refused."""
        failed = [event for event in self.events if event.topic == Topic.CT_TLS_ESTABLISHMENT_FAILURE]
        return [dict(event.parameters)["Error"] for event in failed]

    async def refused(self) -> None:
        await self.until(lambda: bool(self.failures()) and not self.core.terminals._tasks)


@pytest.fixture
async def surgery(tmp_path: Path) -> AsyncIterator[Distrustful]:
    surgery = Distrustful(tmp_path)
    await surgery.open()
    yield surgery
    await surgery.close()


@pytest.mark.code(4028)
async def test_TUC_KON_050_a_terminal_that_was_not_trusted_comes_back_with_the_tsl(surgery: Distrustful) -> None:
    await surgery.shut()
    await surgery.boot_without_trust()
    await surgery.refused()
    assert surgery.failures() == ["4028"]
    assert surgery.entry.config.correlation is Correlation.AKTIV
    await surgery.lists.import_tsl(surgery.first_list().document())
    await surgery.core.terminals.settled(CT, 5)
    assert surgery.find(CardType.EGK).ct_id == CT


async def test_a_tsl_that_comes_while_a_terminal_is_refused_counts(
    surgery: Distrustful, monkeypatch: pytest.MonkeyPatch
) -> None:
    disconnect = EmbeddedFront.disconnect
    imported: list[str] = []

    async def meanwhile(front: EmbeddedFront, owner: Owner, ct_id: str) -> None:
        if surgery.ti is not None and not imported:
            imported.append(ct_id)
            await surgery.lists.import_tsl(surgery.first_list().document())
        await disconnect(front, owner, ct_id)

    await surgery.shut()
    monkeypatch.setattr(EmbeddedFront, "disconnect", meanwhile)
    await surgery.boot_without_trust()
    await surgery.core.terminals.settled(CT, 5)
    assert imported == [CT]
    assert surgery.failures() == ["4028"]


async def test_a_wrong_secret_is_not_excused_by_another_tsl(surgery: Distrustful) -> None:
    await surgery.shut()
    await surgery.boot_without_trust()
    await surgery.lists.import_tsl(surgery.first_list().document())
    await surgery.core.terminals.settled(CT, 5)
    pairing = surgery.entry.config.pairing
    assert pairing is not None
    forged = replace(surgery.entry.config, pairing=replace(pairing, secret=Secret(bytes(16))))
    surgery.events.clear()
    await surgery.core.terminals.add(forged)
    await surgery.refused()
    assert surgery.failures() == ["4029"]
    await surgery.lists.import_tsl(surgery.first_list().newer().document())
    assert not surgery.core.terminals._tasks
    assert surgery.entry.config.correlation is Correlation.GEPAIRT
