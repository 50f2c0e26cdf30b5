"""Documents about card terminals (gemSpec_Kon V5.18: TAB_KON_527, 529, 530)."""

from datetime import datetime
from enum import StrEnum, unique
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.interfaces.management.fields import Items, Name, Number, Octets, Port, Text, Told

TerminalHost = Annotated[
    str, Text(1, 260), Told("address or name, where service discovery has a port of its own HOST:PORT")
]
Mac = Annotated[str, Text(12, 17, r"[0-9A-Fa-f]{2}(:?[0-9A-Fa-f]{2}){5}")]
TerminalName = Annotated[str, Text(1, 32, r"[ -~]+"), Told("SICCT terminal name")]
Version = Annotated[str, Text(5, 11, r"[0-9]{1,3}(\.[0-9]{1,3}){2}")]
Account = Annotated[str, Text(1, 12, r"[ -~]+")]
FIRMWARE_OCTETS = 16 * 1024 * 1024


@unique
class TerminalCorrelation(StrEnum):
    """CT.CORRELATION."""

    BEKANNT = "bekannt"
    ZUGEWIESEN = "zugewiesen"
    GEPAIRT = "gepairt"
    AKTIV = "aktiv"
    AKTUALISIEREND = "aktualisierend"


@dataclass(frozen=True, slots=True)
class TerminalProductData:
    """What the terminal said of itself the last time."""

    manufacturer: str
    model: str
    interface_version: str
    product_type_version: str
    firmware_version: str
    hardware_version: str
    firmware_group: str


@dataclass(frozen=True, slots=True)
class TerminalDisplay:
    """CT.DISPLAY_CAPABILITIES: visible characters per line, and lines."""

    columns: int
    lines: int


@dataclass(frozen=True, slots=True)
class TerminalData:
    """One card terminal."""

    ct_id: str
    name: str
    mac: str
    host: str
    port: int
    slots: int
    slots_used: tuple[int, ...]
    product: TerminalProductData | None
    valid_version: Annotated[bool, Told("CT.VALID_VERSION")]
    display: TerminalDisplay | None
    paired_with: Annotated[str | None, Told("SHA-256 fingerprint of the certificate it was paired with")]
    certificate_expires: datetime | None
    correlation: TerminalCorrelation
    connected: bool
    active_role: Annotated[str | None, Told("User or Admin")]
    admin_user: Annotated[str | None, Told("CT.ADMIN_USERNAME")]
    error: Annotated[int | None, Told("code that ended the last attempt of a session")]
    busy: Annotated[bool, Told("an administrator's action is under way")]


@dataclass(frozen=True, slots=True)
class TerminalList:
    """CTM_CT_LIST."""

    terminals: tuple[TerminalData, ...]
    supported_versions: Annotated[tuple[str, ...], Told("CTM_SUPPORTED_KT_VERSIONS")]


@dataclass(frozen=True, slots=True)
class TerminalSearch:
    """Whom to ask; what is left out is as in the settings."""

    addresses: Annotated[tuple[Annotated[str, Text(1, 260)], ...] | None, Items(0, 64)] = None
    broadcast: bool | None = None


@dataclass(frozen=True, slots=True)
class FoundTerminalData:
    """A terminal that described itself."""

    name: str
    mac: str
    host: str
    port: int


@dataclass(frozen=True, slots=True)
class FoundTerminalList:
    """Who answered."""

    found: tuple[FoundTerminalData, ...]


@dataclass(frozen=True, slots=True)
class NewTerminal:
    """A terminal to be added; what is left out its description brings."""

    host: TerminalHost
    port: Annotated[Port | None, Told("of SICCT")] = None
    mac: Mac | None = None
    name: TerminalName | None = None
    ask: Annotated[bool, Told("false: it cannot be asked by UDP; port, mac and name must be there")] = True
    ct_id: Annotated[Name | None, Told("what clients know it by; else its MAC address")] = None


@dataclass(frozen=True, slots=True)
class TerminalChange:
    """What is to be changed; the terminal is asked whether it is true."""

    host: TerminalHost | None = None
    port: Port | None = None
    name: TerminalName | None = None
    ask: bool = True


@dataclass(frozen=True, slots=True)
class CorrelationChange:
    """A step by hand: assign, give back, activate, deactivate, unpair."""

    correlation: TerminalCorrelation


@dataclass(frozen=True, slots=True)
class PairingOfferData:
    """To be compared with the paper that came with the gSMC-KT. `done`: a pairing begun before is complete now."""

    fingerprint: str
    done: bool


@dataclass(frozen=True, slots=True)
class PairingConfirmation:
    """The fingerprint that was compared."""

    fingerprint: Annotated[str, Text(64, 95, r"[0-9A-Fa-f:]+")]


@dataclass(frozen=True, slots=True)
class TerminalAccount:
    """CT.ADMIN_USERNAME, CT.ADMIN_PASSWORD."""

    user: Account
    password: Annotated[Secret, Text(1, 12, r"[ -~]+")]


@unique
class MessageMode(StrEnum):
    """What becomes of a message."""

    KEEP = "OutputKeep"
    CONFIRM = "OutputConfirm"
    ERASE = "OutputErase"


@dataclass(frozen=True, slots=True)
class TerminalMessage:
    """A message at the terminal's display, so that one finds the terminal, or whoever stands there presses OK."""

    mode: MessageMode = MessageMode.KEEP
    text: Annotated[str, Text(0, 48)] = ""
    seconds: Annotated[int, Number(1, 120), Told("how long OK may take")] = 30


@dataclass(frozen=True, slots=True)
class TerminalSettingsData:
    """TAB_KON_527, and whom a discovery asks. Times in seconds, the cycle in minutes."""

    discovery_port: Port = 4742
    discovery_timeout: Annotated[int, Number(1, 60)] = 3
    announcement_port: Annotated[int, Number(0, 65535), Told("0: announcements are not listened to")] = 0
    discovery_cycle: Annotated[int, Number(0, 1440), Told("0: off")] = 10
    keep_alive_interval: Annotated[int, Number(1, 10)] = 10
    keep_alive_tries: Annotated[int, Number(3, 10)] = 3
    handshake_timeout: Annotated[int, Number(1, 60)] = 10
    broadcast: bool = False
    addresses: Annotated[tuple[Annotated[str, Text(1, 260)], ...], Items(0, 64)] = ()


@dataclass(frozen=True, slots=True)
class FirmwareEntry:
    """Firmware on the shelf."""

    manufacturer: str
    model: str
    version: str
    size: Annotated[int, Told("octets")]


@dataclass(frozen=True, slots=True)
class FirmwareList:
    """The shelf."""

    packages: tuple[FirmwareEntry, ...]


@dataclass(frozen=True, slots=True)
class NewFirmware:
    """Firmware for the shelf; manufacturer and model as the terminals tell them."""

    manufacturer: Annotated[str, Text(1, 5, r"[A-Za-z0-9]+")]
    model: Annotated[str, Text(1, 8, r"[A-Za-z0-9._-]+")]
    version: Version
    image: Annotated[bytes, Octets(1, FIRMWARE_OCTETS)]


@dataclass(frozen=True, slots=True)
class FirmwareUpdate:
    """Which firmware to bring; without version the newest for the terminal's model."""

    version: Version | None = None
