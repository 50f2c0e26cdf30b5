"""Builds an object system from the rows of its table."""

from collections.abc import Mapping
from types import MappingProxyType

from tiaas.card.objsys.access import Access
from tiaas.card.objsys.conditions import Condition
from tiaas.card.objsys.contactless import contactless_rules
from tiaas.card.objsys.model import (
    Algorithm,
    CardKind,
    CardObject,
    ConnectionKey,
    Folder,
    KeyType,
    MultiReferencePassword,
    ObjectSystem,
    Password,
    PrivateKey,
    RecordFile,
    RecordKind,
    Rules,
    RuleSet,
    SymmetricKey,
    TransparentFile,
    TransportStatus,
    TrustAnchor,
)
from tiaas.card.objsys.notation import read_rules

# What every folder allows besides its own rules (omitted in the tables, gaps_closed §3.1).
_FOLDER_ALWAYS = "RANDOM/KEYSTATUS: ALW"


class Table:
    """Takes the rows of one card; sizes, identifiers and rules as in the object system's tables."""

    def __init__(self, kind: CardKind, names: Mapping[str, Condition]) -> None:
        self._kind = kind
        self._names = names
        self._objects: dict[str, CardObject] = {}

    def build(self) -> ObjectSystem:
        """The finished object system."""
        root = self._objects["MF"]
        if not isinstance(root, Folder):
            raise TypeError("MF is no folder")
        return ObjectSystem(self._kind, root, MappingProxyType(self._objects))

    def folder(self, path: str, aid: str, rules: str = "", fid: int | None = None, deactivated: str = "") -> None:
        """`deactivated` is the rule for ACTIVATE and DEACTIVATE, which holds in both life cycle states."""
        every = "; ".join(part for part in (_FOLDER_ALWAYS, rules, deactivated) if part)
        inactive = f"{_FOLDER_ALWAYS}; {deactivated}" if deactivated else ""
        access = self._rules(path, every, every, inactive)
        self._objects[path] = Folder(path, bytes.fromhex(aid), fid, access)

    def transparent(self, path: str, fid: int, sfid: int | None, size: int, rules: str, se2: str = "") -> None:
        self._objects[path] = TransparentFile(path, fid, sfid, size, self._rules(path, rules, se2))

    def records(
        self,
        path: str,
        fid: int,
        sfid: int | None,
        kind: RecordKind,
        shape: tuple[int, int],
        rules: str,
        total: int | None = None,
        life_cycle: bool = False,
    ) -> None:
        """`shape` is number and size of the records; `total` the octets of all together (variable records)."""
        access = self._rules(path, rules)
        self._objects[path] = RecordFile(path, fid, sfid, kind, shape[0], shape[1], total, life_cycle, access)

    def password(
        self,
        path: str,
        number: int,
        length: tuple[int, int],
        rules: str,
        transport: TransportStatus = TransportStatus.REGULAR,
        puk_uses: int = 10,
        stack: Mapping[int, int | None] | None = None,
        se2: str = "",
    ) -> None:
        """Three tries, enabled; `stack` by SE, no bound if missing."""
        self._objects[path] = Password(
            path=path,
            id=number,
            min_length=length[0],
            max_length=length[1],
            start_retries=3,
            start_puk_uses=puk_uses,
            transport=transport,
            enabled=True,
            security_stack=MappingProxyType(dict(stack or {1: None})),
            rules=self._rules(path, rules, se2),
        )

    def multi_reference(self, path: str, number: int, target: str, rules: str, enabled: bool = True) -> None:
        stack: Mapping[int, int | None] = MappingProxyType({1: None})
        self._objects[path] = MultiReferencePassword(path, number, target, enabled, stack, self._rules(path, rules))

    def private_key(
        self, path: str, number: int, algorithms: str, rules: str, key_type: KeyType = KeyType.P256R1, se2: str = ""
    ) -> None:
        """The public part of a key can always be read (GENKEY81), unless `rules` says otherwise."""
        allowed = frozenset(Algorithm(word) for word in algorithms.split(","))
        access = self._rules(path, f"GENKEY81: ALW; {rules}", f"GENKEY81: ALW; {se2}" if se2 else "")
        self._objects[path] = PrivateKey(path, number, key_type, allowed, access)

    def symmetric_key(self, path: str, number: int, size: int) -> None:
        self._objects[path] = SymmetricKey(path, number, size, self._rules(path, "MUTAUTH/GENAUTH: ALW"))

    def connection_key(self, path: str, number: int) -> None:
        self._objects[path] = ConnectionKey(path, number, self._rules(path, "GENAUTH: ALW"))

    def trust_anchor(self, path: str) -> None:
        self._objects[path] = TrustAnchor(path, self._rules(path, "VCERT: ALW"))

    def _rules(self, path: str, se1: str, se2: str = "", deactivated: str = "") -> Rules:
        active = {1: read_rules(se1, self._names)}
        if se2:
            active[2] = read_rules(se2, self._names)
        inactive = {1: read_rules(deactivated, self._names)} if deactivated else {}
        return Rules(
            MappingProxyType(active),
            MappingProxyType(inactive),
            _contactless(path, active),
            _contactless(path, inactive),
        )


def _contactless(path: str, rules: dict[int, dict[Access, Condition]]) -> Mapping[int, RuleSet]:
    return MappingProxyType({number: contactless_rules(path, number, rule_set) for number, rule_set in rules.items()})
