"""PIN.QES for a signature: TUC_KON_012 on a channel that stays in DF.QES (gemSpec_Kon V5.18 TUC_KON_150, 154, 171).

In security environment 1 the PIN is typed as any other. In 2 an HBA takes VERIFY only as a protected command of a
gSMC-KT (b54, gemSpec_HBA_ObjSys), so the entry is made as a remote one even at the card's own terminal.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tiaas.base.dataclass import dataclass
from tiaas.card import commands
from tiaas.konnektor.cardmap import PIN_QES, PINS, Folder
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.pinentry import Dialogue, PinEntry, PinPads, enter_on
from tiaas.konnektor.pins import pin_event, pin_input_terminal
from tiaas.konnektor.pinstates import PinOutcome, PinResult, Purpose, outcome_of
from tiaas.konnektor.remotepin import RemotePins, Way
from tiaas.konnektor.sessions import CardSession, Channel
from tiaas.terminal.session import PinPrompts

_REF = PINS[CardType.HBA][PIN_QES].ref


@dataclass(frozen=True, slots=True)
class QesPin:
    """A PIN pad reserved for one operation. `way` None: the PIN is typed at the card's own terminal, unprotected."""

    card: Card
    input_ct: str
    terminal: PinEntry
    way: Way | None
    hub: EventHub
    remote: RemotePins

    async def ask(self, channel: Channel, session: CardSession, prompts: PinPrompts) -> PinResult:
        """One entry; `channel` is the session's, held by the caller, with DF.QES selected.

        Always ends with the FINISHED event and the session's AUTHSTATE brought up to date. Raises as `Pins.verify`.
        """
        self.hub.publish(pin_event(Topic.PIN_VERIFY_STARTED, self.card, PIN_QES, self.input_ct))
        outcome = PinOutcome.ERROR
        try:
            result = await self._typed(channel, session, prompts)
            outcome = result.outcome
            return result
        finally:
            self.hub.publish(pin_event(Topic.PIN_VERIFY_FINISHED, self.card, PIN_QES, self.input_ct, outcome))

    async def _typed(self, channel: Channel, session: CardSession, prompts: PinPrompts) -> PinResult:
        dialogue = Dialogue(Purpose.VERIFY, commands.verify_template(_REF), prompts, Folder.QES, PIN_QES)
        with link_faults():
            if self.way is None:
                response = await enter_on(channel, self.terminal, self.card.slot, session, dialogue)
            else:
                response = await self.remote.enter_on(channel, self.terminal, self.way, session, dialogue)
        return outcome_of(response, Purpose.VERIFY)


class QesPins:
    """PIN.QES entries of one instance."""

    def __init__(self, model: LiveInfoModel, terminals: PinPads, hub: EventHub, remote: RemotePins) -> None:
        self._model = model
        self._terminals = terminals
        self._hub = hub
        self._remote = remote

    @asynccontextmanager
    async def reserve(
        self, card: Card, session: CardSession, workplace_id: str, *, protected: bool, mandant_id: str | None = None
    ) -> AsyncIterator[QesPin]:
        """PIN pad and display of the right terminal for one operation; `mandant_id` as for `Pins.verify`.

        What both cards must tell for a protected entry is read before, because DF.QES must not be left later. Raises
        4053, 4060, 4092, 4221, 4222.
        """
        mandant_id = mandant_id or session.context.mandant_id
        input_ct = pin_input_terminal(self._model.current, card, mandant_id, workplace_id)
        is_here = input_ct == card.ct_id and not protected
        way = None if is_here else await self._remote.way(input_ct, card)
        with link_faults():
            async with self._terminals.pinpad(input_ct) as terminal:
                yield QesPin(card, input_ct, terminal, way, self._hub, self._remote)
