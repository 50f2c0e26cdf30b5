"""Who makes keys and certificates only when a card first needs them (an RSA key costs about 75 ms)."""

from typing import Protocol

from tiaas.card.virtual.image import CardImage


class ObjectSource(Protocol):
    """Fills gaps of an image; called from `VirtualCard.process`, in its thread."""

    def provide(self, image: CardImage, path: str) -> bool:
        """Puts the missing private key or certificate file `path` into the image, and its partner with it.

        Returns False if this card has no such object: a file then stays empty, a key behaves as missing. It is
        asked once for each path and card session.
        """
        ...
