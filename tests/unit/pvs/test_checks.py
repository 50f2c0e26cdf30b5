"""Well-behaved practice software passes every check; each bad habit fails in its check, and nowhere unexpected."""

from collections.abc import Callable

import pytest

from tests.unit.pvs.days import CARD, Day, card, fault, good_day, receipt
from tiaas.pvs.checks.model import Verdict
from tiaas.pvs.checks.suite import CHECKS, judge, worst
from tiaas.pvs.messages import read_story

_HANDLE = "<CardHandle>{}</CardHandle><PinTyp>PIN.CH</PinTyp>"


def verdicts(day: Day) -> dict[str, Verdict]:
    return {each.check.id: each.finding.verdict for each in judge(read_story(day.recording()))}


def with_verdict(day: Day, *wanted: Verdict) -> set[str]:
    return {id_ for id_, verdict in verdicts(day).items() if verdict in wanted}


def test_a_good_day_passes() -> None:
    day = good_day()
    assert with_verdict(day, Verdict.FAIL, Verdict.WARN) == set()
    passed = with_verdict(day, Verdict.PASS)
    expected = {"SDS-1", "SDS-2", "VER-1", "VER-3", "TLS-1", "CTX-1", "CTX-2", "CARD-1", "CARD-2", "PIN-1"}
    assert expected | {"VSDM-1", "VSDM-2", "VSDM-3", "EVT-1", "EVT-3", "EVT-5", "EVT-7"} <= passed
    assert worst(judge(read_story(day.recording()))) is Verdict.PASS


def test_nothing_recorded_says_nothing() -> None:
    assert set(verdicts(Day()).values()) == {Verdict.NOT_SEEN}


def test_ids_are_unique_and_every_check_has_a_source() -> None:
    assert len({check.id for check in CHECKS}) == len(CHECKS)
    assert all(check.source and check.title.en and check.title.de for check in CHECKS)


def without_directory() -> Day:
    return Day().ask("GetCards")


def at_a_guessed_address() -> Day:
    return Day().directory().ask("GetCards", path="/services/EventService")


def reads_the_directory_for_each_call() -> Day:
    day = Day()
    for _ in range(5):
        day.directory().ask("GetCardTerminals")
    return day


def ignores_a_boot() -> Day:
    return Day().directory().ask("GetCardTerminals").event("BOOTUP/BOOTUP_COMPLETE")


def with_an_old_namespace() -> Day:
    return (
        Day()
        .directory()
        .ask("GetCards", namespace="http://ws.gematik.de/conn/EventService/v7.0", path="/ws/EventService")
    )


def with_a_wrong_message() -> Day:
    return Day().directory().ask("GetCards", told=fault(4000))


def with_something_else_than_xml() -> Day:
    return Day().directory().ask("GetCards", request="{}", answer="<a/>", status=500)


def in_latin_1() -> Day:
    return Day().directory().ask("GetCards", request="<?xml version='1.0' encoding='ISO-8859-1'?><a/>")


def without_tls() -> Day:
    return Day().directory().ask("GetCards", tls=None)


def not_let_in() -> Day:
    return Day().handshake("TLS handshake: PEER_DID_NOT_RETURN_A_CERTIFICATE")


def with_many_connections() -> Day:
    day = Day().directory()
    for port in range(12):
        day.ask("GetCardTerminals", connection=f"10.0.0.1:{port}")
    return day


def leaves_early() -> Day:
    return Day().directory().ask("GetCards", status=0, answer="", seconds=5.0)


def without_action() -> Day:
    return Day().directory().ask("GetCards", fields=())


def refused() -> Day:
    return Day().directory().ask("GetCards", status=403, answer="a client certificate is mandatory")


def as_an_unknown_client() -> Day:
    return Day().directory().ask("GetCards", told=fault(4021))


def as_another_client() -> Day:
    return Day().directory().ask("GetCards", client="someone")


def without_user() -> Day:
    day = Day().directory().cards(card("hba", "HBA"))
    return day.ask("VerifyPin", _HANDLE.format("hba"), fault(4003), namespace=CARD)


def with_a_name_as_user() -> Day:
    day = Day().directory().cards(card("hba", "HBA"))
    return day.ask("VerifyPin", _HANDLE.format("hba"), user="Dr. Eva Muster", namespace=CARD)


def with_another_users_session() -> Day:
    day = Day().directory().cards(card("hba", "HBA"))
    for _ in range(2):
        day.ask("VerifyPin", _HANDLE.format("hba"), fault(4018), user="u2", namespace=CARD)
    return day


def with_handles_of_yesterday() -> Day:
    return Day().directory().read("yesterday", fault(4008))


def keeps_handles() -> Day:
    day = Day().directory().cards(card("hba", "HBA"))
    day.event("CARD/REMOVED", CardHandle="hba", CardType="HBA")
    return day.ask("GetPinStatus", _HANDLE.format("hba"), fault(4008), user="u", namespace=CARD, after=5).cards()


def does_not_ask_again() -> Day:
    day = Day().directory().cards(card("hba", "HBA"))
    for _ in range(2):
        day.ask("GetPinStatus", _HANDLE.format("hba"), fault(4008), user="u", namespace=CARD)
    return day


def hammers_a_busy_card() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    for _ in range(5):
        day.read("egk", fault(4093), after=0.05)
    return day.read("egk", receipt(2))


def hammers_a_mute_card() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    for _ in range(3):
        day.read("egk", fault(4094), after=0.05)
    return day.read("egk", receipt(2))


def polls() -> Day:
    day = Day().directory()
    for _ in range(12):
        day.cards()
    return day


def repeats_without_a_pin() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    return day.read("egk", fault(3041)).read("egk", fault(3041)).verify("smcb").read("egk", receipt(2))


def takes_rejected_for_ok() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    return day.read("egk", fault(3041)).verify("smcb", "REJECTED").read("egk", fault(3041))


def types_a_blocked_pin() -> Day:
    day = Day().directory().cards(card("smcb", "SMC-B"))
    return day.verify("smcb", "NOWBLOCKED").verify("smcb", "WASBLOCKED")


def without_first_check() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    return day.read("egk", check=False, proof=False)


def asks_for_a_second_receipt() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    return day.read("egk", receipt(1)).read("egk", receipt(2))


def does_not_repeat_the_check() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    return day.read("egk", receipt(3)).read("egk", check=False, proof=False)


def wants_a_stored_receipt() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    return day.read("egk", receipt(2)).cards(card("other", "EGK", "80276009")).read("other", fault(3040), check=False)


def leaves_a_broken_card() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    return day.read("egk", fault(3001)).read("egk", fault(3001), check=False, proof=False)


def insists_on_an_invalid_card() -> Day:
    day = Day().directory().cards(card("egk", "EGK"), card("smcb", "SMC-B"))
    for _ in range(5):
        day.read("egk", fault(114))
    return day


def forgets_to_renew() -> Day:
    day = Day().directory()
    told = "<SubscriptionID>S1</SubscriptionID><TerminationTime>2026-03-02T08:00:10Z</TerminationTime>"
    return day.ask("Subscribe", "<Topic>CARD</Topic>", told).ask("GetCards", after=20)


def misses_events() -> Day:
    return Day().directory().ask("GetCards").event("CARD/INSERTED", "ConnectionRefusedError", CardHandle="egk")


def answers_events() -> Day:
    return Day().directory().ask("GetCards").event("CT/CONNECTED", said="OK")


def ignores_inserted_cards() -> Day:
    return Day().directory().ask("GetCardTerminals").event("CARD/INSERTED", CardHandle="egk", CardType="EGK")


def subscribes_twice() -> Day:
    day = Day().directory()
    for number in range(2):
        day.ask("Subscribe", "<Topic>CARD</Topic>", f"<SubscriptionID>S{number}</SubscriptionID>")
    return day


@pytest.mark.parametrize(
    ("habit", "failed", "warned"),
    [
        (without_directory, {"SDS-1"}, set()),
        (at_a_guessed_address, {"SDS-2"}, set()),
        (reads_the_directory_for_each_call, set(), {"SDS-3"}),
        (ignores_a_boot, {"EVT-6"}, {"SDS-4"}),
        (with_an_old_namespace, {"VER-2"}, {"VER-1"}),
        (with_a_wrong_message, {"VER-3"}, set()),
        (with_something_else_than_xml, {"VER-3", "HTTP-4"}, set()),
        (in_latin_1, {"VER-3", "VER-4"}, set()),
        (without_tls, set(), {"TLS-1"}),
        (not_let_in, {"TLS-3"}, set()),
        (with_many_connections, set(), {"HTTP-1"}),
        (leaves_early, {"HTTP-2"}, set()),
        (without_action, set(), {"HTTP-3"}),
        (refused, {"HTTP-4"}, set()),
        (as_an_unknown_client, {"CTX-1"}, set()),
        (as_another_client, {"CTX-2"}, set()),
        (without_user, {"CTX-3"}, set()),
        (with_a_name_as_user, set(), {"CTX-4"}),
        (with_another_users_session, {"CTX-5"}, set()),
        (with_handles_of_yesterday, {"CARD-1"}, set()),
        (keeps_handles, {"CARD-2"}, set()),
        (does_not_ask_again, {"CARD-2", "CARD-3"}, set()),
        (hammers_a_busy_card, {"CARD-4"}, set()),
        (hammers_a_mute_card, {"CARD-5"}, set()),
        (polls, set(), {"CARD-6"}),
        (repeats_without_a_pin, {"PIN-1"}, set()),
        (takes_rejected_for_ok, {"PIN-2"}, {"PIN-1"}),
        (types_a_blocked_pin, {"PIN-2"}, set()),
        (without_first_check, {"VSDM-1"}, set()),
        (asks_for_a_second_receipt, {"VSDM-2"}, set()),
        (does_not_repeat_the_check, {"VSDM-3"}, set()),
        (wants_a_stored_receipt, {"VSDM-4"}, {"VSDM-1"}),
        (leaves_a_broken_card, {"VSDM-5"}, set()),
        (insists_on_an_invalid_card, set(), {"VSDM-6"}),
        (forgets_to_renew, {"EVT-2"}, set()),
        (misses_events, {"EVT-3"}, set()),
        (answers_events, set(), {"EVT-4"}),
        (ignores_inserted_cards, set(), {"EVT-5"}),
        (subscribes_twice, set(), {"EVT-7"}),
    ],
)
def test_a_bad_habit_shows_in_its_check(habit: Callable[[], Day], failed: set[str], warned: set[str]) -> None:
    day = habit()
    assert with_verdict(day, Verdict.FAIL) == failed
    assert with_verdict(day, Verdict.WARN) == warned
    story = read_story(day.recording())
    numbers = {moment.number for moment in story.moments}
    numbers |= {call.number for call in story.pages} | {each.number for each in story.handshakes}
    for each in judge(story):
        assert set(each.finding.evidence) <= numbers
        if each.finding.verdict in (Verdict.FAIL, Verdict.WARN):
            assert each.finding.evidence
