"""PERFORM VERIFICATION and MODIFY VERIFICATION DATA (SICCT V1.3.0, 5.19, 5.20; gemSpec_KT V3.17.0, 3.7.5, 3.7.6, 3.8).

The PIN exists as `Secret` between keypad and card command; display, events and logs see asterisks and key codes only.
"""

from collections.abc import Sequence
from dataclasses import replace

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.card.apdu import ResponseApdu, decode_response_untrusted
from tiaas.card.pinblock import BLOCK_SIZE, MAX_DIGITS, MIN_DIGITS, encode_pin_block
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.text import TAG_LABEL, TAG_MESSAGE, DisplayText
from tiaas.terminal.sicct.units import DISPLAY, KEYPAD
from tiaas.terminal.virtual.display import STANDARD_PROMPT, STANDARD_TEXTS
from tiaas.terminal.virtual.holder import Prompt, Wanted, respond
from tiaas.terminal.virtual.keypad import Echo, Entry, EntryCancelled, EntryTimeout, Timers
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.parameters import P2_REFERENCED_KEYPAD, Form, Parameters, Presence
from tiaas.terminal.virtual.race import unless
from tiaas.terminal.virtual.refused import Refused
from tiaas.terminal.virtual.slots import Slot

_PERFORM_TEXTS = (4, 5, 6, 10, 12)  # table 22
_MODIFY_TEXTS = (4, 5, 6, 7, 8, 9, 10, 12)  # table 25
_DEFAULT_SECONDS = (30, 30, 180)  # TIP1-A_3086 … 3089; t3 of SICCT table 23
_P2_KEYPAD = 0x50
_CONFIRMED = 0x80

_INS_VERIFY, _INS_CHANGE, _INS_DISABLE, _INS_ENABLE = 0x20, 0x24, 0x26, 0x28
_INS_PSO, _INS_RESET_RETRY = 0x2A, 0x2C
_PLAIN_INS = frozenset({_INS_VERIFY, _INS_CHANGE, _INS_DISABLE, _INS_ENABLE, _INS_RESET_RETRY})
_ENCIPHER_P1 = frozenset({0x82, 0x84, 0x86})  # with P2 80 (5.5.10.22)

# What a single prompt asks for, by INS and P1 (gemSpec_KT A_22869-01; gemSpec_COS 14.6.1, 14.6.5).
_SINGLE_WANTED = {
    (_INS_CHANGE, 0x01): Wanted.NEW,
    (_INS_RESET_RETRY, 0x01): Wanted.PUK,
    (_INS_RESET_RETRY, 0x02): Wanted.NEW,
}
# What the first prompt of MODIFY asks for, by INS.
_MODIFY_WANTED = {_INS_RESET_RETRY: Wanted.PUK, _INS_PSO: Wanted.UNKNOWN}


def _form(texts: Sequence[int], le: Presence) -> Form:
    objects = {do.TAG_COMMAND_TO_PERFORM: 1, do.TAG_WAIT: 3, do.TAG_UNIT_CONTEXT: 1}
    return Form(Presence.MUST, le, objects | {TAG_LABEL: len(texts), TAG_MESSAGE: len(texts)})


PERFORM_FORM = _form(_PERFORM_TEXTS, Presence.MAY)
MODIFY_FORM = _form(_MODIFY_TEXTS, Presence.MAY)


@dataclass(frozen=True, slots=True)
class _Dialogue:
    """What both commands share: slot, command, texts by their number, timers."""

    slot: Slot
    perform: do.CommandToPerform
    texts: dict[int, DisplayText]
    timers: Timers

    @property
    def password_ref(self) -> int:
        return self.perform.apdu[3]


async def perform_verification(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """One PIN into one card command."""
    ne = parameters.command.ne
    if ne is not None and ne not in (256, 65536):
        raise Refused(Sw.WRONG_LE)
    dialogue = _dialogue(machine, parameters, _PERFORM_TEXTS, positions=1)
    wanted = _wanted_once(dialogue.perform.apdu)
    with machine.using(dialogue.slot.number, DISPLAY, KEYPAD):
        prompt = Prompt(dialogue.slot.powered(), dialogue.password_ref, wanted, dialogue.texts[4].prompt)
        pin = await _ask(machine, dialogue, dialogue.texts[4], prompt, _exact(dialogue.perform))
        answer = await _execute(machine, dialogue, [pin])
    if answer.ok and wanted is Wanted.NEW:
        machine.pins.pin_changed(prompt.card, dialogue.password_ref, pin)
    return ResponseApdu(answer.data[: ne or 0], answer.sw)


async def modify_verification_data(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Old PIN or PUK (unless it is a Null-PIN), then the new PIN twice."""
    ne = parameters.command.ne
    if ne is not None and not machine.config.modify_returns_data:  # gemSpec_KT A_25230
        raise Refused(Sw.WRONG_LE)
    dialogue = _dialogue(machine, parameters, _MODIFY_TEXTS, positions=2)
    perform = dialogue.perform
    first = _MODIFY_WANTED.get(perform.apdu[1], Wanted.CURRENT)
    old_entry = Entry(MIN_DIGITS, MAX_DIGITS, Echo.ASTERISKS) if perform.is_minimum else _exact(perform)
    new_entry = _minimum(perform) if perform.is_minimum else _exact(perform)
    with machine.using(dialogue.slot.number, DISPLAY, KEYPAD):
        card = dialogue.slot.powered()
        pins: list[Secret] = []
        if perform.positions[0]:
            prompt = Prompt(card, dialogue.password_ref, first, dialogue.texts[4].prompt)
            pins.append(await _ask(machine, dialogue, dialogue.texts[4], prompt, old_entry))
        prompt = Prompt(card, dialogue.password_ref, Wanted.NEW)
        new = await _ask(machine, dialogue, dialogue.texts[7], prompt, new_entry)
        repeat = replace(prompt, repeated=True)
        if new != await _ask(machine, dialogue, dialogue.texts[8], repeat, new_entry):
            machine.display.show(dialogue.texts[9])
            raise Refused(Sw.NEW_PINS_DIFFER)
        answer = await _execute(machine, dialogue, [*pins, new])
    if answer.ok and first is not Wanted.UNKNOWN:
        machine.pins.pin_changed(card, dialogue.password_ref, new)
    return ResponseApdu(answer.data[: ne or 0], answer.sw)


def _dialogue(machine: Machine, parameters: Parameters, numbers: Sequence[int], positions: int) -> _Dialogue:
    p2 = parameters.command.p2
    if p2 & ~_CONFIRMED != _P2_KEYPAD and p2 & ~_CONFIRMED != P2_REFERENCED_KEYPAD:
        raise Refused(Sw.WRONG_PARAMETERS)
    slots = [unit for unit in parameters.units() if unit not in (DISPLAY, KEYPAD)]
    if len(slots) != 1:
        raise Refused(Sw.WRONG_PARAMETERS)
    slot = machine.slot(slots[0])
    perform = _perform(parameters.need(do.TAG_COMMAND_TO_PERFORM), positions)
    texts = {number: DisplayText(STANDARD_TEXTS[number]) for number in numbers}
    texts |= dict(zip(numbers, parameters.texts(), strict=False))
    given = [wait or default for wait, default in zip(parameters.waits(), _DEFAULT_SECONDS, strict=False)]
    first, following, overall = (*given, *_DEFAULT_SECONDS[len(given) :])
    return _Dialogue(slot, perform, texts, Timers(first, following, overall))


def _perform(value: bytes, positions: int) -> do.CommandToPerform:
    """Object 52; raises `Refused` (6A80) for what an eHealth terminal does not take (TIP1-A_3013-01)."""
    try:
        perform = do.decode_command_to_perform_untrusted(value, positions)
    except BadSicct as bad:
        raise Refused(Sw.INVALID_DATA_OBJECT) from bad
    length = perform.pin_length
    is_format_2 = perform.control & 0x0F in (0x02, 0x06)
    if not is_format_2 or (length and not MIN_DIGITS <= length <= MAX_DIGITS) or not _allowed(perform.apdu):
        raise Refused(Sw.INVALID_DATA_OBJECT)
    return perform


def _allowed(apdu: bytes) -> bool:
    if apdu[1] == _INS_PSO:
        return apdu[2] in _ENCIPHER_P1 and apdu[3] == 0x80
    return apdu[1] in _PLAIN_INS


def _wanted_once(apdu: bytes) -> Wanted:
    if apdu[1] == _INS_PSO:
        return Wanted.UNKNOWN
    return _SINGLE_WANTED.get((apdu[1], apdu[2]), Wanted.CURRENT)


def _exact(perform: do.CommandToPerform) -> Entry:
    """OK is always needed (TIP1-A_3090) and not taken below the known or the format's least length (TIP1-A_3091)."""
    length = perform.pin_length
    return Entry(length or MIN_DIGITS, length or MAX_DIGITS, Echo.ASTERISKS)


def _minimum(perform: do.CommandToPerform) -> Entry:
    return Entry(max(perform.pin_length, MIN_DIGITS), MAX_DIGITS, Echo.ASTERISKS)


async def _ask(machine: Machine, dialogue: _Dialogue, text: DisplayText, prompt: Prompt, entry: Entry) -> Secret:
    """One entry at the keypad; raises `Refused` (6400, 6401, 64A1), then with text 12 on the display."""
    mishap = machine.at_keypad(prompt.card, prompt.password_ref, prompt.wanted.value)

    def begun() -> None:
        # Not before: whoever types as soon as the prompt is there loses no key.
        machine.display.show(text if text.prompt else DisplayText(text.message, STANDARD_PROMPT))
        respond(machine, prompt, mishap)

    try:
        return await unless(
            machine.keypad.read(entry, dialogue.timers, begun), dialogue.slot.moved(), Refused(Sw.NO_CARD)
        )
    except (EntryTimeout, EntryCancelled, Refused) as ended:
        machine.display.show(dialogue.texts[12])
        if isinstance(ended, Refused):
            raise
        raise Refused(Sw.CANCELLED if isinstance(ended, EntryCancelled) else Sw.EXECUTION_ERROR) from None


async def _execute(machine: Machine, dialogue: _Dialogue, pins: list[Secret]) -> ResponseApdu:
    """Sends the completed command to the card; its status word is the command's."""
    raw = complete(dialogue.perform, pins)
    answer = decode_response_untrusted(await dialogue.slot.transmit(raw.reveal()))
    machine.display.show(dialogue.texts[5 if answer.ok else 6])
    return answer


def complete(perform: do.CommandToPerform, pins: list[Secret]) -> Secret:
    """The card command with the PIN blocks at their positions; raises `Refused` (6A80) if they do not fit."""
    apdu = bytearray(perform.apdu)
    if len(apdu) == 4:
        size = BLOCK_SIZE * len(perform.positions)
        apdu += bytes([size]) + b"\xff" * size
    positions = [position for position in perform.positions if position]
    for position, pin in zip(positions, pins, strict=True):
        start = position - 1
        if start < 5 or start + BLOCK_SIZE > len(apdu):
            raise Refused(Sw.INVALID_DATA_OBJECT)
        apdu[start : start + BLOCK_SIZE] = encode_pin_block(pin).reveal()
    return Secret(bytes(apdu))
