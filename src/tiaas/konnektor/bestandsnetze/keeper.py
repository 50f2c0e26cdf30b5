"""TUC_KON_283 "Infrastruktur Konfiguration aktualisieren" (gemSpec_Kon V5.18 TIP1-A_5152, TIP1-A_5153, TAB_KON_799).

Once a day, at the start and when an administrator says so Bestandsnetze.xml is fetched from the KSR with its
signature, checked and taken over as a whole; what is found wrong with it is 4198 in the log, and the list before stays.
A new network is active if ANLW_IA_BESTANDSNETZE says so, one that was there is what it was, one that is gone is
forgotten. Of the active ones (ANLW_AKTIVE_BESTANDSNETZE) the instance asks the name servers for the names in their
domains (DNS_SERVERS_BESTANDSNETZE); a box wants routes to their segments, too.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import field, replace
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import beside
from tiaas.konnektor.bestandsnetze.document import (
    DOCUMENT_OCTETS,
    BadNetworkList,
    Bestandsnetz,
    NetworkList,
    read_networks_untrusted,
)
from tiaas.konnektor.bestandsnetze.signature import NOT_TAKEN, SIGNATURE_OCTETS, ListSignature
from tiaas.konnektor.config import Address, InstanceConfig, Profile
from tiaas.konnektor.dailyasking import DailyAsking
from tiaas.konnektor.errors import ErrorLog, KonnektorError, LoggedError
from tiaas.konnektor.events import Event, EventHub, Topic, parameters
from tiaas.konnektor.ksrclient import KsrClient
from tiaas.konnektor.names import Names
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.services.context import ServiceContext
from tiaas.konnektor.store import InstanceStore, Put
from tiaas.konnektor.web import WebClient

_log = logging.getLogger("tiaas.konnektor.ksr")

NETWORKS_KIND, _LIST = "networks", "list"
NETWORK_CHOICES_KIND, _CHOICES = "network-choices", "current"
FILE, SIGNATURE_FILE = "Bestandsnetze.xml", "Bestandsnetze.xml.p7s"
_DNS_PORT = 53


class NoSuchNetwork(LookupError):
    """The list has no network with that Id."""


@dataclass(frozen=True, slots=True)
class NetworkChoices:
    """What an administrator wants: `activate_new` is ANLW_IA_BESTANDSNETZE, `active` says it of known Ids."""

    activate_new: bool = True
    active: Mapping[str, bool] = field(default_factory=dict)

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        return {"activate_new": self.activate_new, "active": dict(self.active)}

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "NetworkChoices":
        """What `to_row` wrote. Raises `KeyError`, `TypeError`, `ValueError` for a damaged row."""
        active = dict(row["active"])
        if not all(isinstance(is_active, bool) for is_active in (row["activate_new"], *active.values())):
            raise ValueError("a choice is yes or no")
        return NetworkChoices(row["activate_new"], active)


@dataclass(frozen=True, slots=True)
class Fetched:
    """The last time the list was asked for: when, and why it was not taken over."""

    at: datetime
    reason: str = ""

    @property
    def code(self) -> int | None:
        """4198, or None if all went well."""
        return NOT_TAKEN if self.reason else None


class Bestandsnetze:
    """The networks of one instance. Without `client` there is nobody to tell of any."""

    def __init__(
        self,
        client: KsrClient | None,
        signature: ListSignature,
        names: Names,
        store: InstanceStore,
        hub: EventHub,
        errors: ErrorLog,
        online: OnlineMode,
        clock: Clock,
        entropy: Entropy,
        *,
        every: float,
        has_routes: bool,
    ) -> None:
        self.list = NetworkList("", ())
        """ANLW_BESTANDSNETZE."""
        self.choices = NetworkChoices()
        self.asked: Fetched | None = None
        self.on_change: Callable[[], None] = lambda: None
        """Is called when `routes` may be others (TUC_KON_304)."""
        self._client = client
        self._signature = signature
        self.names = names
        self._store = store
        self._hub = hub
        self._errors = errors
        self._online = online
        self._clock = clock
        self._has_routes = has_routes
        self._one_at_a_time = asyncio.Lock()
        self._changing = asyncio.Lock()
        self._daily = DailyAsking(self.refresh, lambda: every, entropy, "get_Ext_Net_Config")

    @property
    def has_source(self) -> bool:
        """Whether there is a KSR that tells of networks."""
        return self._client is not None

    def segments(self) -> tuple[IPv4Network, ...]:
        """Where the networks of the list are in IPv4."""
        every = (segment for network in self.list.networks for segment in network.segments)
        return tuple(segment for segment in every if isinstance(segment, IPv4Network))

    @property
    def active(self) -> tuple[Bestandsnetz, ...]:
        """ANLW_AKTIVE_BESTANDSNETZE."""
        return tuple(network for network in self.list.networks if self.is_active(network.id))

    @property
    def routes(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Segments that a box wants to reach through the TI; those of an HSK are its operator's (TIP1-A_5152-01)."""
        if not self._has_routes:
            return ()
        return tuple(dict.fromkeys(segment for network in self.active for segment in network.segments))

    def is_active(self, network_id: str) -> bool:
        """Whether the network of the list is used."""
        return self.choices.active.get(network_id, self.choices.activate_new)

    async def load(self) -> None:
        """What was known before. Raises `StoreError`."""
        kept = await self._store.get(NETWORKS_KIND, _LIST)
        chosen = await self._store.get(NETWORK_CHOICES_KIND, _CHOICES)
        try:
            if chosen is not None:
                self.choices = NetworkChoices.from_row(chosen)
            if kept is not None:
                self.list = NetworkList.from_row(kept)
        except (AttributeError, KeyError, TypeError, ValueError):
            _log.error("stored networks not readable")
        self._follow()

    async def start(self) -> None:
        """Asks, and goes on with that once a day; the first answer is waited for a few seconds."""
        if self._client is not None:
            await self._daily.start()

    async def stop(self) -> None:
        """Asks no more."""
        await self._daily.stop()
        if self._client is not None:
            self._client.close()

    async def refresh(self) -> bool:
        """TUC_KON_283; whether the list is the KSR's now. Offline, and for a blocked box, nobody is asked.

        Raises `StoreError`; then the list before stays.
        """
        client = self._client
        if client is None or not self._online.active:
            return False
        async with self._one_at_a_time:
            try:
                document = await _fetched(client, FILE, DOCUMENT_OCTETS)
                await self._signature.require(document, await _fetched(client, SIGNATURE_FILE, SIGNATURE_OCTETS))
                told = await beside(len(document), _read, document)
            except KonnektorError as error:
                self._refused(error)
                return False
            async with self._changing:
                await self._take(told)
            self.asked = Fetched(self._clock.now())
        return True

    async def choose(self, network_id: str, *, is_active: bool) -> None:
        """Activates a network, or does so no more. Raises `NoSuchNetwork`, `StoreError`."""
        async with self._changing:
            if all(network.id != network_id for network in self.list.networks):
                raise NoSuchNetwork(network_id)
            await self._choose(replace(self.choices, active={**self.choices.active, network_id: is_active}))

    async def activate_new(self, wanted: bool) -> None:
        """ANLW_IA_BESTANDSNETZE for networks that come from now on. Raises `StoreError`."""
        async with self._changing:
            known = {network.id: self.is_active(network.id) for network in self.list.networks}
            await self._choose(NetworkChoices(wanted, known))

    async def _choose(self, choices: NetworkChoices) -> None:
        await self._store.put(NETWORK_CHOICES_KIND, _CHOICES, choices.to_row())
        self.choices = choices
        self._follow()

    async def _take(self, told: NetworkList) -> None:
        if told == self.list:
            return
        known = {network.id: self.is_active(network.id) for network in told.networks}
        choices, row = replace(self.choices, active=known), await beside(len(told.networks) * 256, told.to_row)
        await self._store.apply([Put(NETWORK_CHOICES_KIND, _CHOICES, choices.to_row()), Put(NETWORKS_KIND, _LIST, row)])
        before, self.list, self.choices = self.list.version, told, choices
        self._follow()
        changed = parameters(("AlteVersion", before), ("NeueVersion", told.version))
        self._hub.publish(Event(Topic.KSR_UPDATE_KONFIG, changed, deliver=False))

    def _follow(self) -> None:
        servers: dict[str, tuple[Address, ...]] = {}
        for network in self.active:
            known = servers.get(network.domain, ())
            servers[network.domain] = (*known, *(Address(server, _DNS_PORT) for server in network.servers))
        self.names.forwards = servers
        self.on_change()

    def _refused(self, error: KonnektorError) -> None:
        """Told in the log each time another reason comes up."""
        reason = error.detail or error.entry.text
        is_news = self.asked is None or self.asked.reason != reason
        self.asked = Fetched(self._clock.now(), reason)
        if is_news:
            _log.warning("list of networks not taken", extra={"code": error.code, "reason": reason})
            for step in (*error.causes, error):
                self._errors.write_error(LoggedError(step, "", "", (("Detail", step.detail), ("Target", FILE))))


async def _fetched(client: KsrClient, name: str, most: int) -> bytes:
    try:
        return await client.configuration(name, most)
    except KonnektorError as error:
        raise KonnektorError(NOT_TAKEN, f"{name}: {error.detail or error.entry.text}", causes=(error,)) from None


def _read(document: bytes) -> NetworkList:
    try:
        return read_networks_untrusted(document)
    except BadNetworkList as error:
        raise KonnektorError(NOT_TAKEN, error.reason) from None


def build_bestandsnetze(
    context: ServiceContext, network: Network, config: InstanceConfig, names: Names
) -> Bestandsnetze:
    """The networks of an instance. Raises `BadInstanceConfig`."""
    ti, trust = config.ti, context.trust
    client = None
    if ti.ksr_config_url:
        client = KsrClient(ti.ksr_config_url, WebClient(network), trust.check_central_service)
    return Bestandsnetze(
        client,
        ListSignature(trust, context.public_keys, context.clock),
        names,
        context.store,
        context.hub,
        context.protocol,
        context.online_mode,
        context.clock,
        context.entropy,
        every=ti.ksr_seconds,
        has_routes=config.profile is Profile.EINBOX,
    )
