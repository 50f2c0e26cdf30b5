"""What only a box in the practice has and watches, profile einbox: its adapters, its ways to TI and SIS, its device
certificate, the CRL, its packet filter."""

import asyncio
from datetime import timedelta

from tiaas.base.clock import Clock
from tiaas.konnektor.boxadapters import BoxAdapters
from tiaas.konnektor.boxnetwork import BoxNetwork
from tiaas.konnektor.crlkeeper import CrlKeeper
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.packetfilter import PacketFilter
from tiaas.konnektor.protocol import ProtocolService
from tiaas.pki.certificate import Certificate

EXPIRING = timedelta(days=180)
_COMMON_NAME = "2.5.4.3"
_SECONDS = 3_600.0
"""How often dates are compared (TAB_KON_503: within a day)."""


def device_iccsn(certificate: Certificate) -> str:
    """The ICCSN of the gSMC-K, with which the common name of its C.NK.VPN begins."""
    name = next((value for oid, value in certificate.subject if oid == _COMMON_NAME), "")
    return name.partition("-")[0]


def judge_device(opstate: OperatingState, certificate: Certificate, clock: Clock) -> None:
    """EC_NK_Certificate_Expiring and _Expired for C.NK.VPN (A_22970, A_22971)."""
    now, ends = clock.now(), certificate.not_after
    named = (("Iccsn", device_iccsn(certificate)), ("Serial", certificate.serial_number))
    opstate.set(Condition.NK_CERTIFICATE_EXPIRING, ends - EXPIRING < now <= ends, named)
    opstate.set(Condition.NK_CERTIFICATE_EXPIRED, now > ends, named)


class Box:
    """The watchers of one box. `device` is its C.NK.VPN; `packet_filter` and `adapters` it may have or not."""

    def __init__(
        self,
        network: BoxNetwork,
        crl: CrlKeeper,
        device: Certificate | None,
        packet_filter: PacketFilter | None,
        adapters: BoxAdapters | None,
        opstate: OperatingState,
        protocol: ProtocolService,
        clock: Clock,
    ) -> None:
        self.crl = crl
        self.network = network
        self.packet_filter = packet_filter
        self.adapters = adapters
        if adapters is not None and packet_filter is not None:
            adapters.after_change = packet_filter.follow
        self._protocol = protocol
        self.device = device
        self._opstate = opstate
        self._clock = clock
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """All of it is determined when this returns, slow gateways and leases excepted. Raises `StoreError`."""
        if self.adapters is not None:
            await self.adapters.start()
        if self.packet_filter is not None:
            await self.packet_filter.open(self._opstate, self._protocol)
        await self.crl.start()
        self.look()
        self._task = asyncio.create_task(self._run())
        await self.network.start()

    async def stop(self) -> None:
        """Watches no more."""
        await self.crl.stop()
        await self.network.stop()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.packet_filter is not None:
            await self.packet_filter.close()
        if self.adapters is not None:
            await self.adapters.stop()

    def look(self) -> None:
        """Compares dates with the time."""
        self.crl.judge()
        if self.device is not None:
            judge_device(self._opstate, self.device, self._clock)

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(_SECONDS)
            self.look()
