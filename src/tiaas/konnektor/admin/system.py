"""The instance as a whole: state, trust lists, cards, PIN.SMC, restart (TIP1-A_4812 ff.)."""

from dataclasses import fields
from http import HTTPStatus

from tiaas import __version__
from tiaas.interfaces.management.system import (
    LIST_OCTETS,
    CardEntry,
    CardOverview,
    ConditionState,
    FachmodulVersion,
    ListImport,
    ListRefreshed,
    SmbPinCall,
    SmbPinState,
    SmbUnblock,
    SystemState,
    TrustAnchor,
    TrustList,
    TrustState,
    TslServiceContact,
)
from tiaas.konnektor.admin.asked import instance_of, require_online
from tiaas.konnektor.admin.parameters import configured
from tiaas.konnektor.admin.problems import Problem, conflict, not_found
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, get, post
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import SM_B
from tiaas.konnektor.protocol.service import FACHMODULE
from tiaas.konnektor.sds import PRODUCT_TYPE
from tiaas.konnektor.sessions import CallContext, CardSession
from tiaas.konnektor.trustlists import TrustLists
from tiaas.konnektor.truststatus import ListStatus

_PIN_SMC = "PIN.SMC"
_LIST_OCTETS = LIST_OCTETS * 3 // 2


async def _state(call: Call) -> SystemState:
    instance = instance_of(call)
    product, context = instance.config.product, instance.context
    conditions = tuple(
        ConditionState(state.name, state.of, state.condition.value.severity.value, state.since)
        for state in context.opstate
        if state.value
    )
    programs = call.plane.host.programs
    needed = await configured(context.store, instance.given) != instance.config
    return SystemState(
        name=instance.name,
        profile=instance.config.profile.value,
        environment=instance.config.environment.shown,
        url=instance.url,
        serves_since=instance.serves_since,
        now=context.clock.now(),
        product_type=PRODUCT_TYPE,
        product_name=product.product_name,
        vendor_id=product.vendor_id,
        vendor_name=product.vendor_name,
        product_code=product.product_code,
        product_type_version=product.product_type_version,
        hardware_version=product.hardware_version,
        firmware_version=product.firmware_version,
        firmware_group=None if programs is None else programs.choice.held_group.number,
        fachmodule=tuple(FachmodulVersion(name, __version__) for name in FACHMODULE),
        restart_needed=needed,
        conditions=conditions,
    )


async def _restart(call: Call) -> None:
    call.plane.host.restart_soon(instance_of(call).name)


async def _trust(call: Call) -> TrustState:
    status = instance_of(call).context.trust.status()
    kept = instance_of(call).context.trust.ocsp_answers
    anchor, contact = status.anchor, status.tsl_service
    return TrustState(
        status.has_lists,
        status.issuers,
        status.ocsp_signers,
        kept,
        _list(status.tsl),
        _list(status.bnetza),
        None if status.tsl_type is None else status.tsl_type.value,
        None if anchor is None else TrustAnchor(anchor.name, anchor.fingerprint, anchor.since, anchor.not_after),
        None if contact is None else TslServiceContact(contact.at, contact.code, contact.reason),
    )


async def _refresh_tsl(call: Call) -> ListRefreshed:
    lists = _lists(call)
    require_online(instance_of(call), "the TSL service is not asked")
    return ListRefreshed(await lists.refresh_tsl())


async def _refresh_bnetza(call: Call) -> ListRefreshed:
    lists = _lists(call)
    require_online(instance_of(call), "the TSL service is not asked")
    return ListRefreshed(await lists.refresh_bnetza())


async def _import_tsl(call: Call) -> None:
    await _lists(call).import_tsl(call.body(ListImport).document)


async def _import_bnetza(call: Call) -> None:
    if not instance_of(call).config.ti.sak:
        raise conflict("MGM_LU_SAK is off: no BNetzA-VL is used", "set the parameter sak first")
    await _lists(call).import_bnetza(call.body(ListImport).document)


async def _forget_ocsp(call: Call) -> None:
    instance_of(call).context.trust.forget_answers()


async def _cards(call: Call) -> CardOverview:
    return CardOverview(tuple(_card(card) for card in instance_of(call).context.cards))


async def _pin_status(call: Call) -> SmbPinState:
    card, session = _smb(call, call.body(SmbPinCall))
    status = await instance_of(call).context.pins.status(card, session, _PIN_SMC)
    return SmbPinState(status.state.value, status.left_tries)


async def _pin_verify(call: Call) -> SmbPinState:
    asked = call.body(SmbPinCall)
    card, session = _smb(call, asked)
    result = await instance_of(call).context.pins.verify(card, session, asked.workplace_id, _PIN_SMC)
    return SmbPinState(result.outcome.value, result.left_tries)


async def _pin_change(call: Call) -> SmbPinState:
    asked = call.body(SmbPinCall)
    card, session = _smb(call, asked)
    result = await instance_of(call).context.pins.change(card, session, asked.workplace_id, _PIN_SMC)
    return SmbPinState(result.outcome.value, result.left_tries)


async def _pin_unblock(call: Call) -> SmbPinState:
    asked = call.body(SmbUnblock)
    card, session = _smb(call, asked)
    pins = instance_of(call).context.pins
    result = await pins.unblock(card, session, asked.workplace_id, _PIN_SMC, set_new=asked.set_new_pin)
    return SmbPinState(result.outcome.value, result.left_tries)


_SMB = "/smbs/{iccsn}/pin"

SYSTEM_ROUTES: tuple[Route, ...] = (
    get("/system", INSTANCE_ROLES, "What the instance is and how it is", _state, SystemState),
    post("/system/restart", ON_SITE, "Restarts the instance", _restart, status=HTTPStatus.ACCEPTED),
    get("/trust", INSTANCE_ROLES, "Trust lists and OCSP", _trust, TrustState),
    post("/trust/tsl/refresh", INSTANCE_ROLES, "Fetches the TSL now", _refresh_tsl, response=ListRefreshed),
    post("/trust/tsl/import", ON_SITE, "Imports a TSL", _import_tsl, request=ListImport, body_octets=_LIST_OCTETS),
    post("/trust/bnetza/refresh", INSTANCE_ROLES, "Fetches the BNetzA-VL now", _refresh_bnetza, response=ListRefreshed),
    post(
        "/trust/bnetza/import",
        ON_SITE,
        "Imports a BNetzA-VL",
        _import_bnetza,
        request=ListImport,
        body_octets=_LIST_OCTETS,
    ),
    post("/trust/ocsp/forget", INSTANCE_ROLES, "Forgets all OCSP answers", _forget_ocsp),
    get("/cards", ON_SITE, "All inserted cards", _cards, CardOverview),
    post(
        f"{_SMB}/status",
        ON_SITE,
        "The state of PIN.SMC for a Mandant",
        _pin_status,
        request=SmbPinCall,
        response=SmbPinState,
        changes=False,
    ),
    post(
        f"{_SMB}/verify",
        ON_SITE,
        "Has PIN.SMC typed at the terminal",
        _pin_verify,
        request=SmbPinCall,
        response=SmbPinState,
        changes=False,
    ),
    post(
        f"{_SMB}/change",
        ON_SITE,
        "Has PIN.SMC changed at the terminal, also out of its transport state",
        _pin_change,
        request=SmbPinCall,
        response=SmbPinState,
        changes=False,
    ),
    post(
        f"{_SMB}/unblock",
        ON_SITE,
        "Has PIN.SMC unblocked with the PUK at the terminal",
        _pin_unblock,
        request=SmbUnblock,
        response=SmbPinState,
        changes=False,
    ),
)


def _smb(call: Call, asked: SmbPinCall | SmbUnblock) -> tuple[Card, CardSession]:
    """The SM-B that the path names and its session for the Mandant."""
    for card in instance_of(call).context.cards:
        if card.card_type in SM_B and card.data.iccsn == call.path["iccsn"]:
            return card, card.session(_call_context(call, asked))
    raise not_found("such SM-B in a terminal")


def _call_context(call: Call, asked: SmbPinCall | SmbUnblock) -> CallContext:
    """The session of an SM-B belongs to the Mandant; the SM-B must be assigned to it."""
    model = instance_of(call).model.current
    if (asked.mandant_id, call.path["iccsn"]) not in model.mandant_smbs:
        raise conflict("the SM-B is not assigned to this Mandant", "link them in the information model first")
    if (asked.mandant_id, asked.workplace_id) not in model.mandant_workplaces:
        raise conflict("the workplace does not belong to this Mandant", "link them in the information model first")
    return CallContext(asked.mandant_id, "", asked.workplace_id, None)


def _lists(call: Call) -> TrustLists:
    lists = instance_of(call).context.trust.lists
    if lists is None:
        raise Problem(
            HTTPStatus.CONFLICT, "the instance has no trust lists", "its trust space is what the operator gave it"
        )
    return lists


def _list(status: ListStatus) -> TrustList:
    return TrustList(**{field.name: getattr(status, field.name) for field in fields(TrustList)})


def _card(card: Card) -> CardEntry:
    expires = card.data.certificate_expiration
    return CardEntry(
        card.handle,
        card.card_type.value,
        card.ct_id,
        card.slot,
        card.insert_time,
        card.data.iccsn,
        card.data.holder_name,
        None if expires is None else expires.isoformat(),
    )
