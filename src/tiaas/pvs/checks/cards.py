"""Card handles, PINs and what follows errors (gemILF_PS V2.17.0, 4.2; konnektor codes of gemSpec_Kon V5.18)."""

from bisect import bisect_right
from collections import Counter
from datetime import datetime, timedelta

from tiaas.pvs.checks.model import Check, Finding, Said, failed, not_seen, passed, warned
from tiaas.pvs.messages import Exchange, Outcome, Seen, Story

HANDLE_DEAD = frozenset({4008, 4101, 4131, 4146, 4047})
"""A handle that means no card (any more); the code depends on the operation."""
PIN_MISSING = frozenset({4085, 3041, 3042})
BUSY = 4093
CARD_TROUBLE = frozenset({4094, 4056, 4057})
_RACE = timedelta(seconds=1)
"""A call that was under way when the card went is nobody's fault."""
_HAMMER = timedelta(seconds=1)
_HAMMER_CALLS = 3
_POLL = timedelta(seconds=5)
_POLL_CALLS = 10
_BLOCKED = ("NOWBLOCKED", "WASBLOCKED")
_NOT_OK = ("ERROR", "REJECTED", *_BLOCKED)


def _told_before(story: Story) -> dict[int, frozenset[str]]:
    """By the number of each call: the handles told before it."""
    known: set[str] = set()
    before: dict[int, frozenset[str]] = {}
    for moment in story.moments:
        if isinstance(moment, Seen):
            handle = moment.parameters.get("CardHandle")
            known |= {handle} if handle else set()
        else:
            before[moment.number] = frozenset(known)
            known |= {card.handle for card in moment.cards}
    return before


def _handles_from_konnektor(story: Story) -> Finding:
    using = [each for each in story.exchanges if each.handles]
    if not using:
        return not_seen()
    before = _told_before(story)
    unknown = [each for each in using if not set(each.handles) <= before[each.number]]
    dead = [each.number for each in unknown if not HANDLE_DEAD.isdisjoint(each.codes)]
    if dead:
        return failed(
            Said(
                "handles that the Konnektor never gave (kept from before?)",
                "Handles, die der Konnektor nie gab (von früher?)",
            ),
            dead,
        )
    if unknown:
        return warned(
            Said("handles that nothing in this recording gave", "Handles, die nichts in dieser Aufzeichnung gab"),
            [each.number for each in unknown],
        )
    return passed()


def _gone_at(story: Story) -> dict[str, tuple[int, datetime]]:
    gone: dict[str, tuple[int, datetime]] = {}
    for event in story.events:
        if event.topic == "CARD/REMOVED" and event.arrived and event.parameters.get("CardHandle"):
            gone[event.parameters["CardHandle"]] = (event.number, event.at)
    return gone


def _dead_handles(story: Story) -> Finding:
    gone = _gone_at(story)
    refused: dict[str, int] = {}
    wrong = []
    seen = bool(gone)
    for each in story.exchanges:
        for handle in each.handles:
            if (handle in gone and each.at > gone[handle][1] + _RACE) or handle in refused:
                wrong.append(each.number)
        if not HANDLE_DEAD.isdisjoint(each.codes):
            seen = True
            # Of two handles the fault does not say which one is dead.
            if len(each.handles) == 1:
                refused[each.handles[0]] = each.number
    if wrong:
        return failed(
            Said("handles are used after their card has gone", "Handles werden benutzt, nachdem die Karte weg ist"),
            wrong,
        )
    return passed() if seen else not_seen()


def _asks_again(story: Story) -> Finding:
    lost = [each for each in story.exchanges if not HANDLE_DEAD.isdisjoint(each.codes)]
    if not lost:
        return not_seen()
    stuck = [each.number for each in lost if not _next_asks(story, each)]
    if stuck:
        return failed(
            Said("cards are not asked for again after 4008/4101", "nach 4008/4101 werden die Karten nicht neu erfragt"),
            stuck,
        )
    return passed(each.number for each in lost)


def _next_asks(story: Story, lost: Exchange) -> bool:
    """Whether GetCards, or an event with a new handle, comes before the next use of a card of the same workplace."""
    for moment in story.moments:
        if moment.number <= lost.number:
            continue
        if isinstance(moment, Seen):
            if moment.topic == "CARD/INSERTED" and moment.arrived:
                return True
        elif moment.operation in ("GetCards", "GetResourceInformation"):
            return True
        elif set(moment.handles) & set(lost.handles):
            return False
    return True


def _verifies_pin(story: Story) -> Finding:
    locked = [each for each in story.exchanges if not PIN_MISSING.isdisjoint(each.codes)]
    if not locked:
        return not_seen()
    repeated, ignored = [], []
    numbers = [each.number for each in story.exchanges]
    for each in locked:
        following = story.exchanges[bisect_right(numbers, each.number) :]
        verify = next((later.number for later in following if later.operation == "VerifyPin"), None)
        again = next((later.number for later in following if _is_same(each, later)), None)
        if again is not None and (verify is None or verify > again):
            repeated.append(again)
        elif verify is None:
            ignored.append(each.number)
    if repeated:
        return failed(
            Said(
                "repeated without VerifyPin after 4085, 3041 or 3042",
                "nach 4085, 3041 oder 3042 ohne VerifyPin wiederholt",
            ),
            repeated,
        )
    if ignored:
        return warned(
            Said("no VerifyPin after 4085, 3041 or 3042", "kein VerifyPin nach 4085, 3041 oder 3042"), ignored
        )
    return passed(each.number for each in locked)


def _is_same(first: Exchange, later: Exchange) -> bool:
    return later.operation == first.operation and bool(set(first.handles) & set(later.handles))


def _reads_pin_result(story: Story) -> Finding:
    refused = [
        each
        for each in story.exchanges
        if each.operation in ("VerifyPin", "ChangePin", "UnblockPin") and each.told.first("PinResult") in _NOT_OK
    ]
    if not refused:
        return not_seen()
    blind = []
    for each in refused:
        later = [e for e in story.exchanges if e.number > each.number and set(e.handles) & set(each.handles)]
        if later and later[0].operation != each.operation and not PIN_MISSING.isdisjoint(later[0].codes):
            blind.append(later[0].number)
        if later and each.told.first("PinResult") in _BLOCKED and later[0].operation == "VerifyPin":
            blind.append(later[0].number)
    if blind:
        return failed(
            Said(
                "a refused PIN is taken for a success (PinResult, not Status, tells)",
                "eine abgelehnte PIN gilt als Erfolg (PinResult sagt es, nicht Status)",
            ),
            blind,
        )
    return passed(each.number for each in refused)


def _waits_when_busy(story: Story) -> Finding:
    busy = [each for each in story.exchanges if BUSY in each.codes]
    if not busy:
        return not_seen()
    hammered = [
        busy[at].number
        for at in range(_HAMMER_CALLS, len(busy))
        if busy[at].at - busy[at - _HAMMER_CALLS].at < _HAMMER and busy[at].handles == busy[at - 1].handles
    ]
    if hammered:
        return failed(Said("a busy card (4093) is hammered", "eine belegte Karte (4093) wird bestürmt"), hammered)
    return passed(each.number for each in busy)


def _gives_up(story: Story) -> Finding:
    trouble = [each for each in story.exchanges if not CARD_TROUBLE.isdisjoint(each.codes)]
    if not trouble:
        return not_seen()
    runs = []
    for first, second, third in zip(trouble, trouble[1:], trouble[2:], strict=False):
        if first.handles == second.handles == third.handles and third.at - first.at < _HAMMER:
            runs.append(third.number)
    if runs:
        return failed(
            Said(
                "a card that does not answer is asked without a pause",
                "eine Karte, die nicht antwortet, wird pausenlos gefragt",
            ),
            runs,
        )
    return passed(each.number for each in trouble)


def _does_not_poll(story: Story) -> Finding:
    asked = [each for each in story.exchanges if each.operation == "GetCards"]
    if len(asked) < _POLL_CALLS:
        return not_seen(Said("few GetCards", "wenige GetCards")) if not asked else passed()
    pauses = (asked[-1].at - asked[0].at) / (len(asked) - 1)
    if pauses < _POLL:
        return warned(
            Said(
                "GetCards every {s:.1f} s: events tell what changes",
                "GetCards alle {s:.1f} s: Ereignisse sagen, was sich ändert",
            ).filled(s=pauses.total_seconds()),
            [each.number for each in asked[:_POLL_CALLS]],
        )
    return passed()


def _errors_met(story: Story) -> Finding:
    if not story.exchanges:
        return not_seen()
    met = {each.number: each.codes[-1] for each in story.exchanges if each.outcome is Outcome.FAULT and each.codes}
    if not met:
        return passed()
    told = ", ".join(f"{code} ({count})" for code, count in sorted(Counter(met.values()).items()))
    return passed(met, Said(told, told))


CHECKS = (
    Check(
        "CARD-1",
        Said("card handles come from the Konnektor", "Karten-Handles kommen vom Konnektor"),
        "gemILF_PS 4.2.2, 4.2.3",
        _handles_from_konnektor,
    ),
    Check(
        "CARD-2",
        Said("handles are not kept after the card has gone", "Handles überleben ihre Karte nicht"),
        "gemILF_PS 4.2.2, 4.2.3",
        _dead_handles,
    ),
    Check(
        "CARD-3",
        Said("after 4008/4101 the cards are asked for again", "nach 4008/4101 werden die Karten neu erfragt"),
        "gemILF_PS 4.2.3",
        _asks_again,
    ),
    Check(
        "CARD-4",
        Said("a reserved card (4093) is waited for", "auf eine belegte Karte (4093) wird gewartet"),
        "gemSpec_SST_PS_VSDM, error table; gemILF_PS 3.3.2",
        _waits_when_busy,
    ),
    Check(
        "CARD-5",
        Said("a card that does not answer is not hammered", "eine stumme Karte wird nicht bestürmt"),
        "gemILF_PS 6, error tables",
        _gives_up,
    ),
    Check(
        "CARD-6",
        Said("cards are not polled", "Karten werden nicht im Takt erfragt"),
        "gemILF_PS 4.1.4, TIP1-A_4970",
        _does_not_poll,
    ),
    Check(
        "PIN-1",
        Said(
            "4085, 3041 and 3042 lead to VerifyPin, then to a repetition",
            "4085, 3041 und 3042 führen zu VerifyPin und Wiederholung",
        ),
        "gemILF_PS 4.2.1, A_21228-01; error table PIN handling",
        _verifies_pin,
    ),
    Check(
        "PIN-2",
        Said("PinResult is read", "PinResult wird ausgewertet"),
        "gemSpec_Kon 4.1.5.5, VerifyPin",
        _reads_pin_result,
    ),
    Check("ERR-1", Said("errors met", "angetroffene Fehler"), "gemILF_PS 6, VSDM-A_3069", _errors_met),
)
