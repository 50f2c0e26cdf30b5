"""Card types and their groups (gemSpec_Kon V5.18 §4.1.5, TAB_KON_500 "Wertetabelle Kartentypen").

The groups HBAx and SM-B exist in rules and filters only; a card always has a concrete type.
"""

import enum


@enum.unique
class CardType(enum.StrEnum):
    """Concrete type of a card; the value is what stands on the wire."""

    EGK = "EGK"
    HBA = "HBA"
    HBA_QSIG = "HBA-qSig"
    ZOD_2_0 = "ZOD_2.0"
    SMC_B = "SMC-B"
    HSM_B = "HSM-B"
    SMC_KT = "SMC-KT"
    KVK = "KVK"
    UNKNOWN = "UNKNOWN"


HBAX = frozenset({CardType.HBA, CardType.HBA_QSIG, CardType.ZOD_2_0})
SM_B = frozenset({CardType.SMC_B, CardType.HSM_B})
INSURED = frozenset({CardType.EGK, CardType.KVK})
"""Cards of an insured person: only through a terminal local to the workplace."""
WITHOUT_RULE = frozenset({CardType.SMC_KT, CardType.UNKNOWN})
"""Cards the access rules do not know; their terminal is asked instead (TAB_KON_511, variant of step 3)."""
