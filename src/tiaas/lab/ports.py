"""The lab's ports: the same ones every time a folder comes up.

A new lab prefers the ports people expect and takes others if those are in use. An existing lab comes up on the ports
it had; if another program has taken one, the lab moves to a new port for good and says so in a notice (`ready.json`
and the `.kon` files follow, and a pairing is bound to certificates, not to addresses). A port that the user named is
taken or refused, never replaced.
"""

import errno
import socket
from collections.abc import Awaitable, Callable, Iterator
from typing import TypeVar

from tiaas.base.entropy import Entropy, random_fraction
from tiaas.lab.errors import AddressUnusable, PortTaken
from tiaas.lab.store import LabStore

T = TypeVar("T")

# Below Linux's range for outgoing connections (32768), or one of those could hold the port at the next start.
RANDOM_FIRST = 20000
RANDOM_LAST = 29999
ATTEMPTS = 40


class Ports:
    """Ports by name (`konnektor/1`, `sicct/CT-1`, `control`), kept in the lab's database."""

    def __init__(self, store: LabStore, entropy: Entropy) -> None:
        self._store = store
        self._entropy = entropy
        self._ports: dict[str, int] = store.meta("ports") or {}
        self._given: set[int] = set()
        self.notices: list[str] = []

    async def claim(
        self,
        name: str,
        host: str,
        start: Callable[[int], Awaitable[T]],
        *,
        preferred: int,
        fixed: int | None = None,
    ) -> tuple[int, T]:
        """Finds a port on which `start` succeeds, remembers it, and returns it with what `start` returned.

        `start` raises `PortTaken` or `OSError` with EADDRINUSE if the port is taken after all. Raises `PortTaken`,
        `AddressUnusable`.
        """
        before = self._ports.get(name)
        for port in self._candidates(before, preferred, fixed):
            if port in self._given or not is_free(host, port) or (fixed is None and self._is_anothers(name, port)):
                continue
            try:
                started = await start(port)
            except PortTaken:
                continue
            except OSError as error:
                if error.errno == errno.EADDRINUSE:
                    continue
                raise
            self._remember(name, port, before if fixed is None else None)
            return port, started
        raise PortTaken(host, fixed if fixed is not None else preferred)

    def _is_anothers(self, name: str, port: int) -> bool:
        """True if another name had the port: whatever is new in a lab must not push out what was there."""
        return any(held == port and holder != name for holder, held in self._ports.items())

    def _candidates(self, before: int | None, preferred: int, fixed: int | None) -> Iterator[int]:
        if fixed is not None:
            yield fixed
            return
        yield before if before is not None else preferred
        for _ in range(ATTEMPTS):
            yield RANDOM_FIRST + int(random_fraction(self._entropy) * (RANDOM_LAST - RANDOM_FIRST + 1))

    def _remember(self, name: str, port: int, before: int | None) -> None:
        self._given.add(port)
        if before is not None and before != port:
            self.notices.append(f"port {before} of {name} is in use by another program; it is {port} from now on")
        if self._ports.get(name) != port:
            ports = {**self._ports, name: port}
            self._store.put_meta("ports", ports)
            self._ports = ports


def is_free(host: str, port: int) -> bool:
    """True if nobody listens on that address and port. Raises `AddressUnusable` if it is not this machine's."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise AddressUnusable(host, error.strerror or str(error)) from error
    with socket.socket(family, kind, protocol) as probe:
        # As servers do it: connections still in TIME_WAIT are no obstacle, a listener is.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except PermissionError as error:
            raise AddressUnusable(host, f"port {port} needs privileges") from error
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return False
            raise AddressUnusable(host, error.strerror or str(error)) from error
    return True
