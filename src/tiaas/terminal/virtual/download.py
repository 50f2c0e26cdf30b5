"""SICCT DOWNLOAD INIT, DATA, FINISH (SICCT V1.3.0, 5.23–5.25): takes images of its model and restarts with them."""

import logging

from tiaas.card.apdu import ResponseApdu
from tiaas.terminal.sicct import dataobjects as do
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.sicct.units import TERMINAL
from tiaas.terminal.virtual.firmware import BadImage, FirmwareImage, decode_image_untrusted
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.parameters import Form, Parameters, Presence
from tiaas.terminal.virtual.refused import Refused
from tiaas.tlv import encode

_log = logging.getLogger("tiaas.terminal.virtual")

INIT_FORM = Form(Presence.NEVER, Presence.MUST)
DATA_FORM = Form(Presence.MUST, Presence.MUST, {do.TAG_DOWNLOAD: 1})
FINISH_FORM = Form(Presence.NEVER, Presence.MUST)

IMAGE_OCTETS_MAX = 16 * 1024 * 1024
_SECONDS = 5
_ENVELOPE_OF_DATA = 32  # header, Lc, tag and length around a block
_REBOOTS = 0x04  # 5.5.10.26: disconnects and restarts by itself


async def download_init(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Opens a download session; no card may be active."""
    _for_terminal(parameters)
    if any(slot.active for slot in machine):
        raise Refused(Sw.NOT_ALLOWED)
    client.downloading = bytearray()
    return ResponseApdu(_parameters(machine), Sw.OK)


async def download_data(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Takes one block. Without room for more the session ends (6501, memory failure)."""
    _for_terminal(parameters)
    block = parameters.need(do.TAG_DOWNLOAD)
    if client.downloading is None:
        raise Refused(Sw.NOT_ALLOWED)
    if len(client.downloading) + len(block) > IMAGE_OCTETS_MAX:
        client.downloading = None
        raise Refused(Sw.MEMORY_FAILURE)
    client.downloading += block
    return ResponseApdu(_parameters(machine), Sw.OK)


async def download_finish(machine: Machine, client: Client, parameters: Parameters) -> ResponseApdu:
    """Judges what came: an image for this model whose group is no lower is in force after the restart (else 6400)."""
    _for_terminal(parameters)
    if client.downloading is None:
        raise Refused(Sw.NOT_ALLOWED)
    received, client.downloading = bytes(client.downloading), None
    image = _judged(machine, received)
    machine.state.firmware = (image.version, image.group)
    machine.changed()
    machine.reboot()
    parts = encode(do.TAG_OCTETS, bytes([_SECONDS])) + encode(do.TAG_OCTETS, bytes([_REBOOTS]))
    return ResponseApdu(encode(do.TAG_DOWNLOAD, parts), Sw.OK)


def _judged(machine: Machine, received: bytes) -> FirmwareImage:
    try:
        image = decode_image_untrusted(received)
    except BadImage as bad:
        _log.warning("firmware refused", extra={"reason": str(bad)})
        raise Refused(Sw.EXECUTION_ERROR) from bad
    if image.model != machine.config.model or image.group < machine.firmware[1]:
        _log.warning("firmware refused", extra={"reason": "another model or a lower firmware group"})
        raise Refused(Sw.EXECUTION_ERROR)
    return image


def _for_terminal(parameters: Parameters) -> None:
    if parameters.unit() != TERMINAL or parameters.command.p2 != 0:
        raise Refused(Sw.WRONG_PARAMETERS)


def _parameters(machine: Machine) -> bytes:
    """Object 73: seconds for the next block, its greatest size (5.5.10.24)."""
    largest = machine.config.command_buffer - _ENVELOPE_OF_DATA
    parts = encode(do.TAG_OCTETS, bytes([_SECONDS])) + encode(do.TAG_OCTETS, largest.to_bytes(2, "big"))
    return encode(do.TAG_DOWNLOAD, parts)
