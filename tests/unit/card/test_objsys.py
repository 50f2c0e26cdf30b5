"""The tables: nothing contradicts itself, the notation says what it should."""

from collections import Counter
from collections.abc import Iterator

import pytest

from tiaas.card.objsys.access import Access
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.conditions import (
    ALWAYS,
    AllOf,
    AnyOf,
    AutFlag,
    Condition,
    Pwd,
    SmCmdEnc,
    SmMacFlag,
    SmMacKey,
    SmRspEnc,
)
from tiaas.card.objsys.model import (
    CardKind,
    Folder,
    MultiReferencePassword,
    Password,
    PrivateKey,
    RecordFile,
    TransparentFile,
    parent_of,
)
from tiaas.card.objsys.notation import OID_FLAGS_TI, flag_bits, read_rules
from tiaas.card.virtual.tree import tree_of

NAMES: dict[str, Condition] = {"CMS": SmMacKey(0x13)}


def _leaves(condition: Condition) -> Iterator[Condition]:
    if isinstance(condition, AllOf | AnyOf):
        for part in condition.parts:
            yield from _leaves(part)
    else:
        yield condition


@pytest.mark.parametrize("kind", CardKind)
def test_identifiers_are_unique_in_their_folder(kind: CardKind) -> None:
    objects = object_system(kind).objects
    seen: Counter[tuple[str, str, object]] = Counter()
    for path, item in objects.items():
        folder = parent_of(path)
        match item:
            case TransparentFile() | RecordFile():
                seen[folder, "fid", item.fid] += 1
                seen[folder, "sfid", item.sfid] += 1
            case Password() | MultiReferencePassword():
                seen[folder, "password", item.id] += 1
            case PrivateKey():
                seen[folder, "key", item.id] += 1
            case Folder():
                seen["", "aid", item.aid] += 1
            case _:
                pass
    assert [entry for entry, count in seen.items() if count > 1] == []


@pytest.mark.parametrize("kind", CardKind)
def test_every_object_lies_in_a_folder_named_before(kind: CardKind) -> None:
    seen: set[str] = set()
    for path, item in object_system(kind).objects.items():
        assert path == item.path
        assert path == "MF" or parent_of(path) in seen
        if isinstance(item, Folder):
            seen.add(path)


@pytest.mark.parametrize("kind", CardKind)
def test_rules_name_passwords_and_keys_that_exist(kind: CardKind) -> None:
    tree = tree_of(kind)
    for path, item in object_system(kind).objects.items():
        folder = path if isinstance(item, Folder) else parent_of(path)
        for by_environment in (item.rules.active, item.rules.deactivated):
            for rules in by_environment.values():
                for leaf in (leaf for condition in rules.values() for leaf in _leaves(condition)):
                    if isinstance(leaf, Pwd):
                        assert tree.password(folder, leaf.ref) is not None, path
                    if isinstance(leaf, SmMacKey):
                        assert tree.secret_key(folder, leaf.ref) is not None, path


def test_multi_reference_targets_exist() -> None:
    objects = object_system(CardKind.EGK).objects
    targets = [objects[item.target] for item in objects.values() if isinstance(item, MultiReferencePassword)]
    assert len(targets) == 7
    assert all(isinstance(target, Password) for target in targets)


def test_protected_data_of_an_egk() -> None:
    gvd = object_system(CardKind.EGK).objects["MF/DF.HCA/EF.GVD"]
    condition = gvd.rules.active[1][Access.READ_BINARY]
    assert isinstance(condition, AnyOf)
    home, with_pin, role_alone, channel = condition.parts
    assert home == Pwd(0x02)
    assert with_pin == AllOf((Pwd(0x01), AutFlag(OID_FLAGS_TI, flag_bits(29))))
    assert role_alone == AutFlag(OID_FLAGS_TI, flag_bits(30))
    assert isinstance(channel, AllOf)
    assert channel.parts[1] == SmRspEnc()


@pytest.mark.parametrize(
    ("text", "condition"),
    [
        ("ALW", ALWAYS),
        ("P(81)", Pwd(0x81)),
        ("CMS*", AllOf((SmMacKey(0x13), SmCmdEnc()))),
        ("TI(b0)", AutFlag(OID_FLAGS_TI, bytes.fromhex("80000000000000"))),
        ("TI(b17+b33)", AutFlag(OID_FLAGS_TI, flag_bits(17, 33))),
        (
            "TI(b46/b47)",
            AnyOf((AutFlag(OID_FLAGS_TI, flag_bits(46)), AutFlag(OID_FLAGS_TI, flag_bits(47)))),
        ),
        ("[P(81)+SM(b55)+CE+RE]", AllOf((Pwd(0x81), SmMacFlag(OID_FLAGS_TI, flag_bits(55)), SmCmdEnc(), SmRspEnc()))),
        ("P(02) or [CMS+RE]", AnyOf((Pwd(2), AllOf((SmMacKey(0x13), SmRspEnc()))))),
    ],
)
def test_notation(text: str, condition: Condition) -> None:
    assert read_rules(f"READ: {text}", NAMES) == {Access.READ_BINARY: condition}


@pytest.mark.parametrize("text", ["", "P(1)", "[ALW", "ALW ALW", "ALW or", "NONE", "P(02) and P(01)", "ALW)"])
def test_unreadable_notation(text: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        read_rules(f"READ: {text}", NAMES)


def test_several_commands_share_a_condition() -> None:
    rules = read_rules("UPD/WRITE: ALW; LOAD: CMS", NAMES)
    assert rules == {
        Access.UPDATE_BINARY: ALWAYS,
        Access.WRITE_BINARY: ALWAYS,
        Access.LOAD_CHAINED: SmMacKey(0x13),
        Access.LOAD: SmMacKey(0x13),
    }
