"""A virtual card in a virtual PC/SC reader: the client side of vsmartcard's vpcd protocol (version 3.3).

The card connects to the reader by TCP. Every message is a length of two octets, big-endian, and that many octets; a
message of one octet is a control: 00 power off, 01 power on, 02 reset, 04 "send your ATR". All others are command
APDUs and are answered with a response APDU. The reader asks for the ATR all the time.

OpenSC's eGK tool selects an EF with `00 A4 08` ("path from the MF", ISO/IEC 7816-4), which a G2 card operating system
does not know (gemSpec_COS, 14.2.6). This one command is translated into the SELECT by file identifier that G2 has. Its
answer leaves the access rules out: with those of both interfaces the control parameters do not fit 256 octets, and
OpenSC asks for no more.
"""

import asyncio
from typing import Protocol

from tiaas.base.errors import TiaasError
from tiaas.card.apdu import NE_EXTENDED_MAX, BadApdu, CommandApdu, decode_command_untrusted
from tiaas.tlv import BadTlv, decode_one_untrusted, encode

DEFAULT_PORT = 35963

_POWER_OFF, _POWER_ON, _RESET, _ATR = 0x00, 0x01, 0x02, 0x04
_MAX_MESSAGE = 0xFFFF
_FCP, _ACCESS_RULES = 0x62, 0xA1


class BadVpcdMessage(TiaasError):
    """Octets that are no message of the vpcd protocol."""


class VpcdCard(Protocol):
    """What the adapter needs of a card."""

    @property
    def atr(self) -> bytes:
        """Answer to reset. Raises `CardLinkError`."""
        ...

    def reset(self) -> bytes:
        """Clears the volatile state; the ATR. Raises `CardLinkError`."""
        ...

    def process(self, raw: bytes) -> bytes:
        """One command APDU in, its response APDU out. Raises `CardLinkError`."""
        ...


def answer_untrusted(card: VpcdCard, message: bytes) -> bytes | None:
    """What the card answers to one message of the reader, None for nothing; raises only `BadVpcdMessage`."""
    if not message:
        raise BadVpcdMessage("empty message")
    if len(message) > 1:
        translated = translate_select_by_path(message)
        answer = card.process(translated)
        return answer if translated == message else fit_short(answer)
    control = message[0]
    if control == _ATR:
        return card.atr
    if control in (_POWER_ON, _POWER_OFF, _RESET):
        card.reset()
        return None
    raise BadVpcdMessage(f"control {control:02X} unknown")


def translate_select_by_path(raw: bytes) -> bytes:
    """`00 A4 08 P2 02 FID` becomes `00 A4 02 P2' 02 FID`; everything else stays as it is.

    OpenSC means a path from the application selected before, so the file identifier alone is enough. P2 00 ("return
    the file control information") becomes 04 (FCP), the only template G2 has.
    """
    try:
        command = decode_command_untrusted(raw)
    except BadApdu:
        return raw
    if (command.cla, command.ins, command.p1) != (0x00, 0xA4, 0x08) or len(command.data) != 2:
        return raw
    fcp = command.p2 & 0x0C == 0x00
    p2 = 0x04 if fcp else 0x0C
    return CommandApdu(0x00, 0xA4, 0x02, p2, command.data, ne=NE_EXTENDED_MAX if fcp else None).encode()


def fit_short(answer: bytes) -> bytes:
    """The control parameters in an answer without DO A1 (access rules); any other answer stays as it is."""
    try:
        template, rest = decode_one_untrusted(answer[:-2])
        objects = template.children()
    except BadTlv:
        return answer
    if template.tag != _FCP or rest:
        return answer
    return encode(_FCP, *(item.encode() for item in objects if item.tag != _ACCESS_RULES)) + answer[-2:]


async def attach(card: VpcdCard, host: str = "127.0.0.1", port: int = DEFAULT_PORT) -> None:
    """Puts `card` into the reader at `host:port` until the reader closes or the task is cancelled.

    Raises `OSError` if no reader listens there, `BadVpcdMessage` if it speaks something else.
    """
    reader, writer = await asyncio.open_connection(host, port)
    try:
        while True:
            message = await reader.readexactly(int.from_bytes(await reader.readexactly(2), "big"))
            answer = answer_untrusted(card, message)
            if answer is None:
                continue
            if len(answer) > _MAX_MESSAGE:
                raise BadVpcdMessage(f"an answer of {len(answer)} octets does not fit")
            writer.write(len(answer).to_bytes(2, "big") + answer)
            await writer.drain()
    except asyncio.IncompleteReadError:
        return
    finally:
        writer.close()
        card.reset()
