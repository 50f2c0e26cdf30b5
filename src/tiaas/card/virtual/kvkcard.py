"""A Krankenversichertenkarte made of software: a memory card behind the terminal's module that turns SELECT FILE and
READ BINARY into chip commands (SICCT V1.3.0, 5.5.8.1; KBV Merkblatt Krankenversichertenkarte V2.05, ch. 4).

    00..04  ATR A2 13 10 91, then the manufacturer's data and the DIR data area: 30 octets
    30..    the record (tag 60 …)

Nothing can be written: a KVK is written by its issuer only.
"""

from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_command_untrusted
from tiaas.card.kvk import AIDS
from tiaas.card.objsys.model import Interface
from tiaas.card.status import StatusWord
from tiaas.tlv.ber import BadTlv, decode_one_untrusted

ATR = bytes.fromhex("A2131091")
_HEADER_SIZE = 30
_SELECT, _READ_BINARY = 0xA4, 0xB0
_BY_NAME = (0x04, 0x00)
_ALL = (256, 65536)


class KvkCard:
    """A `SlotCard`. `unreadable`: the chip's contacts are worn, every read ends with an error of the module."""

    def __init__(self, record: bytes, *, unreadable: bool = False) -> None:
        self._memory = ATR + bytes(_HEADER_SIZE - len(ATR)) + record
        self._unreadable = unreadable
        self._selected = False

    @property
    def atr(self) -> bytes:
        """Answer to reset of a synchronous card: four octets."""
        return ATR

    def reset(self, interface: Interface = Interface.CONTACT) -> bytes:
        """Nothing is selected any more."""
        self._selected = False
        return ATR

    def process(self, raw: bytes) -> bytes:
        """One command."""
        try:
            command = decode_command_untrusted(raw)
        except BadApdu:
            return ResponseApdu(b"", StatusWord.WRONG_LENGTH).encode()
        return self._answer(command).encode()

    def _answer(self, command: CommandApdu) -> ResponseApdu:
        if command.cla != 0:
            return ResponseApdu(b"", StatusWord.CLASS_UNKNOWN)
        if command.ins == _SELECT:
            return self._select(command)
        if command.ins == _READ_BINARY:
            return self._read(command)
        return ResponseApdu(b"", StatusWord.INSTRUCTION_UNKNOWN)

    def _select(self, command: CommandApdu) -> ResponseApdu:
        self._selected = (command.p1, command.p2) == _BY_NAME and command.data in AIDS
        return ResponseApdu(b"", StatusWord.OK if self._selected else StatusWord.FILE_NOT_FOUND)

    def _read(self, command: CommandApdu) -> ResponseApdu:
        """From the record's begin if the application is selected, else from the ATR on; Le 00 reads to the end."""
        if self._unreadable:
            return ResponseApdu(b"", StatusWord.MEMORY_FAILURE)
        area = self._memory[_HEADER_SIZE:] if self._selected else self._memory
        offset, wanted = command.p1 << 8 | command.p2, command.ne or 0
        end = _logical_end(area) if self._selected else len(area)
        if offset >= end:
            return ResponseApdu(b"", StatusWord.OFFSET_TOO_BIG)
        found = area[offset : min(offset + wanted, end)]
        short = len(found) < wanted and wanted not in _ALL
        return ResponseApdu(found, StatusWord.END_OF_FILE_OR_NOT_FOUND if short else StatusWord.OK)


def _logical_end(area: bytes) -> int:
    """The record's length says where the file ends; without one the memory does."""
    try:
        _, rest = decode_one_untrusted(area)
    except BadTlv:
        return len(area)
    return len(area) - len(rest)
