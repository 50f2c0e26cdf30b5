"""Pairing blocks as gemSpec_KT V3.17.0, SEQ_KT_0001-01 and SEQ_KT_0004 want them."""

import json

import pytest

from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.terminal.virtual.state import MAX_BLOCKS, MAX_KEYS, NoFreeBlock, TerminalState


def secret(number: int) -> Secret:
    return Secret(bytes([number]) * 16)


def test_document_round_trip() -> None:
    state = TerminalState(names={0x4000: "Anzeige"}, idle_text="Praxis")
    state.create_block(secret(1), b"key one")
    state.add_key(state.blocks[0], b"key two")
    document = json.loads(json.dumps(state.to_document()))
    assert TerminalState.from_document(document) == state


@pytest.mark.parametrize(
    "document",
    [{}, {"blocks": 1, "names": {}, "idle_text": ""}, {"blocks": [{"secret": "zz"}], "names": {}, "idle_text": ""}],
)
def test_unusable_document(document: dict[str, object]) -> None:
    with pytest.raises(InvalidInput):
        TerminalState.from_document(document)


def test_key_is_in_one_block_only() -> None:
    state = TerminalState()
    state.create_block(secret(1), b"key")
    state.create_block(secret(2), b"key")
    assert [block.keys for block in state.blocks] == [[], [b"key"]]
    assert state.add_key(state.blocks[0], b"key")
    assert [block.keys for block in state.blocks] == [[b"key"], []]
    assert not state.add_key(state.blocks[0], b"key")


def test_fourth_key_takes_the_place_of_the_oldest() -> None:
    state = TerminalState()
    state.create_block(secret(1), b"0")
    for number in range(1, MAX_KEYS + 1):
        state.add_key(state.blocks[0], b"%d" % number)
    assert state.blocks[0].keys == [b"1", b"2", b"3"]


def test_no_more_blocks_than_there_are() -> None:
    state = TerminalState()
    for number in range(MAX_BLOCKS):
        state.create_block(secret(number), b"key")
    with pytest.raises(NoFreeBlock):
        state.create_block(secret(99), b"key")
