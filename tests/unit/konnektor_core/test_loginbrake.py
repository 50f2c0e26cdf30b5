"""Addresses whose logins failed too often at a node."""

from datetime import UTC, datetime

from tiaas.base.clock import ManualClock
from tiaas.konnektor.admin.loginbrake import FAILURES_MAX, QUIET_SECONDS, LoginBrake


def braked(clock: ManualClock, peer: str, times: int = FAILURES_MAX) -> LoginBrake:
    brake = LoginBrake(clock)
    for _ in range(times):
        assert brake.wait(peer) == 0
        brake.failed(peer)
    return brake


def test_an_address_is_refused_until_it_was_quiet() -> None:
    clock = ManualClock(datetime(2026, 1, 1, tzinfo=UTC))
    brake = braked(clock, "10.0.0.1")
    assert brake.wait("10.0.0.1") == QUIET_SECONDS
    assert brake.wait("10.0.0.2") == 0
    clock.advance(QUIET_SECONDS - 1)
    assert brake.wait("10.0.0.1") == 1
    clock.advance(1)
    assert brake.wait("10.0.0.1") == 0
    brake.failed("10.0.0.1")
    assert brake.wait("10.0.0.1") == 0, "the count begins anew"


def test_one_failure_less_refuses_nobody() -> None:
    assert braked(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), "10.0.0.1", FAILURES_MAX - 1).wait("10.0.0.1") == 0


def test_all_addresses_of_a_subscriber_of_ipv6_are_one() -> None:
    brake = braked(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), "2001:db8::1")
    assert brake.wait("2001:db8::ffff:2") == QUIET_SECONDS
    assert brake.wait("2001:db8:0:1::1") == 0
    assert brake.wait("nowhere") == 0


def test_how_many_addresses_are_remembered_is_bounded() -> None:
    brake = braked(ManualClock(datetime(2026, 1, 1, tzinfo=UTC)), "10.0.0.1")
    for number in range(5000):
        brake.failed(f"10.1.{number >> 8}.{number & 255}")
    assert brake.wait("10.0.0.1") == 0
    assert len(brake._failures) == 4096
