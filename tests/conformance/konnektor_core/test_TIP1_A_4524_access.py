"""TIP1-A_4524-03, TUC_KON_000: every row of TAB_KON_514-01 with every rule, and the order of the checks."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tiaas.konnektor.access import (
    CONDITIONS,
    OPERATION_ACCESS,
    RULES,
    AccessRequest,
    CardFact,
    Decision,
    Denied,
    Granted,
    HbaSessionFact,
    Rule,
    decide,
    rule_for,
)
from tiaas.konnektor.cardtypes import HBAX, SM_B, CardType
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, Kind, ManagedSmb, Relation, Terminal

ICCSN = "80276883110000017222"
CARD_OF_RULE = {
    Rule.R5: CardType.EGK,
    Rule.R6: CardType.EGK,
    Rule.R7: CardType.SMC_B,
    Rule.R8: CardType.HBA,
    Rule.R9: CardType.HBA,
}


def model() -> InfoModel:
    out = InfoModel().add(Kind.MANDANT, "M").add(Kind.CLIENT, ClientSystem("CS")).add(Kind.WORKPLACE, "AP")
    out = out.add(Kind.TERMINAL, Terminal("CT")).add(Kind.SMB, ManagedSmb(ICCSN))
    out = out.link(Relation.MANDANT_CLIENT, "M", "CS").link(Relation.MANDANT_WORKPLACE, "M", "AP")
    out = out.link(Relation.MANDANT_TERMINAL, "M", "CT").link(Relation.LOCAL, "AP", "CT")
    return out.link(Relation.MANDANT_SMB, "M", ICCSN).link(Relation.CS_AP, "M", "CS", "AP")


def request_for(rule: Rule) -> AccessRequest:
    base = AccessRequest("M", "CS", "AP", need_card_session=False)
    return {
        Rule.R1: replace(base, all_workplaces=True),
        Rule.R2: replace(base, all_workplaces=True, ct_id="CT"),
        Rule.R3: base,
        Rule.R4: replace(base, ct_id="CT"),
        Rule.R5: replace(base, card_handle="H"),
        Rule.R6: replace(base, card_handle="H", need_card_session=True),
        Rule.R7: replace(base, card_handle="H", need_card_session=True),
        Rule.R8: replace(base, card_handle="H"),
        Rule.R9: replace(base, card_handle="H", need_card_session=True, user_id="U"),
    }[rule]


def ask(request: AccessRequest, info: InfoModel, card: CardFact | None) -> Decision:
    return decide(request, info, lambda handle: card if handle == "H" else None)


def card_for(rule: Rule) -> CardFact | None:
    return CardFact(CARD_OF_RULE[rule], "CT", ICCSN) if rule in CARD_OF_RULE else None


@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.requirement("TIP1-A_4524-03", "TIP1-A_4523")
def test_each_rule_grants_when_all_its_conditions_hold(rule: Rule) -> None:
    assert ask(request_for(rule), model(), card_for(rule)) == Granted(rule)


def without(kind: Kind, key: str) -> InfoModel:
    return model().remove(kind, key)


def cut(relation: Relation, *ends: str) -> InfoModel:
    return model().unlink(relation, *ends)


NO_CS_AP = cut(Relation.CS_AP, "M", "CS", "AP")
Broken = tuple[AccessRequest, InfoModel, CardFact | None]
BREAKS: dict[str, Callable[[AccessRequest, InfoModel, CardFact | None], Broken]] = {
    "userId given": lambda q, m, c: (replace(q, user_id=None), m, c),
    "Mandant known": lambda q, m, c: (q, without(Kind.MANDANT, "M"), c),
    "Clientsystem known": lambda q, m, c: (q, without(Kind.CLIENT, "CS"), c),
    "workplace known": lambda q, m, c: (q, without(Kind.WORKPLACE, "AP"), c),
    "terminal known": lambda q, m, c: (q, without(Kind.TERMINAL, "CT"), c),
    "card known": lambda q, m, c: (q, m, None),
    "Clientsystem of the Mandant": lambda q, m, c: (q, NO_CS_AP.unlink(Relation.MANDANT_CLIENT, "M", "CS"), c),
    "workplace of the Mandant": lambda q, m, c: (q, NO_CS_AP.unlink(Relation.MANDANT_WORKPLACE, "M", "AP"), c),
    "terminal of the Mandant": lambda q, m, c: (q, cut(Relation.MANDANT_TERMINAL, "M", "CT"), c),
    "SM-B managed": lambda q, m, c: (q, without(Kind.SMB, ICCSN), c),
    "SM-B of the Mandant": lambda q, m, c: (q, cut(Relation.MANDANT_SMB, "M", ICCSN), c),
    "CS_AP": lambda q, m, c: (q, NO_CS_AP, c),
    "terminal local or remote": lambda q, m, c: (q, cut(Relation.LOCAL, "AP", "CT"), c),
    "terminal of some workplace": lambda q, m, c: (q, cut(Relation.LOCAL, "AP", "CT"), c),
    "terminal local": lambda q, m, c: (q, cut(Relation.LOCAL, "AP", "CT").link(Relation.REMOTE, "AP", "CT"), c),
    "eGK free for the workplace": lambda q, m, c: (q, m, c and c._replace(egk_workplaces=("AP2",))),
    "HBAx not raised by another user": lambda q, m, c: (
        q,
        m,
        c and c._replace(hba_sessions=(HbaSessionFact("CS", "U2", raised=True),)),
    ),
}
EXPECTED = {
    "userId given": (4003, {9}),
    "Mandant known": (4021, set(range(1, 10))),
    "Clientsystem known": (4021, set(range(1, 10))),
    "workplace known": (4021, set(range(3, 10))),
    "terminal known": (4007, {2, 4}),
    "card known": (4008, set(range(5, 10))),
    "Clientsystem of the Mandant": (4010, set(range(1, 10))),
    "workplace of the Mandant": (4011, set(range(3, 10))),
    "terminal of the Mandant": (4012, {2, 4, 5, 6, 7, 8, 9}),
    "SM-B managed": (4009, {7}),
    "SM-B of the Mandant": (4013, {7}),
    "CS_AP": (4014, set(range(3, 10))),
    "terminal local or remote": (4015, {4, 7, 8, 9}),
    "terminal of some workplace": (4020, {2}),
    "terminal local": (4016, {5, 6}),
    "eGK free for the workplace": (4017, {6}),
    "HBAx not raised by another user": (4018, {9}),
}
CONSEQUENCES = {
    **{(2, name): 4020 for name in ("workplace known", "workplace of the Mandant", "CS_AP")},
    (2, "terminal local or remote"): 4020,
    **{(rule, "terminal known"): 4012 for rule in range(5, 10)},
    **{(rule, "terminal local or remote"): 4016 for rule in (5, 6)},
    **{(rule, "terminal of some workplace"): 4016 for rule in (5, 6)},
    **{(rule, "terminal of some workplace"): 4015 for rule in (4, 7, 8, 9)},
}
"""What cutting one link breaks beside the row it is meant for: the code of the row that speaks then."""
LOG_ONLY = {"Mandant known": 4004, "Clientsystem known": 4005, "workplace known": 4006}


def test_the_table_has_the_rows_of_the_specification_in_its_order() -> None:
    assert [condition.name for condition in CONDITIONS] == list(EXPECTED)
    for condition in CONDITIONS:
        assert (condition.code, {rule.value for rule in condition.rules}) == EXPECTED[condition.name]
        assert condition.log_code == LOG_ONLY.get(condition.name, 0)


@pytest.mark.parametrize("name", list(EXPECTED))
@pytest.mark.parametrize("rule", list(Rule))
@pytest.mark.requirement("TIP1-A_4524-03")
@pytest.mark.code(4003, 4004, 4005, 4006, 4007, 4009, 4010, 4011, 4012, 4013, 4014, 4015, 4016, 4017, 4018, 4020)
@pytest.mark.pitfall(11)
def test_a_broken_condition_refuses_exactly_the_rules_it_is_marked_for(rule: Rule, name: str) -> None:
    request, info, card = BREAKS[name](request_for(rule), model(), card_for(rule))
    decision = ask(request, info, card)
    code, rules = EXPECTED[name]
    if rule.value in rules:
        assert isinstance(decision, Denied)
        assert decision.code == code
        assert decision.log_code == LOG_ONLY.get(name, code)
    elif (rule.value, name) in CONSEQUENCES:
        assert isinstance(decision, Denied)
        assert decision.code == CONSEQUENCES[rule.value, name]
    else:
        assert decision == Granted(rule)


@pytest.mark.parametrize("field", ["mandant_id", "client_system_id", "workplace_id"])
@pytest.mark.code(4021)
def test_step_1_a_missing_mandatory_parameter_wins_over_everything(field: str) -> None:
    ids = {"mandant_id": "M", "client_system_id": "CS", "workplace_id": "AP", field: ""}
    request = AccessRequest(
        ids["mandant_id"], ids["client_system_id"], ids["workplace_id"], card_handle="H", authenticated=frozenset()
    )
    assert ask(request, InfoModel(), None) == Denied(4021, 4021, None)


@pytest.mark.code(4204)
def test_step_2_authentication_wins_over_the_missing_card() -> None:
    request = replace(request_for(Rule.R6), authenticated=frozenset({"OTHER"}))
    assert ask(request, model(), None) == Denied(4204, 4204, None)
    assert ask(replace(request, authenticated=frozenset({"CS"})), model(), card_for(Rule.R6)) == Granted(Rule.R6)


@pytest.mark.code(4008)
def test_step_3_1_the_missing_card_wins_over_userid_and_unknown_ids() -> None:
    request = replace(request_for(Rule.R9), user_id=None, mandant_id="nobody")
    assert ask(request, model(), None) == Denied(4008, 4008, None)


@pytest.mark.code(4019)
def test_step_3_2_no_rule_for_the_combination() -> None:
    assert ask(AccessRequest("M", "CS", "AP"), model(), None) == Denied(4019, 4019, None)
    request = replace(request_for(Rule.R7), all_workplaces=True)
    assert ask(request, model(), card_for(Rule.R7)) == Denied(4019, 4019, None)


@pytest.mark.parametrize("card_type", [CardType.SMC_KT, CardType.UNKNOWN])
@pytest.mark.parametrize("need", [True, False])
def test_cards_without_rule_are_judged_by_their_terminal(card_type: CardType, need: bool) -> None:
    request = replace(request_for(Rule.R6), need_card_session=need, all_workplaces=True)
    assert ask(request, model(), CardFact(card_type, "CT")) == Granted(Rule.R4)
    assert ask(request, model(), CardFact(card_type, "CT9")) == Denied(4007, 4007, Rule.R4)


@pytest.mark.pitfall(13)
def test_4018_looks_at_the_same_client_another_user_and_a_raised_state_only() -> None:
    request = request_for(Rule.R9)
    for session in (
        HbaSessionFact("CS2", "U2", raised=True),
        HbaSessionFact("CS", "U", raised=True),
        HbaSessionFact("CS", "U2", raised=False),
    ):
        assert ask(request, model(), CardFact(CardType.HBA, "CT", ICCSN, (), (session,))) == Granted(Rule.R9)


def test_4020_is_satisfied_by_another_workplace_of_the_client() -> None:
    info = cut(Relation.LOCAL, "AP", "CT").add(Kind.WORKPLACE, "AP2").link(Relation.MANDANT_WORKPLACE, "M", "AP2")
    info = info.link(Relation.REMOTE, "AP2", "CT")
    assert ask(request_for(Rule.R2), info, None) == Denied(4020, 4020, Rule.R2)
    assert ask(request_for(Rule.R2), info.link(Relation.CS_AP, "M", "CS", "AP2"), None) == Granted(Rule.R2)


def test_rules_are_selected_as_in_tab_kon_513() -> None:
    seen = {}
    for ct in (False, True):
        for card in (None, *CardType):
            for need in (False, True):
                for wide in (False, True):
                    seen[ct, card, need, wide] = rule_for(
                        ct_id=ct, card_type=card, need_card_session=need, all_workplaces=wide
                    )
    assert seen[False, None, False, True] is Rule.R1
    assert seen[True, None, False, True] is Rule.R2
    assert seen[False, None, False, False] is Rule.R3
    assert seen[True, None, False, False] is Rule.R4
    for ct in (False, True):
        for insured in (CardType.EGK, CardType.KVK):
            assert seen[ct, insured, False, False] is Rule.R5
            assert seen[ct, insured, True, False] is Rule.R6
        for smb in SM_B:
            assert seen[ct, smb, False, False] is seen[ct, smb, True, False] is Rule.R7
        for hba in HBAX:
            assert seen[ct, hba, False, False] is Rule.R8
            assert seen[ct, hba, True, False] is Rule.R9
        assert seen[ct, None, True, False] is seen[ct, None, True, True] is None
    assert all(rule is None for (_, card, _, wide), rule in seen.items() if card is not None and wide)
    assert len(RULES) == len(Rule)


def test_every_operation_served_declares_its_parameters() -> None:
    assert set(OPERATION_ACCESS) >= {
        "GetCards",
        "GetCardTerminals",
        "VerifyPin",
        "GetPinStatus",
        "ReadCardCertificate",
        "ReadVSD",
    }


# ---- random models against a second, naive reading of the specification ---------------------------------------------


def naive(q: AccessRequest, m: InfoModel, card: CardFact | None) -> int:
    """0 if granted, else the code; written from the text, not from the tables."""
    if q.mandant_id == "" or q.client_system_id == "" or q.workplace_id == "":
        return 4021
    if q.authenticated is not None and q.client_system_id not in q.authenticated:
        return 4204
    wide, need, ct = q.all_workplaces, q.need_card_session, q.ct_id
    kind = ""
    if q.card_handle is not None:
        if card is None:
            return 4008
        if card.card_type.value in ("SMC-KT", "UNKNOWN"):
            ct, wide, need = card.ct_id, False, False
        else:
            if wide:
                return 4019
            ct = card.ct_id
            kind = {"EGK": "egk", "KVK": "egk", "SMC-B": "smb", "HSM-B": "smb"}.get(card.card_type.value, "hba")
    if kind == "" and need:
        return 4019
    with_workplace = kind != "" or not wide
    if kind == "hba" and need and not q.user_id:
        return 4003
    if q.mandant_id not in m.mandanten or q.client_system_id not in m.clients:
        return 4021
    if with_workplace and q.workplace_id not in m.workplaces:
        return 4021
    if kind == "" and ct is not None and ct not in m.terminals:
        return 4007
    if (q.mandant_id, q.client_system_id) not in m.mandant_clients:
        return 4010
    if with_workplace and (q.mandant_id, q.workplace_id) not in m.mandant_workplaces:
        return 4011
    if ct is not None and (q.mandant_id, ct) not in m.mandant_terminals:
        return 4012
    if kind == "smb":
        assert card is not None
        if card.iccsn not in m.managed_smbs:
            return 4009
        if (q.mandant_id, card.iccsn) not in m.mandant_smbs:
            return 4013
    if with_workplace and (q.mandant_id, q.client_system_id, q.workplace_id) not in m.cs_ap:
        return 4014
    if ct is None:
        return 0
    local = (q.workplace_id, ct) in m.local_terminals
    if kind == "egk":
        assert card is not None
        if not local:
            return 4016
        return 4017 if need and any(w != q.workplace_id for w in card.egk_workplaces) else 0
    if with_workplace:
        if not local and (q.workplace_id, ct) not in m.remote_terminals:
            return 4015
    else:
        mine = [w for (mm, cc, w) in m.cs_ap if (mm, cc) == (q.mandant_id, q.client_system_id)]
        if not any((w, ct) in m.local_terminals or (w, ct) in m.remote_terminals for w in mine):
            return 4020
    if kind == "hba" and need:
        assert card is not None
        for session in card.hba_sessions:
            if session.client_system_id == q.client_system_id and session.user_id != q.user_id and session.raised:
                return 4018
    return 0


@st.composite
def models(draw: st.DrawFn) -> InfoModel:
    out = InfoModel()
    for kind, entities in (
        (Kind.MANDANT, ["M1", "M2"]),
        (Kind.CLIENT, [ClientSystem("CS1"), ClientSystem("CS2")]),
        (Kind.WORKPLACE, ["AP1", "AP2"]),
        (Kind.TERMINAL, [Terminal("CT1"), Terminal("CT2")]),
        (Kind.SMB, [ManagedSmb(ICCSN), ManagedSmb("8" * 20)]),
    ):
        for entity in entities:
            if draw(st.integers(0, 9)) > 0:
                out = out.add(kind, entity)
    for relation, first, second in (
        (Relation.MANDANT_CLIENT, sorted(out.mandanten), sorted(out.clients)),
        (Relation.MANDANT_WORKPLACE, sorted(out.mandanten), sorted(out.workplaces)),
        (Relation.MANDANT_TERMINAL, sorted(out.mandanten), sorted(out.terminals)),
        (Relation.MANDANT_SMB, sorted(out.mandanten), sorted(out.managed_smbs)),
        (Relation.LOCAL, sorted(out.workplaces), sorted(out.terminals)),
        (Relation.REMOTE, sorted(out.workplaces), sorted(out.terminals)),
    ):
        for one in first:
            for other in second:
                if draw(st.integers(0, 3)) > 0:
                    out = out.link(relation, one, other)
    for mandant, client in sorted(out.mandant_clients):
        for other, workplace in sorted(out.mandant_workplaces):
            if mandant == other and draw(st.integers(0, 3)) > 0:
                out = out.link(Relation.CS_AP, mandant, client, workplace)
    return out


USERS = st.sampled_from([None, "", "U1", "U2"])
CARDS = st.none() | st.builds(
    CardFact,
    st.sampled_from(list(CardType)),
    st.sampled_from(["CT1", "CT2"]),
    st.sampled_from([ICCSN, "8" * 20, "9" * 20]),
    st.lists(st.sampled_from(["AP1", "AP2"]), max_size=1).map(tuple),
    st.lists(
        st.builds(HbaSessionFact, st.sampled_from(["CS1", "CS2"]), st.sampled_from(["U1", "U2"]), st.booleans()),
        max_size=2,
    ).map(tuple),
)
REQUESTS = st.builds(
    AccessRequest,
    st.sampled_from(["M1", "M2", "M1", ""]),
    st.sampled_from(["CS1", "CS2"]),
    st.sampled_from(["AP1", "AP2"]),
    USERS,
    st.sampled_from([None, None, "CT1", "CT2", "CT9"]),
    st.sampled_from([None, "H"]),
    st.booleans(),
    st.booleans(),
    st.sampled_from([None, frozenset({"CS1", "CS2"}), frozenset({"CS2"})]),
)


@settings(max_examples=400, deadline=None)
@given(models(), REQUESTS, CARDS)
def test_a_naive_second_implementation_agrees(info: InfoModel, request: AccessRequest, card: CardFact | None) -> None:
    decision = ask(request, info, card)
    assert (decision.code if isinstance(decision, Denied) else 0) == naive(request, info, card)
