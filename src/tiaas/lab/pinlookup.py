"""Which secret of a virtual card answers which prompt: what the invented person at a keypad knows.

The PIN in force is the one in the card's image: nothing else could ever disagree with it.
"""

from tiaas.base.secret import Secret
from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import CardKind, MultiReferencePassword, Password
from tiaas.card.virtual.image import CardImage
from tiaas.terminal.virtual.config import PinPurpose

_SK_CAN = "MF/SK.CAN"
_HBA_PIN, _SMCB_PIN, _QES = (CardKind.HBA, 0x01), (CardKind.SMC_B, 0x01), (CardKind.HBA, 0x81)

SHOWN: dict[str, tuple[CardKind, int, PinPurpose]] = {
    "PIN.HBA:": (*_HBA_PIN, PinPurpose.CURRENT),
    "T-PIN.HBA:": (*_HBA_PIN, PinPurpose.CURRENT),
    "PUK.HBA:": (*_HBA_PIN, PinPurpose.PUK),
    "PIN.QES:": (*_QES, PinPurpose.CURRENT),
    "T-PIN.QES:": (*_QES, PinPurpose.CURRENT),
    "PUK.QES:": (*_QES, PinPurpose.PUK),
    "PIN.SMC:": (*_SMCB_PIN, PinPurpose.CURRENT),
    "T-PIN.SMC:": (*_SMCB_PIN, PinPurpose.CURRENT),
    "PUK.SMC:": (*_SMCB_PIN, PinPurpose.PUK),
}
"""PIN prompts of TAB_KON_090 for cards that take a remote PIN: kind of card, password reference, what is typed."""


def password_path(kind: CardKind, password_ref: int) -> str | None:
    """Which password a reference means; of the HBA's two local ones numbered 1 it is PIN.QES, which people type."""
    objects = object_system(kind).objects
    is_local, number = bool(password_ref & 0x80), password_ref & 0x1F
    for path, found in objects.items():
        if not isinstance(found, Password | MultiReferencePassword) or found.id != number:
            continue
        if (path.count("/") > 1) is is_local:
            return found.target if isinstance(found, MultiReferencePassword) else path
    return None


def pin_of(image: CardImage, password_ref: int, purpose: PinPurpose) -> Secret | None:
    """The value in force, see `PinHolder.pin_for`."""
    if purpose is PinPurpose.CAN:
        number = image.keys.get(_SK_CAN)
        return None if number is None else Secret(number)
    path = password_path(image.kind, password_ref)
    state = None if path is None else image.passwords.get(path)
    if state is None:
        return None
    return state.puk if purpose is PinPurpose.PUK else state.secret
