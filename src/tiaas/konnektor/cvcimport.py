"""CV certificates of one card brought to another (gemSpec_Kon V5.18, TAB_KON_673: what all kinds of C2C begin with).

A card takes the public key of another from that card's certificate, which its CA signed, whose certificate a root
signed that the card knows, or that a cross certificate makes known.
"""

from collections.abc import Callable
from enum import StrEnum, unique

from tiaas.base.dataclass import dataclass
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.status import StatusWord
from tiaas.konnektor.cardmap import CardFile
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sessions import Channel
from tiaas.pki.cvc import BadCvc, Cvc, decode_cvc_untrusted
from tiaas.tlv.ber import BadTlv, Tlv, decode_untrusted

CrossTo = Callable[[bytes, frozenset[bytes]], Cvc | None]
"""The cross certificate that brings a root to a card which holds one of these keys: `Trust.cross_to`."""


@unique
class Side(StrEnum):
    """Which card failed, by the code added to the trace."""

    SOURCE = "4056"
    TARGET = "4057"


class KeyMissing(Exception):
    """The card does not have a key that it was said to have."""


@dataclass(frozen=True, slots=True)
class CvcChain:
    """A card's CV certificate and that of its CA."""

    end_entity: Cvc
    ca: Cvc


async def read_chain(channel: Channel, side: Side, end_entity: CardFile, ca: CardFile) -> CvcChain:
    """Reads both from a card. Raises 4056 or 4057."""
    responses = [await channel.read(end_entity), await channel.read(ca)]
    try:
        card, authority = (decode_cvc_untrusted(ok(response, side, "CV certificate").data) for response in responses)
    except BadCvc:
        raise fault(side, "CV certificate", responses[0].sw) from None
    return CvcChain(card, authority)


def require_own(chain: CvcChain, card: Card, side: Side, key_id: bytes) -> None:
    """A genuine card's key proves nothing about the data of another card: the CHR is key id and ICCSN of this one."""
    if chain.end_entity.chr != key_id + bytes.fromhex(card.data.iccsn or ""):
        raise KonnektorError(int(side.value), "CV certificate: CHR")


async def list_keys(channel: Channel, side: Side) -> frozenset[bytes]:
    """Ids of the public keys on a card: all data objects 83 in the answer to LIST PUBLIC KEY. Raises 4056, 4057."""
    response = await channel.transmit(commands.list_public_keys())
    # 6200: the list is cut; what is missing in it is imported once more.
    if response.sw not in (StatusWord.OK, StatusWord.DATA_TRUNCATED):
        raise fault(side, "LIST PUBLIC KEY", response.sw)
    try:
        return frozenset(_references(decode_untrusted(response.data)))
    except BadTlv:
        raise fault(side, "LIST PUBLIC KEY", response.sw) from None


async def import_chain(
    channel: Channel, side: Side, known: frozenset[bytes], chain: CvcChain, cross_to: CrossTo
) -> frozenset[bytes]:
    """Imports what the card of `channel` lacks of another's chain; the keys it holds then.

    Raises `KeyMissing`, 4228 if no cross certificate leads to the root, 4056 or 4057.
    """
    for cvc in _missing(known, chain, cross_to):
        await select_key(channel, side, commands.mse_verify_certificate(cvc.car))
        response = await channel.transmit(commands.pso_verify_certificate(cvc.value))
        ok(response, side, "PSO VERIFY CERTIFICATE")
        known |= {cvc.chr}
    return known


async def select_key(channel: Channel, side: Side, command: CommandApdu) -> None:
    """MANAGE SECURITY ENVIRONMENT with a public key. Raises `KeyMissing`, 4056 or 4057."""
    response = await channel.transmit(command)
    if response.sw == StatusWord.KEY_OR_PASSWORD_NOT_FOUND:
        raise KeyMissing
    ok(response, side, "MANAGE SECURITY ENVIRONMENT")


def ok(response: ResponseApdu, side: Side, step: str) -> ResponseApdu:
    """The response if it is 9000; raises 4056 or 4057."""
    if not response.ok:
        raise fault(side, step, response.sw)
    return response


def fault(side: Side, step: str, sw: int) -> KonnektorError:
    """4056 or 4057 with the step and the card's status word."""
    return KonnektorError(int(side.value), f"{step}: {sw:04X}")


def _missing(known: frozenset[bytes], chain: CvcChain, cross_to: CrossTo) -> list[Cvc]:
    """The certificates to import, first things first."""
    if chain.end_entity.chr in known:
        return []
    if chain.ca.chr in known:
        return [chain.end_entity]
    if chain.ca.car in known:
        return [chain.ca, chain.end_entity]
    cross = cross_to(chain.ca.car, known)
    if cross is None:
        raise KonnektorError(4228)
    return [cross, chain.ca, chain.end_entity]


def _references(objects: tuple[Tlv, ...]) -> list[bytes]:
    out: list[bytes] = []
    for item in objects:
        if item.tag == 0x83:
            out.append(item.value)
        elif item.constructed:
            out.extend(_references(item.children()))
    return out
