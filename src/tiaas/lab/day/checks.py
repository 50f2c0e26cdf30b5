"""Compares what happened with the model, and looks in the evening whether anything was left behind."""

import asyncio
import re
from collections import Counter
from collections.abc import Iterator, Mapping

from tiaas.client import KonnektorFault
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import PinStatus
from tiaas.lab.day.desk import PIN_SMC, Desk, NotThere, Office, address, receipt_of
from tiaas.lab.day.hand import Hand
from tiaas.lab.day.mail import INSERTED, REMOVED, Mail
from tiaas.lab.day.model import Ending
from tiaas.lab.day.place import EGK_SLOT, Person, Place
from tiaas.lab.day.record import Check, DayRecord, Seen
from tiaas.lab.day.schedule import Trouble

_LOG = "tiaas.log"
_HEADER = re.compile(r'"header": "[0-9A-F]{8}"')
_FLAGS, _PERFORM, _NEXT = "GetUpdateFlags", "PerformUpdates", "GetNextCommandPackage"
_PACKAGES_MAX = 4
_LOCKED = 114


def numbers_in(log: str) -> set[str]:
    """The numbers that stand alone in a log: octets in hex, ids and headers of APDUs have any digits by chance."""
    return set(re.findall(r"(?<![0-9A-Fa-f-])[0-9]{5,20}(?![0-9A-Fa-f-])", _HEADER.sub("", log)))


def compare(seen: Seen) -> None:
    """Adds to `seen.mismatches` where it differs from what was expected."""
    want = seen.expected
    if (seen.ending, seen.code) != (want.ending, want.code):
        seen.mismatches.append(
            f"ended with {_ending(seen.ending, seen.code)}, expected {_ending(want.ending, want.code)}"
        )
    if seen.ending is Ending.READ:
        if (seen.result, seen.ec) != (want.result, want.ec):
            seen.mismatches.append(f"receipt E={seen.result} EC={seen.ec}, expected E={want.result} EC={want.ec}")
        if not seen.kvnr_right:
            seen.mismatches.append("the data are those of somebody else")
        if want.moved and not seen.moved:
            seen.mismatches.append("the old address is on the card")
    seen.mismatches += _way(seen)


def _way(seen: Seen) -> Iterator[str]:
    """The errors on the way, each kind once, in order; one that is repeated counts once."""
    codes = [attempt.code for attempt in seen.attempts if attempt.code is not None and attempt.code != seen.code]
    met = [code for at, code in enumerate(codes) if at == 0 or codes[at - 1] != code]
    if len(met) != len(seen.expected.on_the_way):
        wanted = ", ".join("/".join(map(str, sorted(codes))) for codes in seen.expected.on_the_way) or "none"
        yield f"errors on the way {met or 'none'}, expected {wanted}"
        return
    for code, allowed in zip(met, seen.expected.on_the_way, strict=True):
        if code not in allowed:
            yield f"error {code} on the way, expected one of {sorted(allowed)}"


def _ending(ending: Ending, code: int | None) -> str:
    return ending.value if code is None else f"{ending.value} {code}"


class Evening:
    """The invariants. `before` is the number of the last journal entry before the first patient."""

    def __init__(self, place: Place, office: Office, hand: Hand, mail: Mail, record: DayRecord, before: int) -> None:
        self._place = place
        self._office = office
        self._hand = hand
        self._mail = mail
        self._record = record
        self._before = before
        self._addresses: dict[int, str] = {}

    async def check(self, streets: Mapping[int, str]) -> list[Check]:
        """All of them, in the order of the report; `streets` are the new addresses by patient."""
        found = [self._everybody_was_seen(), await self._faults(), *await self._journal()]
        await self._hand.end_faults()
        self._addresses = {
            seen.contact.patient: streets[seen.contact.patient] for seen in self._record.seen if seen.expected.moved
        }
        found += [await self._pins(), await self._cards(), await self._reservations()]
        return [*found, await self._conditions(), await self._events(), await self._subscriptions(), self._log()]

    def _everybody_was_seen(self) -> Check:
        planned = {contact.number for contact in self._record.schedule.contacts}
        seen = Counter(seen.contact.number for seen in self._record.seen)
        once = sum(1 for number in planned if seen[number] == 1)
        return Check("every contact took place once", f"{once} of {len(planned)}", once == len(planned) == len(seen))

    async def _faults(self) -> Check:
        """Every fault met somebody: one that did not would make the day look better than it was."""
        unused = sum(1 for fault in await self._hand.faults() if fault["used"] == 0)
        return Check("every fault has struck", f"{unused} faults met nobody", unused == 0)

    async def _journal(self) -> list[Check]:
        """Round trips: one GetUpdateFlags for each online check, an update in few, and nothing without being asked."""
        entries = (await self._hand.journal(self._before))["entries"]
        for entry in entries:
            name = f"{entry['service']} {entry['operation']}"
            self._record.journal[name] = self._record.journal.get(name, 0) + 1
        asked: Counter[tuple[str, str]] = Counter((e["operation"], e["subject"].partition(" ")[0]) for e in entries)
        return [self._flags(asked), self._updates(asked)]

    def _flags(self, asked: Mapping[tuple[str, str], int]) -> Check:
        """Per card. A call that failed on the way may have asked or not."""
        wrong, flags = 0, 0
        for person, seen in self._by_person():
            checks = [attempt for one in seen for attempt in one.attempts if attempt.check]
            shielded = sum(1 for one in seen if one.contact.cause.trouble is Trouble.GATEWAY_1011)
            least = sum(1 for attempt in checks if attempt.code is None) - shielded
            found = asked.get((_FLAGS, person.iccsn), 0)
            flags += found
            wrong += not least <= found <= len(checks)
        said = f"{flags} GetUpdateFlags, {wrong} cards with another number than their calls explain"
        return Check("UFS is asked once per online check", said, wrong == 0)

    def _updates(self, asked: Mapping[tuple[str, str], int]) -> Check:
        """PerformUpdates and GetNextCommandPackage per card that was updated; none for the others."""
        most, needless = 0.0, 0
        for person, seen in self._by_person():
            begun = asked.get((_PERFORM, person.iccsn), 0)
            packages = asked.get((_NEXT, person.iccsn), 0)
            if begun:
                most = max(most, packages / begun)
            needless += begun > 0 and not any(one.result in (1, 3) or one.code == _LOCKED for one in seen)
        said = f"at most {most:g} packages after the first, {needless} cards touched without need"
        return Check("an update needs few round trips", said, most <= _PACKAGES_MAX and not needless)

    def _by_person(self) -> Iterator[tuple[Person, list[Seen]]]:
        for at, person in enumerate(self._place.people[: self._record.schedule.patients]):
            yield person, [seen for seen in self._record.seen if seen.contact.patient == at]

    async def _pins(self) -> Check:
        """Retry counters are full again: one wrong entry of the doctor, then the right one."""
        reception = self._office.desks[0].konnektor
        said: list[str] = []
        is_right = True
        for card_type, pin in ((CardType.SMC_B, PIN_SMC), (CardType.HBA, "PIN.CH")):
            for card in await reception.get_cards(card_type):
                state = await reception.get_pin_status(card.card_handle, pin)
                left = "" if state.left_tries is None else f", {state.left_tries} tries"
                said.append(f"{pin} {state.status.value if state.status else 'unknown'}{left}")
                is_right &= state.status is PinStatus.VERIFIED or state.left_tries == 3
        return Check("no PIN has lost a try", "; ".join(said), is_right and len(said) == 2)

    async def _cards(self) -> Check:
        """Every card is read once more without online check: consistent, and its receipt can be read."""
        people = list(enumerate(self._place.people[: self._record.schedule.patients]))
        rest = iter(people)
        problems: list[str] = []
        receipts = 0

        async def work(desk: Desk) -> None:
            nonlocal receipts
            for at, person in rest:
                problem, has_receipt = await self._last_look(desk, person, self._addresses.get(at))
                receipts += has_receipt
                if problem:
                    problems.append(f"patient {at + 1}: {problem}")

        await asyncio.gather(*(work(desk) for desk in self._office.desks))
        wanted = len(self._office.results)
        said = f"{len(people) - len(problems)} of {len(people)} consistent, {receipts} receipts of {wanted} readable"
        is_right = not problems and receipts >= wanted
        return Check("all cards are consistent, their receipts readable", "; ".join([said, *problems[:3]]), is_right)

    async def _last_look(self, desk: Desk, person: Person, street: str | None = None) -> tuple[str, bool]:
        """What is wrong with the card (empty: nothing), and whether it had a receipt this practice can read.

        `street` is the address that must be on it.
        """
        await self._hand.insert(desk.ct_id, EGK_SLOT, person.iccsn)
        try:
            handle = await desk.card()
            smcb = await desk.smcb()
            wants = person.iccsn in self._office.results
            vsd = await desk.konnektor.read_vsd(handle, smcb, False, wants)
        except (NotThere, KonnektorFault) as error:
            return str(error), False
        finally:
            await self._hand.eject(desk.ct_id, EGK_SLOT)
            await desk.no_card()
        receipt = receipt_of(vsd)
        if wants and (receipt is None or receipt.result != self._office.results[person.iccsn]):
            return "its receipt is another one than the software has", False
        if street is not None and address(vsd) != street:
            return "the new address is not on it any more", receipt is not None
        return ("" if vsd.consistent else "inconsistent"), receipt is not None

    async def _reservations(self) -> Check:
        """A card in each terminal at once, read at once: nobody is told that a card is taken."""
        pairs = list(zip(self._office.desks, self._place.people, strict=False))

        async def read(desk: Desk, person: Person) -> str:
            return (await self._last_look(desk, person))[0]

        problems = [problem for problem in await asyncio.gather(*(read(*pair) for pair in pairs)) if problem]
        said = "; ".join(problems) or f"{len(pairs)} cards read at once"
        return Check("no card and no slot is left reserved", said, not problems)

    async def _conditions(self) -> Check:
        """What was told of terminals that were away is taken back."""
        left = await self._office.desks[0].conditions() - self._office.conditions
        said = ", ".join(sorted(left)) or "none that was not there in the morning"
        return Check("no error condition is left", said, not left)

    async def _events(self) -> Check:
        """Every card that was put in and taken out was told once, to the workplace of its terminal."""
        wrong = 0
        for desk in self._office.desks:
            counted = desk.box.counted
            wrong += not counted[INSERTED] == counted[REMOVED] == self._hand.inserted[desk.ct_id]
        self._record.events = dict(self._mail.counted)
        inserted = self._hand.inserted.total()
        said = f"{inserted} insertions, {wrong} terminals with another number of events, {self._mail.bad} bad messages"
        return Check("every card was told once when it came and once when it went", said, wrong + self._mail.bad == 0)

    async def _subscriptions(self) -> Check:
        """Nothing is subscribed after everybody has unsubscribed."""
        for desk in self._office.desks:
            await desk.konnektor.unsubscribe(desk.box.subscription_id)
        ours = {desk.box.subscription_id for desk in self._office.desks}
        left = 0
        for desk in self._office.desks:
            held = await desk.konnektor.get_subscriptions()
            left += sum(1 for subscription in held if subscription.subscription_id in ours)
        return Check("no subscription is left", f"{len(ours)} ended, {left} left", left == 0)

    def _log(self) -> Check:
        """The log has neither PINs nor KVNR nor ICCSN of anybody."""
        text = (self._place.folder / _LOG).read_text(encoding="utf-8", errors="replace")
        numbers = numbers_in(text)
        entry = self._place.ready["instances"][self._place.practice - 1]
        hits = 0
        for cards in entry["cards"].values():
            for card in cards:
                hits += card["iccsn"] in numbers
                hits += bool(card["kvnr"]) and card["kvnr"] in text
                hits += sum(1 for pin in card["pins"].values() if pin in numbers)
        lines = text.count("\n")
        return Check("no PIN, KVNR or ICCSN is in the log", f"{lines} lines, {hits} hits", hits == 0)
