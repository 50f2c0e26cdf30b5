"""Entities, relations and constraints of the information model (gemSpec_Kon V5.18 §4.1.1, TAB_KON_507, 509, 510)."""

import enum
from collections.abc import Mapping

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput

ID_LENGTH_MAX = 64
"""ConnectorContext.xsd v2.0 and CardServiceCommon.xsd v2.0: ids have at most 64 characters."""
ICCSN_LENGTH = 20


@enum.unique
class Constraint(enum.Enum):
    """TAB_KON_510; the value says what must hold. `REFERENCE`, `FORMAT` are ours: ends of relations exist, ids fit."""

    C1 = "an eGK has one card session or none"
    C2 = "a card session of an HBAx is unique per card, Clientsystem and userId"
    C3 = "a card session of an SM-B is unique per card and Mandant"
    C4 = "the ICCSN of an inserted card is unique"
    C5 = "the ICCSN of a managed SM-B is unique"
    C6 = "a card handle is unique"
    C7 = "a clientSystemId is unique"
    C8 = "a mandantId is unique"
    C9 = "a workplaceId is unique"
    C10 = "a ctId is unique"
    C11 = "a slot number is unique within its terminal"
    C12 = "CS_AP joins a Clientsystem and a workplace that both belong to the Mandant"
    C13 = "a Remote-PIN-KT and its workplace both belong to the Mandant"
    C14 = "a Remote-PIN-KT is a local and not a remote terminal of the workplace"
    C15 = "there is at most one Remote-PIN-KT per Mandant and workplace"
    C16 = "a card session of an HBAx has a userId"
    REFERENCE = "a relation joins entities that exist"
    FORMAT = "an id has 1 to 64 characters, an ICCSN 20 digits, a terminal 1 to 14 slots"


class ConstraintViolated(InvalidInput):
    """A change that the information model does not allow. `subject` names the entity or relation."""

    def __init__(self, constraint: Constraint, subject: str) -> None:
        super().__init__(f"{constraint.name}: {constraint.value} ({subject})")
        self.constraint = constraint
        self.subject = subject


class BadModelDocument(InvalidInput):
    """A stored information model that cannot be read."""


@enum.unique
class AuthKind(enum.StrEnum):
    """Kinds of CS-AuthMerkmal: a client certificate (SHA-256 fingerprint, hex) or a user name for Basic."""

    CERTIFICATE = "certificate"
    BASIC = "basic"


@dataclass(frozen=True, slots=True)
class AuthFeature:
    """CS-AuthMerkmal. `value` identifies it and is no secret: a fingerprint or a user name."""

    cs_auth_id: str
    kind: AuthKind
    value: str


@dataclass(frozen=True, slots=True)
class ClientSystem:
    """Clientsystem with its authentication features (relation [1])."""

    client_system_id: str
    auth_features: tuple[AuthFeature, ...] = ()


@dataclass(frozen=True, slots=True)
class Terminal:
    """Kartenterminal with its slots (relation [8]), numbered from 1."""

    ct_id: str
    slots: tuple[int, ...] = (1, 2, 3, 4)


@dataclass(frozen=True, slots=True)
class ManagedSmb:
    """SM-B_Verwaltet: an SM-B registered by the administrator before use."""

    iccsn: str
    is_hsm: bool = False


@enum.unique
class Kind(enum.Enum):
    """Kinds of entity; the value is the snapshot's field, in the document the key."""

    MANDANT = "mandanten"
    CLIENT = "clients"
    WORKPLACE = "workplaces"
    TERMINAL = "terminals"
    SMB = "managed_smbs"


@enum.unique
class Relation(enum.Enum):
    """Persistent relations (TAB_KON_509); the value is the snapshot's field, in the document the key."""

    MANDANT_CLIENT = "mandant_clients"
    MANDANT_WORKPLACE = "mandant_workplaces"
    MANDANT_TERMINAL = "mandant_terminals"
    LOCAL = "local_terminals"
    REMOTE = "remote_terminals"
    MANDANT_SMB = "mandant_smbs"
    CS_AP = "cs_ap"
    REMOTE_PIN = "remote_pin_terminals"


RELATION_ENDS: Mapping[Relation, tuple[Kind, ...]] = {
    Relation.MANDANT_CLIENT: (Kind.MANDANT, Kind.CLIENT),
    Relation.MANDANT_WORKPLACE: (Kind.MANDANT, Kind.WORKPLACE),
    Relation.MANDANT_TERMINAL: (Kind.MANDANT, Kind.TERMINAL),
    Relation.LOCAL: (Kind.WORKPLACE, Kind.TERMINAL),
    Relation.REMOTE: (Kind.WORKPLACE, Kind.TERMINAL),
    Relation.MANDANT_SMB: (Kind.MANDANT, Kind.SMB),
    Relation.CS_AP: (Kind.MANDANT, Kind.CLIENT, Kind.WORKPLACE),
    Relation.REMOTE_PIN: (Kind.MANDANT, Kind.WORKPLACE, Kind.TERMINAL),
}
"""Which entities a tuple of a relation joins, in this order."""
