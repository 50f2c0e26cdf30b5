"""Replaces the program by one out of an Update-Paket (gemSpec_Kon V5.18 TUC_KON_280, TIP1-A_4832-02; for a
Highspeed-Konnektor gemF_Highspeed-Konnektor V1.1.0 TIP1-A_4832-03).

    package whole, signed by the Hersteller    4183      nothing of it has been written or run before
    version in the Firmware-Gruppe             4185
    unpacked, looked at by a process           4184      what serves goes on serving
    restart, the new program is tried          4184      what served before serves again (`cli/programs.py`)

A node is one process, so its program is that of all its instances; each of them tells of the update by its events.
"""

import asyncio
import enum
import logging
import shutil
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.base.heavy import beside
from tiaas.interfaces.programwheel import Program
from tiaas.interfaces.updatepackage import FirmwareGroup, UpdatePackage
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, Topic
from tiaas.konnektor.program.checks import NOT_APPLIED, NOT_WHOLE, Own, authentic_package, program_in, require_group
from tiaas.konnektor.program.events import program_event, program_failure, program_success
from tiaas.konnektor.program.folder import Attempt, Choice, ProgramFolder
from tiaas.konnektor.program.selfcheck import bare_environment, check_program
from tiaas.pki.certificate import Certificate
from tiaas.pki.herstellersignature import verify_hersteller_untrusted

_log = logging.getLogger("tiaas.konnektor.program")


class CannotUpdate(TiaasError):
    """Not now, or not here; says why, and what to do (`remedy`)."""

    def __init__(self, text: str, remedy: str) -> None:
        super().__init__(text)
        self.remedy = remedy


@enum.unique
class Step(enum.StrEnum):
    """Where an update is (TUC_KON_280: the administrator sees how far it is)."""

    CHECK = "integrity"
    GROUP = "firmware group"
    UNPACK = "unpacking"
    SELF_CHECK = "self check"
    RESTART = "restart"


@dataclass(frozen=True, slots=True)
class Audience:
    """An instance that tells of an update; `hostname` is MGM_KONN_HOSTNAME."""

    hub: EventHub
    hostname: str


class ProgramUpdates:
    """The program of one node. `audience` are the instances that serve now, `restart` ends the node, which is started
    again by whoever keeps it; both are called in the event loop. A new program must be able to read the file `store`.
    """

    def __init__(
        self,
        folder: ProgramFolder,
        anchors: Sequence[Certificate],
        own: Own,
        store: Path,
        audience: Callable[[], Iterable[Audience]],
        restart: Callable[[], object],
        clock: Clock,
    ) -> None:
        self.step: Step | None = None
        self.not_fetched = ""
        """Why the newest package of the KSR is not here (profile einbox); empty: nothing was wrong."""
        self._folder = folder
        self._anchors = anchors
        self._own = own
        self._store = store
        self._audience = audience
        self._restart = restart
        self._clock = clock

    @property
    def running(self) -> str:
        """The version of the program that serves."""
        return self._folder.running

    @property
    def choice(self) -> Choice:
        """The Firmware-Gruppe that counts, and what was tried."""
        return self._folder.read()

    # ---- TUC_KON_280 -------------------------------------------------------------------------------------------------

    async def apply(self, octets: bytes) -> str:
        """Applies a package as far as that goes without a restart, which comes soon; gives its version.

        Raises `KonnektorError` 4183, 4184, 4185, `CannotUpdate`; then all is as before.
        """
        if self.step is not None:
            raise CannotUpdate("an update is under way", "wait for its end: GET /updates (admin updates) tells")
        self.step = Step.CHECK
        self._tell(lambda each: program_event(Topic.KSR_UPDATE_START, each.hostname))
        version = ""
        try:
            package = await self._authentic(octets)
            version = package.manifest.version
            self.step = Step.GROUP
            group = require_group(package, self.choice.held_group)
            if version == self.running:
                raise KonnektorError(NOT_APPLIED, fill=f"Version {version} läuft bereits")
            await self._install(package, group)
        except KonnektorError as error:
            self._failed(version, error)
            raise
        except BaseException:
            # Cancelled, or a defect: nobody can say more, but the update has an end.
            self._tell(lambda each: program_event(Topic.KSR_UPDATE_END, each.hostname))
            self.step = None
            raise
        self.step = Step.RESTART
        self._restart()
        return version

    async def apply_offer(self) -> str:
        """As `apply`, for the package that came from the KSR. Raises `CannotUpdate` if there is none."""
        octets = await asyncio.to_thread(self._folder.offer)
        if octets is None:
            raise CannotUpdate(
                "no package from the KSR is here",
                "upload one (admin updates upload FILE); a box fetches newer ones when it asks (admin updates check)",
            )
        return await self.apply(octets)

    def settle(self) -> None:
        """To be called when the program serves: what an update has come to is told."""
        choice = self.choice
        if choice.trial == self.running:
            attempt = Attempt(self._clock.now(), self.running, choice.current or choice.installed)
            if not self._keep(choice.confirmed().noted(attempt)):
                # Nobody would know that it serves: whoever started it takes it back when its time is over.
                return
            _log.info("program replaced")
            self._tell(lambda each: program_success(each.hostname, self.running))
            self._tell(lambda each: program_event(Topic.KSR_UPDATE_END, each.hostname))
            self._forget_offer()
        elif choice.refused is not None:
            error = KonnektorError(NOT_APPLIED, choice.refusal, fill="Programm startet nicht")
            self._failed(choice.refused, error)
        if self.step is None:
            self._folder.tidy()

    # ---- packages of the KSR (profile einbox) ------------------------------------------------------------------------

    async def keep_offer(self, name: str, octets: bytes, version: str) -> None:
        """Keeps a package of that version for `apply_offer` under its own name. Raises `KonnektorError` 4183, 4184."""
        package = await self._authentic(octets)
        if package.manifest.version != version:
            raise KonnektorError(NOT_WHOLE, f"{package.manifest.version} was put in the place of {version}")
        try:
            await asyncio.to_thread(self._folder.keep_offer, name, octets)
        except OSError as error:
            raise KonnektorError(NOT_APPLIED, str(error), fill="kein Platz") from error

    async def offered_version(self) -> str | None:
        """The version of the package that was kept; one that is not whole any more is forgotten."""
        octets = await asyncio.to_thread(self._folder.offer)
        if octets is None:
            return None
        try:
            return (await self._authentic(octets)).manifest.version
        except KonnektorError:
            self._forget_offer()
            return None

    def require_hersteller(self, content: bytes, signature: bytes) -> None:
        """Whether the Hersteller signed that. Raises `BadHerstellerSignature`."""
        verify_hersteller_untrusted(content, signature, self._anchors, self._clock.now())

    def note_failure(self, version: str, error: KonnektorError) -> None:
        """A package for the Konnektor could not be had: `not_fetched` says it."""
        self.not_fetched = f"{version}: {error.code} {_said(error)}"

    # ---- steps -------------------------------------------------------------------------------------------------------

    async def _authentic(self, octets: bytes) -> UpdatePackage:
        return await beside(len(octets), authentic_package, octets, self._anchors, self._clock.now())

    async def _install(self, package: UpdatePackage, group: FirmwareGroup) -> None:
        version = package.manifest.version
        self.step = Step.UNPACK
        program = await beside(sum(map(len, package.files.values())), program_in, package, self._own)
        place = await self._unpack(version, program)
        self.step = Step.SELF_CHECK
        try:
            environment = self._folder.environment(version, bare_environment())
            await check_program(environment, version, self._store)
            self._folder.write(self.choice.tried(version, group))
        except OSError as error:
            shutil.rmtree(place, ignore_errors=True)
            raise KonnektorError(NOT_APPLIED, str(error), fill="kein Platz") from error
        except BaseException:
            shutil.rmtree(place, ignore_errors=True)
            raise

    async def _unpack(self, version: str, program: Program) -> Path:
        try:
            return await asyncio.to_thread(self._folder.unpack, version, program)
        except OSError as error:
            raise KonnektorError(NOT_APPLIED, str(error), fill="kein Platz") from error

    def _failed(self, version: str, error: KonnektorError) -> None:
        """KSR/ERROR, KSR/UPDATE/END, and an entry in the history."""
        self.step = None
        choice = self.choice
        self._keep(choice.noted(Attempt(self._clock.now(), version, self.running, error.code, _said(error))))
        _log.warning("program not replaced", extra={"code": error.code, "reason": error.detail})
        self._tell(lambda each: program_failure(each.hostname, error))
        self._tell(lambda each: program_event(Topic.KSR_UPDATE_END, each.hostname))

    def _keep(self, choice: Choice) -> bool:
        """Whether it could be kept."""
        try:
            self._folder.write(choice)
        except OSError as error:
            _log.error("state of the program not kept", extra={"reason": error.strerror})
            return False
        return True

    def _forget_offer(self) -> None:
        self._folder.drop_offer()

    def _tell(self, event_for: Callable[[Audience], Event]) -> None:
        for each in self._audience():
            each.hub.publish(event_for(each))


def _said(error: KonnektorError) -> str:
    return f"{error.entry.filled(error.fill)}{f' ({error.detail})' if error.detail else ''}"
