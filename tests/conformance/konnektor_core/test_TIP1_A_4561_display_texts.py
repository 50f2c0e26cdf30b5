"""TIP1-A_4561-02 and TIP1-A_5408: the texts at the terminal are those of TAB_KON_090 and TAB_KON_727, literally.

The tables' notation is kept: `•` is a blank, `|` is 0x0B, `¦` is 0x0F.
"""

import pytest

from tiaas.konnektor import displaytexts as texts
from tiaas.konnektor.cardtexts import eject_text, request_text
from tiaas.konnektor.cardtypes import CardType
from tiaas.terminal.sicct.text import encode_label, split

EGK, HBA, SMCB = CardType.EGK, CardType.HBA, CardType.SMC_B


def literal(text: str) -> str:
    return text.replace("•", " ").replace("|", "\x0b").replace("¦", "\x0f")


@pytest.mark.requirement("TIP1-A_4561-02")
@pytest.mark.parametrize(
    ("card", "pin", "current", "transport", "puk", "new", "repeat"),
    [
        (
            EGK,
            "PIN.CH",
            "PIN•|für•|Änderung¦PIN.eGK:",
            "Eingabe•|Transport-|Versicherten-|PIN¦T-PIN.eGK:",
            "Eingabe•|Versicherten-|PUK¦PUK.eGK:",
            "Eingabe•|neue•|Versicherten-|PIN•|(6-8•Ziffern)¦PIN.eGK:",
            "Eingabe•|Versicherten-|PIN•|wiederholen!¦PIN.eGK:",
        ),
        (
            HBA,
            "PIN.CH",
            "Eingabe•|Freigabe-PIN•|HBA¦PIN.HBA:",
            "Eingabe•|Transport-|PIN•|HBA¦T-PIN.HBA:",
            "Eingabe•|Freigabe-PUK•|HBA¦PUK.HBA:",
            "Eingabe•|neue•|Freigabe-PIN•|HBA•|(6-8•Ziffern)¦PIN.HBA:",
            "Eingabe•|für•HBA•|wiederholen!¦PIN.HBA:",
        ),
        (
            HBA,
            "PIN.QES",
            "Eingabe•|Signatur-PIN•|HBA¦PIN.QES:",
            "Eingabe•|Transport-|PIN•|HBA¦T-PIN.QES:",
            "Eingabe•|Signatur-PUK•|HBA¦PUK.QES:",
            "Eingabe•|neue•|Signatur-PIN•|HBA•|(6-8•Ziffern)¦PIN.QES:",
            "Eingabe•|für•HBA•|wiederholen!¦PIN.QES:",
        ),
        (
            SMCB,
            "PIN.SMC",
            "Eingabe•|PIN•SMC-B•|SLOT:2¦PIN.SMC:",
            "Eingabe•|Transport-|PIN•SMC-B•|SLOT:2¦T-PIN.SMC:",
            "Eingabe•|PUK•SMC-B•|SLOT:2¦PUK.SMC:",
            "Eingabe•|neue•|PIN•SMC-B•|SLOT:2•|(6-8•Ziffern)¦PIN.SMC:",
            "Eingabe•|PIN.SMC•|SLOT:2•|wiederholen!¦PIN.SMC:",
        ),
    ],
)
def test_entries(card: CardType, pin: str, current: str, transport: str, puk: str, new: str, repeat: str) -> None:
    change = texts.change_prompts(card, pin, 2)
    assert change.prompt == literal(current)
    assert texts.verify_prompts(card, pin, 2, action="Änderung").prompt == literal(current)
    assert texts.change_prompts(card, pin, 2, transport=True).prompt == literal(transport)
    assert texts.unblock_prompts(card, pin, 2).prompt == literal(puk)
    assert (change.new, change.repeat) == (literal(new), literal(repeat))
    unblock = texts.unblock_and_change_prompts(card, pin, 2)
    assert (unblock.prompt, unblock.new, unblock.repeat) == (literal(puk), literal(new), literal(repeat))


@pytest.mark.requirement("TIP1-A_4561-02")
def test_representative_pin() -> None:
    pin = "PIN.AMTS_REP"
    assert texts.verify_prompts(EGK, pin, 1, action="Medikation").prompt == literal(
        "Vertreter-PIN•|für•|Medikation¦Vertr-PIN:"
    )
    assert literal("Vertreter-PIN•|ändern¦PIN.eGK:") == texts.REPRESENTATIVE_CHANGE
    assert literal("Vertreter-PIN•|entsperren¦PIN.eGK:") == texts.REPRESENTATIVE_UNBLOCK
    change = texts.change_prompts(EGK, pin, 1)
    assert change.new == literal("Eingabe•|neue•|Vertreter-PIN•|(6-8•Ziffern)¦Vertr-PIN:")
    assert change.repeat == literal("Eingabe•|neue•|Vertreter-PIN•|wiederholen!¦Vertr-PIN:")
    assert texts.unblock_and_change_prompts(EGK, pin, 1).prompt == ""


@pytest.mark.requirement("TIP1-A_4561-02")
@pytest.mark.parametrize(
    ("pin", "action"),
    [
        ("MRPIN.NFD", "Notfalldaten"),
        ("MRPIN.DPE", "Pers.Erklärungen"),
        ("MRPIN.AMTS", "Medikationsdaten"),
        ("MRPIN.GDD", "PIN•GDD"),
    ],
)
def test_switching(pin: str, action: str) -> None:
    """TAB_KON_838 gives the name."""
    assert len(action) <= 16
    assert texts.switch_prompts(pin, on=True).prompt == literal(f"PIN-Schutz•|{action}•|einschalten¦PIN.eGK:")
    assert texts.switch_prompts(pin, on=False).prompt == literal(f"PIN-Schutz•|{action}•|abschalten¦PIN.eGK:")


@pytest.mark.requirement("TIP1-A_4561-02")
def test_results() -> None:
    verify, change = texts.verify_prompts(HBA, "PIN.CH", 3), texts.change_prompts(HBA, "PIN.CH", 3)
    unblock = texts.unblock_prompts(HBA, "PIN.CH", 3)
    assert verify.success == literal("PIN•|erfolgreich•|verifiziert!")
    assert verify.failure == change.failure == literal("PIN•|falsch•|oder•|gesperrt!")
    assert change.success == literal("PIN•|erfolgreich•|geändert!")
    assert change.different == literal("PINs•|nicht•|identisch!•|Abbruch!")
    assert unblock.success == literal("PIN•|erfolgreich•|entsperrt!")
    assert unblock.failure == literal("PUK•|falsch•|oder•|gesperrt!")
    assert literal("Eingabe•|wird•|bearbeitet.") == texts.REMOTE_ENCIPHERED
    assert literal("Eingabe•|fehlgeschlagen.") == texts.REMOTE_FAILED


@pytest.mark.requirement("TIP1-A_5408")
@pytest.mark.parametrize(
    ("card", "asked", "ejected", "without"),
    [
        (EGK, "Bitte•|eGK•|in•|SLOT•3•|stecken", "Bitte•|eGK•|aus•|SLOT•3•|entnehmen", "Bitte•|eGK•|"),
        (HBA, "Bitte•|HBA•|in•|SLOT•3•|stecken", "Bitte•|HBA•|aus•|SLOT•3•|entnehmen", "Bitte•|HBA•|"),
        (CardType.HBA_QSIG, "Bitte•|HBA•|in•|SLOT•3•|stecken", "Bitte•|HBA•|aus•|SLOT•3•|entnehmen", "Bitte•|HBA•|"),
        (SMCB, "Bitte•|SMC-B•|in•|SLOT•3•|stecken", "Bitte•|SMC-B•|aus•|SLOT•3•|entnehmen", "Bitte•|SMC-B•|"),
        (None, "Bitte•|Karte•|in•|SLOT•3•|stecken", "Bitte•|Karte•|entnehmen", "Bitte•|Karte•|"),
        (CardType.KVK, "Bitte•|Karte•|in•|SLOT•3•|stecken", "Bitte•|Karte•|entnehmen", "Bitte•|Karte•|"),
    ],
)
def test_cards_asked_for_and_given_back(card: CardType | None, asked: str, ejected: str, without: str) -> None:
    wanted = None if card is None else frozenset({card})
    assert request_text(wanted, 3) == literal(asked)
    assert eject_text(card, 3) == literal(ejected)
    assert request_text(wanted, 3, only_slot=True) == literal(f"{without}stecken")
    assert eject_text(card, 3, only_slot=True) == literal(f"{without}entnehmen")


def test_a_terminal_without_choice_of_slots_shows_no_slot() -> None:
    shown = texts.change_prompts(SMCB, "PIN.SMC", 1, only_slot=True)
    assert "SLOT" not in f"{shown}"
    assert shown.new == literal("Eingabe•|neue•|PIN•SMC-B•|(6-8•Ziffern)¦PIN.SMC:")


def test_every_text_fits_any_terminal() -> None:
    """48 characters of message, 10 of prompt (TIP1-A_3080 ff., 3085), in ISO 646-DE."""
    pins = [(EGK, "PIN.CH"), (EGK, "PIN.AMTS_REP"), (HBA, "PIN.CH"), (HBA, "PIN.QES"), (SMCB, "PIN.SMC")]
    shown = [text for card, pin in pins for text in vars_of(texts.change_prompts(card, pin, 14))]
    shown += [text for card, pin in pins for text in vars_of(texts.unblock_and_change_prompts(card, pin, 14))]
    shown += [texts.switch_prompts(pin, on=False).prompt for pin in ("MRPIN.DPE", "MRPIN.NFD_READ", "PIN.AMTS_REP")]
    shown += [request_text(frozenset({SMCB}), 14), eject_text(SMCB, 14), texts.REMOTE_ENCIPHERED, texts.REMOTE_FAILED]
    for text in shown:
        encode_label(text)
        parts = split(text)
        assert parts.message_characters <= 48, text
        assert parts.prompt_characters <= 10, text


def vars_of(prompts: object) -> list[str]:
    return [str(getattr(prompts, name)) for name in type(prompts).__dataclass_fields__]  # type: ignore[attr-defined]
