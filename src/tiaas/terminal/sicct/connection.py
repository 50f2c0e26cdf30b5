"""One SICCT connection without I/O, both ends (SICCT V1.3.0, 6.2.4.2–6.2.4.6; gemSpec_KT V3.17.0, 3.7).

Theory of operation. Octets go in through `receive`, happenings come out as values; what has to be sent is returned
as octets by the `send_…` calls and carried in `reply` fields. Nothing here waits: `deadline()` says until when the
rest of a begun message must have come, and the owner calls `timed_out()` when that moment has passed.

Sequence numbers. The client numbers commands 0000–FCFF and may use a number again only after its response has come;
so a number stays reserved after the caller gave up waiting. The terminal numbers events FD00–FFFF; two in a row differ.

Errors. A terminal answers a wrong envelope with PROTOCOL ERROR, drops the octets the envelope announces and goes on;
the sixth wrong envelope in a row ends the connection with SIGN OFF. A broken-off message ends it at once. The same
counting protects the client, which has no error message to send.
"""

import enum
from collections.abc import Callable

from tiaas.base.dataclass import dataclass
from tiaas.terminal.sicct import envelope as env
from tiaas.terminal.sicct.envelope import Envelope, MessageType, decode_envelope_untrusted, encode_message
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.terminal.sicct.events import Event, ProtocolFault, decode_events_untrusted, protocol_error, sign_off
from tiaas.terminal.sicct.units import TERMINAL

BLOCK_READ_SECONDS = 5.0  # table 33
MESSAGE_READ_SECONDS = 300.0
MAX_PROTOCOL_ERRORS = 5
MIN_COMMAND_BUFFER = 3072  # gemSpec_KT 3.7
MAX_RESPONSE = 65536 + 2

# An announced length beyond this is not skipped but ends the connection: nobody sends 16 MiB by mistake.
_MAX_SKIP = 1 << 24


@enum.unique
class Role(enum.Enum):
    """Which end this is."""

    CLIENT = "client"
    TERMINAL = "terminal"


class SequenceExhausted(BadSicct):
    """All sequence numbers are in flight."""


@dataclass(frozen=True, slots=True)
class CommandReceived:
    """Terminal: a command for `unit`; answer with `send_response(sequence, …)`."""

    sequence: int
    unit: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class CommandTooLong:
    """Terminal: a command exceeds the buffer; its payload was dropped, the number is in flight."""

    sequence: int
    unit: int


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """Client: the answer to the command `sequence`."""

    sequence: int
    unit: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class EventReceived:
    """Client: one event."""

    event: Event


@dataclass(frozen=True, slots=True)
class Fault:
    """A message was refused; `reply` is the PROTOCOL ERROR to send (empty at the client or without session)."""

    fault: ProtocolFault
    reply: bytes


@dataclass(frozen=True, slots=True)
class Broken:
    """The connection cannot go on: send `reply`, then close."""

    reason: str
    reply: bytes


Happening = CommandReceived | CommandTooLong | ResponseReceived | EventReceived | Fault | Broken


class Connection:
    """The state of one end.

    `known_unit` (terminal) says which units exist; `limit` is the longest payload taken; `session_open` is set by the
    terminal when events may flow (6.2.4.4: only inside a session).
    """

    __slots__ = (
        "_broken",
        "_buffer",
        "_discard",
        "_errors",
        "_in_flight",
        "_last_event",
        "_message_since",
        "_next",
        "_role",
        "_touched",
        "known_unit",
        "limit",
        "session_open",
    )

    def __init__(
        self, role: Role, *, known_unit: Callable[[int], bool] | None = None, limit: int | None = None
    ) -> None:
        self._role = role
        self.known_unit = known_unit
        self.limit = limit if limit is not None else (MAX_RESPONSE if role is Role.CLIENT else MIN_COMMAND_BUFFER)
        self.session_open = False
        self._buffer = bytearray()
        self._in_flight: dict[int, int] = {}
        self._next = 0
        self._last_event = env.LAST_EVENT_SEQUENCE if role is Role.TERMINAL else None
        self._discard = 0
        self._errors = 0
        self._broken = False
        self._message_since = 0.0
        self._touched = 0.0

    @property
    def in_flight(self) -> int:
        """How many commands have no response yet."""
        return len(self._in_flight)

    def send_command(self, unit: int, payload: bytes) -> tuple[int, bytes]:
        """Client: takes a free sequence number; returns it and the octets. Raises `SequenceExhausted`."""
        span = env.LAST_COMMAND_SEQUENCE + 1
        if len(self._in_flight) >= span:
            raise SequenceExhausted("sequence", "all numbers are in flight")
        while self._next in self._in_flight:
            self._next = (self._next + 1) % span
        sequence = self._next
        self._next = (sequence + 1) % span
        self._in_flight[sequence] = unit
        return sequence, encode_message(MessageType.COMMAND, unit, sequence, payload)

    def send_response(self, sequence: int, payload: bytes) -> bytes:
        """Terminal: the octets of the response to a command in flight; raises `KeyError` if it is not."""
        unit = self._in_flight.pop(sequence)
        return encode_message(MessageType.RESPONSE, unit, sequence, payload)

    def send_event(self, event: Event) -> bytes:
        """Terminal: the octets of an event message; empty while no session is open."""
        if not self.session_open:
            return b""
        last = self._last_event
        sequence = env.FIRST_EVENT_SEQUENCE if last is None or last == env.LAST_EVENT_SEQUENCE else last + 1
        self._last_event = sequence
        return encode_message(MessageType.EVENT, TERMINAL, sequence, event.encode())

    def receive(self, data: bytes, now: float) -> list[Happening]:
        """Takes octets in; returns what they complete. After `Broken` everything is ignored."""
        if self._broken or not data:
            return []
        happenings: list[Happening] = []
        if not self._waiting:
            self._message_since = now
        self._touched = now
        self._buffer += data
        while self._step(happenings):
            self._message_since = now
        if not self._buffer:
            self._buffer = bytearray()  # gives the memory of a long message back
        return happenings

    @property
    def _waiting(self) -> bool:
        return bool(self._buffer) or self._discard > 0

    def deadline(self) -> float | None:
        """Until when more octets must come (same clock as `now`), None between messages."""
        if self._broken or not self._waiting:
            return None
        return min(self._touched + BLOCK_READ_SECONDS, self._message_since + MESSAGE_READ_SECONDS)

    def timed_out(self) -> Broken:
        """The deadline has passed; nothing can be saved (6.2.4.6)."""
        incomplete_envelope = not self._discard and len(self._buffer) < env.SIZE
        fault = ProtocolFault.ENVELOPE_TIMEOUT if incomplete_envelope else ProtocolFault.DATA_TIMEOUT
        return self._break(f"read timeout ({fault.name.lower()})", fault)

    def _step(self, happenings: list[Happening]) -> bool:
        """Handles what is at the start of the buffer; False if more octets are needed or none may come."""
        if self._broken:
            return False
        if self._discard:
            dropped = min(self._discard, len(self._buffer))
            del self._buffer[:dropped]
            self._discard -= dropped
            if self._discard:
                return False
        if len(self._buffer) < env.SIZE:
            return False
        head = decode_envelope_untrusted(bytes(self._buffer[: env.SIZE]))
        fault = self._judge(head)
        if fault is not None:
            self._drop(head)
            happenings.append(self._refuse(fault))
            return True
        if head.length > self.limit:
            return self._too_long(head, happenings)
        if len(self._buffer) < env.SIZE + head.length:
            return False
        payload = bytes(self._buffer[env.SIZE : env.SIZE + head.length])
        del self._buffer[: env.SIZE + head.length]
        self._accept(head, payload, happenings)
        return True

    def _judge(self, head: Envelope) -> ProtocolFault | None:
        """The checks of an envelope in the order of table 31: type, unit, sequence number."""
        if self._role is Role.TERMINAL:
            return self._judge_command(head)
        if head.kind == MessageType.EVENT:
            if head.unit != TERMINAL:
                return ProtocolFault.UNKNOWN_UNIT
            repeated = head.sequence == self._last_event
            return ProtocolFault.BAD_SEQUENCE if head.sequence < env.FIRST_EVENT_SEQUENCE or repeated else None
        if head.kind != MessageType.RESPONSE:
            return ProtocolFault.BAD_TYPE
        unit = self._in_flight.get(head.sequence)
        if unit is None:
            return ProtocolFault.BAD_SEQUENCE
        return None if unit == head.unit else ProtocolFault.UNKNOWN_UNIT

    def _judge_command(self, head: Envelope) -> ProtocolFault | None:
        if head.kind != MessageType.COMMAND:
            return ProtocolFault.BAD_TYPE
        if self.known_unit is not None and not self.known_unit(head.unit):
            return ProtocolFault.UNKNOWN_UNIT
        if head.sequence > env.LAST_COMMAND_SEQUENCE or head.sequence in self._in_flight:
            return ProtocolFault.BAD_SEQUENCE
        return None

    def _accept(self, head: Envelope, payload: bytes, happenings: list[Happening]) -> None:
        if head.kind == MessageType.EVENT:
            self._last_event = head.sequence
            try:
                events = decode_events_untrusted(payload)
            except BadSicct:
                happenings.append(self._refuse(ProtocolFault.BAD_TYPE))
                return
            self._errors = 0
            happenings.extend(EventReceived(event) for event in events)
            return
        self._errors = 0
        if self._role is Role.CLIENT:
            del self._in_flight[head.sequence]
            happenings.append(ResponseReceived(head.sequence, head.unit, payload))
        else:
            self._in_flight[head.sequence] = head.unit
            happenings.append(CommandReceived(head.sequence, head.unit, payload))

    def _too_long(self, head: Envelope, happenings: list[Happening]) -> bool:
        if self._role is Role.CLIENT or head.length > _MAX_SKIP:
            happenings.append(self._break(f"message of {head.length} octets", None))
            return False
        self._drop(head)
        self._errors = 0
        self._in_flight[head.sequence] = head.unit
        happenings.append(CommandTooLong(head.sequence, head.unit))
        return True

    def _drop(self, head: Envelope) -> None:
        del self._buffer[: env.SIZE]
        self._discard = head.length

    def _refuse(self, fault: ProtocolFault) -> Fault | Broken:
        self._errors += 1
        if self._errors > MAX_PROTOCOL_ERRORS or self._discard > _MAX_SKIP:
            return self._break("protocol errors", fault)
        return Fault(fault, self._tell(fault))

    def _tell(self, fault: ProtocolFault | None) -> bytes:
        if self._role is Role.CLIENT or fault is None:
            return b""
        return self.send_event(protocol_error(fault))

    def _break(self, reason: str, fault: ProtocolFault | None) -> Broken:
        reply = self._tell(fault)
        if self._role is Role.TERMINAL:
            reply += self.send_event(sign_off())
        self._broken = True
        self._buffer = bytearray()
        self._discard = 0
        return Broken(reason, reply)
