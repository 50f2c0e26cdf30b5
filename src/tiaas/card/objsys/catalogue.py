"""Finds the object system of a kind of card, and the kind of card by what SELECT answers."""

from collections.abc import Callable, Mapping

from tiaas.card.objsys import addresses, egk, gsmckt, hba, smcb
from tiaas.card.objsys.model import CardKind, ObjectSystem

_SYSTEMS: Mapping[CardKind, Callable[[], ObjectSystem]] = {
    CardKind.EGK: egk.object_system,
    CardKind.HBA: hba.object_system,
    CardKind.SMC_B: smcb.object_system,
    CardKind.SMC_KT: gsmckt.object_system,
}

_ROOT_AIDS: Mapping[bytes, CardKind] = {
    addresses.AID_ROOT_EGK: CardKind.EGK,
    addresses.AID_ROOT_HBA: CardKind.HBA,
    addresses.AID_ROOT_SMC_B: CardKind.SMC_B,
    addresses.AID_ROOT_SMC_KT: CardKind.SMC_KT,
}


def object_system(kind: CardKind) -> ObjectSystem:
    """The object system of that kind; built once."""
    return _SYSTEMS[kind]()


def kind_of_root(aid: bytes) -> CardKind | None:
    """The kind of card whose root application has this identifier (DO 84 of the root's FCP), None for others."""
    return _ROOT_AIDS.get(aid)
