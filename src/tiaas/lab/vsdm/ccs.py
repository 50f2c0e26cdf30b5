"""VSDD and CMS: write to a card through PerformUpdates and GetNextCommandPackage (gemSpec_SST_FD_VSDM V1.6.0, 4).

A conversation ends with Close, with a fault after which the update waits on, or by time: no message for a minute
(Tab_SST_VSDM_06). PerformUpdates for the same card ends the one before. A message of a conversation that nobody knows
is refused as a message (1014); one that comes too late is found out when the update is to go on (5).
"""

from dataclasses import field

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.fachdienste.vsdm.pruefziffer import Reason
from tiaas.interfaces import cm_cc_v2_0 as cc
from tiaas.interfaces.cm_common_v2_0 import ServiceLocalization, ServiceType, SessionIdentifier, UpdatePriority
from tiaas.lab.vsdm.books import Books, Task, Update
from tiaas.lab.vsdm.cardkeys import MASTER_SIZE, CardKeys
from tiaas.lab.vsdm.cardupdate import KEY_CMS, KEY_VSD, set_lock, write_data
from tiaas.lab.vsdm.channel import UNSPECIFIED, Answers, Package, Peer, Steps, UpdateFailed
from tiaas.lab.vsdm.errors import ServiceError
from tiaas.lab.vsdm.localization import check_localization
from tiaas.lab.vsdm.receipts import Receipts
from tiaas.lab.vsdm.records import insurer_of
from tiaas.lab.vsdm.server import Exchange, FromIntermediaer
from tiaas.soap.dispatch import Operation, headed_operation
from tiaas.soap.envelope import Headed

SESSION_SECONDS = 60.0
NO_SUCH_UPDATE, OTHER_FIRST, UNKNOWN_SESSION, SILENT_SESSION = 12101, 12102, 1014, 5
_ID_SIZE = 16


@dataclass(slots=True)
class _Conversation:
    """Updates of one card under way: those still to do, the steps of the first of them, the package at the card."""

    iccsn: str
    todo: list[Update]
    heard_at: float
    steps: Steps | None = None
    package: Package | None = None
    number: int = 1
    identifier: str = ""


@dataclass(slots=True)
class _Turn:
    """What goes into an answer."""

    performed: list[cc.UpdatePerformed] = field(default_factory=list)
    package: cc.CommandPackage | None = None

    @property
    def close(self) -> cc.Close | None:
        """Set if no package is."""
        return cc.Close() if self.package is None else None


class CardCommunicationService:
    """One of the two services, `own` VSD or CMS, for all insurers of a lab."""

    def __init__(
        self, own: ServiceType, books: Books, receipts: Receipts, keys: CardKeys, clock: Clock, entropy: Entropy
    ) -> None:
        self._own = own
        self._books = books
        self._receipts = receipts
        self._keys = keys
        self._foreign = CardKeys(entropy.octets(MASTER_SIZE))
        """Keys that no card has: those a service takes whose key store was mixed up."""
        self._clock = clock
        self._entropy = entropy
        self._conversations: dict[str, _Conversation] = {}

    def operations(self) -> tuple[Operation, ...]:
        """What it serves."""
        return (
            headed_operation(
                cc.PerformUpdates,
                cc.PerformUpdatesResponse,
                self.perform_updates,
                headers=(ServiceLocalization,),
                access=FromIntermediaer(),
                soap_action=cc.PERFORM_UPDATES_ACTION,
            ),
            headed_operation(
                cc.GetNextCommandPackage,
                cc.GetNextCommandPackageResponse,
                self.get_next_command_package,
                headers=(ServiceLocalization, SessionIdentifier),
                access=FromIntermediaer(),
                soap_action=cc.GET_NEXT_COMMAND_PACKAGE_ACTION,
            ),
        )

    async def perform_updates(
        self, request: Headed[cc.PerformUpdates], exchange: Exchange
    ) -> Headed[cc.PerformUpdatesResponse]:
        """Begins; the answer has the first package."""
        iccsn = request.message.iccsn
        await exchange.about("PerformUpdates", f"{iccsn} 1")
        check_localization(request.header(ServiceLocalization), exchange, (self._own,))
        insurer = insurer_of(self._books, iccsn, exchange, UNSPECIFIED)
        is_ours = insurer is not None and insurer == exchange.provider
        updates = [self._wanted(iccsn, update_id, is_ours=is_ours) for update_id in request.message.update_ids]
        self._check_order(iccsn, updates)
        self._forget(iccsn)
        conversation = _Conversation(iccsn, updates, self._clock.monotonic())
        conversation.identifier = self._entropy.octets(_ID_SIZE).hex()
        self._conversations[conversation.identifier] = conversation
        turn = self._go_on(conversation, None, exchange)
        response = cc.PerformUpdatesResponse(
            updates_performed=tuple(turn.performed), command_package=turn.package, close=turn.close
        )
        return Headed(response, (SessionIdentifier(conversation_id=conversation.identifier),))

    async def get_next_command_package(
        self, request: Headed[cc.GetNextCommandPackage], exchange: Exchange
    ) -> Headed[cc.GetNextCommandPackageResponse]:
        """Goes on with the card's answers until Close."""
        session = request.header(SessionIdentifier)
        known = self._known(session)
        about = "" if known is None else f"{known.iccsn} {known.number + 1}"
        await exchange.about("GetNextCommandPackage", about)
        check_localization(request.header(ServiceLocalization), exchange, (self._own,))
        self._disturb(exchange.cause, known)
        conversation = self._known(session)
        if conversation is None or session is None:
            raise ServiceError(UNKNOWN_SESSION)
        if self._is_over(conversation):
            raise ServiceError(SILENT_SESSION)
        insurer_of(self._books, conversation.iccsn, exchange, UNSPECIFIED)
        conversation.heard_at = self._clock.monotonic()
        conversation.number += 1
        package = request.message.command_response_package
        if package.abort is None:
            turn = self._go_on(conversation, package.command_responses, exchange)
        else:
            turn = self._wind_up(conversation, package.command_responses, exchange)
        response = cc.GetNextCommandPackageResponse(
            updates_performed=tuple(turn.performed), command_package=turn.package, close=turn.close
        )
        return Headed(response, (session,))

    def _wanted(self, iccsn: str, update_id: bytes, *, is_ours: bool) -> Update:
        update = self._books.get(update_id)
        known = update is not None and update.iccsn == iccsn and update.task.service is self._own
        if update is None or not known or not is_ours:
            raise ServiceError(NO_SUCH_UPDATE, _named(update_id))
        return update

    def _check_order(self, iccsn: str, wanted: list[Update]) -> None:
        """All mandatory updates that wait before a wanted one must be wanted too, and earlier."""
        done: list[Update] = []
        for update in wanted:
            pending = self._books.pending(iccsn)
            before = pending[: pending.index(update)]
            if any(other.priority is UpdatePriority.MANDATORY and other not in done for other in before):
                raise ServiceError(OTHER_FIRST, _named(update.update_id))
            done.append(update)

    def _forget(self, iccsn: str) -> None:
        for identifier, other in list(self._conversations.items()):
            if other.iccsn == iccsn or self._is_over(other):
                del self._conversations[identifier]

    def _known(self, session: SessionIdentifier | None) -> _Conversation | None:
        return None if session is None else self._conversations.get(session.conversation_id)

    def _disturb(self, cause: str | None, conversation: _Conversation | None) -> None:
        """What a fault does to the service's memory: it starts anew, or heard of a conversation too long ago."""
        if cause == "session-lost":
            self._conversations.clear()
        if cause == "session-silent" and conversation is not None:
            conversation.heard_at = self._clock.monotonic() - 2 * SESSION_SECONDS

    def _is_over(self, conversation: _Conversation) -> bool:
        return self._clock.monotonic() - conversation.heard_at > SESSION_SECONDS

    def _go_on(self, conversation: _Conversation, answers: Answers | None, exchange: Exchange) -> _Turn:
        """The next package, of the same update or of the one after it; none when all are done."""
        turn = _Turn()
        while conversation.todo:
            update = conversation.todo[0]
            try:
                package = self._step(conversation, update, answers, exchange.cause)
            except UpdateFailed as error:
                del self._conversations[conversation.identifier]
                raise ServiceError(error.code, f"{_named(update.update_id)}: {error}") from error
            if package is not None:
                turn.package = _message(package)
                exchange.notes.append(f"package of {len(package.commands)}")
                return turn
            turn.performed.append(self._performed(update))
            exchange.notes.append("update performed")
            conversation.todo.pop(0)
            conversation.steps, answers = None, None
        del self._conversations[conversation.identifier]
        exchange.notes.append("close")
        return turn

    def _step(
        self, conversation: _Conversation, update: Update, answers: Answers | None, cause: str | None
    ) -> Package | None:
        """The next package of an update, None if it is done. Raises `UpdateFailed`."""
        try:
            if conversation.steps is None:
                conversation.steps = self._steps(update, self._foreign if cause == "key-wrong" else self._keys)
                package = next(conversation.steps)
            else:
                package = conversation.steps.send(answers or ())
        except StopIteration:
            return None
        if package.last_if_ok:
            if self._books.get(update.update_id) is None:
                raise UpdateFailed(NO_SUCH_UPDATE, "was cancelled or joined with another")
            self._books.begin(update)
        conversation.package = package
        return package

    def _wind_up(self, conversation: _Conversation, answers: Answers, exchange: Exchange) -> _Turn:
        """After Abort only Close may follow. What the card did before it counts if nothing is missing."""
        turn = _Turn()
        exchange.notes.append("abort")
        package = conversation.package
        if package is not None and package.last_if_ok and len(answers) == len(package.commands):
            try:
                turn = self._go_on(conversation, answers, exchange)
            except ServiceError:
                exchange.notes.append("unexpected answers")
        self._conversations.pop(conversation.identifier, None)
        turn.package = None
        return turn

    def _steps(self, update: Update, keys: CardKeys) -> Steps:
        iccsn = bytes.fromhex(update.iccsn)
        reference = KEY_VSD if self._own is ServiceType.VSD else KEY_CMS
        module = f"TIAAS{self._own}".encode("ascii")
        peer = Peer(iccsn, reference, keys.key(iccsn, reference), module)
        if update.task is Task.DATA:
            now = self._clock.now()
            return write_data(peer, self._books.contents(update), now, self._entropy)
        return set_lock(peer, self._entropy, locked=update.task is Task.LOCK)

    def _performed(self, update: Update) -> cc.UpdatePerformed:
        """The CMS gives no receipt (VSDM-A_2342)."""
        self._books.performed(update)
        is_data = update.task is Task.DATA
        receipt = self._receipts.receipt(update.iccsn, Reason.VSD) if is_data else None
        return cc.UpdatePerformed(update_id=update.update_id, receipt=receipt)


def _named(update_id: bytes) -> str:
    return f"UpdateId {update_id.hex().upper()}"


def _message(package: Package) -> cc.CommandPackage:
    items = tuple(
        cc.CommandItem(command=item.octets, status_code_expected=item.expected.to_bytes(2, "big"))
        for item in package.commands
    )
    return cc.CommandPackage(command_items=items, last_if_ok=True if package.last_if_ok else None)
