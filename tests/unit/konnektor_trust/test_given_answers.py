"""OCSP responses that came with signatures: what is remembered of them, and what ends it."""

import threading
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from asn1crypto import core, ocsp, x509

from tests.oddcertificate import odd_certificate
from tests.unit.konnektor_trust.test_signer_check import HOUR, OSIG, SIGNED, SMCB, URL, answer, trusts
from tests.unit.konnektor_trust.trustbench import Bench
from tests.unit.pki.ocspmaker import NOW
from tiaas.cms.der import INTEGER, OCTET_STRING, oid, sequence
from tiaas.konnektor import givenanswers
from tiaas.konnektor.givenanswers import DOCUMENT_OCTETS_MAX, GIVEN_MAX, GivenAnswers, within_bounds, youngest
from tiaas.konnektor.trust import Issuer, TrustSpace
from tiaas.konnektor.verdict import CertificateStatus, Result
from tiaas.pki.codes import PkiCode
from tiaas.pki.ocsp import decode_response_untrusted, encode_response
from tiaas.pki.ocspmessages import CertHash, CertId, CertStatus, OcspResponse, SingleResponse
from tiaas.pki.oids import CertificateType
from tiaas.tlv import encode

SPACE = TrustSpace((Issuer(SMCB.ca, URL),), (), (), (SMCB.signer,))
GIVEN = answer(OSIG, SIGNED, world=SMCB)
GRACE = timedelta(minutes=10)
READER = "tiaas.konnektor.ocspanswer.decode_response_untrusted"


async def test_a_response_is_read_once_for_each_certificate() -> None:
    answers, other = GivenAnswers(), SMCB.insured(CertificateType.HCI_AUT)
    (first,) = await answers.read((b"garbage", GIVEN), OSIG, SMCB.ca, SPACE)
    (again,) = await answers.read((bytes(bytearray(GIVEN)),), OSIG, SMCB.ca, SPACE)
    assert again is first
    assert await answers.read((GIVEN,), other, SMCB.ca, SPACE) == [], "it is about another certificate"


async def test_another_trust_space_ends_what_was_remembered() -> None:
    answers = GivenAnswers()
    assert await answers.read((GIVEN,), OSIG, SMCB.ca, SPACE)
    assert not await answers.read((GIVEN,), OSIG, SMCB.ca, replace(SPACE, ocsp_signers=())), "nobody may sign answers"
    assert await answers.read((GIVEN,), OSIG, SMCB.ca, SPACE)


async def test_answers_are_bounded() -> None:
    answers, later = GivenAnswers(limit=1), answer(OSIG, SIGNED + HOUR, world=SMCB)
    (first,) = await answers.read((GIVEN,), OSIG, SMCB.ca, SPACE)
    await answers.read((later,), OSIG, SMCB.ca, SPACE)
    assert (await answers.read((GIVEN,), OSIG, SMCB.ca, SPACE))[0] is not first


async def test_answers_are_bounded_by_their_octets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has signed the certificates that a response comes with."""
    answers, given = GivenAnswers(), [_lengthened(GIVEN, names) for names in range(800, 810)]
    monkeypatch.setattr(givenanswers, "ANSWERS_OCTETS_MAX", 3 * len(given[-1]))
    for der in given:
        assert len(await answers.read((der,), OSIG, SMCB.ca, SPACE)) == 1
    assert [answer and answer.encoded for answer in answers._read.values()] == given[-3:]
    assert not answers._answers._kept
    monkeypatch.setattr(READER, None)
    assert len(await answers.read(given[-3:], OSIG, SMCB.ca, SPACE)) == 3, "they are not read again"


def _lengthened(response: bytes, names: int) -> bytes:
    """The same response with another certificate, one with many names."""
    found = ocsp.OCSPResponse.load(response)
    basic = found["response_bytes"]["response"].parsed
    basic["certs"].append(x509.Certificate.load(odd_certificate(names=names)))
    found["response_bytes"]["response"] = core.ParsableOctetString(basic.dump(force=True))
    return bytes(found.dump(force=True))


async def test_the_time_is_asked_for_whenever_an_answer_is_used() -> None:
    answers = await GivenAnswers().read((GIVEN,), OSIG, SMCB.ca, SPACE)

    def said(at: datetime, now: datetime = NOW) -> CertificateStatus | None:
        return youngest(answers, at, now, GRACE, enforce_cert_hash=True)

    assert said(SIGNED) is said(SIGNED - HOUR) is said(SIGNED + GRACE) is not None
    assert said(SIGNED + GRACE + HOUR) is None
    assert said(SIGNED, SIGNED - HOUR) is None, "our clock was put back: it is from the future"


async def test_a_wrong_cert_hash_counts_for_who_demands_it() -> None:
    single = SingleResponse(CertId.of(OSIG, SMCB.ca), CertStatus.GOOD, SIGNED, cert_hash=CertHash.of(b"another"))
    answers = await GivenAnswers().read((encode_response((single,), SMCB.responder, SIGNED),), OSIG, SMCB.ca, SPACE)
    assert youngest(answers, SIGNED, NOW, GRACE, enforce_cert_hash=True) is None
    tolerant = youngest(answers, SIGNED, NOW, GRACE, enforce_cert_hash=False)
    assert tolerant is not None
    assert tolerant.fault is None


async def test_who_signs_answers_no_longer_is_not_believed_again(bench: Bench) -> None:
    trusts(bench, OSIG)
    for _ in range(2):
        check = await bench.trust.check_signer(OSIG.encoded, SIGNED, (GIVEN,))
        assert (check.verdict.result, check.verdict.warnings) == (Result.VALID, ())
    bench.lists.space = replace(SPACE, ocsp_signers=())
    check = await bench.trust.check_signer(OSIG.encoded, SIGNED, (GIVEN,))
    assert check.verdict.result is Result.INCONCLUSIVE
    assert PkiCode.PROVIDED_OCSP_RESPONSE_NOT_VALID in check.verdict.warnings


async def test_a_revocation_that_came_along_counts_from_its_time_on_again_and_again(bench: Bench) -> None:
    trusts(bench, OSIG)
    given = answer(OSIG, SIGNED + timedelta(minutes=5), world=SMCB, revoked_at=SIGNED)
    for _ in range(2):
        late = await bench.trust.check_signer(OSIG.encoded, SIGNED + timedelta(minutes=1), (given,))
        early = await bench.trust.check_signer(OSIG.encoded, SIGNED - timedelta(minutes=1), (given,))
        assert (late.verdict.fault, early.verdict.result) == (PkiCode.CERT_REVOKED, Result.VALID)


def _long_answer(statements: int) -> bytes:
    """A response of nobody, with many statements."""
    named = sequence(sequence(oid("1.3.14.3.2.26")), *[encode(OCTET_STRING, b"x")] * 2, encode(INTEGER, b"\1"))
    time = encode(0x18, b"20250101000000Z")
    single = sequence(named, encode(0x80, b""), time)
    data = sequence(encode(0xA2, encode(OCTET_STRING, b"k" * 20)), time, sequence(*[single] * statements))
    basic = sequence(data, sequence(oid("1.2.840.10045.4.3.2")), encode(3, b"\0" + b"s" * 8))
    content = sequence(oid("1.3.6.1.5.5.7.48.1.1"), encode(OCTET_STRING, basic))
    return sequence(encode(0x0A, b"\0"), encode(0xA0, content))


async def test_nobody_waits_for_answers_that_anybody_has_added(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """What is unsigned in a good signature can be whatever somebody on the way made of it."""
    trusts(bench, OSIG)
    loop, threads = threading.get_ident(), list[int]()

    def counted(der: bytes) -> OcspResponse:
        threads.append(threading.get_ident())
        return decode_response_untrusted(der)

    monkeypatch.setattr(READER, counted)
    given = (*[_long_answer(200 + n) for n in range(5)], GIVEN)
    for _ in range(3):
        check = await bench.trust.check_signer(OSIG.encoded, SIGNED, given)
        assert (check.verdict.result, check.verdict.warnings) == (Result.VALID, ())
    assert len(threads) == len(given), "each is read once"
    assert loop not in threads


async def test_what_is_refused_is_not_read_again_for_another_certificate(monkeypatch: pytest.MonkeyPatch) -> None:
    answers, other, refused = GivenAnswers(), SMCB.insured(CertificateType.HCI_AUT), _long_answer(1)
    assert await answers.read((refused, GIVEN), OSIG, SMCB.ca, SPACE)
    monkeypatch.setattr(READER, None)
    assert await answers.read((refused, GIVEN), other, SMCB.ca, SPACE) == []


def test_a_document_has_so_many_octets_of_answers() -> None:
    half = DOCUMENT_OCTETS_MAX // 2
    first, second, third = bytes(half), b"1" * half, b"2"
    assert within_bounds([(first,), (), (first, second), (third, first)]) == [(first,), (), (first, second), (first,)]
    assert within_bounds([tuple(bytes([n]) for n in range(GIVEN_MAX + 1))]) == [
        tuple(bytes([n]) for n in range(GIVEN_MAX))
    ]
