"""A G2.1 card made of software (gemSpec_COS V3.12.0): octets in, octets out, no input or output of its own.

A command passes: length check, logical channel (CLA), secure messaging, handler, secure messaging, response.
Whatever the command changed for good is told to the owner before the response leaves.
"""

import logging
from collections.abc import Callable
from typing import Final

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_command_untrusted
from tiaas.card.objsys.basefiles import command_limit
from tiaas.card.objsys.model import Interface
from tiaas.card.securemessaging import BadSecureMessaging, protect_response, unprotect_command
from tiaas.card.status import StatusWord
from tiaas.card.virtual.channel import Channel, Session, SessionUse
from tiaas.card.virtual.contents import Contents
from tiaas.card.virtual.defects import require_life, spoil_answer, spoil_atr, spoil_octets, spoil_protected
from tiaas.card.virtual.dispatch import execute
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.image import CardImage
from tiaas.card.virtual.refusal import Refused
from tiaas.card.virtual.source import ObjectSource

_LOG = logging.getLogger("tiaas.card")

# Cold ATR of a G2.1 card (gemSpec_SMC-B_ObjSys_G2_1 V5.0.0, 5.1.1; same pattern on the others).
ATR: Final = bytes.fromhex("3B909681B1FE451F0391")

# A contactless card has no ATR; readers give one without historical octets (PC/SC Part 3, 3.1.3.2.3.1).
ATR_CONTACTLESS: Final = bytes.fromhex("3B80800101")

_CHANNEL_EXTENDED, _SM_EXTENDED, _SM, _CHAIN, _PROPRIETARY = 0x40, 0x20, 0x0C, 0x10, 0x80
_GENERAL_AUTHENTICATE: Final = 0x86
_WRONG_LENGTH: Final = ResponseApdu(b"", StatusWord.WRONG_LENGTH).encode()


class VirtualCard:
    """One card; not for use by two threads at once.

    `source` makes keys and certificates that the image does not hold yet; `on_change` is called, before `process`
    returns, when the image changed and has to be stored.
    """

    def __init__(
        self,
        image: CardImage,
        *,
        clock: Clock,
        entropy: Entropy,
        source: ObjectSource | None = None,
        on_change: Callable[[CardImage], None] | None = None,
    ) -> None:
        self._contents = Contents(image, entropy, source)
        self._clock = clock
        self._on_change = on_change
        self._limit = command_limit(image.kind)
        self._channels = {0: Channel(0)}
        self._interface = Interface.CONTACT
        self._done = 0

    @property
    def image(self) -> CardImage:
        """The persistent content."""
        return self._contents.image

    @property
    def atr(self) -> bytes:
        """Answer to reset: T=1, no historical octets; in a field the one a PC/SC reader makes up.

        Raises `CardTimeout` if the card is mute.
        """
        return spoil_atr(self.image.defect, ATR if self._interface is Interface.CONTACT else ATR_CONTACTLESS)

    def reset(self, interface: Interface = Interface.CONTACT) -> bytes:
        """Power-on at contacts or in a field: all that is volatile is forgotten; returns the ATR.

        Raises `CardTimeout` if the card is mute.
        """
        self._interface = interface
        self._channels.clear()
        self._channels[0] = Channel(0)
        self._contents.forget_absent()
        return self.atr

    def process(self, raw: bytes) -> bytes:
        """One command APDU to one response APDU. Raises `CardTimeout` if a defective card gives none."""
        defect = self.image.defect
        require_life(defect, self._done)
        self._done += 1
        return spoil_octets(defect, self._done, self._answer(raw), self._contents.entropy)

    def _answer(self, raw: bytes) -> bytes:
        try:
            command = decode_command_untrusted(raw)
        except BadApdu:
            return _WRONG_LENGTH
        if len(raw) > self._limit:
            return _WRONG_LENGTH
        started = self._clock.monotonic() if _LOG.isEnabledFor(logging.DEBUG) else None
        response = self._on_channel(command)
        if self._contents.changed:
            self._contents.changed = False
            if self._on_change is not None:
                self._on_change(self.image)
        if started is not None:
            self._log(command, response, started)
        return response.encode()

    def _on_channel(self, command: CommandApdu) -> ResponseApdu:
        cla = command.cla
        if cla & _CHANNEL_EXTENDED:
            number, protected = (cla & 0x0F) + 4, bool(cla & _SM_EXTENDED)
        else:
            number, protected = cla & 0x03, cla & _SM == _SM
            if cla & 0x20 or cla & _SM not in (0, _SM):
                return ResponseApdu(b"", StatusWord.CLASS_UNKNOWN)
        channel = self._channels.get(number)
        if channel is None:
            return ResponseApdu(b"", StatusWord.CHANNEL_CLOSED)
        if protected:
            return self._protected(channel, command)
        if channel.session is not None and channel.session.use is SessionUse.SECURE_MESSAGING:
            channel.clear_session()  # N031.600a
        channel.command_enciphered = False
        response = self._execute(channel, command)
        self._adopt_session(channel)
        return response

    def _protected(self, channel: Channel, command: CommandApdu) -> ResponseApdu:
        session = channel.session
        if session is None or session.use is not SessionUse.SECURE_MESSAGING:
            return ResponseApdu(b"", StatusWord.SM_OBJECT_INCORRECT)
        try:
            plain, channel.command_enciphered = unprotect_command(session.keys, command)
        except BadSecureMessaging:
            channel.clear_session()
            return ResponseApdu(b"", StatusWord.SM_OBJECT_INCORRECT)
        channel.encipher_response = False
        response = self._execute(channel, plain)
        if self._still(channel, session):
            response = protect_response(session.keys, response, channel.encipher_response)
            response = spoil_protected(self.image.defect, response)
        self._adopt_session(channel)
        return response

    def _still(self, channel: Channel, session: Session) -> bool:
        """True if the session outlived the command (N031.900)."""
        return self._channels.get(channel.number) is channel and channel.session is session

    def _adopt_session(self, channel: Channel) -> None:
        session, channel.next_session = channel.next_session, None
        if session is not None:
            channel.begin_session(session)

    def _execute(self, channel: Channel, command: CommandApdu) -> ResponseApdu:
        if command.ins != _GENERAL_AUTHENTICATE:
            channel.handshake = None
        run = Execution(self._contents, channel, self._channels, command, self._interface)
        try:
            answer = execute(run, command.cla & (_PROPRIETARY | _CHAIN))
        except Refused as refusal:
            return ResponseApdu(b"", refusal.sw)
        return spoil_answer(self.image.defect, channel.file, command, answer)

    def _log(self, command: CommandApdu, response: ResponseApdu, started: float) -> None:
        fields = {
            "kind": self.image.kind.value,
            "header": f"{command.cla:02X}{command.ins:02X}{command.p1:02X}{command.p2:02X}",
            "sw": f"{response.sw:04X}",
            "duration_ms": round(1000 * (self._clock.monotonic() - started), 3),
        }
        _LOG.debug("command", extra=fields)
