"""Puts an instance together: from its store and what it is given to the object graph, in which nothing runs yet."""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from functools import partial

from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import beside
from tiaas.konnektor.admin.parameters import configured
from tiaas.konnektor.basic import BasicUsers
from tiaas.konnektor.calllog import CallLog
from tiaas.konnektor.cardtls import Handshakes
from tiaas.konnektor.cetp import CetpSettings
from tiaas.konnektor.config import BadInstanceConfig, InstanceConfig
from tiaas.konnektor.errors import fault_of
from tiaas.konnektor.eventfeed import EventFeed
from tiaas.konnektor.gate import Gate
from tiaas.konnektor.health import build_health
from tiaas.konnektor.hsm.hsms import Hsms
from tiaas.konnektor.identity import Identity
from tiaas.konnektor.infomodel import InfoModel
from tiaas.konnektor.instance import Instance, Provision
from tiaas.konnektor.ldapproxy import LdapProxy
from tiaas.konnektor.listreader import ListReader
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.misuse import load_alarm_values
from tiaas.konnektor.names import Names
from tiaas.konnektor.network import Network
from tiaas.konnektor.operatingdata import operating_data
from tiaas.konnektor.permissions import Row, allows
from tiaas.konnektor.pinparts import Sak
from tiaas.konnektor.protocol import Medium, Refusals
from tiaas.konnektor.reception import Reception
from tiaas.konnektor.recorder import Recorder
from tiaas.konnektor.registration.building import build_registration
from tiaas.konnektor.sakcvc import keep_sak_cvc
from tiaas.konnektor.services import (
    authsignature,
    card,
    cardsession,
    cardterminal,
    certificate,
    encryption,
    event,
    kvk,
    signature,
    vsd,
)
from tiaas.konnektor.services.context import ServiceContext, build_context, guard
from tiaas.konnektor.sinkchecks import SinkChecks
from tiaas.konnektor.sinkopener import PlainSinks, SinkOpener, TlsSinks
from tiaas.konnektor.sinkroute import SinkRoute
from tiaas.konnektor.sinkshares import NodeShares
from tiaas.konnektor.store import InstanceStore
from tiaas.soap.dispatch import Operation
from tiaas.soap.envelope import SoapFault
from tiaas.terminal.front import Front

_SERVICES = (event, card, cardsession, cardterminal, certificate, authsignature, encryption, signature, vsd, kvk)
_MODEL_KIND, _MODEL_KEY = "infomodel", "current"


async def load_instance(
    config: InstanceConfig,
    provision: Provision,
    store: InstanceStore,
    front: Front,
    handshakes: Handshakes,
    lists: ListReader,
    shares: NodeShares,
    clock: Clock,
    entropy: Entropy,
    logs: Medium | None = None,
) -> Instance:
    """Reads the instance from its store, makes what is missing, connects the parts; nothing runs yet.

    `logs` is where its logs lie; without it they are lost at the end.
    Raises `StoreError`, `BadInstanceConfig` (no ID.SAK.AUT), `InvalidInput` for a damaged model.
    """
    given, config = config, await configured(store, config)
    identity = await Identity.load(store, config.names, config.server_key, clock, entropy)
    sak = await identity.component("sak", provision.sak)
    if sak is None:
        raise BadInstanceConfig("the instance has no ID.SAK.AUT for its terminals yet and was given none")
    users = await BasicUsers.load(store, entropy)
    watcher = ModelWatcher(store)
    names, network = _ways_out(config, provision, entropy)
    checks = await SinkChecks.load(store)
    model = await watcher.load()
    context = build_context(
        infomodel=model,
        front=front,
        lists=lists,
        store=store,
        trust=provision.trust,
        tsl_anchor=provision.tsl_anchor,
        clock=clock,
        entropy=entropy,
        sinks=_sinks(config, network, identity, checks, clock),
        konnektor_name=config.hostname,
        profile=config.profile,
        network=network,
        ti=config.ti,
        card_seconds=config.card_seconds,
        cetp=CetpSettings(max_try=config.event_tries),
        handshakes=handshakes,
        shares=shares.instance(),
        logs=logs,
        device_certificate=sak.certificate.public_bytes(Encoding.DER),
        sak=Sak(await keep_sak_cvc(store, provision.sak_cvc), config.signature, config.ti.sak),
    )
    names.errors = context.protocol
    recorder = Recorder.build(config, model, context.events, clock)
    refused = Refusals(context.protocol, clock)
    gate = Gate(config.access, identity, users, model, recorder.on_refused(refused) if recorder else refused)
    feed = EventFeed(clock)
    context.hub.subscribe(feed.on_event)
    calls = CallLog(clock, lambda client_system_id: client_system_id in model.current.clients, feed.touch)
    health = build_health(context, identity, network, config, calls, provision.device, provision.packet_filter)
    health.misuse.alarm_values = await load_alarm_values(store)
    reception = Reception(
        config,
        gate,
        operations(context),
        _to_fault(config.instance, context),
        clock,
        entropy,
        health.misuse,
        guard(context),
        lambda: allows(Row.DIRECTORY, context.opstate.holding),
        recorder,
    )
    directory = LdapProxy.build(config, gate, context.trust, network, context.opstate, context.online_mode)
    seconds = config.card_seconds
    hsms = Hsms(config.hsms, store, clock, context.cards, context.terminals, context.hub, model, seconds)
    watcher.on_change = _clients_changed(hsms, reception, directory)
    instance = Instance(
        config,
        given=given,
        identity=identity,
        users=users,
        model=model,
        context=context,
        reception=reception,
        directory=directory,
        sak=sak,
        network=network,
        names=names,
        calls=calls,
        feed=feed,
        sink_checks=checks,
        health=health,
        recorder=recorder,
        hsms=hsms,
        registration=build_registration(context, network, config, handshakes, provision.device),
    )
    if instance.registration is not None:
        instance.registration.content = partial(operating_data, instance)
    return instance


def _clients_changed(hsms: Hsms, reception: Reception, directory: LdapProxy | None) -> Callable[[], None]:
    """Tells all doors, and virtual SMC-Bs, that the model may be another."""

    def tell() -> None:
        hsms.model_changed()
        reception.clients_changed()
        if directory is not None:
            directory.clients_changed()

    return tell


def _ways_out(config: InstanceConfig, provision: Provision, entropy: Entropy) -> tuple[Names, Network]:
    names = Names(config.ti.dns, Network(config.source).datagrams, entropy)
    return names, replace(provision.network or Network(config.source), resolve=names.resolve)


class ModelWatcher:
    """Writes the information model and tells when client certificates may have changed."""

    def __init__(self, store: InstanceStore) -> None:
        self._store = store
        self.on_change: Callable[[], None] = lambda: None

    async def load(self) -> LiveInfoModel:
        """The model as it was written. Raises `StoreError`, `InvalidInput`."""
        row = await self._store.get(_MODEL_KIND, _MODEL_KEY)
        return LiveInfoModel(InfoModel.from_document(row) if row is not None else None, self.persist)

    async def persist(self, model: InfoModel) -> None:
        """See `LiveInfoModel`: called before `model` becomes current, so the notice waits for the next turn."""
        await self._store.put(_MODEL_KIND, _MODEL_KEY, await beside(0, model.to_document))
        asyncio.get_running_loop().call_soon(self._tell)

    def _tell(self) -> None:
        self.on_change()


def _sinks(
    config: InstanceConfig, network: Network, identity: Identity, checks: SinkChecks, clock: Clock
) -> SinkOpener:
    route = SinkRoute(network, clock, local=config.local_sinks)
    return TlsSinks(route, lambda: identity.server, checks) if config.access.tls_mandatory else PlainSinks(route)


def _to_fault(instance: str, context: ServiceContext) -> Callable[[BaseException], SoapFault]:
    return lambda error: fault_of(error, instance, context.clock, context.entropy, context.protocol)


def operations(context: ServiceContext) -> list[Operation]:
    """All operations an instance serves."""
    return [operation for service in _SERVICES for operation in service.operations(context)]
