"""Which card a verb means: a card handle, an ICCSN, or, with neither, the only card that fits."""

from collections.abc import Sequence
from contextlib import suppress

from tiaas.base.errors import InvalidInput, TiaasError
from tiaas.cli.writer import note
from tiaas.client import ClientError, Konnektor
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Card

_FAMILY = {CardType.HBA: (CardType.HBA, CardType.HBA_QSIG), CardType.SMC_B: (CardType.SMC_B, CardType.HSM_B)}


class NoSuchCard(TiaasError):
    """No card in the terminals fits, or several do."""


async def choose_card(
    konnektor: Konnektor, wanted: str | None, kinds: Sequence[CardType], *, local: bool = False
) -> Card:
    """The card with handle or ICCSN `wanted`, else the only one of the first of `kinds` that is there at all.

    A kind stands for its family, in which an SMC-B comes before an HSM-B. With `local` none is chosen that is in a
    terminal which the workplace reaches but does not have as its own: such cards are refused with 4016.

    Raises `NoSuchCard`, `InvalidInput` for an empty name, and what `get_cards` raises.
    """
    if wanted == "":
        raise InvalidInput("the card's handle or ICCSN is empty; name one, or leave the option out")
    cards = await konnektor.get_cards()
    if wanted is not None:
        found = [card for card in cards if wanted in (card.card_handle, card.iccsn)]
        if not found:
            lost = await _not_connected(konnektor)
            raise NoSuchCard(f"no card {wanted} in the terminals of this workplace; see: tiaas get cards{lost}")
        return found[0]
    if local:
        cards = await _local_cards(konnektor, cards, kinds)
    for concrete in (member for kind in kinds for member in _FAMILY.get(kind, (kind,))):
        found = [card for card in cards if card.card_type is concrete]
        if len(found) > 1:
            raise NoSuchCard(f"{len(found)} cards of type {concrete.value} are in; name one by handle or ICCSN")
        if found:
            return found[0]
    lost = await _not_connected(konnektor)
    raise NoSuchCard(f"no card of type {' or '.join(kinds)} in the terminals of this workplace{lost}")


async def choose_sm_b_or_hba(konnektor: Konnektor, wanted: str | None, does: str) -> Card:
    """The card `wanted`, else the only SM-B, else the only HBA: then a line says that it `does` what was asked.

    Raises what `choose_card` raises.
    """
    card = await choose_card(konnektor, wanted, (CardType.SMC_B, CardType.HBA))
    if wanted is None and card.card_type not in _FAMILY[CardType.SMC_B]:
        note(f"tiaas: no SMC-B in the terminals of this workplace; the HBA {card.card_handle} {does}")
    return card


async def _not_connected(konnektor: Konnektor) -> str:
    """Terminals of the workplace whose cards nobody sees, as the end of an error; a Konnektor may refuse to tell."""
    with suppress(ClientError):
        names = [terminal.ct_id for terminal in await konnektor.get_card_terminals() if not terminal.connected]
        if names:
            return f"; not connected: terminal{'s' if len(names) > 1 else ''} {', '.join(names)}"
    return ""


async def _local_cards(konnektor: Konnektor, cards: Sequence[Card], kinds: Sequence[CardType]) -> tuple[Card, ...]:
    """Those in terminals local to the workplace. Raises `NoSuchCard` if all of `kinds` are in remote ones."""
    workplace = konnektor.context.workplace_id
    terminals = await konnektor.get_card_terminals()
    # A terminal that names no workplace at all is not held against it.
    owners = {terminal.ct_id: terminal.workplace_ids.workplace_id for terminal in terminals}
    remote = {ct_id for ct_id, workplaces in owners.items() if workplaces and workplace not in workplaces}
    elsewhere = {card.ct_id for card in cards if card.card_type in kinds and card.ct_id in remote}
    here = tuple(card for card in cards if card.ct_id not in remote)
    if elsewhere and not any(card.card_type in kinds for card in here):
        names = " or ".join(kind.value for kind in kinds)
        raise NoSuchCard(
            f"the {names} is in {', '.join(sorted(elsewhere))}, a remote terminal of {workplace}; it is read at a "
            "workplace that has the terminal as its own: --workplace, see tiaas get terminals"
        )
    return here


def card_type(name: str) -> CardType:
    """A card type by its name in any case; raises `InvalidInput` for `argparse` and people."""
    found = next((kind for kind in CardType if kind.value.lower() == name.lower()), None)
    if found is None:
        raise InvalidInput(f"unknown card type {name}; known: {', '.join(kind.value for kind in CardType)}")
    return found
