"""Practice software at one workplace: reads cards as gemILF_PS asks, and does on each error what it says.

The software of a practice is one `Office` with a `Desk` per workplace. It knows nothing of the lab: a card is there
when the Konnektor says so, and whatever goes wrong shows as a code.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import field
from typing import TypeVar

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.client import Konnektor, KonnektorFault, Vsd
from tiaas.fachdienste.vsdm.receipt import BadReceipt, Receipt, Result, read_receipt_untrusted
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import PinStatus
from tiaas.interfaces.connector_common_v5_0 import Connector
from tiaas.lab.day.mail import Box
from tiaas.lab.day.model import Ending
from tiaas.lab.day.reactions import FINAL, Reaction, reaction
from tiaas.lab.day.record import Attempt, Seen
from tiaas.lab.errors import LabError

PATIENCE = 30.0
"""Seconds after which the software stops waiting for a card, a terminal or a reservation."""
_LOOK = 0.02
_RETRY = 0.25
_ATTEMPTS = 60
PIN_SMC = "PIN.SMC"

T = TypeVar("T")

InsertAgain = Callable[[], Awaitable[None]]


class NotThere(LabError):
    """What was waited for did not come; `str()` names it."""


@dataclass(slots=True)
class Office:
    """The practice's software. `ti`: first contacts of the quarter ask for an online check.

    `results` is what it keeps for the quarter: E of the last receipt, by ICCSN. `conditions` are the Konnektor's error
    conditions of the morning.
    """

    clock: Clock
    ti: bool
    started: float
    results: dict[str, int] = field(default_factory=dict)
    conditions: frozenset[str] = frozenset()
    desks: list["Desk"] = field(default_factory=list)
    unlocking: asyncio.Lock = field(default_factory=asyncio.Lock)

    def now(self) -> float:
        """Seconds since the play began."""
        return self.clock.monotonic() - self.started

    def asks_online(self, iccsn: str) -> bool:
        """MODE_ONLINE_CHECK = FIRST: no receipt of this quarter, or one that says the check failed."""
        return self.ti and self.results.get(iccsn) not in (Result.UPDATED, Result.NO_UPDATE_NEEDED)

    async def unlock(self) -> None:
        """Has PIN.SMC typed where the SMC-B is, unless somebody did meanwhile. Raises `NotThere`, `KonnektorFault`."""
        async with self.unlocking:
            reception = self.desks[0].konnektor
            smcb = await self.desks[0].smcb()
            if (await reception.get_pin_status(smcb, PIN_SMC)).status is PinStatus.VERIFIED:
                return
            outcome = await reception.verify_pin(smcb, PIN_SMC)
            if not outcome.ok:
                raise NotThere(f"PIN.SMC: {outcome.result.value}")


class Desk:
    """One workplace with its terminal; `konnektor` is a client in the workplace's context, `box` has its events."""

    def __init__(self, office: Office, konnektor: Konnektor, box: Box) -> None:
        self.office = office
        self.konnektor = konnektor
        self.box = box
        self.ct_id = box.ct_id

    async def card(self) -> str:
        """The handle of the card in the patients' slot, once an event has told of it. Raises `NotThere`."""
        try:
            told = await self.box.until_card(is_there=True, seconds=PATIENCE)
        except TimeoutError:
            raise NotThere("CARD/INSERTED") from None
        return "" if told is None else told.handle

    async def no_card(self) -> None:
        """Returns once an event has told that the slot is empty. Raises `NotThere`."""
        try:
            await self.box.until_card(is_there=False, seconds=PATIENCE)
        except TimeoutError:
            raise NotThere("CARD/REMOVED") from None

    async def told(self, topic: str, more_than: int) -> None:
        """Returns when events of that topic have come more than so many times. Raises `NotThere`."""
        try:
            await self.box.until_told(topic, more_than, PATIENCE)
        except TimeoutError:
            raise NotThere(topic) from None

    async def conditions(self) -> frozenset[str]:
        """The error conditions that hold (GetResourceInformation)."""
        found = await self.konnektor.get_resource_information()
        if not isinstance(found, Connector):
            return frozenset()
        return frozenset(state.error_condition for state in found.operating_state.error_state if state.value)

    async def smcb(self) -> str:
        """The handle of the practice's SMC-B. Raises `NotThere`."""

        async def look() -> str | None:
            cards = await self.konnektor.get_cards(CardType.SMC_B)
            return cards[0].card_handle if cards else None

        return await self._until(look, "the SMC-B")

    async def connected(self, *, is_there: bool) -> None:
        """Returns when the Konnektor says that the terminal is (not) connected. Raises `NotThere`."""

        async def look() -> bool | None:
            terminals = await self.konnektor.get_card_terminals()
            return any(t.ct_id == self.ct_id and t.connected is is_there for t in terminals) or None

        await self._until(look, "the terminal")

    async def read(self, iccsn: str, seen: Seen, insert_again: InsertAgain) -> Vsd | None:
        """Reads a card that is being put in, whatever it takes; what happened goes into `seen`."""
        check = receipt = self.office.asks_online(iccsn)
        try:
            handle = await self.card()
            for _ in range(_ATTEMPTS):
                outcome = await self._attempt(seen, handle, check, receipt)
                if isinstance(outcome, Vsd):
                    self._keep(iccsn, seen, outcome)
                    return outcome
                todo = reaction(outcome.code)
                if not seen.reactions or seen.reactions[-1] != f"{outcome.code}: {todo.value}":
                    seen.reactions.append(f"{outcome.code}: {todo.value}")
                if todo in FINAL:
                    seen.ending, seen.code = Ending.REFUSED, outcome.code
                    return None
                if todo is Reaction.CHECK_ONLINE:
                    check = receipt = self.office.ti
                handle = await self._react(todo, handle, insert_again)
            seen.mismatches.append("the software gave up after too many attempts")
        except NotThere as error:
            seen.mismatches.append(f"waited in vain for {error}")
        return None

    async def _react(self, todo: Reaction, handle: str, insert_again: InsertAgain) -> str:
        if todo is Reaction.WAIT:
            await asyncio.sleep(_RETRY)
        elif todo is Reaction.VERIFY_PIN:
            await self.office.unlock()
        elif todo is Reaction.INSERT_AGAIN:
            await insert_again()
            return await self.card()
        return handle

    async def _attempt(self, seen: Seen, handle: str, check: bool, receipt: bool) -> Vsd | KonnektorFault:
        smcb = await self.smcb()
        at = self.office.now()
        try:
            vsd = await self.konnektor.read_vsd(handle, smcb, check, receipt)
        except KonnektorFault as fault:
            seen.attempts.append(Attempt(at, self.office.now() - at, check, receipt, code=fault.code))
            return fault
        found = receipt_of(vsd)
        result, ec = (None, None) if found is None else (int(found.result), found.code)
        seen.attempts.append(Attempt(at, self.office.now() - at, check, receipt, result=result, ec=ec))
        return vsd

    def _keep(self, iccsn: str, seen: Seen, vsd: Vsd) -> None:
        last = seen.attempts[-1]
        seen.ending, seen.result, seen.ec = Ending.READ, last.result, last.ec
        if last.result is not None:
            self.office.results[iccsn] = last.result
        if not vsd.consistent:
            seen.mismatches.append("the data are called inconsistent")

    async def _until(self, look: Callable[[], Awaitable[T | None]], what: str) -> T:
        end = self.office.now() + PATIENCE
        while (found := await look()) is None:
            if self.office.now() > end:
                raise NotThere(what)
            await asyncio.sleep(_LOOK)
        return found


def address(vsd: Vsd) -> str:
    """Street and number."""
    street = vsd.personal.strassen_adresse
    return "" if street is None else f"{street.strasse or ''} {street.hausnummer or ''}".strip()


def receipt_of(vsd: Vsd) -> Receipt | None:
    """The Prüfungsnachweis in an answer; None if there is none or it cannot be read."""
    if vsd.receipt is None:
        return None
    try:
        return read_receipt_untrusted(vsd.receipt)
    except BadReceipt:
        return None
