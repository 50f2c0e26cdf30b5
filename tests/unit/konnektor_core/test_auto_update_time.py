"""When terminals are updated by themselves (MGM_KSR_AUTO_UPDATE_TIME)."""

from datetime import UTC, datetime, timedelta

import pytest

from tiaas.konnektor.autoupdate import DAYS, AutoUpdateSettings, next_run

WEDNESDAY = datetime(2026, 6, 3, 12, 30, tzinfo=UTC)


@pytest.mark.requirement("A_18390", "TIP1-A_4835-02")
def test_the_default_is_monday_at_one() -> None:
    due = next_run(WEDNESDAY, AutoUpdateSettings())
    assert (due.weekday(), due.hour, due.minute) == (0, 1, 0)
    assert timedelta() < due - WEDNESDAY <= timedelta(days=DAYS)
    assert next_run(due, AutoUpdateSettings()) - due == timedelta(days=DAYS)


@pytest.mark.parametrize("day", [None, *range(DAYS)])
def test_the_next_time_is_later_and_fits(day: int | None) -> None:
    settings = AutoUpdateSettings(day=day, hour=23, minute=59)
    moment = WEDNESDAY
    for _ in range(5):
        due = next_run(moment, settings)
        assert due > moment
        assert day in (None, due.weekday())
        assert due - moment <= timedelta(days=1 if day is None else DAYS)
        moment = due


def test_settings_are_kept() -> None:
    settings = AutoUpdateSettings(False, None, 4, 30, frozenset({"CT-2", "CT-1"}))
    assert AutoUpdateSettings.from_row(settings.to_row()) == settings
    for damaged in ({"day": 7}, {"hour": 24}, {"minute": "x"}, {"excluded": None}):
        with pytest.raises((TypeError, ValueError)):
            AutoUpdateSettings.from_row({**settings.to_row(), **damaged})
