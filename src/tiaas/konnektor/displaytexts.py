"""Texts at the terminal while PINs and PUKs are entered, literally: gemSpec_Kon V5.18 TIP1-A_4561-02, TAB_KON_090.

In the table `•` is a blank, 0x0B a soft line break, 0x0F separates message and PIN prompt. `{slot}` stands where the
table has X; a terminal without a choice of slots shows no slot. `{anw}` is its ANW, the action.
"""

from collections.abc import Mapping

from tiaas.konnektor.cardmap import PIN_AMTS_REP, PIN_CH, PIN_QES, PIN_SMC
from tiaas.konnektor.cardtypes import CardType
from tiaas.terminal.session import NewPinPrompts, PinPrompts
from tiaas.terminal.sicct.text import BREAK as LINE
from tiaas.terminal.sicct.text import PROMPT

_EGK_PIN = "MRPIN"
"""Stands for all PINs of an eGK but PIN.AMTS_REP: they have texts in common."""

PIN_OK = f"PIN {LINE}erfolgreich {LINE}verifiziert!"
PIN_WRONG = f"PIN {LINE}falsch {LINE}oder {LINE}gesperrt!"
PUK_OK = f"PIN {LINE}erfolgreich {LINE}entsperrt!"
PUK_WRONG = f"PUK {LINE}falsch {LINE}oder {LINE}gesperrt!"
PIN_CHANGED = f"PIN {LINE}erfolgreich {LINE}geändert!"
PINS_DIFFER = f"PINs {LINE}nicht {LINE}identisch! {LINE}Abbruch!"
REMOTE_ENCIPHERED = f"Eingabe {LINE}wird {LINE}bearbeitet."
REMOTE_FAILED = f"Eingabe {LINE}fehlgeschlagen."

_SIGNATURE = f"#{{number}} {LINE}Eingabe {LINE}Signatur-PIN {LINE}HBA{PROMPT}PIN.QES:"
_COMFORT = f"Komfortsignatur {LINE}aktivieren {LINE}HBA{PROMPT}PIN.QES:"

_SLOT = f" {LINE}SLOT:{{slot}}"

_CURRENT: Mapping[str, str] = {
    _EGK_PIN: f"PIN {LINE}für {LINE}{{anw}}{PROMPT}PIN.eGK:",
    PIN_AMTS_REP: f"Vertreter-PIN {LINE}für {LINE}{{anw}}{PROMPT}Vertr-PIN:",
    PIN_CH: f"Eingabe {LINE}Freigabe-PIN {LINE}HBA{PROMPT}PIN.HBA:",
    PIN_QES: f"Eingabe {LINE}Signatur-PIN {LINE}HBA{PROMPT}PIN.QES:",
    PIN_SMC: f"Eingabe {LINE}PIN SMC-B{_SLOT}{PROMPT}PIN.SMC:",
}
_TRANSPORT: Mapping[str, str] = {
    _EGK_PIN: f"Eingabe {LINE}Transport-{LINE}Versicherten-{LINE}PIN{PROMPT}T-PIN.eGK:",
    PIN_CH: f"Eingabe {LINE}Transport-{LINE}PIN {LINE}HBA{PROMPT}T-PIN.HBA:",
    PIN_QES: f"Eingabe {LINE}Transport-{LINE}PIN {LINE}HBA{PROMPT}T-PIN.QES:",
    PIN_SMC: f"Eingabe {LINE}Transport-{LINE}PIN SMC-B{_SLOT}{PROMPT}T-PIN.SMC:",
}
_PUK: Mapping[str, str] = {
    _EGK_PIN: f"Eingabe {LINE}Versicherten-{LINE}PUK{PROMPT}PUK.eGK:",
    PIN_CH: f"Eingabe {LINE}Freigabe-PUK {LINE}HBA{PROMPT}PUK.HBA:",
    PIN_QES: f"Eingabe {LINE}Signatur-PUK {LINE}HBA{PROMPT}PUK.QES:",
    PIN_SMC: f"Eingabe {LINE}PUK SMC-B{_SLOT}{PROMPT}PUK.SMC:",
}
_NEW: Mapping[str, str] = {
    _EGK_PIN: f"Eingabe {LINE}neue {LINE}Versicherten-{LINE}PIN {LINE}(6-8 Ziffern){PROMPT}PIN.eGK:",
    PIN_AMTS_REP: f"Eingabe {LINE}neue {LINE}Vertreter-PIN {LINE}(6-8 Ziffern){PROMPT}Vertr-PIN:",
    PIN_CH: f"Eingabe {LINE}neue {LINE}Freigabe-PIN {LINE}HBA {LINE}(6-8 Ziffern){PROMPT}PIN.HBA:",
    PIN_QES: f"Eingabe {LINE}neue {LINE}Signatur-PIN {LINE}HBA {LINE}(6-8 Ziffern){PROMPT}PIN.QES:",
    PIN_SMC: f"Eingabe {LINE}neue {LINE}PIN SMC-B{_SLOT} {LINE}(6-8 Ziffern){PROMPT}PIN.SMC:",
}
_REPEAT: Mapping[str, str] = {
    _EGK_PIN: f"Eingabe {LINE}Versicherten-{LINE}PIN {LINE}wiederholen!{PROMPT}PIN.eGK:",
    PIN_AMTS_REP: f"Eingabe {LINE}neue {LINE}Vertreter-PIN {LINE}wiederholen!{PROMPT}Vertr-PIN:",
    PIN_CH: f"Eingabe {LINE}für HBA {LINE}wiederholen!{PROMPT}PIN.HBA:",
    PIN_QES: f"Eingabe {LINE}für HBA {LINE}wiederholen!{PROMPT}PIN.QES:",
    PIN_SMC: f"Eingabe {LINE}PIN.SMC{_SLOT} {LINE}wiederholen!{PROMPT}PIN.SMC:",
}

REPRESENTATIVE_CHANGE = f"Vertreter-PIN {LINE}ändern{PROMPT}PIN.eGK:"
"""Entry of PIN.CH before PIN.AMTS_REP is changed."""
REPRESENTATIVE_UNBLOCK = f"Vertreter-PIN {LINE}entsperren{PROMPT}PIN.eGK:"
_SWITCH_ON = f"PIN-Schutz {LINE}{{anw}} {LINE}einschalten{PROMPT}PIN.eGK:"
_SWITCH_OFF = f"PIN-Schutz {LINE}{{anw}} {LINE}abschalten{PROMPT}PIN.eGK:"
_PROTECTED: Mapping[str, str] = {
    "MRPIN.NFD": "Notfalldaten",
    "MRPIN.DPE": "Pers.Erklärungen",
    "MRPIN.AMTS": "Medikationsdaten",
    "MRPIN.GDD": "PIN GDD",
}
"""ANW by PIN (TAB_KON_838)."""

_CHANGE_ACTION = "Änderung"
"""ANW while a PIN of an eGK is changed: TUC_KON_019 has no actionName, and an empty ANW would end in the air."""


def verify_prompts(
    card_type: CardType, pin: str, slot: int, *, only_slot: bool = False, action: str = ""
) -> PinPrompts:
    """The texts for VERIFY of `pin`; `action` is ANW, for an eGK. A pair that has no text is a `KeyError`."""
    return PinPrompts(_shown(_CURRENT, card_type, pin, slot, only_slot, action), PIN_OK, PIN_WRONG)


def signature_prompts(number: str) -> PinPrompts:
    """The texts while PIN.QES is entered for the signature job `number`, like ABC-475."""
    return PinPrompts(_SIGNATURE.format(number=number), PIN_OK, PIN_WRONG)


def comfort_prompts() -> PinPrompts:
    """The texts while PIN.QES is entered to switch the comfort signature on."""
    return PinPrompts(_COMFORT, PIN_OK, PIN_WRONG)


def change_prompts(
    card_type: CardType, pin: str, slot: int, *, only_slot: bool = False, transport: bool = False
) -> NewPinPrompts:
    """The texts while the old (or with `transport` the Transport-PIN) and twice a new PIN are entered."""
    old = _TRANSPORT if transport else _CURRENT
    return NewPinPrompts(
        prompt=_shown(old, card_type, pin, slot, only_slot, _CHANGE_ACTION),
        success=PIN_CHANGED,
        failure=PIN_WRONG,
        new=_shown(_NEW, card_type, pin, slot, only_slot),
        repeat=_shown(_REPEAT, card_type, pin, slot, only_slot),
        different=PINS_DIFFER,
    )


def unblock_prompts(card_type: CardType, pin: str, slot: int, *, only_slot: bool = False) -> PinPrompts:
    """The texts while a PUK is entered."""
    return PinPrompts(_shown(_PUK, card_type, pin, slot, only_slot), PUK_OK, PUK_WRONG)


def unblock_and_change_prompts(card_type: CardType, pin: str, slot: int, *, only_slot: bool = False) -> NewPinPrompts:
    """The texts while a PUK and twice a new PIN are entered; PIN.AMTS_REP, which has no PUK, shows no text for it."""
    return NewPinPrompts(
        prompt="" if pin == PIN_AMTS_REP else _shown(_PUK, card_type, pin, slot, only_slot),
        success=PUK_OK,
        failure=PUK_WRONG,
        new=_shown(_NEW, card_type, pin, slot, only_slot),
        repeat=_shown(_REPEAT, card_type, pin, slot, only_slot),
        different=PINS_DIFFER,
    )


def representative_prompts(text: str) -> PinPrompts:
    """The texts while PIN.CH is entered for the sake of PIN.AMTS_REP; `text` is one of the two above."""
    return PinPrompts(text, PIN_OK, PIN_WRONG)


def switch_prompts(pin: str, *, on: bool) -> PinPrompts:
    """The texts while the need for a PIN of an eGK is switched on or off.

    TAB_KON_838 names the PINs that can be; for others the PIN's own name stands there until the card says no.
    """
    text = _SWITCH_ON if on else _SWITCH_OFF
    return PinPrompts(text.format(anw=_PROTECTED.get(pin, pin)), PIN_OK, PIN_WRONG)


def _shown(
    texts: Mapping[str, str], card_type: CardType, pin: str, slot: int, only_slot: bool, action: str = ""
) -> str:
    text = texts[_EGK_PIN if card_type is CardType.EGK and pin != PIN_AMTS_REP else pin]
    if only_slot:
        text = text.replace(_SLOT, "")
    return text.format(slot=slot, anw=action)
