"""How a stack is cut and what stays of one that ends early (TAB_KON_192)."""

import pytest

from tiaas.konnektor.qesstack import (
    Consequence,
    Incident,
    Part,
    Phase,
    StackEnd,
    consequence,
    cut,
    end_of,
    group,
    incident_of,
)

TABLE = {
    # No. 1, 2, 3, 4.
    (Phase.REPEATED_PIN, Incident.PIN_TIMEOUT): Consequence.KEEP_PARTS,
    (Phase.REPEATED_PIN, Incident.PIN_BLOCKED): Consequence.KEEP_PARTS,
    (Phase.REPEATED_PIN, Incident.STOPPED): Consequence.KEEP_PARTS,
    (Phase.FIRST_PIN, Incident.STOPPED): Consequence.KEEP_PARTS,
    (Phase.REPEATED_PIN, Incident.CANCEL_KEY): Consequence.KEEP_PARTS,
    # No. 5, 6.
    (Phase.SIGNING, Incident.STOPPED): Consequence.DROP_PART,
    (Phase.SIGNING, Incident.CANCEL_KEY): Consequence.NONE,
}


@pytest.mark.parametrize("phase", Phase)
@pytest.mark.parametrize("incident", Incident)
@pytest.mark.requirement("TIP1-A_4671")
def test_every_pair_is_its_row_or_number_7(phase: Phase, incident: Incident) -> None:
    assert consequence(phase, incident) is TABLE.get((phase, incident), Consequence.DROP_ALL)


def test_codes_and_ends() -> None:
    assert [incident_of(code) for code in (4043, 4049, 4063, 4085)] == [
        Incident.PIN_TIMEOUT,
        Incident.CANCEL_KEY,
        Incident.PIN_BLOCKED,
        Incident.OTHER,
    ]
    assert {end_of(incident) for incident in Incident if incident is not Incident.OTHER} == set(StackEnd) - {
        StackEnd.COMPLETE
    }


def test_cut() -> None:
    assert cut(5, 2) == (Part(0, 2), Part(2, 4), Part(4, 5))
    assert cut(2, 250) == (Part(0, 2),)


def test_group_leaves_out_what_is_not_complete() -> None:
    values = [b"a", b"b", b"c"]
    assert group(values, [1, 2, 1]) == ((b"a",), (b"b", b"c"))
    assert group(values, [2, 2]) == ((b"a", b"b"),)
