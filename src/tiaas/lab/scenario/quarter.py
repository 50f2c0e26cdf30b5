"""When quarters of the year begin: receipts count for one (gemILF_PS 4.3.4.2)."""

from datetime import datetime, timedelta


def quarter_begin(moment: datetime) -> datetime:
    """The begin of the quarter in which `moment` lies, in its time zone."""
    month = (moment.month - 1) // 3 * 3 + 1
    return moment.replace(month=month, day=1, hour=0, minute=0, second=0, microsecond=0)


def before_quarter(now: datetime, seconds: float) -> timedelta:
    """The shift that makes `now` lie so many seconds before the begin of its quarter.

    Always into the past: what is certified then is valid for programs with the true time, too.
    """
    return quarter_begin(now) - timedelta(seconds=seconds) - now
