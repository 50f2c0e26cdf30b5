"""The invented person at the keypad: which value answers which prompt, by the PIN policy."""

import enum

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.terminal.virtual.config import PinMode, PinPurpose, SlotCard
from tiaas.terminal.virtual.keypad import CANCEL
from tiaas.terminal.virtual.machine import Machine
from tiaas.terminal.virtual.mishaps import KeypadMishap

_UNKNOWN = Secret(b"000000")


@enum.unique
class Wanted(enum.Enum):
    """What a prompt asks for."""

    CURRENT = "current"
    PUK = "puk"
    NEW = "new"
    UNKNOWN = "unknown"  # the terminal cannot tell: PSO ENCIPHER names a key, not a password


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt for a value of the card in a slot; `shown` is the PIN prompt on the display."""

    card: SlotCard
    password_ref: int
    wanted: Wanted
    shown: str = ""
    repeated: bool = False


def respond(machine: Machine, prompt: Prompt, mishap: KeypadMishap) -> None:
    """Presses the keys, at once or later; none in the modes `manual` and `timeout`, or for an unknown value."""
    if mishap.delay:
        machine.keypad.later(mishap.delay, lambda: _act(machine, prompt, mishap))
    else:
        _act(machine, prompt, mishap)


def _act(machine: Machine, prompt: Prompt, mishap: KeypadMishap) -> None:
    mode = mishap.mode or machine.policy.mode
    if mode is PinMode.CANCEL:
        machine.keypad.press(CANCEL)
    if mode is PinMode.AUTO:
        value = _value(machine, prompt)
    elif mode is PinMode.WRONG:
        value = _wrong_value(machine, prompt)
    else:
        value = None
    if value is not None:
        machine.keypad.type(value)


def _value(machine: Machine, prompt: Prompt) -> Secret | None:
    if prompt.wanted is Wanted.NEW:
        repeated = machine.policy.repeat_pin if prompt.repeated else None
        return repeated or machine.policy.new_pin or machine.config.new_pin
    if prompt.wanted is Wanted.UNKNOWN:
        return machine.pins.pin_shown(prompt.card, prompt.shown)
    purpose = PinPurpose.PUK if prompt.wanted is Wanted.PUK else PinPurpose.CURRENT
    return machine.pins.pin_for(prompt.card, prompt.password_ref, purpose)


def _wrong_value(machine: Machine, prompt: Prompt) -> Secret:
    """As long as the right one but different in the last digit; a new PIN is typed as the policy says."""
    right = _value(machine, prompt)
    if right is None or prompt.wanted is Wanted.NEW:
        return right or _UNKNOWN
    digits = right.reveal()
    return Secret(digits[:-1] + b"%d" % ((digits[-1] - ord("0") + 1) % 10))
