"""The management of one instance: its administrators, its table, its log, its listener."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from tiaas.base.clock import Clock
from tiaas.interfaces.management.accounts import SecurityNews
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.audit import admin_changed, login_failed
from tiaas.konnektor.admin.listener import AdminListener
from tiaas.konnektor.admin.loginbrake import LoginBrake
from tiaas.konnektor.admin.loginfailures import LoginFailures
from tiaas.konnektor.admin.logs import security_news
from tiaas.konnektor.admin.routes import Route
from tiaas.konnektor.admin.table import INSTANCE_ROUTES
from tiaas.konnektor.admin.users import Administrators, FirstAdmin
from tiaas.konnektor.config import Address
from tiaas.konnektor.ingress import Ingress
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.program.update import ProgramUpdates
from tiaas.konnektor.store import Change


class Host(Protocol):
    """The node, as far as the management of an instance may use it."""

    async def rewrite(self, name: str, changes: Sequence[Change]) -> None:
        """Changes rows under a running instance, which can write nothing from then on; restart it next."""
        ...

    @property
    def programs(self) -> ProgramUpdates | None:
        """Who replaces the program of the node; None: nobody can."""
        ...

    def is_alone(self, name: str) -> bool:
        """Whether the program of the node serves no other instance."""
        ...

    @property
    def login_brake(self) -> LoginBrake:
        """Who may try passwords at the planes of this node."""
        ...

    def restart_soon(self, name: str) -> None:
        """Restarts the instance once the answer under way is out."""
        ...


class InstancePlane:
    """What handlers find as `call.plane`. Build it with `load`."""

    def __init__(self, instance: Instance, users: Administrators, host: Host) -> None:
        self.instance = instance
        self.users = users
        self.host = host
        self.login_brake = host.login_brake
        self.failures = LoginFailures(self.clock)

    @classmethod
    async def load(cls, instance: Instance, first: FirstAdmin | None, host: Host) -> "InstancePlane":
        """Raises `StoreError`."""
        context = instance.context
        users = await Administrators.load(context.store, context.clock, context.entropy, Role.SUPER, first)
        return cls(instance, users, host)

    @property
    def routes(self) -> Sequence[Route]:
        """The table."""
        return INSTANCE_ROUTES

    @property
    def clock(self) -> Clock:
        """The instance's clock."""
        return self.instance.context.clock

    async def record(self, user: str, reference: str, value: str) -> None:
        """See `app.Plane`."""
        admin_changed(self.instance.context.hub, user, reference, value)

    async def login_failed(self, user: str, peer: str, *, locked: bool) -> None:
        """Tells the security log."""
        count = self.failures.count(peer, locked=locked)
        if count is not None:
            login_failed(self.instance.context.hub, user, peer, count, locked=locked)

    async def security_news(self, since: datetime | None) -> SecurityNews | None:
        """What an administrator is told after login."""
        return await security_news(self.instance.context.protocol, since)


async def open_plane(
    instance: Instance, address: Address, first: FirstAdmin | None, host: Host, ingress: Ingress
) -> AdminListener:
    """Serves the management of an instance at `address`. Raises `StoreError`, `AddressTaken`."""
    plane = await InstancePlane.load(instance, first, host)
    listener = AdminListener(f"{instance.name} management", address, plane, lambda: instance.identity.server)
    await listener.open(ingress)
    return listener
