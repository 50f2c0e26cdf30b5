"""The way in: listening sockets, and which instance a connection belongs to.

We accept raw sockets, find the instance by the local address and give the socket to TLS with that instance's current
context. A client cannot choose: it speaks to an address, and SNI is not looked at. A listener may be bound to one
address or to the wildcard address and then serve many instances.

An instance's connections are counted from the accept on, handshakes included; one that exceeds a bound is closed at
once and costs no cryptography.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import suppress
from ipaddress import ip_address
from typing import Protocol

from uvicorn.config import Config
from uvicorn.server import ServerState

from tiaas.base.errors import TiaasError
from tiaas.konnektor.config import Address, Limits
from tiaas.konnektor.http import HttpConnection, Portioned

_log = logging.getLogger("tiaas.konnektor.ingress")

_BACKLOG = 512
_OUT_OF_DESCRIPTORS = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
_BREATH_SECONDS = 0.2
_FAREWELL_SECONDS = 1.0
"""How long a stop waits for idle clients to take note. A connection in a client's pool does not: the client reads there
only with its next request, and TLS would wait for its close_notify (nobody has to, RFC 8446 §6.1)."""


class AddressTaken(TiaasError):
    """The address cannot be listened on or belongs to another instance. `address` names it."""

    def __init__(self, address: Address, reason: str) -> None:
        super().__init__(f"{address}: {reason}")
        self.address = address


class Visit(Protocol):
    """One connection as its door sees it; it is an `asyncio.Protocol` besides.

    It calls `on_open` when it stands and ends if that says no, and `on_closed` once at its end.
    """

    transport: asyncio.Transport
    certificate_fingerprint: str | None

    def is_quiet(self) -> bool:
        """Whether nothing is under way, so that its end costs nobody anything."""
        ...

    def shutdown(self) -> None:
        """Ends after what is under way."""
        ...


OnOpen = Callable[[Visit], bool]
OnClosed = Callable[[Visit], None]
Welcome = Callable[[OnOpen, OnClosed], asyncio.BaseProtocol]
"""Makes the protocol object, a `Visit`, of a new connection."""

Refused = Callable[[str, str], None]
"""Hears why a client was not let in, and its address."""


def _nobody(reason: str, address: str) -> None:
    """Nobody wants to hear of it."""


class Door:
    """One instance's side of the ingress: its contexts, its connections, its bounds.

    `context` gives the TLS context for a new connection, None for one without TLS; `admits` judges a connection's
    client certificate after the handshake, because the list may have changed meanwhile. `tasks` are the calls under
    way. `refused` hears why a client at an address was not let in.
    """

    def __init__(
        self,
        name: str,
        limits: Limits,
        context: Callable[[], ssl.SSLContext | None],
        admits: Callable[[str | None], bool],
        welcome: Welcome,
        tasks: set[asyncio.Task[None]],
        refused: Refused = _nobody,
    ) -> None:
        self.name = name
        self.limits = limits
        self.context = context
        self._admits = admits
        self._welcome = welcome
        self._tasks = tasks
        self.refused = refused
        self._connections: set[Visit] = set()
        self._places: Counter[str] = Counter()
        self._is_open = True
        self._last_left = asyncio.Event()

    @property
    def connection_count(self) -> int:
        """Connections and handshakes under way."""
        return self._places.total()

    @property
    def calls_under_way(self) -> int:
        """Calls that have no answer yet."""
        return len(self._tasks)

    def take_place(self, address: str) -> "Place | None":
        """A place for one more connection from `address`, None if there is no room."""
        if not self._is_open or self._places.total() >= self.limits.connections:
            return None
        if self._places[address] >= self.limits.connections_per_address:
            return None
        return Place(self._places, address)

    def protocol(self, place: "Place") -> asyncio.BaseProtocol:
        """The protocol object for a connection; it frees the place at its end."""

        def opened(connection: Visit) -> bool:
            self._connections.add(connection)
            welcome = self._admits(connection.certificate_fingerprint)
            if not welcome:
                self.refused("the client certificate is not on the list", place.address)
            return self._is_open and welcome

        def closed(connection: Visit) -> None:
            self._connections.discard(connection)
            place.free()
            if not self._is_open and not self._connections:
                self._last_left.set()

        return self._welcome(opened, closed)

    def close_unwelcome(self) -> None:
        """Closes the connections whose certificate is no longer accepted; running calls get no answer."""
        for connection in tuple(self._connections):
            if not self._admits(connection.certificate_fingerprint):
                connection.transport.abort()

    def visits(self) -> tuple[Visit, ...]:
        """The connections that stand."""
        return tuple(self._connections)

    async def close(self) -> None:
        """Takes no more connections, lets calls under way finish within `stop_seconds`, then ends the rest."""
        self._is_open = False
        quiet = [connection for connection in self._connections if connection.is_quiet()]
        for connection in tuple(self._connections):
            # TLS that is closed a second time forgets its connection: nobody could end it any more.
            if not connection.transport.is_closing():
                connection.shutdown()
        farewell = asyncio.get_running_loop().call_later(_FAREWELL_SECONDS, self._end, quiet)
        with suppress(TimeoutError):
            async with asyncio.timeout(self.limits.stop_seconds):
                if self._tasks:
                    await asyncio.wait(tuple(self._tasks))
                if self._connections:
                    await self._last_left.wait()
        farewell.cancel()
        self._end(self._connections)
        tasks = tuple(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _end(self, connections: Iterable[Visit]) -> None:
        """Ends those that still stand."""
        for connection in self._connections.intersection(connections):
            connection.transport.abort()


def http_door(
    name: str,
    config: Config,
    limits: Limits,
    context: Callable[[], ssl.SSLContext | None],
    admits: Callable[[str | None], bool],
    refused: Refused = _nobody,
) -> Door:
    """A door for HTTP; `config` holds the application."""
    state = ServerState()

    def welcome(opened: OnOpen, closed: OnClosed) -> Portioned:
        return Portioned(HttpConnection(config, state, limits, opened, closed))

    return Door(name, limits, context, admits, welcome, state.tasks, refused)


class Place:
    """One counted connection."""

    __slots__ = ("_is_taken", "_places", "address")

    def __init__(self, places: Counter[str], address: str) -> None:
        self._places = places
        self.address = address
        self._is_taken = True
        places[address] += 1

    def free(self) -> None:
        """Gives the place back; nothing happens the second time."""
        if not self._is_taken:
            return
        self._is_taken = False
        self._places[self.address] -= 1
        if self._places[self.address] <= 0:
            del self._places[self.address]


class Ingress:
    """All listeners of a node."""

    def __init__(self) -> None:
        self._listeners: dict[Address, tuple[socket.socket, asyncio.Task[None]]] = {}
        self._doors: dict[Address, Door] = {}
        self._handshakes: set[asyncio.Task[None]] = set()

    async def open(self, address: Address, door: Door) -> Address:
        """Serves `door` at `address` and gives the address in use (port 0 is replaced). Raises `AddressTaken`."""
        if address in self._doors:
            raise AddressTaken(address, "another instance is served there")
        if address in self._listeners or not self._wildcard_covers(address):
            address = self._listen(address)
        self._doors[address] = door
        return address

    async def listen(self, address: Address) -> Address:
        """Listens without serving anything yet, for a wildcard address shared by many instances."""
        return self._listen(address)

    def close(self, address: Address) -> None:
        """Stops serving at `address`; what is connected stays with its door."""
        self._doors.pop(address, None)
        held = self._listeners.pop(address, None)
        if held is not None:
            listener, task = held
            task.cancel()
            listener.close()

    async def stop(self) -> None:
        """Closes all listeners and waits for the handshakes under way to end."""
        for address in (*self._doors, *self._listeners):
            self.close(address)
        for task in tuple(self._handshakes):
            task.cancel()
        await asyncio.gather(*self._handshakes, return_exceptions=True)

    def _wildcard_covers(self, address: Address) -> bool:
        return any(_is_wildcard(a.host) and a.port == address.port for a in self._listeners if a not in self._doors)

    def _listen(self, address: Address) -> Address:
        family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listener.bind((address.host, address.port))
            listener.listen(_BACKLOG)
        except (OSError, OverflowError) as error:
            listener.close()
            raise AddressTaken(address, getattr(error, "strerror", None) or str(error)) from error
        listener.setblocking(False)
        bound = Address(address.host, int(listener.getsockname()[1]))
        task = asyncio.get_running_loop().create_task(self._accept(listener), name=f"accept {bound}")
        self._listeners[bound] = (listener, task)
        return bound

    async def _accept(self, listener: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, remote = await loop.sock_accept(listener)
            except OSError as error:
                if error.errno in _OUT_OF_DESCRIPTORS:
                    _log.error("no file descriptor for a new connection")
                    await asyncio.sleep(_BREATH_SECONDS)
                    continue
                if listener.fileno() < 0:
                    return
                continue
            self._welcome(loop, connection, _plain_address(str(remote[0])))

    def _welcome(self, loop: asyncio.AbstractEventLoop, connection: socket.socket, remote: str) -> None:
        door = self._door_of(connection)
        place = door.take_place(remote) if door is not None else None
        if door is None or place is None:
            if door is not None:
                _log.warning("too many connections", extra={"instance": door.name})
            connection.close()
            return
        task = loop.create_task(_hand_over(loop, connection, door, place))
        self._handshakes.add(task)
        task.add_done_callback(self._handshakes.discard)

    def _door_of(self, connection: socket.socket) -> Door | None:
        try:
            local = connection.getsockname()
        except OSError:
            return None
        host, port = _plain_address(str(local[0])), int(local[1])
        for candidate in (host, "0.0.0.0", "::"):  # noqa: S104 - looked up, not bound
            door = self._doors.get(Address(candidate, port))
            if door is not None:
                return door
        return None


async def _hand_over(loop: asyncio.AbstractEventLoop, connection: socket.socket, door: Door, place: Place) -> None:
    """Does the TLS handshake and leaves the connection to its protocol."""
    try:
        context = door.context()
        seconds = door.limits.handshake_seconds if context is not None else None
        await loop.connect_accepted_socket(
            lambda: door.protocol(place), connection, ssl=context, ssl_handshake_timeout=seconds
        )
    except OSError as error:
        # A client without or with a foreign certificate ends here.
        place.free()
        if isinstance(error, ssl.SSLError):
            door.refused(f"TLS handshake: {error.reason or 'failed'}", place.address)
        _log.info("TLS handshake failed", extra={"instance": door.name, "kind": type(error).__name__})
    except BaseException:
        place.free()
        raise


def _plain_address(host: str) -> str:
    """An IPv4 address that came mapped into IPv6 as IPv4; a zone index is dropped."""
    address = ip_address(host.partition("%")[0])
    mapped = getattr(address, "ipv4_mapped", None)
    return str(mapped or address)


def _is_wildcard(host: str) -> bool:
    return ip_address(host).is_unspecified
