"""TUC_KON_071 "Daten hybrid entschlüsseln" (gemSpec_Kon V5.18 TIP1-A_4617-02, TAB_KON_140, 142).

Of the keys in the document those for the card's certificates are tried, the ECC key before the RSA key; what fails is
written down and the next is tried. In an XML document all parts are opened that the card has a key for.
"""

from collections.abc import Callable, Sequence
from itertools import islice

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from tiaas.base.dataclass import dataclass
from tiaas.base.heavy import beside
from tiaas.card.keytransport import KeyWay
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.hybrid.opening import CannotRead, ClosedDocument, ClosedKey, ClosedPart, Holder
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.keys import Decipherer

WRONG_KEY, NOT_POSSIBLE, UNSUPPORTED = 4106, 4107, 4201

VAIN_MAX = 32
"""So many keys of a document are tried in vain. An honest one names its recipients, so two are enough; a message full
of keys for this card, which anybody can send, would keep it busy for hours."""

_OF_THE_CRYPTOGRAM = frozenset({4069, 4079, 4120})
"""What a card says of one cryptogram or key; another may still do. All other failures concern the card or its PIN."""


@dataclass(frozen=True, slots=True)
class _Chance:
    """A key of the document and who can decipher it."""

    key: ClosedKey
    decipherer: Decipherer


@dataclass(frozen=True, slots=True)
class _Chances:
    """What keys are good for: whether one `is_for` a holder here, and which of those may be tried, in their order."""

    is_for: bool
    possible: tuple[_Chance, ...]


async def decrypt(
    document: ClosedDocument, decipherers: Sequence[Decipherer], note: Callable[[KonnektorError], None]
) -> bytes:
    """The document with everything opened that `decipherers`, in this order, have a key for.

    `note` is told what failed before something else did not. Raises `KonnektorError` 4106, 4201, 4107, 4280 for a tag
    that is too long, and what a decipherer raises that does not concern the cryptogram (4085, 4093, 4094 …).
    """
    chances = await beside(document.octets, _all_chances, document.parts, decipherers)
    if not any(found.is_for for found in chances):
        raise KonnektorError(WRONG_KEY)
    opener = _Opener(note, document.octets)
    opened = {
        number: await opener.open(part, found.possible)
        for number, (part, found) in enumerate(zip(document.parts, chances, strict=True))
        if found.is_for
    }
    try:
        return await beside(document.octets, document.finish, opened)
    except CannotRead as error:
        if document.is_proven:
            raise KonnektorError(error.code, error.reason) from None
        raise KonnektorError(NOT_POSSIBLE) from None


def _holder(decipherer: Decipherer) -> Holder:
    certificate = decipherer.certificate
    key = decode_certificate_untrusted(certificate).key()
    return Holder.of(certificate, KeyWay.RSA if isinstance(key, RSAPublicKey) else KeyWay.ECC)


def _all_chances(parts: Sequence[ClosedPart], decipherers: Sequence[Decipherer]) -> list[_Chances]:
    """For each part. There may be many thousand keys, so each is compared once, however many parts have it."""
    holders = [(_holder(decipherer), decipherer) for decipherer in decipherers]
    shared = {id(part.keys): part.keys for part in parts}
    chances = {number: _chances(keys, holders) for number, keys in shared.items()}
    return [chances[id(part.keys)] for part in parts]


def _chances(keys: Sequence[ClosedKey], holders: Sequence[tuple[Holder, Decipherer]]) -> _Chances:
    mine = [(key, holder, decipherer) for holder, decipherer in holders for key in keys if key.is_for(holder)]
    possible = (_Chance(key, decipherer) for key, holder, decipherer in mine if key.way is holder.way)
    # More are never tried.
    return _Chances(bool(mine), tuple(islice(possible, VAIN_MAX)))


class _Opener:
    """Opens parts; asks a card for each key only once, because several parts may share one."""

    def __init__(self, note: Callable[[KonnektorError], None], octets: int) -> None:
        self._note = note
        self._octets = octets
        self._known: dict[bytes, bytes] = {}
        self._vain = 0

    async def open(self, part: ClosedPart, possible: Sequence[_Chance]) -> bytes:
        if not part.supported or not possible:
            raise KonnektorError(UNSUPPORTED)
        failed: list[KonnektorError] = []
        for chance in possible:
            try:
                content = await self._open(part, chance)
            except KonnektorError as error:
                if error.code not in _OF_THE_CRYPTOGRAM | {NOT_POSSIBLE}:
                    raise
                failed.append(error)
                self._vain += 1
                if self._vain >= VAIN_MAX:
                    break
                continue
            for earlier in failed:
                self._note(earlier)
            return content
        raise KonnektorError(NOT_POSSIBLE, causes=[error for error in failed if error.code != NOT_POSSIBLE])

    async def _open(self, part: ClosedPart, chance: _Chance) -> bytes:
        cryptogram = chance.key.cryptogram
        if cryptogram not in self._known:
            self._known[cryptogram] = await chance.decipherer.decipher(cryptogram)
        try:
            return await beside(self._octets, part.open, self._known[cryptogram])
        except CannotRead as error:
            raise KonnektorError(error.code, error.reason) from None
