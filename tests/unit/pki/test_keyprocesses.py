"""Private keys in other processes: what they do, what becomes of whoever waits when one ends, and that they end."""

import asyncio
import errno
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextvars import copy_context
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from tiaas.base.heavy import OWNER
from tiaas.pki import keyprocesses
from tiaas.pki.keyprocesses import KeyProcesses
from tiaas.pki.keys import Digest, SigningScheme
from tiaas.pki.keyworker import FITS, MESSAGE_OCTETS_MAX, Outcome, Use, Worker, write_request
from tiaas.pki.pkcs11 import TokenError, WrongCryptogram
from tiaas.pki.prehashed import is_signature

DIGEST = bytes(range(32))


def write_key(file: Path) -> ec.EllipticCurvePublicKey:
    key = ec.generate_private_key(ec.BrainpoolP256R1())
    file.write_bytes(key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    return key.public_key()


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[KeyProcesses]:
    held = KeyProcesses()
    held.hold()
    yield held
    held.let_go(os.fsencode(tmp_path))


def sign(processes: KeyProcesses, file: Path, digest: bytes = DIGEST) -> "asyncio.Future[bytes]":
    return processes.sign(os.fsencode(file), digest, SigningScheme.ECDSA, Digest.SHA256)


def pids(processes: KeyProcesses) -> list[int]:
    return [process._process.pid for process in processes._processes]


def is_there(pid: int) -> bool:
    """Whether a process runs; one that ended and that nobody looked at yet does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def until_gone(pid: int) -> None:
    async with asyncio.timeout(60):
        while is_there(pid):  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.01)


async def test_many_at_once_each_get_their_own(processes: KeyProcesses, tmp_path: Path) -> None:
    public = write_key(tmp_path / "a.key")
    digests = [bytes([number]) * 32 for number in range(40)]
    answers = [sign(processes, tmp_path / "a.key", digest) for digest in digests]
    answers[20].cancel()
    for digest, answer in zip(digests, answers, strict=True):
        if not answer.cancelled():
            assert is_signature(public, await answer, digest, SigningScheme.ECDSA)
    assert answers[20].cancelled()


async def test_what_cannot_be_done_says_why(processes: KeyProcesses, tmp_path: Path) -> None:
    write_key(tmp_path / "a.key")
    (tmp_path / "b.key").write_bytes(b"no key")
    for answer, reason in (
        (sign(processes, tmp_path / "nothing"), "there is no such key"),
        (sign(processes, tmp_path / "b.key"), "cannot be read"),
        (sign(processes, tmp_path / "a.key", bytes(20)), "does not do this"),
        (processes.decipher(os.fsencode(tmp_path / "a.key"), bytes(256)), "does not do this"),
    ):
        with pytest.raises(TokenError, match=reason):
            await answer
    with pytest.raises(WrongCryptogram):
        await processes.agree(os.fsencode(tmp_path / "a.key"), b"\x04" + bytes(64))
    with pytest.raises(TokenError, match="too much"):
        sign(processes, tmp_path / "a.key", bytes(MESSAGE_OCTETS_MAX))


async def test_whoever_waits_is_told_that_a_process_ended_and_the_next_use_begins_another(
    processes: KeyProcesses, tmp_path: Path
) -> None:
    public = write_key(tmp_path / "a.key")
    assert await sign(processes, tmp_path / "a.key")
    before = pids(processes)
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    answers = [sign(processes, tmp_path / "a.key") for _ in range(40)]
    for pid in before:
        os.kill(pid, signal.SIGKILL)
    for answer in answers:
        with pytest.raises(TokenError, match="ended"):
            await answer
    assert is_signature(public, await sign(processes, tmp_path / "a.key"), DIGEST, SigningScheme.ECDSA)
    assert not set(before) & set(pids(processes))


async def test_they_end_with_the_last_holder_and_forget_the_keys_of_one_that_went(
    processes: KeyProcesses, tmp_path: Path
) -> None:
    processes.hold()
    write_key(tmp_path / "a.key")
    assert await sign(processes, tmp_path / "a.key")
    public = write_key(tmp_path / "a.key")
    assert not is_signature(public, await sign(processes, tmp_path / "a.key"), DIGEST, SigningScheme.ECDSA)
    processes.let_go(os.fsencode(tmp_path))
    assert is_signature(public, await sign(processes, tmp_path / "a.key"), DIGEST, SigningScheme.ECDSA)
    alone = KeyProcesses()
    alone.hold()
    known = pids(alone)
    waiting = sign(alone, tmp_path / "a.key")
    alone.let_go(os.fsencode(tmp_path))
    with pytest.raises(TokenError, match="ended"):
        await waiting
    for pid in known:
        await until_gone(pid)
    with pytest.raises(TokenError, match="not open"):
        sign(alone, tmp_path / "a.key")


async def test_a_key_that_was_closed_is_not_loaded_again_by_requests_that_waited(
    processes: KeyProcesses, tmp_path: Path
) -> None:
    processes.hold()
    write_key(tmp_path / "a.key")
    waiting = [sign(processes, tmp_path / "a.key") for _ in range(40)]
    processes.let_go(os.fsencode(tmp_path))
    done = await asyncio.gather(*waiting, return_exceptions=True)
    assert any(isinstance(one, TokenError) for one in done)
    public = write_key(tmp_path / "a.key")
    for one in [sign(processes, tmp_path / "a.key") for _ in range(8)]:
        assert is_signature(public, await one, DIGEST, SigningScheme.ECDSA)


async def test_a_private_key_does_not_wait_for_many_public_ones(processes: KeyProcesses, tmp_path: Path) -> None:
    public = write_key(tmp_path / "a.key")
    value = await sign(processes, tmp_path / "a.key")
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    verifying = [processes.verify(encoded, DIGEST, value, Digest.SHA256) for _ in range(200)]
    assert await sign(processes, tmp_path / "a.key")
    assert sum(answer.done() for answer in verifying) < 150
    assert set(await asyncio.gather(*verifying)) == {FITS}


async def test_owners_take_turns_and_what_is_cancelled_before_its_turn_is_not_done(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(keyprocesses, "processors", lambda: 1)
    alone, order = KeyProcesses(), list[str]()
    alone.hold()
    public = write_key(tmp_path / "a.key")
    value = await sign(alone, tmp_path / "a.key")
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    (process,), sent = alone._processes, list[object]()
    send = process.send

    def counted(request: keyprocesses._Request) -> None:
        sent.append(request)
        send(request)

    monkeypatch.setattr(process, "send", counted)

    def ask(owner: str, uses: str) -> "list[asyncio.Future[bytes]]":
        def one(use: str) -> "asyncio.Future[bytes]":
            if use == "V":
                answer = alone.verify(encoded, DIGEST, value, Digest.SHA256)
            else:
                answer = sign(alone, tmp_path / "a.key")
            answer.add_done_callback(lambda done: order.append(f"{owner}{use}" if not done.cancelled() else "-"))
            return answer

        OWNER.set(owner)
        return [one(use) for use in uses]

    def asked(owner: str, uses: str) -> "list[asyncio.Future[bytes]]":
        return copy_context().run(ask, owner, uses)

    given_up = asked("x", "VVVVVV")
    answers = asked("a", "VVVVSS") + asked("b", "VVSSS") + asked("c", "V")
    for answer in given_up:
        answer.cancel()
    await asyncio.gather(*answers)
    assert len(sent) == len(answers) + 4, "four were asked before they were given up"
    assert order == ["-"] * 6 + ["aS", "bS", "cV", "aV", "bV", "aS", "bS", "aV", "bV", "aV", "bS", "aV"]
    alone.let_go(os.fsencode(tmp_path))


async def test_who_signs_without_end_does_not_hold_up_others(processes: KeyProcesses, tmp_path: Path) -> None:
    """Each signature begins the next one, so there is never a time when none waits."""
    public = write_key(tmp_path / "a.key")
    value = await sign(processes, tmp_path / "a.key")
    encoded = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    signed, all_sign, is_enough = 0, asyncio.Event(), asyncio.Event()

    async def sign_on() -> None:
        nonlocal signed
        OWNER.set("busy")
        while not is_enough.is_set():
            await sign(processes, tmp_path / "a.key")
            signed += 1
            if signed == 64:
                all_sign.set()
            if signed == 256:  # Three rounds more: far more than the one use that another owner may wait for.
                is_enough.set()

    async with asyncio.TaskGroup() as tasks:
        for _ in range(64):
            tasks.create_task(sign_on())
        await all_sign.wait()
        own = copy_context().run(processes.verify, encoded, DIGEST, value, Digest.SHA256)
        own.add_done_callback(lambda _: is_enough.set())
        await is_enough.wait()
        in_time = own.done()
    assert in_time
    assert await own == FITS


async def test_one_that_answers_nothing_is_ended_and_replaced(
    processes: KeyProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = write_key(tmp_path / "a.key")
    assert await sign(processes, tmp_path / "a.key")
    for process in processes._processes:
        # The look that the first use announced comes too late for a test.
        if process._timer is not None:
            process._timer.cancel()
            process._timer = None
    monkeypatch.setattr(keyprocesses, "_ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(keyprocesses, "_END_SECONDS", 0.1)
    before = pids(processes)
    for pid in before:
        os.kill(pid, signal.SIGSTOP)
    for answer in [sign(processes, tmp_path / "a.key") for _ in range(2 * len(before))]:
        with pytest.raises(TokenError, match="ended"):
            await answer
    monkeypatch.undo()
    assert is_signature(public, await sign(processes, tmp_path / "a.key"), DIGEST, SigningScheme.ECDSA)
    for pid in before:
        await until_gone(pid)


async def test_without_descriptors_or_processes_it_says_so_and_those_that_are_there_go_on(
    processes: KeyProcesses, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    public = write_key(tmp_path / "a.key")
    assert await sign(processes, tmp_path / "a.key")

    def nothing_left(*_: object) -> None:
        raise OSError(errno.EMFILE, "no descriptors")

    monkeypatch.setattr(socket, "socketpair", nothing_left)
    with pytest.raises(TokenError, match="does not start"):
        KeyProcesses().hold()
    lost, *others = pids(processes)
    os.kill(lost, signal.SIGKILL)
    await until_gone(lost)
    if others:
        answers = [sign(processes, tmp_path / "a.key") for _ in range(2)]
        found = [one for one in await asyncio.gather(*answers, return_exceptions=True) if isinstance(one, bytes)]
        assert all(is_signature(public, one, DIGEST, SigningScheme.ECDSA) for one in found)
        assert is_signature(public, await sign(processes, tmp_path / "a.key"), DIGEST, SigningScheme.ECDSA)


@pytest.mark.parametrize("request_octets", [b"\x01", bytes(4), b"\xff" * 40, write_request(Use.ECDSA, b"\x00")])
def test_a_worker_answers_whatever_comes(request_octets: bytes) -> None:
    assert Worker().answer(request_octets)[0] in (Outcome.DONE, Outcome.NO_KEY, Outcome.UNREADABLE, Outcome.DEFECT)
