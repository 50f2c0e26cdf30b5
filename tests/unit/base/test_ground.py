"""Clock, entropy, secrets."""

import copy
import pickle
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tiaas.base.clock import ManualClock, SystemClock
from tiaas.base.entropy import SeededEntropy, SystemEntropy, random_fraction, random_uuid
from tiaas.base.secret import Secret


def test_the_manual_clock_moves_both_views_together() -> None:
    clock = ManualClock(datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=1))))
    clock.advance(90.5)
    assert clock.now() == datetime(2026, 1, 31, 11, 1, 30, 500000, tzinfo=UTC)
    assert clock.monotonic() == 90.5
    with pytest.raises(ValueError, match="time does not go back"):
        clock.advance(-1)
    with pytest.raises(ValueError, match="aware"):
        ManualClock(datetime(2026, 1, 31))  # noqa: DTZ001


def test_the_system_clock_is_aware_and_does_not_go_back() -> None:
    clock = SystemClock()
    assert clock.now().tzinfo is UTC
    first = clock.monotonic()
    assert clock.monotonic() >= first


def test_seeded_entropy_repeats_and_does_not_depend_on_the_cuts() -> None:
    one, two = SeededEntropy(b"seed"), SeededEntropy(b"seed")
    assert one.octets(100) == two.octets(1) + two.octets(40) + two.octets(59)
    assert SeededEntropy(b"other").octets(32) != SeededEntropy(b"seed").octets(32)
    assert one.octets(0) == b""


def test_uuid_and_fraction() -> None:
    entropy = SeededEntropy(b"x")
    made = random_uuid(entropy)
    assert len(made) == 36
    assert made[14] == "4"
    assert made[19] in "89ab"
    assert made != random_uuid(entropy)
    assert all(0 <= random_fraction(entropy) < 1 for _ in range(1000))
    assert len(SystemEntropy().octets(7)) == 7


def test_a_secret_is_opaque() -> None:
    secret = Secret(b"1234")
    assert secret.reveal() == b"1234"
    assert secret == Secret(b"1234")
    assert secret != Secret(b"1235")
    assert secret != b"1234"
    assert "1234" not in f"{secret}{secret!r}{[secret]}"
    for leak in (pickle.dumps, copy.deepcopy, hash):
        with pytest.raises(TypeError):
            leak(secret)
