"""Signatures that processes prove beforehand: the verdicts are those of a check that computes all itself."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.oddcertificate import odd_certificate
from tests.unit.konnektor_trust.test_signer_check import OSIG, SIGNED, SMCB, URL, answer
from tests.unit.pki.ocspmaker import NOW, World
from tiaas.base.clock import ManualClock
from tiaas.base.entropy import SeededEntropy
from tiaas.konnektor import proven
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.givenanswers import GivenAnswers
from tiaas.konnektor.network import Network
from tiaas.konnektor.ocsp import OcspClient
from tiaas.konnektor.ocspanswer import ClaimedAnswer
from tiaas.konnektor.proven import ProvenSignatures, ReadCertificates
from tiaas.konnektor.publickeys import PublicKeys, is_yes
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.trustsource import FixedTrust
from tiaas.konnektor.verdict import CertificateCheck, Result
from tiaas.konnektor.web import WebClient
from tiaas.pki.certificate import Certificate, SignatureAlgorithm, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.ecdsause import EcdsaUse
from tiaas.pki.keyprocesses import KeyProcesses
from tiaas.pki.keyworker import FITS
from tiaas.pki.ocsp import decode_response_untrusted
from tiaas.pki.ocspmessages import BasicResponse, Responder
from tiaas.pki.oids import CertificateType
from tiaas.pki.path import PathFault, signature_fits, signature_use
from tiaas.pki.pkcs11 import TokenError

GOOD = answer(OSIG, SIGNED, world=SMCB)
TWIN = World("SMCB-CA TEST-ONLY")
"""A CA of the same name with other keys."""
SPACE = TrustSpace((Issuer(SMCB.ca, URL),), (), (), (SMCB.signer,))
_SHA256, _SHA384 = bytes.fromhex("2A8648CE3D040302"), bytes.fromhex("2A8648CE3D040303")


def trust(space: TrustSpace = SPACE) -> Trust:
    """An instance that knows nothing yet, and has nobody to ask."""
    clock, web = ManualClock(NOW), WebClient(Network())
    return Trust(FixedTrust(space), OcspClient(TiAccess(online=False), web, clock, SeededEntropy(b"")), web, clock)


@pytest.fixture
async def processes() -> AsyncIterator[KeyProcesses]:
    found = KeyProcesses.of_this_loop()
    found.hold()
    yield found
    found.let_go()


@pytest.fixture(params=[False, True], ids=["computed", "proven"])
async def tenant(request: pytest.FixtureRequest) -> AsyncIterator[Trust]:
    """An instance in a loop without processes, and in one with some."""
    if request.param:
        KeyProcesses.of_this_loop().hold()
    made = trust()
    yield made
    made.public_keys.stop()
    if request.param:
        KeyProcesses.of_this_loop().let_go()


async def judged(tenant: Trust, certificate: bytes = OSIG.encoded, *given: bytes) -> CertificateCheck:
    return await tenant.check_signer(certificate, SIGNED, given or (GOOD,))


def send(processes: KeyProcesses, number: signal.Signals) -> None:
    for process in processes._processes:
        os.kill(process._process.pid, number)


def value_of(der: bytes) -> bytes:
    basic = decode_response_untrusted(der).basic
    assert basic is not None
    return basic.signature


def with_the_value_of_another() -> bytes:
    """A response with the value of another one by the same signer."""
    for seconds in range(1, 1000):
        other = value_of(answer(OSIG, SIGNED + timedelta(seconds=seconds), world=SMCB))
        if len(other) == len(value_of(GOOD)):
            return GOOD.replace(value_of(GOOD), other)
    raise AssertionError("no value is as long")


def signed_with_another_key() -> bytes:
    """A response that has the listed signer's certificate in it, whose key did not sign it."""
    impostor = World(SMCB.name)
    impostor.responder = Responder(SMCB.signer, TWIN.responder.key)
    return answer(OSIG, SIGNED, world=impostor)


WRONG_CERTIFICATES = {
    "value changed": OSIG.encoded[:-1] + bytes([OSIG.encoded[-1] ^ 1]),
    "content changed": b"TEST-0NLY".join(OSIG.encoded.rsplit(b"TEST-ONLY", 1)),
    "another hash": OSIG.encoded.replace(_SHA256, _SHA384),
    "another key of that name": TWIN.insured(CertificateType.HCI_OSIG).encoded,
}
WRONG_ANSWERS = {
    "value of another": with_the_value_of_another(),
    "another hash": GOOD.replace(_SHA256, _SHA384, 1),
    "another key": signed_with_another_key(),
}


async def test_a_good_certificate_with_a_good_response(tenant: Trust) -> None:
    for _ in range(2):
        check = await judged(tenant)
        assert (check.verdict.result, check.verdict.warnings) == (Result.VALID, ())
        assert check.verdict.status is not None
        assert check.verdict.status.response == GOOD


@pytest.mark.parametrize("wrong", WRONG_CERTIFICATES)
async def test_a_wrong_certificate(tenant: Trust, wrong: str) -> None:
    for _ in range(2):
        check = await judged(tenant, WRONG_CERTIFICATES[wrong])
        assert check.verdict.result is Result.INVALID
        assert check.examination is not None
        assert PathFault.CERTIFICATE_NOT_VALID_MATH in [fault for fault, _ in check.examination.faults]
    assert (await judged(tenant)).verdict.result is Result.VALID, "the right one is another"


@pytest.mark.parametrize("wrong", WRONG_ANSWERS)
async def test_a_wrong_response(tenant: Trust, wrong: str) -> None:
    assert WRONG_ANSWERS[wrong] != GOOD
    for _ in range(2):
        check = await judged(tenant, OSIG.encoded, WRONG_ANSWERS[wrong])
        assert check.verdict.result is Result.INCONCLUSIVE
        assert PkiCode.PROVIDED_OCSP_RESPONSE_NOT_VALID in check.verdict.warnings
    assert (await judged(tenant)).verdict.result is Result.VALID, "the right one is another"


async def test_what_processes_prove_is_not_computed(processes: KeyProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proven, "signature_fits", None)
    monkeypatch.setattr(BasicResponse, "is_signed_by", None)
    tenant = trust()
    asked: list[EcdsaUse] = []
    ask = tenant.public_keys.ask

    def counted(use: EcdsaUse, **more: Any) -> "asyncio.Future[bytes] | None":
        asked.append(use)
        return ask(use, **more)

    monkeypatch.setattr(tenant.public_keys, "ask", counted)
    try:
        for checks in await asyncio.gather(*(judged(tenant) for _ in range(20))), [await judged(tenant)]:
            assert {check.verdict.result for check in checks} == {Result.VALID}
    finally:
        tenant.public_keys.stop()
    assert len(asked) == 2, "for all at once each key is asked once"
    assert {use.public_key for use in asked} == {SMCB.ca.public_key, SMCB.signer.public_key}


async def test_what_one_tenant_has_proven_says_nothing_to_another(processes: KeyProcesses) -> None:
    """The other trusts a CA of the same name, and a signer of responses of the same name."""
    first, second = trust(), trust(TrustSpace((Issuer(TWIN.ca, URL),), (), (), (TWIN.signer,)))
    try:
        assert (await judged(first)).verdict.result is Result.VALID
        assert (await judged(second)).verdict.result is Result.INVALID
        theirs = TWIN.insured(CertificateType.HCI_OSIG)
        check = await judged(second, theirs.encoded, answer(theirs, SIGNED, world=TWIN))
        assert check.verdict.result is Result.VALID
        assert (await judged(first, theirs.encoded)).verdict.result is Result.INVALID
        assert (await judged(second, theirs.encoded, GOOD)).verdict.result is not Result.VALID
    finally:
        first.public_keys.stop()
        second.public_keys.stop()


async def test_processes_that_die_midway_prove_nothing(processes: KeyProcesses) -> None:
    tenant = trust()
    try:
        send(processes, signal.SIGSTOP)
        good = asyncio.create_task(judged(tenant))
        bad = [asyncio.create_task(judged(tenant, wrong)) for wrong in WRONG_CERTIFICATES.values()]
        await asyncio.sleep(0.01)
        assert not any(task.done() for task in (good, *bad))
        send(processes, signal.SIGKILL)
        assert (await good).verdict.result is Result.VALID
        assert {(await task).verdict.result for task in bad} == {Result.INVALID}
    finally:
        tenant.public_keys.stop()


async def test_who_gives_up_takes_nothing_from_the_others(processes: KeyProcesses) -> None:
    tenant = trust()
    try:
        send(processes, signal.SIGSTOP)
        first, second = asyncio.create_task(judged(tenant)), asyncio.create_task(judged(tenant))
        await asyncio.sleep(0.01)
        first.cancel()
        send(processes, signal.SIGCONT)
        assert (await second).verdict.result is Result.VALID
        assert first.cancelled()
    finally:
        tenant.public_keys.stop()


async def test_a_response_that_is_proven_after_its_trust_space_ended(processes: KeyProcesses) -> None:
    keys = PublicKeys()
    answers, nobody = GivenAnswers(keys=keys), replace(SPACE, ocsp_signers=())
    try:
        send(processes, signal.SIGSTOP)
        reading = asyncio.create_task(answers.read((GOOD,), OSIG, SMCB.ca, SPACE))
        await asyncio.sleep(0.01)
        assert await answers.read((GOOD,), OSIG, SMCB.ca, nobody) == []
        send(processes, signal.SIGCONT)
        assert len(await reading) == 1, "it was good when it was asked about"
        assert await answers.read((GOOD,), OSIG, SMCB.ca, nobody) == []
    finally:
        keys.stop()


async def test_only_a_yes_is_one() -> None:
    def future() -> "asyncio.Future[bytes]":
        return asyncio.get_running_loop().create_future()

    for said in (b"", b"\0", b"\2", FITS + FITS, FITS + b"\0"):
        no = future()
        no.set_result(said)
        assert not is_yes(no)
    ended, given_up, yes = future(), future(), future()
    ended.set_exception(TokenError("ended"))
    given_up.cancel()
    yes.set_result(FITS)
    assert not is_yes(ended)
    assert not is_yes(given_up)
    assert is_yes(yes)


async def test_what_is_proven_is_bounded(processes: KeyProcesses) -> None:
    keys = PublicKeys()
    signed_by, other = ProvenSignatures(limit=1, keys=keys), SMCB.insured(CertificateType.HCI_AUT)
    try:
        for certificate in (OSIG, other):
            begun = signed_by.begin(certificate, SMCB.ca)
            assert begun is not None
            assert signed_by.begin(certificate, SMCB.ca) is begun
            await begun
            assert signed_by.begin(certificate, SMCB.ca) is None
        assert len(signed_by._proven) == 1
        assert not signed_by._begun
    finally:
        keys.stop()


def test_certificates_that_were_read_are_bounded_by_their_octets() -> None:
    """In a document anybody can have one that is long, and read it is many times as long."""
    long = [odd_certificate(serial=bytes([number]), names=60, octets=100) for number in range(1, 11)]
    last = OSIG.encoded
    read = ReadCertificates(3 * len(long[0]) + len(last))
    known = [read(der) for der in (*long, last)]
    assert [*read._read] == [*long[-3:], last]
    assert read(last) is known[-1]
    assert read(long[0]) is not known[0]
    assert [*read._read] == [*long[-2:], last, long[0]]


@pytest.mark.parametrize("algorithm", [None, SignatureAlgorithm("ecdsa", "sha1"), SignatureAlgorithm("dsa", "sha256")])
def test_no_process_is_asked_about_other_algorithms(algorithm: SignatureAlgorithm | None) -> None:
    odd = replace(OSIG, signature_algorithm=algorithm)
    assert signature_use(odd, SMCB.ca) is None
    assert not signature_fits(odd, SMCB.ca)


async def test_a_key_that_is_none_proves_nothing(processes: KeyProcesses) -> None:
    """Of an RSA key, of no key at all, and of a point that is not on its curve."""
    keys, rsa_ca = PublicKeys(), World("RSA CA", key=rsa.generate_private_key(65537, 2048))
    off_curve = SMCB.ca.public_key[:-1] + bytes([SMCB.ca.public_key[-1] ^ 1])
    issuers: list[Certificate] = [rsa_ca.ca, *(replace(SMCB.ca, public_key=key) for key in (b"", b"x", off_curve))]
    signed_by = ProvenSignatures(keys=keys)
    try:
        for issuer in issuers:
            begun = signed_by.begin(OSIG, issuer)
            assert begun is not None
            await begun
            assert not signed_by(OSIG, issuer)
    finally:
        keys.stop()


def test_the_wrong_ones_are_read() -> None:
    """What is refused above is refused for its signature."""
    for der in WRONG_CERTIFICATES.values():
        assert decode_certificate_untrusted(der).subject_key
    for der in WRONG_ANSWERS.values():
        assert value_of(der)


async def test_a_defect_leaves_nobody_waiting(processes: KeyProcesses, monkeypatch: pytest.MonkeyPatch) -> None:
    def defect(self: ClaimedAnswer, *, is_proven: bool = False) -> None:
        raise ValueError("a defect")

    keys = PublicKeys()
    answers = GivenAnswers(keys=keys)
    try:
        with monkeypatch.context() as broken:
            broken.setattr(ClaimedAnswer, "settled", defect)
            with pytest.raises(ValueError, match="a defect"):
                await asyncio.wait_for(answers.read((GOOD,), OSIG, SMCB.ca, SPACE), 10)
        assert len(await answers.read((GOOD,), OSIG, SMCB.ca, SPACE)) == 1, "it is read again"
    finally:
        keys.stop()
