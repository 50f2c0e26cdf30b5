"""The base plane: instances are made, listed, saved and deleted; nothing inside them shows (TIP1-A_4820-02)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.interfaces.management.accounts import SecurityNews
from tiaas.interfaces.management.base import (
    BACKUP_OCTETS,
    Backup,
    BaseLog,
    BaseLogEntry,
    DeletionConfirmed,
    HostedInstance,
    HostedInstances,
    InstanceLife,
    InstanceMade,
    NewInstance,
    Restored,
)
from tiaas.interfaces.management.roles import Role
from tiaas.konnektor.admin.accounts import account_routes
from tiaas.konnektor.admin.instancebook import OWNER, InstanceBook, Outfit
from tiaas.konnektor.admin.listener import AdminListener
from tiaas.konnektor.admin.loginfailures import LoginFailures
from tiaas.konnektor.admin.openapi import openapi_route
from tiaas.konnektor.admin.problems import conflict, not_found
from tiaas.konnektor.admin.program import BASE_PROGRAM_ROUTES
from tiaas.konnektor.admin.roles import BASIS_ONLY
from tiaas.konnektor.admin.routes import Call, Route, delete, get, post
from tiaas.konnektor.admin.users import Administrators, FirstAdmin
from tiaas.konnektor.config import Address
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.ingress import AddressTaken
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.node import Node
from tiaas.konnektor.store import Store


class BasePlane:
    """What handlers find as `call.plane`. Build it with `load`, then `open`."""

    def __init__(self, node: Node, book: InstanceBook, users: Administrators, identity: Identity, clock: Clock) -> None:
        self.node = node
        self.book = book
        self.users = users
        self.identity = identity
        self.clock = clock
        self.login_brake = node.login_brake
        self.failures = LoginFailures(clock)

    @classmethod
    async def load(
        cls,
        node: Node,
        store: Store,
        outfit: Outfit,
        first: FirstAdmin,
        hosts: tuple[str, ...],
        clock: Clock,
        entropy: Entropy,
        *,
        two_persons: bool = True,
    ) -> "BasePlane":
        """Reads accounts, identity and book of the node and finishes what a crash left. Raises `StoreError`."""
        own = store.bind(await store.take_over(OWNER))
        identity = await Identity.load(own, hosts, KeyKind.P256, clock, entropy)
        users = await Administrators.load(own, clock, entropy, Role.BASIS, first)
        book = await InstanceBook.load(node, store, own, outfit, clock, entropy, two_persons=two_persons)
        await book.finish()
        return cls(node, book, users, identity, clock)

    async def open(self, address: Address) -> AdminListener:
        """Serves the plane. Raises `AddressTaken`."""
        listener = AdminListener("base management", address, self, lambda: self.identity.server)
        await listener.open(self.node.ingress)
        return listener

    @property
    def routes(self) -> Sequence[Route]:
        """The table."""
        return BASE_ROUTES

    async def record(self, user: str, reference: str, value: str) -> None:
        """See `app.Plane`."""
        await self.book.note(user, reference, value)

    async def login_failed(self, user: str, peer: str, *, locked: bool) -> None:
        """Tells the base log."""
        count = self.failures.count(peer, locked=locked)
        if count is not None:
            times = f", {count} times" if count > 1 else ""
            await self.book.note(user, "login failed", f"{'locked' if locked else 'refused'}, from {peer}{times}")

    async def security_news(self, since: datetime | None) -> SecurityNews | None:
        """The node has no security log of its own."""
        return None


async def _list(call: Call) -> HostedInstances:
    book, node = _plane(call).book, _plane(call).node
    names = sorted({*book.records, *node.instances, *node.not_restarted})
    return HostedInstances(tuple(_shown(_plane(call), name) for name in names))


def _shown(plane: BasePlane, name: str) -> HostedInstance:
    record, instance = plane.book.records.get(name), plane.node.instances.get(name)
    running = InstanceLife.STOPPED if instance is None else InstanceLife.SERVING
    life = running if record is None or record.life is InstanceLife.SERVING else record.life
    admin = plane.node.admin_address(name)
    return HostedInstance(
        name,
        life,
        None if instance is None else instance.url,
        None if admin is None or instance is None else f"https://{replace(admin, host=instance.reception.host)}",
        record is None,
        None if record is None else record.ordered_by,
        plane.node.not_restarted.get(name),
    )


async def _one(call: Call) -> HostedInstance:
    return _shown(_plane(call), _known(call))


async def _create(call: Call) -> InstanceMade:
    wish, plane = call.body(NewInstance), _plane(call)
    try:
        instance, token = await plane.book.create(wish, call.caller.user)
    except AddressTaken as error:
        raise conflict(f"the address cannot be had: {error}", "take another address or port") from None
    shown = _shown(plane, wish.name)
    return InstanceMade(
        wish.name,
        instance.url,
        shown.admin_url or "",
        instance.identity.ca_pem().decode(),
        wish.administrator,
        token,
    )


async def _order(call: Call) -> None:
    await _plane(call).book.order_deletion(_own(call), call.caller.user)


async def _withdraw(call: Call) -> None:
    await _plane(call).book.withdraw_deletion(_own(call), call.caller.user)


async def _delete(call: Call) -> None:
    name = _own(call)
    if call.body(DeletionConfirmed).name != name:
        raise conflict("the confirmation is not the instance's name", "send the name of the instance to be deleted")
    await _plane(call).book.delete(name, call.caller.user)


async def _back_up(call: Call) -> Backup:
    return Backup(await _plane(call).book.back_up(_running(call), call.caller.user))


async def _restore(call: Call) -> Restored:
    name = _known(call)
    saved = await _plane(call).book.restore(name, call.body(Backup).file, call.caller.user)
    return Restored(name, saved)


async def _log(call: Call) -> BaseLog:
    entries = _plane(call).book.log
    return BaseLog(tuple(BaseLogEntry(each.at, each.user, each.action, each.value) for each in entries))


_ONE = "/instances/{name}"

BASE_ROUTES: tuple[Route, ...] = (
    openapi_route("tiaas: management of a node", lambda: BASE_ROUTES),
    *account_routes(BASIS_ONLY, BASIS_ONLY),
    get("/instances", BASIS_ONLY, "All instances of the node", _list, HostedInstances),
    post(
        "/instances",
        BASIS_ONLY,
        "Makes an instance; its administrator's token is shown this once",
        _create,
        request=NewInstance,
        response=InstanceMade,
        status=HTTPStatus.CREATED,
        changes=False,
    ),
    get(_ONE, BASIS_ONLY, "One instance", _one, HostedInstance),
    post(f"{_ONE}/deletion", BASIS_ONLY, "Orders its deletion", _order, changes=False),
    delete(f"{_ONE}/deletion", BASIS_ONLY, "Takes the order back", _withdraw, changes=False),
    post(
        f"{_ONE}/deletion/execute",
        BASIS_ONLY,
        "Deletes the instance with all its data and logs",
        _delete,
        request=DeletionConfirmed,
        changes=False,
    ),
    post(
        f"{_ONE}/backup",
        BASIS_ONLY,
        "Saves the instance as a file that only this node opens",
        _back_up,
        response=Backup,
        changes=False,
    ),
    post(
        f"{_ONE}/restore",
        BASIS_ONLY,
        "Puts the instance back to a backup of it",
        _restore,
        request=Backup,
        response=Restored,
        changes=False,
        body_octets=BACKUP_OCTETS * 3 // 2,
    ),
    *BASE_PROGRAM_ROUTES,
    get("/log", BASIS_ONLY, "What was done on this plane", _log, BaseLog),
)


def _known(call: Call) -> str:
    name = call.path["name"]
    if name not in _plane(call).book.records and name not in _plane(call).node.instances:
        raise not_found("such instance")
    return name


def _own(call: Call) -> str:
    """The name of an instance that was made here."""
    name = _known(call)
    if name not in _plane(call).book.records:
        raise conflict("the instance belongs to the node's start configuration", "take it out of that configuration")
    return name


def _running(call: Call) -> str:
    name = _known(call)
    if name not in _plane(call).node.instances:
        raise conflict("the instance does not run", "start the node anew, or see its log")
    return name


def _plane(call: Call) -> BasePlane:
    plane: BasePlane = call.plane
    return plane
