"""Memory cards in a lab with faults: they have no number, and are none of the lab's cards."""

import asyncio

from tiaas.lab.faults import Fault, Service
from tiaas.lab.kvk import make_kvk
from tiaas.lab.lab import Lab

READ = b"\x00\xb0\x00\x00"


async def test_faults_leave_a_memory_card_alone_or_strike_it_by_its_kind(lab: Lab) -> None:
    (terminal,) = lab.terminals()
    lab.eject("CT-1", 1)
    card = make_kvk({}, None)
    terminal.insert_memory_card(1, card)
    mishaps = terminal.virtual.mishaps
    lab.faults.add(Fault(Service.OCSP, code="revoked", times=None))
    lab.faults.add(Fault(Service.CARD, code="mute", match="80276", times=None))
    assert mishaps.at_card(1, card, None) is None
    lab.faults.add(Fault(Service.CARD, code="mute", match="KVK CT-1 00B0"))
    struck = mishaps.at_card(1, card, READ)
    assert struck is not None
    assert struck.is_mute
    lab.faults.add(Fault(Service.CARD, code="pulled", match="KVK", lasts=1))
    mishaps.at_card(1, card, READ)
    assert terminal.virtual.card_in(1) is None
    assert asyncio.all_tasks() == {asyncio.current_task()}  # nobody puts another card there


async def test_a_motor_pushes_a_memory_card_out_and_the_slot_is_free_again(lab: Lab) -> None:
    (terminal,) = lab.terminals()
    egk = lab.eject("CT-1", 1)
    terminal.insert_memory_card(1, make_kvk({}, None))
    terminal.virtual.machine.push_out(1)
    assert terminal.virtual.card_in(1) is None
    assert lab.insert("CT-1", 1, None) == egk
