"""Refuses logins of an address that failed too often at any plane of a node, whatever account and instance it tries.

Five wrong passwords lock one account; somebody with a list of names tries another account, or the next of a thousand
instances. Passwords of such an address are not looked at until it has been quiet for a while. Tokens are not concerned.
"""

from collections import OrderedDict
from ipaddress import IPv6Address, IPv6Network, ip_address

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass

FAILURES_MAX = 30
"""Six accounts' worth: more mistakes than people of one practice make in that time."""
QUIET_SECONDS = 15 * 60.0
_REMEMBERED = 4096


@dataclass(slots=True)
class _Failures:
    last: float
    count: int = 0


class LoginBrake:
    """Of one node. How many addresses are remembered is bounded; those that failed last are."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait(self, peer: str) -> float:
        """Seconds until a login from an address counts again; 0: it does."""
        known = self._failures.get(_network(peer))
        if known is None or known.count < FAILURES_MAX:
            return 0.0
        return max(0.0, known.last + QUIET_SECONDS - self._clock.monotonic())

    def failed(self, peer: str) -> None:
        """A login from an address failed. One that is refused by `wait` is none: the time is not made longer."""
        now, key = self._clock.monotonic(), _network(peer)
        known = self._failures.pop(key, None)
        if known is None or now - known.last >= QUIET_SECONDS:
            known = _Failures(now)
        known.last = now
        known.count += 1
        self._failures[key] = known
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)


def _network(peer: str) -> str:
    """An IPv4 address, or the /64 that a subscriber of IPv6 has for himself."""
    try:
        address = ip_address(peer)
    except ValueError:
        return peer
    return str(IPv6Network((address, 64), strict=False)) if isinstance(address, IPv6Address) else str(address)
