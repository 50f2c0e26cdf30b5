"""Activation of virtual SMC-Bs: the code, the growing delay, the assignment."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.integration.konnektor_core.memorystore import MemoryStore
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.konnektor.hsm.activation import LONGEST_WAIT, ActivationRefused, Activations
from tiaas.konnektor.hsm.settings import HsmSettings, VirtualSmb
from tiaas.pki.passwordhash import PasswordHash, hash_password

ICCSN = "80276883990000000009"
START = datetime(2026, 3, 2, tzinfo=UTC)
CODE, WRONG = Secret(b"4711471147"), Secret(b"0000000000")


async def right() -> PasswordHash:
    return await hash_password(CODE, SeededEntropy(b"code"))


async def refused(activations: Activations, code: Secret, kept: PasswordHash) -> int:
    with pytest.raises(ActivationRefused) as caught:
        await activations.activate(ICCSN, "M1", code, kept)
    assert code.reveal().decode() not in str(caught.value)
    return caught.value.seconds


@pytest.mark.requirement("A_23632-01")
async def test_the_right_code_activates_for_one_mandant_and_is_kept() -> None:
    store, clock = MemoryStore(), ManualClock(START)
    activations = await Activations.load(store, clock)
    assert not activations.may_use(ICCSN)("M1")
    await activations.activate(ICCSN, "M1", CODE, await right())
    assert activations.may_use(ICCSN)("M1")
    assert not activations.may_use(ICCSN)("M2")
    again = await Activations.load(store, clock)
    assert again.may_use(ICCSN)("M1")
    await again.deactivate(ICCSN, "M1")
    assert not (await Activations.load(store, clock)).may_use(ICCSN)("M1")


@pytest.mark.requirement("A_23632-01")
async def test_each_wrong_code_makes_the_next_wait_twice_as_long() -> None:
    store, clock, kept = MemoryStore(), ManualClock(START), await right()
    activations = await Activations.load(store, clock)
    waits = []
    for _ in range(5):
        waits.append(await refused(activations, WRONG, kept))
        # Too early nothing is looked at, not even the right code, also by a process that has just started.
        assert 0 < await refused(await Activations.load(store, clock), CODE, kept) <= waits[-1]
        clock.advance(waits[-1])
    assert waits == [5, 10, 20, 40, 80]
    await activations.activate(ICCSN, "M1", CODE, kept)
    assert await refused(activations, WRONG, kept) == 5
    assert activations.may_use(ICCSN)("M1")


async def test_the_wait_has_a_bound() -> None:
    store, clock, kept = MemoryStore(), ManualClock(START), await right()
    activations = await Activations.load(store, clock)
    waits = []
    for _ in range(12):
        waits.append(await refused(activations, WRONG, kept))
        clock.advance(waits[-1])
    assert max(waits) == waits[-1] == LONGEST_WAIT / timedelta(seconds=1)


@pytest.mark.requirement("A_23632-01")
async def test_tries_at_once_are_tries_one_after_the_other() -> None:
    activations, kept = await Activations.load(MemoryStore(), ManualClock(START)), await right()
    tries = (activations.activate(ICCSN, "M1", code, kept) for code in (WRONG, CODE, CODE))
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    assert all(isinstance(outcome, ActivationRefused) for outcome in outcomes)
    assert activations.of(ICCSN).failures == 1


@pytest.mark.requirement("A_23632-01")
async def test_without_assignment_the_activation_ends() -> None:
    activations = await Activations.load(MemoryStore(), ManualClock(START))
    await activations.activate(ICCSN, "M1", CODE, await right())
    await activations.activate(ICCSN, "M2", CODE, await right())
    await activations.keep_assigned([("M2", ICCSN)])
    assert activations.of(ICCSN).mandanten == {"M2"}


@pytest.mark.parametrize(
    "make",
    [
        lambda: VirtualSmb("123"),
        lambda: VirtualSmb(ICCSN, prefix="no blanks"),
        lambda: HsmSettings("HSM-1", ()),
        lambda: HsmSettings("HSM-1", (VirtualSmb(ICCSN),)),
        lambda: HsmSettings("HSM-1", (VirtualSmb(ICCSN), VirtualSmb(ICCSN)), folder=Path()),
        lambda: HsmSettings("HSM-1", (VirtualSmb(ICCSN),), module=Path("m.so"), token="t"),
        lambda: HsmSettings("HSM-1", (VirtualSmb(ICCSN),), Path("m.so"), "t", Path("pin"), Path("folder")),
        lambda: HsmSettings("HSM 1", (VirtualSmb(ICCSN),), folder=Path()),
    ],
)
def test_settings_that_do_not_go_together_are_refused(make: object) -> None:
    with pytest.raises(InvalidInput):
        make()  # type: ignore[operator]


def test_labels_follow_the_rule_or_are_given() -> None:
    smb = VirtualSmb(ICCSN, labels={"AUT.E256": "praxis-aut"})
    assert smb.key_labels()["C.AUT", "ECC"] == "praxis-aut"
    assert smb.key_labels()["C.SIG", "RSA"] == f"{ICCSN}.OSIG.R2048"
    assert VirtualSmb(ICCSN, prefix="p1").label("activation") == "p1.activation"
