"""The jobs of `tiaas sign`: one SignDocument after the other, and each signature in its file as soon as it is there.

Ctrl-C or SIGTERM stops the job and waits for its answer, in which are its finished parts (TAB_KON_192); a second
one does not wait.
"""

import asyncio
import re
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from tiaas.base.dataclass import dataclass
from tiaas.cli import documentfiles
from tiaas.cli.outputfiles import NotWritten
from tiaas.cli.writer import note
from tiaas.client import ClientError, Crypt, DocumentToSign, Konnektor, KonnektorFault, SignedResult
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Card

HBAX = frozenset({CardType.HBA, CardType.HBA_QSIG})
_PIN = "PIN.QES"
_TRIES = 3
"""Wrong entries of PIN.QES until it is blocked (gemSpec_HBA_ObjSys_G2.1)."""
_NOT_AS_SAID, _WRONG_PIN, _CARD_BUSY, _WRONG_FORMAT, _WRONG_TYPE = 4024, 4085, 4093, 4110, 4111
_XML_HINT = (
    "the qualified signature of XML is a CAdES signature (--type cades, for an E-Rezept with --enveloping) "
    "or one under a signature policy (--policy nfdm)"
)
_MIME_HINT = "what has no MIME type gets no qualified signature: say --mime text/plain, or what else it is"
_UPDATE_HINT = (
    "--parallel and --counter add to signatures (.p7s, .p7m) and signed XML only, qualified to a .p7m, which has the "
    "document in it"
)
_PDF_HINT = "a PDF that is no PDF/A gets a CAdES signature beside it, which is not qualified, with --mime binary"
_JOB_OCTETS = 30 * 1024 * 1024
"""Octets of all documents in one call: with base64 less than the client takes in one answer."""
_WHICH = re.compile("document ([0-9]{1,3}) of [0-9]{1,3}(?::|$)")
"""How our Konnektor says which document of a call an error is about."""


@dataclass(frozen=True, slots=True)
class ToSign:
    """A file, what is sent of it, and where the result goes."""

    source: Path
    document: DocumentToSign
    target: Path


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed and is written."""

    wish: ToSign
    result: SignedResult


@dataclass(frozen=True, slots=True)
class Unwritten:
    """What was signed and could not be written, or not under its name."""

    wish: ToSign
    error: NotWritten


class SigningJobs:
    """All jobs of one command. `signed` and `unwritten` grow while `run` runs: a job that fails costs only itself."""

    def __init__(self, wishes: Sequence[ToSign], stack: int, crypt: Crypt | None, *, force: bool = False) -> None:
        self._wishes = wishes
        self._stack = stack
        self._crypt = crypt
        self._force = force
        self._interrupted = False
        self.signed: list[Signed] = []
        self.unwritten: list[Unwritten] = []

    async def run(self, konnektor: Konnektor, card: Card) -> None:
        """Until all are signed or a job ends early. Raises `ClientError`, `NotWritten`."""
        with _cancelled_by_sigterm():
            await self._run(konnektor, card)

    async def _run(self, konnektor: Konnektor, card: Card) -> None:
        for part in self._parts():
            number = await konnektor.get_job_number()
            if card.card_type in HBAX:
                note(f"tiaas: job {number}: if terminal {card.ct_id} asks for {_PIN}, type it there")
            try:
                results = await self._answer(konnektor, card, part, number)
            except ClientError as error:
                documentfiles.name_error(error, _about(part, error))
                if isinstance(error, KonnektorFault):
                    await _explain(konnektor, card, part, error)
                raise
            self._save(part, results)
            if len(results) < len(part) or self._interrupted:
                break
            if len(part) < len(self._wishes):
                note(f"tiaas: {len(self.signed)} of {len(self._wishes)} signed")

    def _save(self, part: Sequence[ToSign], results: Sequence[SignedResult]) -> None:
        """Writes all that can be written, for somebody may have typed a PIN for it. Raises the first `NotWritten`."""
        for result in results:
            wish = part[result.index]
            try:
                documentfiles.write_result(wish.target, result.content, force=self._force)
            except NotWritten as error:
                self.unwritten.append(Unwritten(wish, error))
            else:
                self.signed.append(Signed(wish, result))
        if self.unwritten:
            raise self.unwritten[0].error

    def _parts(self) -> Iterator[Sequence[ToSign]]:
        """What goes into each job: one document at least, together no more than an answer may carry."""
        first, size = 0, 0
        for at, wish in enumerate(self._wishes):
            octets = len(wish.document.content)
            if at > first and (at - first == self._stack or size + octets > _JOB_OCTETS):
                yield self._wishes[first:at]
                first, size = at, 0
            size += octets
        yield self._wishes[first:]

    async def _answer(
        self, konnektor: Konnektor, card: Card, part: Sequence[ToSign], number: str
    ) -> Sequence[SignedResult]:
        """What SignDocument answers; interrupted, it is stopped first."""
        documents = [wish.document for wish in part]
        answer = asyncio.create_task(konnektor.sign_documents(card.card_handle, documents, number, self._crypt))
        try:
            return await asyncio.shield(answer)
        except asyncio.CancelledError:
            self._interrupted = True
            _take_interruption()
            note(
                f"tiaas: stopping job {number}: its documents are discarded but for finished parts, "
                "those of earlier jobs are written (Ctrl-C again: end at once)"
            )
        # It may have ended, or not have begun.
        with suppress(ClientError):
            await konnektor.stop_signature(number)
        try:
            return await answer
        except KonnektorFault:
            if not self.signed:
                raise
            return ()


@contextmanager
def _cancelled_by_sigterm() -> Iterator[None]:
    """SIGTERM cancels this task, as asyncio does by Ctrl-C; signals come to the main thread only."""
    task = asyncio.current_task()
    if task is None or threading.current_thread() is not threading.main_thread():
        yield
        return
    loop = asyncio.get_running_loop()
    loop.add_signal_handler(signal.SIGTERM, task.cancel)
    try:
        yield
    finally:
        loop.remove_signal_handler(signal.SIGTERM)


def _take_interruption() -> None:
    """Ctrl-C or SIGTERM cancelled this task; it goes on, and whom it awaits shall not take it for cancelled."""
    task = asyncio.current_task()
    if task is not None:
        task.uncancel()


def _about(part: Sequence[ToSign], error: ClientError) -> str:
    """The file that an error is about, or all of its job."""
    detail = error.trace[-1].detail if isinstance(error, KonnektorFault) and error.trace else None
    which = _WHICH.match(detail or "")
    if which is not None and 1 <= int(which[1]) <= len(part):
        return str(part[int(which[1]) - 1].source)
    first, last = part[0].source, part[-1].source
    return str(first) if len(part) == 1 else f"{first} to {last} ({len(part)} documents)"


def _is_untyped(document: DocumentToSign) -> bool:
    return not document.is_xml and document.mime_type is None


async def _explain(konnektor: Konnektor, card: Card, part: Sequence[ToSign], error: KonnektorFault) -> None:
    """What the fault does not say."""
    if error.code == _WRONG_FORMAT and any(wish.document.update is not None for wish in part):
        note(f"tiaas: {_UPDATE_HINT}")
    if card.card_type not in HBAX:
        if error.code == _NOT_AS_SAID and any(wish.document.mime_type == documentfiles.PDF for wish in part):
            note(f"tiaas: {_PDF_HINT}")
        return
    if error.code == _WRONG_TYPE and any(wish.document.is_xml for wish in part):
        note(f"tiaas: {_XML_HINT}")
    if error.code == _WRONG_FORMAT and any(_is_untyped(wish.document) for wish in part):
        note(f"tiaas: {_MIME_HINT}")
    if error.code == _CARD_BUSY:
        note(f"tiaas: another job holds the card; its prompt, if it stands at {card.ct_id}, ends by cancel there")
    if error.code == _WRONG_PIN:
        with suppress(ClientError):
            state = await konnektor.get_pin_status(card.card_handle, _PIN)
            if state.left_tries is not None:
                note(f"tiaas: {_told_tries(state.left_tries)}")


def _told_tries(left: int) -> str:
    """A right entry gives all tries back, so with fewer of them the last one was wrong."""
    told = f"{left} tr{'y' if left == 1 else 'ies'} left"
    return f"the {_PIN} that was typed last was wrong: {told}" if left < _TRIES else f"{_PIN}: {told}"
