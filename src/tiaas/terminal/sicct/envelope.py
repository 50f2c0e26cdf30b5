"""The ten octets before every SICCT message (SICCT V1.3.0, 6.2.4.2, table 30).

offset  octets  field
0       1       message type: 6B command, 83 response, 50 event
1       2       unit: destination of a command, copied into its response; 0000 in an event
3       2       sequence number: 0000–FCFF command and response, FD00–FFFF events
5       1       RFU
6       4       length of what follows
"""

import enum
import struct

from tiaas.base.dataclass import dataclass
from tiaas.terminal.sicct.errors import BadSicct

SIZE = 10
LAST_COMMAND_SEQUENCE = 0xFCFF
FIRST_EVENT_SEQUENCE = 0xFD00
LAST_EVENT_SEQUENCE = 0xFFFF

_LAYOUT = struct.Struct(">BHHBI")


@enum.unique
class MessageType(enum.IntEnum):
    """First octet of an envelope."""

    EVENT = 0x50
    COMMAND = 0x6B
    RESPONSE = 0x83


@dataclass(frozen=True, slots=True)
class Envelope:
    """A decoded envelope. `kind` is the raw octet: whether it is a `MessageType` is for the receiver to judge."""

    kind: int
    unit: int
    sequence: int
    length: int

    def encode(self) -> bytes:
        """The ten octets, RFU as 00."""
        return _LAYOUT.pack(self.kind, self.unit, self.sequence, 0, self.length)


def encode_message(kind: MessageType, unit: int, sequence: int, payload: bytes) -> bytes:
    """Envelope and payload."""
    return _LAYOUT.pack(kind, unit, sequence, 0, len(payload)) + payload


def decode_envelope_untrusted(raw: bytes) -> Envelope:
    """Reads ten octets; the RFU octet is not looked at. Raises only `BadSicct`."""
    if len(raw) != SIZE:
        raise BadSicct("envelope", f"{len(raw)} octets")
    kind, unit, sequence, _, length = _LAYOUT.unpack(raw)
    return Envelope(kind, unit, sequence, length)
