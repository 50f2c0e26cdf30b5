"""The instances that were made through the base plane: made, deleted and finished after a crash (TIP1-A_4820-02).

Rows of the node's own name in the store: `instance`/NAME says what becomes of it, `base-log`/NUMBER what was done. The
row is written before anything is done and again after it, so the next start knows what to finish: an instance that was
being made and that nobody has a token for is deleted, one that was being deleted is deleted.
"""

import logging
from base64 import b64decode, b64encode
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import TiaasError
from tiaas.base.secret import Secret
from tiaas.interfaces.management.base import InstanceLife, NewInstance
from tiaas.konnektor.admin.problems import conflict
from tiaas.konnektor.admin.sealed import BadSealedConfig, seal, unseal
from tiaas.konnektor.admin.users import FirstAdmin, make_token
from tiaas.konnektor.config import Address, InstanceConfig
from tiaas.konnektor.fachmodulpackages import PACKAGE_KINDS
from tiaas.konnektor.instance import Instance, Provision
from tiaas.konnektor.node import Node
from tiaas.konnektor.store import Delete, InstanceStore, Put, Store, StoreError
from tiaas.konnektor.terminalfirmware import FIRMWARE_KIND

_log = logging.getLogger("tiaas.konnektor.base")

OWNER = "@base"
"""The node's own name in the store; no instance can have it (`InstanceName`)."""
LOG_MAX = 10_000
_INSTANCE, _ENTRY, _KEY = "instance", "base-log", "backup-key"
_NOT_SAVED = frozenset({"trust", "protocol", FIRMWARE_KIND, *PACKAGE_KINDS})

Outfit = Callable[[NewInstance, FirstAdmin, bool], Awaitable[tuple[InstanceConfig, Provision]]]
"""Makes configuration and provision of an instance, a new one or one that was here before."""


@dataclass(frozen=True, slots=True)
class Record:
    """An instance of the book. `ordered_by` ordered its deletion."""

    wish: NewInstance
    life: InstanceLife
    first: FirstAdmin
    ordered_by: str | None = None


@dataclass(frozen=True, slots=True)
class LogEntry:
    """An entry of the base log."""

    at: datetime
    user: str
    action: str
    value: str


class InstanceBook:
    """Build it with `load`, then `finish` once. `two_persons`: who ordered a deletion does not execute it (A_23159)."""

    def __init__(
        self,
        node: Node,
        store: Store,
        own: InstanceStore,
        outfit: Outfit,
        clock: Clock,
        entropy: Entropy,
        *,
        two_persons: bool,
    ) -> None:
        self._node = node
        self._store = store
        self._own = own
        self._outfit = outfit
        self._clock = clock
        self._entropy = entropy
        self._two_persons = two_persons
        self.records: dict[str, Record] = {}
        self.log: list[LogEntry] = []
        self._next_entry = 0
        self._busy: set[str] = set()

    @classmethod
    async def load(
        cls,
        node: Node,
        store: Store,
        own: InstanceStore,
        outfit: Outfit,
        clock: Clock,
        entropy: Entropy,
        *,
        two_persons: bool = True,
    ) -> "InstanceBook":
        """Reads the book; `own` is bound to `OWNER`. Raises `StoreError`."""
        self = cls(node, store, own, outfit, clock, entropy, two_persons=two_persons)
        try:
            self.records = {name: _record(row) for name, row in (await own.list(_INSTANCE)).items()}
            entries = await own.list(_ENTRY)
            self.log = [_entry(row) for row in entries.values()]
        except (KeyError, ValueError, TypeError):
            raise StoreError("the book of instances is damaged") from None
        self._next_entry = 1 + max(map(int, entries), default=-1)
        return self

    async def finish(self) -> None:
        """Ends what a crash left half done, then starts the instances. One that does not start is told in the log."""
        for name, record in tuple(self.records.items()):
            if record.life in (InstanceLife.CREATING, InstanceLife.DELETING):
                user = record.ordered_by or ""
                await self._wipe(name)
                await self.note(user, "deletion finished after a restart", name)
                continue
            try:
                await self._start(record)
            except TiaasError as error:
                _log.error("instance not started", extra={"instance": name, "kind": type(error).__name__})

    async def create(self, wish: NewInstance, user: str) -> tuple[Instance, Secret]:
        """A new instance that serves, and its first administrator's token. Raises `Problem`, `AddressTaken`, …"""
        name = wish.name
        if name in self.records or name in self._node.instances or name in self._busy:
            raise conflict("there is an instance of that name", "take another name")
        token = make_token(self._entropy)
        record = Record(wish, InstanceLife.CREATING, FirstAdmin.of(wish.administrator, token))
        self._busy.add(name)
        try:
            await self._require_unknown(name)
        except BaseException:
            self._busy.discard(name)
            raise
        try:
            await self._put(record)
            instance = await self._start(record)
            await self._put(replace(record, life=InstanceLife.SERVING))
        except BaseException:
            await self._wipe(name)
            raise
        finally:
            self._busy.discard(name)
        await self.note(user, "instance created", name)
        return instance, token

    async def order_deletion(self, name: str, user: str) -> None:
        """The first of two steps. Raises `KeyError`, `Problem`."""
        self._require_idle(name)
        await self._put(replace(self.records[name], life=InstanceLife.DELETION_ORDERED, ordered_by=user))
        await self.note(user, "deletion ordered", name)

    async def withdraw_deletion(self, name: str, user: str) -> None:
        """Takes the order back. Raises `KeyError`, `Problem`."""
        self._require_idle(name)
        await self._put(replace(self.records[name], life=InstanceLife.SERVING, ordered_by=None))
        await self.note(user, "deletion withdrawn", name)

    async def delete(self, name: str, user: str) -> None:
        """Wipes an instance whose deletion was ordered: rows, keys, all logs. Raises `KeyError`, `Problem`."""
        record = self.records[name]
        if record.life is not InstanceLife.DELETION_ORDERED:
            raise conflict("its deletion was not ordered", "order it first")
        if self._two_persons and record.ordered_by == user:
            raise conflict("who ordered a deletion does not execute it", "ask another Basis-Administrator")
        self._require_idle(name)
        self._busy.add(name)
        try:
            await self._put(replace(record, life=InstanceLife.DELETING))
            await self._wipe(name)
        finally:
            self._busy.discard(name)
        await self.note(user, "instance deleted with all its data and logs", name)

    async def back_up(self, name: str, user: str) -> bytes:
        """The instance's rows, sealed with a key of the node: a Basis-Administrator cannot look into it. `KeyError`."""
        instance = self._node.instances[name]
        rows = {
            kind: held for kind, held in (await instance.context.store.everything()).items() if kind not in _NOT_SAVED
        }
        key = await self._backup_key()
        file = await seal(rows, name, self._clock.now(), instance.identity.ca, key, self._entropy)
        await self.note(user, "instance backed up", name)
        return file

    async def restore(self, name: str, file: bytes, user: str) -> datetime:
        """Puts an instance back to a backup of it, in one transaction, and restarts it; from when it is.

        One of the book may also be one that does not start any more. Raises `BadSealedConfig`, `Problem`.
        """
        sealed = await unseal(file, await self._backup_key())
        if sealed.instance != name:
            raise BadSealedConfig("this is the backup of another instance")
        self._require_idle(name)
        if name not in self._node.instances and name not in self.records:
            raise conflict("the instance does not run", "start the node anew, or see its log")
        self._busy.add(name)
        try:
            held = await self._store.bind(await self._store.take_over(name)).everything()
            gone = [Delete(kind, key) for kind, rows in held.items() if kind not in _NOT_SAVED for key in rows]
            back = [Put(kind, key, body) for kind, rows in sealed.rows.items() for key, body in rows.items()]
            try:
                await self._node.rewrite(name, [*gone, *back])
                await self.note(user, "instance restored", name)
            finally:
                if name in self._node.instances:
                    await self._node.restart(name)
                else:
                    await self._start(self.records[name])
        finally:
            self._busy.discard(name)
        return sealed.exported

    def _require_idle(self, name: str) -> None:
        if name in self._busy:
            raise conflict("the instance is being made, restored or deleted", "wait for it")

    async def _require_unknown(self, name: str) -> None:
        """One that is being restarted, or that did not start, does not run; what is in the store is its all the same.

        To be asked before anything is written: what is made in vain is wiped.
        """
        if name in await self._store.instances():
            raise conflict("there are data of an instance of that name", "take another name")

    async def note(self, user: str, action: str, value: str) -> None:
        """Writes the base log; the oldest entry goes when it is full."""
        entry = LogEntry(self._clock.now(), user, action, value)
        row = {"at": entry.at.isoformat(), "user": user, "action": action, "value": value}
        # Taken before the first wait: two entries at once must not get the same.
        number, self._next_entry = self._next_entry, self._next_entry + 1
        await self._own.put(_ENTRY, f"{number:012}", row)
        self.log.append(entry)
        if len(self.log) > LOG_MAX:
            del self.log[0]
            await self._own.delete(_ENTRY, f"{number - LOG_MAX:012}")

    async def _start(self, record: Record) -> Instance:
        wish = record.wish
        is_new = record.life is InstanceLife.CREATING
        config, provision = await self._outfit(wish, record.first, is_new)
        instance = await self._node.add(config, provision)
        await self._node.manage(wish.name, Address(wish.listen, wish.admin_port))
        return instance

    async def _put(self, record: Record) -> None:
        await self._own.put(_INSTANCE, record.wish.name, _row(record))
        self.records[record.wish.name] = record

    async def _wipe(self, name: str) -> None:
        await self._node.erase(name)
        await self._own.delete(_INSTANCE, name)
        self.records.pop(name, None)

    async def _backup_key(self) -> Secret:
        row = await self._own.get(_KEY, "current")
        if row is None:
            row = {"key": self._entropy.octets(32).hex()}
            await self._own.put(_KEY, "current", row)
        return Secret(str(row["key"]).encode())


def _row(record: Record) -> dict[str, Any]:
    wish = record.wish
    return {
        "life": record.life.value,
        "listen": wish.listen,
        "port": wish.port,
        "admin_port": wish.admin_port,
        "hosts": list(wish.hosts),
        "name": wish.name,
        "first": {
            "user": record.first.user,
            "token_id": record.first.token_id,
            "digest": b64encode(record.first.digest).decode(),
        },
        "ordered_by": record.ordered_by,
    }


def _record(row: Mapping[str, Any]) -> Record:
    first = FirstAdmin(row["first"]["user"], row["first"]["token_id"], b64decode(row["first"]["digest"]))
    wish = NewInstance(row["name"], row["listen"], row["port"], row["admin_port"], tuple(row["hosts"]), first.user)
    return Record(wish, InstanceLife(row["life"]), first, row["ordered_by"])


def _entry(row: Mapping[str, Any]) -> LogEntry:
    return LogEntry(datetime.fromisoformat(row["at"]), row["user"], row["action"], row["value"])
