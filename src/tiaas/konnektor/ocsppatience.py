"""How long an OCSP responder is waited for that has just let somebody wait in vain (gemSpec_Kon V5.18
CERT_OCSP_TIMEOUT_NONQES and _QES say how long at most).

For a second after that nobody asks it: not the same call again, whose signature was checked before and would be given
the status now. Later a caller waits for a tenth of the time since, so that no call after the first one costs much of
it; what was asked goes on, its answer is kept, and any answer at all, in time, ends the impatience. An outage that is
over is therefore over with the next request.
"""

from collections import OrderedDict

from tiaas.base.clock import Clock

_AT_ONCE = 1.0
_SHARE = 0.1
_RESPONDERS_MAX = 1_000


class Patience:
    """The patience of one instance, by the address of the responder."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._silent_since: OrderedDict[str, float] = OrderedDict()

    def wait_for(self, url: str, seconds: float) -> float | None:
        """How many seconds to wait for the responder's answer, which may take `seconds`; None: as long as it may take,
        0: not at all."""
        silent_since = self._silent_since.get(url)
        if silent_since is None:
            return None
        passed = self._clock.monotonic() - silent_since
        return 0 if passed < _AT_ONCE else min(passed * _SHARE, seconds)

    def was_in_vain(self, url: str) -> None:
        """There was no answer in time."""
        self._silent_since[url] = self._clock.monotonic()
        self._silent_since.move_to_end(url)
        if len(self._silent_since) > _RESPONDERS_MAX:
            self._silent_since.popitem(last=False)

    def was_answered(self, url: str) -> None:
        """There was an answer, or an error that took no time."""
        self._silent_since.pop(url, None)
