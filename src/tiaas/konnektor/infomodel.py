"""The persistent part of a Konnektor's information model (gemSpec_Kon V5.18 §4.1.1, PIC_KON_100, TAB_KON_507…510).

`InfoModel` is a frozen snapshot; every change gives a new one that fulfils all constraints or raises
`ConstraintViolated` and changes nothing. The one in force of an instance is in `livemodel.py`.

The transient part (cards, sessions) lives in `cards.py`; its constraints C1–C4, C6 and C16 hold there by the keys used.
"""

from collections.abc import Iterable, Mapping
from dataclasses import field, replace
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.konnektor.infoentities import (
    ICCSN_LENGTH,
    ID_LENGTH_MAX,
    RELATION_ENDS,
    AuthFeature,
    AuthKind,
    BadModelDocument,
    ClientSystem,
    Constraint,
    ConstraintViolated,
    Kind,
    ManagedSmb,
    Relation,
    Terminal,
)

__all__ = [
    "RELATION_ENDS",
    "AuthFeature",
    "AuthKind",
    "BadModelDocument",
    "ClientSystem",
    "Constraint",
    "ConstraintViolated",
    "InfoModel",
    "Kind",
    "ManagedSmb",
    "Relation",
    "Terminal",
]

DOCUMENT_VERSION = 1


_UNIQUE = {
    Kind.MANDANT: Constraint.C8,
    Kind.CLIENT: Constraint.C7,
    Kind.WORKPLACE: Constraint.C9,
    Kind.TERMINAL: Constraint.C10,
    Kind.SMB: Constraint.C5,
}

Entity = str | ClientSystem | Terminal | ManagedSmb
Link = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class InfoModel:
    """One snapshot. Build it with `InfoModel()` and the change operations, or `from_document`."""

    mandanten: frozenset[str] = frozenset()
    clients: Mapping[str, ClientSystem] = field(default_factory=dict)
    workplaces: frozenset[str] = frozenset()
    terminals: Mapping[str, Terminal] = field(default_factory=dict)
    managed_smbs: Mapping[str, ManagedSmb] = field(default_factory=dict)
    mandant_clients: frozenset[Link] = frozenset()
    mandant_workplaces: frozenset[Link] = frozenset()
    mandant_terminals: frozenset[Link] = frozenset()
    local_terminals: frozenset[Link] = frozenset()
    remote_terminals: frozenset[Link] = frozenset()
    mandant_smbs: frozenset[Link] = frozenset()
    cs_ap: frozenset[Link] = frozenset()
    remote_pin_terminals: frozenset[Link] = frozenset()

    def __post_init__(self) -> None:
        _check(self)

    # ---- changes

    def add(self, kind: Kind, entity: Entity) -> "InfoModel":
        """With one entity more. Raises `ConstraintViolated` (C5, C7–C11, FORMAT)."""
        key = _key(kind, entity)
        held = getattr(self, kind.value)
        if key in held:
            raise ConstraintViolated(_UNIQUE[kind], key)
        if isinstance(held, frozenset):
            return self._with({kind.value: held | {key}})
        return self._with({kind.value: {**held, key: entity}})

    def change(self, kind: Kind, entity: Entity) -> "InfoModel":
        """With another content of an existing entity. Raises `ConstraintViolated`."""
        key = _key(kind, entity)
        held = getattr(self, kind.value)
        if key not in held:
            raise ConstraintViolated(Constraint.REFERENCE, key)
        return self if isinstance(held, frozenset) else self._with({kind.value: {**held, key: entity}})

    def remove(self, kind: Kind, key: str) -> "InfoModel":
        """Without an entity and without every relation it takes part in. Raises `ConstraintViolated` (REFERENCE)."""
        held = getattr(self, kind.value)
        if key not in held:
            raise ConstraintViolated(Constraint.REFERENCE, key)
        rest: Any = held - {key} if isinstance(held, frozenset) else {k: v for k, v in held.items() if k != key}
        return replace(self, **{kind.value: rest, **self._relations_without(kind, key)})

    def link(self, relation: Relation, *ends: str) -> "InfoModel":
        """With one tuple of a relation more. Raises `ConstraintViolated` (C12–C15, REFERENCE)."""
        return replace(self, **{relation.value: getattr(self, relation.value) | {ends}})

    def unlink(self, relation: Relation, *ends: str) -> "InfoModel":
        """Without one tuple. Raises `ConstraintViolated` if it is not there or another relation still needs it."""
        held = getattr(self, relation.value)
        if ends not in held:
            raise ConstraintViolated(Constraint.REFERENCE, "/".join(ends))
        return replace(self, **{relation.value: held - {ends}})

    def with_links(self, links: Mapping[str, frozenset[Link]]) -> "InfoModel":
        """With other relations, by their fields' names. Raises `ConstraintViolated` (C12–C15, REFERENCE)."""
        return self._with(links)

    def _with(self, changes: Mapping[str, Any]) -> "InfoModel":
        return replace(self, **changes)

    def _relations_without(self, kind: Kind, key: str) -> dict[str, frozenset[Link]]:
        out = {}
        for relation, ends in RELATION_ENDS.items():
            places = [place for place, end in enumerate(ends) if end is kind]
            links = getattr(self, relation.value)
            out[relation.value] = frozenset(link for link in links if all(link[place] != key for place in places))
        return out

    # ---- questions

    def is_local(self, workplace_id: str, ct_id: str) -> bool:
        """True if the terminal is a local one of the workplace (relation [6])."""
        return (workplace_id, ct_id) in self.local_terminals

    def is_reachable(self, workplace_id: str, ct_id: str) -> bool:
        """True if the terminal is local or remote for the workplace (relations [6], [7])."""
        return self.is_local(workplace_id, ct_id) or (workplace_id, ct_id) in self.remote_terminals

    def workplaces_of(self, mandant_id: str, client_system_id: str) -> frozenset[str]:
        """The workplaces that CS_AP gives to this Clientsystem in this Mandant."""
        return frozenset(ap for m, cs, ap in self.cs_ap if m == mandant_id and cs == client_system_id)

    def local_workplaces(self, ct_id: str) -> tuple[str, ...]:
        """The workplaces that have the terminal as a local one, sorted."""
        return tuple(sorted(ap for ap, ct in self.local_terminals if ct == ct_id))

    def remote_pin_terminal(self, mandant_id: str, workplace_id: str) -> str | None:
        """The ctId of the Remote-PIN-KT of (Mandant, workplace), or None."""
        for mandant, workplace, ct_id in self.remote_pin_terminals:
            if (mandant, workplace) == (mandant_id, workplace_id):
                return ct_id
        return None

    def clients_with(self, kind: AuthKind, value: str) -> frozenset[str]:
        """The Clientsysteme that an authentication feature belongs to."""
        return frozenset(
            client.client_system_id
            for client in self.clients.values()
            if any(feature.kind is kind and feature.value == value for feature in client.auth_features)
        )

    # ---- document

    def to_document(self) -> dict[str, Any]:
        """A JSON-able document, in stable order."""
        document: dict[str, Any] = {
            "version": DOCUMENT_VERSION,
            Kind.MANDANT.value: sorted(self.mandanten),
            Kind.CLIENT.value: [_client_document(self.clients[key]) for key in sorted(self.clients)],
            Kind.WORKPLACE.value: sorted(self.workplaces),
            Kind.TERMINAL.value: [
                {"ct_id": key, "slots": list(self.terminals[key].slots)} for key in sorted(self.terminals)
            ],
            Kind.SMB.value: [{"iccsn": key, "hsm": self.managed_smbs[key].is_hsm} for key in sorted(self.managed_smbs)],
        }
        for relation in Relation:
            document[relation.value] = [list(link) for link in sorted(getattr(self, relation.value))]
        return document

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "InfoModel":
        """Reads what `to_document` wrote. Raises `BadModelDocument`, `ConstraintViolated`."""
        known = {"version", *(kind.value for kind in Kind), *(relation.value for relation in Relation)}
        if document.get("version") != DOCUMENT_VERSION or set(document) - known:
            raise BadModelDocument("the information model's document has another version or unknown keys")
        try:
            return _read(document)
        except (KeyError, TypeError, ValueError) as error:
            raise BadModelDocument(f"the information model's document is damaged ({type(error).__name__})") from error


def _key(kind: Kind, entity: Entity) -> str:
    expected: dict[Kind, type[Any]] = {Kind.CLIENT: ClientSystem, Kind.TERMINAL: Terminal, Kind.SMB: ManagedSmb}
    if not isinstance(entity, expected.get(kind, str)):
        raise TypeError(f"{type(entity).__name__} is no {kind.name}")
    if isinstance(entity, ClientSystem):
        return entity.client_system_id
    if isinstance(entity, Terminal):
        return entity.ct_id
    return entity.iccsn if isinstance(entity, ManagedSmb) else entity


# ---- constraints ---------------------------------------------------------------------------------------------------


def _check(model: InfoModel) -> None:
    _check_formats(model)
    for relation, ends in RELATION_ENDS.items():
        for link in getattr(model, relation.value):
            if len(link) != len(ends) or any(k not in getattr(model, e.value) for k, e in zip(link, ends, strict=True)):
                raise ConstraintViolated(Constraint.REFERENCE, f"{relation.value} {'/'.join(link)}")
    _check_cs_ap(model)
    _check_remote_pin(model)


def _check_formats(model: InfoModel) -> None:
    for key in (*model.mandanten, *model.clients, *model.workplaces, *model.terminals):
        if not 1 <= len(key) <= ID_LENGTH_MAX:
            raise ConstraintViolated(Constraint.FORMAT, f"an id of {len(key)} characters")
    for terminal in model.terminals.values():
        if len(set(terminal.slots)) != len(terminal.slots):
            raise ConstraintViolated(Constraint.C11, terminal.ct_id)
        if not terminal.slots or min(terminal.slots) < 1 or max(terminal.slots) > 14:
            raise ConstraintViolated(Constraint.FORMAT, terminal.ct_id)
    for iccsn in model.managed_smbs:
        if len(iccsn) != ICCSN_LENGTH or not (iccsn.isascii() and iccsn.isdigit()):
            raise ConstraintViolated(Constraint.FORMAT, f"an ICCSN of {len(iccsn)} characters")
    feature_ids = [feature.cs_auth_id for client in model.clients.values() for feature in client.auth_features]
    if len(set(feature_ids)) != len(feature_ids):
        raise ConstraintViolated(Constraint.FORMAT, "a csAuthId is used twice")


def _check_cs_ap(model: InfoModel) -> None:
    for mandant, client, workplace in model.cs_ap:
        if (mandant, client) not in model.mandant_clients or (mandant, workplace) not in model.mandant_workplaces:
            raise ConstraintViolated(Constraint.C12, f"{mandant}/{client}/{workplace}")


def _check_remote_pin(model: InfoModel) -> None:
    seen: set[tuple[str, str]] = set()
    for mandant, workplace, ct_id in sorted(model.remote_pin_terminals):
        subject = f"{mandant}/{workplace}/{ct_id}"
        if (mandant, workplace) not in model.mandant_workplaces or (mandant, ct_id) not in model.mandant_terminals:
            raise ConstraintViolated(Constraint.C13, subject)
        if not model.is_local(workplace, ct_id) or (workplace, ct_id) in model.remote_terminals:
            raise ConstraintViolated(Constraint.C14, subject)
        if (mandant, workplace) in seen:
            raise ConstraintViolated(Constraint.C15, subject)
        seen.add((mandant, workplace))


# ---- document


def _client_document(client: ClientSystem) -> dict[str, Any]:
    features = [{"id": f.cs_auth_id, "kind": f.kind.value, "value": f.value} for f in client.auth_features]
    return {"client_system_id": client.client_system_id, "auth_features": features}


def _read_client(entry: Mapping[str, Any]) -> ClientSystem:
    features = (AuthFeature(f["id"], AuthKind(f["kind"]), f["value"]) for f in entry["auth_features"])
    return ClientSystem(entry["client_system_id"], tuple(features))


def _unique(kind: Kind, entities: Iterable[Entity]) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for entity in entities:
        key = _key(kind, entity)
        if key in out:
            raise ConstraintViolated(_UNIQUE[kind], key)
        out[key] = entity
    return out


def _read(document: Mapping[str, Any]) -> InfoModel:
    relations = {
        relation.value: frozenset(tuple(str(end) for end in link) for link in document.get(relation.value, ()))
        for relation in Relation
    }
    terminals = (Terminal(e["ct_id"], tuple(int(s) for s in e["slots"])) for e in document.get(Kind.TERMINAL.value, ()))
    smbs = (ManagedSmb(e["iccsn"], bool(e["hsm"])) for e in document.get(Kind.SMB.value, ()))
    return InfoModel(
        mandanten=frozenset(_unique(Kind.MANDANT, document.get(Kind.MANDANT.value, ()))),
        clients=_unique(Kind.CLIENT, map(_read_client, document.get(Kind.CLIENT.value, ()))),
        workplaces=frozenset(_unique(Kind.WORKPLACE, document.get(Kind.WORKPLACE.value, ()))),
        terminals=_unique(Kind.TERMINAL, terminals),
        managed_smbs=_unique(Kind.SMB, smbs),
        **relations,
    )
