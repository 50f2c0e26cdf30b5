"""A process that hosts instances: one store, one ingress, one front, few threads for all of them.

The node is what a cluster will lease instances to. It gives each instance a handle on the store, a network and a door
of its own and keeps nothing of theirs for itself. Trust lists, which are public, it reads once for all.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.base.heavy import beside
from tiaas.konnektor.admin.listener import AdminListener
from tiaas.konnektor.admin.loginbrake import LoginBrake
from tiaas.konnektor.admin.plane import open_plane
from tiaas.konnektor.assembly import load_instance
from tiaas.konnektor.cardtls import Handshakes
from tiaas.konnektor.config import Address, InstanceConfig, Profile
from tiaas.konnektor.ingress import AddressTaken, Ingress
from tiaas.konnektor.instance import Instance, Provision
from tiaas.konnektor.listreader import ListReader
from tiaas.konnektor.network import Network
from tiaas.konnektor.nodechecks import NodeChecks
from tiaas.konnektor.program.download import OwnPackage
from tiaas.konnektor.program.update import Audience, ProgramUpdates
from tiaas.konnektor.protocol import FolderMedium
from tiaas.konnektor.sak import SakIdentities
from tiaas.konnektor.sinkshares import NodeShares
from tiaas.konnektor.store import Change, Store, StoreError
from tiaas.terminal.embedded import EmbeddedFront, FrontSettings
from tiaas.terminal.front import HANDSHAKE_MAX

_log = logging.getLogger("tiaas.konnektor.node")

_AGAIN_SECONDS = 10.0
"""After so long an instance that did not restart is started again."""


class InstanceRuns(InvalidInput):
    """An instance of that name runs on this node already."""


@dataclass(frozen=True, slots=True)
class _Down:
    """An instance that was stopped to be started again; `admin` is where it was managed."""

    config: InstanceConfig
    provision: Provision
    admin: Address | None


class Node:
    """Hosts instances. All calls belong to one event loop.

    The store is the caller's; `stop` does not close it. Below `logs` each instance has a folder for its logs; without
    it logs are in memory only. `samples` is what the check of the random generator looks at, and nothing is made of it;
    without it that is `entropy` itself. `free` tells the free octets on the disk with the state; without it nobody
    looks.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        entropy: Entropy,
        front_settings: FrontSettings | None = None,
        logs: Path | None = None,
        samples: Entropy | None = None,
        free: Callable[[], int] | None = None,
    ) -> None:
        self._logs = logs
        self.ingress = Ingress()
        self.login_brake = LoginBrake(clock)
        self._store = store
        self._clock = clock
        self._entropy = entropy
        self._handshakes = Handshakes()
        self._sak = SakIdentities()
        self._lists = ListReader()
        self._shares = NodeShares()
        self._networks: dict[str, Network] = {}
        self._instances: dict[str, Instance] = {}
        self._given: dict[str, tuple[InstanceConfig, Provision]] = {}
        self._planes: dict[str, AdminListener] = {}
        self._restarts: set[asyncio.Task[None]] = set()
        self._not_restarted: dict[str, str] = {}
        self._given_up: dict[str, asyncio.Event] = {}
        self._starting: set[str] = set()
        self.programs: ProgramUpdates | None = None
        """Who replaces the program of this process; None: nobody can."""
        self.checks = NodeChecks(store.check, clock, samples or entropy, free=free)
        self._front = EmbeddedFront(clock, entropy, self._network, self._sak, front_settings)

    @property
    def instances(self) -> Mapping[str, Instance]:
        """The instances that serve, by name."""
        return MappingProxyType(self._instances)

    @property
    def not_restarted(self) -> Mapping[str, str]:
        """Why instances that were to restart are not there, or not managed, by name."""
        return MappingProxyType(self._not_restarted)

    def is_alone(self, name: str) -> bool:
        """See `Host`."""
        return self._instances.keys() == {name} and not self._starting and not self._not_restarted

    async def add(self, config: InstanceConfig, provision: Provision) -> Instance:
        """Takes the instance over (epoch + 1) and starts it; returns when it serves its clients.

        Raises `InstanceRuns` and what `load_instance` and `Instance.start` raise; then nothing of it runs.
        """
        name = config.instance
        if name in self._instances or name in self._starting:
            raise InstanceRuns(f"instance {name} runs on this node already")
        self._starting.add(name)
        try:
            handle = self._store.bind(await self._store.take_over(name))
            instance = await load_instance(
                config,
                provision,
                handle,
                self._front,
                self._handshakes,
                self._lists,
                self._shares,
                self._clock,
                self._entropy,
                None if self._logs is None else FolderMedium.of_instance(self._logs, name),
            )
            # The front bounds a terminal's handshake by CTM_TLS_HS_TIMEOUT.
            self._networks[name] = replace(instance.network, connect_seconds=HANDSHAKE_MAX + 1.0)
            self._sak.put(name, instance.sak)
            if self.programs is not None and config.profile is Profile.EINBOX:
                instance.updates.own_package = OwnPackage(
                    self.programs, Audience(instance.context.hub, config.hostname)
                )
            await self.checks.tell(instance.context.opstate)
            await instance.start(self.ingress)
        except BaseException:
            self._forget(name)
            raise
        finally:
            self._starting.discard(name)
        self._instances[name] = instance
        self._given[name] = config, provision
        self._not_restarted.pop(name, None)
        return instance

    async def manage(self, name: str, address: Address) -> Address:
        """Opens the management interface of an instance and gives the address in use.

        Raises `KeyError` if the instance does not run here, `StoreError`, `AddressTaken`.
        """
        _, provision = self._given[name]
        plane = await open_plane(self._instances[name], address, provision.first_admin, self, self.ingress)
        self._planes[name] = plane
        return plane.address

    async def remove(self, name: str) -> None:
        """Stops an instance; its data stay in the store. Raises `KeyError` if it does not run here."""
        instance = self._instances.pop(name)
        plane = self._planes.pop(name, None)
        # An administrator may wait for somebody at a terminal, too.
        instance.end_dialogues()
        try:
            if plane is not None:
                await plane.close(self.ingress)
            await instance.stop(self.ingress)
        finally:
            self.checks.forget(instance.context.opstate)
            self._forget(name)

    async def erase(self, name: str) -> None:
        """Stops an instance if it runs and wipes it: rows, keys, all its logs. Raises `StoreError`, `OSError`."""
        if name in self._given_up:
            self._given_up[name].set()
        restarts = [task for task in self._restarts if task.get_name() == _restart_of(name)]
        await asyncio.gather(*restarts, return_exceptions=True)
        if name in self._instances:
            await self.remove(name)
        self._given.pop(name, None)
        self._not_restarted.pop(name, None)
        await self._store.forget(await self._store.take_over(name))
        if self._logs is not None:
            await beside(0, FolderMedium.of_instance(self._logs, name).erase)

    async def rewrite(self, name: str, changes: Sequence[Change]) -> None:
        """See `Host`: takes the instance over, so that what it has in memory cannot come over the new rows.

        Makes all changes or none. Raises `StoreError`; also then the instance must be restarted.
        """
        await self._store.bind(await self._store.take_over(name)).apply(changes)

    def admin_address(self, name: str) -> Address | None:
        """Where an instance that serves is managed, None if nowhere."""
        plane = self._planes.get(name)
        return None if plane is None else plane.address

    async def restart(self, name: str) -> Instance:
        """Stops an instance and starts it again on the same addresses, from what the store holds now.

        Raises `KeyError` if it does not run here, and what `add` raises; then it stays stopped.
        """
        return await self._put_up(await self._taken_down(name))

    async def _taken_down(self, name: str) -> _Down:
        instance = self._instances[name]
        config, provision = self._given[name]
        reception, admin = instance.reception, self.admin_address(name)
        config = replace(config, address=reception.address, plain=reception.plain)
        try:
            await self.remove(name)
        except TiaasError as error:
            # Also one that has lost its rows meanwhile (`rewrite`) comes back.
            _log.warning("instance not stopped cleanly", extra={"instance": name, "kind": type(error).__name__})
        return _Down(config, provision, admin)

    async def _put_up(self, down: _Down) -> Instance:
        name = down.config.instance
        instance = self._instances.get(name) or await self.add(down.config, down.provision)
        if down.admin is not None and name not in self._planes:
            await self.manage(name, down.admin)
        return instance

    def restart_soon(self, name: str) -> None:
        """See `Host`: in a task of its own, because the answer to who asked for it is still under way."""
        task = asyncio.get_running_loop().create_task(self._restart_quietly(name), name=_restart_of(name))
        self._restarts.add(task)
        task.add_done_callback(self._restarts.discard)

    async def _restart_quietly(self, name: str) -> None:
        """What is in the way, a full disk or a port that is taken, may go: it is tried until the instance is there."""
        if name not in self._instances:
            return  # It is on its way already.
        given_up = self._given_up[name] = asyncio.Event()
        try:
            down = await self._taken_down(name)
            while not await self._is_up(down) and not given_up.is_set():
                with suppress(TimeoutError):
                    await asyncio.wait_for(given_up.wait(), _AGAIN_SECONDS)
        finally:
            del self._given_up[name]

    async def _is_up(self, down: _Down) -> bool:
        name = down.config.instance
        try:
            await self._put_up(down)
        except Exception as error:  # noqa: BLE001 - there is nobody above to tell
            reason = str(error) if isinstance(error, AddressTaken | StoreError) else type(error).__name__
            if self._not_restarted.get(name) != reason:
                _log.error("instance not restarted", extra={"instance": name, "reason": reason})
            self._not_restarted[name] = reason
            return False
        self._not_restarted.pop(name, None)
        return True

    async def stop(self) -> None:
        """Stops all instances, then the ingress and the front."""
        for task in tuple(self._restarts):
            task.cancel()
        await asyncio.gather(*self._restarts, return_exceptions=True)
        await asyncio.gather(*(self._stop_quietly(name) for name in tuple(self._instances)))
        await self.checks.stop()
        await self.ingress.stop()
        await self._front.close()
        self._handshakes.close()

    async def _stop_quietly(self, name: str) -> None:
        try:
            await self.remove(name)
        except Exception as error:  # noqa: BLE001 - one that fails must not keep the others running
            _log.error("instance not stopped cleanly", extra={"instance": name, "kind": type(error).__name__})

    def _network(self, instance: str) -> Network:
        return self._networks[instance]

    def _forget(self, name: str) -> None:
        self._networks.pop(name, None)
        self._sak.remove(name)


def _restart_of(name: str) -> str:
    return f"restart {name}"
