"""The information model keeps its constraints, whatever is asked of it."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tiaas.konnektor.infomodel import (
    RELATION_ENDS,
    AuthFeature,
    AuthKind,
    BadModelDocument,
    ClientSystem,
    Constraint,
    ConstraintViolated,
    InfoModel,
    Kind,
    ManagedSmb,
    Relation,
    Terminal,
)
from tiaas.konnektor.livemodel import LiveInfoModel

ICCSN = "80276883110000017222"


def small() -> InfoModel:
    """One of each, everything linked."""
    model = InfoModel()
    model = model.add(Kind.MANDANT, "M1").add(Kind.WORKPLACE, "AP1").add(Kind.TERMINAL, Terminal("CT1", (1, 2)))
    feature = AuthFeature("f1", AuthKind.CERTIFICATE, "ab" * 32)
    model = model.add(Kind.CLIENT, ClientSystem("CS1", (feature,))).add(Kind.SMB, ManagedSmb(ICCSN))
    model = model.link(Relation.MANDANT_CLIENT, "M1", "CS1").link(Relation.MANDANT_WORKPLACE, "M1", "AP1")
    model = model.link(Relation.MANDANT_TERMINAL, "M1", "CT1").link(Relation.LOCAL, "AP1", "CT1")
    model = model.link(Relation.MANDANT_SMB, "M1", ICCSN).link(Relation.CS_AP, "M1", "CS1", "AP1")
    return model.link(Relation.REMOTE_PIN, "M1", "AP1", "CT1")


@pytest.mark.parametrize(
    ("kind", "entity", "constraint"),
    [
        (Kind.SMB, ManagedSmb(ICCSN, is_hsm=True), Constraint.C5),
        (Kind.CLIENT, ClientSystem("CS1"), Constraint.C7),
        (Kind.MANDANT, "M1", Constraint.C8),
        (Kind.WORKPLACE, "AP1", Constraint.C9),
        (Kind.TERMINAL, Terminal("CT1"), Constraint.C10),
        (Kind.TERMINAL, Terminal("CT2", (1, 2, 1)), Constraint.C11),
        (Kind.TERMINAL, Terminal("CT2", ()), Constraint.FORMAT),
        (Kind.TERMINAL, Terminal("CT2", (0,)), Constraint.FORMAT),
        (Kind.MANDANT, "", Constraint.FORMAT),
        (Kind.MANDANT, "m" * 65, Constraint.FORMAT),
        (Kind.SMB, ManagedSmb("8027688311000001722"), Constraint.FORMAT),
        (Kind.CLIENT, ClientSystem("CS2", (AuthFeature("f1", AuthKind.BASIC, "u"),)), Constraint.FORMAT),
    ],
)
@pytest.mark.requirement("TIP1-A_4522")
def test_an_entity_that_breaks_a_constraint_is_refused(kind: Kind, entity: object, constraint: Constraint) -> None:
    with pytest.raises(ConstraintViolated) as caught:
        small().add(kind, entity)  # type: ignore[arg-type]
    assert caught.value.constraint is constraint


@pytest.mark.requirement("TIP1-A_4522")
def test_999_mandanten_are_kept_with_their_relations() -> None:
    many = [f"M{number}" for number in range(2, 999)]
    few = small()
    ends = {Relation.MANDANT_CLIENT: ("CS1",), Relation.MANDANT_WORKPLACE: ("AP1",), Relation.CS_AP: ("CS1", "AP1")}
    links = {name.value: getattr(few, name.value) | {(each, *end) for each in many} for name, end in ends.items()}
    model = replace(few, mandanten=few.mandanten | set(many), **links).add(Kind.MANDANT, "M999")
    for name, end in ends.items():
        model = model.link(name, "M999", *end)
    read = InfoModel.from_document(json.loads(json.dumps(model.to_document())))
    assert read == model
    assert len(read.mandanten) == 999
    assert all((mandant, "CS1", "AP1") in read.cs_ap for mandant in read.mandanten)


def test_the_longest_id_is_allowed() -> None:
    assert "m" * 64 in InfoModel().add(Kind.MANDANT, "m" * 64).mandanten


def test_cs_ap_needs_client_and_workplace_of_the_mandant() -> None:
    model = small().add(Kind.MANDANT, "M2").link(Relation.MANDANT_CLIENT, "M2", "CS1")
    with pytest.raises(ConstraintViolated) as caught:
        model.link(Relation.CS_AP, "M2", "CS1", "AP1")
    assert caught.value.constraint is Constraint.C12
    with pytest.raises(ConstraintViolated) as caught:
        small().unlink(Relation.MANDANT_CLIENT, "M1", "CS1")
    assert caught.value.constraint is Constraint.C12


def test_a_remote_pin_terminal_is_local_of_the_mandant_and_the_only_one() -> None:
    base = small().add(Kind.TERMINAL, Terminal("CT2")).unlink(Relation.REMOTE_PIN, "M1", "AP1", "CT1")
    with pytest.raises(ConstraintViolated) as caught:
        base.link(Relation.REMOTE_PIN, "M1", "AP1", "CT2")
    assert caught.value.constraint is Constraint.C13
    base = base.link(Relation.MANDANT_TERMINAL, "M1", "CT2")
    with pytest.raises(ConstraintViolated) as caught:
        base.link(Relation.REMOTE_PIN, "M1", "AP1", "CT2")
    assert caught.value.constraint is Constraint.C14
    base = base.link(Relation.LOCAL, "AP1", "CT2").link(Relation.REMOTE_PIN, "M1", "AP1", "CT2")
    with pytest.raises(ConstraintViolated) as caught:
        base.link(Relation.REMOTE, "AP1", "CT2")
    assert caught.value.constraint is Constraint.C14
    with pytest.raises(ConstraintViolated) as caught:
        base.link(Relation.REMOTE_PIN, "M1", "AP1", "CT1")
    assert caught.value.constraint is Constraint.C15


@pytest.mark.parametrize("relation", list(Relation))
@pytest.mark.requirement("TIP1-A_4522")
def test_a_relation_joins_only_what_exists(relation: Relation) -> None:
    ends = ["nobody"] * len(RELATION_ENDS[relation])
    with pytest.raises(ConstraintViolated) as caught:
        small().link(relation, *ends)
    assert caught.value.constraint is Constraint.REFERENCE
    with pytest.raises(ConstraintViolated):
        small().unlink(relation, *ends)


@pytest.mark.parametrize(
    ("kind", "key"),
    [(Kind.MANDANT, "M1"), (Kind.CLIENT, "CS1"), (Kind.WORKPLACE, "AP1"), (Kind.TERMINAL, "CT1"), (Kind.SMB, ICCSN)],
)
def test_removing_an_entity_removes_its_relations(kind: Kind, key: str) -> None:
    model = small().remove(kind, key)
    assert key not in getattr(model, kind.value)
    assert all(key not in link for relation in Relation for link in getattr(model, relation.value))
    with pytest.raises(ConstraintViolated):
        model.remove(kind, key)


@pytest.mark.requirement("TIP1-A_4522")
async def test_a_refused_change_leaves_the_snapshot_alone_and_persistence_comes_first() -> None:
    written: list[InfoModel] = []

    async def persist(model: InfoModel) -> None:
        assert live.current != model
        written.append(model)

    live = LiveInfoModel(small(), persist)
    with pytest.raises(ConstraintViolated):
        await live.apply(lambda model: model.add(Kind.MANDANT, "M1"))
    assert live.current == small()
    assert not written
    after = await live.apply(lambda model: model.add(Kind.MANDANT, "M2"))
    assert written == [after] == [live.current]


async def test_a_store_that_fails_keeps_the_old_snapshot() -> None:
    async def refuse(model: InfoModel) -> None:
        raise OSError("disk full")

    live = LiveInfoModel(small(), refuse)
    with pytest.raises(OSError, match="disk full"):
        await live.apply(lambda model: model.add(Kind.MANDANT, "M2"))
    assert "M2" not in live.current.mandanten


async def test_changes_at_the_same_time_are_all_kept() -> None:
    stored: list[InfoModel] = []

    async def persist(model: InfoModel) -> None:
        await asyncio.sleep(0)
        stored.append(model)

    live = LiveInfoModel(small(), persist)

    def adding(number: int) -> Callable[[InfoModel], InfoModel]:
        return lambda model: model.add(Kind.MANDANT, f"X{number}")

    await asyncio.gather(*(live.apply(adding(number)) for number in range(5)))
    assert {f"X{n}" for n in range(5)} <= live.current.mandanten
    assert stored[-1] == live.current


async def test_a_change_that_fails_beside_another_is_not_stored() -> None:
    """Two changes at once: the one that raises leaves no trace in the store."""
    stored: list[InfoModel] = []

    async def persist(model: InfoModel) -> None:
        await asyncio.sleep(0)
        stored.append(model)

    live = LiveInfoModel(small(), persist)

    async def once(name: str) -> None:
        await live.apply(lambda model: model.add(Kind.MANDANT, "once").add(Kind.MANDANT, name))

    outcomes = await asyncio.gather(once("A"), once("B"), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [type(None), ConstraintViolated]
    assert stored == [live.current]
    assert "A" in live.current.mandanten
    assert "B" not in live.current.mandanten


def test_the_document_goes_round_and_damage_is_told() -> None:
    document = json.loads(json.dumps(small().to_document()))
    assert InfoModel.from_document(document) == small()
    with pytest.raises(BadModelDocument):
        InfoModel.from_document({**document, "version": 2})
    with pytest.raises(BadModelDocument):
        InfoModel.from_document({**document, "surprise": []})
    with pytest.raises(BadModelDocument):
        InfoModel.from_document({**document, "terminals": [{"ct_id": "CT1"}]})
    with pytest.raises(ConstraintViolated):
        InfoModel.from_document({**document, "mandanten": ["M1", "M1"]})


def test_changing_an_entity_needs_it_and_keeps_relations() -> None:
    model = small().change(Kind.CLIENT, ClientSystem("CS1"))
    assert model.clients_with(AuthKind.CERTIFICATE, "ab" * 32) == frozenset()
    assert ("M1", "CS1") in model.mandant_clients
    with pytest.raises(ConstraintViolated):
        small().change(Kind.CLIENT, ClientSystem("CS9"))


def test_questions() -> None:
    model = small()
    assert model.clients_with(AuthKind.CERTIFICATE, "ab" * 32) == {"CS1"}
    assert model.clients_with(AuthKind.BASIC, "ab" * 32) == frozenset()
    assert model.workplaces_of("M1", "CS1") == {"AP1"}
    assert model.local_workplaces("CT1") == ("AP1",)
    assert model.remote_pin_terminal("M1", "AP1") == "CT1"
    assert model.remote_pin_terminal("M1", "AP9") is None


_NAMES = st.sampled_from(["M1", "M2", "CS1", "CS2", "AP1", "AP2", "CT1", "CT2"])
_STEPS = st.lists(
    st.tuples(st.sampled_from(["link", "unlink"]), st.sampled_from(list(Relation)), st.lists(_NAMES, max_size=3)),
    max_size=25,
)


@given(_STEPS)
def test_no_sequence_of_changes_gives_a_model_that_its_own_document_would_refuse(
    steps: list[tuple[str, Relation, list[str]]],
) -> None:
    model = InfoModel()
    for mandant in ("M1", "M2"):
        model = model.add(Kind.MANDANT, mandant)
    for client in ("CS1", "CS2"):
        model = model.add(Kind.CLIENT, ClientSystem(client))
    for workplace in ("AP1", "AP2"):
        model = model.add(Kind.WORKPLACE, workplace)
    for terminal in ("CT1", "CT2"):
        model = model.add(Kind.TERMINAL, Terminal(terminal))
    for verb, relation, ends in steps:
        try:
            model = getattr(model, verb)(relation, *ends)
        except ConstraintViolated:
            continue
    assert InfoModel.from_document(model.to_document()) == model
    for mandant, client, workplace in model.cs_ap:
        assert (mandant, client) in model.mandant_clients
        assert (mandant, workplace) in model.mandant_workplaces
    assert len({link[:2] for link in model.remote_pin_terminals}) == len(model.remote_pin_terminals)
