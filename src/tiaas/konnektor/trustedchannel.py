"""TUC_KON_005 "Card-to-Card authentisieren", mutual with trusted channel (gemSpec_Kon V5.18 TAB_KON_673, 674).

A gSMC-KT ("source", the module) and an HBA or SMC-B ("target") agree on session keys (gemSpec_COS V3.12.0, 15.4):

    target   MSE 41A4 key 09, algorithm 54      module   MSE 41A4 key 0A, algorithm D4
    target   GENERAL AUTHENTICATE CHR module →  ephemeral point T
    module   GENERAL AUTHENTICATE CHR target →  ephemeral point M
    module   GENERAL AUTHENTICATE T             target   GENERAL AUTHENTICATE M

A card that does not know the other's public key (6A88) gets the CV certificates first. From then on the target takes
commands in secure messaging on that one channel, and only the module can make them. The Konnektor never has the keys.
"""

from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.objsys.addresses import ALG_SESSION_SM, ALG_SESSION_TC
from tiaas.card.status import StatusWord
from tiaas.card.trustedchannel import (
    BadTrustedChannel,
    SecuredCommand,
    decode_ephemeral_point_untrusted,
    decode_secured_response_untrusted,
)
from tiaas.konnektor.cardmap import DEVICE_KEY
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cvcimport import CrossTo, CvcChain, KeyMissing, Side, fault, import_chain, list_keys, ok
from tiaas.konnektor.sessions import Channel

_NAME, _POINT = 0xC3, 0x85


class TrustedChannel:
    """A module's channel and a target's channel with session keys between them; the caller holds both channels."""

    def __init__(self, module: Channel, target: Channel) -> None:
        self._module = module
        self._target = target

    async def send(self, command: CommandApdu, cryptogram: bytes) -> ResponseApdu:
        """Sends `command` with the data that the module enciphered just before; the plain response (status word only).

        Raises 4056, 4057, `ChannelClosed`, `CardLinkError`. Not for commands that have data in their response.
        """
        secured = SecuredCommand(commands.with_channel(command, self._target.number), cryptogram)
        checksum = await self._module.transmit(commands.pso_compute_checksum(secured.checked))
        ok(checksum, Side.SOURCE, "PSO COMPUTE CRYPTOGRAPHIC CHECKSUM")
        response = await self._target.transmit(secured.with_checksum(checksum.data))
        if not response.data:
            # Unprotected: the target gave the session up, or took the checksum for wrong (6988).
            raise fault(Side.TARGET, "Secure Messaging", response.sw)
        try:
            answer = decode_secured_response_untrusted(response)
        except BadTrustedChannel:
            raise fault(Side.TARGET, "Secure Messaging", response.sw) from None
        verified = await self._module.transmit(commands.pso_verify_checksum(answer.checked, answer.checksum))
        if not verified.ok:
            raise fault(Side.TARGET, "PSO VERIFY CRYPTOGRAPHIC CHECKSUM", verified.sw)
        return ResponseApdu(b"", answer.sw)


async def open_trusted_channel(
    module: tuple[Card, Channel, CvcChain], target: tuple[Card, Channel, CvcChain], cross_to: CrossTo
) -> TrustedChannel:
    """Key agreement between both cards. Raises 4056, 4057, 4228, `ChannelClosed`, `CardLinkError`."""
    module_card, at_module, module_chain = module
    target_card, at_target, target_chain = target
    of_target = await name_partner(
        at_target, Side.TARGET, DEVICE_KEY[target_card.card_type], ALG_SESSION_SM, module_chain, cross_to
    )
    of_module = await name_partner(
        at_module, Side.SOURCE, DEVICE_KEY[module_card.card_type], ALG_SESSION_TC, target_chain, cross_to
    )
    await _end(at_module, Side.SOURCE, of_target)
    await _end(at_target, Side.TARGET, of_module)
    return TrustedChannel(at_module, at_target)


async def name_partner(
    channel: Channel, side: Side, key: int, algorithm: int, other: CvcChain, cross_to: CrossTo
) -> bytes:
    """First step at one card: its ephemeral point. The other's certificates are imported if it lacks them.

    Raises 4056, 4057, 4228, `ChannelClosed`, `CardLinkError`.
    """
    response = await _name(channel, side, key, algorithm, other)
    if response.sw == StatusWord.KEY_OR_PASSWORD_NOT_FOUND:
        try:
            await import_chain(channel, side, await list_keys(channel, side), other, cross_to)
        except KeyMissing:
            raise fault(side, "MANAGE SECURITY ENVIRONMENT", StatusWord.KEY_OR_PASSWORD_NOT_FOUND) from None
        response = await _name(channel, side, key, algorithm, other)
    ok(response, side, "GENERAL AUTHENTICATE")
    try:
        return decode_ephemeral_point_untrusted(response.data)
    except BadTrustedChannel:
        raise fault(side, "GENERAL AUTHENTICATE", response.sw) from None


async def _name(channel: Channel, side: Side, key: int, algorithm: int, other: CvcChain) -> ResponseApdu:
    channel.forget_key()
    selected = await channel.transmit(commands.mse_private_auth(key, algorithm))
    ok(selected, side, "MANAGE SECURITY ENVIRONMENT")
    return await channel.transmit(commands.general_authenticate(_NAME, other.end_entity.chr, last=False))


async def _end(channel: Channel, side: Side, point: bytes) -> None:
    response = await channel.transmit(commands.general_authenticate(_POINT, point, last=True))
    ok(response, side, "GENERAL AUTHENTICATE")
