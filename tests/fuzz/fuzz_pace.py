"""Fuzz target: what a card may answer to the terminal's half of PACE, from the first command to the last.

The input is cut into answers by length octets; an empty piece stands for the answer an honest card has given to the
same command, so that late steps are reached too.
"""

from contextlib import suppress

from tests.cardbench import desk
from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.card.apdu import decode_response_untrusted
from tiaas.card.objsys.model import Interface
from tiaas.card.pace import PaceError, establish

_CAN = Secret(b"123123")


def _piece(raw: bytes) -> bytes:
    return bytes([len(raw)]) + raw


_OK = b"\x90\x00"
_NUMBER = bytes.fromhex("7C128010") + bytes(16) + _OK
SEEDS: list[bytes] = [
    b"",
    _piece(b"\x6a\x82"),
    _piece(b"") * 5 + _piece(_NUMBER),
    _piece(b"") * 6 + _piece(bytes.fromhex("7C43824104") + bytes(64) + _OK),
    _piece(b"") * 7 + _piece(bytes.fromhex("7C43844104") + bytes(64) + _OK),
    _piece(b"") * 8 + _piece(bytes.fromhex("7C0A8608") + bytes(8) + _OK),
    _piece(b"") * 3 + _piece(bytes.fromhex("31143012060A04007F0007020204020202010202010D") + _OK),
]


def _honest() -> list[bytes]:
    """What a card answers to the very commands the target sends."""
    card = desk().card
    card.reset(Interface.CONTACTLESS)
    procedure = establish(_CAN, SeededEntropy(b"fuzz"))
    answers: list[bytes] = []
    with suppress(StopIteration):
        command = next(procedure)
        while True:
            answers.append(card.process(command.encode()))
            command = procedure.send(decode_response_untrusted(answers[-1]))
    return answers


_ANSWERS = _honest()


def target(data: bytes) -> None:
    """Only `PaceError` may escape."""
    procedure = establish(_CAN, SeededEntropy(b"fuzz"))
    with suppress(PaceError, StopIteration):
        next(procedure)
        for honest in _ANSWERS:
            forged = data[1 : 1 + data[0]] if data else b""
            data = data[1 + len(forged) :]
            procedure.send(decode_response_untrusted(forged if len(forged) > 1 else honest))
