"""An entry at a PIN pad and the card command it completes (gemSpec_Kon V5.18, step 7b of TUC_KON_012, 019, 021, 027).

PINs and PUKs are typed at a terminal and pass the Konnektor by: it sends a template and gets the card's status word.
What an entry may have done to the security state of the session's channel is asked of the card afterwards, not guessed.
"""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace
from typing import Protocol

from tiaas.base.dataclass import dataclass
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardLinkError
from tiaas.card.pinblock import BLOCK_SIZE
from tiaas.card.status import StatusWord, tries_in
from tiaas.konnektor.cardmap import Folder
from tiaas.konnektor.displaytexts import REMOTE_ENCIPHERED, REMOTE_FAILED
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.pinstates import Purpose
from tiaas.konnektor.sessions import AuthValue, CardSession, Channel, ChannelClosed
from tiaas.terminal.errors import (
    CardInactive,
    NewPinsDiffer,
    NoPinPad,
    NotAllowed,
    PinEntryCancelled,
    PinEntryTimeout,
    TerminalBusy,
    TerminalError,
)
from tiaas.terminal.session import NewPinPrompts, PinPrompts

NEW_PIN_MINIMUM = 6
"""TAB_KON_090: a new PIN has 6 to 8 digits. The card refuses more; fewer the terminal does not take."""

_NOTHING_SENT = (
    PinEntryTimeout,
    PinEntryCancelled,
    NewPinsDiffer,
    NoPinPad,
    TerminalBusy,
    NotAllowed,
    CardInactive,
)
"""The terminal ended the entry itself, so the card's state is what it was. Of other faults nobody knows."""

_CODES: Mapping[type[TerminalError], int] = {
    PinEntryTimeout: 4043,
    PinEntryCancelled: 4049,
    NewPinsDiffer: 4067,
    NoPinPad: 4066,
}


@dataclass(frozen=True, slots=True)
class Dialogue:
    """What a holder is asked for and the card command that the answer completes.

    `command` has a block of FF for each entry; texts for a new PIN mean that it is asked for twice. `pin` is the
    AUTHSTATE entry at stake, None where the session does not keep it (MRPIN of an eGK G2.0).
    """

    purpose: Purpose
    command: CommandApdu
    prompts: PinPrompts | NewPinPrompts
    folder: Folder
    pin: str | None

    def remotely(self) -> "Dialogue":
        """The same at a terminal that learns only whether the gSMC-KT enciphered what was typed."""
        return replace(self, prompts=replace(self.prompts, success=REMOTE_ENCIPHERED, failure=REMOTE_FAILED))

    async def ask(self, terminal: "PinEntry", slot: int, command: CommandApdu) -> ResponseApdu:
        """The entry, completing `command`, which has as many blocks. Raises `TerminalError`, `FrontError`."""
        if isinstance(self.prompts, PinPrompts):
            return await terminal.perform_verification(slot, command, self.prompts)
        without_old = len(command.data) == BLOCK_SIZE
        return await terminal.modify_verification_data(
            slot, command, self.prompts, minimum_new=NEW_PIN_MINIMUM, skip_old=without_old
        )


class PinEntry(Protocol):
    """A terminal at which a PIN can be typed; `TerminalSession` is one."""

    async def perform_verification(self, slot: int, template: CommandApdu, prompts: PinPrompts) -> ResponseApdu:
        """See `TerminalSession`."""
        ...

    async def modify_verification_data(
        self,
        slot: int,
        template: CommandApdu,
        prompts: NewPinPrompts,
        *,
        minimum_new: int = 0,
        skip_old: bool = False,
    ) -> ResponseApdu:
        """See `TerminalSession`."""
        ...

    async def show(self, text: str) -> None:
        """See `TerminalSession`."""
        ...


class PinPads(Protocol):
    """The PIN pads of all terminals; `Terminals` are that."""

    def pinpad(self, ct_id: str) -> AbstractAsyncContextManager[PinEntry]:
        """PIN pad and display for one use. Raises 4007, 4060, 4221, 4222."""
        ...

    def slot_count(self, ct_id: str) -> int:
        """How many slots the terminal has. Raises 4007."""
        ...


async def enter_here(terminal: PinEntry, slot: int, session: CardSession, dialogue: Dialogue) -> ResponseApdu:
    """The card's answer to what is typed at the terminal the card is in; AUTHSTATE is up to date then.

    The terminal is told a slot, not a card, hence the look at the channel before and after. Raises 4043, 4049, 4066,
    4067, `ChannelClosed`, `CardLinkError`, `TerminalError`, `FrontError`.
    """
    async with session.use() as channel:
        await channel.select(dialogue.folder)
        return await enter_on(channel, terminal, slot, session, dialogue)


async def enter_on(
    channel: Channel, terminal: PinEntry, slot: int, session: CardSession, dialogue: Dialogue
) -> ResponseApdu:
    """`enter_here` on the session's channel, which the caller holds in the dialogue's folder."""
    command = commands.with_channel(dialogue.command, channel.number)
    async with channel.turn:
        channel.require_open()
        before = at_risk(session, dialogue)
        try:
            with channel.turn.of_entry():
                response = await dialogue.ask(terminal, slot, command)
        except _NOTHING_SENT as error:
            channel.require_open()
            restore(session, dialogue, before)
            raise named(error) from error
        channel.require_answer(response)
    await settle(channel, session, dialogue, before, response)
    return response


def named(error: TerminalError) -> TerminalError | KonnektorError:
    """The code of how an entry ended at the terminal, or the error itself if it has none of its own."""
    code = _CODES.get(type(error))
    return error if code is None else KonnektorError(code)


def at_risk(session: CardSession, dialogue: Dialogue) -> AuthValue | None:
    """Takes the AUTHSTATE entry away before the card gets the command: whatever happens now, nobody relies on it."""
    return None if dialogue.pin is None else session.auth_state.pop(dialogue.pin, None)


def restore(session: CardSession, dialogue: Dialogue, before: AuthValue | None) -> None:
    """The card did not get the command."""
    if dialogue.pin is not None and before is not None:
        session.auth_state[dialogue.pin] = before


async def settle(
    channel: Channel, session: CardSession, dialogue: Dialogue, before: AuthValue | None, response: ResponseApdu
) -> None:
    """Step 7e: the AUTHSTATE entry after the card's answer.

    A right PIN to VERIFY is verified, a wrong secret is not. After all else GET PIN STATUS on the same channel tells;
    9000 counts only if the session had verified the PIN before.
    """
    if dialogue.pin is None or tries_in(response.sw) is not None:
        return
    if response.ok and dialogue.purpose is Purpose.VERIFY:
        session.auth_state[dialogue.pin] = AuthValue.VERIFIED
        return
    with suppress(CardLinkError, ChannelClosed):
        status = await channel.transmit(commands.get_pin_status(dialogue.command.p2))
        if status.sw == StatusWord.PASSWORD_DISABLED:
            session.auth_state[dialogue.pin] = AuthValue.DISABLED
        elif status.ok:
            restore(session, dialogue, before if before is AuthValue.VERIFIED else None)
