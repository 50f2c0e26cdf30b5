"""The report of a day for people: one HTML file that needs nothing else, and a few lines for a terminal."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from html import escape

from tiaas.lab.day.drawing import Colour, clock_time, colour, durations, letter, timeline
from tiaas.lab.day.model import Ending
from tiaas.lab.day.record import DayRecord, Seen, cause_text, summary
from tiaas.lab.day.schedule import Phase

_STYLE = """
:root{--ink:#1f2933;--faint:#61707d;--line:#e3e8ec;--paper:#fff;--wash:#f5f7f9;--good:#2f9e62;--bad:#c53030}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--paper);margin:0}
main{max-width:78rem;margin:0 auto;padding:2rem 1.5rem 4rem}
h1{font-size:1.7rem;margin:0 0 .2rem}h2{font-size:1.15rem;margin:2.4rem 0 .6rem}
.sub{color:var(--faint);margin:0 0 1.2rem}.test{color:var(--faint);font-size:.9rem}
.verdict{display:inline-block;padding:.25rem .8rem;border-radius:1rem;color:#fff;font-weight:600;background:var(--good)}
.verdict.bad{background:var(--bad)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(9.5rem,1fr));gap:.8rem;margin:1.4rem 0 0}
.figure{background:var(--wash);border-radius:.5rem;padding:.7rem .9rem}
.figure b{display:block;font-size:1.55rem;line-height:1.2}.figure span{color:var(--faint);font-size:.88rem}
.wide{overflow-x:auto}.wide svg{min-width:60rem;width:100%;height:auto;display:block}
.dots svg{max-width:48rem;width:100%;height:auto;display:block}
table{border-collapse:collapse;width:100%;font-size:.92rem}
th{text-align:left;font-weight:600;color:var(--faint);border-bottom:2px solid var(--line);padding:.35rem .6rem .35rem 0}
td{border-bottom:1px solid var(--line);padding:.35rem .6rem .35rem 0;vertical-align:top}
td.n,th.n{text-align:right;padding-right:1.2rem;font-variant-numeric:tabular-nums;white-space:nowrap}
.dot{display:inline-block;width:.7rem;height:.7rem;border-radius:50%;margin-right:.45rem}
.ok{color:var(--good);font-weight:600}.no{color:var(--bad);font-weight:600}
code{background:var(--wash);padding:.1rem .3rem;border-radius:.25rem}
@media print{main{max-width:none;padding:0}.wide svg{min-width:0}}
"""


def html(record: DayRecord) -> str:
    """The whole report."""
    schedule = record.schedule
    failures = record.failures
    verdict = "everything as expected" if not failures else f"{len(failures)} differences from the model"
    parts = [
        "<!doctype html><html lang=en><head><meta charset=utf-8>",
        "<meta name=viewport content='width=device-width,initial-scale=1'>",
        f"<title>A day in a practice, seed {schedule.seed}</title><style>{_STYLE}</style></head><body><main>",
        "<h1>A day in a practice</h1>",
        f"<p class=sub>{escape(record.practice)} · seed {schedule.seed} · {record.started:%Y-%m-%d}</p>",
        f"<p><span class='verdict{' bad' if failures else ''}'>{escape(verdict)}</span></p>",
        "<p class=test>TEST-ONLY: people, cards, insurers and certificates are invented.</p>",
        f"<p class=test>Played by <code>{escape(command(record))}</code> in {record.seconds:.1f} s.</p>",
        *_figures(record),
        "<h2>The day</h2><div class=wide>",
        timeline(record),
        "</div>",
        *_steps(record),
        "<h2>How long ReadVSD took</h2>",
        *_durations(record),
        "<h2>What went wrong, and what the practice software saw</h2>",
        *_troubles(record),
        "<h2>In the evening</h2>",
        *_checks(record),
        "<h2>All contacts</h2>",
        *_contacts(record),
        *_counters(record),
        "</main></body></html>",
    ]
    return "\n".join(parts) + "\n"


def lines(record: DayRecord) -> list[str]:
    """The short form."""
    endings = Counter(colour(seen) for seen in record.seen)
    numbers = f"{record.schedule.patients} patients, {len(record.seen)} contacts at {len(record.terminals)} terminals"
    found = [
        f"{numbers} in {record.seconds:.1f} s",
        *(f"  {endings[shade]:3}  {shade.meaning}" for shade in Colour if endings[shade]),
    ]
    for title, online in (("ReadVSD without online check", False), ("ReadVSD with online check", True)):
        figures = summary(record.durations(online=online))
        if figures["count"]:
            found.append(f"{title}: {figures['count']} answers, median {figures['median']} ms, p95 {figures['p95']} ms")
    found += [f"{'ok  ' if check.ok else 'FAIL'} {check.title}: {check.outcome}" for check in record.checks]
    return found + [f"FAIL {failure}" for failure in record.failures] + [_last(record)]


def markdown(record: DayRecord, drawing: str) -> str:
    """The short form for documents; `drawing` is the file name of the timeline."""
    schedule = record.schedule
    troubles = [
        (clock_time(seen.contact.at), _cause(seen), "; ".join(seen.reactions) or "–", _text(seen))
        for seen in record.seen
        if cause_text(seen.contact) or seen.reactions
    ]
    figures = [
        (title, *(f"{found[name]:g}" for name in ("count", "median", "p95", "max")))
        for title, found in (
            ("without online check", summary(record.durations(online=False))),
            ("with online check", summary(record.durations(online=True))),
        )
        if found["count"]
    ]
    parts = [
        f"# A day in a practice, seed {schedule.seed}",
        _markdown_head(record),
        f"![Timeline]({drawing})",
        *_markdown_table(
            ("", "time", "beside the patients", "what came of it"),
            [(letter(at), clock_time(step.at), step.title, step.outcome) for at, step in enumerate(record.steps)],
        ),
        "## How long ReadVSD took",
        *_markdown_table(("ReadVSD", "answers", "median ms", "p95 ms", "max ms"), figures),
        "## What went wrong, and what the practice software saw",
        *_markdown_table(("time", "cause", "code and what the software did", "end"), troubles),
        "## In the evening",
        *_markdown_table(("invariant", "seen"), [(check.title, check.outcome) for check in record.checks]),
    ]
    return "\n\n".join(parts) + "\n"


def _markdown_head(record: DayRecord) -> str:
    numbers = f"{record.schedule.patients} patients, {len(record.seen)} contacts at {len(record.terminals)} terminals"
    played = f"Played by `{command(record)}` in {record.seconds:.0f} s: **{_last(record)}**."
    return f"{record.practice}, {numbers}. {played} People, cards and insurers are invented (TEST-ONLY)."


def _markdown_table(titles: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    lines = [titles, ["---"] * len(titles), *rows]
    yield "\n".join(f"| {' | '.join(cell.replace('|', '/') for cell in line)} |" for line in lines)


def command(record: DayRecord) -> str:
    """How to play the same day."""
    options = record.schedule.options
    switches = ("" if options.faults else " --no-faults") + ("" if options.ti else " --no-ti")
    return f"tiaas lab day --patients {record.schedule.patients} --seed {record.schedule.seed}{switches}"


def _last(record: DayRecord) -> str:
    return "everything as expected" if not record.failures else f"{len(record.failures)} differences from the model"


def _figures(record: DayRecord) -> Iterator[str]:
    attempts = [attempt for seen in record.seen for attempt in seen.attempts]
    online, offline = summary(record.durations(online=True)), summary(record.durations(online=False))
    errors = sum(1 for attempt in attempts if attempt.code is not None)
    shown: list[tuple[str, str]] = [
        (str(record.schedule.patients), "patients"),
        (str(len(record.seen)), "contacts"),
        (str(len(record.terminals)), "terminals"),
        (str(len(attempts)), "ReadVSD calls"),
        (str(errors), "of them answered with an error"),
        (f"{offline.get('median', 0):g} ms", "median without online check"),
        (f"{online.get('median', 0):g} ms", "median with online check"),
    ]
    yield "<div class=figures>"
    for value, title in shown:
        yield f"<div class=figure><b>{escape(value)}</b><span>{escape(title)}</span></div>"
    yield "</div>"


def _steps(record: DayRecord) -> Iterator[str]:
    rows = [
        (letter(at), clock_time(step.at), step.title, step.outcome, _mark(step.ok))
        for at, step in enumerate(record.steps)
    ]
    yield from _table(("", "time", "what happened beside the patients", "what came of it", ""), rows, raw=(4,))


def _durations(record: DayRecord) -> Iterator[str]:
    yield f"<div class=dots>{durations(record)}</div>"
    rows = []
    for title, online in (("without online check", False), ("with online check", True)):
        figures = summary(record.durations(online=online))
        if figures["count"]:
            names = ("count", "median", "p95", "max")
            rows.append((title, *(f"{figures[name]:g}" for name in names)))
    yield from _table(("ReadVSD", "answers", "median ms", "p95 ms", "max ms"), rows, numbers=(1, 2, 3, 4))
    yield (
        "<p class=test>Includes calls at terminals that were held back on purpose, and services that were slow on "
        "purpose. Cards answer without the delay of real chips.</p>"
    )


def _troubles(record: DayRecord) -> Iterator[str]:
    rows = [
        (
            clock_time(seen.contact.at),
            record.terminals[seen.contact.terminal],
            _cause(seen),
            "; ".join(seen.reactions) or "–",
            _ended(seen),
        )
        for seen in record.seen
        if cause_text(seen.contact) or seen.reactions
    ]
    yield from _table(("time", "terminal", "cause", "code and what the software did", "end"), rows, raw=(4,))


def _checks(record: DayRecord) -> Iterator[str]:
    rows = [(check.title, check.outcome, _mark(check.ok)) for check in record.checks]
    yield from _table(("invariant", "seen", ""), rows, raw=(2,))


def _contacts(record: DayRecord) -> Iterator[str]:
    rows = []
    for seen in record.seen:
        contact = seen.contact
        milliseconds = f"{sum(attempt.seconds for attempt in seen.attempts) * 1000:.0f}" if seen.attempts else ""
        rows.append(
            (
                str(contact.number),
                clock_time(contact.at),
                record.terminals[contact.terminal],
                record.people[contact.patient] + (", again" if contact.order > 1 else ""),
                contact.story.title,
                _ended(seen) + "".join(f"<br><span class=no>{escape(text)}</span>" for text in seen.mismatches),
                str(len(seen.attempts)),
                milliseconds,
            )
        )
    titles = ("", "time", "terminal", "patient (invented)", "story", "end", "calls", "ms")
    yield from _table(titles, rows, numbers=(0, 6, 7), raw=(5,))


def _counters(record: DayRecord) -> Iterator[str]:
    for title, counted in (
        ("Events received", record.events),
        ("What the services of the TI were asked", record.journal),
    ):
        if counted:
            yield f"<h2>{title}</h2>"
            rows = [(name, str(number)) for name, number in sorted(counted.items())]
            yield from _table(("", "how often"), rows, numbers=(1,))


def _cause(seen: Seen) -> str:
    parts = ["the terminal with the SMC-B was without power"] if seen.contact.phase is Phase.AFTER_LUNCH else []
    return ", ".join(part for part in (*parts, cause_text(seen.contact)) if part)


def _text(seen: Seen) -> str:
    if seen.ending is Ending.REFUSED:
        return f"refused with {seen.code}"
    if seen.result is not None:
        return f"read, E={seen.result}" + ("" if seen.ec is None else f", EC={seen.ec}")
    return colour(seen).meaning


def _ended(seen: Seen) -> str:
    return f"<span class=dot style='background:{colour(seen).fill}'></span>{escape(_text(seen))}"


def _mark(ok: bool) -> str:
    return "<span class=ok>✓</span>" if ok else "<span class=no>✗</span>"


def _table(
    titles: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: Sequence[int] = (), raw: Sequence[int] = ()
) -> Iterator[str]:
    """A table; cells in columns `raw` are HTML already, those in `numbers` stand to the right."""
    yield "<div class=wide-table><table><thead><tr>"
    yield "".join(f"<th{' class=n' if at in numbers else ''}>{escape(title)}" for at, title in enumerate(titles))
    yield "</tr></thead><tbody>"
    for row in rows:
        cells = (
            f"<td{' class=n' if at in numbers else ''}>{cell if at in raw else escape(cell)}"
            for at, cell in enumerate(row)
        )
        yield f"<tr>{''.join(cells)}"
    yield "</tbody></table></div>"
