"""From an instance's status to the way practice → terminal → card → Konnektor → TI with a light at each station.

Decisions only: what is wrong, how much it matters and what to do about it. A red light means that a health card cannot
be read now, yellow that somebody should look, grey that it is not known.
"""

import enum
from collections.abc import Callable, Iterator
from datetime import date, timedelta

from tiaas.base.dataclass import dataclass
from tiaas.portal.conditions import meaning
from tiaas.portal.moments import day, moment
from tiaas.portal.status import Call, Card, Instance, Terminal, Trust
from tiaas.portal.texts import Texts

EXPIRES_SOON = timedelta(days=60)
_NOT_VALID = frozenset({"Invalid", "Unknown", "Revoked"})
ACTIVE = "aktiv"
"""CT.CORRELATION of a terminal in use."""
SMC_B, HSM_B, UNKNOWN = "SMC-B", "HSM-B", "UNKNOWN"
SM_B = frozenset({SMC_B, HSM_B})
"""Cards of a practice."""
DENIED_CODES = frozenset(
    {4003, 4004, 4005, 4006, 4010, 4011, 4012, 4013, 4014, 4015, 4016, 4017, 4018, 4019, 4020, 4021, 4204}
)
"""TUC_KON_000: the call context does not fit the information model."""
GOOD_RESULTS = frozenset({1, 2})
"""E of a receipt: updated, no update needed."""
Placed = tuple[Terminal, int, Card]
"""A card and where it is: terminal and number of the slot."""
_TI_CONDITIONS = ("EC_TSL_", "EC_BNetzA_", "EC_No_Online", "EC_No_VPN", "EC_CRL_")
_TERMINAL_CONDITIONS = ("EC_CardTerminal_",)


@enum.unique
class Light(enum.Enum):
    """How a station is; the order is that of concern."""

    GREEN = 0
    GREY = 1
    YELLOW = 2
    RED = 3


@enum.unique
class Station(enum.Enum):
    """The stations in the order of the way; the value is the name of the text for it."""

    PRACTICE = "practice"
    TERMINAL = "terminal"
    CARD = "card"
    KONNEKTOR = "konnektor"
    TI = "ti"


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found at a station: how it is, in a sentence, and what to do about it (empty: nothing)."""

    station: Station
    light: Light
    says: str
    advice: str = ""


@dataclass(frozen=True, slots=True)
class Way:
    """All findings, at least one for each station."""

    findings: tuple[Finding, ...]

    def at(self, station: Station) -> Finding:
        """What matters most at a station."""
        return max((f for f in self.findings if f.station is station), key=lambda finding: finding.light.value)

    @property
    def worst(self) -> Finding:
        """What matters most; of equals the one nearest to the cause: without Konnektor nothing works, and so on."""
        return max(self.findings, key=lambda finding: (finding.light.value, -_CAUSES.index(finding.station)))

    @property
    def others(self) -> tuple[Finding, ...]:
        """Further findings somebody should see."""
        worst = self.worst
        return tuple(f for f in self.findings if f is not worst and f.light in (Light.YELLOW, Light.RED))


_CAUSES = (Station.KONNEKTOR, Station.TERMINAL, Station.CARD, Station.PRACTICE, Station.TI)


def way_of(status: Instance, texts: Texts, today: date) -> Way:
    """The way of an instance that answers."""
    rules: tuple[Callable[[Instance, Texts, date], Iterator[Finding]], ...]
    rules = (_practice, _terminals, _cards, _konnektor, _ti)
    return Way(tuple(finding for rule in rules for finding in rule(status, texts, today)))


def dark_way(texts: Texts) -> Way:
    """The way of an instance that does not answer: beyond it nothing is known."""
    broken = Finding(Station.KONNEKTOR, Light.RED, texts.konnektor_unreachable, texts.konnektor_unreachable_do)
    others = (Finding(station, Light.GREY, texts.unknown) for station in Station if station is not Station.KONNEKTOR)
    return Way((broken, *others))


def overall(way: Way) -> Light:
    """The light of the diagnosis. What is merely not known elsewhere does not matter while cards can be read."""
    worst = way.worst.light
    return way.at(Station.CARD).light if worst is Light.GREY else worst


def sentence(way: Way, texts: Texts) -> str:
    """The diagnosis: what works; if not, where the fault is and what to do."""
    worst, light = way.worst, overall(way)
    if light is Light.RED:
        return " ".join((texts.broken.format(getattr(texts, worst.station.value), worst.says), worst.advice)).strip()
    if light is Light.YELLOW:
        return " ".join((texts.works_but.format(worst.says), worst.advice)).strip()
    return texts.all_well if light is Light.GREEN else way.at(Station.CARD).says


def _practice(status: Instance, texts: Texts, today: date) -> Iterator[Finding]:
    if not status.clients:
        yield Finding(Station.PRACTICE, Light.YELLOW, texts.practice_no_clients, texts.practice_no_clients_do)
        return
    last: Call | None = status.calls[0] if status.calls else None
    if last is None:
        yield Finding(Station.PRACTICE, Light.GREY, texts.practice_silent)
    elif last.code in DENIED_CODES:
        says = texts.practice_denied.format(last.code)
        yield Finding(Station.PRACTICE, Light.YELLOW, says, texts.practice_denied_do)
    else:
        yield Finding(Station.PRACTICE, Light.GREEN, texts.practice_ok.format(moment(last.at, texts, today)))
    for sink in status.sinks or ():
        if sink.failures_in_row:
            says = texts.practice_sink.format(sink.client_system, sink.address)
            yield Finding(Station.PRACTICE, Light.YELLOW, says, texts.practice_sink_do)


def _terminals(status: Instance, texts: Texts, today: date) -> Iterator[Finding]:
    """HSMs read no health card: without a device among them that can be used nothing is read."""
    devices = [terminal for terminal in status.terminals if terminal.physical]
    if not devices:
        yield Finding(Station.TERMINAL, Light.RED, texts.terminal_none, texts.terminal_none_do)
    is_readable = any(_usable(terminal) for terminal in devices)
    if is_readable:
        names = ", ".join(terminal.ct_id for terminal in status.terminals if _usable(terminal))
        yield Finding(Station.TERMINAL, Light.GREEN, texts.terminal_ok.format(names))
    bad = Light.YELLOW if is_readable else Light.RED
    for terminal in devices:
        if terminal.correlation != ACTIVE:
            says = texts.terminal_unpaired.format(terminal.ct_id)
            yield Finding(Station.TERMINAL, bad, says, texts.terminal_unpaired_do)
        elif not terminal.connected:
            yield Finding(Station.TERMINAL, bad, texts.terminal_away.format(terminal.ct_id), texts.terminal_away_do)
    yield from _hsms(status, texts)


def _hsms(status: Instance, texts: Texts) -> Iterator[Finding]:
    """One that is away is the cause if there is no practice card elsewhere."""
    bad = Light.YELLOW if _practice_cards(_placed(status)) else Light.RED
    for terminal in status.terminals:
        if not terminal.physical and not terminal.connected:
            says = texts.terminal_hsm_away.format(terminal.ct_id)
            yield Finding(Station.TERMINAL, bad, says, texts.terminal_hsm_away_do)


def _usable(terminal: Terminal) -> bool:
    return terminal.connected and terminal.correlation == ACTIVE


def _placed(status: Instance) -> list[Placed]:
    """All cards in terminals that can be used."""
    terminals = [terminal for terminal in status.terminals if _usable(terminal)]
    return [(terminal, slot.number, slot.card) for terminal in terminals for slot in terminal.slots if slot.card]


def _practice_cards(placed: list[Placed]) -> list[Placed]:
    return [(terminal, number, card) for terminal, number, card in placed if card.type in SM_B]


def _cards(status: Instance, texts: Texts, today: date) -> Iterator[Finding]:
    terminals = [terminal for terminal in status.terminals if _usable(terminal)]
    if not terminals:
        yield Finding(Station.CARD, Light.GREY, texts.card_no_terminal)
        return
    placed = _placed(status)
    smbs = _practice_cards(placed)
    if smbs:
        yield from _smbs(smbs, texts)
    elif any(slot.opening for terminal in terminals for slot in terminal.slots):
        yield Finding(Station.CARD, Light.GREY, texts.card_opening)
    else:
        yield Finding(Station.CARD, Light.RED, texts.card_no_smcb, texts.card_no_smcb_do)
    for terminal, number, card in placed:
        yield from _single_card(terminal, number, card, texts, today)


def _smbs(smbs: list[Placed], texts: Texts) -> Iterator[Finding]:
    """One that is unlocked is enough to read; the others are worth a look."""
    opened = {card.type for _, _, card in smbs if card.pin is not None and card.pin.state == "VERIFIED"}
    if opened:
        yield Finding(Station.CARD, Light.GREEN, texts.card_ok if SMC_B in opened else texts.card_hsm_ok)
    elif all(card.pin is None for _, _, card in smbs):
        # Just inserted: nobody has asked the card for its PIN's state yet.
        yield Finding(Station.CARD, Light.GREY, texts.card_opening)
    bad = Light.YELLOW if opened else Light.RED
    for terminal, number, card in smbs:
        if card.pin is None or card.pin.state == "VERIFIED":
            continue
        if card.type == HSM_B:
            says = texts.card_hsm_inactive.format(terminal.ct_id, number)
            yield Finding(Station.CARD, bad, says, texts.card_hsm_inactive_do)
        elif card.pin.state == "BLOCKED":
            yield Finding(Station.CARD, bad, texts.card_blocked, texts.card_blocked_do)
        elif terminal.pin_entry:
            yield Finding(Station.CARD, bad, texts.card_typing.format(terminal.ct_id), texts.card_typing_do)
        else:
            yield Finding(Station.CARD, bad, texts.card_locked, texts.card_locked_do.format(terminal.ct_id))


def _single_card(terminal: Terminal, number: int, card: Card, texts: Texts, today: date) -> Iterator[Finding]:
    if card.too_old:
        says = texts.card_too_old.format(terminal.ct_id, number)
        yield Finding(Station.CARD, Light.YELLOW, says, texts.card_too_old_do)
    elif card.type == UNKNOWN:
        says = texts.card_unreadable.format(terminal.ct_id, number)
        yield Finding(Station.CARD, Light.YELLOW, says, texts.card_unreadable_do)
    if card.certificates in _NOT_VALID:
        says = texts.card_not_valid.format(card.type, terminal.ct_id, card.certificates)
        yield Finding(Station.CARD, Light.RED, says, texts.card_not_valid_do)
    if card.expires is not None and card.expires - today < EXPIRES_SOON:
        says = texts.card_expires.format(card.type, terminal.ct_id, day(card.expires, texts))
        yield Finding(Station.CARD, Light.YELLOW, says, texts.card_expires_do)


def _konnektor(status: Instance, texts: Texts, today: date) -> Iterator[Finding]:
    yield Finding(Station.KONNEKTOR, Light.GREEN, texts.konnektor_ok.format(status.product.firmware))
    for condition in status.conditions:
        if not condition.name.startswith(_TI_CONDITIONS + _TERMINAL_CONDITIONS):
            light = Light.RED if condition.severity == "Fatal" else Light.YELLOW
            says = f"{meaning(condition, texts)}."
            yield Finding(Station.KONNEKTOR, light, says, texts.konnektor_condition_do)


def _ti(status: Instance, texts: Texts, today: date) -> Iterator[Finding]:
    ti = status.ti
    if not ti.online:
        yield Finding(Station.TI, Light.GREY, texts.ti_offline)
    elif not (ti.vsdm or ti.tsl or ti.ocsp):
        yield Finding(Station.TI, Light.GREY, texts.ti_none)
    elif status.trust is not None and status.trust.lists:
        yield from _trust(status.trust, texts)
    else:
        yield Finding(Station.TI, Light.GREEN, texts.ti_ok)
    check = ti.last_check
    if check is not None and check.result not in GOOD_RESULTS:
        code = "" if check.code is None else f", EC={check.code}"
        says = texts.ti_check.format(moment(check.at, texts, today), check.result, code)
        yield Finding(Station.TI, Light.YELLOW, says, texts.ti_check_do)
    for condition in status.conditions:
        if condition.name.startswith(_TI_CONDITIONS):
            yield Finding(Station.TI, Light.YELLOW, f"{meaning(condition, texts)}.", texts.ti_condition_do)


def _trust(trust: Trust, texts: Texts) -> Iterator[Finding]:
    until = trust.tsl.next_update
    if until is None:
        yield Finding(Station.TI, Light.YELLOW, texts.ti_no_tsl, texts.ti_no_tsl_do)
    else:
        yield Finding(Station.TI, Light.GREEN, texts.ti_tsl_ok.format(day(until.astimezone().date(), texts)))
    if trust.ocsp.code is not None:
        yield Finding(Station.TI, Light.YELLOW, texts.ti_ocsp.format(trust.ocsp.code), texts.ti_ocsp_do)
