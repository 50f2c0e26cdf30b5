"""Times and numbers as a reader writes them, in the machine's own time zone."""

from datetime import date, datetime

from tiaas.portal.texts import Texts

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(value: date, texts: Texts) -> str:
    """31.01.2026, 31 Jan 2026."""
    if texts.code == "de":
        return f"{value.day:02}.{value.month:02}.{value.year}"
    return f"{value.day} {_MONTHS[value.month - 1]} {value.year}"


def moment(value: datetime, texts: Texts, today: date) -> str:
    """The time of day with seconds; the date before it if it is not today."""
    local = value.astimezone()
    clock = f"{local:%H:%M:%S}"
    return clock if local.date() == today else f"{day(local.date(), texts)}, {clock}"


def duration(milliseconds: float, texts: Texts) -> str:
    """1,2 ms, 340 ms, 2,50 s with the language's decimal sign."""
    if milliseconds < 10:
        text = f"{milliseconds:.1f} ms"
    elif milliseconds < 1000:
        text = f"{milliseconds:.0f} ms"
    else:
        text = f"{milliseconds / 1000:.2f} s"
    return text.replace(".", ",") if texts.code == "de" else text
