"""The HSMs of one instance: logical card terminals in whose slots virtual SMC-Bs are (gemSpec_Kon V5.18 TIP1-A_4535).

An HSM that is not there is a card terminal that is not connected; it is tried again until it comes. One that hangs, or
that fails and does not give its certificates either, has lost its connection: its cards go, and come back when it
answers. Its virtual SMC-Bs are cards like others in lists, events and the access check; what of them may be used is
decided by `activation`.
"""

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import field
from functools import partial
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.heavy import beside
from tiaas.base.secret import Secret
from tiaas.konnektor.cards import CardList
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub, Topic
from tiaas.konnektor.heldkeys import KeyStore, NoLine
from tiaas.konnektor.hsm.activation import Activations
from tiaas.konnektor.hsm.loading import Loaded, load_smb
from tiaas.konnektor.hsm.owned import OwnedKeys
from tiaas.konnektor.hsm.settings import HsmSettings, VirtualSmb
from tiaas.konnektor.hsm.software import SoftwareKeys
from tiaas.konnektor.livemodel import LiveInfoModel
from tiaas.konnektor.store import InstanceStore, StoreError
from tiaas.konnektor.terminalevents import card_event, failure_event
from tiaas.konnektor.terminals import Terminals
from tiaas.pki.pkcs11 import ANSWER_SECONDS, PinRefused, Token, TokenError, TokenTimeout

_log = logging.getLogger("tiaas.konnektor.hsm")

RETRY_SECONDS = 10.0

_NO_HSM = 4032
"""TAB_KON_523."""


@dataclass(frozen=True, slots=True)
class SmbView:
    """A virtual SMC-B as an administrator sees it; personal data. `loaded` None: its HSM is not there."""

    ct_id: str
    slot: int
    smb: VirtualSmb
    loaded: Loaded | None
    mandanten: tuple[str, ...]


@dataclass(slots=True)
class _Hsm:
    settings: HsmSettings
    store: KeyStore | None = None
    pin: Secret | None = None
    is_pin_refused: bool = False
    told_away: bool = False
    is_examined: bool = False
    loaded: list[Loaded] = field(default_factory=list)


class Hsms:
    """Build it, then `start`; `stop` ends it."""

    def __init__(
        self,
        settings: tuple[HsmSettings, ...],
        store: InstanceStore,
        clock: Clock,
        cards: CardList,
        terminals: Terminals,
        hub: EventHub,
        model: LiveInfoModel,
        card_seconds: float = ANSWER_SECONDS,
        retry_seconds: float = RETRY_SECONDS,
    ) -> None:
        """`card_seconds`: how long an HSM may take for one operation (CARD_TIMEOUT_CARD)."""
        self._hsms = [_Hsm(each) for each in settings]
        self._store = store
        self._clock = clock
        self._activations = Activations(store, clock, {})
        self._cards = cards
        self._terminals = terminals
        self._hub = hub
        self._model = model
        self._retry_seconds = retry_seconds
        self._card_seconds = card_seconds
        self._tasks: set[asyncio.Task[None]] = set()

    # ---- life --------------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Loads what is there; what is not is tried again later. Raises `StoreError`."""
        self._activations = await Activations.load(self._store, self._clock)
        await self._activations.keep_assigned(self._model.current.mandant_smbs)
        for hsm in self._hsms:
            self._terminals.add_logical(hsm.settings.ct_id, len(hsm.settings.smbs))
            if not await self._bring_up(hsm):
                self._begin(self._keep_trying(hsm))

    async def stop(self) -> None:
        """Leaves the HSMs. No events are raised: who stops the instance knows."""
        for hsm in self._hsms:
            hsm.loaded = []  # what fails from now on is nothing to be tried again
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for hsm in self._hsms:
            await _leave(hsm)

    def model_changed(self) -> None:
        """The information model is another one: activations without assignment end."""
        if self._hsms:
            self._begin(self._follow_model())

    async def _follow_model(self) -> None:
        try:
            await self._activations.keep_assigned(self._model.current.mandant_smbs)
        except TiaasError as error:
            _log.error("activation of a virtual SMC-B not ended", extra={"kind": type(error).__name__})
        self._bring_states()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _keep_trying(self, hsm: _Hsm) -> None:
        await _leave(hsm)
        while True:
            await asyncio.sleep(self._retry_seconds)
            try:
                if await self._bring_up(hsm):
                    return
            except Exception as error:  # noqa: BLE001 - a defect met once must not end the trying
                await _leave(hsm)
                _log.error("HSM not in use", extra={"ct_id": hsm.settings.ct_id, "kind": type(error).__name__})

    async def _bring_up(self, hsm: _Hsm) -> bool:
        settings = hsm.settings
        try:
            failed = partial(self._failed, hsm)
            store = hsm.store = OwnedKeys(await self._keys_of(hsm), self._store, self._clock, failed)
            await store.open()
            hsm.loaded = [await load_smb(store, smb, self._activations.may_use(smb.iccsn)) for smb in settings.smbs]
        except TokenError as error:
            hsm.is_pin_refused |= isinstance(error, PinRefused)
            fields = {"ct_id": settings.ct_id, "code": _NO_HSM, "reason": error.reason}
            _log.warning("HSM not in use", extra=fields)
            self._tell_away(hsm)
            await _leave(hsm)
            return False
        except StoreError as error:
            _log.error("HSM not in use", extra={"ct_id": settings.ct_id, "kind": type(error).__name__})
            await _leave(hsm)
            return False
        hsm.told_away = False
        self._terminals.logical_up(settings.ct_id)
        for slot, loaded in enumerate(hsm.loaded, start=1):
            card = self._cards.insert(settings.ct_id, slot, loaded.data, NoLine(), loaded.held)
            self._hub.publish(card_event(Topic.CARD_INSERTED, card))
        return True

    def _failed(self, hsm: _Hsm, error: TokenError) -> None:
        """The use of a key failed, which may be because of that key alone."""
        if hsm.store is None or not hsm.loaded:
            return
        if hsm.store.is_stuck:
            self._lose(hsm, "HSM hangs and is out of use until it answers; if it does not, restart the node", error)
        elif not hsm.is_examined and not isinstance(error, TokenTimeout):
            hsm.is_examined = True
            self._begin(self._examine(hsm, hsm.store, error))

    async def _examine(self, hsm: _Hsm, store: KeyStore, error: TokenError) -> None:
        """Whether what is in it can still be read. A token that was away may want its module to be loaded anew."""
        _log.warning("use of a key in an HSM failed", extra={"ct_id": hsm.settings.ct_id, "reason": error.reason})
        try:
            is_there = await _has_certificate(store, hsm.settings)
        except TokenError as found:
            # One that is busy with other things is there.
            is_there, error = isinstance(found, TokenTimeout) and not store.is_stuck, found
        finally:
            hsm.is_examined = False
        if not is_there and hsm.store is store and hsm.loaded:
            self._lose(hsm, "HSM fails and is out of use until it can be read again", error)

    def _lose(self, hsm: _Hsm, says: str, error: TokenError) -> None:
        hsm.loaded = []
        hsm.is_pin_refused |= isinstance(error, PinRefused)
        _log.error(says, extra={"ct_id": hsm.settings.ct_id, "code": _NO_HSM, "reason": error.reason})
        self._terminals.logical_down(hsm.settings.ct_id)
        self._tell_away(hsm)
        self._begin(self._keep_trying(hsm))

    async def _keys_of(self, hsm: _Hsm) -> KeyStore:
        settings = hsm.settings
        if settings.folder is not None:
            return SoftwareKeys(settings.folder)
        if settings.module is None or settings.pin_file is None:
            raise TokenError("the HSM has neither module nor folder")
        try:
            pin = Secret((await beside(0, settings.pin_file.read_bytes)).strip())
        except OSError:
            raise TokenError("the file with the token's PIN cannot be read") from None
        if hsm.is_pin_refused and pin == hsm.pin:
            # Each try counts: after a few the token is locked for everybody.
            raise TokenError("the token refused the PIN, and its file still has the same one")
        hsm.pin, hsm.is_pin_refused = pin, False
        return Token(settings.module, settings.token, pin, seconds=self._card_seconds)

    def _tell_away(self, hsm: _Hsm) -> None:
        """TUC_KON_050, step 2: 4032. Once, however often it is tried again."""
        if not hsm.told_away:
            hsm.told_away = True
            entry = self._terminals.entry(hsm.settings.ct_id)
            self._hub.publish(failure_event(Topic.CT_TLS_ESTABLISHMENT_FAILURE, entry, KonnektorError(_NO_HSM)))

    # ---- administration ----------------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[SmbView]:
        """All virtual SMC-Bs, by terminal and slot."""
        for hsm in self._hsms:
            for slot, smb in enumerate(hsm.settings.smbs, start=1):
                loaded = hsm.loaded[slot - 1] if hsm.loaded else None
                mandanten = tuple(sorted(self._activations.of(smb.iccsn).mandanten))
                yield SmbView(hsm.settings.ct_id, slot, smb, loaded, mandanten)

    async def activate(self, view: SmbView, mandant_id: str, code: Secret) -> None:
        """Raises `ActivationRefused`, `TokenError` for one that is not there or came without code, `StoreError`."""
        if view.loaded is None or view.loaded.code is None:
            raise TokenError("the virtual SMC-B is not there, or has no activation code")
        await self._activations.activate(view.smb.iccsn, mandant_id, code, view.loaded.code)
        # The assignment may have gone while the code was compared.
        await self._activations.keep_assigned(self._model.current.mandant_smbs)
        self._bring_states()

    async def deactivate(self, view: SmbView, mandant_id: str) -> None:
        """Raises `StoreError`."""
        await self._activations.deactivate(view.smb.iccsn, mandant_id)
        self._bring_states()

    def _bring_states(self) -> None:
        """Sessions under way see at once what is active now."""
        for card in self._cards:
            card.take_activations()


async def _has_certificate(store: KeyStore, settings: HsmSettings) -> bool:
    for label in [label for smb in settings.smbs for label in smb.key_labels().values()]:
        if await store.certificate(label) is not None:
            return True
    return False


async def _leave(hsm: _Hsm) -> None:
    """Whoever is cancelled meanwhile has left the rest to the next one."""
    store = hsm.store
    if store is not None:
        with suppress(TokenError):
            await store.close()
        if hsm.store is store:
            hsm.store = None
