"""One vInstanz: its object graph, its start and its stop (gemSpec_Kon V5.18 boot-up; TIP1-A_4820-02 for the HSK).

Everything an instance has hangs on this object; nothing of it is reachable from another instance or from a module.

Start: identity, users, information model from the store; terminals (connections, pairing, cards); then, when the
transient part of the model tells the truth, the clients' door. Stop: the door first, calls under way finish, then
terminals. After a takeover by another node all writes and all terminal commands of this object fail.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.konnektor.admin.users import FirstAdmin
from tiaas.konnektor.autoupdate import AutoUpdate
from tiaas.konnektor.basic import BasicUsers
from tiaas.konnektor.bestandsnetze.keeper import build_bestandsnetze
from tiaas.konnektor.box import Box, device_iccsn
from tiaas.konnektor.calllog import CallLog
from tiaas.konnektor.cardcertificates import facts_of
from tiaas.konnektor.cardstatus import CardStatuses
from tiaas.konnektor.config import InstanceConfig, SignatureSettings
from tiaas.konnektor.eventfeed import EventFeed
from tiaas.konnektor.expiry import CertificateWatch, DeviceDates
from tiaas.konnektor.fachmodulpackages import build_fachmodul_packages
from tiaas.konnektor.health import Health
from tiaas.konnektor.hsm.hsms import Hsms
from tiaas.konnektor.identity import Identity, IssuedClient
from tiaas.konnektor.infomodel import AuthFeature, AuthKind, Constraint, ConstraintViolated, InfoModel, Kind
from tiaas.konnektor.ingress import Ingress
from tiaas.konnektor.issuing import KeyPair
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.ldapproxy import LdapProxy
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.names import Names
from tiaas.konnektor.network import Network
from tiaas.konnektor.packetfilter import PacketFilter
from tiaas.konnektor.reception import Reception
from tiaas.konnektor.recorder import Recorder
from tiaas.konnektor.registration.keeper import Registration
from tiaas.konnektor.sakcvc import SakCvc
from tiaas.konnektor.sds import product_information
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.sinkchecks import SinkCheck, SinkChecks
from tiaas.konnektor.terminaladmin import build_terminal_admin
from tiaas.konnektor.terminallist import Correlation
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.updates import build_updates

_log = logging.getLogger("tiaas.konnektor.instance")


@dataclass(frozen=True, slots=True)
class Provision:
    """What an instance is given from outside: its trust space, and its ID.SAK.AUT when it gets a new one.

    Likewise `sak_cvc`, its ID.SAK.AUTD_CVC; an instance that has none makes no stack and no comfort signatures.

    With a TSL (`TiAccess.tsl_url`) only the CVC roots of `trust` count, and `tsl_anchor` is the certificate (DER) of
    the TSL-Signer-CA that the instance trusts before any TSL. `first_admin` manages an instance that has no
    administrator yet. `network` is its way out, None: as `config` says. `device` is the C.NK.VPN (DER) of a box, and
    `packet_filter` its packet filter, if it has one.
    """

    trust: TrustSpace
    sak: KeyPair | None = None
    tsl_anchor: bytes | None = None
    first_admin: FirstAdmin | None = None
    network: Network | None = None
    device: bytes | None = None
    packet_filter: PacketFilter | None = None
    sak_cvc: SakCvc | None = None


class Instance:
    """A running vInstanz. Build it with `assembly.load_instance`, then `start`.

    `given` is the operator's configuration, `config` the same with the parameters that an administrator has set.
    """

    def __init__(
        self,
        config: InstanceConfig,
        *,
        given: InstanceConfig,
        identity: Identity,
        users: BasicUsers,
        model: LiveInfoModel,
        context: ServiceContext,
        reception: Reception,
        directory: LdapProxy | None,
        sak: KeyPair,
        network: Network,
        names: Names,
        calls: CallLog,
        feed: EventFeed,
        sink_checks: SinkChecks,
        health: Health,
        recorder: Recorder | None,
        hsms: Hsms,
        registration: Registration | None,
    ) -> None:
        self.config = config
        self.given = given
        self.network = network
        self.identity = identity
        self.users = users
        self.model = model
        self.context = context
        self.reception = reception
        self.directory = directory
        self.sak = sak
        self.calls = calls
        self.feed = feed
        self.serves_since: datetime | None = None
        self.sink_checks = sink_checks
        self.health = health
        self.hsms = hsms
        self.expiry = _watch(context, config, health.box)
        self.recorder = recorder
        self.registration = registration
        """Of a box that has somebody to register at."""
        self.terminal_admin = build_terminal_admin(context, network, config.terminals)
        product = product_information(config.product, context.clock.now()).product_identification
        self.updates = build_updates(context, network, config.ti, product, self.terminal_admin.firmware)
        self.fachmodul_packages = build_fachmodul_packages(context, network, config.ti, product)
        self.bestandsnetze = build_bestandsnetze(context, network, config, names)
        if health.box is not None and health.box.adapters is not None:
            health.box.adapters.connected = self.bestandsnetze.segments
        self.auto_update = AutoUpdate(
            self.updates, self.terminal_admin, context.terminals, context.store, context.clock
        )

    @property
    def name(self) -> str:
        """The instance's name in store, logs and traces."""
        return self.config.instance

    @property
    def url(self) -> str:
        """Where clients reach it, like `https://127.0.0.1:8443`."""
        return self.reception.url

    async def start(self, ingress: Ingress) -> None:
        """Boot-up; returns when clients are served. Raises `StaleEpoch`, `StoreError`, `AddressTaken`."""
        try:
            await self.context.protocol.start()
            await self.updates.load()
            await self.bestandsnetze.load()
            await self.context.trust.start(self.config.boot_seconds)
            await self.terminal_admin.load()
            await self.context.terminals.start()
            await self.terminal_admin.start()
            await self.hsms.start()
            await self._settle()
            await asyncio.gather(self.updates.start(), self.bestandsnetze.start())
            await self.auto_update.start()
            await self.health.start()
            if self.registration is not None:
                await self.registration.start()
            await self._open_doors(ingress)
            await self._tell_boot(ingress)
        except BaseException:
            await self._end()
            raise
        self.expiry.start()
        self.serves_since = self.context.clock.now()
        _log.info("instance serves", extra={"instance": self.name, "address": str(self.reception.address)})

    @property
    def calls_under_way(self) -> int:
        """How many calls of clients have no answer yet."""
        return self.reception.calls_under_way

    def end_dialogues(self) -> None:
        """The first step of `stop`: nobody waits for a person at a terminal any more."""
        self.context.terminals.end_dialogues()

    async def stop(self, ingress: Ingress) -> None:
        """Shuts down in order; calls under way may finish within `limits.stop_seconds`, an update of a card within
        MAXTIME_VSDM. A prompt at a terminal is no work that could finish: it ends at once."""
        self.end_dialogues()
        try:
            await self._close_doors(ingress)
        finally:
            self.feed.close()
            await self.expiry.stop()
            await self.context.popp.close()
            await self.context.qes.stop()
            await self._end()
        _log.info("instance stopped", extra={"instance": self.name})

    async def _end(self) -> None:
        """Stops all parts, the logs last."""
        if self.context.intermediaer is not None:
            self.context.intermediaer.close()
        await self.health.stop()
        await self.auto_update.stop()
        if self.registration is not None:
            await self.registration.stop()
        await self.bestandsnetze.stop()
        self.fachmodul_packages.stop()
        await self.updates.stop()
        await self.terminal_admin.stop()
        await self.hsms.stop()
        await self.context.terminals.stop()
        await self.context.trust.stop()
        self.context.public_keys.stop()
        await self.context.events.stop()
        await self.context.protocol.stop()

    async def _tell_boot(self, ingress: Ingress) -> None:
        """BOOTUP_COMPLETE comes when a Clientsystem that hears it can subscribe."""
        try:
            await self.context.events.booted()
        except BaseException:
            await self._close_doors(ingress)
            raise

    async def _open_doors(self, ingress: Ingress) -> None:
        await self.reception.open(ingress)
        if self.directory is None:
            return
        try:
            await self.directory.open(ingress)
        except BaseException:
            await self.reception.close(ingress)
            raise

    async def _close_doors(self, ingress: Ingress) -> None:
        if self.directory is not None:
            await self.directory.close(ingress)
        await self.reception.close(ingress)

    async def _settle(self) -> None:
        """Waits for the terminals in use and their cards; one that is away does not hold up the start for long."""
        terminals = self.context.terminals
        active = [entry.config.ct_id for entry in terminals if entry.config.correlation is Correlation.AKTIV]
        waits = (terminals.settled(ct_id, self.config.boot_seconds) for ct_id in active)
        await asyncio.gather(*waits, return_exceptions=True)
        terminals.judge()

    # ---- clients -------------------------------------------------------------------------------------------------

    async def issue_client(self, client_system_id: str, kind: KeyKind = KeyKind.P256) -> IssuedClient:
        """A new client certificate for a Clientsystem of the model, accepted from now on.

        Raises `ConstraintViolated` for an unknown Clientsystem.
        """
        self._require_client(client_system_id)
        issued = await self.identity.issue_client(client_system_id, kind)
        await self._bind(client_system_id, AuthKind.CERTIFICATE, issued.fingerprint)
        return issued

    async def import_client(self, client_system_id: str, certificate_der: bytes) -> str:
        """Accepts a foreign certificate for a Clientsystem and gives its fingerprint.

        Raises `UnusableCertificate`, `ConstraintViolated`.
        """
        self._require_client(client_system_id)
        fingerprint = await self.identity.import_client(certificate_der)
        await self._bind(client_system_id, AuthKind.CERTIFICATE, fingerprint)
        return fingerprint

    async def revoke_client(self, fingerprint: str, client_system_id: str | None = None) -> None:
        """Accepts a client certificate no more, for one Clientsystem or for all; connections of nobody are closed."""
        if await self._unbind(AuthKind.CERTIFICATE, fingerprint, client_system_id):
            await self.identity.forget_client(fingerprint)

    async def put_basic_user(self, client_system_id: str, user: str, password: Secret) -> None:
        """Sets user name and password of a Clientsystem (ANCL_CUP_LIST). Raises `ConstraintViolated`."""
        self._require_client(client_system_id)
        await self.users.put(user, password)
        if client_system_id not in self.model.current.clients_with(AuthKind.BASIC, user):
            await self._bind(client_system_id, AuthKind.BASIC, user)

    async def remove_basic_user(self, user: str, client_system_id: str | None = None) -> None:
        """As `revoke_client`, for user and password; nothing happens if there is no such user."""
        if await self._unbind(AuthKind.BASIC, user, client_system_id):
            await self.users.remove(user)

    async def _unbind(self, kind: AuthKind, value: str, client_system_id: str | None) -> bool:
        """Whether it is nobody's now: two Clientsysteme may share one."""
        model = await self.model.apply(lambda model: _without_feature(model, kind, value, client_system_id))
        return not model.clients_with(kind, value)

    async def set_signature(self, settings: SignatureSettings) -> None:
        """SAK_*, from now on; comfort sessions end if they are not allowed any more."""
        self.config = replace(self.config, signature=settings)
        await self.context.qes.configure(settings)

    async def set_online(self, active: bool) -> None:
        """MGM_LU_ONLINE, from now on for the ways to Fachdienste, directory, OCSP and trust lists, and those of a box.

        The rest follows at the next start. Raises `AddressTaken`.
        """
        self.context.online_mode.switch(active)
        if self.directory is not None:
            await self.directory.follow()

    async def check_sinks(self, client_system_id: str, check: SinkCheck) -> None:
        """Sets how receivers of a Clientsystem's events are checked. Raises `ConstraintViolated`, `StoreError`."""
        self._require_client(client_system_id)
        await self.sink_checks.put(client_system_id, check)

    def _require_client(self, client_system_id: str) -> None:
        if client_system_id not in self.model.current.clients:
            raise ConstraintViolated(Constraint.REFERENCE, client_system_id)

    async def _bind(self, client_system_id: str, kind: AuthKind, value: str) -> None:
        feature = AuthFeature(f"{kind.value}:{client_system_id}:{value}", kind, value)
        await self.model.apply(lambda model: _with_feature(model, client_system_id, feature))


def _with_feature(model: InfoModel, client_system_id: str, feature: AuthFeature) -> InfoModel:
    held = model.clients[client_system_id]
    if feature in held.auth_features:
        return model
    return model.change(Kind.CLIENT, replace(held, auth_features=(*held.auth_features, feature)))


def _without_feature(model: InfoModel, kind: AuthKind, value: str, only: str | None) -> InfoModel:
    for client_system_id in model.clients_with(kind, value):
        if only not in (None, client_system_id):
            continue
        held = model.clients[client_system_id]
        rest = tuple(f for f in held.auth_features if (f.kind, f.value) != (kind, value))
        model = model.change(Kind.CLIENT, replace(held, auth_features=rest))
    return model


def _watch(context: ServiceContext, config: InstanceConfig, box: Box | None) -> CertificateWatch:
    clock, hub = context.clock, context.hub
    statuses = CardStatuses(
        context.cards, context.trust, hub, context.protocol, context.online_mode, clock, context.entropy
    )
    device = None
    if box is not None and box.device is not None:
        facts = facts_of(box.device.encoded)
        device = DeviceDates(device_iccsn(box.device), config.hostname, facts.expires)
    return CertificateWatch(context.cards, context.terminals, hub, clock, statuses, config.watch, device)
