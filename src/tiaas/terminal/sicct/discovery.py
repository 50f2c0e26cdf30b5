"""Service discovery and announcement: the two UDP packets (SICCT V1.3.0, 6.2.3; gemSpec_KT V3.17.0, 3.7.8).

    A0 request       80 version · 81 client's IPv4 address · 82 client's UDP port
    A1 description   80 version · 81 terminal's IPv4 · 83 MAC · 84 name · 82 SICCT's TCP port · [A3 {8A TLS version}]

The version is the first object of a packet, the others come in any order, unknown ones are ignored (6.2.3.3). Whatever
a description tells is unproven: a terminal's identity is its certificate.
"""

import enum
from ipaddress import IPv4Address

from tiaas.base.dataclass import dataclass
from tiaas.terminal.sicct.errors import BadSicct
from tiaas.tlv import BadTlv, Tlv, decode_untrusted, encode

DISCOVERY_PORT = 4742
PROTOCOL_VERSION = (1, 30)
DATAGRAM_MAX = 512
"""No packet of this protocol comes near; longer ones are not looked at."""

_TAG_REQUEST, _TAG_DESCRIPTION = 0xA0, 0xA1
_TAG_VERSION, _TAG_ADDRESS, _TAG_PORT, _TAG_MAC, _TAG_NAME, _TAG_SECURITY = 0x80, 0x81, 0x82, 0x83, 0x84, 0xA3
_TAG_TLS = 0x8A
_NAME_MAX = 32
_MAC_SIZE = 6


@enum.unique
class TlsVersion(enum.IntEnum):
    """DO_KT_0006 and SICCT 1.3.0: the TLS version a terminal speaks."""

    TLS_1_0 = 0x10
    TLS_1_0_AES = 0x11
    TLS_1_1 = 0x20
    TLS_1_2 = 0x30
    TLS_1_3 = 0x40


@dataclass(frozen=True, slots=True)
class DiscoveryRequest:
    """Dienstanfragepaket: terminals answer to this address and UDP port."""

    address: IPv4Address
    port: int
    version: tuple[int, int] = PROTOCOL_VERSION

    def encode(self) -> bytes:
        """The datagram."""
        return encode(
            _TAG_REQUEST,
            encode(_TAG_VERSION, bytes(self.version)),
            encode(_TAG_ADDRESS, self.address.packed),
            encode(_TAG_PORT, self.port.to_bytes(2, "big")),
        )


@dataclass(frozen=True, slots=True)
class ServiceDescription:
    """Dienstbeschreibungspaket. `tls` None: the terminal says it speaks no TLS; a value nobody knows stays a number."""

    address: IPv4Address
    port: int
    mac: bytes
    name: str
    tls: int | None = TlsVersion.TLS_1_2
    version: tuple[int, int] = PROTOCOL_VERSION

    def encode(self) -> bytes:
        """The datagram."""
        security = b"" if self.tls is None else encode(_TAG_SECURITY, encode(_TAG_TLS, bytes([self.tls])))
        return encode(
            _TAG_DESCRIPTION,
            encode(_TAG_VERSION, bytes(self.version)),
            encode(_TAG_ADDRESS, self.address.packed),
            encode(_TAG_MAC, self.mac),
            encode(_TAG_NAME, self.name.encode("ascii")),
            encode(_TAG_PORT, self.port.to_bytes(2, "big")),
            security,
        )


def decode_discovery_untrusted(datagram: bytes) -> DiscoveryRequest | ServiceDescription:
    """One packet of either kind; raises only `BadSicct`."""
    if len(datagram) > DATAGRAM_MAX:
        raise BadSicct("discovery", f"{len(datagram)} octets")
    packets = _objects(datagram)
    if len(packets) != 1 or packets[0].tag not in (_TAG_REQUEST, _TAG_DESCRIPTION):
        raise BadSicct("discovery", "neither request nor description")
    fields = _objects(packets[0].value)
    if not fields or fields[0].tag != _TAG_VERSION:
        raise BadSicct("discovery", "the version is not the first field")
    found: dict[int, bytes] = {}
    for item in fields:
        found.setdefault(item.tag, item.value)
    version = _sized(found, _TAG_VERSION, 2)
    address = IPv4Address(_sized(found, _TAG_ADDRESS, 4))
    port = int.from_bytes(_sized(found, _TAG_PORT, 2), "big")
    if not port:
        raise BadSicct("discovery", "port 0")
    if packets[0].tag == _TAG_REQUEST:
        return DiscoveryRequest(address, port, (version[0], version[1]))
    mac = _sized(found, _TAG_MAC, _MAC_SIZE)
    return ServiceDescription(address, port, mac, _name(found), _tls(found), (version[0], version[1]))


def _name(found: dict[int, bytes]) -> str:
    value = found.get(_TAG_NAME)
    if value is None or len(value) > _NAME_MAX or not value.isascii() or not value.decode("ascii").isprintable():
        raise BadSicct("discovery", "no name of up to 32 printable characters")
    return value.decode("ascii")


def _tls(found: dict[int, bytes]) -> int | None:
    security = found.get(_TAG_SECURITY)
    if security is None:
        return None
    value = next((item.value for item in _objects(security) if item.tag == _TAG_TLS), b"")
    return value[0] if len(value) == 1 else None


def _sized(found: dict[int, bytes], tag: int, size: int) -> bytes:
    value = found.get(tag)
    if value is None or len(value) != size:
        raise BadSicct("discovery", f"object {tag:X} is missing or has another length")
    return value


def _objects(data: bytes) -> tuple[Tlv, ...]:
    try:
        return decode_untrusted(data)
    except BadTlv as bad:
        raise BadSicct("discovery", str(bad)) from bad
