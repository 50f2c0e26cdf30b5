"""The command interpreter: from the octets of a command to the octets of its answer."""

import logging
from collections.abc import Awaitable, Callable

from tiaas.base.errors import TiaasError
from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_command_untrusted
from tiaas.terminal.sicct.commands import CLA_EHEALTH, Authenticate, Ins
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.units import TERMINAL
from tiaas.terminal.virtual import authenticate, cardslots, download, humans, pinentry, sessions, statuses
from tiaas.terminal.virtual.admission import admit, admit_card_command
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.parameters import Form, Parameters, check
from tiaas.terminal.virtual.refused import Refused

_log = logging.getLogger("tiaas.terminal.virtual")

Handler = Callable[[Machine, Client, Parameters], Awaitable[ResponseApdu]]

_COMMANDS: dict[int, tuple[Form, Handler]] = {
    Ins.RESET: (cardslots.RESET_FORM, cardslots.reset),
    Ins.REQUEST_ICC: (cardslots.REQUEST_FORM, cardslots.request_icc),
    Ins.GET_STATUS: (statuses.GET_FORM, statuses.get_status),
    Ins.EJECT_ICC: (cardslots.EJECT_FORM, cardslots.eject_icc),
    Ins.INPUT: (humans.INPUT_FORM, humans.input_),
    Ins.OUTPUT: (humans.OUTPUT_FORM, humans.output),
    Ins.PERFORM_VERIFICATION: (pinentry.PERFORM_FORM, pinentry.perform_verification),
    Ins.MODIFY_VERIFICATION_DATA: (pinentry.MODIFY_FORM, pinentry.modify_verification_data),
    Ins.SET_STATUS: (statuses.SET_FORM, statuses.set_status),
    Ins.DOWNLOAD_INIT: (download.INIT_FORM, download.download_init),
    Ins.DOWNLOAD_DATA: (download.DATA_FORM, download.download_data),
    Ins.DOWNLOAD_FINISH: (download.FINISH_FORM, download.download_finish),
    Ins.INIT_CT_SESSION: (sessions.INIT_FORM, sessions.init_session),
    Ins.CLOSE_CT_SESSION: (sessions.CLOSE_FORM, sessions.close_session),
}
# CHANGE REFERENCE DATA, RESET RETRY COUNTER in secure messaging: a remote PIN, typed at another terminal.
_SETTING_PINS = frozenset({0x24, 0x2C})
_PROTECTED = 0x0C
_DONE = Sw.OK.to_bytes(2, "big")
_DOWNLOADS = frozenset({Ins.DOWNLOAD_INIT, Ins.DOWNLOAD_DATA, Ins.DOWNLOAD_FINISH})


async def interpret(machine: Machine, client: Client, unit: int, raw: bytes) -> bytes:
    """Executes a command message for `unit`; always an answer."""
    try:
        if unit != TERMINAL:
            return await _card_command(machine, client, unit, raw)
        answer = await _terminal_command(machine, client, raw)
    except Refused as refused:
        answer = ResponseApdu(b"", refused.sw)
    except TiaasError as failure:
        _log.error("command failed", extra={"kind": type(failure).__name__})
        answer = ResponseApdu(b"", Sw.EXECUTION_ERROR)
    return answer.encode()


async def _card_command(machine: Machine, client: Client, unit: int, raw: bytes) -> bytes:
    client.expected = None
    refused = admit_card_command(machine.client_state, client.role)
    if refused is not None:
        raise Refused(refused)
    slot = machine.slot(unit)
    card = slot.powered()
    with machine.using(unit):
        answer = await slot.transmit(raw)
    if answer.endswith(_DONE) and raw[0] & _PROTECTED and raw[1] in _SETTING_PINS:
        machine.pins.pin_changed(card, raw[3], None)
    return answer


async def _terminal_command(machine: Machine, client: Client, raw: bytes) -> ResponseApdu:
    try:
        command = decode_command_untrusted(raw)
    except BadApdu:
        raise Refused(Sw.WRONG_LC) from None
    if not _is_add_phase_2(command):
        client.expected = None  # TIP1-A_3113
    refused = admit(machine.client_state, client.role, command.cla, command.ins)
    if refused is not None:
        raise Refused(refused)
    if command.cla == CLA_EHEALTH:
        form = authenticate.form_of(command)
        return await authenticate.authenticate(machine, client, check(command, form))
    if client.downloading is not None and command.ins not in _DOWNLOADS:
        raise Refused(Sw.NOT_ALLOWED)
    if command.ins == Ins.CONTROL_COMMAND:
        raise Refused(Sw.NOT_IN_TIME)  # TIP1-A_3264
    form, handler = _COMMANDS[command.ins]
    return await handler(machine, client, check(command, form))


def _is_add_phase_2(command: CommandApdu) -> bool:
    return command.cla == CLA_EHEALTH and command.p2 == Authenticate.ADD_PHASE_2
