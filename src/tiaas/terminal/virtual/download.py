"""SICCT DOWNLOAD INIT, DATA, FINISH (SICCT V1.3.0, 5.23–5.25): takes any firmware and forgets it."""

from tiaas.card.apdu import ResponseApdu
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.units import TERMINAL
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.parameters import Form, Parameters, Presence
from tiaas.terminal.virtual.refused import Refused
from tiaas.tlv import encode

INIT_FORM = Form(Presence.NEVER, Presence.MUST)
DATA_FORM = Form(Presence.MUST, Presence.MUST, {do.TAG_DOWNLOAD: 1})
FINISH_FORM = Form(Presence.NEVER, Presence.MUST)

_SECONDS = 5
_ENVELOPE_OF_DATA = 32  # header, Lc, tag and length around a block
_NOTHING_NEEDED = 0x00  # 5.5.10.26: regular operation after the response


async def download_init(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Opens a download session; no card may be active."""
    _for_terminal(parameters)
    if any(slot.active for slot in machine):
        raise Refused(Sw.NOT_ALLOWED)
    client.downloading = True
    return ResponseApdu(_parameters(machine), Sw.OK)


async def download_data(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Takes one block."""
    _for_terminal(parameters)
    parameters.need(do.TAG_DOWNLOAD)
    if not client.downloading:
        raise Refused(Sw.NOT_ALLOWED)
    return ResponseApdu(_parameters(machine), Sw.OK)


async def download_finish(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Ends the download session; nothing else is needed."""
    _for_terminal(parameters)
    if not client.downloading:
        raise Refused(Sw.NOT_ALLOWED)
    client.downloading = False
    parts = encode(do.TAG_OCTETS, bytes([_SECONDS])) + encode(do.TAG_OCTETS, bytes([_NOTHING_NEEDED]))
    return ResponseApdu(encode(do.TAG_DOWNLOAD, parts), Sw.OK)


def _for_terminal(parameters: Parameters) -> None:
    if parameters.unit() != TERMINAL or parameters.command.p2 != 0:
        raise Refused(Sw.WRONG_PARAMETERS)


def _parameters(machine: Machine) -> bytes:
    """Object 73: seconds for the next block, its greatest size (5.5.10.24)."""
    largest = machine.config.command_buffer - _ENVELOPE_OF_DATA
    parts = encode(do.TAG_OCTETS, bytes([_SECONDS])) + encode(do.TAG_OCTETS, largest.to_bytes(2, "big"))
    return encode(do.TAG_DOWNLOAD, parts)
