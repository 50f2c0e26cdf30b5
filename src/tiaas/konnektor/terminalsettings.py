"""The settings of the Kartenterminaldienst that an administrator changes (gemSpec_Kon V5.18, TAB_KON_527).

`broadcast` and `addresses` are ours: behind a VPN no broadcast reaches a terminal, so a Highspeed-Konnektor asks a list
of addresses one by one.
"""

from collections.abc import Mapping
from dataclasses import asdict, fields
from ipaddress import IPv4Network, ip_network
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.terminal.front import Patience
from tiaas.terminal.sicct.discovery import DISCOVERY_PORT

TARGETS_MAX = 512
"""Addresses asked in one discovery: two networks of a practice."""
_PORTS = range(1, 65536)


class BadTerminalSettings(InvalidInput):
    """A value out of its range; says which."""


@dataclass(frozen=True, slots=True)
class Target:
    """An address to ask; `port` None: CTM_SERVICE_DISCOVERY_PORT."""

    host: str
    port: int | None = None


@dataclass(frozen=True, slots=True)
class TerminalSettings:
    """Times in seconds, the cycle in minutes."""

    discovery_port: int = DISCOVERY_PORT  # CTM_SERVICE_DISCOVERY_PORT
    discovery_timeout: float = 3.0  # CTM_SERVICE_DISCOVERY_TIMEOUT
    announcement_port: int = 0
    """CTM_SERVICE_ANNOUNCEMENT_PORT; 0: announcements are not listened to (an instance may share its address)."""
    discovery_cycle: int = 10  # CTM_SERVICE_DISCOVERY_CYCLE; 0: off
    keep_alive_interval: int = 10  # CTM_KEEP_ALIVE_INTERVAL
    keep_alive_tries: int = 3  # CTM_KEEP_ALIVE_TRY_COUNT
    handshake_timeout: int = 10  # CTM_TLS_HS_TIMEOUT
    broadcast: bool = False
    """Whether a discovery goes to 255.255.255.255 as well."""
    addresses: tuple[str, ...] = ()
    """Whom a discovery asks: `192.168.178.30`, `192.168.178.30:4743`, `192.168.178.0/28`."""

    def __post_init__(self) -> None:
        _within("discovery_port", self.discovery_port, _PORTS)
        _within("announcement_port", self.announcement_port, range(65536))
        _within("discovery_cycle", self.discovery_cycle, range(24 * 60 + 1))
        if not 0 < self.discovery_timeout <= 60:
            raise BadTerminalSettings("discovery_timeout is above 0 and at most 60 seconds")
        self.patience  # noqa: B018 (its ranges are checked)
        self.targets()

    @property
    def patience(self) -> Patience:
        """What connections to terminals get."""
        return Patience(self.keep_alive_interval, self.keep_alive_tries, self.handshake_timeout)

    def targets(self) -> tuple[Target, ...]:
        """The addresses one by one."""
        found = tuple(target for text in self.addresses for target in parse_targets(text))
        if len(found) > TARGETS_MAX:
            raise BadTerminalSettings(f"a discovery asks at most {TARGETS_MAX} addresses")
        return found

    def to_document(self) -> dict[str, Any]:
        """A JSON-able document."""
        return {**asdict(self), "addresses": list(self.addresses)}

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "TerminalSettings":
        """Reads what `to_document` wrote. Raises `BadTerminalSettings`."""
        known = {field.name for field in fields(TerminalSettings)}
        if set(document) - known:
            raise BadTerminalSettings("unknown settings of terminals")
        values = dict(document)
        try:
            values["addresses"] = tuple(str(text) for text in document.get("addresses", ()))
            return TerminalSettings(**values)
        except TypeError as error:
            raise BadTerminalSettings("damaged settings of terminals") from error


def parse_targets(text: str) -> tuple[Target, ...]:
    """The addresses that one entry names. Raises `BadTerminalSettings`."""
    if "/" in text:
        return tuple(Target(str(host)) for host in _network(text).hosts())
    host, colon, port = text.partition(":")
    if not host or (colon and not (port.isascii() and port.isdigit() and len(port) < 6 and int(port) in _PORTS)):
        raise BadTerminalSettings("an address is HOST, HOST:PORT or a network like 192.168.178.0/28")
    return (Target(host, int(port) if colon else None),)


def _network(text: str) -> IPv4Network:
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise BadTerminalSettings("a network is written like 192.168.178.0/28") from error
    if not isinstance(network, IPv4Network) or network.num_addresses > TARGETS_MAX:
        raise BadTerminalSettings(f"a network to ask is IPv4 and has at most {TARGETS_MAX} addresses")
    return network


def _within(name: str, value: int, allowed: range) -> None:
    if value not in allowed:
        raise BadTerminalSettings(f"{name} is from {allowed.start} to {allowed.stop - 1}")
