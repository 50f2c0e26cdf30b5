"""Remote PIN entry (gemSpec_Kon V5.18 TIP1-A_5012; BSI TR-03114 with a gSMC-KT in place of the SMC-A).

The card is in a terminal that nobody sits at; the holder types at the Remote-PIN-KT of the workplace. Its gSMC-KT and
the card agree on session keys, the terminal lets the gSMC-KT encipher the PIN block, the Konnektor carries the
cryptogram, which it cannot read, to the card as a protected command. For HBA and SM-B only. The numbered steps of the
requirement are missing in the copies at hand; these follow gemSpec_KT A_22871 and gemSpec_COS 15.4.

Both channels are held from the key agreement to the response: any other command would end the session.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.card import commands
from tiaas.card.apdu import ResponseApdu
from tiaas.konnektor.cardmap import DEVICE_CVC, DEVICE_KEY, EF_CVC_CA
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.cvcimport import CrossTo, CvcChain, Side, ok, read_chain, require_own
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.pinentry import Dialogue, PinEntry, at_risk, named, settle
from tiaas.konnektor.sessions import CardSession, Channel, ChannelClosed
from tiaas.konnektor.trustedchannel import open_trusted_channel
from tiaas.terminal.errors import TerminalError
from tiaas.terminal.front import FrontError

NOT_POSSIBLE = 4053
_HOLDERS_DOING = frozenset({4043, 4049, 4060, 4066, 4067})
"""What ends an entry at the card's own terminal with the same code. Every other error is 4053."""
_CARD_BUSY = 4093


@dataclass(frozen=True, slots=True)
class Way:
    """From a terminal's gSMC-KT to a card: both, with their CV certificates."""

    module: Card
    module_chain: CvcChain
    card: Card
    card_chain: CvcChain


@contextmanager
def _not_possible() -> Iterator[None]:
    """4053 for whatever fails but what the holder does, and 4093."""
    try:
        with link_faults():
            yield
    except KonnektorError as error:
        if error.code in _HOLDERS_DOING or error.code in (NOT_POSSIBLE, _CARD_BUSY):
            raise
        raise KonnektorError(NOT_POSSIBLE, causes=(error,)) from error


class RemotePins:
    """Remote PIN entry for the cards of one instance. `cross_to` finds cross certificates of CVC roots."""

    def __init__(self, cards: CardList, cross_to: CrossTo, clock: Clock) -> None:
        self._cards = cards
        self._cross_to = cross_to
        self._clock = clock

    async def enter(
        self, terminal: PinEntry, ct_id: str, card: Card, session: CardSession, dialogue: Dialogue
    ) -> ResponseApdu:
        """The card's answer to what is typed at `terminal`, whose ctId is `ct_id`; the result is shown there.

        Raises 4053 for whatever fails on the way, with its cause in the trace; 4043, 4049, 4060, 4066, 4067 as at the
        card's own terminal; 4093.
        """
        with _not_possible():
            way = await self.way(ct_id, card)
            try:
                response = await self._enter(terminal, way, session, dialogue)
            except ChannelClosed:
                # The card was reset before and compared nothing: once more, on a new channel.
                response = await self._enter(terminal, way, session, dialogue)
        await _tell(terminal, dialogue, response)
        return response

    async def enter_on(
        self, channel: Channel, terminal: PinEntry, way: Way, session: CardSession, dialogue: Dialogue
    ) -> ResponseApdu:
        """`enter` on the session's channel, which the caller holds in the dialogue's folder; no folder is selected."""
        with _not_possible():
            async with way.module.basic.mutex:
                response = await self._exchange(channel, terminal, way, session, dialogue)
        await _tell(terminal, dialogue, response)
        return response

    async def way(self, ct_id: str, card: Card) -> Way:
        """What is read of both cards before an entry at the terminal `ct_id`, on their basic channels.

        Raises 4053 with its cause.
        """
        with _not_possible():
            smkt = self._smkt(ct_id)
            module, target = await self._chain(smkt, Side.SOURCE), await self.target_chain(card)
            return Way(smkt, module, card, target)

    def _smkt(self, ct_id: str) -> Card:
        """The gSMC-KT of a terminal; the first if it has two."""
        for card in self._cards:
            if card.ct_id == ct_id and card.card_type is CardType.SMC_KT:
                return card
        raise KonnektorError(NOT_POSSIBLE, "no gSMC-KT")

    async def target_chain(self, card: Card) -> CvcChain:
        """The CV certificates of an HBA or SMC-B for trusted channels, kept 24 h. Raises 4057, `CardLinkError`."""
        return await self._chain(card, Side.TARGET)

    async def _chain(self, card: Card, side: Side) -> CvcChain:
        """The CV certificates that the card takes part in a trusted channel with; an HBA-Vorläuferkarte has none."""
        file = DEVICE_CVC.get(card.card_type)
        if file is None:
            raise KonnektorError(NOT_POSSIBLE, "a card without CV certificates")

        async def read() -> CvcChain:
            async with card.basic.mutex:
                return await read_chain(card.basic, side, file, EF_CVC_CA)

        chain = await card.cached("device-cvc", self._clock, read)
        require_own(chain, card, side, bytes([0, DEVICE_KEY[card.card_type]]))
        return chain

    async def _enter(self, terminal: PinEntry, way: Way, session: CardSession, dialogue: Dialogue) -> ResponseApdu:
        async with session.use() as channel, way.module.basic.mutex:
            # The folder first: selecting it later would be an unprotected command and end the session.
            await channel.select(dialogue.folder)
            return await self._exchange(channel, terminal, way, session, dialogue)

    async def _exchange(
        self, channel: Channel, terminal: PinEntry, way: Way, session: CardSession, dialogue: Dialogue
    ) -> ResponseApdu:
        smkt, card = way.module, way.card
        trusted = await open_trusted_channel(
            (smkt, smkt.basic, way.module_chain), (card, channel, way.card_chain), self._cross_to
        )
        cryptogram = await _enciphered(terminal, smkt.slot, smkt.basic, dialogue)
        before = at_risk(session, dialogue)
        response = await trusted.send(dialogue.command, cryptogram)
        await settle(channel, session, dialogue, before, response)
        return response


async def _tell(terminal: PinEntry, dialogue: Dialogue, response: ResponseApdu) -> None:
    with suppress(TerminalError, FrontError):
        await terminal.show(dialogue.prompts.success if response.ok else dialogue.prompts.failure)


async def _enciphered(terminal: PinEntry, slot: int, module: Channel, dialogue: Dialogue) -> bytes:
    """What is typed, as the gSMC-KT enciphered it; the display says that it is being worked on."""
    template = commands.with_channel(commands.pso_encipher_template(len(dialogue.command.data)), module.number)
    async with module.turn:
        module.require_open()
        try:
            with module.turn.of_entry():
                response = await dialogue.remotely().ask(terminal, slot, template)
        except TerminalError as error:
            raise named(error) from error
        module.require_answer(response)
    return ok(response, Side.SOURCE, "PSO ENCIPHER").data
