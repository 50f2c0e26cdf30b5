"""A card as it leaves initialisation: passwords in their first state, no files, no keys."""

from datetime import date

from tiaas.card.objsys.catalogue import object_system
from tiaas.card.objsys.model import CardKind, MultiReferencePassword, Password, TransportStatus
from tiaas.card.virtual.image import CardImage, PasswordState


def blank_image(kind: CardKind, iccsn: bytes, point_in_time: date) -> CardImage:
    """An image whose password objects exist, without secret and PUK; the personaliser fills the rest.

    `point_in_time` is the card's idea of the date: CV certificates that ended before are refused.
    """
    image = CardImage(kind, iccsn, point_in_time)
    for item in object_system(kind).objects.values():
        if isinstance(item, Password):
            image.passwords[item.path] = PasswordState(
                secret=None,
                puk=None,
                retry_counter=item.start_retries,
                puk_uses=item.start_puk_uses,
                transport=item.transport,
                enabled=item.enabled,
            )
        elif isinstance(item, MultiReferencePassword):
            image.passwords[item.path] = PasswordState(
                secret=None,
                puk=None,
                retry_counter=0,
                puk_uses=0,
                transport=TransportStatus.REGULAR,
                enabled=item.enabled,
            )
    return image
