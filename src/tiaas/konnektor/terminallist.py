"""One entry of CTM_CT_LIST and how it is stored (gemSpec_Kon V5.18 §4.1.4, TAB_KON_516 ff.; states TIP1-A_4536)."""

import re
from asyncio import Lock, Task
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import field
from enum import StrEnum, unique
from ipaddress import ip_address
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.terminalversions import is_supported
from tiaas.terminal.displaysize import DisplaySize
from tiaas.terminal.front import UnitEvent
from tiaas.terminal.pairing import Pairing
from tiaas.terminal.session import TerminalProduct

MAC_SIZE = 6
_ACCOUNT = re.compile(rb"[\x20-\x7E]{1,12}")
_HOST_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_-]{1,63}(\.[A-Za-z0-9_-]{1,63})*\.?", re.ASCII)


@unique
class Correlation(StrEnum):
    """CT.CORRELATION: how far a terminal belongs to this Konnektor. Only `AKTIV` ones are used."""

    BEKANNT = "bekannt"
    ZUGEWIESEN = "zugewiesen"
    GEPAIRT = "gepairt"
    AKTIV = "aktiv"
    AKTUALISIEREND = "aktualisierend"


@unique
class Role(StrEnum):
    """CT.ACTIVEROLE: whose CT session is open."""

    USER = "User"
    ADMIN = "Admin"


class BadTerminalDocument(InvalidInput):
    """A stored terminal that cannot be read."""


@dataclass(frozen=True, slots=True)
class AdminAccount:
    """CT.ADMIN_USERNAME, CT.ADMIN_PASSWORD: the terminal's own administrator, as SICCT's INIT CT SESSION takes it.

    Raises `InvalidInput` unless both are 1 to 12 printable ASCII characters (SICCT 5.5.10.27).
    """

    user: str
    password: Secret

    def __post_init__(self) -> None:
        if not all(_ACCOUNT.fullmatch(part) for part in (self.user.encode(), self.password.reveal())):
            raise InvalidInput("user and password of a terminal have 1 to 12 printable ASCII characters")


@dataclass(frozen=True, slots=True)
class TerminalConfig:
    """What is kept of a terminal. `name` is its host name (SICCT FriendlyName), `mac` has 6 octets.

    `host` is an IP address or a DNS name; anything else raises `InvalidInput`. `slots` 0: the first session will tell.
    `udp_port` is where it answers service discovery, None: at CTM_SERVICE_DISCOVERY_PORT.
    """

    ct_id: str
    name: str
    mac: bytes
    host: str
    port: int
    slots: int
    correlation: Correlation = Correlation.ZUGEWIESEN
    pairing: Pairing | None = None
    admin: AdminAccount | None = None
    udp_port: int | None = None
    is_physical: bool = True
    """CT.IS_PHYSICAL; False: a logical terminal of an HSM, which is not stored."""

    def __post_init__(self) -> None:
        if not _is_host(self.host):
            raise InvalidInput("the terminal's host must be an IP address or a DNS name in ASCII")

    def to_document(self) -> dict[str, Any]:
        """A JSON-able document; it holds the shared secret and the password, so the store must protect it."""
        pairing, admin = None, None
        if self.admin is not None:
            password = b64encode(self.admin.password.reveal()).decode("ascii")
            admin = {"user": self.admin.user, "password": password}
        if self.pairing is not None:
            pairing = {
                "certificate": b64encode(self.pairing.certificate).decode("ascii"),
                "secret": b64encode(self.pairing.secret.reveal()).decode("ascii"),
            }
        return {
            "ct_id": self.ct_id,
            "name": self.name,
            "mac": self.mac.hex(),
            "host": self.host,
            "port": self.port,
            "slots": self.slots,
            "correlation": self.correlation.value,
            "pairing": pairing,
            "admin": admin,
            "udp_port": self.udp_port,
        }

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "TerminalConfig":
        """Reads what `to_document` wrote. Raises `BadTerminalDocument`."""
        try:
            stored = document["pairing"]
            pairing = stored and Pairing(b64decode(stored["certificate"]), Secret(b64decode(stored["secret"])))
            account = document.get("admin")
            admin = account and AdminAccount(str(account["user"]), Secret(b64decode(account["password"])))
            return TerminalConfig(
                ct_id=str(document["ct_id"]),
                name=str(document["name"]),
                mac=bytes.fromhex(document["mac"]),
                host=str(document["host"]),
                port=int(document["port"]),
                slots=int(document["slots"]),
                correlation=Correlation(document["correlation"]),
                pairing=pairing or None,
                admin=admin or None,
                udp_port=None if document.get("udp_port") is None else int(document["udp_port"]),
            )
        except (KeyError, TypeError, ValueError, InvalidInput) as error:
            raise BadTerminalDocument(f"a stored terminal is damaged ({type(error).__name__})") from error


@dataclass(slots=True)
class TerminalEntry:
    """A terminal now. `generation` counts its connections, `slot_generations` what happened in a slot.

    `certificate` is what the terminal showed in the present TLS connection, None without one. `early` gathers events
    that come while the state of the slots is asked for; None at other times. `opening` holds one task per slot at
    most, `to_open` the slots whose card that task has yet to begin with, `leaving` the
    turns of the cards that were there before. `dialogues` are held while a person is asked for a card or to take one
    out. `untrusted`: refused for its certificate, and not dialled any more.
    `refusal` is why the last attempt of TUC_KON_050 ended, None while nothing speaks against the terminal.
    `administered`: an administrator's action is under way. `maintained`: the next session is for a Wartungs-Pairing,
    the pairing is not asked for. `session_id` is that of the open CT session, empty if another owner opened it; `role`
    is CT.ACTIVEROLE. `last_product` and `display` (CT.DISPLAY_CAPABILITIES) stay when the connection goes.
    """

    config: TerminalConfig
    connected: bool = False
    product: TerminalProduct | None = None
    certificate: bytes | None = None
    generation: int = 0
    slot_generations: dict[int, int] = field(default_factory=dict)
    opening: dict[int, Task[None]] = field(default_factory=dict)
    to_open: set[int] = field(default_factory=set)
    leaving: dict[int, Lock] = field(default_factory=dict)
    pinpad_taken: bool = False
    dialogues: dict[int, Lock] = field(default_factory=dict)
    administered: bool = False
    maintained: bool = False
    early: list[UnitEvent] | None = None
    untrusted: bool = False
    refusal: KonnektorError | None = None
    session_id: str = ""
    role: Role = Role.USER
    last_product: TerminalProduct | None = None
    display: DisplaySize | None = None

    @property
    def valid_version(self) -> bool:
        """CT.VALID_VERSION: the interface version last told is one this Konnektor supports."""
        return self.last_product is not None and is_supported(self.last_product.interface_version)

    @property
    def usable(self) -> bool:
        """True if the terminal may be used for cards: aktiv and connected."""
        return self.connected and self.role is Role.USER and self.config.correlation is Correlation.AKTIV

    @property
    def begun_pairing(self) -> Pairing | None:
        """A pairing whose end nobody saw: the secret was on its way to the terminal."""
        return self.config.pairing if self.config.correlation is Correlation.ZUGEWIESEN else None

    def dialogue(self, slot: int) -> Lock:
        """Who holds it asks a person for a card in that slot; a card that comes is opened after that."""
        return self.dialogues.setdefault(slot, Lock())

    def next_connection(self) -> int:
        """A new connection, or the end of one: whatever was begun for the old one is void."""
        self.generation += 1
        self.early = None
        for slot in range(1, self.config.slots + 1):
            self.next_card(slot)
        return self.generation

    def next_card(self, slot: int) -> int:
        """Something happened in the slot: whatever was begun for it, or was to be, is void."""
        self.to_open.discard(slot)
        self.slot_generations[slot] = self.slot_generations.get(slot, 0) + 1
        return self.slot_generations[slot]


def _is_host(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return _HOST_NAME.fullmatch(host) is not None
    return True
