"""The checks of the evening: what counts as a number in the log."""

import pytest

from tiaas.lab.day.checks import numbers_in


@pytest.mark.parametrize(
    ("line", "numbers"),
    [
        ('{"message": "PIN 123456 is wrong"}', {"123456"}),
        ('{"iccsn": "80276883110000012345", "pin": 54321}', {"80276883110000012345", "54321"}),
        ("\\n123456\\n", {"123456"}),
        ('{"header": "12345678", "pin": "12345678"}', {"12345678"}),
        ('{"header": "00860000", "sw": "9000"}', set()),
        ('{"header": "002281A9", "sw": "9000"}', set()),
        ('{"time": "2026-11-27T05:40:53.130Z"}', set()),
        ('{"handle": "12345678-1234-4123-8123-123456789abc", "mac": "123456D9B51B", "digest": "ab123456"}', set()),
    ],
)
def test_numbers_of_a_log_stand_alone(line: str, numbers: set[str]) -> None:
    assert numbers_in(line) == numbers
