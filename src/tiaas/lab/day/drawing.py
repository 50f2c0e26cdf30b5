"""Drawings of a day as SVG: the timeline of all terminals, and how long ReadVSD took."""

import enum
from collections.abc import Iterator, Sequence
from html import escape
from statistics import median

from tiaas.lab.day.model import Ending
from tiaas.lab.day.record import DayRecord, Seen, cause_text

_LEFT, _RIGHT, _TOP = 96, 16, 34
_ROW, _BAR, _HOUR = 58, 38, 108
_FIRST_HOUR, _LAST_HOUR = 7.5, 18.25
_NARROWEST, _WIDE_ENOUGH = 12, 30  # of a bar for a label at all, for one that is not turned
_FONT = "font-family='system-ui, sans-serif'"
_INK, _FAINT, _GRID = "#1f2933", "#61707d", "#e3e8ec"


@enum.unique
class Colour(enum.Enum):
    """What the colour of a contact means."""

    CHECKED = ("#2f9e62", "read, checked online: no update (E=2)")
    UPDATED = ("#2b6cb0", "read and updated (E=1)")
    PLAIN = ("#8fcfae", "read without online check")
    CHECK_FAILED = ("#d98e04", "read, online check failed (E=3, 5)")
    REFUSED = ("#c53030", "refused")
    NO_CARD = ("#98a5b1", "no card")

    @property
    def fill(self) -> str:
        """As in CSS."""
        return self.value[0]

    @property
    def meaning(self) -> str:
        """For the legend."""
        return self.value[1]


def colour(seen: Seen) -> Colour:
    """The colour of a contact."""
    if seen.ending is not Ending.READ:
        return Colour.NO_CARD if seen.ending is Ending.NO_CARD else Colour.REFUSED
    if seen.result is None:
        return Colour.PLAIN
    return {1: Colour.UPDATED, 2: Colour.CHECKED}.get(seen.result, Colour.CHECK_FAILED)


def timeline(record: DayRecord) -> str:
    """One row per terminal from 7:30 to 18:15; the triangle marks contacts on the way of which an error came."""
    width = _LEFT + _RIGHT + int((_LAST_HOUR - _FIRST_HOUR) * _HOUR)
    rows = len(record.terminals)
    bottom = _TOP + rows * _ROW
    height = bottom + 58
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img' {_FONT} font-size='12'>",
        f"<title>A day in a practice, seed {record.schedule.seed}</title>",
        f"<rect width='{width}' height='{height}' fill='#ffffff'/>",
        *_hours(bottom),
        *_rows(record.terminals),
        *_cuts(record),
        *(_bar(record, seen) for seen in record.seen),
        *_legend(bottom + 24),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def durations(record: DayRecord) -> str:
    """Two strips of points on a logarithmic scale: ReadVSD without and with online check, medians marked."""
    width, height = 760, 128
    found = (
        ("without online check", record.durations(online=False), Colour.PLAIN),
        ("with online check", record.durations(online=True), Colour.CHECKED),
    )
    scale = _Logarithmic([value * 1000 for _, values, _ in found for value in values], 150, width - 24)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width} {height}' role='img' {_FONT} font-size='12'>",
        "<title>Duration of ReadVSD</title>",
    ]
    for tick in scale.ticks():
        x = scale.x(tick)
        parts.append(f"<line x1='{x:.1f}' x2='{x:.1f}' y1='10' y2='100' stroke='{_GRID}'/>")
        parts.append(f"<text x='{x:.1f}' y='118' text-anchor='middle' fill='{_FAINT}'>{tick:g} ms</text>")
    for row, (title, values, shade) in enumerate(found):
        y = 32 + row * 44
        parts.append(f"<text x='0' y='{y + 4}' fill='{_INK}'>{title}</text>")
        for at, value in enumerate(values):
            shift = (at * 7 % 5 - 2) * 4
            parts.append(
                f"<circle cx='{scale.x(value * 1000):.1f}' cy='{y + shift}' r='4' fill='{shade.fill}' "
                f"fill-opacity='.6'/>"
            )
        if values:
            x = scale.x(median(values) * 1000)
            parts.append(
                f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{y - 16}' y2='{y + 16}' stroke='{_INK}' stroke-width='2'/>"
            )
    return "\n".join([*parts, "</svg>"]) + "\n"


class _Logarithmic:
    def __init__(self, values: Sequence[float], left: float, right: float) -> None:
        self._low = min(values, default=1.0) * 0.8
        self._high = max(values, default=1000.0) * 1.25
        self._left, self._right = left, right

    def x(self, value: float) -> float:
        from math import log

        share = (log(max(value, self._low)) - log(self._low)) / (log(self._high) - log(self._low))
        return self._left + share * (self._right - self._left)

    def ticks(self) -> Iterator[float]:
        for power in range(5):
            for step in (1, 2, 5):
                if self._low <= (tick := step * 10.0**power) <= self._high:
                    yield tick


def clock_time(minutes: float) -> str:
    """Minutes after midnight as H:MM."""
    return f"{int(minutes) // 60}:{int(minutes) % 60:02d}"


def _x(minutes: float) -> float:
    return _LEFT + (minutes / 60 - _FIRST_HOUR) * _HOUR


def _hours(bottom: int) -> Iterator[str]:
    for hour in range(8, 19):
        x = _x(hour * 60)
        yield f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{_TOP - 8}' y2='{bottom}' stroke='{_GRID}'/>"
        yield f"<text x='{x:.1f}' y='{_TOP - 14}' text-anchor='middle' fill='{_FAINT}'>{hour}:00</text>"


def _rows(terminals: Sequence[str]) -> Iterator[str]:
    for at, ct_id in enumerate(terminals):
        y = _TOP + at * _ROW
        yield f"<text x='8' y='{y + _ROW / 2 + 4:.1f}' fill='{_INK}' font-weight='600'>{escape(ct_id)}</text>"
        yield f"<line x1='0' x2='{_x(_LAST_HOUR * 60):.1f}' y1='{y + _ROW}' y2='{y + _ROW}' stroke='{_GRID}'/>"


def _cuts(record: DayRecord) -> Iterator[str]:
    """Steps of the day: a thin line with a number, the terminal's row or all of them."""
    for number, step in enumerate(record.steps):
        x = _x(step.at)
        top = _TOP if step.terminal is None else _TOP + step.terminal * _ROW
        low = _TOP + len(record.terminals) * _ROW if step.terminal is None else top + _ROW
        ink = _FAINT if step.ok else Colour.REFUSED.fill
        yield (
            f"<g><title>{escape(clock_time(step.at))} {escape(step.title)}: {escape(step.outcome)}</title>"
            f"<line x1='{x:.1f}' x2='{x:.1f}' y1='{top + 4}' y2='{low - 2}' stroke='{ink}' stroke-dasharray='3 3'/>"
            f"<circle cx='{x:.1f}' cy='{top + 9}' r='8' fill='{ink}'/>"
            f"<text x='{x:.1f}' y='{top + 13}' text-anchor='middle' fill='#fff' font-size='10'>{letter(number)}</text>"
            "</g>"
        )


def letter(number: int) -> str:
    """The sign of the step at place `number` (from 0)."""
    return "abcdefghijklmnopqrstuvwxyz"[number % 26]


def _bar(record: DayRecord, seen: Seen) -> str:
    contact = seen.contact
    x, width = _x(contact.at), max(contact.minutes / 60 * _HOUR - 1.5, 5)
    y = _TOP + contact.terminal * _ROW + (_ROW - _BAR) / 2 + 3
    shade = colour(seen)
    said = [f"{clock_time(contact.at)} {record.people[contact.patient]} (contact {contact.number}): {shade.meaning}"]
    said += [f"code {seen.code}"] if seen.code is not None else []
    said += [cause_text(contact)] if cause_text(contact) else []
    stroke = f" stroke='{Colour.REFUSED.fill}' stroke-width='3'" if seen.mismatches else ""
    parts = [
        f"<g><title>{escape(', '.join(said))}</title>",
        f"<rect x='{x:.1f}' y='{y:.1f}' width='{width:.1f}' height='{_BAR}' rx='3' fill='{shade.fill}'{stroke}/>",
    ]
    if (label := _label(seen)) and width > _NARROWEST:
        middle, centre = x + width / 2, y + _BAR / 2
        turned = width < _WIDE_ENOUGH
        place = f"translate({middle + 4 * turned:.1f} {centre + 4 * (not turned):.1f})" + " rotate(-90)" * turned
        parts.append(f"<text transform='{place}' text-anchor='middle' fill='#fff' font-size='11'>{label}</text>")
    if any(attempt.code is not None and attempt.code != seen.code for attempt in seen.attempts):
        parts.append(f"<path d='M{x:.1f} {y:.1f} h11 l-11 11 z' fill='{_INK}'/>")
    return "".join([*parts, "</g>"])


def _label(seen: Seen) -> str:
    if seen.code is not None:
        return str(seen.code)
    return "" if seen.result is None else f"E{seen.result}"


def _legend(y: int) -> Iterator[str]:
    x = _LEFT
    for shade in Colour:
        yield f"<rect x='{x}' y='{y}' width='14' height='14' rx='3' fill='{shade.fill}'/>"
        yield f"<text x='{x + 20}' y='{y + 12}' fill='{_FAINT}'>{escape(shade.meaning)}</text>"
        x += 34 + int(len(shade.meaning) * 6.3)
    yield f"<path d='M{x} {y} h11 l-11 11 z' fill='{_INK}'/>"
    yield f"<text x='{x + 18}' y='{y + 12}' fill='{_FAINT}'>an error on the way</text>"
