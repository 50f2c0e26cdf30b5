"""Bringing firmware to a terminal: SICCT DOWNLOAD INIT, DATA, FINISH (SICCT V1.3.0, 5.23 to 5.25).

In an admin session. The terminal says after each command how large the next block may be and how long it takes.
"""

import enum

from tiaas.base.dataclass import dataclass
from tiaas.card.apdu import ResponseApdu
from tiaas.terminal.errors import BadTerminalAnswer, TerminalRefused
from tiaas.terminal.session import TerminalSession
from tiaas.terminal.sicct import commands as cmd
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.status import Sw

_PATIENCE = 10.0  # seconds on top of what the terminal says
_SECONDS_MAX = 600
_BLOCK_MAX = 60_000  # Nc is 65535 at most


class Finalisation(enum.IntFlag):
    """What is needed after DOWNLOAD FINISH (5.5.10.26)."""

    CLOSE_SESSION = 0x01
    RESET = 0x02
    AUTOMATIC_REBOOT = 0x04
    MANUAL = 0x08


@dataclass(frozen=True, slots=True)
class DownloadParameters:
    """Object 73 of INIT and DATA (5.5.10.24): seconds the terminal needs, octets of the next block."""

    seconds: int
    block: int


def decode_parameters_untrusted(value: bytes) -> DownloadParameters:
    """The value of object 73 in an answer to INIT or DATA; raises only `BadSicct`."""
    seconds, block = _two_numbers(value, "download parameters")
    if not block:
        raise BadSicct("download parameters", "blocks of 0 octets")
    return DownloadParameters(seconds, block)


def decode_finalisation_untrusted(value: bytes) -> tuple[int, Finalisation]:
    """The value of object 73 in an answer to FINISH: seconds and what is needed; raises only `BadSicct`."""
    seconds, flags = _two_numbers(value, "download termination")
    return seconds, Finalisation(flags & 0x0F)


async def download(session: TerminalSession, image: bytes) -> Finalisation:
    """Sends the whole image; what the terminal needs afterwards.

    Raises `TerminalRefused` with the status word, `BadTerminalAnswer`, `FrontError` if the connection breaks.
    """
    step = _parameters("DOWNLOAD INIT", await session.command(cmd.download_init()))
    position = 0
    while position < len(image):
        block = image[position : position + min(step.block, _BLOCK_MAX)]
        wait = min(step.seconds, _SECONDS_MAX) + _PATIENCE
        step = _parameters("DOWNLOAD DATA", await session.command(cmd.download_data(block), wait))
        position += len(block)
    wait = min(step.seconds, _SECONDS_MAX) + _PATIENCE
    answer = await session.command(cmd.download_finish(), wait)
    try:
        return decode_finalisation_untrusted(_object("DOWNLOAD FINISH", answer))[1]
    except BadSicct as bad:
        raise BadTerminalAnswer("DOWNLOAD FINISH", detail=str(bad)) from bad


def _parameters(step: str, answer: ResponseApdu) -> DownloadParameters:
    try:
        return decode_parameters_untrusted(_object(step, answer))
    except BadSicct as bad:
        raise BadTerminalAnswer(step, detail=str(bad)) from bad


def _object(step: str, answer: ResponseApdu) -> bytes:
    """Object 73; raises `TerminalRefused`. 6200 to INIT tells that a download session is open already (5.23.6)."""
    if answer.sw not in (Sw.OK, Sw.NOT_IN_TIME):
        raise TerminalRefused(step, answer.sw)
    return do.decode_only_untrusted(answer.data, do.TAG_DOWNLOAD)


def _two_numbers(value: bytes, what: str) -> tuple[int, int]:
    parts = [item.value for item in do.decode_objects_untrusted(value) if item.tag == do.TAG_OCTETS]
    if len(parts) != 2 or len(parts[0]) > 2 or not 1 <= len(parts[1]) <= 2:
        raise BadSicct(what, "two numbers of up to two octets expected")
    return int.from_bytes(parts[0], "big"), int.from_bytes(parts[1], "big")
