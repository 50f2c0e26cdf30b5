"""A box fetches the package that the KSR offers for it (gemSpec_Kon V5.18 TIP1-A_4836-02; TUC_KON_280, steps 1 to 3).

    UpdateInformation signed by the Hersteller     4181
    all files there, as long as announced          4182
    the package whole, signed, and as announced    4183

Then KSR/UPDATE/KONNEKTOR_DOWNLOAD_END. It waits in the folder of programs until an administrator has it applied.
"""

from base64 import b64decode

from tiaas.interfaces.updatepackage import PACKAGE_OCTETS_MAX, is_file_name
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.ksrclient import KsrClient
from tiaas.konnektor.program.events import program_failure
from tiaas.konnektor.program.update import Audience, ProgramUpdates
from tiaas.konnektor.updateevents import download_ended
from tiaas.konnektor.updateoffers import Found, Offer
from tiaas.pki.herstellersignature import BadHerstellerSignature

_INFORMATION_CHANGED, _NOT_ALL_FILES = 4181, 4182


class OwnPackage:
    """Fetches for one box."""

    def __init__(self, programs: ProgramUpdates, box: Audience) -> None:
        self._programs = programs
        self._box = box

    async def fetch(self, client: KsrClient, found: Found) -> None:
        """Fetches the newest package if it is newer and not here yet; a failure is KSR/ERROR."""
        offer = found.newest
        self._programs.not_fetched = ""
        if offer is None or await self._programs.offered_version() == offer.version:
            return
        try:
            self._require_signed(offer)
            name, octets = await self._package(client, offer)
            await self._programs.keep_offer(name, octets, offer.version)
        except KonnektorError as error:
            self._programs.note_failure(offer.version, error)
            self._box.hub.publish(program_failure(self._box.hostname, error))
            return
        self._box.hub.publish(download_ended(found, offer))

    def _require_signed(self, offer: Offer) -> None:
        try:
            self._programs.require_hersteller(offer.signed, b64decode(offer.signature, validate=True))
        except (ValueError, BadHerstellerSignature) as error:
            raise KonnektorError(_INFORMATION_CHANGED, str(error)) from error

    async def _package(self, client: KsrClient, offer: Offer) -> tuple[str, bytes]:
        """Name and content of the one file. Raises `KonnektorError` 4182."""
        if len(offer.files) != 1:
            raise KonnektorError(_NOT_ALL_FILES, f"{len(offer.files)} files instead of one package")
        (file,) = offer.files
        name = file.path.rpartition("/")[2]
        if not is_file_name(name):
            raise KonnektorError(_NOT_ALL_FILES, "a file whose name is none")
        try:
            return name, await client.file(file, PACKAGE_OCTETS_MAX)
        except KonnektorError as error:
            raise KonnektorError(_NOT_ALL_FILES, error.detail) from error
