"""Finds the object system of a kind of card, and the kind of card by what SELECT answers."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType

from tiaas.card.objsys import addresses, egk, gsmckt, hba, hbaqsig, smcb
from tiaas.card.objsys.model import CardKind, KeyProfile, ObjectSystem

_SYSTEMS: Mapping[CardKind, Callable[[], ObjectSystem]] = {
    CardKind.EGK: egk.object_system,
    CardKind.HBA: hba.object_system,
    CardKind.HBA_QSIG: hbaqsig.object_system,
    CardKind.SMC_B: smcb.object_system,
    CardKind.SMC_KT: gsmckt.object_system,
}

_ROOT_AIDS: Mapping[bytes, CardKind] = {
    addresses.AID_ROOT_EGK: CardKind.EGK,
    addresses.AID_ROOT_HBA: CardKind.HBA,
    addresses.AID_ROOT_SMC_B: CardKind.SMC_B,
    addresses.AID_ROOT_SMC_KT: CardKind.SMC_KT,
}

# Objects of a family of X.509 identities that a card of the profile does not have. CV certificates are always ECC.
_MISSING: Mapping[KeyProfile, re.Pattern[str]] = {
    KeyProfile.ECC_ONLY: re.compile(r"\.R\d{4}$"),
    KeyProfile.RSA_ONLY: re.compile(r"/(EF\.C|PrK)\.(CH|HP|HCI|SMKT)\.\w+\.E256$"),
}


def object_system(kind: CardKind, profile: KeyProfile = KeyProfile.RSA_AND_ECC) -> ObjectSystem:
    """The object system of that kind, without what a card of the profile has not; built once."""
    return _SYSTEMS[kind]() if profile not in _MISSING else _reduced(kind, profile)


def kind_of_root(aid: bytes) -> CardKind | None:
    """The kind of card whose root application has this identifier (DO 84 of the root's FCP), None for others.

    An HBA-Vorläuferkarte has that of the HBA.
    """
    return _ROOT_AIDS.get(aid)


@cache
def _reduced(kind: CardKind, profile: KeyProfile) -> ObjectSystem:
    system, missing = _SYSTEMS[kind](), _MISSING[profile]
    left = {path: item for path, item in system.objects.items() if not missing.search(path)}
    return ObjectSystem(system.kind, system.root, MappingProxyType(left))
