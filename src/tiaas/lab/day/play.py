"""Plays a schedule against a running lab: people at the terminals, practice software at the desks, faults on demand.

Only what a practice has is used: SOAP through `tiaas.client`, and the control port as the hand. Nothing waits for its
own sake: a queue takes its next contact as soon as the one before has left.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, suppress
from dataclasses import replace
from functools import partial
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.errors import InvalidInput
from tiaas.client import ClientError, Vsd, connect, load_kon
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.lab.day import checks
from tiaas.lab.day.choosing import EGK_STATUS, choose_people
from tiaas.lab.day.desk import Desk, NotThere, Office, address
from tiaas.lab.day.hand import Hand, HandRefused
from tiaas.lab.day.mail import DISCONNECTED, READING, UPDATING, Mail, open_mail
from tiaas.lab.day.model import Model
from tiaas.lab.day.place import EGK_SLOT, Person, Place
from tiaas.lab.day.record import DayRecord, Seen, Step
from tiaas.lab.day.schedule import Act, Before, Contact, Options, Phase, Schedule, Trouble, plan_day
from tiaas.lab.errors import LabError

STREET = "Umzugsweg"
_OPENING, _LUNCH, _PLUG_AGAIN = 7 * 60 + 45, 12 * 60 + 15, 13 * 60 + 5
_DOCTORS_PIN = 8 * 60 + 30
_TERMINAL_GONE = "EC_CardTerminal_Not_Available"
_SLOWNESS = 0.2
"""Seconds by which a terminal is held back where two things shall meet on one card."""

_FAULTS: Mapping[Trouble, Mapping[str, Any]] = {
    Trouble.UFS_SLOW: {"service": "ufs", "delay": 0.5},
    Trouble.UFS_503: {"service": "ufs", "http": 503},
    Trouble.UFS_1011: {"service": "ufs", "code": "1011"},
    Trouble.UFS_SILENT: {"service": "ufs", "drop": True},
    Trouble.GATEWAY_1011: {"service": "intermediaer", "code": "1011"},
    Trouble.VSDD_12105: {"service": "vsdd", "code": "12105"},
    Trouble.VSDD_BREAKS_OFF: {"service": "vsdd", "drop": True, "match": "GetNextCommandPackage "},
    Trouble.OCSP_DOWN: {"service": "ocsp", "http": 503, "match": f"{EGK_STATUS} card="},
}
_REVOKED = {"service": "ocsp", "code": "revoked", "match": f"{EGK_STATUS} card="}

Say = Callable[[str], None]


async def play(
    place: Place, seed: int, patients: int, options: Options, *, clock: Clock, environ: Mapping[str, str], say: Say
) -> DayRecord:
    """Plays the day of `seed` and returns what happened. Raises `InvalidInput`, `LabError`, `ClientError`."""
    if patients > len(place.people):
        raise InvalidInput(
            f"practice {place.practice} has {len(place.people)} patients; start the lab with --patients {patients}"
        )
    schedule = plan_day(seed, patients, len(place.workplaces), options)
    kon = load_kon(place.kon_file, environ)
    async with AsyncExitStack() as stack:
        hand = await stack.enter_async_context(Hand(place.control))
        if options.ti:
            entries = (await hand.journal())["entries"]
            place = replace(place, people=choose_people(place.people, schedule, entries))
        mail = await stack.enter_async_context(open_mail())
        office = Office(clock, options.ti, clock.monotonic())
        for workplace, ct_id in place.workplaces:
            await hand.make_ready(ct_id, EGK_SLOT)
            konnektor = await stack.enter_async_context(connect(replace(kon, workplace_id=workplace)))
            box = await mail.subscribe(konnektor, ct_id, EGK_SLOT)
            office.desks.append(Desk(office, konnektor, box))
        return await _Play(place, schedule, office, hand, mail, clock, say).run()


class _Play:
    def __init__(
        self, place: Place, schedule: Schedule, office: Office, hand: Hand, mail: Mail, clock: Clock, say: Say
    ) -> None:
        self._place = place
        self._schedule = schedule
        self._office = office
        self._hand = hand
        self._mail = mail
        self._say = say
        self._streets: dict[int, str] = {}
        self._announced: list[str] = []
        self._too_old: set[str] = set()
        people = tuple(person.name for person in place.people[: schedule.patients])
        terminals = tuple(desk.ct_id for desk in office.desks)
        name = str(place.ready["instances"][place.practice - 1]["cards"]["smcb"][0]["holder"])
        self._record = DayRecord(schedule, clock.now(), name, terminals, people)

    async def run(self) -> DayRecord:
        """The whole day. One that ends early leaves no fault, no update of its own and no card behind."""
        try:
            return await self._day()
        except BaseException:
            self._say("the day ends early: faults, updates and cards are taken back")
            await self._tidy()
            raise

    async def _day(self) -> DayRecord:
        await self._open()
        waiting = await self._waiting()
        expected = Model(self._schedule, waiting).expectations()
        before = (await self._hand.journal())["last"]
        for phase in Phase:
            if phase is Phase.AFTER_LUNCH:
                await self._lunch()
            self._say(phase.title)
            await self._phase(phase, expected)
        self._record.seen.sort(key=lambda seen: seen.contact.number)
        self._say("evening")
        evening = checks.Evening(self._place, self._office, self._hand, self._mail, self._record, before)
        self._record.checks += await evening.check(self._streets)
        self._record.seconds = self._office.now()
        return self._record

    async def _phase(self, phase: Phase, expected: Mapping[int, Any]) -> None:
        queues = [asyncio.create_task(self._queue(phase, at, expected)) for at in range(self._schedule.terminals)]
        try:
            await asyncio.gather(*queues)
        except BaseException:
            for queue in queues:
                queue.cancel()
            await asyncio.gather(*queues, return_exceptions=True)
            raise

    async def _tidy(self) -> None:
        """The lab may be gone, an update delivered: what cannot be taken back is left."""
        steps: list[Callable[[], Awaitable[None]]] = [self._hand.end_faults]
        steps += [partial(self._hand.make_ready, desk.ct_id, EGK_SLOT) for desk in self._office.desks]
        steps += [partial(self._hand.take_back, update_id) for update_id in self._announced]
        steps += [partial(self._hand.make_too_old, iccsn, too_old=False) for iccsn in self._too_old]
        for step in steps:
            with suppress(LabError):
                await step()

    # ---- the practice

    async def _open(self) -> None:
        self._say("the doors open")
        await self._hand.end_faults()
        for desk in self._office.desks:
            await desk.connected(is_there=True)
        self._office.conditions = await self._office.desks[0].conditions()
        gone = sorted(name for name in self._office.conditions if name.startswith(_TERMINAL_GONE))
        said = ", ".join(sorted(self._office.conditions)) or "no error condition"
        self._step(_OPENING - 12, 0, "the Konnektor is asked how it is", said, not gone)
        await self._office.unlock()
        self._step(_OPENING, 0, "PIN.SMC is typed", "verified", True)

    async def _lunch(self) -> None:
        """Somebody cleans the reception and pulls the plug: the SMC-B forgets that its PIN was typed."""
        self._say("lunch")
        reception = self._office.desks[0]
        await self._hand.plug(reception.ct_id, is_in=False)
        await reception.connected(is_there=False)
        others = await reception.konnektor.get_card_terminals(mandant_wide=True)
        alive = sum(1 for terminal in others if terminal.connected)
        await reception.told(DISCONNECTED, 0)
        said = f"{DISCONNECTED} is told; the Konnektor answers, {alive} of {len(others)} terminals are connected"
        self._step(_LUNCH, 0, "the plug of the first terminal is pulled", said, alive == len(others) - 1)
        await self._hand.plug(reception.ct_id, is_in=True)
        await reception.connected(is_there=True)
        await reception.smcb()
        self._step(_PLUG_AGAIN, 0, "the plug is in again", "terminal and SMC-B are back", True)

    async def _doctors_pin(self) -> None:
        """The doctor mistypes PIN.CH of the HBA once."""
        desk = self._office.desks[0]
        cards = await desk.konnektor.get_cards(CardType.HBA)
        await self._hand.fault(service="keypad", code="wrong", match=f"{desk.ct_id} ")
        wrong = await desk.konnektor.verify_pin(cards[0].card_handle, "PIN.CH")
        right = await desk.konnektor.verify_pin(cards[0].card_handle, "PIN.CH")
        is_right = (wrong.result, wrong.left_tries, right.result) == (PinResult.REJECTED, 2, PinResult.OK)
        said = f"{wrong.result.value}, {wrong.left_tries} tries left, then {right.result.value}"
        self._step(_DOCTORS_PIN, 0, "the doctor types a wrong PIN once", said, is_right)

    def _step(self, at: float, terminal: int | None, title: str, outcome: str, ok: bool) -> None:
        self._record.steps.append(Step(at, terminal, title, outcome, ok))

    # ---- patients

    async def _queue(self, phase: Phase, terminal: int, expected: Mapping[int, Any]) -> None:
        contacts = self._schedule.queue(phase, terminal)
        for place, contact in enumerate(contacts):
            seen = Seen(contact, expected[contact.number], self._office.now())
            self._record.seen.append(seen)
            try:
                await self._contact(seen)
            except (NotThere, ClientError) as error:
                seen.mismatches.append(f"not to be expected at all: {error}")
            seen.seconds = self._office.now() - seen.begun
            checks.compare(seen)
            if phase is Phase.MORNING and terminal == 0 and place == 0 and self._schedule.options.faults:
                await self._doctors_pin()

    async def _contact(self, seen: Seen) -> None:
        contact = seen.contact
        desk = self._office.desks[contact.terminal]
        person = self._place.people[contact.patient]
        if contact.cause.act is Act.NO_CARD:
            seen.reactions.append("no card: paper form")
            return
        await self._prepare(contact, person)
        acts: Mapping[Act, Callable[[Seen, Desk, Person], Awaitable[Vsd | None]]] = {
            Act.UNPLUG: self._unplugged,
            Act.PULL: self._pulled,
            Act.PULL_WHILE_WRITING: self._pulled,
            Act.TWO_AT_ONCE: self._twice,
        }
        vsd = await acts.get(contact.cause.act, self._plain)(seen, desk, person)
        await self._hand.slow_down(desk.ct_id, 0)
        if vsd is not None:
            seen.kvnr_right = vsd.personal.versicherten_id == person.kvnr
            seen.moved = contact.patient in self._streets and address(vsd) == self._streets[contact.patient]
        await self._take_out(desk)
        if contact.cause.before is Before.TOO_OLD:
            await self._hand.make_too_old(person.iccsn, too_old=False)

    async def _prepare(self, contact: Contact, person: Person) -> None:
        cause = contact.cause
        if cause.before is Before.TOO_OLD:
            self._too_old.add(person.iccsn)
            await self._hand.make_too_old(person.iccsn, too_old=True)
        elif cause.before is Before.MOVED:
            self._streets[contact.patient] = await self._announce_move(person)
        elif cause.before in (Before.LOCKED, Before.UNLOCKED):
            task = "lock" if cause.before is Before.LOCKED else "unlock"
            self._announced.append(await self._hand.announce(person.iccsn, task))
        fault = _REVOKED if cause.before is Before.REVOKED else _FAULTS.get(cause.trouble)
        if fault is not None:
            match = "" if fault["service"] == "intermediaer" else f"{fault.get('match', '')}{person.iccsn}"
            # The status of a certificate may be asked for again; everything else goes wrong once.
            times = 0 if fault["service"] == "ocsp" else 1
            await self._hand.fault(**{**fault, "match": match, "times": times})

    async def _announce_move(self, person: Person) -> str:
        """A new address; a card that has had this day before gets the next house number."""
        first = self._schedule.seed % 100 + 1
        for number in range(first, first + 100):
            change = {
                "strasse": STREET,
                "hausnummer": str(number),
                "postleitzahl": "99999",
                "ort": "Neustadt TEST-ONLY",
            }
            try:
                self._announced.append(await self._hand.announce(person.iccsn, "data", change))
            except HandRefused as error:
                # The card has, or will have, that address already.
                if error.status != 400:
                    raise
                continue
            return f"{STREET} {number}"
        raise InvalidInput("this lab has seen this day too often; take another --seed or a new --dir")

    async def _insert(self, desk: Desk, person: Person) -> None:
        await self._hand.insert(desk.ct_id, EGK_SLOT, person.iccsn)

    async def _plain(self, seen: Seen, desk: Desk, person: Person) -> Vsd | None:
        await self._insert(desk, person)
        return await desk.read(person.iccsn, seen, lambda: self._insert_again(desk, person))

    async def _take_out(self, desk: Desk) -> None:
        """The card is back in the patient's pocket, and the software knows."""
        await self._hand.empty(desk.ct_id, EGK_SLOT)
        await desk.no_card()

    async def _insert_again(self, desk: Desk, person: Person) -> None:
        await self._take_out(desk)
        await self._hand.slow_down(desk.ct_id, 0)
        await self._insert(desk, person)

    async def _unplugged(self, seen: Seen, desk: Desk, person: Person) -> Vsd | None:
        await self._hand.plug(desk.ct_id, is_in=False)
        await desk.connected(is_there=False)
        seen.reactions.append("terminal not connected: look at its cable")
        await self._hand.plug(desk.ct_id, is_in=True)
        await desk.connected(is_there=True)
        return await self._plain(seen, desk, person)

    async def _pulled(self, seen: Seen, desk: Desk, person: Person) -> Vsd | None:
        """The terminal is slow; the hand is at the card when the event says that reading or writing has begun."""
        topic = READING if seen.contact.cause.act is Act.PULL else UPDATING
        told = desk.box.counted[topic]
        await self._insert(desk, person)
        await desk.card()
        await self._hand.slow_down(desk.ct_id, _SLOWNESS)
        reading = asyncio.create_task(desk.read(person.iccsn, seen, lambda: self._insert_again(desk, person)))
        try:
            await desk.told(topic, told)
            await self._hand.eject(desk.ct_id, EGK_SLOT)
            return await reading
        finally:
            reading.cancel()

    async def _twice(self, seen: Seen, desk: Desk, person: Person) -> Vsd | None:
        """Two programs of the same practice read on the same event; the one that comes second is told 4093."""
        await self._insert(desk, person)
        await desk.card()
        await self._hand.slow_down(desk.ct_id, _SLOWNESS)
        first, second = await asyncio.gather(
            *(desk.read(person.iccsn, seen, lambda: self._insert_again(desk, person)) for _ in range(2))
        )
        if first is None or second is None:
            seen.mismatches.append("one of the two programs got no data")
        return first

    async def _waiting(self) -> dict[int, int]:
        """How many updates wait for each patient before the day begins."""
        if not self._schedule.options.ti:
            return {}
        places = {person.iccsn: at for at, person in enumerate(self._place.people)}
        found: dict[int, int] = {}
        for update in await self._hand.announced():
            if update["iccsn"] in places and update["priority"] == "MANDATORY":
                found[places[update["iccsn"]]] = found.get(places[update["iccsn"]], 0) + 1
        return found
