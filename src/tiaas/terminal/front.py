"""The front: what keeps long-lived terminal connections, and nothing else (design, "Terminals outlive updates").

The front dials, does TLS, frames SICCT messages, numbers them, keeps the session alive and redials with jitter.
It knows no PIN, no pairing, no card. Embedded it lives in the Konnektor's process; in a cluster it is a process
of its own that survives the restart of a node. Every call carries the owner's epoch; a lower one than the highest
seen for that instance is refused, so a node that lost its instance cannot send one more octet to a card.
"""

from collections.abc import Callable
from typing import Protocol

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput, TiaasError

KEEP_ALIVE_MAX = 10
HANDSHAKE_MAX = 60


@dataclass(frozen=True, slots=True)
class Owner:
    """Who acts: an instance (vInstanz) in one of its epochs (`epoch + 1` on every takeover)."""

    instance: str
    epoch: int


class FrontError(TiaasError):
    """A message could not be exchanged with a terminal."""


class StaleEpoch(FrontError):
    """The caller's epoch is lower than one already seen: it no longer owns the instance."""


class TerminalUnknown(FrontError):
    """No connection to that ctId was asked for."""


class TerminalGone(FrontError):
    """There is no connection right now, or it broke before the answer came."""


class TerminalTimeout(FrontError):
    """The terminal did not answer in the time given; the sequence number stays reserved until it does."""


@dataclass(frozen=True, slots=True)
class Patience:
    """CTM_KEEP_ALIVE_INTERVAL, CTM_KEEP_ALIVE_TRY_COUNT, CTM_TLS_HS_TIMEOUT (TAB_KON_527); times in seconds.

    Raises `InvalidInput` out of their ranges.
    """

    keep_alive_interval: int = 10
    keep_alive_tries: int = 3
    handshake_timeout: float = 10.0

    def __post_init__(self) -> None:
        if not 1 <= self.keep_alive_interval <= KEEP_ALIVE_MAX:
            raise InvalidInput(f"keep_alive_interval must be 1–{KEEP_ALIVE_MAX} s")
        if not 3 <= self.keep_alive_tries <= 10:
            raise InvalidInput("keep_alive_tries must be 3–10")
        if not 1 <= self.handshake_timeout <= HANDSHAKE_MAX:
            raise InvalidInput(f"handshake_timeout must be 1–{HANDSHAKE_MAX} s")


@dataclass(frozen=True, slots=True)
class Dial:
    """How to reach a terminal. `tls_profile` names the cipher suites (`ecc`, `rsa` or `any`).

    The stored pairing certificate decides it (gemSpec_Krypt, ECC migration: only suites of its key type are offered).
    `patience` None: the front's own.
    """

    ct_id: str
    host: str
    port: int
    tls_profile: str = "any"
    patience: Patience | None = None


@dataclass(frozen=True, slots=True)
class LinkUp:
    """TLS stands. `certificate` is the terminal's certificate (DER), `cipher` the suite's OpenSSL name.

    `session_open` is true if INIT CT SESSION went through on this connection already, for a former owner: the
    terminal would refuse a second one, and its cards may be powered.
    """

    ct_id: str
    certificate: bytes
    cipher: str
    session_open: bool = False


@dataclass(frozen=True, slots=True)
class LinkDown:
    """The connection is gone, or an attempt to get one failed; the front redials by itself."""

    ct_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class UnitEvent:
    """A SICCT event message other than keep-alive: `tag` and `value` as in SICCT 6.2 (84 inserted, 85 removed, …)."""

    ct_id: str
    tag: int
    value: bytes


LinkEvent = LinkUp | LinkDown | UnitEvent


class Front(Protocol):
    """Keeps terminal connections for the instances of this or other processes."""

    def claim(self, owner: Owner, sink: Callable[[LinkEvent], None]) -> None:
        """Makes `owner` the one who acts for its instance and sends it all further events.

        For terminals already connected a `LinkUp` follows at once. Raises `StaleEpoch`.
        """
        ...

    async def connect(self, owner: Owner, dial: Dial) -> None:
        """Keeps a connection to this terminal until `disconnect`; returns before it stands. Raises `StaleEpoch`."""
        ...

    async def disconnect(self, owner: Owner, ct_id: str) -> None:
        """Closes the connection and forgets the terminal. Raises `StaleEpoch`."""
        ...

    async def exchange(self, owner: Owner, ct_id: str, unit: int, payload: bytes, wait: float) -> bytes:
        """Sends a SICCT command message to functional unit `unit` (0 = the terminal); returns the answer's payload.

        `wait` is in seconds. Commands to different units may be in flight together. Raises `FrontError`.
        """
        ...
