"""What an instance watches besides trust lists and terminals: time, certificates, misuse, and what a box has."""

from collections.abc import Callable

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.signature_service_v7_5 import SignDocument
from tiaas.konnektor.box import Box
from tiaas.konnektor.boxadapters import BoxAdapters
from tiaas.konnektor.boxnetwork import BoxNetwork
from tiaas.konnektor.calllog import CallLog
from tiaas.konnektor.cardtypes import HBAX
from tiaas.konnektor.config import InstanceConfig, Profile
from tiaas.konnektor.crlkeeper import CrlKeeper
from tiaas.konnektor.cryptolog import CryptoLog
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.misuse import MisuseWatch
from tiaas.konnektor.network import Network
from tiaas.konnektor.packetfilter import PacketFilter
from tiaas.konnektor.selfchecks import SelfChecks
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.timesource import TimeSource
from tiaas.konnektor.web import WebClient
from tiaas.pki.certificate import decode_certificate_untrusted


@dataclass(frozen=True, slots=True)
class Health:
    """The watchers of one instance; `misuse` hears of calls, the others run between `start` and `stop`."""

    time: TimeSource
    checks: SelfChecks
    misuse: MisuseWatch
    box: Box | None = None

    async def start(self) -> None:
        """All of it is determined when this returns. Raises `StoreError`."""
        await self.time.start()
        self.checks.start()
        if self.box is not None:
            await self.box.start()

    async def stop(self) -> None:
        """Watches no more."""
        await self.time.stop()
        await self.checks.stop()
        if self.box is not None:
            await self.box.stop()


def build_health(
    context: ServiceContext,
    identity: Identity,
    network: Network,
    config: InstanceConfig,
    calls: CallLog,
    device: bytes | None = None,
    packet_filter: PacketFilter | None = None,
) -> Health:
    """The watchers for an instance; only one that is online asks for the time. A box has its C.NK.VPN as `device`, and
    perhaps a `packet_filter`.

    Raises `BadCertificate`.
    """
    ti = config.ti
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
            may_ask=lambda: not context.online_mode.is_blocked,
        ),
        SelfChecks(context.opstate, context.terminals, context.hub, context.clock, lambda: identity.server.certificate),
        MisuseWatch(context.opstate, context.clock, _crypto_log(context, calls), is_counted=_is_counted(context)),
        _box(context, network, config, device, packet_filter) if config.profile is Profile.EINBOX else None,
    )


def _crypto_log(context: ServiceContext, calls: CallLog) -> CryptoLog:
    return CryptoLog(context.hub, context.cards, lambda: context.protocol.settings.crypto_operations, calls)


def _is_counted(context: ServiceContext) -> Callable[[object], bool]:
    """TAB_KON_584 counts SignDocument only where it makes nonQES: with any card but an HBAx."""

    def check(request: object) -> bool:
        if not isinstance(request, SignDocument):
            return True
        card = context.cards.find(request.card_handle)
        return card is None or card.card_type not in HBAX

    return check


def _box(
    context: ServiceContext,
    network: Network,
    config: InstanceConfig,
    device: bytes | None,
    packet_filter: PacketFilter | None,
) -> Box:
    certificate = None if device is None else decode_certificate_untrusted(device)
    crl = CrlKeeper(
        config.box.crl_url,
        context.online_mode,
        WebClient(network),
        lambda: context.trust.space,
        context.store,
        context.hub,
        context.opstate,
        context.protocol,
        context.clock,
    )
    context.trust.after_tsl(crl.follow)
    adapters = _adapters(context, config)
    lines = BoxNetwork(
        config.box,
        context.online_mode,
        crl,
        network,
        context.store,
        context.opstate,
        context.hub,
        context.protocol,
        context.clock,
        lacks_address=(lambda: False) if adapters is None else adapters.lacks_address,
    )
    return Box(lines, crl, certificate, packet_filter, adapters, context.opstate, context.protocol, context.clock)


def _adapters(context: ServiceContext, config: InstanceConfig) -> BoxAdapters | None:
    if config.box.adapters is None:
        return None
    return BoxAdapters(
        config.box.adapters,
        config.environment,
        context.online_mode,
        context.store,
        context.hub,
        context.protocol,
        context.clock,
        context.entropy,
    )
