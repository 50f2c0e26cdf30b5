"""Comfort signatures: one entry of PIN.QES for many jobs (gemSpec_Kon V5.18 §4.1.8.1.5: TUC_KON_158, 170 to 173).

Theory of operation. A comfort session is a card session with a part: a logical channel of the HBA that enters DF.QES
at the activation and does not leave it before the end (A_18597), so nothing else that the session does with the card
disturbs it. The secure channel of the SAK on it is built once and stays. Jobs of all sessions on one card are done one
after another; each signature asks the session's state first.

The end by timer, counter or card is noticed at the card first: its channel is closed. The session keeps that it was one
until the next SignDocument, which gets 4271, or a new activation. Parallel sessions end one by one (A_22352, A_22459),
but DeactivateComfortSignature and the administrator end all of a card.
"""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager, suppress
from weakref import WeakKeyDictionary

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.card import commands
from tiaas.card.link import CardLinkError
from tiaas.konnektor import displaytexts as texts
from tiaas.konnektor.cardmap import PIN_QES
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.comfortstate import ComfortState
from tiaas.konnektor.comfortusers import ComfortUsers
from tiaas.konnektor.config import COMFORT_MAX, SignatureSettings
from tiaas.konnektor.cvcimport import CvcChain, Side, ok
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.keyuse import CertifiedKey
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.pinstates import PinOutcome
from tiaas.konnektor.qesfolder import STACK_ENVIRONMENT, enter_qes_folder, signatures_per_pin
from tiaas.konnektor.qesjob import StackResult, StackRun
from tiaas.konnektor.qeskey import NotAuthorised, compute_signature, select_key
from tiaas.konnektor.qespin import QesPin, QesPins
from tiaas.konnektor.qesstack import Part
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sakchannel import SakChannel, SakLink
from tiaas.konnektor.sessions import CardSession, Channel, ChannelClosed
from tiaas.konnektor.store import StoreError

SESSIONS_MAX = 2
"""Comfort sessions per HBA (A_22344: two at least). A card has three logical channels: one stays for everybody else."""

OFF, ENDED, NOT_ACTIVATED, NO_SESSION_LEFT = 4263, 4271, 4267, 4278
NOT_AN_HBA, NOT_DEACTIVATED, NO_MODE = 4274, 4268, 4269
_FAULT_OF_OUTCOME = {PinOutcome.REJECTED: 4276, PinOutcome.BLOCKED: 4275}
_NOT_SIGNED, _OF_THE_CHANNEL = 4123, frozenset({4056, 4057, 4228})
_HOUR, _RETRY_SECONDS = 3600, 5.0


@dataclass(slots=True)
class ComfortSession:
    """A comfort session: its card and the part of its card session, its state, the secure channel and the key selected
    in it."""

    card: Card
    part: CardSession
    state: ComfortState
    hba: CvcChain
    line: SakChannel | None = None
    key: CertifiedKey | None = None

    def is_lost(self) -> bool:
        """Whether the card has no such state any more: it was pulled or reset."""
        return self.card.removed or PIN_QES not in self.part.auth_state


@dataclass(frozen=True, slots=True)
class ComfortInfo:
    """What GetSignatureMode tells of a session."""

    count_left: int
    seconds_left: float


class Comfort:
    """The comfort sessions of one instance."""

    def __init__(
        self,
        pins: QesPins,
        remote: RemotePins,
        sak: SakLink,
        settings: SignatureSettings,
        users: ComfortUsers,
        clock: Clock,
    ) -> None:
        self._pins = pins
        self._remote = remote
        self._sak = sak
        self._users = users
        self._clock = clock
        self.settings = settings
        self._sessions: WeakKeyDictionary[CardSession, ComfortSession] = WeakKeyDictionary()
        self._unclean: set[Card] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    def require_on(self) -> None:
        """Raises 4263 unless the administrator has switched the function on."""
        if not self.settings.comfort:
            raise KonnektorError(OFF)

    def holds(self, session: CardSession) -> bool:
        """Whether CARDSESSION.SIGNMODE is Comfort."""
        return session in self._sessions

    def info(self, session: CardSession) -> ComfortInfo | None:
        """TUC_KON_173: counter and timer of a session that may still sign, else None."""
        comfort = self._sessions.get(session)
        now = self._clock.monotonic()
        if comfort is None or comfort.is_lost() or not comfort.state.is_open(now):
            return None
        return ComfortInfo(comfort.state.count_left, comfort.state.seconds_left(now))

    async def activate(
        self, card: Card, session: CardSession, workplace_id: str, mandant_id: str | None = None
    ) -> None:
        """TUC_KON_171. A session that is in comfort mode begins anew.

        Raises 4263, 4274 not an HBA, 4272 the session's userId is no UUID, 4270 it was used before, 4278 no session or
        channel left, 4275 PIN blocked now, 4276 wrong PIN, 4267 what failed after the PIN, and what `QesPins.reserve`
        and an entry raise. In every case the session is in PIN mode then.
        """
        self.require_on()
        if card.card_type is not CardType.HBA:
            raise KonnektorError(NOT_AN_HBA)
        await self._users.require_new(session.context.user_id)
        async with card.reserve():
            with link_faults():
                await self._end(session, self._sessions.get(session))
                _require_place(card)
                hba = await self._remote.target_chain(card)
                per_pin = await signatures_per_pin(card, self._clock)
            self._sak.require(hba)
            try:
                async with self._pins.reserve(
                    card, session, workplace_id, protected=True, mandant_id=mandant_id
                ) as pin:
                    comfort = await self._begin(card, session, pin, hba, per_pin or COMFORT_MAX)
                    # The administrator may have switched the function off while the holder typed.
                    self.require_on()
                    self._sessions[session] = comfort
            except BaseException:
                self._sessions.pop(session, None)
                with suppress(KonnektorError, CardLinkError):
                    await self._close_part(card, session)
                raise
        self._arm()

    async def sign(self, run: StackRun) -> StackResult:
        """TUC_KON_170 and 158 for a job of a session that `holds`.

        Raises 4263, 4271 the session has ended (it is in PIN mode then), 4093, 4094, 4120, 4123.
        """
        self.require_on()
        session = run.job.session
        comfort = self._sessions[session]
        if comfort.is_lost() or not comfort.state.accept(self._clock.monotonic()):
            if comfort.state.drains and not comfort.is_lost():
                # A_18686-01: jobs accepted before the timer's end are finished; the last one resets the card's state.
                raise KonnektorError(ENDED)
            await self._over(session, comfort)
        try:
            # One job at a time on a card: the others wait instead of failing.
            turns = run.job.card.derived("comfort signature", asyncio.Lock)
            async with turns, run.job.card.reserve(sessions_go_on=True):
                for digest in run.digests:
                    if not run.job.stop.turned():
                        run.add(await self._sign_one(comfort, run.job.key, digest))
        except _Over:
            await self._over(session, comfort)
        finally:
            comfort.state.finish()
            await self._settle(comfort)
        return run.stopped(Part(0, len(run.digests))) or run.complete()

    async def deactivate(self, card: Card) -> None:
        """TUC_KON_172 for one card: all its comfort sessions. Raises 4268 if the card's state could not be reset."""
        failed: list[KonnektorError] = []
        for session in list(card.sessions.values()):
            error = await self._off(session, self._sessions.get(session))
            failed += [] if error is None else [error]
        if failed:
            raise KonnektorError(NOT_DEACTIVATED, fill=card.handle, causes=failed[:1])

    async def configure(self, settings: SignatureSettings) -> None:
        """The administrator's settings from now on; switched off, all comfort sessions of all HBAs end."""
        self.settings = settings
        if not settings.comfort:
            for session, comfort in list(self._sessions.items()):
                await self._off(session, comfort)

    async def tidy(self) -> None:
        """Resets the card state of the sessions whose end has come; jobs accepted before it may finish.

        What a card did not do before is tried again.
        """
        for comfort in list(self._sessions.values()):
            await self._settle(comfort)
        for card in list(self._unclean):
            with suppress(KonnektorError, CardLinkError):
                await card.close_orphans()
                self._unclean.discard(card)
        self._arm()

    async def stop(self) -> None:
        """Looks after nothing any more."""
        if self._timer is not None:
            self._timer.cancel()
        for task in list(self._tasks):
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    def _arm(self) -> None:
        """The next look: at the first deadline, soon if a card is to be asked again."""
        if self._timer is not None:
            self._timer.cancel()
        now = self._clock.monotonic()
        looks = [comfort.state.next_look(now) for comfort in self._sessions.values()]
        waits = [seconds for seconds in looks if seconds is not None]
        waits += [_RETRY_SECONDS] if self._unclean else []
        self._timer = asyncio.get_running_loop().call_later(min(waits), self._look) if waits else None

    def _look(self) -> None:
        task = asyncio.get_running_loop().create_task(self.tidy())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # ---- beginning ---------------------------------------------------------------------------------------------------

    async def _begin(
        self, card: Card, session: CardSession, pin: QesPin, hba: CvcChain, per_pin: int
    ) -> ComfortSession:
        part = session.open_part()
        async with AsyncExitStack() as stack:
            channel = await _channel(stack, part)
            restored = await channel.transmit(commands.mse_restore(STACK_ENVIRONMENT))
            ok(restored, Side.TARGET, "MANAGE SECURITY ENVIRONMENT")
            result = await pin.ask(channel, part, texts.comfort_prompts())
            if result.outcome is not PinOutcome.OK:
                raise KonnektorError(_FAULT_OF_OUTCOME[result.outcome])
            deadline = self._clock.monotonic() + self.settings.comfort_hours * _HOUR
            with _not_activated(card):
                line = await self._sak.open(channel, card, hba)
                await self._users.remember(session.context.user_id or "")
        return ComfortSession(card, part, ComfortState(self.settings.comfort_max, per_pin, deadline), hba, line)

    # ---- signing -----------------------------------------------------------------------------------------------------

    async def _sign_one(self, comfort: ComfortSession, key: CertifiedKey, digest: bytes) -> bytes:
        """One signature on the part's channel. Raises `_Over`, 4120, 4123."""
        if comfort.is_lost():
            raise _Over
        try:
            with link_faults():
                async with comfort.part.use() as channel:
                    if comfort.is_lost() or not comfort.state.may_sign():
                        raise _Over
                    return await self._send(comfort, channel, key, digest)
        except NotAuthorised:
            comfort.state.card_refused()
            raise _Over from None
        except ChannelClosed:
            raise _Over from None

    async def _send(self, comfort: ComfortSession, channel: Channel, key: CertifiedKey, digest: bytes) -> bytes:
        line, selected = comfort.line, comfort.key
        # Until the answer is there nobody knows whether the secure channel still is.
        comfort.line = comfort.key = None
        try:
            if line is None:
                line = await self._sak.open(channel, comfort.card, comfort.hba)
            if selected is not key:
                await select_key(line, key)
            value = await compute_signature(line, key, digest)
        except NotAuthorised:
            raise
        except KonnektorError as error:
            if error.code in _OF_THE_CHANNEL:
                raise KonnektorError(_NOT_SIGNED, causes=(error,)) from error
            raise
        comfort.line, comfort.key = line, key
        return value

    # ---- ending ------------------------------------------------------------------------------------------------------

    async def _over(self, session: CardSession, comfort: ComfortSession) -> None:
        """The session is in PIN mode from now on; its caller learns that. Raises 4271."""
        await self._off(session, comfort)
        raise KonnektorError(ENDED)

    async def _off(self, session: CardSession, comfort: ComfortSession | None) -> KonnektorError | None:
        """SIGNMODE is PIN; what went wrong with the card."""
        try:
            with link_faults():
                await self._end(session, comfort)
        except KonnektorError as error:
            return error
        return None

    async def _end(self, session: CardSession, comfort: ComfortSession | None) -> None:
        if comfort is None:
            return
        if self._sessions.get(session) is comfort:
            del self._sessions[session]
        comfort.state.end()
        await self._close(session, comfort)

    async def _settle(self, comfort: ComfortSession) -> None:
        """Resets the card's state if the end has come without anybody's wish."""
        if not comfort.state.is_due(self._clock.monotonic()):
            return
        comfort.state.end()
        for session in list(comfort.card.sessions.values()):
            with suppress(KonnektorError, CardLinkError):
                await self._close(session, comfort)

    async def _close(self, session: CardSession, comfort: ComfortSession) -> None:
        if session.part is not comfort.part:
            return
        await self._close_part(comfort.card, session)

    async def _close_part(self, card: Card, session: CardSession) -> None:
        """What the card does not do now, or nobody waits for, is asked of it again later."""
        try:
            await session.close_part()
        except BaseException:
            self._unclean.add(card)
            self._arm()
            raise


def _require_place(card: Card) -> None:
    """Raises 4278 if as many comfort sessions as there may be are open on the card."""
    if sum(session.part is not None for session in card.sessions.values()) >= SESSIONS_MAX:
        raise KonnektorError(NO_SESSION_LEFT)


class _Over(Exception):
    """The comfort session has come to its end."""


async def _channel(stack: AsyncExitStack, part: CardSession) -> Channel:
    """A logical channel of its own in DF.QES. Raises 4278 if the card has none left."""
    try:
        return await enter_qes_folder(stack, part)
    except ChannelClosed:
        # The card was reset before; nothing is lost yet.
        return await enter_qes_folder(stack, part)
    except KonnektorError as error:
        if error.code == 4093:
            raise KonnektorError(NO_SESSION_LEFT) from error
        raise


@contextmanager
def _not_activated(card: Card) -> Iterator[None]:
    """4267 for what fails after the PIN."""
    try:
        with link_faults():
            yield
    except KonnektorError as error:
        raise KonnektorError(NOT_ACTIVATED, fill=card.handle, causes=(error,)) from error
    except StoreError as error:
        raise KonnektorError(NOT_ACTIVATED, fill=card.handle) from error
