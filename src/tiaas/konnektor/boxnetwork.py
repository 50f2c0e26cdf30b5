"""The network of a box, profile einbox: its ways to TI and SIS, its own addresses (gemSpec_Kon V5.18 TAB_KON_503).

There is no IPsec here: what stands for a VPN-Konzentrator is a gateway that is called every few seconds (TUC_KON_321,
322). It is plugged in while it takes the connection. An address of the box is there while a socket can be bound to it.
Which gateways there are is the operator's, until an administrator has set others (TIP1-A_4785-03).
"""

import asyncio
import enum
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from tiaas.base.clock import Clock
from tiaas.interfaces.management.boxnetwork import BoxGateways
from tiaas.konnektor.boxstored import gateway_of, load, save
from tiaas.konnektor.config import Address, BoxAccess
from tiaas.konnektor.crlkeeper import CrlKeeper
from tiaas.konnektor.errors import ErrorLog, KonnektorError, LoggedError
from tiaas.konnektor.events import Event, EventHub, Topic
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import Condition, OperatingState
from tiaas.konnektor.permissions import Row, allows
from tiaas.konnektor.store import InstanceStore

GATEWAY_SECONDS = 2.0
ADDRESS_SECONDS = 1.0
"""How often gateways and addresses are looked at (TAB_KON_503: detected within 300 s, 1 s)."""
CRITICAL, NOT_ONLINE, CRL_OVER = 4002, 4172, 4173
_ANSWER_SECONDS = 5.0
_BOOT_SECONDS = 2.0


@enum.unique
class Way(enum.Enum):
    """A way out of the box: name, the state without it, its events, the code of TAB_KON_636, 638 if it fails."""

    TI = "ti", Condition.NO_VPN_TI_CONNECTION, Topic.NETWORK_VPN_TI_UP, Topic.NETWORK_VPN_TI_DOWN, 4174
    SIS = "sis", Condition.NO_VPN_SIS_CONNECTION, Topic.NETWORK_VPN_SIS_UP, Topic.NETWORK_VPN_SIS_DOWN, 4176

    def __init__(self, text: str, missing: Condition, came: Topic, went: Topic, code: int) -> None:
        self.text = text
        self.missing = missing
        self.came = came
        self.went = went
        self.code = code


def is_ours(address: str) -> bool:
    """Whether the machine has the IP address."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
        return True


class BoxNetwork:
    """Looks at gateways and addresses between `start` and `stop`. Offline (MGM_LU_ONLINE) no VPN is missed.

    Why a way cannot be had stands in `errors`, once per reason and not again every two seconds.
    """

    def __init__(
        self,
        access: BoxAccess,
        online: OnlineMode,
        crl: CrlKeeper,
        network: Network,
        store: InstanceStore,
        opstate: OperatingState,
        hub: EventHub,
        errors: ErrorLog,
        clock: Clock,
        has_address: Callable[[str], bool] = is_ours,
        lacks_address: Callable[[], bool] = lambda: False,
    ) -> None:
        self._access = access
        self._gateways = {Way.TI: access.vpn_ti, Way.SIS: access.vpn_sis}
        self._lacks_address = lacks_address
        self._store = store
        self._online = online
        self._crl = crl
        self._up: dict[Way, bool | None] = dict.fromkeys(Way)
        self._told: dict[Way, int | None] = dict.fromkeys(Way)
        self._network = network
        self._opstate = opstate
        self._hub = hub
        self._errors = errors
        self._clock = clock
        self._has_address = has_address
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """The first look, if gateways answer soon, then regularly. Raises `StoreError`."""
        held = await load(self._store, BoxGateways)
        if held is not None:
            self._gateways = {Way.TI: gateway_of(held.ti), Way.SIS: gateway_of(held.sis)}
        self.look_at_addresses()
        self._tasks = [
            asyncio.create_task(self._keep_addresses()),
            *(asyncio.create_task(self._keep_gateway(way)) for way in Way),
        ]
        await self._first_look()

    async def _first_look(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_BOOT_SECONDS):
                await asyncio.gather(*(self.look_at_gateway(way) for way in Way))

    async def stop(self) -> None:
        """Looks no more."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def look_at_addresses(self) -> None:
        """EC_IP_Adresses_Not_Available: an address that was configured is not the machine's."""
        given = all(self._has_address(address) for address in self._access.addresses)
        missing = not given or self._lacks_address()
        self._opstate.set(Condition.IP_ADRESSES_NOT_AVAILABLE, missing)

    @property
    def gateways(self) -> BoxGateways:
        """What stands for the VPN-Konzentratoren now."""
        ti, sis = (self._gateways[way] for way in (Way.TI, Way.SIS))
        return BoxGateways("" if ti is None else str(ti), "" if sis is None else str(sis))

    async def configure(self, wish: BoxGateways) -> None:
        """Other gateways: both ways are given up and set up anew (TUC_KON_321, 322, step 1). Raises `InvalidInput`,
        `StoreError`."""
        wanted = {Way.TI: gateway_of(wish.ti), Way.SIS: gateway_of(wish.sis)}
        if wanted == self._gateways:
            return
        await save(self._store, wish)
        self._gateways = wanted
        self._hub.publish(Event(Topic.NETWORK_VPN_CONFIG_CHANGED, deliver=False))
        for way in Way:
            self._found(way, None)
            self._told[way] = None
        await self._first_look()

    async def look_at_gateway(self, way: Way) -> None:
        """EC_No_VPN_TI_Connection, EC_No_VPN_SIS_Connection, and the events of a way that comes or goes."""
        try:
            await self._connect(way)
        except KonnektorError as error:
            self._tell(way, error)
        else:
            self._told[way] = None

    async def connect(self, way: Way) -> bool:
        """TUC_KON_321 or 322 by hand; False if there is no such way.

        Raises `KonnektorError`: 4172 while MGM_LU_ONLINE is off, 4173 for a CRL that is found to be over, 4002 in a
        critical state, 4174 or 4176 if the gateway does not answer.
        """
        if self._gateways[way] is None:
            return False
        try:
            if not self._online.wanted:
                raise KonnektorError(NOT_ONLINE)
            await self._connect(way, by_hand=True)
        except KonnektorError as error:
            self._tell(way, error)
            raise
        return True

    async def _connect(self, way: Way, *, by_hand: bool = False) -> None:
        address = self._gateways[way]
        if address is None:
            return
        if not self._online.wanted:
            # Step 3: ends without an error.
            self._found(way, None)
            return
        try:
            if way is Way.TI and self._online.is_blocked:
                # TIP1-A_6025: a way that stands is given up, too.
                raise KonnektorError(CRITICAL)
            if not self._up[way]:
                await self._check_state(by_hand=by_hand)
            if not await self._answers(address):
                raise KonnektorError(way.code)
        except KonnektorError:
            self._found(way, False)
            raise
        self._found(way, True)

    async def _check_state(self, *, by_hand: bool) -> None:
        """Steps 4 and 5, and TAB_KON_504: the CRL is renewed first if it is over. Only a new way is refused."""
        known = self._opstate.holds(Condition.CRL_OUT_OF_DATE)
        if (by_hand or not known) and not await self._crl.is_current() and not known:
            raise KonnektorError(CRL_OVER)
        if not allows(Row.TI, self._opstate.holding):
            raise KonnektorError(CRITICAL)

    def _found(self, way: Way, up: bool | None) -> None:
        """`up` None: nobody asks for the way."""
        before = self._up[way]
        self._up[way] = up
        if before is not up and (up is not None or before):
            self._hub.publish(Event(way.came if up else way.went))
        self._opstate.set(way.missing, up is False)
        if way is Way.SIS and bool(before) is not bool(up):
            self._online.sis = bool(up), self._clock.now()

    def _tell(self, way: Way, error: KonnektorError) -> None:
        if self._told[way] != error.code:
            self._told[way] = error.code
            self._errors.write_error(LoggedError(error, "", "", (("Target", f"VPN_{way.name}"),)))

    async def _answers(self, address: Address) -> bool:
        try:
            async with asyncio.timeout(_ANSWER_SECONDS):
                line = await self._network.open(address.host, address.port, None, asyncio.Protocol)
        except OSError:
            return False
        is_open = not line.is_closing()
        cast(asyncio.Transport, line).abort()
        return is_open

    async def _keep_addresses(self) -> None:
        while True:
            await asyncio.sleep(ADDRESS_SECONDS)
            self.look_at_addresses()

    async def _keep_gateway(self, way: Way) -> None:
        while True:
            await asyncio.sleep(GATEWAY_SECONDS)
            await self.look_at_gateway(way)
