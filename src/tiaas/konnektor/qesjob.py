"""A signature job with an HBA, and how far it has come (gemSpec_Kon V5.18 TUC_KON_150, 154, 168; TAB_KON_192)."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import field

from tiaas.base.dataclass import dataclass
from tiaas.konnektor import displaytexts as texts
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.keyuse import CertifiedKey
from tiaas.konnektor.pinstates import PinOutcome
from tiaas.konnektor.qeskey import CommandLine, compute_signature, select_key
from tiaas.konnektor.qespin import QesPin
from tiaas.konnektor.qesstack import (
    Consequence,
    Incident,
    Part,
    Phase,
    StackEnd,
    consequence,
    end_of,
    group,
    incident_of,
)
from tiaas.konnektor.sessions import CardSession, Channel

_FAULT_OF_OUTCOME = {PinOutcome.REJECTED: 4085, PinOutcome.BLOCKED: 4063}
"""No table names a code for a wrong PIN in TUC_KON_150; without the PIN the key's access condition does not hold."""
_GONE = 4094


def _nobody() -> None:
    pass


class StopSwitch:
    """What StopSignature turns: one per job."""

    _on = False
    _listener: Callable[[], None] = staticmethod(_nobody)

    def turn(self) -> None:
        """The job is to end as TAB_KON_192 says."""
        if not self._on:
            self._on = True
            self._listener()

    @contextmanager
    def heard_by(self, listener: Callable[[], None]) -> Iterator[None]:
        """`listener` is called at the moment of the turn."""
        self._listener = listener
        try:
            yield
        finally:
            self._listener = _nobody

    def turned(self) -> bool:
        """Whether somebody did."""
        return self._on


@dataclass(frozen=True, slots=True)
class QesJob:
    """One job: who signs with which key (`certified_key` of C.QES), and its number, which the terminal shows.

    `on_signed` hears the index of each document that has all its signatures (SIG/SIGNDOC/NEXT_SUCCESSFUL).
    """

    card: Card
    session: CardSession
    workplace_id: str
    number: str
    key: CertifiedKey
    stop: StopSwitch = field(default_factory=StopSwitch)
    on_signed: Callable[[int], None] = lambda index: None
    mandant_id: str | None = None
    """The caller's, see `Pins.verify`."""


@dataclass(frozen=True, slots=True)
class StackResult:
    """The signature values of the documents that were signed, in order, each in the order of its hash values.

    ECDSA values are DER. Unless `end` is COMPLETE the last documents are missing.
    """

    values: tuple[tuple[bytes, ...], ...]
    end: StackEnd


class StackRun:
    """A job under way: what is signed so far. `digests` are those of all documents in a row.

    `left` has the result as soon as StopSignature ends the job while somebody is asked for the PIN, None as soon as the
    card is pulled meanwhile: the prompt stays at the terminal, and the card is not free before that has answered, but
    nobody has to wait for it. Needs an event loop.
    """

    def __init__(self, job: QesJob, documents: Sequence[Sequence[bytes]]) -> None:
        self.job = job
        self.left: asyncio.Future[StackResult | None] = asyncio.get_running_loop().create_future()
        self.digests = [digest for document in documents for digest in document]
        self._sizes = [len(document) for document in documents]
        self._values: list[bytes] = []
        self._told = 0

    def left_result(self) -> StackResult:
        """What `left` has. Raises 4094."""
        result = self.left.result()
        if result is None:
            raise KonnektorError(_GONE)
        return result

    async def authorise(self, pin: QesPin, channel: Channel) -> StackResult | None:
        """PIN.QES; the stack's result if that ends it without an error."""
        phase = Phase.REPEATED_PIN if self._values else Phase.FIRST_PIN
        if self.job.stop.turned():
            return self._ended(Incident.STOPPED)
        try:
            with self.job.stop.heard_by(self._leave), self.job.card.watched_by(self._lose):
                result = await pin.ask(channel, self.job.session, texts.signature_prompts(self.job.number))
            if result.outcome is not PinOutcome.OK:
                raise KonnektorError(_FAULT_OF_OUTCOME[result.outcome])
        except KonnektorError as error:
            incident = Incident.STOPPED if self.job.stop.turned() else incident_of(error.code)
            # The prompt of a terminal that enciphers the PIN goes on without the card, and ends as if it were there.
            if self.job.card.removed and incident not in (Incident.STOPPED, Incident.OTHER):
                raise KonnektorError(_GONE) from None
            if consequence(phase, incident) is not Consequence.KEEP_PARTS:
                raise
            return self._ended(incident)
        return self._ended(Incident.STOPPED) if self.job.stop.turned() else None

    async def sign(self, line: CommandLine, part: Part) -> StackResult | None:
        """A part's signatures; the stack's result if StopSignature ends it."""
        await select_key(line, self.job.key)
        for digest in self.digests[part.start : part.stop]:
            if not self.job.stop.turned():
                self.add(await compute_signature(line, self.job.key, digest))
        return self.stopped(part)

    def add(self, value: bytes) -> None:
        """The next signature."""
        self._values.append(value)
        while self._told < len(self._sizes) and sum(self._sizes[: self._told + 1]) <= len(self._values):
            self.job.on_signed(self._told)
            self._told += 1

    def stopped(self, part: Part) -> StackResult | None:
        """The stack's result if StopSignature came while `part` was signed."""
        if not self.job.stop.turned():
            return None
        del self._values[part.start :]
        return self._ended(Incident.STOPPED)

    def complete(self) -> StackResult:
        """All is signed."""
        return StackResult(group(self._values, self._sizes), StackEnd.COMPLETE)

    def _leave(self) -> None:
        """TAB_KON_192 no. 3."""
        if not self.left.done():
            self.left.set_result(self._ended(Incident.STOPPED))

    def _lose(self) -> None:
        """TAB_KON_192 no. 7."""
        if not self.left.done():
            self.left.set_result(None)

    def _ended(self, incident: Incident) -> StackResult:
        return StackResult(group(self._values, self._sizes), end_of(incident))
