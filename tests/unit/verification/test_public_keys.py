"""Public keys in a thread and in processes: the same results, whatever becomes of the processes."""

import asyncio
import os
import signal

import pytest

from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.verification.keyuses import is_yes, request_of
from tests.unit.verification.signatures import signer, trusts
from tests.unit.verification.test_verifying import damaged
from tiaas.ades.found import Claim, Integrity, SignatureFormat
from tiaas.konnektor.publickeys import PublicKeys
from tiaas.konnektor.verification.reading import Material, claims_untrusted
from tiaas.konnektor.verification.verifying import Rules, Verification, verify
from tiaas.pki.keyprocesses import KeyProcesses
from tiaas.pki.keyworker import Worker


def materials() -> list[Material]:
    return [*signer().materials().values()]


def has_processes(keys: PublicKeys) -> bool:
    return keys._processes is not None


def wrong_value(claim: Claim) -> Claim:
    """The same with a value that is another signature's, for the check as well as for the key."""
    assert claim.ecdsa is not None
    other = claim.ecdsa._replace(signed=claim.ecdsa.signed + b"x")
    return Claim(claim.found, lambda: Integrity.SIGNATURE_WRONG, other)


def test_a_key_alone_can_be_asked_about_every_format() -> None:
    worker, asked = Worker(), 0
    for material in materials():
        (claim,) = claims_untrusted(material)
        if claim.ecdsa is None or claim.check is None:
            # A bare value has nothing beside it that would have to be read.
            continue
        assert is_yes(worker.answer(request_of(claim.ecdsa)))
        assert claim.check() is claim.found.integrity is Integrity.INTACT
        other = claim.ecdsa._replace(signed=claim.ecdsa.signed + b"x")
        assert not is_yes(worker.answer(request_of(other)))
        asked += 1
    assert asked == 6


async def test_one_at_a_time_needs_no_process_and_many_at_once_begin_some() -> None:
    keys = PublicKeys()
    claims = [claim for material in materials() for claim in claims_untrusted(material)]
    for claim in claims:
        assert await keys.end(claim, keys.begin(claim)) is Integrity.INTACT
    assert not has_processes(keys)
    try:
        asked = [claim for claim in claims if claim.ecdsa is not None]
        several = [*asked, *map(wrong_value, asked)]
        begun = [keys.begin(claim) for claim in several]
        assert has_processes(keys)
        results = [await keys.end(claim, one) for claim, one in zip(several, begun, strict=True)]
        assert results == [Integrity.INTACT] * len(asked) + [Integrity.SIGNATURE_WRONG] * len(asked)
    finally:
        keys.stop()
    assert await keys.end(claims[0], keys.begin(claims[0])) is Integrity.INTACT


async def test_processes_that_others_have_begun_are_used_at_once() -> None:
    keys, others = PublicKeys(), KeyProcesses.of_this_loop()
    (claim,) = claims_untrusted(signer().materials()["CMS enveloping"])
    assert claim.ecdsa is not None
    assert keys.ask(claim.ecdsa) is None
    others.hold()
    try:
        assert await keys.end(claim, keys.begin(claim)) is Integrity.INTACT
        assert has_processes(keys)
    finally:
        others.let_go()
    held = [others.are_held]
    keys.stop()
    assert [*held, others.are_held] == [True, False]
    assert keys.ask(claim.ecdsa) is None


async def test_a_process_that_ends_takes_no_result_with_it() -> None:
    keys = PublicKeys()
    (claim,) = claims_untrusted(signer().materials()["CMS enveloping"])
    try:
        first = [keys.begin(claim) for _ in range(3)]
        assert [await keys.end(claim, one) for one in first] == [Integrity.INTACT] * 3
        assert keys._processes is not None
        pids = [process._process.pid for process in keys._processes._processes]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        begun = [keys.begin(claim) for _ in range(10)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        assert [await keys.end(claim, one) for one in begun] == [Integrity.INTACT] * 10
    finally:
        keys.stop()


@pytest.mark.parametrize("at_once", [1, 4])
async def test_results_are_the_same_alone_and_at_once(bench: Bench, at_once: int) -> None:
    by = signer()
    trusts(bench, by)
    keys = PublicKeys()

    async def result(material: Material) -> Verification:
        return await verify(material, Rules(), bench.trust, keys, bench.clock.now())

    try:
        for material in materials():
            good = await asyncio.gather(*(result(material) for _ in range(at_once)))
            bad = await asyncio.gather(*(result(damaged(material)) for _ in range(at_once)))
            assert {one.result.name for one in good} == {"VALID"}
            assert {one.result.name for one in bad} == {"INVALID"}
    finally:
        keys.stop()


async def test_what_was_begun_for_one_who_is_cancelled_is_given_up(bench: Bench) -> None:
    begun, has_both = list[asyncio.Future[bytes]](), asyncio.Event()

    class Unhurried(PublicKeys):
        def begin(self, claim: Claim) -> asyncio.Future[bytes]:
            begun.append(asyncio.get_running_loop().create_future())
            if len(begun) == 2:
                has_both.set()
            return begun[-1]

    by = signer()
    trusts(bench, by)
    material = Material(SignatureFormat.CADES, None, by.parallel(by.cades()))
    task = asyncio.create_task(verify(material, Rules(), bench.trust, Unhurried(), bench.clock.now()))
    await has_both.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [one.cancelled() for one in begun] == [True, True]
