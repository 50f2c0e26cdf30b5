"""Messages that keep the XML they were written as."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Card, Cards
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.event_service_v7_2 import GetCardsResponse
from tiaas.soap.envelope import write_envelope, write_envelope_parts
from tiaas.soap.errors import UnfitMessage
from tiaas.soap.mapping import Remembering, encode
from tiaas.soap.reply import plain_reply

CARD = Card(
    card_handle="h-1", card_type=CardType.EGK, ct_id="CT", slot_id=1, insert_time=datetime(2026, 1, 1, tzinfo=UTC)
)


def test_the_second_time_gives_the_same_text() -> None:
    assert issubclass(Card, Remembering)
    cards = Cards(card=(CARD, CARD))
    first = encode(cards)
    assert encode(cards) == first
    assert first.count("h-1") == 2


def test_a_changed_copy_is_written_anew_and_equality_knows_nothing_of_it() -> None:
    encode(Cards(card=(CARD,)))
    changed = replace(CARD, slot_id=2)
    assert ">2<" in encode(Cards(card=(changed,)))
    assert replace(changed, slot_id=1) == CARD


def test_what_does_not_fit_is_not_remembered() -> None:
    wrong = replace(CARD, ct_id="x" * 65)
    for _ in range(2):
        with pytest.raises(UnfitMessage):
            encode(Cards(card=(wrong,)))


@pytest.mark.parametrize("holder", ["Anna", "Jürgen", "Łucja"])
def test_a_reply_is_the_envelope_whether_a_part_is_remembered_as_text_or_octets(holder: str) -> None:
    cards = Cards(card=(replace(CARD, card_holder_name=holder), CARD))
    for _ in range(2):
        assert plain_reply(200, write_envelope_parts(cards)).body == write_envelope(cards)
    assert f">{holder}<" in encode(cards)


def test_a_root_is_not_remembered_as_a_part_nor_a_part_as_a_root() -> None:
    cards = Cards(card=(CARD,))
    response = GetCardsResponse(status=OK, cards=cards)
    alone, inside = encode(cards), encode(response)
    assert encode(cards) == alone
    assert encode(response) == inside
    assert alone not in inside
