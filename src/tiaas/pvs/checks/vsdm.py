"""Insured persons' data and receipts (gemILF_PS V2.17.0, 4.3.4; gemSpec_SST_PS_VSDM V1.5.0)."""

from collections.abc import Iterator

from tiaas.base.dataclass import dataclass
from tiaas.pvs.checks.model import Check, Finding, Said, failed, not_seen, passed, warned
from tiaas.pvs.messages import Exchange, Story, receipt_of

_DONE = ("1", "2")
_TRUE = ("true", "1")
_REPEAT_ONLINE = frozenset({3001, 12105})
_NOT_VALID = frozenset({106, 107, 113, 114, 4192})
_ENDLESS = 3


@dataclass(frozen=True, slots=True)
class _Read:
    """One ReadVSD. `card` names the card as well as the recording can; `before` is E of its last receipt."""

    exchange: Exchange
    card: str
    check: bool
    receipt: bool
    before: str | None
    told: str | None


def _reads(story: Story) -> Iterator[_Read]:
    iccsns: dict[str, str] = {}
    last: dict[str, str] = {}
    for moment in story.moments:
        if not isinstance(moment, Exchange):
            handle, iccsn = moment.parameters.get("CardHandle"), moment.parameters.get("ICCSN")
            if handle and iccsn:
                iccsns[handle] = iccsn
            continue
        iccsns |= {card.handle: card.iccsn for card in moment.cards if card.iccsn}
        if moment.operation != "ReadVSD":
            continue
        handle = moment.asked.first("EhcHandle") or ""
        card = iccsns.get(handle, handle)
        told = receipt_of(moment)
        check, receipt = (moment.asked.first(name) in _TRUE for name in ("PerformOnlineCheck", "ReadOnlineReceipt"))
        yield _Read(moment, card, check, receipt, last.get(card), told)
        if told is not None:
            last[card] = told


def _first_contact(story: Story) -> Finding:
    """Without a receipt of this quarter both parameters are true. Receipts from before the recording are not seen."""
    first: dict[str, _Read] = {}
    for read in _reads(story):
        first.setdefault(read.card, read)
    if not first:
        return not_seen()
    without = [read.exchange.number for read in first.values() if not (read.check and read.receipt)]
    if len(without) == len(first):
        return failed(
            Said(
                "no card is read with PerformOnlineCheck and ReadOnlineReceipt at its first contact",
                "keine Karte wird beim ersten Kontakt mit PerformOnlineCheck und ReadOnlineReceipt gelesen",
            ),
            without,
        )
    if without:
        return warned(
            Said(
                "first contacts without check or receipt (right only with an earlier receipt)",
                "Erstkontakte ohne Prüfung oder Nachweis (nur mit früherem Nachweis richtig)",
            ),
            without,
        )
    return passed(read.exchange.number for read in first.values())


def _after_success(story: Story) -> Finding:
    later = [read for read in _reads(story) if read.before in _DONE]
    if not later:
        return not_seen()
    again = [read.exchange.number for read in later if read.receipt]
    if again:
        return failed(
            Said(
                "a receipt is asked for though there is one with 1 or 2",
                "ein Nachweis wird verlangt, obwohl einer mit 1 oder 2 da ist",
            ),
            again,
        )
    return passed(read.exchange.number for read in later)


def _after_failure(story: Story) -> Finding:
    later = [read for read in _reads(story) if read.before is not None and read.before not in _DONE]
    if not later:
        return not_seen()
    without = [read.exchange.number for read in later if not (read.check and read.receipt)]
    if without:
        return failed(
            Said(
                "after a receipt with 3 to 6 the check is not repeated",
                "nach einem Nachweis mit 3 bis 6 wird die Prüfung nicht wiederholt",
            ),
            without,
        )
    return passed(read.exchange.number for read in later)


def _receipt_without_check(story: Story) -> Finding:
    asked = list(_reads(story))
    if not asked:
        return not_seen()
    wrong = [read.exchange.number for read in asked if read.receipt and not read.check]
    failing = [read.exchange.number for read in asked if {3039, 3040} & set(read.exchange.codes)]
    if failing:
        return failed(
            Said(
                "a stored receipt is asked for that is not there (3039, 3040)",
                "ein gespeicherter Nachweis wird verlangt, der nicht da ist (3039, 3040)",
            ),
            failing,
        )
    if wrong:
        return warned(
            Said(
                "ReadOnlineReceipt without PerformOnlineCheck is for Konnektors without TI",
                "ReadOnlineReceipt ohne PerformOnlineCheck ist für Konnektoren ohne TI",
            ),
            wrong,
        )
    return passed()


def _repairs(story: Story) -> Finding:
    asked = list(_reads(story))
    broken = [read for read in asked if not _REPEAT_ONLINE.isdisjoint(read.exchange.codes)]
    if not broken:
        return not_seen()
    left = []
    for read in broken:
        later = [each for each in asked if each.card == read.card and each.exchange.number > read.exchange.number]
        if not later or not later[0].check:
            left.append(later[0].exchange.number if later else read.exchange.number)
    if left:
        return failed(
            Said("3001 is not followed by a read with an online check", "auf 3001 folgt kein Lesen mit Online-Prüfung"),
            left,
        )
    return passed(read.exchange.number for read in broken)


def _accepts_invalid(story: Story) -> Finding:
    asked = list(_reads(story))
    invalid = [read for read in asked if not _NOT_VALID.isdisjoint(read.exchange.codes)]
    if not invalid:
        return not_seen()
    counts: dict[str, list[int]] = {}
    for read in invalid:
        counts.setdefault(read.card, []).append(read.exchange.number)
    endless = [number for numbers in counts.values() if len(numbers) > _ENDLESS for number in numbers]
    if endless:
        return warned(
            Said(
                "a card that is not valid is read again and again",
                "eine ungültige Karte wird wieder und wieder gelesen",
            ),
            endless,
        )
    return passed(read.exchange.number for read in invalid)


CHECKS = (
    Check(
        "VSDM-1",
        Said("first contact in the quarter: check and receipt", "Erstkontakt im Quartal: Prüfung und Nachweis"),
        "gemILF_PS 4.3.4.2, VSDM-A_2535, VSDM-A_2988",
        _first_contact,
    ),
    Check(
        "VSDM-2",
        Said("with a receipt of 1 or 2 none is asked for again", "mit Nachweis 1 oder 2 wird keiner mehr verlangt"),
        "gemILF_PS 4.3.4.2, Tab_ILF_PS_Entscheidungstabelle_Parametrisierung_ReadVSD",
        _after_success,
    ),
    Check(
        "VSDM-3",
        Said(
            "after a receipt of 3 to 6 the check is repeated at the next contact",
            "nach Nachweis 3 bis 6 wird beim nächsten Kontakt neu geprüft",
        ),
        "gemILF_PS 4.3.4.2, Tab_ILF_PS_Entscheidungstabelle_Parametrisierung_ReadVSD; 6.2.1",
        _after_failure,
    ),
    Check(
        "VSDM-4",
        Said("receipts are read together with a check", "Nachweise werden zusammen mit einer Prüfung gelesen"),
        "gemILF_PS 4.3.4.2; gemSpec_SST_PS_VSDM, 3039, 3040",
        _receipt_without_check,
    ),
    Check(
        "VSDM-5",
        Said(
            "an inconsistent card (3001) is repaired by an online check",
            "eine inkonsistente Karte (3001) wird durch Online-Prüfung repariert",
        ),
        "gemSpec_SST_PS_VSDM, error table",
        _repairs,
    ),
    Check(
        "VSDM-6",
        Said(
            "a card that is no valid entitlement is accepted as such",
            "eine Karte ohne gültigen Anspruch wird als solche hingenommen",
        ),
        "gemILF_PS 6.2.1, VSDM-A_3031",
        _accepts_invalid,
    ),
)
