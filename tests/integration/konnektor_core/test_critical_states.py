"""Critical states on a running instance with a terminal on a socket: what ends, what comes back."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.x509 import load_der_x509_certificate

from tests.integration.konnektor_core.surgery import CT, ENTROPY, Surgery
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import Entropy
from tiaas.konnektor.nodechecks import NodeChecks
from tiaas.konnektor.opstate import Condition
from tiaas.konnektor.selfchecks import SelfChecks


@pytest.fixture
async def surgery(tmp_path: Path) -> AsyncIterator[Surgery]:
    surgery = Surgery(tmp_path)
    await surgery.open()
    yield surgery
    await surgery.close()


class Breakable:
    """A generator that sticks when told to."""

    def __init__(self, good: Entropy) -> None:
        self.good = good
        self.stuck = False

    def octets(self, size: int) -> bytes:
        return bytes(size) if self.stuck else self.good.octets(size)


@pytest.mark.requirement("TIP1-A_4510-04")
async def test_without_random_numbers_no_terminal_is_connected_and_all_come_back(surgery: Surgery) -> None:
    core, generator = surgery.core, Breakable(ENTROPY)
    checks = NodeChecks(surgery.store.check, ManualClock(core.clock.now()), generator, dict)
    await checks.tell(core.opstate)
    assert core.terminals.entry(CT).connected
    assert len(list(core.cards)) > 0
    generator.stuck = True
    await checks.look()
    assert core.opstate.holds(Condition.RANDOM_GENERATOR_NOT_RELIABLE)
    for _ in range(6_000):
        if not core.terminals.entry(CT).connected:
            break
        await asyncio.sleep(0.01)
    assert not core.terminals.entry(CT).connected
    assert list(core.cards) == []
    generator.stuck = False
    await checks.look()
    await core.terminals.settled(CT)
    assert core.terminals.entry(CT).connected
    await checks.stop()


@pytest.mark.requirement("TIP1-A_4509")
async def test_a_terminal_whose_certificate_has_less_than_five_weeks(surgery: Surgery) -> None:
    core = surgery.core
    pairing = core.terminals.entry(CT).config.pairing
    assert pairing is not None
    ends = load_der_x509_certificate(pairing.certificate).not_valid_after_utc
    server = load_der_x509_certificate(pairing.certificate)
    for left, soon in ((timedelta(weeks=5, days=1), False), (timedelta(weeks=4), True)):
        SelfChecks(core.opstate, core.terminals, core.hub, ManualClock(ends - left), lambda: server).look()
        assert core.opstate.holds(Condition.CARD_TERMINAL_CERTIFICATE_EXPIRES_SOON, CT) is soon
    assert f"OPERATIONAL_STATE/EC_CardTerminal_gSMC-KT_Certificate_Expires_Soon({CT})" in [
        str(event.topic) for event in surgery.events
    ]
