"""Subscriptions, topics, addresses and filters, without any I/O."""

from datetime import UTC, datetime, timedelta

import pytest

from tiaas.interfaces.cetp import BadCetp, decode_cetp_untrusted, encode_cetp, expected_size_untrusted
from tiaas.interfaces.event_service_v7_2 import EVT
from tiaas.konnektor.access import CardFact
from tiaas.konnektor.audience import (
    FILTER_STEPS,
    Allowance,
    audience,
    document_of,
    make_filter_untrusted,
    message_of,
    passes_filter,
)
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventSeverity, Topic, parameters
from tiaas.konnektor.infomodel import ClientSystem, InfoModel, Kind, ManagedSmb, Relation, Terminal
from tiaas.konnektor.sinkaddress import BadEventTo, Sink, SinkAddress, decode_event_to_untrusted
from tiaas.konnektor.subscriptions import (
    CLIENT_SUBSCRIPTIONS_MAX,
    LIFETIME,
    SUBSCRIPTIONS_MAX,
    Filter,
    Subscription,
    SubscriptionList,
    Wish,
    topic_key,
)
from tiaas.konnektor.xpath.lexer import BadXPath
from tiaas.konnektor.xpath.values import XPathFailed
from tiaas.soap.mapping import encode_document

NOW = datetime(2026, 3, 2, 9, 30, tzinfo=UTC)
ICCSN = "80276883110000017222"
SINK = Sink("CS1", SinkAddress("127.0.0.1", 5000))
EGK = Event(
    Topic.CARD_INSERTED,
    parameters(("CardHandle", "h"), ("CardType", "EGK"), ("CtID", "CT1"), ("SlotID", 2)),
    ct_id="CT1",
    card_handle="h",
)


def wish(topic: str = "CARD", *, mandant: str = "M1", workplace: str = "AP1", sink: Sink = SINK,
         filtered: Filter | None = None) -> Wish:  # fmt: skip
    return Wish(mandant, workplace, sink, topic_key(topic), filtered, topic, f"cetp://{sink.address}")


def held(number: int, one: Wish | None = None, ends: datetime = NOW + LIFETIME) -> Subscription:
    return Subscription(f"s{number}", one or wish(f"T{number}"), ends)


def filtered(text: str, prefixes: tuple[tuple[str, str], ...] = ()) -> Subscription:
    return held(1, wish(filtered=make_filter_untrusted(text, prefixes)))


def model() -> InfoModel:
    """CT1 is local to AP1 and remote for AP2; SM-B of M1 only."""
    out = InfoModel().add(Kind.CLIENT, ClientSystem("CS1")).add(Kind.TERMINAL, Terminal("CT1"))
    for mandant in ("M1", "M2"):
        out = out.add(Kind.MANDANT, mandant).link(Relation.MANDANT_CLIENT, mandant, "CS1")
        out = out.link(Relation.MANDANT_TERMINAL, mandant, "CT1")
    for workplace in ("AP1", "AP2", "AP3"):
        out = out.add(Kind.WORKPLACE, workplace)
        for mandant in ("M1", "M2"):
            out = out.link(Relation.MANDANT_WORKPLACE, mandant, workplace)
            out = out.link(Relation.CS_AP, mandant, "CS1", workplace)
    out = out.add(Kind.SMB, ManagedSmb(ICCSN)).link(Relation.MANDANT_SMB, "M1", ICCSN)
    return out.link(Relation.LOCAL, "AP1", "CT1").link(Relation.REMOTE, "AP2", "CT1")


def heard(event: Event, *wishes: Wish, card: CardFact | None = None) -> list[Wish]:
    subscriptions = [Subscription(str(at), one, NOW) for at, one in enumerate(wishes)]
    return [found.wish for found in audience(event, subscriptions, model(), lambda handle: card)]


@pytest.mark.parametrize(
    ("topic", "hears"),
    [("CARD", True), ("card/inserted", True), ("CARD/INSERTED/", True), (" CARD/ ", True), ("", True), ("CA", True),
     ("CARD/INSERTED/X", False), ("CT", False), ("CARD/REMOVED", False), ("/", True)],
)  # fmt: skip
@pytest.mark.pitfall(26)
def test_topics_are_prefixes_without_case(topic: str, hears: bool) -> None:
    card = CardFact(CardType.EGK, "CT1")
    assert bool(heard(EGK, wish(topic), card=card)) is hears


def test_R5_events_of_an_egk_go_to_workplaces_with_the_terminal_as_local() -> None:
    egk = CardFact(CardType.EGK, "CT1")
    wishes = [wish(workplace=workplace) for workplace in ("AP1", "AP2", "AP3")]
    assert heard(EGK, *wishes, card=egk) == [wishes[0]]


def test_R7_events_of_an_smb_go_to_its_mandant() -> None:
    smb = CardFact(CardType.SMC_B, "CT1", ICCSN)
    wishes = [wish(mandant="M1", workplace="AP2"), wish(mandant="M2"), wish(workplace="AP3")]
    assert heard(EGK, *wishes, card=smb) == [wishes[0]]


def test_R8_events_of_an_hba_go_to_all_who_reach_its_terminal() -> None:
    wishes = [wish(workplace=workplace) for workplace in ("AP1", "AP2", "AP3")]
    assert heard(EGK, *wishes, card=CardFact(CardType.HBA, "CT1")) == wishes[:2]


def test_R4_events_of_a_terminal_and_R3_of_the_konnektor() -> None:
    wishes = [wish("", workplace=workplace) for workplace in ("AP1", "AP2", "AP3")]
    assert heard(Event(Topic.CT_CONNECTED, ct_id="CT1"), *wishes) == wishes[:2]
    assert heard(Event("OPERATIONAL_STATE/EC_TSL_Expiring"), *wishes) == wishes
    assert heard(Event("OPERATIONAL_STATE/EC_TSL_Expiring"), wish("", workplace="gone")) == []


def test_what_a_gone_card_was_is_not_guessed() -> None:
    assert heard(EGK, wish(), card=None) == []


@pytest.mark.parametrize(
    ("text", "passes"),
    [
        ("/EVT:Event/EVT:Message/EVT:Parameter[EVT:Key='CardType' and EVT:Value='EGK']", True),
        ("/Event/Message/Parameter[Key='CardType' and Value='HBA']", False),
        ("Event[Topic='CARD/INSERTED']", True),
        ("/EVT:Event/Message/EVT:Parameter/Key", True),
        ("//Parameter[Key='SlotID']/Value > 1", True),
        ("//Nothing", False),
        ("count(//Nothing)", False),
        ("''", False),
        ("string(//SubscriptionID)", True),
        ("//SubscriptionID = 's1'", True),
        ("boolean(//Severity[.='Info'])", True),
    ],
)
def test_filters(text: str, passes: bool) -> None:
    assert passes_filter(EGK, filtered(text), Allowance()) is passes


def test_prefixes_of_the_request_count() -> None:
    assert passes_filter(EGK, filtered("/e:Event", (("e", EVT.uri),)), Allowance())
    assert not passes_filter(EGK, filtered("/e:Event", (("e", "urn:other"),)), Allowance())
    with pytest.raises(BadXPath):
        make_filter_untrusted("/e:Event", ())


def test_only_prefixes_in_use_make_a_difference_and_are_kept() -> None:
    more = (("big", "urn:" + "x" * 1_900_000), ("e", EVT.uri))
    made = make_filter_untrusted("/e:Event", more)
    assert made == make_filter_untrusted("/e:Event", (("e", EVT.uri), ("o", "urn:other")))
    assert made.prefixes == (("e", EVT.uri),)
    assert made != make_filter_untrusted("/e:Event", (("e", "urn:other"),))
    assert make_filter_untrusted("//EVT:Topic", ()) == make_filter_untrusted("//EVT:Topic", ((EVT.prefix, EVT.uri),))
    with pytest.raises(BadXPath):
        make_filter_untrusted("/big:Event", more)


@pytest.mark.parametrize("text", ["//Event[", "1 +", "document('x')", "id('x')", "$x", "a" * 1025, "(" * 400])
def test_what_is_no_filter(text: str) -> None:
    with pytest.raises(BadXPath):
        make_filter_untrusted(text, ())


@pytest.mark.parametrize(
    "text",
    [
        "//*" + "[//*" * 20 + "]" * 20,
        "count(//*[count(//*[count(//*[count(//*) > 0]) > 0]) > 0])",
        "contains(" + "concat(" * 15 + "//Message" + ",//Message)" * 15 + ", 'x')",
    ],
)
@pytest.mark.code(4095)
def test_4095_a_filter_that_costs_too_much_fails(text: str) -> None:
    long = Event(Topic.CARD_INSERTED, tuple((f"K{at}", "v" * 5000) for at in range(12)))
    with pytest.raises(XPathFailed):
        passes_filter(long, filtered(text), Allowance())


def test_4095_all_filters_of_a_clientsystem_share_what_an_event_may_cost() -> None:
    allowance = Allowance(2 * FILTER_STEPS + 300)
    greedy = filtered("//*" + "[//*" * 20 + "]" * 20)
    for _ in range(2):
        with pytest.raises(XPathFailed):
            passes_filter(EGK, greedy, allowance)
    assert allowance.left == 300
    assert passes_filter(EGK, filtered("//Parameter[Key='CtID' and Value='CT1']"), allowance)
    assert 0 < allowance.left < 300
    with pytest.raises(XPathFailed):
        passes_filter(EGK, greedy, allowance)
    assert allowance.left == 0


def test_types_that_do_not_fit_fail_the_filter() -> None:
    with pytest.raises(XPathFailed):
        passes_filter(EGK, filtered("count('a')"), Allowance())


def test_the_filter_sees_what_is_sent() -> None:
    message = message_of(EGK, "s1")
    seen = document_of(EGK, "s1")
    values = [node.text for node in seen.nodes if node.text]
    sent = [message.topic, message.type.value, message.severity.value, message.subscription_id]
    assert values == sent + [text for item in message.message.parameter for text in (item.key, item.value)]


def test_the_list_knows_identical_wishes() -> None:
    found = SubscriptionList()
    found.put(held(1, wish("CARD/")))
    same = found.identical(wish("card"))
    assert same is not None
    assert same.subscription_id == "s1"
    assert found.identical(wish("card", workplace="AP2")) is None
    assert found.identical(wish("card", filtered=make_filter_untrusted("//a", ()))) is None


def test_ids_belong_to_mandant_and_client() -> None:
    found = SubscriptionList()
    found.put(held(1))
    assert found.find(("M1", "CS1"), "s1").subscription_id == "s1"
    for caller, which in ((("M2", "CS1"), "s1"), (("M1", "CS2"), "s1"), (("M1", "CS1"), "s2")):
        with pytest.raises(KonnektorError) as caught:
            found.find(caller, which)
        assert caught.value.code == 4102
    assert found.sort_out(("M1", "CS1"), ["s2", "s1", "s1"]) == ([held(1)], ["s2"])
    assert found.sort_out(("M2", "CS1"), ["s1"]) == ([], ["s1"])


def test_what_has_ended_goes() -> None:
    found = SubscriptionList()
    found.put(held(1, ends=NOW + timedelta(seconds=1)))
    found.put(held(2))
    assert found.expire(NOW) == ()
    assert [gone.subscription_id for gone in found.expire(NOW + timedelta(seconds=1))] == ["s1"]
    assert "s1" not in found
    assert found.identical(wish("T1")) is None


@pytest.mark.requirement("TIP1-A_4608", "TIP1-A_4612")
def test_TIP1_A_4608_room_for_at_least_999_of_one_clientsystem() -> None:
    found = SubscriptionList()
    others = wish("T", sink=Sink("CS2", SINK.address))
    for number in range(CLIENT_SUBSCRIPTIONS_MAX):
        found.put(held(number))
    assert CLIENT_SUBSCRIPTIONS_MAX >= 999
    with pytest.raises(KonnektorError) as caught:
        found.put(held(CLIENT_SUBSCRIPTIONS_MAX))
    assert caught.value.code == 4060
    found.put(held(3))
    found.put(held(CLIENT_SUBSCRIPTIONS_MAX, others))
    found.remove([held(3)])
    found.put(held(CLIENT_SUBSCRIPTIONS_MAX + 1))


@pytest.mark.code(4060)
def test_4060_too_many_subscriptions_of_an_instance() -> None:
    found = SubscriptionList()
    for number in range(SUBSCRIPTIONS_MAX):
        found.put(held(number, wish(f"T{number}", sink=Sink(f"CS{number % 3}", SINK.address))))
    with pytest.raises(KonnektorError) as caught:
        found.require_room(wish("T", sink=Sink("CS4", SINK.address)))
    assert caught.value.code == 4060


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("cetp://192.168.178.20:20000", SinkAddress("192.168.178.20", 20000)),
        ("cetp://192.168.178.20:20000/", SinkAddress("192.168.178.20", 20000)),
        ("CETP://PVS.example:1", SinkAddress("pvs.example", 1)),
        ("cetp://pvs." + "a" * 63 + ".:1", SinkAddress("pvs." + "a" * 63 + ".", 1)),
        ("cetp://[FE80::1]:65535", SinkAddress("fe80::1", 65535)),
    ],
)
def test_event_to(url: str, address: SinkAddress) -> None:
    assert decode_event_to_untrusted(url) == address


@pytest.mark.parametrize(
    "url",
    ["", "cetp://", "cetp://h", "cetp://h:0", "cetp://h:65536", "cetp://u@h:1", "cetp://h:1/x", "cetp://h:1?x",
     "http://h:1", "cetp://h:1\ncetp://i:1", "cetp://-h:1", "cetp://ä:1", "cetp://h:१",
     "cetp://a..b:5000", "cetp://a...:1", "cetp://" + "a" * 64 + ".b:1", "cetp://h:1" + " " * 512],
)  # fmt: skip
def test_what_is_no_event_to(url: str) -> None:
    with pytest.raises(BadEventTo):
        decode_event_to_untrusted(url)


@pytest.mark.requirement("TIP1-A_4596")
def test_cetp_frame() -> None:
    event = message_of(EGK, "s1")
    frame = encode_cetp(event)
    assert frame[:4] == b"CETP"
    assert int.from_bytes(frame[4:8], "big") == len(frame) - 8
    assert frame[8:].startswith(b"<?xml")
    assert decode_cetp_untrusted(frame) == event
    assert [expected_size_untrusted(frame[:at]) for at in (0, 3, 7, 8)] == [None, None, None, len(frame)]


@pytest.mark.parametrize("octets", [b"CETQ", b"X", b"CETP\x00\x01\x00\x01", b"CETP\x00\x00\x00\x01<", b"CETP\0\0\0\2<"])
def test_what_is_no_cetp(octets: bytes) -> None:
    with pytest.raises(BadCetp):
        decode_cetp_untrusted(octets)


def test_an_event_over_64_kib_is_not_sent() -> None:
    long = Event(Topic.CARD_INSERTED, tuple((f"K{at}", "v" * 5000) for at in range(14)))
    with pytest.raises(BadCetp):
        encode_cetp(message_of(long, "s"))


@pytest.mark.pitfall(46)
def test_severities_are_written_as_in_the_schema() -> None:
    """The specification has FATAL in one row; whoever compares with the schema's word must find it."""
    critical = Event("NTP/ENTERCRITICALSTATE", severity=EventSeverity.FATAL, deliver=False)
    assert b"Severity>Fatal<" in encode_document(message_of(critical, "id"))
