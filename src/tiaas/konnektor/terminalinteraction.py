"""Messages to whoever stands at a terminal, and their answer (gemSpec_Kon V5.18: TUC_KON_051, TUC_KON_058)."""

import enum

from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.terminalevents import failure_event
from tiaas.konnektor.terminallist import TerminalEntry
from tiaas.konnektor.terminals import Terminals
from tiaas.terminal.displaysize import DisplaySize
from tiaas.terminal.errors import PinEntryCancelled, PinEntryTimeout, TerminalBusy, TerminalError
from tiaas.terminal.front import FrontError


@enum.unique
class Mode(enum.StrEnum):
    """What becomes of a message: it stays, it waits for OK, or the display is cleared (then without text)."""

    KEEP = "OutputKeep"
    CONFIRM = "OutputConfirm"
    ERASE = "OutputErase"


class Interaction:
    """The display and the keys of an instance's terminals. A failure raises CT/ERROR."""

    def __init__(self, terminals: Terminals, hub: EventHub) -> None:
        self._terminals = terminals
        self._hub = hub

    async def interact(self, ct_id: str, mode: Mode, text: str = "", wait: int = 30) -> None:
        """TUC_KON_051. `wait` seconds for OK.

        Raises 4007, 4221, 4222, 4039 (used otherwise), 4043 (no key in time), 4049 (cancel key), 4044 (anything else
        the terminal says), 4000 (a character no terminal shows).
        """
        entry = self._terminals.entry(ct_id)
        try:
            await self._interact(entry, mode, text, wait)
        except KonnektorError as error:
            self._hub.publish(failure_event(Topic.CT_ERROR, entry, error))
            raise

    async def _interact(self, entry: TerminalEntry, mode: Mode, text: str, wait: int) -> None:
        self._terminals.require_usable(entry)
        if entry.pinpad_taken:
            raise KonnektorError(4039)
        session = self._terminals.session(entry.config.ct_id)
        try:
            if mode is Mode.ERASE:
                await session.clear()
            elif mode is Mode.KEEP:
                await session.show(text)
            else:
                await session.confirm(text, wait)
        except TerminalBusy as error:
            raise KonnektorError(4039) from error
        except PinEntryTimeout as error:
            raise KonnektorError(4043) from error
        except PinEntryCancelled as error:
            raise KonnektorError(4049) from error
        except ValueError as error:
            raise KonnektorError(4000, str(error)) from error
        except (TerminalError, FrontError) as error:
            raise KonnektorError(4044) from error

    def display_size(self, ct_id: str) -> DisplaySize:
        """TUC_KON_058: CT.DISPLAY_CAPABILITIES. Raises 4007, 4254 (the terminal never told)."""
        entry = self._terminals.entry(ct_id)
        if entry.display is None:
            error = KonnektorError(4254)
            self._hub.publish(failure_event(Topic.CT_ERROR, entry, error))
            raise error
        return entry.display
