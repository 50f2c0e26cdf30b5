"""Documents about the information model (gemSpec_Kon V5.18 §4.1.1, TAB_KON_507 to 510)."""

from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Iccsn, Id, Items, Number, Told

Link = Annotated[tuple[Id, ...], Items(2, 3)]
Links = Annotated[tuple[Link, ...], Items(0, 100_000)]
_ENTITIES = Items(0, 10_000)


@dataclass(frozen=True, slots=True)
class MandantDocument:
    """A Mandant."""

    mandant_id: Id


@dataclass(frozen=True, slots=True)
class ClientSystemDocument:
    """A Clientsystem; how it authenticates is at /client-systems."""

    client_system_id: Id


@dataclass(frozen=True, slots=True)
class WorkplaceDocument:
    """An Arbeitsplatz."""

    workplace_id: Id


@dataclass(frozen=True, slots=True)
class ModelTerminal:
    """A card terminal as the model knows it; how it is reached and paired is at /terminals."""

    ct_id: Id
    slots: Annotated[tuple[Annotated[int, Number(1, 14)], ...], Items(1, 14)] = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class ManagedSmbDocument:
    """SM-B_Verwaltet."""

    iccsn: Iccsn
    is_hsm: bool = False


@dataclass(frozen=True, slots=True)
class InfoModelDocument:
    """The persistent part of the information model as a whole. A link is a list of ids in the order named."""

    mandanten: Annotated[tuple[Id, ...], _ENTITIES] = ()
    client_systems: Annotated[tuple[Id, ...], _ENTITIES] = ()
    workplaces: Annotated[tuple[Id, ...], _ENTITIES] = ()
    terminals: Annotated[tuple[ModelTerminal, ...], _ENTITIES] = ()
    managed_smbs: Annotated[tuple[ManagedSmbDocument, ...], _ENTITIES] = ()
    mandant_clients: Annotated[Links, Told("mandant_id, client_system_id")] = ()
    mandant_workplaces: Annotated[Links, Told("mandant_id, workplace_id")] = ()
    mandant_terminals: Annotated[Links, Told("mandant_id, ct_id")] = ()
    local_terminals: Annotated[Links, Told("workplace_id, ct_id")] = ()
    remote_terminals: Annotated[Links, Told("workplace_id, ct_id")] = ()
    mandant_smbs: Annotated[Links, Told("mandant_id, iccsn")] = ()
    cs_ap: Annotated[Links, Told("mandant_id, client_system_id, workplace_id")] = ()
    remote_pin_terminals: Annotated[Links, Told("mandant_id, workplace_id, ct_id")] = ()
