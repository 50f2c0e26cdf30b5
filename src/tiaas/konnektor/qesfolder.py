"""DF.QES of an HBA on a session's channel: selected anew, left for sure; EF.SSEC (gemSpec_Kon V5.18 TUC_KON_150)."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from tiaas.base.clock import Clock
from tiaas.card.link import CardLinkError
from tiaas.card.ssec import BadSsec, decode_ssec_untrusted
from tiaas.konnektor.cardmap import EF_SSEC, PIN_QES, Folder
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sessions import CardSession, Channel, ChannelClosed

STACK_ENVIRONMENT = 2
"""The security environment for stack and comfort signatures."""


async def signatures_per_pin(card: Card, clock: Clock) -> int | None:
    """How many signatures one PIN entry pays for in SE#2, by EF.SSEC; None if the card does not tell."""

    async def read() -> int | None:
        async with card.basic.mutex:
            response = await card.basic.read(EF_SSEC)
        try:
            return decode_ssec_untrusted(response.data).get(STACK_ENVIRONMENT)
        except BadSsec:
            return None

    return await card.cached("ssec", clock, read)


@asynccontextmanager
async def in_qes_folder(session: CardSession) -> AsyncIterator[Channel]:
    """The session's channel, held, with DF.QES selected anew; DF.QES is left at the end, whatever happened.

    Raises 4123 if the card has no DF.QES, 4093, `ChannelClosed`, `CardLinkError`.
    """
    async with AsyncExitStack() as stack:
        try:
            channel = await enter_qes_folder(stack, session)
        except ChannelClosed:
            # The card was reset before; nothing is lost yet, so a new channel does.
            channel = await enter_qes_folder(stack, session)
        try:
            yield channel
        finally:
            await leave_qes_folder(session, channel)


async def enter_qes_folder(stack: AsyncExitStack, session: CardSession) -> Channel:
    """The session's channel, held by `stack`, with DF.QES selected anew. Raises as `in_qes_folder`."""
    channel = await stack.enter_async_context(session.use())
    channel.forget()
    response = await channel.select(Folder.QES)
    if channel.folder is not Folder.QES:
        raise KonnektorError(4123, f"DF.QES: {response.sw:04X}")
    return channel


async def leave_qes_folder(session: CardSession, channel: Channel) -> None:
    """Drops the verified PIN.QES and the secure channel by selecting the root folder.

    A channel that cannot is given up: it must not stay with a raised PIN.QES.
    """
    session.auth_state.pop(PIN_QES, None)
    channel.forget()
    try:
        with suppress(CardLinkError, KonnektorError):
            await channel.select(Folder.MF)
    finally:
        # Also if nobody waits for the card's answer any more.
        if channel.folder is not Folder.MF and session.channel is channel:
            session.abandon()
