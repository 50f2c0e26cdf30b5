"""The KSR client of an instance (gemSpec_Kon V5.18 §4.3.10: TIP1-A_4834, 4836-02, 5938, 6025; TAB_KON_503).

Asked are all devices: the Konnektor itself and each kind of card terminal that is paired. What was told is kept in the
store, so that an instance knows when it starts. What follows from it:

    EC_Connector_Software_Out_Of_Date    a newer version of the Konnektor is "Kritisch"
    EC_FW_Update_Available               a newer version of the Konnektor, or of a terminal
    EC_FW_Not_Valid_Status_Blocked       a newer, critical version of a box, and its deadline has come
    EC_CardTerminal_Software_Out_Of_Date `terminalfirmware.Firmware`, which gets packages for terminals from here

A Highspeed-Konnektor is only told of a package for itself: it gets them by upload. A box fetches it
(`program/download.py`); an administrator has it applied.
"""

import asyncio
import logging
from dataclasses import replace
from datetime import datetime

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.interfaces.product_information_v1_1 import ProductIdentification
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.dailyasking import DailyAsking
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.ksrclient import KsrClient
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.program.download import OwnPackage
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.store import InstanceStore
from tiaas.konnektor.terminalfirmware import IMAGE_OCTETS_MAX, BadFirmware, Firmware, FirmwarePackage
from tiaas.konnektor.terminallist import Correlation, TerminalEntry
from tiaas.konnektor.terminalproduct import terminal_product
from tiaas.konnektor.terminals import Terminals
from tiaas.konnektor.updateevents import ksr_failure, updates_available
from tiaas.konnektor.updateoffers import Device, Found, Offer, newest_first
from tiaas.konnektor.web import WebClient
from tiaas.terminal.session import TerminalProduct

_log = logging.getLogger("tiaas.konnektor.ksr")

UPDATES_KIND, _KEY = "updates", "found"
_PAIRED = (Correlation.GEPAIRT, Correlation.AKTIV, Correlation.AKTUALISIEREND)
_NOT_DOWNLOADED = 4186
_NOBODY_THERE = (4188, 4189)


@dataclass(frozen=True, slots=True)
class UpdateSettings:
    """`every` is in seconds; `auto_download` is MGM_KSR_AUTODOWNLOAD."""

    every: float = 86_400.0
    auto_download: bool = True


@dataclass(frozen=True, slots=True)
class Asked:
    """The last time the KSR was asked: when, and the code of its failure."""

    at: datetime
    code: int | None = None
    reason: str = ""


class Updates:
    """One instance's view of the KSR. Without `client` there is none, and only an administrator brings firmware."""

    def __init__(
        self,
        own: Device,
        client: KsrClient | None,
        firmware: Firmware,
        terminals: Terminals,
        store: InstanceStore,
        hub: EventHub,
        opstate: OperatingState,
        online: OnlineMode,
        clock: Clock,
        entropy: Entropy,
        settings: UpdateSettings,
    ) -> None:
        self.own = own
        self.settings = settings
        self.found: tuple[Found, ...] = ()
        """What is known, the Konnektor's own first."""
        self.asked: Asked | None = None
        self.own_package: OwnPackage | None = None
        """Who fetches packages for the Konnektor itself; None: nobody."""
        self._client = client
        self._firmware = firmware
        self._terminals = terminals
        self._store = store
        self._hub = hub
        self._opstate = opstate
        self._online = online
        self._clock = clock
        self._one_at_a_time = asyncio.Lock()
        self._tried: frozenset[Device] = frozenset()
        """Devices of the last time; nobody asks for them again before the next."""
        self._daily = DailyAsking(self._look, lambda: self.settings.every, entropy, "list_Updates")
        firmware.source = self
        # TIP1-A_6025: connections to the TI that stand are ended, too.
        opstate.on_change(lambda: online.block(Condition.FW_NOT_VALID_STATUS_BLOCKED in opstate.holding))

    @property
    def has_ksr(self) -> bool:
        """Whether there is a KSR to ask."""
        return self._client is not None

    async def load(self) -> None:
        """What was known before: a box that was blocked makes no connection to the TI. Raises `StoreError`."""
        row = await self._store.get(UPDATES_KIND, _KEY)
        if row is not None:
            try:
                self.found = tuple(Found.from_row(each) for each in row["found"])
            except (KeyError, TypeError, ValueError):
                _log.error("stored update information not readable")
        self.judge()

    async def start(self) -> None:
        """Asks, and goes on with that once a day; the first answer is waited for a few seconds."""
        if self._client is not None:
            await self._daily.start()

    async def stop(self) -> None:
        """Asks no more."""
        await self._daily.stop()
        if self._client is not None:
            self._client.close()

    async def check(self) -> bool:
        """TUC_KON_282 for all devices, then TIP1-A_4836; whether the KSR has told of all. A failure is KSR/ERROR.

        What is told of one device counts, whatever is told of another. Offline, and for a blocked box, nobody is asked.
        Raises `StoreError`.
        """
        client = self._client
        if client is None:
            return False
        self._tried = frozenset(self._devices())
        if not self._online.active:
            return False
        async with self._one_at_a_time:
            told, failure = await self._ask(client)
            if failure is not None:
                self._failed(failure)
            else:
                self.asked = Asked(self._clock.now())
            if not told:
                return False
            await self._store.put(UPDATES_KIND, _KEY, {"found": [each.to_row() for each in self.found]})
            for each in told:
                if each.newest is not None:
                    self._hub.publish(updates_available(each, each.newest))
            self.judge()
            await self._tidy()
            if self.settings.auto_download:
                await self._download()
                await self._download_own(client)
        return failure is None

    async def _ask(self, client: KsrClient) -> tuple[list[Found], KonnektorError | None]:
        """What is told of each device now, and the first failure; of a device without an answer the last one stays.

        Where the KSR is not reached, or is another, the others are not asked.
        """
        told: dict[Device, Found] = {}
        failure: KonnektorError | None = None
        devices = self._devices()
        for device in devices:
            try:
                told[device] = await client.list_updates(device)
            except KonnektorError as error:
                failure = failure or error
                if error.code in _NOBODY_THERE:
                    break
        if told:
            known = [(device, told.get(device) or self.found_for(device)) for device in devices]
            self.found = tuple([replace(found, device=device) for device, found in known if found is not None])
        return list(told.values()), failure

    def judge(self) -> None:
        """The conditions, for the version that runs and today."""
        found = self.found_for(self.own)
        newer = () if found is None else found.newer_than(self.own.firmware_version)
        critical = [offer for offer in newer if offer.is_critical]
        today = self._clock.now().date()
        self._opstate.set(Condition.CONNECTOR_SOFTWARE_OUT_OF_DATE, bool(critical))
        blocked = any(offer.is_overdue(today) for offer in critical)
        self._opstate.set(Condition.FW_NOT_VALID_STATUS_BLOCKED, blocked)
        self._firmware.has_konnektor_update = bool(newer)
        self._firmware.judge_all()

    def found_for(self, device: Device) -> Found | None:
        """What the KSR told of a device's product; None if it was not asked."""
        return next((each for each in self.found if _is_same(each.device, device)), None)

    def terminals(self) -> list[tuple[str, Device]]:
        """The paired terminals that have said what they are, by ctId."""
        return [(e.config.ct_id, self._device(e.last_product)) for e in self._paired() if e.last_product is not None]

    # ---- firmware of terminals (`FirmwareSource`) ------------------------------------------------------------------

    def newest_version(self, product: TerminalProduct) -> str | None:
        """See `FirmwareSource`; the first terminal of a kind makes the KSR be asked soon."""
        device = self._device(product)
        if device not in self._tried and self.found_for(device) is None:
            self._daily.ask_soon()
        offers = self._offers(product)
        return offers[0].version if offers else None

    async def fetch(self, product: TerminalProduct, version: str | None) -> FirmwarePackage | None:
        """See `FirmwareSource`; what came is on the shelf."""
        offers = [offer for offer in self._offers(product) if version in (None, offer.version)]
        if not offers:
            return None
        return await self._bring(product, offers[0])

    def _offers(self, product: TerminalProduct) -> tuple[Offer, ...]:
        """All packages for a terminal, the newest first."""
        found = self.found_for(self._device(product))
        return () if found is None else newest_first(found.offers)

    async def _download(self) -> None:
        """MGM_KSR_AUTODOWNLOAD: the newest package of each kind of terminal that has an older one."""
        for product in self._products():
            newest = next((each.newest for each in self.found if each.device == self._device(product)), None)
            if newest is None:
                continue
            shelved = self._firmware.newest_for(product)
            if shelved is not None and not newest.is_newer_than(shelved.version):
                continue
            try:
                await self._bring(product, newest)
            except KonnektorError as error:
                self._hub.publish(ksr_failure(error))

    async def _download_own(self, client: KsrClient) -> None:
        """TIP1-A_4836-02: the newest package for the Konnektor itself, if it is newer than what runs."""
        found = self.found_for(self.own)
        if self.own_package is not None and found is not None:
            await self.own_package.fetch(client, found)

    async def _bring(self, product: TerminalProduct, offer: Offer) -> FirmwarePackage:
        """Downloads the file of a package and puts it on the shelf. Raises `KonnektorError` 4186, 4189."""
        if self._client is None or not self._online.active:
            raise KonnektorError(_NOT_DOWNLOADED, "there is no way to the KSR")
        if not offer.files:
            raise KonnektorError(_NOT_DOWNLOADED, "the package has no file")
        if not self._firmware.has_room:
            raise KonnektorError(_NOT_DOWNLOADED, "the shelf is full")
        image = await self._client.file(offer.files[0], IMAGE_OCTETS_MAX)
        try:
            package = FirmwarePackage(
                product.manufacturer, product.model, offer.version, image, product.hardware_version, from_ksr=True
            )
            await self._firmware.put(package)
        except BadFirmware as error:
            raise KonnektorError(_NOT_DOWNLOADED, str(error)) from error
        return package

    async def _tidy(self) -> None:
        """Only the newest package is kept (TIP1-A_4836), and none that the KSR has withdrawn."""
        newest = [(product, self.newest_version(product)) for product in self._products()]
        for package in self._firmware.packages:
            is_newest = any(package.is_for(product) and package.version == version for product, version in newest)
            if package.from_ksr and not is_newest:
                await self._firmware.remove(package.key)

    # ---- devices ---------------------------------------------------------------------------------------------------

    def _products(self) -> list[TerminalProduct]:
        """The kinds of terminals that are paired and have said what they are."""
        products = [entry.last_product for entry in self._paired()]
        return list({self._device(product): product for product in products if product is not None}.values())

    def _paired(self) -> list[TerminalEntry]:
        return [e for e in self._terminals if e.config.is_physical and e.config.correlation in _PAIRED]

    def _devices(self) -> list[Device]:
        return [self.own, *map(self._device, self._products())]

    def _device(self, product: TerminalProduct) -> Device:
        return Device.of(terminal_product(product, self._clock.now()).product_identification)

    def _failed(self, error: KonnektorError) -> None:
        self.asked = Asked(self._clock.now(), error.code, error.detail)
        _log.warning("KSR not asked", extra={"code": error.code, "reason": error.detail})
        self._hub.publish(ksr_failure(error))

    async def _look(self) -> bool:
        succeeded = await self.check()
        self.judge()
        return succeeded


def _is_same(one: Device, other: Device) -> bool:
    """Whether both are of one product, whatever firmware they run."""
    return (one.vendor_id, one.product_code, one.hardware_version) == (
        other.vendor_id,
        other.product_code,
        other.hardware_version,
    )


def build_updates(
    context: ServiceContext, network: Network, ti: TiAccess, product: ProductIdentification, firmware: Firmware
) -> Updates:
    """The KSR client of an instance. Raises `BadInstanceConfig`."""
    client = KsrClient(ti.ksr_url, WebClient(network), context.trust.check_central_service) if ti.ksr_url else None
    return Updates(
        Device.of(product),
        client,
        firmware,
        context.terminals,
        context.store,
        context.hub,
        context.opstate,
        context.online_mode,
        context.clock,
        context.entropy,
        UpdateSettings(ti.ksr_seconds, ti.ksr_auto_download),
    )
