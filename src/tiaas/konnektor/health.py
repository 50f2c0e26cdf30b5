"""What an instance watches of itself besides trust lists and terminals: time, certificates, misuse."""

from dataclasses import dataclass

from tiaas.konnektor.calllog import CallLog
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.misuse import MisuseWatch
from tiaas.konnektor.network import Network
from tiaas.konnektor.selfchecks import SelfChecks
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.timesource import TimeSource


@dataclass(frozen=True, slots=True)
class Health:
    """The watchers of one instance; `misuse` hears of calls, the others run between `start` and `stop`."""

    time: TimeSource
    checks: SelfChecks
    misuse: MisuseWatch

    async def start(self) -> None:
        """All of it is determined when this returns. Raises `StoreError`."""
        await self.time.start()
        self.checks.start()

    async def stop(self) -> None:
        """Watches no more."""
        await self.time.stop()
        await self.checks.stop()


def build_health(context: ServiceContext, identity: Identity, network: Network, ti: TiAccess, calls: CallLog) -> Health:
    """The watchers for an instance; only one that is online asks for the time."""
    return Health(
        TimeSource(
            ti.ntp if ti.online else (),
            network,
            context.store,
            context.hub,
            context.opstate,
            context.protocol,
            context.clock,
            context.entropy,
        ),
        SelfChecks(context.opstate, context.terminals, context.hub, context.clock, lambda: identity.server.certificate),
        MisuseWatch(context.opstate, context.clock, calls),
    )
