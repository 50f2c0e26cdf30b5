"""Terminals of other shapes: motors, contactless slots (gemSpec_KT V3.17.0, A_24115, A_24116); the pairing menu."""

import pytest

from tests.cardbench import desk
from tests.conformance.terminal.machines import Bench
from tests.integration.terminal.fakecards import Holder
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.terminal.sicct.events import EventTag
from tiaas.terminal.virtual.config import PinPurpose, SlotCard
from tiaas.terminal.virtual.shapes import SHAPES, TerminalShape, shape_named


class KnowsNumber(Holder):
    def pin_for(self, card: SlotCard, password_ref: int, purpose: PinPurpose) -> Secret | None:
        assert purpose is PinPurpose.CAN
        return Secret(b"123123")


@pytest.mark.requirement("A_24115", "A_24116")
async def test_A_24115_the_contactless_slot_follows_the_contact_slots() -> None:
    bench = Bench(shape=shape_named("desk-contactless"))
    machine = bench.machine
    assert await bench.send("8013008100") == "810C" + "0001000200030004" + "4000" + "5000" + "9000"
    assert await bench.send("8013058000") == "6A00"
    machine.switch_contactless(on=True)
    assert [(event.tag, event.unit) for event in bench.told[-1:]] == [(EventTag.UNIT_ADDED, 5)]
    assert await bench.send("8013008100") == "810E" + "00010002000300040005" + "4000" + "5000" + "9000"
    assert await bench.send("8013058300") == "8301109000"
    machine.pins = KnowsNumber()
    machine.insert(5, desk().card)
    assert bench.told[-1].tag == EventTag.CARD_INSERTED
    assert await bench.send("8013058300") == "8301119000"
    assert (await bench.send("8012050100")).endswith("9001")
    assert await bench.send("8013008300") == "8301139000"
    assert await bench.send("8013018300") == "6A00"
    assert bench.machine.state.to_document()["contactless"] is True
    machine.switch_contactless(on=False)
    assert bench.told[-1].tag == EventTag.UNIT_REMOVED
    assert await bench.send("8013058000") == "6A00"


async def test_a_motor_pushes_the_card_out() -> None:
    bench = Bench(shape=shape_named("motor"))
    assert await bench.send("801501F0038001" + "05") == "9001"
    assert bench.machine.slot(1).card is None
    assert bench.told[-1].tag == EventTag.CARD_REMOVED
    # Without a motor somebody has to take it: deactivated, but still there.
    assert await bench.send("801502F0") == "6200"
    assert await bench.send("801502F2") == "9000"


def test_every_shape_is_sound() -> None:
    for shape in SHAPES.values():
        assert shape.smkt_slot in shape.contact_slots
        assert len([*shape.contact_slots, *shape.contactless_slots]) == shape.slots
    with pytest.raises(InvalidInput):
        shape_named("round")
    for wrong in ((0, 1), (15, 1), (4, 5)):
        with pytest.raises(InvalidInput):
            TerminalShape("wrong", *wrong)
    with pytest.raises(InvalidInput):
        TerminalShape("wrong", 4, 4, motors=frozenset({5}))


@pytest.mark.requirement("TIP1-A_3049", "TIP1-A_3050")
def test_TIP1_A_3049_blocks_and_keys_are_deleted_one_by_one() -> None:
    state = Bench().state
    state.add_key(state.blocks[0], b"second key")
    state.delete_key(1, 1)
    assert state.blocks[0].keys == [b"second key"]
    for wrong in ((1, 2), (2, 1), (0, 1)):
        with pytest.raises(InvalidInput):
            state.delete_key(*wrong)
    state.delete_block(1)
    assert state.blocks == []
    with pytest.raises(InvalidInput):
        state.delete_block(1)
