"""CM_CARD_LIST: inserted cards, their handles, sessions, locks and cached data (gemSpec_Kon V5.18 §4.1.5).

A lock (TUC_KON_023) reserves a card for one operation. Nobody waits for it: the loser gets 4093. It belongs to an
`async with`, so it ends on every way out, cancellation included, and with the card itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator
from contextlib import contextmanager
from dataclasses import field
from datetime import date, datetime
from types import TracebackType
from typing import Any, Self, TypeVar

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_uuid
from tiaas.card.link import CardLink
from tiaas.konnektor.access import CardFact, HbaSessionFact
from tiaas.konnektor.cardmap import PIN_SMC
from tiaas.konnektor.cardtypes import HBAX, INSURED, SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.heldkeys import HeldKeys
from tiaas.konnektor.sessions import AuthValue, CallContext, CardSession, Channel, ChannelPool

T = TypeVar("T")

CACHE_SECONDS = 24 * 3600
"""TIP1-A_4558: data of HBAx and SM-B are cached 24 hours at most."""
IDLE_SESSIONS_MAX = 256
"""Sessions that never touched their card and can be dropped: a client may invent userIds without end."""
_DERIVED_MAX = 64


@dataclass(frozen=True, slots=True, order=True)
class Version:
    """A version of a card component, three numbers."""

    major: int
    minor: int
    revision: int

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}.{self.revision}"


GENERATION_2_1 = Version(4, 4, 0)
"""The first object systems of generation 2.1; from here on they hold ECC identities."""


@dataclass(frozen=True, slots=True)
class CardVersions:
    """CARD.CARDVERSION as far as EF.Version2 tells it."""

    cos: Version
    object_system: Version
    atr: Version | None = None
    gdo: Version | None = None
    key_info: Version | None = None
    logging: Version | None = None


@dataclass(frozen=True, slots=True, repr=False)
class CardData:
    """What TUC_KON_001 reads, unauthenticated. Personal data, so its `repr` tells the type only.

    `too_old` marks a card of a generation no longer supported (type UNKNOWN); `aut_certificate` is DER.
    """

    card_type: CardType
    iccsn: str | None = None
    versions: CardVersions | None = None
    holder_name: str | None = None
    kvnr: str | None = None
    certificate_expiration: date | None = None
    aut_certificate: bytes | None = None
    atr: bytes = b""
    too_old: bool = False

    def __repr__(self) -> str:
        return f"CardData({self.card_type.value})"


@dataclass(slots=True)
class _Cached:
    value: Any
    expires: float | None


class Card:
    """One inserted card, from insertion to removal; never reused.

    `held` is what a virtual SMC-B has instead of a card.
    """

    def __init__(
        self,
        handle: str,
        ct_id: str,
        slot: int,
        data: CardData,
        line: CardLink,
        inserted: datetime,
        held: HeldKeys | None = None,
    ) -> None:
        self.handle = handle
        self.ct_id = ct_id
        self.slot = slot
        self.data = data
        self.card_type = data.card_type
        """The concrete type."""
        self.insert_time = inserted
        self.held = held
        self.removed = False
        self._listeners: list[Callable[[], None]] = []
        self.sessions: dict[tuple[str, ...], CardSession] = {}
        self._pool = ChannelPool(line, lambda: self.removed, self._holders, single=data.card_type in INSURED)
        self._holder: Reservation | None = None
        self._derived: dict[str, Any] = {}
        self._fact = CardFact(data.card_type, ct_id, data.iccsn)
        self._cache: dict[str, _Cached] = {}
        self._cache_mutex = asyncio.Lock()

    def derived(self, name: str, make: Callable[[], T]) -> T:
        """A value made once: it depends only on what stays the same from insertion to removal."""
        if name not in self._derived:
            self._derived[name] = make()
        found: T = self._derived[name]
        return found

    @property
    def basic(self) -> Channel:
        """The basic channel, for reading what needs no raised rights."""
        return self._pool.basic

    def reserve(self, *, sessions_go_on: bool = False, busy: str = "") -> "Reservation":
        """An exclusive lock as `async with` (TUC_KON_023): 4093 if held by another, 4094 if the card is gone.

        With `sessions_go_on` TUC_KON_026 gives out sessions meanwhile: for an operation that has its own way to wait.
        `busy` is the detail of the 4093 that others get: what they wait for.
        """
        return Reservation(self, sessions_go_on=sessions_go_on, busy=busy)

    def require_free(self, holder: "Reservation | None" = None) -> None:
        """Raises 4093 if the card is reserved by another than `holder`."""
        if self._holder is not None and self._holder is not holder:
            raise KonnektorError(4093, self._holder.busy)

    def require_held(self, holder: "Reservation | None") -> None:
        """Raises 4093 if the card is reserved by another than `holder`, 4232 if `holder` does not have it any more.

        A card that is gone is another matter: its line says so.
        """
        self.require_free(holder)
        if holder is not None and self._holder is not holder and not self.removed:
            raise KonnektorError(4232)

    @property
    def reserved(self) -> bool:
        """True while somebody holds the lock."""
        return self._holder is not None

    def session(self, context: CallContext, holder: "Reservation | None" = None) -> CardSession:
        """TUC_KON_026: the session for `context`, made if needed. Raises 4093 if the card is reserved by another.

        Keys: eGK the card alone; SM-B the Mandant; HBAx Clientsystem and userId (C1–C3). A missing userId with an
        HBAx is a defect of the caller (C16); the access check comes before.
        """
        if self._holder is not None and not self._holder.sessions_go_on:
            self.require_free(holder)
        key = self._session_key(context)
        session = self.sessions.pop(key, None)
        if session is None:
            self._drop_idle_sessions()
            session = CardSession(self._pool, context)
        # The one used last goes last, so that a call under way keeps its session though many others come.
        self.sessions[key] = session
        self.take_activations()
        return session

    def take_activations(self) -> None:
        """With a virtual SMC-B the activation for a Mandant stands in the place of the PIN, in all sessions."""
        if self.held is None:
            return
        for session in self.sessions.values():
            if self.held.is_active(session.context.mandant_id):
                session.auth_state[PIN_SMC] = AuthValue.VERIFIED
            else:
                session.auth_state.pop(PIN_SMC, None)

    def find_session(self, context: CallContext) -> CardSession | None:
        """The session for `context` if there is one."""
        return self.sessions.get(self._session_key(context))

    async def close_orphans(self) -> None:
        """Closes channels that nobody owns. Raises 4093 while somebody types for the card, 4094, `CardLinkError`."""
        await self._pool.close_orphans()

    def _holders(self) -> Iterator[CardSession]:
        """Everybody who may have a channel of its own."""
        for session in self.sessions.values():
            yield session
            if session.part is not None:
                yield session.part

    def has_raised(self, context: CallContext, reference: str) -> bool:
        """Whether the session for `context` exists and has that PIN verified or switched off."""
        if self.held is not None:
            return self.held.is_active(context.mandant_id)
        session = self.find_session(context)
        return session is not None and session.state_of(reference) is not None

    def _session_key(self, context: CallContext) -> tuple[str, ...]:
        if self.card_type in SM_B:
            return (context.mandant_id,)
        if self.card_type in HBAX:
            if not context.user_id:
                raise ValueError("a card session of an HBAx needs a userId (C16)")
            return (context.client_system_id, context.user_id)
        return ()

    def _drop_idle_sessions(self) -> None:
        idle = [key for key, session in self.sessions.items() if session.channel is None and not session.raised]
        for key in idle[: max(0, len(idle) - IDLE_SESSIONS_MAX + 1)]:
            del self.sessions[key]

    async def cached(self, name: str, clock: Clock, load: Callable[[], Awaitable[T]]) -> T:
        """A value read from the card, kept 24 h for HBAx and SM-B, for an eGK until it is removed (TIP1-A_4558).

        `load` must not call `cached` of the same card. What it raises is not kept.
        """
        async with self._cache_mutex:
            entry = self._cache.get(name)
            if entry is None or (entry.expires is not None and clock.monotonic() >= entry.expires):
                value = await load()
                expires = clock.monotonic() + CACHE_SECONDS if self.card_type in HBAX | SM_B else None
                entry = self._cache[name] = _Cached(value, expires)
            found: T = entry.value
            return found

    def forget(self, name: str) -> None:
        """Drops a cached value, because the card was written."""
        self._cache.pop(name, None)

    @contextmanager
    def watched_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """`listener` is called when the card is gone."""
        self._listeners.append(listener)
        try:
            yield
        finally:
            self._listeners.remove(listener)

    def drop(self) -> None:
        """The card is gone: sessions, lock and cached data go with it; steps still under way end with `CardGone`."""
        self.removed = True
        self._holder = None
        self.sessions.clear()
        self._derived.clear()
        self._cache.clear()
        for listener in tuple(self._listeners):
            listener()

    def fact(self) -> CardFact:
        """What the access check needs to know."""
        if self.card_type in SM_B:
            return self._fact
        sessions = self.sessions.values()
        egk: tuple[str, ...] = ()
        hba: tuple[HbaSessionFact, ...] = ()
        if self.card_type in INSURED:
            egk = tuple(session.context.workplace_id for session in sessions)
        if self.card_type in HBAX:
            hba = tuple(HbaSessionFact(s.context.client_system_id, s.context.user_id or "", s.raised) for s in sessions)
        return self._fact._replace(egk_workplaces=egk, hba_sessions=hba)


class Reservation:
    """The exclusive lock on one card for one operation."""

    def __init__(self, card: Card, *, sessions_go_on: bool, busy: str = "") -> None:
        self._card = card
        self.busy = busy
        self.sessions_go_on = sessions_go_on

    async def __aenter__(self) -> Self:
        if self._card.removed:
            raise KonnektorError(4094)
        self._card.require_free(self)
        self._card._holder = self
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._card._holder is self:
            self._card._holder = None


@dataclass(slots=True)
class CardList:
    """All inserted cards of one instance. `on_removed` is called while the card still stands in the list."""

    clock: Clock
    entropy: Entropy
    on_removed: Callable[[Card], None] = lambda card: None
    _by_slot: dict[tuple[str, int], Card] = field(default_factory=dict)
    _by_handle: dict[str, Card] = field(default_factory=dict)
    _derived: dict[Hashable, Any] = field(default_factory=dict)

    def insert(self, ct_id: str, slot: int, data: CardData, line: CardLink, held: HeldKeys | None = None) -> Card:
        """TUC_KON_001 step 2: a new entry with a new handle; an old entry of the slot goes first.

        An entry elsewhere with the same ICCSN goes too: its removal was not told (C4).
        """
        self.remove(ct_id, slot)
        if data.iccsn is not None:
            for card in [card for card in self._by_handle.values() if card.data.iccsn == data.iccsn]:
                self.remove(card.ct_id, card.slot)
        card = Card(random_uuid(self.entropy), ct_id, slot, data, line, self.clock.now(), held)
        self._by_slot[ct_id, slot] = card
        self._by_handle[card.handle] = card
        self._derived.clear()
        return card

    def remove(self, ct_id: str, slot: int) -> None:
        """Takes the card of a slot out of the list, if there is one; its handle becomes invalid for good."""
        card = self._by_slot.get((ct_id, slot))
        if card is None:
            return
        self.on_removed(card)
        del self._by_slot[ct_id, slot]
        del self._by_handle[card.handle]
        self._derived.clear()
        card.drop()

    def remove_terminal(self, ct_id: str) -> None:
        """Takes out all cards of a terminal (connection lost)."""
        for slot in [slot for terminal, slot in self._by_slot if terminal == ct_id]:
            self.remove(ct_id, slot)

    def get(self, handle: str) -> Card:
        """The card of a handle; raises 4008 if there is none."""
        card = self._by_handle.get(handle)
        if card is None:
            raise KonnektorError(4008)
        return card

    def find(self, handle: str) -> Card | None:
        """The card of a handle, or None."""
        return self._by_handle.get(handle)

    def at(self, ct_id: str, slot: int) -> Card | None:
        """The card in a slot, or None."""
        return self._by_slot.get((ct_id, slot))

    def derived(self, key: Hashable, make: Callable[["CardList"], T]) -> T:
        """A value that depends on which cards are inserted and on `key` only, made once until one comes or goes."""
        try:
            found: T = self._derived[key]
            return found
        except KeyError:
            if len(self._derived) >= _DERIVED_MAX:
                self._derived.clear()
            value = self._derived[key] = make(self)
            return value

    def fact_of(self, handle: str) -> CardFact | None:
        """Facts for the access check, or None if the handle is not valid."""
        card = self._by_handle.get(handle)
        return None if card is None else card.fact()

    def __iter__(self) -> Iterator[Card]:
        """All cards, ordered by terminal and slot."""
        return iter([self._by_slot[key] for key in sorted(self._by_slot)])
