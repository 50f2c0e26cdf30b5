"""The instances' JSON interface as the portal reads it (`docs/reference/status-interface.md`, version 1)."""

from datetime import date, datetime

from tiaas.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Summary:
    """An instance in the list of all."""

    name: str
    url: str
    profile: str
    terminals: int
    terminals_connected: int
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Listing:
    """All instances of a node."""

    version: int
    instances: tuple[Summary, ...]


@dataclass(frozen=True, slots=True)
class Product:
    """What the instance says it is."""

    vendor: str
    name: str
    firmware: str
    type_version: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """A Clientsystem and how many certificates and passwords it may use."""

    id: str
    certificates: int
    users: int


@dataclass(frozen=True, slots=True)
class Pin:
    """A card's PIN as the sessions know it: VERIFIED, NOT_VERIFIED or BLOCKED; of an HSM-B its activation."""

    name: str
    state: str
    sessions: int = 0
    last_result: str | None = None


@dataclass(frozen=True, slots=True)
class Card:
    """A card in a slot."""

    handle: str
    type: str
    inserted: datetime | None = None
    object_system: str | None = None
    too_old: bool = False
    expires: date | None = None
    certificates: str | None = None
    busy: bool = False
    pin: Pin | None = None


@dataclass(frozen=True, slots=True)
class Slot:
    """A slot; `opening` while the card in it is being read."""

    number: int
    opening: bool = False
    card: Card | None = None


@dataclass(frozen=True, slots=True)
class TerminalProduct:
    """What a terminal says it is."""

    vendor: str
    model: str
    firmware: str


@dataclass(frozen=True, slots=True)
class Terminal:
    """A card terminal; `correlation` is CT.CORRELATION, `pin_entry` while its keypad is in use.

    `physical` is False for the logical terminal of an HSM.
    """

    ct_id: str
    name: str
    address: str
    connected: bool
    correlation: str
    slots: tuple[Slot, ...]
    pin_entry: bool = False
    product: TerminalProduct | None = None
    physical: bool = True


@dataclass(frozen=True, slots=True)
class Call:
    """A call; `outcome` is ok, warning or fault."""

    number: int
    at: datetime
    operation: str | None
    ms: float
    outcome: str
    code: int | None = None
    client_system: str | None = None


@dataclass(frozen=True, slots=True)
class Event:
    """An event."""

    number: int
    at: datetime
    topic: str
    type: str
    severity: str
    ct_id: str | None = None
    slot: int | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """An error condition that holds; `of` is a terminal or empty, `meaning` is German."""

    name: str
    severity: str
    of: str = ""
    meaning: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class OnlineCheck:
    """The last online check of a health card: `result` is E of its receipt, `code` EC."""

    at: datetime
    result: int
    code: int | None = None


@dataclass(frozen=True, slots=True)
class Ti:
    """Whether the instance works online and which services of the TI it knows an address of."""

    online: bool
    vsdm: bool = False
    tsl: bool = False
    ocsp: bool = False
    last_check: OnlineCheck | None = None


@dataclass(frozen=True, slots=True)
class TrustList:
    """A trust list: TSL or BNetzA list. Without `next_update` there is none yet; `code` and `reason` of a failure."""

    number: int | None = None
    next_update: datetime | None = None
    imported: datetime | None = None
    last_attempt: datetime | None = None
    succeeded: bool | None = None
    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Anchor:
    """A TSL-Signer-CA."""

    name: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Ocsp:
    """How OCSP goes; `code` and `reason` are of the last request, if it failed."""

    requests: int = 0
    cache_hits: int = 0
    failures: int = 0
    last_at: datetime | None = None
    last_ms: float | None = None
    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class TslService:
    """The last TLS connection to the TSL service; with a `code` it did not prove who it is, `reason` says why."""

    at: datetime
    code: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Trust:
    """The trust service; `lists` is False for an instance that works without."""

    lists: bool
    issuers: int
    ocsp: Ocsp
    tsl: TrustList
    bnetza: TrustList
    anchor: Anchor | None = None
    next_anchor: Anchor | None = None
    tsl_service: TslService | None = None


@dataclass(frozen=True, slots=True)
class Sink:
    """A receiver of events; `failures_in_row` counts failed connections since the last good one."""

    client_system: str
    address: str
    subscriptions: int
    delivered: int
    failed: int
    dropped: int
    failures_in_row: int = 0
    last_delivered: datetime | None = None
    last_failure: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """Everything of one instance."""

    version: int
    name: str
    url: str
    profile: str
    product: Product
    connections: int
    clients: tuple[Client, ...]
    terminals: tuple[Terminal, ...]
    calls_total: int
    calls: tuple[Call, ...]
    events: tuple[Event, ...]
    ti: Ti
    since: datetime | None = None
    conditions: tuple[Condition, ...] = ()
    trust: Trust | None = None
    sinks: tuple[Sink, ...] | None = None
    environment: str | None = None
