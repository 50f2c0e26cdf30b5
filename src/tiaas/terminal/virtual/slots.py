"""The slots: cards, power, and one APDU at a time in a worker thread (an RSA key made on demand takes its time)."""

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeVar

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.card.atr import BadAtr, decode_atr_untrusted
from tiaas.card.link import CardGone, CardLinkError
from tiaas.card.memoryatr import is_memory_card
from tiaas.card.objsys.model import Interface
from tiaas.card.pace import PaceError, PaceFailure
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.virtual.config import SlotCard
from tiaas.terminal.virtual.mishaps import CardMishap
from tiaas.terminal.virtual.pacechannel import PaceChannel
from tiaas.terminal.virtual.refused import Refused

T = TypeVar("T")
AtCard = Callable[[int, SlotCard, bytes | None], CardMishap | None]

EMPTY = 0x00
UNPOWERED = 0x03
ACTIVE = 0x15


@dataclass(frozen=True, slots=True)
class AccessNumber:
    """A card access number, and the randomness for the channel it opens."""

    digits: Secret
    entropy: Entropy


class Slot:
    """One slot; a contactless one is the place where a card lies on the antenna."""

    def __init__(self, number: int, at_card: AtCard, *, contactless: bool = False) -> None:
        """`at_card` is asked before each command and reset, see `Mishaps.at_card`."""
        self.number = number
        self.contactless = contactless
        self._at_card = at_card
        self.card: SlotCard | None = None
        self.active = False
        self._channel: PaceChannel | None = None
        self._lock = threading.Lock()
        self._moved = asyncio.Event()

    @property
    def status(self) -> int:
        """ICC status octet (SICCT 5.5.10.7)."""
        if self.card is None:
            return EMPTY
        return ACTIVE if self.active else UNPOWERED

    def insert(self, card: SlotCard) -> None:
        """Raises `InvalidInput` if a card is in."""
        if self.card is not None:
            raise InvalidInput(f"slot {self.number} is taken")
        self.card = card
        self._move()

    def eject(self) -> SlotCard:
        """Takes the card out; raises `InvalidInput` if there is none.

        Waits for an APDU that a worker thread is just doing: nobody else may use the card before its end.
        """
        card = self.card
        if card is None:
            raise InvalidInput(f"slot {self.number} is empty")
        self.card = None
        self.active = False
        self._channel = None
        with self._lock:
            _switch_off(card)
        self._move()
        return card

    async def moved(self) -> None:
        """Returns when a card comes or goes."""
        await self._moved.wait()

    def present(self) -> SlotCard:
        """The card; raises `Refused` (64A1)."""
        if self.card is None:
            raise Refused(Sw.NO_CARD)
        return self.card

    def powered(self) -> SlotCard:
        """The active card; raises `Refused` (64A1, 64A2)."""
        card = self.present()
        if not self.active:
            raise Refused(Sw.CARD_NOT_ACTIVE)
        return card

    async def power_up(self, number: AccessNumber | None = None) -> bytes:
        """Cold reset; the ATR. Raises `Refused` (64A1; 6F00 without a valid ATR).

        A card in a field is used behind its PACE channel, built with its access `number`: 6400 if it is a wrong one.
        """
        card = self.present()
        if await self._befall(card, None) is not None:
            raise Refused(Sw.COMMUNICATION)
        atr = await asyncio.to_thread(self._reset, card, number)
        if self.card is not card:
            raise Refused(Sw.NO_CARD)
        self.active = True
        return atr

    def power_down(self) -> None:
        """Switches the card off: it forgets all security states."""
        self.active = False
        self._channel = None
        # A running APDU keeps the lock; the reset of the next power-up then does what is left out here.
        if self.card is not None and self._lock.acquire(blocking=False):
            try:
                _switch_off(self.card)
            finally:
                self._lock.release()

    async def transmit(self, raw: bytes) -> bytes:
        """One APDU to the active card. Raises `Refused`."""
        card = self.powered()
        mishap = await self._befall(card, raw[:4])
        if mishap is not None and mishap.is_mute:
            raise Refused(Sw.COMMUNICATION)
        if mishap is not None and mishap.status is not None:
            return mishap.status.to_bytes(2, "big")
        answer = await asyncio.to_thread(self._process, card, raw)
        if self.card is not card or not self.active:
            raise Refused(Sw.NO_CARD)
        return answer

    async def use_internally(self, work: Callable[[Callable[[bytes], bytes]], T]) -> T:
        """Runs the terminal's own work on its gSMC-KT, not interleaved with other APDUs, powered or not.

        `work` is called in a worker thread with a function that carries one APDU. Raises `Refused`.
        """
        card = self.present()
        return await asyncio.to_thread(self._work, card, work, self.active)

    async def _befall(self, card: SlotCard, header: bytes | None) -> CardMishap | None:
        """What happens instead of the card's answer; waits first. Raises `Refused` if the card is gone after it."""
        mishap = self._at_card(self.number, card, header)
        if mishap is not None:
            await asyncio.sleep(mishap.delay)
        if self.card is not card:
            raise Refused(Sw.NO_CARD)
        return mishap if mishap is not None and (mishap.is_mute or mishap.status is not None) else None

    def _move(self) -> None:
        self._moved.set()
        self._moved = asyncio.Event()

    def _reset(self, card: SlotCard, number: AccessNumber | None) -> bytes:
        with self._lock, _line():
            self._channel = None
            atr = card.reset(Interface.CONTACTLESS if self.contactless else Interface.CONTACT)
            if not is_memory_card(atr):
                decode_atr_untrusted(atr)
            if number is not None:
                self._channel = PaceChannel(card.process, number.digits, number.entropy)
            return atr

    def _process(self, card: SlotCard, raw: bytes) -> bytes:
        channel = self._channel
        with self._lock, _line():
            return card.process(raw) if channel is None else channel.process(raw)

    def _work(self, card: SlotCard, work: Callable[[Callable[[bytes], bytes]], T], active: bool) -> T:
        with self._lock, _line():
            if not active:
                card.reset()
            return work(card.process)


@contextmanager
def _line() -> Iterator[None]:
    """What a terminal says of a card that does not answer, or with nonsense (6F00), or is not there (64A1)."""
    try:
        yield
    except CardGone:
        raise Refused(Sw.NO_CARD) from None
    except PaceError as error:
        is_wrong = error.failure is PaceFailure.WRONG_NUMBER
        raise Refused(Sw.EXECUTION_ERROR if is_wrong else Sw.COMMUNICATION) from None
    except (CardLinkError, BadAtr):
        raise Refused(Sw.COMMUNICATION) from None


def _switch_off(card: SlotCard) -> None:
    # A card that does not answer its reset is off all the same.
    with suppress(CardLinkError):
        card.reset()
