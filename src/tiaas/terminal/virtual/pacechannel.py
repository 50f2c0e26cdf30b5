"""A card in a field behind its PACE channel, as a terminal with an antenna uses it: above, a card like any other.

The terminal builds the channel when the card is activated and carries every command under its secure messaging. A
command that comes protected already belongs to a channel of somebody farther away (a card management system): it
passes as it is, and with it the terminal's own channel is over until the next activation.
"""

from collections.abc import Callable

from tiaas.base.entropy import Entropy
from tiaas.base.secret import Secret
from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_command_untrusted, decode_response_untrusted
from tiaas.card.link import CardLinkError
from tiaas.card.pace import establish
from tiaas.card.securemessaging import (
    BadSecureMessaging,
    SessionKeys,
    protect_command,
    unprotect_response,
)
from tiaas.card.status import StatusWord

_SM, _SM_EXTENDED, _CHANNEL_EXTENDED = 0x0C, 0x20, 0x40
_WRONG_LENGTH = ResponseApdu(b"", StatusWord.WRONG_LENGTH).encode()


class PaceChannel:
    """The channel to one activated card; `process` is the card's own. All of it belongs into a worker thread."""

    def __init__(self, process: Callable[[bytes], bytes], can: Secret, entropy: Entropy) -> None:
        """Builds the channel. Raises `PaceError`, `CardLinkError`."""
        self._process = process
        self._keys: SessionKeys | None = self._establish(can, entropy)

    def process(self, raw: bytes) -> bytes:
        """One APDU of somebody who knows nothing of the channel. Raises `CardLinkError`."""
        try:
            command = decode_command_untrusted(raw)
        except BadApdu:
            return _WRONG_LENGTH
        if self._keys is None or _is_protected(command):
            self._keys = None
            return self._process(raw)
        answer = self._transmit(protect_command(self._keys, command))
        try:
            plain = unprotect_response(self._keys, answer)
        except BadSecureMessaging as error:
            self._keys = None
            raise CardLinkError(f"the channel broke: {error}") from None
        return ResponseApdu(plain.data, plain.sw).encode()

    def _establish(self, can: Secret, entropy: Entropy) -> SessionKeys:
        procedure = establish(can, entropy)
        try:
            command = next(procedure)
            while True:
                command = procedure.send(self._transmit(command))
        except StopIteration as end:
            keys: SessionKeys = end.value
            return keys

    def _transmit(self, command: CommandApdu) -> ResponseApdu:
        try:
            return decode_response_untrusted(self._process(command.encode()))
        except BadApdu as error:
            raise CardLinkError(str(error)) from None


def _is_protected(command: CommandApdu) -> bool:
    if command.cla & _CHANNEL_EXTENDED:
        return bool(command.cla & _SM_EXTENDED)
    return command.cla & _SM == _SM
