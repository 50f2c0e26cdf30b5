"""Clients that could not prove who they are: entries of the security log, without letting a stranger fill it.

The first refusal of an address and reason is written at once; further ones are counted and told together, once a
minute, with the next one that comes after. How many addresses are remembered is bounded.
"""

from collections import OrderedDict

from tiaas.base.clock import Clock
from tiaas.konnektor.protocol.entry import Level, LogType
from tiaas.konnektor.protocol.service import ProtocolService

TOGETHER_SECONDS = 60.0
_REMEMBERED = 256
_NOT_AUTHENTICATED = 4204


class Refusals:
    """Hears of every client that was not let in."""

    def __init__(self, protocol: ProtocolService, clock: Clock) -> None:
        self._protocol = protocol
        self._clock = clock
        self._told: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def __call__(self, reason: str, peer: str) -> None:
        """A client at address `peer` was refused; `reason` is from a closed set of phrases."""
        now = self._clock.monotonic()
        since, silent = self._told.pop((reason, peer), (-TOGETHER_SECONDS, 0))
        if now - since < TOGETHER_SECONDS:
            self._told[reason, peer] = since, silent + 1
            return
        self._told[reason, peer] = now, 0
        if len(self._told) > _REMEMBERED:
            self._told.popitem(last=False)
        count = (("Count", str(silent + 1)),) if silent else ()
        self._protocol.write(
            LogType.SECURITY,
            Level.ERROR,
            code=_NOT_AUTHENTICATED,
            parameters=(("Reason", reason), ("Peer", peer), *count),
        )
