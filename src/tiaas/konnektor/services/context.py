"""What the services of one instance work with, and the access check in front of every operation."""

import logging
import re
from collections.abc import Callable, Container
from functools import partial

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.interfaces.connector_common_v5_0 import Result, Status
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.konnektor.access import (
    OPERATION_ACCESS,
    AccessRequest,
    Denied,
    OperationAccess,
    Rule,
    WorkplaceScope,
    decide,
)
from tiaas.konnektor.basis.services import BaseServices
from tiaas.konnektor.carddialogues import CardDialogues
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtls import Handshakes
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.cetp import CetpSettings
from tiaas.konnektor.config import Profile, TiAccess
from tiaas.konnektor.delivery import EventDelivery
from tiaas.konnektor.errors import KonnektorError, gerror_of
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.intermediaer import Intermediaer
from tiaas.konnektor.listreader import ListReader
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.permissions import OPERATION_ROWS, Row, allows
from tiaas.konnektor.pinparts import Sak, build_pins
from tiaas.konnektor.pins import Pins
from tiaas.konnektor.popp import PoppSessions
from tiaas.konnektor.protocol import Medium, MemoryMedium, ProtocolService
from tiaas.konnektor.publickeys import PublicKeys
from tiaas.konnektor.qes import Qes
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.signaturejobs import SignatureJobs
from tiaas.konnektor.sinkopener import PlainSinks, SinkOpener
from tiaas.konnektor.sinkroute import SinkRoute
from tiaas.konnektor.sinkshares import InstanceShares
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.terminalevents import card_event
from tiaas.konnektor.terminals import Terminals
from tiaas.konnektor.trust import TrustSpace
from tiaas.konnektor.trustbuild import build_trust
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.vsdm import Vsdm
from tiaas.konnektor.vsdmparts import build_intermediaer, build_vsdm
from tiaas.soap.dispatch import AccessDeclaration, Operation
from tiaas.terminal.front import Front

_log = logging.getLogger("tiaas.konnektor.access")
_SOME_HANDLE = "given"
_MISSING = 4021
_HANDLE = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """One instance as its services see it."""

    infomodel: LiveInfoModel
    cards: CardList
    terminals: Terminals
    dialogues: CardDialogues
    popp: PoppSessions
    pins: Pins
    qes: Qes
    jobs: SignatureJobs
    base: BaseServices
    """For Fachmodule."""
    vsdm: Vsdm
    intermediaer: Intermediaer | None
    hub: EventHub
    opstate: OperatingState
    protocol: ProtocolService
    trust: Trust
    public_keys: PublicKeys
    events: EventDelivery
    store: InstanceStore
    clock: Clock
    entropy: Entropy
    instance_id: str
    online_mode: OnlineMode
    """MGM_LU_ONLINE."""
    device_certificate: bytes | None = None
    """C.SAK.AUT of the instance (DER): what stands for the gSMC-K of a box."""


@dataclass(frozen=True, slots=True)
class Declared(AccessDeclaration):
    """An operation's row of `OPERATION_ACCESS`, and its row of the table of critical states."""

    operation: str
    parameters: OperationAccess
    row: Row


def declared(operation: str) -> Declared:
    """The declaration of an operation; one that is not in both tables is a `KeyError` at start."""
    return Declared(operation, OPERATION_ACCESS[operation], OPERATION_ROWS[operation])


def guard(context: ServiceContext) -> Callable[[Operation], None]:
    """What stands before every operation at the SOAP border: 4002 in a critical state that forbids it."""

    def check(operation: Operation) -> None:
        holding = context.opstate.holding
        if not holding:
            return
        # What declares no row is refused in every critical state.
        row = operation.access.row if isinstance(operation.access, Declared) else Row.TI
        if not allows(row, holding):
            raise KonnektorError(4002, evidence=(("Operation", operation.request.__name__),))

    return check


def build_context(
    *,
    infomodel: LiveInfoModel,
    front: Front,
    store: InstanceStore,
    trust: TrustSpace,
    tsl_anchor: bytes | None = None,
    network: Network | None = None,
    ti: TiAccess | None = None,
    card_seconds: float = 20.0,
    cetp: CetpSettings | None = None,
    handshakes: Handshakes | None = None,
    lists: ListReader | None = None,
    clock: Clock,
    entropy: Entropy,
    sinks: SinkOpener | None = None,
    konnektor_name: str,
    profile: Profile = Profile.HSK,
    shares: InstanceShares | None = None,
    logs: Medium | None = None,
    device_certificate: bytes | None = None,
    sak: Sak | None = None,
) -> ServiceContext:
    """The object graph of one instance behind its SOAP interface; `trust.start()`, then `terminals.start()`.

    None as `ti`: no TI; `sinks`: plain TCP; `handshakes`, `lists`, `shares`: its own. `protocol.start()` comes first.
    """
    network, hub = network or Network(), EventHub()
    opstate = OperatingState(hub, clock, box=profile is Profile.EINBOX)
    protocol = ProtocolService(logs or MemoryMedium(), store, hub, opstate, clock, entropy)
    access = ti or TiAccess(online=False)
    mode = OnlineMode(access.online)
    checks = build_trust(
        trust,
        tsl_anchor,
        access,
        network=network,
        store=store,
        hub=hub,
        opstate=opstate,
        clock=clock,
        entropy=entropy,
        reader=lists,
        online=mode,
    )
    intermediaer = build_intermediaer(access, mode, network, handshakes or Handshakes(), checks, opstate, clock)
    cards = CardList(clock, entropy, on_removed=partial(_removed, hub, intermediaer))
    vsdm = build_vsdm(
        access,
        intermediaer,
        checks,
        store=store,
        hub=hub,
        clock=clock,
        entropy=entropy,
    )
    terminals = Terminals(
        front,
        store,
        cards,
        hub,
        opstate,
        checks,
        clock,
        entropy,
        konnektor_name=konnektor_name,
        prepare=vsdm.prepare,
        may_connect=_may(opstate, Row.TERMINAL_TLS),
        card_seconds=card_seconds,
    )
    opstate.on_change(terminals.permission_changed)
    pins, qes = build_pins(infomodel, terminals, cards, checks, hub, sak or Sak(), store, clock, entropy)
    opener = sinks or PlainSinks(SinkRoute(network, clock))
    events = EventDelivery(infomodel, cards, hub, store, clock, entropy, opener, cetp, shares, _may(opstate, Row.BASE))
    return ServiceContext(
        infomodel,
        cards,
        terminals,
        CardDialogues(terminals, cards, hub),
        PoppSessions(checks, hub, clock, entropy),
        pins,
        qes,
        SignatureJobs(entropy),
        BaseServices.build(cards, pins, checks, hub, protocol, clock, entropy),
        vsdm,
        intermediaer,
        hub,
        opstate,
        protocol,
        checks,
        checks.public_keys,
        events,
        store,
        clock,
        entropy,
        instance_id=store.owner.instance,
        online_mode=mode,
        device_certificate=device_certificate,
    )


def _may(opstate: OperatingState, row: Row) -> Callable[[], bool]:
    return lambda: allows(row, opstate.holding)


def _removed(hub: EventHub, intermediaer: Intermediaer | None, card: Card) -> None:
    hub.publish(card_event(Topic.CARD_REMOVED, card))
    if intermediaer is not None:
        intermediaer.forget(card.handle)


def authorize(
    context: ServiceContext,
    peer: Peer,
    call: Context,
    operation: str,
    *,
    card_handle: str | None = None,
    ct_id: str | None = None,
    mandant_wide: bool = False,
    need_card_session: bool | None = None,
) -> Rule:
    """TUC_KON_000 for one call; raises `KonnektorError` with the code of the first condition that fails.

    `need_card_session` overrides the table where an operation may do without.
    """
    row = OPERATION_ACCESS[operation]
    wide = (
        row.scope is WorkplaceScope.ALL
        or (row.scope is WorkplaceScope.MANDANT_WIDE and mandant_wide)
        or (row.scope is WorkplaceScope.ALL_BUT_FOR_CARDS and card_handle is None)
    )
    parameters = (
        call.mandant_id,
        call.client_system_id,
        call.workplace_id,
        call.user_id or None,
        ct_id,
        # What the decision knows of a card is its facts; which handle led to them does not matter.
        None if card_handle is None else _SOME_HANDLE,
        row.need_card_session if need_card_session is None else need_card_session,
        wide,
        peer.client_system_ids if peer.authentication_required else None,
    )
    fact = None if card_handle is None else context.cards.fact_of(card_handle)
    decision = context.infomodel.derived(
        ("access", parameters, fact), lambda model: decide(AccessRequest(*parameters), model, lambda _: fact)
    )
    if isinstance(decision, Denied):
        _log.info("access denied", extra={"operation": operation, "code": decision.log_code})
        evidence = _evidence(context, call, ct_id, card_handle)
        raise KonnektorError(decision.log_code, _missing(call, decision), evidence=evidence)
    return decision.rule


def _missing(call: Context, decision: Denied) -> str:
    """Which ids are empty, where that is the reason. Which one is unknown nobody outside is told (TAB_KON_514)."""
    if decision.log_code != _MISSING:
        return ""
    given = {
        "MandantId": call.mandant_id,
        "ClientSystemId": call.client_system_id,
        "WorkplaceId": call.workplace_id,
    }
    return f"empty: {', '.join(name for name, value in given.items() if not value)}"


def _evidence(
    context: ServiceContext, call: Context, ct_id: str | None, card_handle: str | None
) -> tuple[tuple[str, str], ...]:
    """What the caller named, for the log: the technician has to see which id was wrong.

    Only ids of the information model and what looks like a handle of ours are told. Anything else that a mistaken
    client writes there may be a name or a PIN (TIP1-A_4710, TIP1-A_6479), so its length must do.
    """
    model = context.infomodel.current
    handles = {card_handle} if card_handle and _HANDLE.fullmatch(card_handle) else set()
    named: tuple[tuple[str, str | None, Container[str]], ...] = (
        ("Mandant", call.mandant_id, model.mandanten),
        ("Clientsystem", call.client_system_id, model.clients),
        ("Arbeitsplatz", call.workplace_id, model.workplaces),
        ("CtID", ct_id, model.terminals),
        ("CardHandle", card_handle, handles),
    )
    return tuple((key, _told(value, known)) for key, value, known in named if value)


def told_handle(handle: str) -> str:
    """A handle that a caller named, for people: what does not look like one of ours may be a name or a PIN."""
    return handle if _HANDLE.fullmatch(handle) else f"unbekannt ({len(handle)} Zeichen)"


def _told(value: str, known: Container[str]) -> str:
    if value in known:
        return value
    if value.strip() in known:
        return f"unbekannt; ohne Leerraum bekannt: {value.strip()}"
    return f"unbekannt ({len(value)} Zeichen)"


def require_type(context: ServiceContext, handle: str, allowed: frozenset[CardType]) -> None:
    """checkArguments: a card of a type the operation does not serve is 4209; no card is the access check's 4008."""
    card = context.cards.find(handle)
    if card is not None and card.card_type not in allowed:
        raise KonnektorError(4209, fill=card.card_type.value)


def call_context(call: Context) -> CallContext:
    """The call's context as sessions need it."""
    return CallContext(call.mandant_id, call.client_system_id, call.workplace_id, call.user_id or None)


def warning(context: ServiceContext, *errors: KonnektorError) -> Status:
    """A status with Result Warning and the errors' trace."""
    trace = gerror_of(errors, context.instance_id, context.clock, context.entropy, context.protocol)
    return Status(result=Result.WARNING, error=trace)
