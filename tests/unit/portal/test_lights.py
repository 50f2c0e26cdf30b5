"""The diagnosis: which station is how, and what the sentence says."""

from dataclasses import replace
from datetime import timedelta

import pytest

from tests.unit.portal.statuses import AT, TODAY, VERIFIED, hsm, hsmb, instance, sink, smcb, terminal, trust
from tiaas.portal.conditions import ENGLISH
from tiaas.portal.lights import DENIED_CODES, Light, Station, dark_way, overall, sentence, way_of
from tiaas.portal.status import Call, Card, Condition, Instance, Ocsp, OnlineCheck, Pin, Slot, Ti, TrustList
from tiaas.portal.texts_de import DE
from tiaas.portal.texts_en import EN

LOCKED, BLOCKED = Pin("PIN.SMC", "NOT_VERIFIED"), Pin("PIN.SMC", "BLOCKED")
INACTIVE = "NOT_VERIFIED"
UNREADABLE = Card("h", "UNKNOWN")
SOON = (AT + timedelta(days=30)).date()


def lights(status: Instance) -> list[Light]:
    way = way_of(status, EN, TODAY)
    return [way.at(station).light for station in Station]


def test_everything_works() -> None:
    way = way_of(instance(), DE, TODAY)
    assert {way.at(station).light for station in Station} == {Light.GREEN}
    assert sentence(way, DE) == DE.all_well
    assert way.others == ()


@pytest.mark.parametrize(
    ("status", "station", "light", "words"),
    [
        (instance(clients=()), Station.PRACTICE, Light.YELLOW, EN.practice_no_clients),
        (instance(calls=()), Station.PRACTICE, Light.GREY, EN.practice_silent),
        (instance(calls=(Call(2, AT, "GetCards", 1.0, "fault", 4204),)), Station.PRACTICE, Light.YELLOW, "4204"),
        (instance(calls=(Call(2, AT, "ReadVSD", 1.0, "fault", 4094),)), Station.PRACTICE, Light.GREEN, "Last call"),
        (replace(instance(), terminals=()), Station.TERMINAL, Light.RED, EN.terminal_none),
        (instance(terminal(smcb(), connected=False)), Station.TERMINAL, Light.RED, "CT-1 cannot be reached"),
        (instance(terminal(smcb(), correlation="gepairt")), Station.TERMINAL, Light.RED, "CT-1 is not paired"),
        (
            instance(terminal(smcb()), terminal(ct_id="CT-2", connected=False)),
            Station.TERMINAL,
            Light.YELLOW,
            "CT-2 cannot be reached",
        ),
        (instance(terminal(smcb(), connected=False)), Station.CARD, Light.GREY, EN.card_no_terminal),
        (instance(terminal(Card("h", "EGK"))), Station.CARD, Light.RED, EN.card_no_smcb),
        (
            instance(replace(terminal(None), slots=(Slot(1, opening=True),))),
            Station.CARD,
            Light.GREY,
            EN.card_opening,
        ),
        (instance(terminal(smcb(None))), Station.CARD, Light.GREY, EN.card_opening),
        (instance(terminal(smcb(LOCKED), smcb(None))), Station.CARD, Light.RED, EN.card_locked),
        (instance(terminal(smcb(LOCKED))), Station.CARD, Light.RED, EN.card_locked),
        (instance(terminal(smcb(BLOCKED))), Station.CARD, Light.RED, EN.card_blocked),
        (instance(terminal(smcb(), smcb(LOCKED))), Station.CARD, Light.YELLOW, EN.card_locked),
        (instance(terminal(smcb(LOCKED), pin_entry=True)), Station.CARD, Light.RED, "waits for a PIN"),
        (instance(terminal(smcb(), pin_entry=True)), Station.CARD, Light.GREEN, EN.card_ok),
        (instance(terminal(smcb(), UNREADABLE)), Station.CARD, Light.YELLOW, "slot 2 cannot be read"),
        (instance(terminal(smcb(), replace(UNREADABLE, too_old=True))), Station.CARD, Light.YELLOW, "generation"),
        (
            instance(terminal(smcb(certificates="Revoked"))),
            Station.CARD,
            Light.RED,
            "does not count any more (Revoked)",
        ),
        (instance(terminal(smcb(certificates="Inconclusive"))), Station.CARD, Light.GREEN, EN.card_ok),
        (instance(terminal(smcb(expires=SOON))), Station.CARD, Light.YELLOW, "expires on 1 Apr 2026"),
        (instance(terminal(None), hsm(hsmb())), Station.CARD, Light.GREEN, EN.card_hsm_ok),
        (instance(terminal(smcb()), hsm(hsmb())), Station.CARD, Light.GREEN, EN.card_ok),
        (instance(terminal(smcb(LOCKED)), hsm(hsmb())), Station.CARD, Light.YELLOW, EN.card_locked),
        (instance(terminal(None), hsm(hsmb(INACTIVE))), Station.CARD, Light.RED, "HSM-B in HSM-1, slot 1"),
        (instance(terminal(smcb()), hsm(None, hsmb(INACTIVE))), Station.CARD, Light.YELLOW, "HSM-1, slot 2"),
        (instance(terminal(smcb()), hsm(hsmb())), Station.TERMINAL, Light.GREEN, "CT-1, HSM-1 connected"),
        (instance(hsm(hsmb())), Station.TERMINAL, Light.RED, EN.terminal_none),
        (
            instance(terminal(None, connected=False), hsm(hsmb())),
            Station.TERMINAL,
            Light.RED,
            "CT-1 cannot be reached",
        ),
        (instance(terminal(smcb()), hsm(None, connected=False)), Station.TERMINAL, Light.YELLOW, "HSM HSM-1"),
        (
            instance(conditions=(Condition("EC_Time_Difference_Intolerable", "Fatal", meaning="Zeit"),)),
            Station.KONNEKTOR,
            Light.RED,
            "Time difference not tolerable.",
        ),
        (instance(conditions=(Condition("EC_LOG_OVERFLOW", "Warning"),)), Station.KONNEKTOR, Light.YELLOW, "Log store"),
        (instance(conditions=(Condition("EC_TSL_Expiring", "Info"),)), Station.TI, Light.YELLOW, "TSL expires."),
        (instance(trust=trust()), Station.TI, Light.GREEN, "TSL valid until 1 Apr 2026"),
        (instance(trust=trust(tsl=TrustList())), Station.TI, Light.YELLOW, EN.ti_no_tsl),
        (instance(trust=trust(ocsp=Ocsp(failures=1, code=1032))), Station.TI, Light.YELLOW, "failed (1032)"),
        (instance(trust=trust(lists=False, tsl=TrustList())), Station.TI, Light.GREEN, EN.ti_ok),
        (instance(sinks=(sink(),)), Station.PRACTICE, Light.GREEN, "Last call"),
        (instance(sinks=(sink(failures_in_row=2),)), Station.PRACTICE, Light.YELLOW, "Events do not reach pvs-1"),
        (instance(ti=Ti(True, True, last_check=OnlineCheck(AT, 2))), Station.TI, Light.GREEN, EN.ti_ok),
        (
            instance(ti=Ti(True, True, last_check=OnlineCheck(AT, 3, 12103))),
            Station.TI,
            Light.YELLOW,
            "E=3, EC=12103",
        ),
        (instance(ti=Ti(True, True, last_check=OnlineCheck(AT, 5))), Station.TI, Light.YELLOW, "E=5."),
        (instance(ti=Ti(False, True)), Station.TI, Light.GREY, EN.ti_offline),
        (instance(ti=Ti(True)), Station.TI, Light.GREY, EN.ti_none),
    ],
)
def test_what_is_found_at_a_station(status: Instance, station: Station, light: Light, words: str) -> None:
    way = way_of(status, EN, TODAY)
    assert way.at(station).light is light
    assert words in " ".join(f.says for f in way.findings if f.station is station)


def test_the_sentence_names_the_cause_not_the_consequence() -> None:
    way = way_of(
        instance(terminal(smcb(LOCKED), correlation="aktiv"), terminal(ct_id="CT-2", connected=False)), DE, TODAY
    )
    assert sentence(way, DE).startswith("Störung an der Station „Praxiskarte“")
    assert [finding.station for finding in way.others] == [Station.TERMINAL]
    gone = way_of(instance(terminal(smcb(), connected=False), conditions=(Condition("EC_X", "Fatal"),)), DE, TODAY)
    assert gone.worst.station is Station.KONNEKTOR


def test_an_hsm_that_is_away_is_the_cause_where_no_other_practice_card_is() -> None:
    away = hsm(None, connected=False)
    way = way_of(instance(terminal(None), away), EN, TODAY)
    assert sentence(way, EN).startswith("Fault at “Card terminal”: HSM HSM-1 cannot be reached.")
    way = way_of(instance(terminal(smcb()), away), EN, TODAY)
    assert sentence(way, EN).startswith("Health cards can be read. Attention: HSM HSM-1 cannot be reached.")


def test_a_virtual_practice_card_is_activated_by_an_administrator_not_typed_at_a_terminal() -> None:
    for texts in (DE, EN):
        way = way_of(instance(terminal(None), hsm(hsmb(INACTIVE), pin_entry=True)), texts, TODAY)
        assert sentence(way, texts).endswith(texts.card_hsm_inactive_do)
        assert "tiaas admin virtual-smb" in texts.card_hsm_inactive_do


def test_what_is_not_known_elsewhere_does_not_spoil_the_day() -> None:
    way = way_of(instance(calls=(), ti=Ti(True)), EN, TODAY)
    assert overall(way) is Light.GREEN
    assert sentence(way, EN) == EN.all_well


def test_an_attention_says_that_reading_works() -> None:
    way = way_of(instance(terminal(smcb(VERIFIED, expires=SOON))), EN, TODAY)
    assert sentence(way, EN).startswith("Health cards can be read. Attention:")


def test_an_instance_that_does_not_answer_is_dark() -> None:
    way = dark_way(EN)
    assert way.at(Station.KONNEKTOR).light is Light.RED
    assert all(way.at(station).light is Light.GREY for station in Station if station is not Station.KONNEKTOR)


def test_refusals_are_those_of_the_access_check() -> None:
    from tiaas.konnektor.codes import CODES

    assert set(CODES) >= DENIED_CODES


def test_every_condition_has_an_english_text() -> None:
    from tiaas.konnektor.opstate import Condition as Known

    assert set(ENGLISH) == {condition.value.name for condition in Known}


def test_every_situation_gives_a_light_for_every_station() -> None:
    assert len(lights(instance())) == len(Station)
