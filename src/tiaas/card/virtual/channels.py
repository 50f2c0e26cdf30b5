"""MANAGE CHANNEL (gemSpec_COS V3.12.0, 14.9.8) and FINGERPRINT (14.9.2)."""

from hashlib import sha256
from typing import Final

from tiaas.card.apdu import ResponseApdu
from tiaas.card.objsys.access import Access
from tiaas.card.status import StatusWord
from tiaas.card.virtual.channel import CHANNELS, Channel
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.refusal import Refused

_DONE: Final = ResponseApdu(b"", StatusWord.OK)
_PREFIX_SIZE: Final = 128
# Stands for the operating system's code: the same for every card of this make (N096.476).
_CODE: Final = b"tiaas G2.1 card operating system"


def manage_channel(run: Execution) -> ResponseApdu:
    """Opens a logical channel, closes or resets the one it comes on, or resets the application layer."""
    match run.command.p1, run.command.p2:
        case 0x00, 0x00:
            return _open(run)
        case 0x80, 0x00:
            return _close(run)
        case 0x40, 0x00:
            run.channels[run.channel.number] = Channel(run.channel.number)
        case 0x40, 0x01:
            run.channels.clear()
            run.channels[0] = Channel(0)
        case _:
            raise Refused(StatusWord.INCORRECT_P1_P2)
    return _DONE


def fingerprint(run: Execution) -> ResponseApdu:
    """FINGERPRINT over 128 octets of the outside world."""
    run.require(run.contents.tree.objects[run.channel.folder], Access.FINGERPRINT)
    if len(run.command.data) != _PREFIX_SIZE:
        raise Refused(StatusWord.WRONG_LENGTH)
    return ResponseApdu(run.cut(sha256(run.command.data + _CODE).digest()), StatusWord.OK)


def _open(run: Execution) -> ResponseApdu:
    free = next((number for number in range(1, CHANNELS) if number not in run.channels), None)
    if free is None:
        raise Refused(StatusWord.WRONG_FILE_TYPE)  # 6981, here NoMoreChannelsAvailable
    if run.command.ne is None:
        raise Refused(StatusWord.WRONG_LENGTH)
    run.channels[free] = Channel(free)
    return ResponseApdu(bytes([free]), StatusWord.OK)


def _close(run: Execution) -> ResponseApdu:
    if run.channel.number == 0:
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    del run.channels[run.channel.number]
    return _DONE
