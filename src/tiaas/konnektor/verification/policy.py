"""CheckPolicyConstraints: whether a signature is one that may be, by TAB_KON_778, TAB_KON_779-01 and TAB_KON_582.

gemSpec_Kon V5.18 TUC_KON_161 step 4 (4112), TUC_KON_151 step 4 (4124, 4208). Counter signatures follow the signature
that they countersign. What readers saw themselves (`FoundSignature.findings`) is told by the rules that count.
"""

from tiaas.ades.found import FoundSignature, SignatureFormat
from tiaas.ades.xadesvariants import POLICIES
from tiaas.konnektor.verification.reading import Place

NOT_CONFORM_NON_QES, NOT_CONFORM_QES, NOT_IN_PROFILE = 4112, 4124, 4208

_NON_QES_ONLY = frozenset({SignatureFormat.SMIME, SignatureFormat.PKCS1, SignatureFormat.ECDSA})


def broken_rule(found: FoundSignature, place: Place, *, is_qualified: bool) -> int | None:
    """The code of the rule that a signature breaks, or None."""
    if NOT_IN_PROFILE in found.findings:
        return NOT_IN_PROFILE if is_qualified else NOT_CONFORM_NON_QES
    if found.countersigns is not None:
        return None
    if is_qualified:
        without_policy = found.format is SignatureFormat.XADES and found.policy not in POLICIES
        return NOT_CONFORM_QES if without_policy or found.format in _NON_QES_ONLY else None
    detached = found.format is SignatureFormat.XADES and place is Place.OUTSIDE
    return NOT_CONFORM_NON_QES if detached else None
