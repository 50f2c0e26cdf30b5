"""From the socket to the dispatchers of one instance: TLS context in force, doors, application, service directory."""

import ssl
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import partial
from ipaddress import ip_address

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.konnektor.config import Address, InstanceConfig
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.gate import Gate
from tiaas.konnektor.http import uvicorn_config
from tiaas.konnektor.ingress import Ingress, http_door
from tiaas.konnektor.recorder import Recorder
from tiaas.konnektor.sds import Published, served, service_directory
from tiaas.konnektor.tls import server_context
from tiaas.konnektor.webapp import Endpoint, WebApp
from tiaas.soap.dispatch import Dispatcher, Observer, Operation
from tiaas.soap.envelope import SoapFault
from tiaas.soap.reply import SoapReply


class Reception:
    """Serves `operations` to clients. Nothing listens before `open`.

    `guard` stands before each operation, `may_list` says whether connector.sds may be given out now,
    `recorder` overhears what clients do.

    `address` and `plain` are in use after `open`; port 0 is replaced by the port the system chose.
    """

    def __init__(
        self,
        config: InstanceConfig,
        gate: Gate,
        operations: Iterable[Operation],
        fault_of: Callable[[BaseException], SoapFault],
        clock: Clock,
        entropy: Entropy,
        observer: Observer | None = None,
        guard: Callable[[Operation], None] = lambda operation: None,
        may_list: Callable[[], bool] = lambda: True,
        recorder: Recorder | None = None,
    ) -> None:
        self.address = config.address
        self.plain = config.plain
        self._config = config
        self._gate = gate
        self._clock = clock
        self._services: list[Published] = []
        endpoints: dict[str, Endpoint] = {}
        for service, bound in served(operations):
            mtom = entropy if service.mtom else None
            dispatcher = Dispatcher(bound, fault_of, observer=observer, guard=guard, mtom=mtom)
            too_long = partial(_too_long, dispatcher) if service.mtom else None
            endpoints[service.path] = Endpoint(service.name, dispatcher, service.body_octets, too_long)
            self._services.append(service)
        app = WebApp(gate, endpoints, self._directory, may_list)
        self._accepted = gate.accepted_certificates()
        self._context = self._new_context()
        if recorder is not None:
            recorder.offers(self._services)
        http = uvicorn_config(app if recorder is None else recorder.tap(app), config.limits)
        self._secure_door = http_door(
            config.instance, http, config.limits, lambda: self._context, gate.admits, gate.refused
        )
        self._plain_door = http_door(
            config.instance, http, config.limits, lambda: None, lambda fingerprint: True, gate.refused
        )

    @property
    def host(self) -> str:
        """The first configured host, else the address; `localhost` for a wildcard address."""
        if self._config.hosts:
            return self._config.hosts[0]
        return "localhost" if ip_address(self.address.host).is_unspecified else self.address.host

    @property
    def url(self) -> str:
        """Where clients reach the instance, like `https://127.0.0.1:443`."""
        return f"https://{Address(self.host, self.address.port)}"

    @property
    def connection_count(self) -> int:
        """Connections and handshakes under way."""
        return self._secure_door.connection_count + self._plain_door.connection_count

    @property
    def calls_under_way(self) -> int:
        """Calls that have no answer yet."""
        return self._secure_door.calls_under_way + self._plain_door.calls_under_way

    async def open(self, ingress: Ingress) -> None:
        """Lets clients in. Raises `AddressTaken`."""
        self.address = await ingress.open(self.address, self._secure_door)
        if self.plain is not None:
            try:
                self.plain = await ingress.open(self.plain, self._plain_door)
            except BaseException:
                ingress.close(self.address)
                raise

    async def close(self, ingress: Ingress) -> None:
        """Lets nobody in any more, lets calls under way finish within `stop_seconds`, then ends the rest."""
        ingress.close(self.address)
        if self.plain is not None:
            ingress.close(self.plain)
            await self._plain_door.close()
        await self._secure_door.close()

    def clients_changed(self) -> None:
        """If the list of client certificates is another one, puts a context for it in force and ends the connections
        of those that are gone."""
        accepted = self._gate.accepted_certificates()
        if accepted == self._accepted:
            return
        self._accepted = accepted
        self._context = self._new_context()
        self._secure_door.close_unwelcome()

    def server_changed(self) -> None:
        """Shows the identity's present server certificate to whoever connects from now on."""
        self._context = self._new_context()

    def _new_context(self) -> ssl.SSLContext:
        accepted = None if self._accepted is None else self._accepted.values()
        return server_context(self._gate.identity.server, accepted)

    def _directory(self, host: str | None, local: tuple[str, int]) -> bytes:
        """The service directory with addresses the asking client can reach.

        The `Host` field is believed only if it names a host of our certificate; else it is the address asked.
        """
        name = _host_of(host)
        if name is None or name not in self._gate.identity.server_names:
            name = local[0]
        secure = Address(name, self.address.port)
        plain = f"http://{replace(self.plain, host=name)}" if self.plain is not None else None
        return service_directory(
            self._services, self._config.product, self._config.access, f"https://{secure}", plain, self._clock.now()
        )


def _too_long(dispatcher: Dispatcher) -> SoapReply:
    """What is longer than the documents that are taken can only be a document that is too large (TIP1-A_4500-02)."""
    return dispatcher.refuse(KonnektorError(4283))


def _host_of(field: str | None) -> str | None:
    """The host in a `Host` field, lower case, without port and brackets."""
    if not field:
        return None
    if field.startswith("["):
        return field[1:].partition("]")[0].lower()
    return field.partition(":")[0].lower()
