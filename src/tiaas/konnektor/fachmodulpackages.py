"""Packages of Fachmodule from the KSR (gemSpec_Kon V5.18 TUC_KON_285, TIP1-A_6018; TUC_KON_286, TIP1-A_6019).

    TUC_KON_285 `updates`    what the KSR offers for a Fachmodul        4188, 4189, 4190
    TUC_KON_286 `load`       one package, of up to 25 MB                4188, 4189, 4238, 4242

A package is for the Fachmodul that judges and takes it; here it is kept, the last one of each Fachmodul, until its
Fachmodul asks for it. VSDM, the only one, is part of the program and takes none: who lists and loads is an
administrator. What fails is in the log (TUC_KON_271). The lists of inputs and steps are missing from the text at hand.
"""

import asyncio
import hashlib
from base64 import b64decode, b64encode
from dataclasses import replace
from datetime import datetime

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.interfaces.product_information_v1_1 import ProductIdentification
from tiaas.interfaces.updatepackage import is_file_name
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import ErrorLog, KonnektorError, LoggedError
from tiaas.konnektor.ksrclient import KsrClient
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.store import InstanceStore, Put
from tiaas.konnektor.updateoffers import Device, Found, Offer
from tiaas.konnektor.web import WebClient

_KEPT_KIND, _FILE_KIND = "fachmodul-package", "fachmodul-package-file"
PACKAGE_KINDS = frozenset({_KEPT_KIND, _FILE_KIND})
_UNREACHABLE, _NO_PACKAGE = 4188, 4238


@dataclass(frozen=True, slots=True)
class KeptPackage:
    """A package that was loaded, without its content; `sha256` in hexadecimal is that of what came."""

    update_id: str
    version: str
    file: str
    octets: int
    sha256: str
    loaded: datetime


class FachmodulPackages:
    """For the Fachmodule of one instance. Without `client` there is no KSR."""

    def __init__(
        self,
        own: Device,
        client: KsrClient | None,
        store: InstanceStore,
        errors: ErrorLog,
        online: OnlineMode,
        clock: Clock,
    ) -> None:
        self._own = own
        self._client = client
        self._store = store
        self._errors = errors
        self._online = online
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        """A package is held in memory while it comes."""

    def device(self, fachmodul: str) -> Device:
        """What a Fachmodul says it is: part of this Konnektor, under a ProductCode of its own."""
        return replace(self._own, product_code=fachmodul)

    def stop(self) -> None:
        """Closes what is kept open."""
        if self._client is not None:
            self._client.close()

    async def updates(self, fachmodul: str) -> Found:
        """TUC_KON_285. Raises `KonnektorError` 4188 (offline, too), 4189, 4190."""
        try:
            return await self._reachable().list_updates(self.device(fachmodul))
        except KonnektorError as error:
            raise self._logged(error, fachmodul) from None

    async def load(self, fachmodul: str, offer: Offer) -> KeptPackage:
        """TUC_KON_286: loads the package of an offer and keeps it instead of what was kept for the Fachmodul.

        What was kept stays if that fails. Raises `KonnektorError` 4188 (offline, too), 4189, 4238, 4242, `StoreError`.
        """
        async with self._one_at_a_time:
            try:
                name, content, digest = await self._content(self._reachable(), offer)
            except KonnektorError as error:
                raise self._logged(error, fachmodul) from None
            kept = KeptPackage(
                offer.update_id,
                offer.version,
                name,
                len(content),
                digest,
                self._clock.now(),
            )
            told = await asyncio.to_thread(_base64, content)
            await self._store.apply(
                [Put(_KEPT_KIND, fachmodul, _row(kept)), Put(_FILE_KIND, fachmodul, {"content": told})]
            )
        return kept

    async def kept(self, fachmodul: str) -> KeptPackage | None:
        """What was loaded last for a Fachmodul. Raises `StoreError`."""
        row = await self._store.get(_KEPT_KIND, fachmodul)
        return None if row is None else KeptPackage(**{**row, "loaded": datetime.fromisoformat(row["loaded"])})

    async def content(self, fachmodul: str) -> bytes | None:
        """Its file, for the Fachmodul. Raises `StoreError`."""
        row = await self._store.get(_FILE_KIND, fachmodul)
        return None if row is None else await asyncio.to_thread(b64decode, row["content"])

    async def _content(self, client: KsrClient, offer: Offer) -> tuple[str, bytes, str]:
        """Name, content and its SHA-256 of the one file. Raises `KonnektorError`."""
        if len(offer.files) != 1:
            raise KonnektorError(_NO_PACKAGE, f"{len(offer.files)} files instead of one package")
        (file,) = offer.files
        name = file.path.rpartition("/")[2]
        if not is_file_name(name):
            raise KonnektorError(_NO_PACKAGE, "a file whose name is none")
        content = await client.fachmodul_package(file)
        digest = await asyncio.to_thread(_sha256, content)
        if file.sha256 not in ("", digest):
            raise KonnektorError(_NO_PACKAGE, "the SHA-256 is not the one that was told")
        return name, content, digest

    def _reachable(self) -> KsrClient:
        if self._client is None or not self._online.active:
            raise KonnektorError(_UNREACHABLE, "there is no way to the KSR")
        return self._client

    def _logged(self, error: KonnektorError, fachmodul: str) -> KonnektorError:
        self._errors.write_error(LoggedError(error, "", "", (("Detail", error.detail), ("Target", fachmodul))))
        return error


def _row(kept: KeptPackage) -> dict[str, str | int]:
    return {
        "update_id": kept.update_id,
        "version": kept.version,
        "file": kept.file,
        "octets": kept.octets,
        "sha256": kept.sha256,
        "loaded": kept.loaded.isoformat(),
    }


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _base64(content: bytes) -> str:
    return b64encode(content).decode("ascii")


def build_fachmodul_packages(
    context: ServiceContext, network: Network, ti: TiAccess, product: ProductIdentification
) -> FachmodulPackages:
    """The packages of an instance. Raises `BadInstanceConfig`."""
    client = KsrClient(ti.ksr_url, WebClient(network), context.trust.check_central_service) if ti.ksr_url else None
    return FachmodulPackages(
        Device.of(product), client, context.store, context.protocol, context.online_mode, context.clock
    )
