"""An instance with its management interface, and clients of it in every role."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from tests.integration.konnektor_front.houses import ENTROPY
from tiaas.base.clock import ManualClock, SystemClock
from tiaas.base.secret import Secret
from tiaas.client.admin import Admin, AdminAccess, connect_admin
from tiaas.interfaces.management.accounts import IssuedToken, NewAdministrator, NewToken
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.users import FirstAdmin, make_token
from tiaas.konnektor.config import Address, BoxAccess, InstanceConfig, Profile, TiAccess
from tiaas.konnektor.events import Event
from tiaas.konnektor.instance import Instance, Provision
from tiaas.konnektor.issuing import create_ca, issue_server
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.node import Node
from tiaas.konnektor.sqlite_store import SqliteStore
from tiaas.konnektor.trust import TrustSpace

PASSWORD = Secret(b"Correct-Horse-7")


@dataclass(slots=True)
class Desk:
    """`events` are those of the instance, `tokens` by role."""

    node: Node
    instance: Instance
    clock: ManualClock
    tokens: dict[Role | None, Secret | None] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)

    def access(self, role: Role | None = Role.SUPER, *, token: Secret | None = None) -> AdminAccess:
        """As `role`, or with a token, or as nobody."""
        address = self.node.admin_address(self.instance.name)
        assert address is not None
        return AdminAccess(f"https://{address}", self.instance.identity.ca_pem().decode(), token or self.tokens[role])

    def changes(self) -> list[dict[str, str]]:
        """The parameters of MGM/ADMINCHANGES so far."""
        return [dict(event.parameters) for event in self.events if event.topic == "MGM/ADMINCHANGES"]

    async def restarted(self, before: Instance) -> None:
        """Waits for the instance that follows `before`, with its management."""
        async with asyncio.timeout(60):
            while self.node.instances.get("a") in (None, before) or self.node.admin_address("a") is None:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        self.instance = self.node.instances["a"]
        self.instance.context.hub.subscribe(self.events.append)


BOX_ICCSN = "80276883110000141777"


def first_provision(token: Secret, anchor: bytes | None = None, device: KeyKind | None = None) -> Provision:
    """An instance's delivery state: a trust space without anchors, or that of a TSL, and a first administrator.

    With `device` it is that of a box: C.NK.VPN, and ID.SAK.AUT, with such a key.
    """
    ca = create_ca("test", SystemClock().now(), ENTROPY)
    sak = issue_server(ca, device or KeyKind.BRAINPOOL_P256, ("sak",), SystemClock().now(), ENTROPY)
    vpn = None
    if device is not None:
        made = issue_server(ca, device, (f"{BOX_ICCSN}-20260101",), SystemClock().now(), ENTROPY)
        vpn = made.certificate.public_bytes(Encoding.DER)
    return Provision(TrustSpace((), (), ()), sak, anchor, first_admin=FirstAdmin.of("first", token), device=vpn)


@asynccontextmanager
async def open_desk(
    folder: Path,
    ti: TiAccess | None = None,
    anchor: bytes | None = None,
    profile: Profile = Profile.HSK,
    box: BoxAccess | None = None,
    device: KeyKind | None = None,
) -> AsyncIterator[Desk]:
    """A node with one instance `a` that is managed on a port of the system's choice."""
    clock = ManualClock(SystemClock().now())
    store = await SqliteStore.open(folder / "node.sqlite")
    node = Node(store, clock, ENTROPY)
    try:
        token = make_token(ENTROPY)
        address = Address("127.0.0.1", 0)
        config = InstanceConfig(
            "a", address, hosts=("127.0.0.1",), profile=profile, ti=ti or TiAccess(), box=box or BoxAccess()
        )
        instance = await node.add(config, first_provision(token, anchor, device))
        await node.manage("a", address)
        desk = Desk(node, instance, clock, {None: None, Role.SUPER: token})
        async with connect_admin(desk.access()) as admin:
            for role, user in ((Role.LOKAL, "lokal"), (Role.REMOTE, "remote")):
                desk.tokens[role] = await make_user(admin, user, role)
        instance.context.hub.subscribe(desk.events.append)
        yield desk
    finally:
        await node.stop()
        await store.close()


async def make_user(admin: Admin, user: str, role: Role, *, may_reset: bool = False) -> Secret:
    """An administrator with a token, which is returned."""
    await admin.change("POST", "/administrators", NewAdministrator(user, PASSWORD, role, may_reset))
    issued = await admin.change("POST", f"/administrators/{user}/tokens", NewToken("test"), IssuedToken)
    return issued.token
