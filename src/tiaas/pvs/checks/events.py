"""Subscriptions and events (gemILF_PS V2.17.0, 4.1.4; gemSpec_Kon V5.18, 4.1.6)."""

from datetime import datetime, timedelta

from tiaas.pvs.checks.model import Check, Finding, Said, failed, not_seen, passed, warned
from tiaas.pvs.messages import Exchange, Outcome, Story

_REACTION = timedelta(seconds=30)


def _subscribed(story: Story) -> Finding:
    made = _made(story)
    if made:
        return passed(each.number for each in made)
    if not story.exchanges:
        return not_seen()
    return not_seen(Said("no Subscribe", "kein Subscribe"))


def _made(story: Story) -> list[Exchange]:
    return [each for each in story.exchanges if each.operation == "Subscribe" and each.outcome is Outcome.OK]


def _ends(story: Story) -> dict[str, datetime]:
    """The last end known of each subscription."""
    ends: dict[str, datetime] = {}
    for each in story.exchanges:
        if each.outcome not in (Outcome.OK, Outcome.WARNING):
            continue
        if each.operation in ("Subscribe", "RenewSubscriptions"):
            ids, times = each.told.all("SubscriptionID"), each.told.all("TerminationTime")
            ends |= {id_: end for id_, end in zip(ids, map(_time, times), strict=False) if end is not None}
        elif each.operation == "Unsubscribe":
            for id_ in each.asked.all("SubscriptionID") or tuple(ends):
                ends.pop(id_, None)
    return ends


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None


def _renewed(story: Story) -> Finding:
    over = story.recording.ended or max((call.at for call in story.recording.calls), default=None)
    ends = _ends(story)
    if over is None or not ends:
        return not_seen()
    late = [id_ for id_, end in ends.items() if end < over]
    if late:
        made = [each.number for each in _made(story) if each.told.first("SubscriptionID") in late]
        return failed(
            Said("subscriptions ended without being renewed", "Abonnements liefen ab, ohne erneuert zu werden"), made
        )
    renewals = [each.number for each in story.exchanges if each.operation == "RenewSubscriptions"]
    return passed(renewals) if renewals else not_seen(Said("none was near its end", "keines war nahe seinem Ende"))


def _received(story: Story) -> Finding:
    if not story.events:
        return not_seen()
    missed = [event.number for event in story.events if not event.arrived]
    if missed:
        reasons = ", ".join(sorted({e.delivery.outcome for e in story.events if not e.arrived}))
        return failed(
            Said("events were missed: {reasons}", "Ereignisse wurden verpasst: {reasons}").filled(reasons=reasons),
            missed,
        )
    return passed()


def _silent(story: Story) -> Finding:
    arrived = [event for event in story.events if event.arrived]
    if not arrived:
        return not_seen()
    talking = [event.number for event in arrived if event.delivery.said]
    if talking:
        return warned(
            Said(
                "the receiver answers events; CETP has no answers",
                "der Empfänger antwortet; CETP kennt keine Antworten",
            ),
            talking,
        )
    return passed()


def _used(story: Story) -> Finding:
    inserted = [event for event in story.events if event.topic == "CARD/INSERTED" and event.arrived]
    inserted = [event for event in inserted if event.parameters.get("CardType", "").upper() == "EGK"]
    if not inserted:
        return not_seen()
    ignored = []
    for event in inserted:
        handle = event.parameters.get("CardHandle", "")
        soon = [each for each in story.exchanges if event.number < each.number and each.at - event.at < _REACTION]
        if not any(handle in each.handles or each.operation == "GetCards" for each in soon):
            ignored.append(event.number)
    if len(ignored) == len(inserted):
        return warned(
            Said("health cards are inserted and nothing follows", "eGK werden gesteckt, und nichts folgt"), ignored
        )
    return passed(event.number for event in inserted)


def _again_after_boot(story: Story) -> Finding:
    boots = [event for event in story.events if event.topic == "BOOTUP/BOOTUP_COMPLETE" and event.arrived]
    if not boots:
        return not_seen()
    missed = [boot.number for boot in boots if not any(each.number > boot.number for each in _made(story))]
    if missed:
        return failed(Said("no Subscribe after a boot", "kein Subscribe nach dem Hochfahren"), missed)
    return passed(boot.number for boot in boots)


def _once(story: Story) -> Finding:
    held: dict[str, tuple[str | None, str | None]] = {}
    double = []
    made = {each.number for each in _made(story)}
    for each in story.exchanges:
        if each.operation == "Unsubscribe":
            for id_ in each.asked.all("SubscriptionID"):
                held.pop(id_, None)
            if each.asked.first("EventTo"):
                held = {id_: wish for id_, wish in held.items() if wish[1] != each.asked.first("EventTo")}
        if each.number not in made:
            continue
        wish = each.asked.first("Topic"), each.asked.first("EventTo")
        if wish in held.values():
            double.append(each.number)
        held[each.told.first("SubscriptionID") or str(each.number)] = wish
    if not held and not double:
        return not_seen()
    if double:
        return warned(
            Said(
                "the same subscription is made again while it is in force",
                "dasselbe Abonnement entsteht noch einmal, während es gilt",
            ),
            double,
        )
    return passed()


CHECKS = (
    Check(
        "EVT-1",
        Said("events are subscribed to", "Ereignisse sind abonniert"),
        "gemILF_PS 4.1.4, TIP1-A_4969, TIP1-A_4970",
        _subscribed,
    ),
    Check(
        "EVT-2",
        Said("subscriptions are renewed in time", "Abonnements werden rechtzeitig erneuert"),
        "gemSpec_Kon 4.1.6.5, RenewSubscriptions",
        _renewed,
    ),
    Check(
        "EVT-3",
        Said("no event is missed", "kein Ereignis wird verpasst"),
        "gemSpec_Kon 4.1.6.4, TUC_KON_256",
        _received,
    ),
    Check(
        "EVT-4", Said("the receiver only listens", "der Empfänger hört nur zu"), "gemSpec_Kon 4.1.6.2, CETP", _silent
    ),
    Check(
        "EVT-5",
        Said("inserted health cards are looked at", "gesteckte eGK werden beachtet"),
        "gemILF_PS 4.1.4, TIP1-A_4970; 4.3.4.2",
        _used,
    ),
    Check(
        "EVT-6",
        Said("after a boot events are subscribed to again", "nach dem Hochfahren wird neu abonniert"),
        "gemSpec_Kon 4.1.6, TIP1-A_4598; gemILF_PS 4.1.4",
        _again_after_boot,
    ),
    Check(
        "EVT-7",
        Said("nothing is subscribed to twice", "nichts ist doppelt abonniert"),
        "gemSpec_Kon 4.1.6.5, Subscribe",
        _once,
    ),
)
