"""TUC_KON_005 "gegenseitig+TC" between the SAK of an instance and an HBA (gemSpec_Kon V5.18 TAB_KON_673, 674).

The source is not a card but the instance's own key (`sakcvc`), so both ends of the session keys are here: of the
card's channel in the card, of the SAK in `SakChannel`. Building it selects no folder: DF.QES stays, and with it the
verified PIN.QES (TUC_KON_154, 158: DF.QES must not be left). The card's certificates are therefore given, read before.
"""

from tiaas.base.clock import Clock
from tiaas.base.entropy import Entropy
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.keyagreement import ModuleAgreement
from tiaas.card.objsys.addresses import ALG_SESSION_SM
from tiaas.card.securemessaging import BadSecureMessaging, SessionKeys, protect_command, unprotect_response
from tiaas.card.status import StatusWord
from tiaas.card.trustedchannel import BadTrustedChannel
from tiaas.konnektor.cardmap import DEVICE_KEY
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cvcimport import CvcChain, Side, fault, ok
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sakcvc import SakCvc
from tiaas.konnektor.sessions import Channel
from tiaas.konnektor.trustedchannel import name_partner
from tiaas.konnektor.trustservice import Trust

_POINT = 0x85


class SakChannel:
    """A card's channel with session keys between the card and the SAK. Any other command on the channel ends it."""

    def __init__(self, channel: Channel, keys: SessionKeys) -> None:
        self._channel = channel
        self._keys = keys

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """The plain answer to a command that goes enciphered, and whose answer comes so.

        Raises 4057 if the card gave the session up or its answer is not genuine; `ChannelClosed`, `CardLinkError`.
        """
        protected = protect_command(self._keys, commands.with_channel(command, self._channel.number))
        response = await self._channel.transmit(protected)
        try:
            return unprotect_response(self._keys, response)
        except BadSecureMessaging:
            raise fault(Side.TARGET, "Secure Messaging", response.sw) from None


class SakLink:
    """What an instance needs to build such channels. `identity` None: it was given none, so there is no stack or
    comfort signature."""

    def __init__(self, identity: SakCvc | None, trust: Trust, clock: Clock, entropy: Entropy) -> None:
        self._identity = identity
        self._trust = trust
        self._clock = clock
        self._entropy = entropy

    def require(self, hba: CvcChain) -> None:
        """TUC_KON_042 for both ends, as a gSMC-K and a card do it.

        Raises 4056 without an identity of the SAK, 4233 if it is not valid yet, 4196 or 4228 for the card's
        certificate.
        """
        if self._identity is None:
            raise KonnektorError(4056, "no C.SAK.AUTD_CVC")
        today = self._clock.now().date()
        if self._identity.chain.end_entity.ced > today:
            raise KonnektorError(4233)
        self._trust.check_hba_cvc(hba.end_entity, hba.ca, today)

    async def open(self, channel: Channel, card: Card, hba: CvcChain) -> SakChannel:
        """Agrees on session keys on a channel that the caller holds. `require` comes before.

        Raises 4056, 4057, 4228, `ChannelClosed`, `CardLinkError`.
        """
        if self._identity is None:
            raise KonnektorError(4056, "no C.SAK.AUTD_CVC")
        agreement = ModuleAgreement(self._identity.key, self._entropy)
        point = await name_partner(
            channel, Side.TARGET, DEVICE_KEY[card.card_type], ALG_SESSION_SM, self._identity.chain, self._trust.cross_to
        )
        try:
            keys = agreement.finish_untrusted(hba.end_entity.key(), point)
        except BadTrustedChannel:
            raise fault(Side.TARGET, "GENERAL AUTHENTICATE", StatusWord.OK) from None
        response = await channel.transmit(commands.general_authenticate(_POINT, agreement.point, last=True))
        ok(response, Side.TARGET, "GENERAL AUTHENTICATE")
        return SakChannel(channel, keys)
