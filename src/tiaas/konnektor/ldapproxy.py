"""The LDAP proxy of one instance (gemSpec_Kon V5.18 §4.1.12, TIP1-A_5516 to 5521; A_21224-01).

It serves where a directory (VZD) is known, while the instance is online: always with TLS and the instance's identity,
without TLS only if TLS is not mandatory (LDAP4). Whether a client must show its certificate says ANCL_CAUT_LDAP (LDAP1
and LDAP2); user and password are not offered here.
"""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from urllib.parse import urlsplit

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.konnektor.config import Address, InstanceConfig, LdapVariant
from tiaas.konnektor.gate import Gate
from tiaas.konnektor.ingress import Door, Ingress, OnClosed, OnOpen
from tiaas.konnektor.ldapconnection import LdapConnection
from tiaas.konnektor.ldapupstream import VzdDialer
from tiaas.konnektor.network import Network
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.opstate import OperatingState
from tiaas.konnektor.permissions import Row, allows
from tiaas.konnektor.tls import server_context
from tiaas.konnektor.trustservice import Trust

DEFAULT_PORT = 636


def directory_address(url: str) -> Address:
    """Host and port of the VZD from `ldaps://host:port`. Raises `InvalidInput` for anything without TLS."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidInput("the URL of the VZD cannot be read") from None
    if parts.scheme != "ldaps" or not host or parts.path.strip("/") or parts.query:
        raise InvalidInput("the URL of the VZD is ldaps, host and port")
    return Address(host, port or DEFAULT_PORT)


@dataclass(slots=True)
class LdapProxy:
    """Doors for LDAP; `address` and `plain` are in use after `open`, while MGM_LU_ONLINE is on."""

    config: InstanceConfig
    gate: Gate
    dialer: VzdDialer
    address: Address
    plain: Address | None
    _accepted: dict[str, bytes] | None
    _context: ssl.SSLContext
    _online: OnlineMode
    _doors: tuple[Door, ...] = ()
    _ingress: Ingress | None = None

    @classmethod
    def build(
        cls,
        config: InstanceConfig,
        gate: Gate,
        trust: Trust,
        network: Network,
        opstate: OperatingState,
        online: OnlineMode,
    ) -> "LdapProxy | None":
        """None where there is no address to serve or no directory. Raises `InvalidInput`."""
        if config.ldap is None or not config.ti.vzd:
            return None
        target = directory_address(config.ti.vzd)
        plain = config.ldap_plain if config.access.ldap_variant is LdapVariant.PLAIN_TOO else None
        accepted = gate.ldap_certificates()
        context = _context_for(gate, accepted)
        dialer = VzdDialer(target, trust.check_directory, network, lambda: allows(Row.TI, opstate.holding))
        proxy = cls(config, gate, dialer, config.ldap, plain, accepted, context, online)
        opstate.on_change(proxy.permission_changed)
        return proxy

    @property
    def is_open(self) -> bool:
        """Whether clients are let in."""
        return bool(self._doors)

    @property
    def connection_count(self) -> int:
        """Connections and handshakes under way."""
        return sum(door.connection_count for door in self._doors)

    async def open(self, ingress: Ingress) -> None:
        """Lets clients in, from now on whenever MGM_LU_ONLINE is on. Raises `AddressTaken`."""
        self._ingress = ingress
        await self.follow()

    async def follow(self) -> None:
        """MGM_LU_ONLINE may be another (TIP1-A_5516): opens or closes the doors. Raises `AddressTaken`."""
        ingress = self._ingress
        if ingress is None or self._online.active is self.is_open:
            return
        await (self._open(ingress) if self._online.active else self._close(ingress))

    async def _open(self, ingress: Ingress) -> None:
        secure = self._door(lambda: self._context, self.gate.admits_ldap)
        self.address = await ingress.open(self.address, secure)
        self._doors = (secure,)
        if self.plain is None:
            return
        door = self._door(lambda: None, lambda fingerprint: True)
        try:
            self.plain = await ingress.open(self.plain, door)
        except BaseException:
            ingress.close(self.address)
            raise
        self._doors = (secure, door)

    async def close(self, ingress: Ingress) -> None:
        """Lets nobody in any more; searches under way may finish within `stop_seconds`."""
        self._ingress = None
        await self._close(ingress)

    async def _close(self, ingress: Ingress) -> None:
        doors, self._doors = self._doors, ()
        if not doors:
            return
        ingress.close(self.address)
        if self.plain is not None:
            ingress.close(self.plain)
        await asyncio.gather(*(door.close() for door in doors))

    def clients_changed(self) -> None:
        """See `Reception.clients_changed`."""
        accepted = self.gate.ldap_certificates()
        if accepted == self._accepted:
            return
        self._accepted = accepted
        self._context = _context_for(self.gate, accepted)
        for door in self._doors[:1]:
            door.close_unwelcome()

    def permission_changed(self) -> None:
        """In a critical state there is no way into the TI (TAB_KON_504): connections that stand are ended."""
        if self.dialer.may():
            return
        for door in self._doors:
            for visit in door.visits():
                if isinstance(visit, LdapConnection):
                    visit.forbid()

    def _door(self, context: Callable[[], ssl.SSLContext | None], admits: Callable[[str | None], bool]) -> Door:
        tasks: set[asyncio.Task[None]] = set()
        limits = replace(self.config.limits, connections=self.config.limits.ldap_connections)

        def welcome(opened: OnOpen, closed: OnClosed) -> LdapConnection:
            return LdapConnection(self.config.instance, self.dialer, limits, opened, closed, tasks)

        return Door(f"{self.config.instance} (LDAP)", limits, context, admits, welcome, tasks, self.gate.refused)


def _context_for(gate: Gate, accepted: dict[str, bytes] | None) -> ssl.SSLContext:
    return server_context(gate.identity.server, None if accepted is None else accepted.values(), protocols=())
