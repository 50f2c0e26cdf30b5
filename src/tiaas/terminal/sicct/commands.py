"""The terminal's command set: instructions and the builders the Konnektor uses (SICCT V1.3.0, ch. 5; gemSpec_KT, 3.7).

Every terminal command goes to unit 0000; P1 names the functional unit it works on.
"""

import enum
from collections.abc import Iterable

from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.text import encode_label
from tiaas.terminal.sicct.units import P1_DISPLAY, P1_KEYPAD, P1_TERMINAL
from tiaas.tlv import encode

CLA_SICCT = 0x80
CLA_EHEALTH = 0x81


@enum.unique
class Ins(enum.IntEnum):
    """SICCT instructions (5.8–5.25) that an eHealth terminal knows; SELECT CT MODE and COMFORT are answered 6D00."""

    RESET = 0x11
    REQUEST_ICC = 0x12
    GET_STATUS = 0x13
    EJECT_ICC = 0x15
    INPUT = 0x16
    OUTPUT = 0x17
    PERFORM_VERIFICATION = 0x18
    MODIFY_VERIFICATION_DATA = 0x19
    SET_STATUS = 0x23
    DOWNLOAD_INIT = 0x24
    DOWNLOAD_DATA = 0x25
    DOWNLOAD_FINISH = 0x26
    CONTROL_COMMAND = 0x27
    INIT_CT_SESSION = 0x28
    CLOSE_CT_SESSION = 0x29


INS_TERMINAL_AUTHENTICATE = 0xAA


@enum.unique
class Authenticate(enum.IntEnum):
    """P2 of EHEALTH TERMINAL AUTHENTICATE (gemSpec_KT CMD_KT_0001)."""

    CREATE = 0x01
    VALIDATE = 0x02
    ADD_PHASE_1 = 0x03
    ADD_PHASE_2 = 0x04


# P2 of REQUEST and EJECT ICC (5.13.3, 5.14.3), PERFORM and MODIFY (5.19.3), OUTPUT (5.18.3).
P2_NO_MESSAGE = 0xF0
P2_WANT_ATR = 0x01
P2_KEEP_CARD = 0x02
P2_KEYPAD_CONFIRMED = 0xD0
P2_IDLE_MESSAGE = 0x01
P2_INPUT_CONFIRMED = 0x80


def init_session(user: str, password: Secret) -> CommandApdu:
    """INIT CT SESSION; empty user and password open the anonymous control session (TIP1-A_3184)."""
    data = do.encode_session(do.Session(user, password, ""))
    return CommandApdu(CLA_SICCT, Ins.INIT_CT_SESSION, P1_TERMINAL, 0, data, 256)


def close_session(session_id: str) -> CommandApdu:
    """CLOSE CT SESSION."""
    data = do.encode_session(do.Session("", Secret(b""), session_id))
    return CommandApdu(CLA_SICCT, Ins.CLOSE_CT_SESSION, P1_TERMINAL, 0, data)


def get_status(p1: int, tag: int) -> CommandApdu:
    """GET STATUS of one object (`dataobjects.TAG_…`)."""
    return CommandApdu(CLA_SICCT, Ins.GET_STATUS, p1, tag, ne=256)


def set_unit_name(unit: int, name: str) -> CommandApdu:
    """SET STATUS: the name of a functional unit; empty deletes it. Needs an admin session."""
    data = encode(do.TAG_UNIT_INDEX, unit.to_bytes(2, "big")) + do.encode_unit_name(name)
    return CommandApdu(CLA_SICCT, Ins.SET_STATUS, 0xFF, 0xFF, data)


def reset_slot(slot: int) -> CommandApdu:
    """RESET ICC, cold, ATR wanted."""
    return CommandApdu(CLA_SICCT, Ins.RESET, slot, P2_WANT_ATR, ne=256)


def reset_terminal() -> CommandApdu:
    """RESET CT: deactivates all slots."""
    return CommandApdu(CLA_SICCT, Ins.RESET, P1_TERMINAL, 0)


def request_icc(slot: int, text: str | None, wait: int | None) -> CommandApdu:
    """REQUEST ICC with the ATR wanted; `text` None shows nothing, `wait` None does not wait."""
    p2 = P2_WANT_ATR | (P2_NO_MESSAGE if text is None else 0)
    return CommandApdu(CLA_SICCT, Ins.REQUEST_ICC, slot, p2, _message(text, wait), 256)


def eject_icc(slot: int, text: str | None, wait: int | None, *, keep: bool = False) -> CommandApdu:
    """EJECT ICC; `keep` only deactivates the card."""
    p2 = (P2_NO_MESSAGE if text is None else 0) | (P2_KEEP_CARD if keep else 0)
    return CommandApdu(CLA_SICCT, Ins.EJECT_ICC, slot, p2, _message(text, wait))


def output(text: str) -> CommandApdu:
    """OUTPUT of a message on the display."""
    return CommandApdu(CLA_SICCT, Ins.OUTPUT, P1_DISPLAY, 0, encode_label(text))


def output_idle() -> CommandApdu:
    """OUTPUT of the terminal's own idle message."""
    return CommandApdu(CLA_SICCT, Ins.OUTPUT, P1_DISPLAY, P2_IDLE_MESSAGE)


def input_confirmation(text: str, wait: int) -> CommandApdu:
    """INPUT without Le: shows a message and waits for the OK key."""
    return CommandApdu(CLA_SICCT, Ins.INPUT, P1_KEYPAD, P2_INPUT_CONFIRMED, _message(text, wait))


def download_init() -> CommandApdu:
    """DOWNLOAD INIT; needs an admin session and no active card."""
    return CommandApdu(CLA_SICCT, Ins.DOWNLOAD_INIT, P1_TERMINAL, 0, ne=256)


def download_data(block: bytes) -> CommandApdu:
    """DOWNLOAD DATA with one block."""
    data = encode(do.TAG_DOWNLOAD, block)
    return CommandApdu(CLA_SICCT, Ins.DOWNLOAD_DATA, P1_TERMINAL, 0, data, 256 if len(data) <= 255 else 65536)


def download_finish() -> CommandApdu:
    """DOWNLOAD FINISH."""
    return CommandApdu(CLA_SICCT, Ins.DOWNLOAD_FINISH, P1_TERMINAL, 0, ne=256)


def perform_verification(
    slot: int, texts: Iterable[str], waits: Iterable[int], command: do.CommandToPerform, *, returns_data: bool
) -> CommandApdu:
    """PERFORM VERIFICATION. `returns_data` sets Le, for PSO ENCIPHER only (gemSpec_KT A_22869-01, A_22871)."""
    return _pin_command(Ins.PERFORM_VERIFICATION, slot, texts, waits, command, returns_data=returns_data)


def modify_verification_data(
    slot: int, texts: Iterable[str], waits: Iterable[int], command: do.CommandToPerform, *, returns_data: bool = False
) -> CommandApdu:
    """MODIFY VERIFICATION DATA. `returns_data` sets Le, which gemSpec_KT V3.17.0 does not want (A_25230)."""
    return _pin_command(Ins.MODIFY_VERIFICATION_DATA, slot, texts, waits, command, returns_data=returns_data)


def create_pairing(secret: Secret, text: str) -> CommandApdu:
    """EHEALTH TERMINAL AUTHENTICATE CREATE."""
    data = encode(do.TAG_SHARED_SECRET, secret.reveal()) + encode_label(text)
    return _authenticate(Authenticate.CREATE, data, 256)


def validate_pairing(challenge: bytes) -> CommandApdu:
    """EHEALTH TERMINAL AUTHENTICATE VALIDATE."""
    return _authenticate(Authenticate.VALIDATE, encode(do.TAG_CHALLENGE, challenge), 0x20)


def add_phase_1(size: int) -> CommandApdu:
    """EHEALTH TERMINAL AUTHENTICATE ADD, phase 1: asks for a challenge of `size` octets (16–127)."""
    return _authenticate(Authenticate.ADD_PHASE_1, b"", size)


def add_phase_2(response: bytes) -> CommandApdu:
    """EHEALTH TERMINAL AUTHENTICATE ADD, phase 2."""
    return _authenticate(Authenticate.ADD_PHASE_2, encode(do.TAG_CHALLENGE_RESPONSE, response), None)


def _authenticate(step: Authenticate, data: bytes, ne: int | None) -> CommandApdu:
    return CommandApdu(CLA_EHEALTH, INS_TERMINAL_AUTHENTICATE, P1_TERMINAL, step, data, ne)


def _message(text: str | None, wait: int | None) -> bytes:
    label = encode_label(text) if text else b""
    return label + (b"" if wait is None else do.encode_wait(wait))


def _pin_command(
    ins: Ins,
    slot: int,
    texts: Iterable[str],
    waits: Iterable[int],
    command: do.CommandToPerform,
    *,
    returns_data: bool,
) -> CommandApdu:
    data = b"".join(encode_label(text) for text in texts)
    data += b"".join(do.encode_wait(wait) for wait in waits) + command.encode()
    # A_22871: Le short with 255 octets of data or less, else extended.
    ne = (256 if len(data) <= 255 else 65536) if returns_data else None
    return CommandApdu(CLA_SICCT, ins, slot, P2_KEYPAD_CONFIRMED, data, ne)
