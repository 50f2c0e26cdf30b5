"""A lab brought back to its beginning: what a test did or set going is over."""

import asyncio

from tiaas.card.objsys.model import CardKind
from tiaas.lab.faults import Fault, Service
from tiaas.lab.kvk import make_kvk
from tiaas.lab.lab import Lab
from tiaas.lab.ready import Place
from tiaas.lab.reset import Beginning


async def test_what_a_fault_still_had_in_hand_ends(lab: Lab) -> None:
    beginning = Beginning.of(lab)
    (terminal,) = lab.terminals()
    egk = terminal.virtual.card_in(1)
    assert egk is not None
    lab.faults.add(Fault(Service.CARD, code="pulled", lasts=3600))
    terminal.virtual.mishaps.at_card(1, egk, b"\x00\xb0\x00\x00")
    lab.faults.add(Fault(Service.TERMINAL, code="gone", delay=120))
    terminal.virtual.mishaps.at_command(0, b"\x80\x13\x00\x80")
    assert terminal.virtual.card_in(1) is None
    assert len(asyncio.all_tasks()) == 3
    await beginning.restore(lab, beginning.placed(lab))
    assert asyncio.all_tasks() == {asyncio.current_task()}
    assert terminal.virtual.card_in(1) is egk


async def test_memory_cards_and_motors_go(lab: Lab) -> None:
    beginning = Beginning.of(lab)
    (terminal,) = lab.terminals()
    (egk, *_) = lab.cards.of_practice(1, CardKind.EGK)
    lab.eject("CT-1", 1)
    terminal.insert_memory_card(1, make_kvk({}, None))
    terminal.set_motor(on=True)
    await beginning.restore(lab, beginning.placed(lab))
    assert lab.place_of(egk.iccsn) == Place("CT-1", 1)
    assert terminal.virtual.card_in(1) is egk.card
    assert terminal.virtual.machine.motors == frozenset()
