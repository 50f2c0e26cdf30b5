"""Opens the management interfaces of a lab: one per practice's instance, and the base plane of its node."""

from collections.abc import Awaitable, Callable
from ipaddress import ip_address

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.cli import onboard
from tiaas.cli.upconfig import UpConfig
from tiaas.client.admin import AdminAccess
from tiaas.interfaces.management.base import NewInstance
from tiaas.konnektor.admin.base import BasePlane
from tiaas.konnektor.admin.users import FirstAdmin, make_token
from tiaas.konnektor.config import Address, ClientAccess, InstanceConfig
from tiaas.konnektor.ingress import AddressTaken
from tiaas.konnektor.instance import Instance, Provision
from tiaas.konnektor.node import Node
from tiaas.konnektor.store import Store
from tiaas.lab.errors import PortTaken
from tiaas.lab.lab import LOOPBACK, Lab
from tiaas.lab.ready import AdminEntry, write_private

ADMIN_PORT = 9443
BASE_PORT = 9442
ADMINISTRATOR = "lab"
"""The lab's own account, on every plane."""


@dataclass(frozen=True, slots=True)
class Managing:
    """The management of what runs in a lab; `settings` and `listen` are those of `up`."""

    lab: Lab
    node: Node
    store: Store
    listen: str
    settings: UpConfig
    clock: Clock
    entropy: Entropy

    def first_admin(self, practice: int) -> FirstAdmin:
        """Who manages the instance of a practice first."""
        return FirstAdmin.of(ADMINISTRATOR, self._token(f"admin-token/{practice}"))

    async def open_instance(self, practice: int, instance: Instance) -> AdminEntry:
        """Opens the interface of a practice's instance and writes the CA to trust. Raises `PortTaken`."""
        manage = self._claimable(lambda address: self.node.manage(instance.name, address))
        port, _ = await self.lab.ports.claim(
            f"admin/{practice}", self.listen, manage, preferred=ADMIN_PORT + practice - 1
        )
        folder = self.lab.store.folder / f"practice-{practice}"
        folder.mkdir(mode=0o700, exist_ok=True)
        ca = instance.identity.ca_pem()
        write_private(folder / "ca.pem", ca)
        token = self._token(f"admin-token/{practice}")
        url = self._url(port)
        return AdminEntry(url, folder / "ca.pem", token)

    async def open_base(self) -> AdminEntry:
        """Opens the base plane; the instances that were made through it serve then. Raises `PortTaken`."""
        token = self._token("base-token")
        plane = await BasePlane.load(
            self.node,
            self.store,
            self._outfit,
            FirstAdmin.of(ADMINISTRATOR, token),
            (reachable(self.listen),),
            self.clock,
            self.entropy,
            two_persons=False,
        )
        port, _ = await self.lab.ports.claim("base", self.listen, self._claimable(plane.open), preferred=BASE_PORT)
        path = self.lab.store.folder / "base-ca.pem"
        write_private(path, plane.identity.ca_pem())
        return AdminEntry(self._url(port), path, token)

    async def _outfit(self, wish: NewInstance, first: FirstAdmin, is_new: bool) -> tuple[InstanceConfig, Provision]:
        """What an instance made through the base plane gets: the lab's trust space, the settings of `up`."""
        settings = self.settings
        config = InstanceConfig(
            wish.name,
            Address(wish.listen, wish.port),
            hosts=tuple(dict.fromkeys((*wish.hosts, wish.listen))),
            server_key=settings.server_key,
            access=ClientAccess(),
            limits=settings.limits.limits(),
            product=settings.product.product(),
            profile=settings.profile,
            environment=settings.environment,
            local_sinks=settings.sinks.local,
            ti=settings.ti.applied(onboard.ti_access(self.lab)),
        )
        return config, onboard.further_provision(self.lab, first, is_new=is_new)

    def _claimable(self, start: Callable[[Address], Awaitable[object]]) -> Callable[[int], Awaitable[object]]:
        async def at(port: int) -> object:
            try:
                return await start(Address(self.listen, port))
            except AddressTaken as error:
                raise PortTaken(self.listen, port) from error

        return at

    def _url(self, port: int) -> str:
        return f"https://{Address(reachable(self.listen), port)}"

    def _token(self, key: str) -> Secret:
        """The lab keeps the token of its administrator as it keeps the PINs of its cards."""
        stored = self.lab.store.meta(key)
        token = Secret(str(stored).encode()) if stored else make_token(self.entropy)
        if stored is None:
            self.lab.store.put_meta(key, token.reveal().decode())
        return token


def access_of(entry: AdminEntry) -> AdminAccess:
    """The lab's own access to an interface it opened."""
    return AdminAccess(entry.url, entry.ca.read_text(), entry.token)


def reachable(host: str) -> str:
    """An address under which this machine reaches a listener on `host`."""
    if ip_address(host).is_unspecified:
        return "::1" if ":" in host else LOOPBACK
    return host
