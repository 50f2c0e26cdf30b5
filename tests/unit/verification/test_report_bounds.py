"""What is long in a signature, which anybody can make so, is not long in a report, nor kept, nor waited for."""

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from lxml import etree

from tests.oddcertificate import odd_certificate
from tiaas.ades.found import FoundSignature, Integrity, SignatureFormat
from tiaas.interfaces.dss_core_v1_0 import ManifestResult, VerifyManifestResults
from tiaas.konnektor.verification import reporting
from tiaas.konnektor.verification.judging import Judgement, judge
from tiaas.konnektor.verification.moments import ReferenceTime, reference_time
from tiaas.konnektor.verification.reporting import DIALECT_7_5, Reports
from tiaas.konnektor.verification.reportwords import ALGORITHM_LENGTH_MAX, ReportWish, algorithm

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
SHORT = FoundSignature(SignatureFormat.XADES, Integrity.MALFORMED, b"v", None, algorithm_name="urn:a", is_bound=False)
WISH = ReportWish(certificate_values=False, revocation_values=False)
LONG: dict[str, dict[str, Any]] = {
    "value": {"value": bytes(300_000)},
    "algorithm": {"algorithm_name": "urn:" + "a" * 300_000},
    "short text": {"short_text": "€" * 300_000},
    "policy": {"policy": "urn:" + "p" * 300_000},
    "reference": {"references": ("#" + "\u00ad" * 300_000,)},
    "references": {"references": ("#x",) * 100_000},
}


def judged(found: FoundSignature) -> tuple[Judgement, ReferenceTime]:
    time = reference_time(found, None, NOW)
    return judge(found, time, None, None, NOW), time


def written(found: FoundSignature, reports: Reports) -> str:
    one, time = judged(found)
    return reports.write([one], time, WISH, DIALECT_7_5)


def kept(found: object) -> Iterator[int]:
    """Lengths of all texts and octets below an object."""
    if isinstance(found, str | bytes):
        yield len(found)
    elif isinstance(found, dict):
        for item in found.items():
            yield from kept(item)
    elif isinstance(found, tuple):
        for item in found:
            yield from kept(item)


@pytest.mark.parametrize("name", LONG)
def test_what_is_long_is_cut(name: str) -> None:
    reports = Reports()
    told = written(replace(SHORT, **LONG[name]), reports)
    assert len(told) < len(written(SHORT, Reports())) + 12_000
    assert etree.fromstring(told) is not None
    caches = (reports._frames, reports._details, reports._kinds)
    assert max(size for cache in caches for size in kept(dict(cache._kept))) < 8_000


@pytest.mark.parametrize("name", LONG)
def test_no_more_than_the_beginning_is_looked_at(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def only_short(work: Any) -> Any:
        def checked(text: str | bytes) -> Any:
            assert len(text) <= 40_000
            return work(text)

        return checked

    for used in ("plain", "encode_text", "b64encode"):
        monkeypatch.setattr(reporting, used, only_short(getattr(reporting, used)))
    assert written(replace(SHORT, **LONG[name]), Reports())


def test_algorithms_of_long_names_are_all_unknown() -> None:
    fits, reports = "urn:" + "a" * (ALGORITHM_LENGTH_MAX - 4), Reports()
    assert algorithm(fits, None).algorithm == fits
    assert algorithm(fits + "a", None).algorithm == "urn:unknown"
    told = [written(replace(SHORT, algorithm_name=fits + end), reports) for end in ("", "a", "b" * 1000, "ab")]
    assert [fits in one for one in told] == [True, False, False, False]
    assert len(set(told[1:])) == 1


async def test_a_long_report_is_written_beside_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads = []
    write = Reports.write

    def noted(*given: Any) -> Any:
        threads.append(threading.current_thread() is threading.main_thread())
        return write(*given)

    monkeypatch.setattr(Reports, "write", noted)
    certificate = odd_certificate(names=1000)
    one, time = judged(SHORT)
    several = [judged(replace(SHORT, certificate=certificate))[0]], [one] * 20
    results = VerifyManifestResults(manifest_result=(ManifestResult(reference_xpath="//x", status="urn:x"),) * 1000)
    for judgements in ([judged(replace(SHORT, **long))[0]] for long in LONG.values()):
        await _same(judgements, time)
    for judgements in several:
        await _same(judgements, time)
    await _same([one], time, results)
    assert threads == [False, True] * (len(LONG) + len(several) + 1)
    del threads[:]
    await _same([one], time)
    await _same([one] * 3, time)
    assert threads == [True] * 4


async def _same(
    judgements: list[Judgement], time: ReferenceTime, manifests: VerifyManifestResults | None = None
) -> None:
    reports = Reports()
    told = await reports.written(judgements, time, WISH, DIALECT_7_5, manifests)
    is_long = not (reports._frames._kept or reports._details._kept)
    assert is_long == (reporting._octets(judgements, manifests) > 16 * 1024), "what is long is not kept"
    assert told == Reports().write(judgements, time, WISH, DIALECT_7_5, manifests)
