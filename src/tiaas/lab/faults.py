"""Faults on demand: what goes wrong in the lab, for whom, and how often. One model for services, terminals, cards,
people at keypads, the network and the random generator.

Whoever can be struck asks `FaultBook.take` with a line that says what happens (operation, ICCSN, serial number, path,
SICCT command, APDU header). The oldest fault of the service whose `match` fits the line is taken, once its `skip`
is used up; a fault with `times` goes when it is used up. `delay` comes first; then at most one of `code` (the service's
own error, or what a terminal, card, person or line does), `http` (a bare HTTP status), `drop` (the connection ends
without an answer) and `offset` (the time server's lie) replaces the answer.

Every line is about things that a wire shows; none holds a PIN. Faults live as long as the lab's process: a lab that
starts is a healthy one.
"""

import enum
import re
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from functools import lru_cache
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput

DELAY_MAX = 120.0
"""Seconds."""
LASTS_MAX = 3600.0
"""Seconds."""
OFFSET_MAX = 10 * 366 * 86_400.0
"""Seconds."""
FAULTS_MAX = 100
MATCH_MAX = 200
FIRED_MAX = 1000
_COUNT_MAX = 1_000_000


@enum.unique
class Service(enum.StrEnum):
    """What can be told to misbehave."""

    OCSP = "ocsp"
    TSL = "tsl"
    BNETZA = "bnetza"
    CRL = "crl"
    INTERMEDIAER = "intermediaer"
    UFS = "ufs"
    VSDD = "vsdd"
    CMS = "cms"
    VZD = "vzd"
    KSR = "ksr"
    REGISTRATION = "registration"
    TIME = "time"
    TERMINAL = "terminal"
    CARD = "card"
    KEYPAD = "keypad"
    NETWORK = "network"
    RANDOM = "random"


_CCS = ("5", "500", "1006", "1011", "1014", "12101", "12102", "12103", "12105", "12148", "12999")
_RECORDS = ("record-missing", "record-mixed-up", "record-unreadable", "database-away")

CODES: Mapping[Service, tuple[str, ...]] = {
    Service.OCSP: (
        "revoked", "unknown", "malformedRequest", "internalError", "tryLater", "unauthorized",
        "certHash-missing", "certHash-wrong", "expired", "signature-wrong", "signer-unknown", "nonce-wrong",
    ),
    Service.TSL: (
        "expired", "malformed", "schema", "signature-wrong", "signer-unknown", "sequence-old", "hash-wrong",
        "server-expired", "server-foreign", "server-role",
    ),
    Service.BNETZA: ("expired", "malformed", "schema", "signature-wrong", "signer-unknown", "hash-wrong"),
    Service.CRL: ("expiring", "expired", "malformed", "signature-wrong", "signer-unknown"),
    Service.INTERMEDIAER: ("1006", "1011", "misrouted", "damaged"),
    Service.UFS: ("500", "1006", "1011", "11101", "11148", "11999", *_RECORDS),
    Service.VSDD: (*_CCS, *_RECORDS, "session-lost", "session-silent", "key-wrong"),
    Service.CMS: (*_CCS, *_RECORDS, "session-lost", "session-silent", "key-wrong"),
    Service.VZD: ("1", "3", "11", "32", "50", "51", "52", "80"),
    Service.KSR: (
        "fault", "malformed", "information-changed", "file-short", "file-long", "file-changed", "server-expired",
        "server-foreign", "server-role",
        "networks-malformed", "networks-schema", "networks-useless", "networks-signature-wrong",
        "networks-signer-role", "networks-signer-unknown", "networks-unsigned",
    ),
    Service.REGISTRATION: (
        "authorisation-away", "no-send-data", "server-expired", "server-foreign", "server-role",
    ),
    Service.TIME: ("silent",),
    Service.TERMINAL: (
        "gone", "silent", "garbage", "wrong-sequence", "certificate-expired", "certificate-foreign",
    ),
    Service.CARD: ("pulled", "mute", "defective"),
    Service.KEYPAD: ("wrong", "cancel", "timeout", "busy", "gone"),
    Service.NETWORK: ("refused", "unreachable"),
    Service.RANDOM: ("stuck", "repeating", "biased", "unreadable"),
}  # fmt: skip
"""What `code` may say per service: GERROR or LDAP codes that the Fachdienste answer, and in words what is wrong with
them or with a message, of which they find out by themselves; states and defects of the PKI services; what terminals,
cards, people and lines do; how a random generator is broken."""

STATUS_WORDS = frozenset({Service.TERMINAL, Service.CARD})
"""Here `code` may be a status word too: four hexadecimal digits that are answered instead of doing the command."""
_STATUS_WORD = re.compile("[69][0-9A-F]{3}")
_WITHOUT_HTTP = frozenset(
    {Service.VZD, Service.TIME, Service.TERMINAL, Service.CARD, Service.KEYPAD, Service.NETWORK, Service.RANDOM}
)
_WITHOUT_DROP = frozenset({Service.TIME, Service.CARD, Service.KEYPAD, Service.RANDOM})
_LASTING = frozenset({"gone", "pulled"})
_UNTIL_CLEARED = frozenset({"defective", *CODES[Service.RANDOM]})


class BadFault(InvalidInput):
    """A fault that cannot be; says which part and what would be right."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault.

    `delay` is in seconds; `skip` lets so many fitting requests pass first; `times` None means until it is cleared;
    `lasts` are the seconds after which what is gone or pulled comes back by itself, None: a person has to do it.
    `offset`: the time server tells a time so many seconds beside the lab's.
    `seen` counts fitting requests, `used` how often it struck; `since` is when it came into force.
    """

    service: Service
    code: str | None = None
    http: int | None = None
    delay: float = 0.0
    drop: bool = False
    match: str = ""
    times: int | None = 1
    skip: int = 0
    lasts: float | None = None
    offset: float | None = None
    number: int = 0
    seen: int = 0
    used: int = 0
    since: datetime | None = None

    def __post_init__(self) -> None:
        instead = sum((self.code is not None, self.http is not None, self.drop, self.offset is not None))
        if instead > 1:
            raise BadFault("code, http, drop and offset exclude each other")
        if not instead and not self.delay:
            raise BadFault("a fault needs one of code, http, delay, drop and offset")
        if self.code is not None and not self._knows_code():
            words = " or a status word like 6F00" if self.service in STATUS_WORDS else ""
            raise BadFault(
                f"{self.service} knows no code {self.code!r}; it knows {', '.join(CODES[self.service])}{words}"
            )
        self._check_service()
        self._check_numbers()

    def _knows_code(self) -> bool:
        if self.code in CODES[self.service]:
            return True
        return self.service in STATUS_WORDS and _STATUS_WORD.fullmatch(self.code or "") is not None

    def _check_service(self) -> None:
        if self.http is not None and self.service in _WITHOUT_HTTP:
            raise BadFault(f"{self.service} speaks no HTTP")
        if self.drop and self.service in _WITHOUT_DROP:
            raise BadFault(f"{self.service} has no connection to drop")
        if self.delay and self.service is Service.RANDOM:
            raise BadFault(f"{self.service} has no answer to wait for")
        if self.offset is not None and self.service is not Service.TIME:
            raise BadFault(f"offset goes with the service {Service.TIME}")
        if self.lasts is not None and self.code not in _LASTING:
            raise BadFault(f"lasts goes with the codes {', '.join(sorted(_LASTING))}")
        if self.code in _UNTIL_CLEARED and self.times is not None:
            raise BadFault(f"{self.code} lasts until it is cleared: times is 0")

    def _check_numbers(self) -> None:
        if self.http is not None and not 400 <= self.http <= 599:
            raise BadFault("http is a status from 400 to 599")
        if not 0 <= self.delay <= DELAY_MAX:
            raise BadFault(f"delay is 0 to {DELAY_MAX:g} seconds")
        if self.lasts is not None and not 0 < self.lasts <= LASTS_MAX:
            raise BadFault(f"lasts is more than 0, up to {LASTS_MAX:g} seconds")
        if self.offset is not None and not 0 < abs(self.offset) <= OFFSET_MAX:
            raise BadFault(f"offset is a number of seconds, not 0, up to {OFFSET_MAX:.0f} before or behind")
        if self.times is not None and not 1 <= self.times <= _COUNT_MAX:
            raise BadFault("times is 1 or more")
        if not 0 <= self.skip <= _COUNT_MAX:
            raise BadFault("skip is 0 or more")
        if len(self.match) > MATCH_MAX:
            raise BadFault(f"match has {MATCH_MAX} characters at most")

    @property
    def status_word(self) -> int | None:
        """The status word that `code` is, if it is one."""
        if self.code is None or self.code in CODES[self.service] or self.service not in STATUS_WORDS:
            return None
        return int(self.code, 16)

    def fits(self, line: str) -> bool:
        """Whether `match` is part of the line; `*` stands for any characters, `?` for one."""
        return self.match in line or (_is_pattern(self.match) and _pattern(self.match).search(line) is not None)

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Fault":
        """A fault from a JSON object with the field names as keys; `times` null or 0 means until cleared.

        Raises `BadFault`.
        """
        if unknown := set(document) - set(FAULT_KEYS):
            raise BadFault(f"unknown key {sorted(unknown)[0]!r}; known: {', '.join(sorted(FAULT_KEYS))}")
        try:
            service = Service(document.get("service", ""))
        except ValueError:
            raise BadFault(f"service is one of {', '.join(Service)}") from None
        code = _optional(document, "code", str)
        once = None if code in _UNTIL_CLEARED else 1
        return Fault(
            service,
            code=code,
            http=_optional(document, "http", int),
            delay=_optional(document, "delay", int | float) or 0.0,
            drop=bool(_optional(document, "drop", bool)),
            match=_optional(document, "match", str) or "",
            times=_optional(document, "times", int) or None if "times" in document else once,
            skip=_optional(document, "skip", int) or 0,
            lasts=_optional(document, "lasts", int | float),
            offset=_optional(document, "offset", int | float),
        )

    def to_document(self) -> dict[str, Any]:
        """The JSON object that `GET /faults` lists."""
        return {
            "number": self.number,
            "service": self.service.value,
            "code": self.code,
            "http": self.http,
            "delay": self.delay,
            "drop": self.drop,
            "match": self.match,
            "times": self.times,
            "skip": self.skip,
            "lasts": self.lasts,
            "offset": self.offset,
            "seen": self.seen,
            "used": self.used,
        }


FAULT_KEYS = ("service", "code", "http", "delay", "drop", "match", "times", "skip", "lasts", "offset")
"""What a fault may be made of from outside."""


@dataclass(frozen=True, slots=True)
class Fired:
    """A fault struck: its number and service, when, and the line of what was struck."""

    fault: int
    service: Service
    at: datetime
    line: str

    def to_document(self) -> dict[str, Any]:
        """The JSON object that `GET /faults` lists."""
        return {
            "fault": self.fault,
            "service": self.service.value,
            "at": self.at.isoformat(timespec="milliseconds"),
            "line": self.line,
        }


class FaultBook:
    """The faults in force, oldest first, and what they did."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._faults: dict[int, Fault] = {}
        self._fired: deque[Fired] = deque(maxlen=FIRED_MAX)
        self._last = 0

    def add(self, fault: Fault) -> Fault:
        """Puts a fault in force and gives it its number. Raises `BadFault` if there are too many."""
        if len(self._faults) >= FAULTS_MAX:
            raise BadFault(f"{FAULTS_MAX} faults are in force; clear some")
        self._last += 1
        numbered = replace(fault, number=self._last, seen=0, used=0, since=self._clock.now())
        self._faults[numbered.number] = numbered
        return numbered

    def take(self, service: Service, line: str, applies: Callable[[Fault], bool] = lambda fault: True) -> Fault | None:
        """The fault that strikes what `line` tells of, or None; one use of it is counted.

        `applies` says whether it is a moment at which a fault can show.
        """
        for fault in self:
            if fault.service is service and fault.fits(line) and applies(fault):
                if fault.seen >= fault.skip:
                    return self._use(fault, line)
                self._faults[fault.number] = replace(fault, seen=fault.seen + 1)
        return None

    def expected(
        self, service: Service, line: str, applies: Callable[[Fault], bool] = lambda fault: True
    ) -> Fault | None:
        """What `take` would give; nothing is counted."""
        matching = (fault for fault in self if fault.service is service and fault.fits(line))
        return next((fault for fault in matching if fault.seen >= fault.skip and applies(fault)), None)

    def _use(self, fault: Fault, line: str) -> Fault:
        used = replace(fault, seen=fault.seen + 1, used=fault.used + 1)
        if used.times is not None and used.used >= used.times:
            del self._faults[used.number]
        else:
            self._faults[used.number] = used
        self._fired.append(Fired(used.number, used.service, self._clock.now(), line))
        return used

    def clear(self, chosen: Callable[[Fault], bool] = lambda fault: True) -> int:
        """Ends the chosen faults (all); returns how many."""
        numbers = [fault.number for fault in self._faults.values() if chosen(fault)]
        for number in numbers:
            del self._faults[number]
        return len(numbers)

    @property
    def fired(self) -> tuple[Fired, ...]:
        """What faults did, oldest first; the last `FIRED_MAX` times."""
        return tuple(self._fired)

    def __iter__(self) -> Iterator[Fault]:
        """The faults in force, oldest first."""
        return iter(tuple(self._faults.values()))

    def __bool__(self) -> bool:
        """Whether any fault is in force."""
        return bool(self._faults)


def _is_pattern(match: str) -> bool:
    return "*" in match or "?" in match


@lru_cache(maxsize=FAULTS_MAX)
def _pattern(match: str) -> re.Pattern[str]:
    """Each part between stars at its first place behind the one before: if that fails, no other place would do."""
    first, *others = (re.escape(part).replace(r"\?", ".") for part in match.split("*"))
    return re.compile(first + "".join(f"(?>.*?{part})" for part in others))


def _optional(document: Mapping[str, Any], key: str, kind: Any) -> Any:
    value = document.get(key)
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        return value
    raise BadFault(f"{key} has another type than it should")
