"""Command and response APDU (ISO/IEC 7816-4, 5; gemSpec_COS 11).

Command, short:     CLA INS P1 P2 [Lc(1) data] [Le(1)]
Command, extended:  CLA INS P1 P2 [00 Lc(2) data] [Le(2), or 00 Le(2) without data]
Response:           [data] SW1 SW2
"""

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

NE_SHORT_MAX = 256
NE_EXTENDED_MAX = 65536
DATA_MAX = 65535

# VERIFY, CHANGE REFERENCE DATA, DISABLE, ENABLE, RESET RETRY COUNTER: their data are secrets.
_SECRET_INS = frozenset({0x20, 0x24, 0x26, 0x28, 0x2C})
# PSO ENCIPHER: at a gSMC-KT the data are a PIN block on its way to another card.
_ENCIPHER = (0x2A, 0x86, 0x80)


class BadApdu(TiaasError):
    """Octets that are no APDU of ISO/IEC 7816-4."""


@dataclass(frozen=True, slots=True, repr=False)
class CommandApdu:
    """A command. `ne` is the number of octets wanted: None no Le field, 256 "all" short, 65536 "all" extended."""

    cla: int
    ins: int
    p1: int
    p2: int
    data: bytes = b""
    ne: int | None = None

    @property
    def extended(self) -> bool:
        """True if the lengths need the extended format."""
        return len(self.data) > 255 or (self.ne is not None and self.ne > NE_SHORT_MAX)

    def encode(self) -> bytes:
        """The wire octets, short wherever possible. Raises `BadApdu` for more data than a command can carry."""
        if len(self.data) > DATA_MAX:
            raise BadApdu(f"{len(self.data)} octets are too many for a command")
        head = bytes([self.cla, self.ins, self.p1, self.p2])
        if not self.extended:
            body = bytes([len(self.data)]) + self.data if self.data else b""
            tail = b"" if self.ne is None else bytes([self.ne & 0xFF])
            return head + body + tail
        body = b"\x00" + len(self.data).to_bytes(2, "big") + self.data if self.data else b""
        if self.ne is None:
            return head + body
        tail = (self.ne & 0xFFFF).to_bytes(2, "big")
        return head + body + (tail if self.data else b"\x00" + tail)

    def __repr__(self) -> str:
        # Data of PIN commands never reach a log or a traceback.
        is_secret = self.ins in _SECRET_INS or (self.ins, self.p1, self.p2) == _ENCIPHER
        shown = f"<{len(self.data)} secret>" if is_secret and self.data else self.data.hex()
        head = f"{self.cla:02X}{self.ins:02X}{self.p1:02X}{self.p2:02X}"
        return f"CommandApdu({head} data={shown} ne={self.ne})"


@dataclass(frozen=True, slots=True, repr=False)
class ResponseApdu:
    """A response: data (maybe empty) and the status word as integer (`0x9000`)."""

    data: bytes
    sw: int

    @property
    def ok(self) -> bool:
        """True for 9000."""
        return self.sw == 0x9000

    def __repr__(self) -> str:
        # Data of answers are certificates and insured persons' data.
        return f"ResponseApdu(<{len(self.data)} octets> {self.sw:04X})"

    def encode(self) -> bytes:
        """The wire octets."""
        return self.data + self.sw.to_bytes(2, "big")


def decode_command_untrusted(raw: bytes) -> CommandApdu:
    """Reads a command APDU, short or extended; raises only `BadApdu`."""
    if len(raw) < 4:
        raise BadApdu(f"{len(raw)} octets are too short for a command")
    head, body = raw[:4], raw[4:]
    if not body:
        return CommandApdu(head[0], head[1], head[2], head[3])
    if len(body) == 1:
        return CommandApdu(head[0], head[1], head[2], head[3], ne=body[0] or NE_SHORT_MAX)
    if body[0] != 0:
        return _decode_short(head, body)
    return _decode_extended(head, body)


def _decode_short(head: bytes, body: bytes) -> CommandApdu:
    lc = body[0]
    data, tail = body[1 : 1 + lc], body[1 + lc :]
    if len(data) != lc or len(tail) > 1:
        raise BadApdu(f"Lc {lc} does not match {len(body) - 1} octets")
    return CommandApdu(head[0], head[1], head[2], head[3], data=data, ne=(tail[0] or NE_SHORT_MAX) if tail else None)


def _decode_extended(head: bytes, body: bytes) -> CommandApdu:
    if len(body) < 3:
        raise BadApdu("extended length cut off")
    number = int.from_bytes(body[1:3], "big")
    if len(body) == 3:
        return CommandApdu(head[0], head[1], head[2], head[3], ne=number or NE_EXTENDED_MAX)
    if number == 0:
        raise BadApdu("extended Lc is zero but octets follow")
    data, tail = body[3 : 3 + number], body[3 + number :]
    if len(data) != number or len(tail) not in (0, 2):
        raise BadApdu(f"extended Lc {number} does not match {len(body) - 3} octets")
    ne = (int.from_bytes(tail, "big") or NE_EXTENDED_MAX) if tail else None
    return CommandApdu(head[0], head[1], head[2], head[3], data=data, ne=ne)


def decode_response_untrusted(raw: bytes) -> ResponseApdu:
    """Reads a response APDU; raises only `BadApdu`."""
    if len(raw) < 2:
        raise BadApdu(f"{len(raw)} octets are too short for a response")
    return ResponseApdu(bytes(raw[:-2]), int.from_bytes(raw[-2:], "big"))
