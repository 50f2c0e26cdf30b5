"""Activating cards; one on the antenna needs the access number printed on it, which its holder types at the keypad.

How a certified terminal asks for the number is not in the texts at hand; display text and time are ours.
"""

from typing import Final

from tiaas.base.secret import Secret
from tiaas.card.objsys.addresses import KEY_CAN
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.text import DisplayText
from tiaas.terminal.sicct.units import DISPLAY, KEYPAD
from tiaas.terminal.virtual.config import PinMode, PinPurpose, SlotCard
from tiaas.terminal.virtual.keypad import CANCEL, Echo, Entry, EntryCancelled, EntryTimeout, Timers
from tiaas.terminal.virtual.machine import Machine
from tiaas.terminal.virtual.refused import Refused
from tiaas.terminal.virtual.slots import AccessNumber, Slot

_TEXT: Final = DisplayText("Zugangsnummer der Karte (CAN) eingeben", "CAN:")
_DIGITS: Final = 6
_ENTRY: Final = Entry(minimum=_DIGITS, maximum=_DIGITS, echo=Echo.PLAIN)
_SECONDS: Final = Timers(30.0, 30.0, 60.0)
_WRONG: Final = Secret(b"000000")


async def activate(machine: Machine, slot: Slot) -> bytes:
    """Switches a slot's card on; the ATR. Raises `Refused` (64A1, 6F00; on the antenna also 6400, 6401, 6941)."""
    card = slot.present()
    if not slot.contactless:
        return await slot.power_up()
    number = await _ask(machine, card)
    return await slot.power_up(AccessNumber(number, machine.entropy))


async def _ask(machine: Machine, card: SlotCard) -> Secret:
    with machine.using(DISPLAY, KEYPAD):
        machine.display.show(_TEXT)
        try:
            return await machine.keypad.read(_ENTRY, _SECONDS, lambda: _respond(machine, card))
        except EntryTimeout:
            raise Refused(Sw.EXECUTION_ERROR) from None
        except EntryCancelled:
            raise Refused(Sw.CANCELLED) from None
        finally:
            machine.display.show_idle()


def _respond(machine: Machine, card: SlotCard) -> None:
    """What the invented holder does; nothing in the modes `manual` and `timeout`."""
    mode = machine.policy.mode
    if mode is PinMode.CANCEL:
        machine.keypad.press(CANCEL)
    right = machine.pins.pin_for(card, KEY_CAN, PinPurpose.CAN)
    if mode is PinMode.AUTO and right is not None:
        machine.keypad.type(right)
    elif mode is PinMode.WRONG:
        machine.keypad.type(_WRONG)
