"""The information model: read and replaced as a whole, or entity by entity and link by link (TIP1-A_4523).

Its constraints are the model's own; one that a change would break is a 409 that names it. The ETag is that of the
whole model: a change may show it as If-Match and is then refused if somebody changed the model meanwhile; replacing the
whole needs it.
"""

import functools
import hashlib
import json
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from tiaas.base.heavy import beside
from tiaas.interfaces.management.infomodel import (
    ClientSystemDocument,
    InfoModelDocument,
    ManagedSmbDocument,
    MandantDocument,
    ModelTerminal,
    WorkplaceDocument,
)
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.problems import not_found
from tiaas.konnektor.admin.roles import ON_SITE
from tiaas.konnektor.admin.routes import Call, Method, Route, delete, get, post, put
from tiaas.konnektor.infoentities import (
    RELATION_ENDS,
    AuthKind,
    ClientSystem,
    Kind,
    ManagedSmb,
    Relation,
    Terminal,
)
from tiaas.konnektor.infomodel import DOCUMENT_VERSION, Entity, InfoModel
from tiaas.konnektor.instance import Instance

_ROOT = "/infomodel"
_WHOLE_OCTETS = 2 * 1024 * 1024
"""Fifty thousand links and more."""

_PLURAL = {
    Kind.MANDANT: "mandanten",
    Kind.CLIENT: "client-systems",
    Kind.WORKPLACE: "workplaces",
    Kind.TERMINAL: "terminals",
    Kind.SMB: "managed-smbs",
}
_KEY = {
    Kind.MANDANT: "mandant_id",
    Kind.CLIENT: "client_system_id",
    Kind.WORKPLACE: "workplace_id",
    Kind.TERMINAL: "ct_id",
    Kind.SMB: "iccsn",
}
_DOCUMENT: dict[Kind, type[Any]] = {
    Kind.MANDANT: MandantDocument,
    Kind.CLIENT: ClientSystemDocument,
    Kind.WORKPLACE: WorkplaceDocument,
    Kind.TERMINAL: ModelTerminal,
    Kind.SMB: ManagedSmbDocument,
}
_ENTITY: dict[Kind, Callable[[Any], Entity]] = {
    Kind.MANDANT: lambda document: document.mandant_id,
    Kind.CLIENT: lambda document: ClientSystem(document.client_system_id),
    Kind.WORKPLACE: lambda document: document.workplace_id,
    Kind.TERMINAL: lambda document: Terminal(document.ct_id, document.slots),
    Kind.SMB: lambda document: ManagedSmb(document.iccsn, document.is_hsm),
}


def model_routes() -> tuple[Route, ...]:
    """The rows. What an SM-B is called is personal, so a Remote-Administrator reads the model and changes none."""
    rows = [
        get(_ROOT, ON_SITE, "The whole information model", _read, InfoModelDocument),
        put(
            _ROOT,
            ON_SITE,
            "Replaces the whole information model",
            _replace,
            request=InfoModelDocument,
            response=InfoModelDocument,
            body_octets=_WHOLE_OCTETS,
        ),
    ]
    for kind in Kind:
        one = f"{_ROOT}/{_PLURAL[kind]}/{{{_KEY[kind]}}}"
        add = functools.partial(_add, kind)
        rows.append(
            post(
                f"{_ROOT}/{_PLURAL[kind]}",
                ON_SITE,
                f"Adds one of the {_PLURAL[kind]}",
                add,
                request=_DOCUMENT[kind],
                status=HTTPStatus.CREATED,
            )
        )
        rows.append(delete(one, ON_SITE, "Removes it with all its links", functools.partial(_remove, kind)))
    slots = f"{_ROOT}/terminals/{{ct_id}}"
    rows.append(put(slots, ON_SITE, "Changes the slots of a terminal", _change_terminal, request=ModelTerminal))
    for relation, ends in RELATION_ENDS.items():
        path = f"{_ROOT}/{relation.value.replace('_', '-')}/" + "/".join(f"{{{_KEY[kind]}}}" for kind in ends)
        rows.append(put(path, ON_SITE, "Links them", functools.partial(_link, relation)))
        rows.append(delete(path, ON_SITE, "Removes the link", functools.partial(_unlink, relation)))
    return tuple(rows)


def _document(model: InfoModel) -> InfoModelDocument:
    links = {relation.value: tuple(sorted(getattr(model, relation.value))) for relation in Relation}
    return InfoModelDocument(
        mandanten=tuple(sorted(model.mandanten)),
        client_systems=tuple(sorted(model.clients)),
        workplaces=tuple(sorted(model.workplaces)),
        terminals=tuple(ModelTerminal(key, model.terminals[key].slots) for key in sorted(model.terminals)),
        managed_smbs=tuple(
            ManagedSmbDocument(key, model.managed_smbs[key].is_hsm) for key in sorted(model.managed_smbs)
        ),
        **links,
    )


def _model(document: InfoModelDocument, held: InfoModel) -> InfoModel:
    """The model of a document; Clientsysteme that stay keep how they authenticate. Raises `ConstraintViolated`.

    Made in one step: each step checks the whole model.
    """
    links = {relation.value: getattr(document, relation.value) for relation in Relation}
    model = InfoModel.from_document(
        {
            "version": DOCUMENT_VERSION,
            Kind.MANDANT.value: document.mandanten,
            Kind.CLIENT.value: [{"client_system_id": each, "auth_features": ()} for each in document.client_systems],
            Kind.WORKPLACE.value: document.workplaces,
            Kind.TERMINAL.value: [{"ct_id": each.ct_id, "slots": each.slots} for each in document.terminals],
            Kind.SMB.value: [{"iccsn": each.iccsn, "hsm": each.is_hsm} for each in document.managed_smbs],
            **links,
        }
    )
    stay = {name: client for name, client in held.clients.items() if name in model.clients}
    return replace(model, clients={**model.clients, **stay})


def tag_of(model: InfoModel) -> str:
    """The ETag of a snapshot."""
    octets = json.dumps(model.to_document(), sort_keys=True).encode()
    return f'"{hashlib.sha256(octets).hexdigest()[:32]}"'


async def _read(call: Call) -> InfoModelDocument:
    model = instance_of(call).model.current
    call.tag = await beside(0, tag_of, model)
    return await beside(0, _document, model)


async def _replace(call: Call) -> InfoModelDocument:
    """A large model takes its time, so all that does is done in a thread, for the snapshot that is current now."""
    document = call.body(InfoModelDocument)
    instance, before = instance_of(call), instance_of(call).model.current
    tag = await beside(0, tag_of, before)
    call.require_match(tag)
    prepared = await beside(0, _model, document, before)

    def change(model: InfoModel) -> InfoModel:
        if model is before:
            return prepared
        call.require_match(tag_of(model))
        return _model(document, model)

    model = await instance.model.apply(change)
    for client in before.clients:
        if client not in model.clients:
            await _forget_features(instance, before.clients[client], model)
    call.tag = await beside(0, tag_of, model)
    # The whole document would fill the log, and links of SM-Bs are personal.
    counts = {kind.value: len(getattr(model, kind.value)) for kind in Kind}
    call.note(f"{Method.PUT} {_ROOT}", counts)
    return await beside(0, _document, model)


async def _add(kind: Kind, call: Call) -> None:
    document = call.body(_DOCUMENT[kind])
    await _apply(call, lambda model: model.add(kind, _ENTITY[kind](document)))


async def _remove(kind: Kind, call: Call) -> None:
    key = call.path[_KEY[kind]]
    instance = instance_of(call)
    held = getattr(instance.model.current, kind.value)
    if key not in held:
        raise not_found(f"such entity among the {_PLURAL[kind]}")
    gone = instance.model.current.clients.get(key) if kind is Kind.CLIENT else None
    model = await _apply(call, lambda model: model.remove(kind, key))
    if gone is not None:
        await _forget_features(instance, gone, model)


async def _forget_features(instance: Instance, gone: ClientSystem, model: InfoModel) -> None:
    """Certificates and users of a Clientsystem that is gone are of no use to anybody, unless another one has them."""
    for feature in gone.auth_features:
        if model.clients_with(feature.kind, feature.value):
            continue
        if feature.kind is AuthKind.CERTIFICATE:
            await instance.identity.forget_client(feature.value)
        else:
            await instance.users.remove(feature.value)


async def _change_terminal(call: Call) -> None:
    document = call.body(ModelTerminal)
    if document.ct_id != call.path["ct_id"] or document.ct_id not in instance_of(call).model.current.terminals:
        raise not_found("such terminal in the model, or the document names another one")
    await _apply(call, lambda model: model.change(Kind.TERMINAL, Terminal(document.ct_id, document.slots)))


def _ends(relation: Relation, call: Call) -> tuple[str, ...]:
    return tuple(call.path[_KEY[kind]] for kind in RELATION_ENDS[relation])


async def _link(relation: Relation, call: Call) -> None:
    await _apply(call, lambda model: model.link(relation, *_ends(relation, call)))


async def _unlink(relation: Relation, call: Call) -> None:
    ends = _ends(relation, call)
    if ends not in getattr(instance_of(call).model.current, relation.value):
        raise not_found("such link")
    await _apply(call, lambda model: model.unlink(relation, *ends))


async def _apply(call: Call, change: Callable[[InfoModel], InfoModel]) -> InfoModel:
    """Raises `ConstraintViolated`, 412."""

    def checked(model: InfoModel) -> InfoModel:
        if call.if_match is not None:
            call.require_match(tag_of(model), needed=False)
        return change(model)

    model = await instance_of(call).model.apply(checked)
    call.tag = await beside(0, tag_of, model)
    return model
