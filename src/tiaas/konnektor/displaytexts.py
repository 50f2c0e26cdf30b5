"""Texts at the terminal while a PIN is entered, literally: gemSpec_Kon V5.18 TIP1-A_4561-02, TAB_KON_090.

In the table `•` is a blank, 0x0B a soft line break, 0x0F separates message and PIN prompt. `{slot}` stands where the
table has X; a terminal without a choice of slots shows no slot.
"""

from collections.abc import Mapping

from tiaas.konnektor.cardtypes import CardType
from tiaas.terminal.session import PinPrompts

LINE = "\x0b"
PROMPT = "\x0f"

_HBA_PIN_CH = f"Eingabe {LINE}Freigabe-PIN {LINE}HBA{PROMPT}PIN.HBA:"
_PIN_SMC = f"Eingabe {LINE}PIN SMC-B {LINE}SLOT:{{slot}}{PROMPT}PIN.SMC:"
_PIN_SMC_NO_SLOT = f"Eingabe {LINE}PIN SMC-B{PROMPT}PIN.SMC:"

PIN_OK = f"PIN {LINE}erfolgreich {LINE}verifiziert!"
PIN_WRONG = f"PIN {LINE}falsch {LINE}oder {LINE}gesperrt!"

_VERIFY: Mapping[tuple[CardType, str], str] = {
    (CardType.HBA, "PIN.CH"): _HBA_PIN_CH,
    (CardType.HBA_QSIG, "PIN.CH"): _HBA_PIN_CH,
    (CardType.ZOD_2_0, "PIN.CH"): _HBA_PIN_CH,
    (CardType.SMC_B, "PIN.SMC"): _PIN_SMC,
}


def verify_prompts(card_type: CardType, pin: str, slot: int, *, only_slot: bool = False) -> PinPrompts:
    """The texts for VERIFY of `pin`; a pair that the table does not have is a `KeyError`."""
    text = _PIN_SMC_NO_SLOT if only_slot and pin == "PIN.SMC" else _VERIFY[card_type, pin]
    return PinPrompts(prompt=text.format(slot=slot), success=PIN_OK, failure=PIN_WRONG)
