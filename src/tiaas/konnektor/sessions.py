"""Card sessions and logical channels (gemSpec_Kon V5.18 §4.1.5: TIP1-A_4560, TUC_KON_026).

The basic channel (0) of a card serves reading without raised rights. A session gets a logical channel of its own at
its first use, so that a wrong PIN in one session leaves the state of the others alone. If the card has no channel
left, that of a session without raised state is taken (and reset), then the basic channel; when every channel belongs
to a session with raised state the call ends with 4093, which tells a Primärsystem to come again. An eGK has one
session only; it uses the basic channel.

Whoever sends several commands that belong together holds the channel's `mutex`; `CardSession.use` does that and makes
sure that the channel was not taken away while waiting.

A card may lose its state without a word (contact bounce, RESET ICC at the terminal): 6881 tells. And an answer may be
lost on its way, so that a channel is open that nobody owns: such orphans are closed before a session gets 4093.
"""

import asyncio
import enum
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, contextmanager

from tiaas.base.dataclass import dataclass
from tiaas.card import commands
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.link import CardGone, CardLink
from tiaas.card.objsys.addresses import ALG_ROLE
from tiaas.card.status import StatusWord
from tiaas.konnektor import rounds
from tiaas.konnektor.cardmap import CardFile, Folder
from tiaas.konnektor.errors import KonnektorError
from tiaas.pki.keys import Signer

BASIC_CHANNEL = 0
_MANAGE_SECURITY_ENVIRONMENT = 0x22
LOGICAL_CHANNELS = frozenset({1, 2, 3})
"""Channels a G2.1 card can open (gemSpec_COS V3.12.0, 14.9.8): four with the basic one."""


class ChannelClosed(KonnektorError):
    """6881: the card was reset and has none of the sessions' channels and states any more.

    Those of the Konnektor are dropped by then. 4085: who needs a raised state has none; who needs none tries again.
    """

    def __init__(self) -> None:
        super().__init__(4085)


class ChannelStuck(KonnektorError):
    """The card did not reset a channel: its state is unknown. 4094, for only inserting the card again helps."""

    def __init__(self, sw: int) -> None:
        super().__init__(4094, f"MANAGE CHANNEL: {sw:04X}")


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


class Turn(asyncio.Lock):
    """Who holds it has a card's slot alone.

    While somebody types for the card the terminal takes no other command to the slot. That may last minutes, so nobody
    waits for it: commands that come meanwhile end with 4093.
    """

    def __init__(self) -> None:
        super().__init__()
        self._is_entry = False

    @contextmanager
    def of_entry(self) -> Iterator[None]:
        """For the holder of the turn: a PIN entry."""
        self._is_entry = True
        try:
            yield
        finally:
            self._is_entry = False

    def require_no_entry(self) -> None:
        """Raises 4093 while somebody types for the card."""
        if self._is_entry:
            raise KonnektorError(4093)


class Channel:
    """One logical channel of a card: a `CardLink` that sets CLA, counts rounds and knows the folder selected last.

    `deactivated` is true if that folder answered 6283. `turn` is common to all channels of a card: who holds it has
    the slot alone, which a PIN entry needs, because a terminal takes no command to a slot meanwhile.
    """

    def __init__(
        self,
        line: CardLink,
        number: int,
        gone: Callable[[], bool],
        turn: Turn | None = None,
        on_closed: Callable[[], None] = lambda: None,
    ) -> None:
        self._line = line
        self._gone = gone
        self._on_closed = on_closed
        self.number = number
        self.turn = turn or Turn()
        self.folder: Folder | None = None
        self.deactivated = False
        self.closed = False
        self.mutex = asyncio.Lock()
        self._own_key: int | None = None
        self._selected: dict[int, CommandApdu] = {}

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Sends one command on this channel.

        Raises `CardLinkError`; `CardGone` once the card is out of the list; `ChannelClosed`; 4093 during a PIN entry.
        """
        self.turn.require_no_entry()
        async with self.turn:
            return await self.transmit_in_turn(command)

    async def transmit_in_turn(self, command: CommandApdu) -> ResponseApdu:
        """`transmit` for a caller who holds `turn`."""
        self.require_open()
        if command.ins == _MANAGE_SECURITY_ENVIRONMENT:
            self._selected.clear()
        rounds.tick()
        response = await self._line.transmit(commands.with_channel(command, self.number))
        self.require_answer(response)
        return response

    def require_open(self) -> None:
        """Raises `CardGone` or `ChannelClosed` if this channel is no more; who addresses a slot asks while in `turn`.

        Another card may be in the slot by now, and the channel's number may be another session's.
        """
        if self._gone():
            raise CardGone("the card was removed")
        if self.closed:
            raise ChannelClosed

    def require_answer(self, response: ResponseApdu) -> None:
        """Raises `CardGone` if the answer may be another card's, `ChannelClosed` if it says so. For use in `turn`."""
        self.require_open()
        if response.sw == StatusWord.CHANNEL_CLOSED and self.number != BASIC_CHANNEL:
            self._on_closed()
            raise ChannelClosed

    def forget(self) -> None:
        """What was selected is unknown from now on."""
        self.folder = self._own_key = None
        self._selected.clear()

    async def select(self, folder: Folder) -> ResponseApdu:
        """Selects a folder if it is not the current one; the answer is then that of the first time."""
        if self.folder is folder:
            return ResponseApdu(b"", StatusWord.FILE_DEACTIVATED if self.deactivated else StatusWord.OK)
        self.folder = None
        self._selected.clear()
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

    async def use_key(self, setting: CommandApdu) -> ResponseApdu:
        """MSE SET of a key in the current folder for PSO, unless it was the last that was set for that purpose here."""
        if self._selected.get(setting.p2) == setting:
            return ResponseApdu(b"", StatusWord.OK)
        response = await self.transmit(setting)
        if response.ok:
            self._selected[setting.p2] = setting
        return response

    def forget_key(self) -> None:
        """Another private key is about to be selected in the place of the role key."""
        self._own_key = None

    async def read(self, file: CardFile) -> ResponseApdu:
        """Reads a whole transparent file in one command; the answer of SELECT if its folder cannot be selected."""
        selected = await self.select(file.folder)
        if self.folder is not file.folder:
            return selected
        return await self.transmit(commands.read_binary(sfid=file.sfid))

    async def reset(self) -> None:
        """Drops the channel's whole security state; the root folder is selected then. Raises `ChannelStuck`."""
        self.forget()
        response = await self.transmit(commands.manage_channel_reset())
        if not response.ok:
            raise ChannelStuck(response.sw)
        self.folder, self.deactivated = Folder.MF, False


class CardSession:
    """A card session: one logical security state of a card. `auth_state` maps PIN and key references to values.

    `part` is a second channel of the session for what must not leave a folder (A_18597: the comfort signature in
    DF.QES), with states of its own. `signers` are those, by reference and crypt, that stay the same as long as the card
    is there.
    """

    def __init__(self, pool: "ChannelPool", context: CallContext, *, logical_only: bool = False) -> None:
        self._pool = pool
        self.context = context
        self.logical_only = logical_only
        self.auth_state: dict[str, AuthValue] = {}
        self.channel: Channel | None = None
        self.part: CardSession | None = None
        self.signers: dict[tuple[str, str], Signer] = {}

    def open_part(self) -> "CardSession":
        """A new `part`, which gets a logical channel at its first use, never the basic one."""
        self.part = CardSession(self._pool, self.context, logical_only=True)
        return self.part

    async def close_part(self) -> None:
        """Takes `part` away and closes its channel at the card, whose states on it end so.

        Whatever happens nobody uses that channel again. Raises 4093 while somebody types for the card, 4094 if it is
        not closed, `CardLinkError`.
        """
        part, self.part = self.part, None
        if part is not None:
            await self._pool.close(part)

    def state_of(self, reference: str) -> AuthValue | None:
        """The AUTHSTATE entry of a PIN or key, of the session or its part."""
        own = self.auth_state.get(reference)
        return own if own is not None or self.part is None else self.part.auth_state.get(reference)

    @property
    def raised(self) -> bool:
        """Whether any state of it is raised."""
        return bool(self.auth_state) or (self.part is not None and bool(self.part.auth_state))

    @asynccontextmanager
    async def use(self) -> AsyncIterator[Channel]:
        """The session's channel, for this task alone. Raises `KonnektorError` 4093 if the card has none left."""
        while True:
            channel = self.channel if self.channel is not None else await self._pool.allot(self)
            async with channel.mutex:
                if self.channel is channel:
                    yield channel
                    return

    def abandon(self) -> None:
        """Nobody knows the state of the session's channel: nobody uses it again, and the next one who needs a channel
        has it closed. The session's raised state goes with it."""
        self._pool.abandon(self)


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
        self._orphans: set[int] = set()
        self.basic = Channel(line, BASIC_CHANNEL, gone, on_closed=self._card_was_reset)

    async def allot(self, session: CardSession) -> Channel:
        """A channel for `session`. Raises `KonnektorError` 4093 if none can be had, `CardLinkError`."""
        async with self._mutex:
            if session.channel is None:
                session.channel = self.basic if self._single else await self._find(logical_only=session.logical_only)
            return session.channel

    def abandon(self, session: CardSession) -> None:
        """See `CardSession.abandon`."""
        session.auth_state.clear()
        channel, session.channel = session.channel, None
        if channel is None:
            return
        self._orphans.add(channel.number)
        channel.forget()
        channel.closed = channel is not self.basic

    async def close(self, session: CardSession) -> None:
        """Gives the session's channel up and closes it; see `CardSession.close_part`."""
        if session.channel is not None:
            self.abandon(session)
            await self.close_orphans()

    async def close_orphans(self) -> None:
        """Closes what has no owner. Raises 4093 while somebody types for the card, 4094 if one stays open."""
        if self._gone():
            return
        self.basic.turn.require_no_entry()
        async with self._mutex:
            await self._reclaim()
        if self._orphans:
            raise KonnektorError(4094)

    async def _find(self, *, logical_only: bool) -> Channel:
        channel = await self._open()
        if channel is None and self._orphans:
            await self._reclaim()
            channel = await self._open()
        try:
            return channel or await self._take(logical_only=logical_only)
        except ChannelClosed:
            # So the card was reset and has channels to open again.
            channel = await self._open()
            if channel is None:
                raise KonnektorError(4093) from None
            return channel

    async def _open(self) -> Channel | None:
        self.basic.turn.require_no_entry()
        async with self.basic.mutex, self.basic.turn:
            # If the answer is lost, any number without an owner may be open. What others give up meanwhile stays.
            doubtful = LOGICAL_CHANNELS - self._owned() - self._orphans
            self._orphans |= doubtful
            response = await self.basic.transmit_in_turn(commands.manage_channel_open())
            self._orphans -= doubtful
            if not response.ok or len(response.data) != 1 or response.data[0] == BASIC_CHANNEL:
                return None
            number = response.data[0]
            if number in self._owned():
                self._card_was_reset()
            self._orphans.discard(number)
        return self._logical(number)

    def _logical(self, number: int) -> Channel:
        channel = Channel(self._line, number, self._gone, self.basic.turn, self._card_was_reset)
        channel.folder = Folder.MF
        return channel

    def _owned(self) -> set[int]:
        return {session.channel.number for session in self._sessions() if session.channel is not None}

    def _card_was_reset(self) -> None:
        """No session has a state any more. Runs in the card's turn, so nobody uses a number given out anew before."""
        self.basic.forget()
        for session in self._sessions():
            channel = session.channel
            if channel is None:
                continue
            session.auth_state.clear()
            if channel is not self.basic:
                session.channel = None
                channel.closed = True
                self._orphans.add(channel.number)

    async def _reclaim(self) -> None:
        """Closes what has no owner; resets the basic channel if that is to be done. What resists stays an orphan."""
        for number in sorted(self._orphans):
            command = commands.manage_channel_reset() if number == BASIC_CHANNEL else commands.manage_channel_close()
            async with self.basic.mutex, self.basic.turn:
                # On the line itself: 6881 only says here that there was nothing to close.
                self.basic.require_open()
                rounds.tick()
                response = await self._line.transmit(commands.with_channel(command, number))
                if number == BASIC_CHANNEL:
                    self.basic.forget()
            if response.ok or response.sw == StatusWord.CHANNEL_CLOSED:
                self._orphans.discard(number)

    async def _take(self, *, logical_only: bool) -> Channel:
        holders = [session for session in self._sessions() if session.channel is not None]
        is_free = BASIC_CHANNEL not in self._orphans and all(holder.channel is not self.basic for holder in holders)
        if is_free and not logical_only:
            return self.basic
        for holder in holders:
            channel = holder.channel
            if channel is None or holder.auth_state or channel.mutex.locked():
                continue
            if logical_only and channel is self.basic:
                continue
            holder.channel = None
            self._orphans.add(channel.number)
            try:
                async with channel.mutex:
                    await channel.reset()
            except ChannelStuck:
                continue
            self._orphans.discard(channel.number)
            return channel
        raise KonnektorError(4093)
