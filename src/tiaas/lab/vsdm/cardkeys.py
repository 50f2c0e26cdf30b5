"""The card-individual keys with which an insurer's services write to an eGK: SK.VSD and SK.CMS.

They follow from the lab's master key and the last eight octets of the ICCSN, so no list of them is kept. How insurers
derive theirs is not published; the shape is the informative one of gemSpec_Krypt, Tab_KRYPT_018:

    half = SHA-256(AES-256(master, SHA-256(ICCSN8 ‖ name of the key ‖ "enc" or "mac")))[:size]
"""

from hashlib import sha256

from tiaas.card.mutual import ICCSN8_SIZE, AuthenticationKey
from tiaas.card.objsys.egk import object_system
from tiaas.card.objsys.model import SymmetricKey
from tiaas.card.symmetric import BLOCK, cbc_encrypt

MASTER_SIZE = 32


class CardKeys:
    """The keys of all cards of one lab."""

    def __init__(self, master: bytes) -> None:
        self._master = master

    def __repr__(self) -> str:
        return "CardKeys(…)"

    def all_of(self, iccsn: bytes) -> dict[str, bytes]:
        """The four keys of a card (ICCSN in 10 octets) by path, as a card's image stores them."""
        return {item.path: self._octets(iccsn, item) for item in _symmetric_keys()}

    def key(self, iccsn: bytes, reference: int) -> AuthenticationKey:
        """The key that a card knows under `reference`. Raises KeyError for another one than these four."""
        item = {found.id: found for found in _symmetric_keys()}[reference]
        return AuthenticationKey.of(self._octets(iccsn, item))

    def _octets(self, iccsn: bytes, item: SymmetricKey) -> bytes:
        return b"".join(self._half(iccsn, item, half) for half in (b"enc", b"mac"))

    def _half(self, iccsn: bytes, item: SymmetricKey, half: bytes) -> bytes:
        feature = sha256(iccsn[-ICCSN8_SIZE:] + item.path.encode("ascii") + half).digest()
        return sha256(cbc_encrypt(self._master, bytes(BLOCK), feature)).digest()[: item.size]


def _symmetric_keys() -> tuple[SymmetricKey, ...]:
    return tuple(item for item in object_system().objects.values() if isinstance(item, SymmetricKey))
