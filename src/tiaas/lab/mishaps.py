"""How the lab's faults of terminals, cards and keypads strike a virtual terminal.

The lines that `match` is compared with:

    terminal   CT-1 PERFORM_VERIFICATION 0    (ctId, SICCT command or AUTHENTICATE, functional unit)
               CT-1 APDU 2                    (a card command for slot 2)
               CT-1 TLS                       (a client opens TLS: only here certificate faults strike)
    card       SMC-B 80276… CT-1 00B08400     (card type, ICCSN, where it is, CLA INS P1 P2)
               SMC-B 80276… CT-1 RESET
               KVK CT-1 RESET                 (a memory card has no number)
    keypad     CT-1 HBA 80276… PIN.CH current (what is asked for: current, puk, new, unknown)
               CT-1 confirmation              (a person shall press OK)
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

from tiaas.card.objsys.model import name_of
from tiaas.lab.cards import CardBox
from tiaas.lab.errors import ControlError
from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.pinlookup import password_path
from tiaas.lab.practice import LabTerminal
from tiaas.terminal.sicct.commands import CLA_EHEALTH, Ins
from tiaas.terminal.sicct.units import TERMINAL
from tiaas.terminal.virtual.config import PinMode, SlotCard
from tiaas.terminal.virtual.mishaps import CardMishap, CommandMishap, KeypadMishap, Lie, Mishaps

_CERTIFICATES = ("certificate-expired", "certificate-foreign")
_MODES = {"wrong": PinMode.WRONG, "cancel": PinMode.CANCEL, "timeout": PinMode.TIMEOUT}
_LIES = {lie.value: lie for lie in Lie}
_INS = {ins.value: ins.name for ins in Ins}


class LabMishaps(Mishaps):
    """The mishaps of one terminal. `identity` makes the TLS context for a certificate fault, `insert` is the lab's."""

    def __init__(
        self,
        faults: FaultBook,
        cards: CardBox,
        terminal: LabTerminal,
        *,
        identity: Callable[[str], ssl.SSLContext],
        insert: Callable[[str, int, str], str],
    ) -> None:
        self._faults = faults
        self._cards = cards
        self._terminal = terminal
        self._identity = identity
        self._insert = insert
        self._tasks: set[asyncio.Task[None]] = set()

    def at_command(self, unit: int, command: bytes) -> CommandMishap | None:
        """See `Mishaps`."""
        if not self._faults:
            return None
        line = f"{self._terminal.ct_id} {_name(unit, command)} {unit}"
        fault = self._faults.take(Service.TERMINAL, line, lambda fault: fault.code not in _CERTIFICATES)
        if fault is None:
            return None
        if fault.code == "gone":
            self._go(fault)
            return CommandMishap(is_silent=True)
        return CommandMishap(
            delay=fault.delay,
            breaks=fault.drop,
            is_silent=fault.code == "silent",
            status=fault.status_word,
            lie=_LIES.get(fault.code or ""),
        )

    def at_card(self, slot: int, card: SlotCard, header: bytes | None) -> CardMishap | None:
        """See `Mishaps`."""
        if not self._faults:
            return None
        entry = self._cards.find(card)
        command = "RESET" if header is None else header.hex().upper()
        name = "KVK" if entry is None else f"{entry.kind.value} {entry.iccsn}"
        line = f"{name} {self._terminal.ct_id} {command}"
        fault = self._faults.take(Service.CARD, line, lambda fault: header is not None or fault.status_word is None)
        if fault is None:
            return None
        if fault.code == "pulled":
            self._pull(fault, slot)
            return CardMishap()
        return CardMishap(delay=fault.delay, is_mute=fault.code in ("mute", "defective"), status=fault.status_word)

    def at_keypad(self, card: SlotCard | None, password_ref: int, asked: str) -> KeypadMishap | None:
        """See `Mishaps`."""
        if not self._faults:
            return None
        fault = self._faults.take(Service.KEYPAD, f"{self._terminal.ct_id} {self._prompt(card, password_ref, asked)}")
        if fault is None:
            return None
        if fault.code == "gone":
            self._go(fault)
            return KeypadMishap(PinMode.TIMEOUT)
        return KeypadMishap(_MODES.get(fault.code or ""), fault.delay, fault.code == "busy")

    def at_handshake(self) -> ssl.SSLContext | None:
        """See `Mishaps`."""
        line = f"{self._terminal.ct_id} TLS"
        fault = self._faults.take(Service.TERMINAL, line, lambda fault: fault.code in _CERTIFICATES)
        return None if fault is None else self._identity(str(fault.code))

    def _prompt(self, card: SlotCard | None, password_ref: int, asked: str) -> str:
        if card is None:
            return asked
        entry = self._cards.entry_of(card)
        path = password_path(entry.kind, password_ref)
        return f"{entry.kind.value} {entry.iccsn} {'?' if path is None else name_of(path)} {asked}"

    def _go(self, fault: Fault) -> None:
        """The terminal's plug is pulled, and put in again after `lasts`."""

        async def go() -> None:
            await asyncio.sleep(fault.delay)
            await self._terminal.virtual.pull_plug()
            if fault.lasts is not None:
                await asyncio.sleep(fault.lasts)
                await self._terminal.virtual.plug_in()

        self._begin(go())

    def _pull(self, fault: Fault, slot: int) -> None:
        """The card is taken out, now, and put in again after `lasts`."""
        iccsn = self._terminal.eject(slot)
        if fault.lasts is None or not iccsn:
            return  # a memory card that is out is gone

        async def put_back(seconds: float) -> None:
            await asyncio.sleep(seconds)
            with suppress(ControlError):  # somebody put a card there, or this one elsewhere
                self._insert(self._terminal.ct_id, slot, iccsn)

        self._begin(put_back(fault.lasts))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def stop(self) -> None:
        """Ends what still waits."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _name(unit: int, command: bytes) -> str:
    if unit != TERMINAL:
        return "APDU"
    if command[:1] == bytes([CLA_EHEALTH]):
        return "AUTHENTICATE"
    return _INS.get(command[1], f"{command[1]:02X}") if len(command) > 1 else "?"
