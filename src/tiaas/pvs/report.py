"""The conformance report of practice software: HTML, JSON and JUnit XML."""

import json
from collections import Counter
from collections.abc import Iterable
from typing import Any

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.pvs.checks.model import Said, Verdict
from tiaas.pvs.checks.suite import Judged
from tiaas.pvs.messages import Story
from tiaas.pvs.pages import NOTICE, render

VERDICTS = {
    Verdict.PASS: Said("pass", "erfüllt"),
    Verdict.WARN: Said("warning", "Warnung"),
    Verdict.FAIL: Said("fail", "nicht erfüllt"),
    Verdict.NOT_SEEN: Said("not seen", "nicht gesehen"),
}
_TONES = {Verdict.PASS: "ok", Verdict.WARN: "warn", Verdict.FAIL: "bad", Verdict.NOT_SEEN: "dim"}
_LABELS = {
    "title": Said("Conformance of practice software", "Konformität eines Primärsystems"),
    "notice": NOTICE,
    "lost": Said(
        "the oldest entries were lost: what they would have shown may be missed in vain",
        "die ältesten Einträge gingen verloren: was sie gezeigt hätten, wird vielleicht zu Unrecht vermisst",
    ),
    "check": Said("check and source", "Prüfung und Quelle"),
    "verdict": Said("verdict", "Urteil"),
    "why": Said("why", "warum"),
    "evidence": Said("messages", "Nachrichten"),
    "used": Said("Operations used", "Benutzte Operationen"),
    "operation": Said("operation", "Operation"),
    "namespace": Said("namespace", "Namensraum"),
    "calls": Said("calls", "Aufrufe"),
    "codes": Said("codes met", "angetroffene Codes"),
}


@dataclass(frozen=True, slots=True)
class Use:
    """How often an operation was called in a namespace, and the codes it ran into."""

    operation: str
    namespace: str
    calls: int
    codes: tuple[int, ...]


def uses(story: Story) -> tuple[Use, ...]:
    """The operations used, most used first."""
    counts: Counter[tuple[str, str]] = Counter()
    codes: dict[tuple[str, str], set[int]] = {}
    for each in story.exchanges:
        key = each.operation or "?", each.namespace
        counts[key] += 1
        codes.setdefault(key, set()).update(each.codes)
    return tuple(Use(*key, count, tuple(sorted(codes[key]))) for key, count in counts.most_common())


def as_html(story: Story, judged: tuple[Judged, ...], lang: str = "en") -> str:
    """The page."""
    return render(
        "report.html",
        f"tiaas check pvs: {story.recording.instance}",
        lang,
        labels=_LABELS,
        recording=story.recording,
        judged=judged,
        counts=_counts(judged),
        verdicts=VERDICTS,
        tones=_TONES,
        uses=uses(story),
    )


def as_document(story: Story, judged: tuple[Judged, ...]) -> dict[str, Any]:
    """The JSON object."""
    return {
        "notice": story.recording.notice,
        "instance": story.recording.instance,
        "began": story.recording.began.isoformat(),
        "ended": None if story.recording.ended is None else story.recording.ended.isoformat(),
        "lost": story.recording.lost,
        "counts": {verdict.value: count for verdict, count in _counts(judged).items()},
        "checks": [_check(each) for each in judged],
        "operations": [
            {"operation": use.operation, "namespace": use.namespace, "calls": use.calls, "codes": list(use.codes)}
            for use in uses(story)
        ],
    }


def as_json(story: Story, judged: tuple[Judged, ...]) -> str:
    """`as_document` as text."""
    return json.dumps(as_document(story, judged), ensure_ascii=False, indent=1) + "\n"


def as_junit(story: Story, judged: tuple[Judged, ...]) -> str:
    """JUnit XML: a failed check is a failure, one not seen is skipped, a warning stands in the output."""
    counts = _counts(judged)
    suite = etree.Element(
        "testsuite",
        name="tiaas check pvs",
        tests=str(len(judged)),
        failures=str(counts[Verdict.FAIL]),
        errors="0",
        skipped=str(counts[Verdict.NOT_SEEN]),
        timestamp=story.recording.began.isoformat(timespec="seconds"),
    )
    for each in judged:
        case = etree.SubElement(suite, "testcase", classname="pvs", name=f"{each.check.id} {each.check.title.en}")
        said = f"{each.finding.said.en}; messages {_numbers(each.finding.evidence)}; {each.check.source}"
        if each.finding.verdict is Verdict.FAIL:
            etree.SubElement(case, "failure", message=_clean(each.finding.said.en)).text = _clean(said)
        elif each.finding.verdict is Verdict.NOT_SEEN:
            etree.SubElement(case, "skipped", message=_clean(each.finding.said.en))
        elif each.finding.verdict is Verdict.WARN:
            etree.SubElement(case, "system-out").text = _clean(f"warning: {said}")
    return etree.tostring(suite, encoding="unicode", pretty_print=True)


def _clean(text: str) -> str:
    """Without the characters that XML cannot hold: what is told comes from a client."""
    return "".join(sign if sign.isprintable() else "?" for sign in text)


def _check(judged: Judged) -> dict[str, Any]:
    check, finding = judged.check, judged.finding
    return {
        "id": check.id,
        "title": {"en": check.title.en, "de": check.title.de},
        "source": check.source,
        "verdict": finding.verdict.value,
        "reason": {"en": finding.said.en, "de": finding.said.de},
        "evidence": list(finding.evidence),
    }


def _counts(judged: Iterable[Judged]) -> dict[Verdict, int]:
    found = Counter(each.finding.verdict for each in judged)
    return {verdict: found[verdict] for verdict in Verdict}


def _numbers(evidence: tuple[int, ...]) -> str:
    return ", ".join(str(number) for number in evidence[:20]) or "-"
