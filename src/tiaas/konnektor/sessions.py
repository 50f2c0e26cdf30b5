"""Card sessions and logical channels (gemSpec_Kon V5.18 §4.1.5: TIP1-A_4560, TUC_KON_026).

The basic channel (0) of a card serves reading without raised rights. A session gets a logical channel of its own at
its first use, so that a wrong PIN in one session leaves the state of the others alone. If the card has no channel
left, that of a session without raised state is taken (and reset), then the basic channel; when every channel belongs
to a session with raised state the call ends with 4093, which tells a Primärsystem to come again. An eGK has one
session only; it uses the basic channel.

Whoever sends several commands that belong together holds the channel's `mutex`; `CardSession.use` does that and makes
sure that the channel was not taken away while waiting.
"""

import asyncio
import enum
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardGone, CardLink
from tiaas.card.objsys.addresses import ALG_ROLE
from tiaas.card.status import StatusWord
from tiaas.konnektor import rounds
from tiaas.konnektor.cardmap import CardFile, Folder
from tiaas.konnektor.errors import KonnektorError

BASIC_CHANNEL = 0


@dataclass(frozen=True, slots=True)
class CallContext:
    """Who calls, as far as sessions care. `user_id` is None where the client left it out or empty."""

    mandant_id: str
    client_system_id: str
    workplace_id: str
    user_id: str | None = None


@enum.unique
class AuthValue(enum.Enum):
    """Value of an AUTHSTATE entry: a PIN verified or switched off (CHV), a role proven card to card (C2C)."""

    VERIFIED = "VERIFIED"
    DISABLED = "DISABLED"
    AUTHENTICATED = "AUTHENTICATED"


class Channel:
    """One logical channel of a card: a `CardLink` that sets CLA, counts rounds and knows the folder selected last.

    `deactivated` is true if that folder answered 6283. `turn` is common to all channels of a card: who holds it has
    the slot alone, which a PIN entry needs, because a terminal takes no command to a slot meanwhile.
    """

    def __init__(self, line: CardLink, number: int, gone: Callable[[], bool], turn: asyncio.Lock | None = None) -> None:
        self._line = line
        self._gone = gone
        self.number = number
        self.turn = turn or asyncio.Lock()
        self.folder: Folder | None = None
        self.deactivated = False
        self.mutex = asyncio.Lock()
        self._own_key: int | None = None

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Sends one command on this channel. Raises `CardLinkError`; `CardGone` once the card is out of the list."""
        async with self.turn:
            self._require_card()
            rounds.tick()
            response = await self._line.transmit(commands.with_channel(command, self.number))
        self._require_card()
        return response

    async def select(self, folder: Folder) -> ResponseApdu:
        """Selects a folder if it is not the current one; the answer is then that of the first time."""
        if self.folder is folder:
            return ResponseApdu(b"", StatusWord.FILE_DEACTIVATED if self.deactivated else StatusWord.OK)
        self.folder = None
        response = await self.transmit(commands.select_aid(folder.value) if folder.value else commands.select_mf())
        self.deactivated = response.sw == StatusWord.FILE_DEACTIVATED
        if response.ok or self.deactivated:
            self.folder = folder
        return response

    async def use_role_key(self, ref: int) -> ResponseApdu:
        """Selects a private key of the root folder for INTERNAL AUTHENTICATE elcRoleAuthentication, if it is not yet.

        Such a key stays selected until the channel is reset (gemSpec_COS 14.9.9, keyReferenceList).
        """
        if self._own_key == ref:
            return ResponseApdu(b"", StatusWord.OK)
        response = await self.transmit(commands.mse_private_auth(ref, ALG_ROLE))
        if response.ok:
            self._own_key = ref
        return response

    async def read(self, file: CardFile) -> ResponseApdu:
        """Reads a whole transparent file in one command; the answer of SELECT if its folder cannot be selected."""
        selected = await self.select(file.folder)
        if self.folder is not file.folder:
            return selected
        return await self.transmit(commands.read_binary(sfid=file.sfid))

    async def reset(self) -> None:
        """Drops the channel's whole security state; the root folder is selected then."""
        self.folder = self._own_key = None
        await self.transmit(commands.manage_channel_reset())
        self.folder, self.deactivated = Folder.MF, False

    def _require_card(self) -> None:
        if self._gone():
            raise CardGone("the card was removed")


class CardSession:
    """A card session: one logical security state of a card. `auth_state` maps PIN and key references to values."""

    def __init__(self, pool: "ChannelPool", context: CallContext) -> None:
        self._pool = pool
        self.context = context
        self.auth_state: dict[str, AuthValue] = {}
        self.channel: Channel | None = None

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Channel]:
        """The session's channel, for this task alone. Raises `KonnektorError` 4093 if the card has none left."""
        while True:
            channel = self.channel if self.channel is not None else await self._pool.allot(self)
            async with channel.mutex:
                if self.channel is channel:
                    yield channel
                    return


class ChannelPool:
    """Gives out the channels of one card. `single` for a card with one session: it gets the basic channel."""

    def __init__(
        self, line: CardLink, gone: Callable[[], bool], sessions: Callable[[], Iterable[CardSession]], *, single: bool
    ) -> None:
        self._line = line
        self._gone = gone
        self._sessions = sessions
        self._single = single
        self._mutex = asyncio.Lock()
        self.basic = Channel(line, BASIC_CHANNEL, gone)

    async def allot(self, session: CardSession) -> Channel:
        """A channel for `session`. Raises `KonnektorError` 4093 if none can be had, `CardLinkError`."""
        async with self._mutex:
            if session.channel is None:
                session.channel = self.basic if self._single else await self._open() or await self._take()
            return session.channel

    async def _open(self) -> Channel | None:
        async with self.basic.mutex:
            response = await self.basic.transmit(commands.manage_channel_open())
        if not response.ok or len(response.data) != 1 or response.data[0] == BASIC_CHANNEL:
            return None
        channel = Channel(self._line, response.data[0], self._gone, self.basic.turn)
        channel.folder = Folder.MF
        return channel

    async def _take(self) -> Channel:
        holders = [session for session in self._sessions() if session.channel is not None]
        if all(holder.channel is not self.basic for holder in holders):
            return self.basic
        for holder in holders:
            channel = holder.channel
            if channel is None or holder.auth_state or channel.mutex.locked():
                continue
            holder.channel = None
            async with channel.mutex:
                await channel.reset()
            return channel
        raise KonnektorError(4093)
