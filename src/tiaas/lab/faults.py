"""Faults on demand: what the lab's services shall do wrong, for whom, and how often.

A service asks `FaultBook.take` once per request with a text that says what the request is about (operation, ICCSN,
serial number, path). The oldest fault of the service whose `match` is part of that text is taken; a fault with `times`
goes when it is used up. `delay` comes first; then at most one of `code` (the service's own error), `http` (a bare HTTP
status) and `drop` (the connection ends without an answer) replaces the answer.

Faults live as long as the lab's process: a lab that starts is a healthy one.
"""

import enum
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from tiaas.base.errors import InvalidInput

DELAY_MAX = 120.0
"""Seconds."""
FAULTS_MAX = 100
MATCH_MAX = 200


@enum.unique
class Service(enum.StrEnum):
    """Services that can be told to misbehave."""

    OCSP = "ocsp"
    TSL = "tsl"
    BNETZA = "bnetza"
    INTERMEDIAER = "intermediaer"
    UFS = "ufs"
    VSDD = "vsdd"
    CMS = "cms"


_CCS = ("5", "500", "1006", "1011", "1014", "12101", "12102", "12103", "12105", "12148", "12999")

CODES: Mapping[Service, tuple[str, ...]] = {
    Service.OCSP: (
        "revoked", "unknown", "malformedRequest", "internalError", "tryLater", "unauthorized",
        "certHash-missing", "certHash-wrong", "expired", "signature-wrong", "signer-unknown", "nonce-wrong",
    ),
    Service.TSL: (
        "expired", "malformed", "schema", "signature-wrong", "signer-unknown", "sequence-old", "hash-wrong",
    ),
    Service.BNETZA: ("expired", "malformed", "schema", "signature-wrong", "signer-unknown", "hash-wrong"),
    Service.INTERMEDIAER: ("1006", "1011"),
    Service.UFS: ("500", "1006", "1011", "11101", "11148", "11999"),
    Service.VSDD: _CCS,
    Service.CMS: _CCS,
}  # fmt: skip
"""What `code` may say per service: GERROR codes of the Fachdienste, states and defects of the PKI services."""


class BadFault(InvalidInput):
    """A fault that cannot be; says which part and what would be right."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault. `delay` is in seconds; `times` None means until it is cleared; `used` counts how often it struck."""

    service: Service
    code: str | None = None
    http: int | None = None
    delay: float = 0.0
    drop: bool = False
    match: str = ""
    times: int | None = 1
    number: int = 0
    used: int = 0

    def __post_init__(self) -> None:
        if sum((self.code is not None, self.http is not None, self.drop)) > 1:
            raise BadFault("code, http and drop exclude each other")
        if self.code is None and self.http is None and not self.drop and not self.delay:
            raise BadFault("a fault needs one of code, http, delay and drop")
        if self.code is not None and self.code not in CODES[self.service]:
            raise BadFault(f"{self.service} knows no code {self.code!r}; it knows {', '.join(CODES[self.service])}")
        if self.http is not None and not 400 <= self.http <= 599:
            raise BadFault("http is a status from 400 to 599")
        if not 0 <= self.delay <= DELAY_MAX:
            raise BadFault(f"delay is 0 to {DELAY_MAX:g} seconds")
        if self.times is not None and not 1 <= self.times <= 1_000_000:
            raise BadFault("times is 1 or more")
        if len(self.match) > MATCH_MAX:
            raise BadFault(f"match has {MATCH_MAX} characters at most")

    @staticmethod
    def from_document(document: Mapping[str, Any]) -> "Fault":
        """A fault from a JSON object with the field names as keys; `times` null or 0 means until cleared.

        Raises `BadFault`.
        """
        known = {"service", "code", "http", "delay", "drop", "match", "times"}
        if unknown := set(document) - known:
            raise BadFault(f"unknown key {sorted(unknown)[0]!r}; known: {', '.join(sorted(known))}")
        try:
            service = Service(document.get("service", ""))
        except ValueError:
            raise BadFault(f"service is one of {', '.join(Service)}") from None
        return Fault(
            service,
            code=_optional(document, "code", str),
            http=_optional(document, "http", int),
            delay=float(_optional(document, "delay", int | float) or 0.0),
            drop=bool(_optional(document, "drop", bool)),
            match=_optional(document, "match", str) or "",
            times=_optional(document, "times", int) or None if "times" in document else 1,
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
            "used": self.used,
        }


class FaultBook:
    """The faults in force, oldest first."""

    def __init__(self) -> None:
        self._faults: dict[int, Fault] = {}
        self._last = 0

    def add(self, fault: Fault) -> Fault:
        """Puts a fault in force and gives it its number. Raises `BadFault` if there are too many."""
        if len(self._faults) >= FAULTS_MAX:
            raise BadFault(f"{FAULTS_MAX} faults are in force; clear some")
        self._last += 1
        numbered = replace(fault, number=self._last, used=0)
        self._faults[numbered.number] = numbered
        return numbered

    def take(
        self, service: Service, subject: str, applies: Callable[[Fault], bool] = lambda fault: True
    ) -> Fault | None:
        """The fault that strikes a request about `subject`, or None; one use of it is counted.

        `applies` says whether the request is one at which a fault can show.
        """
        fault = self.expected(service, subject, applies)
        return None if fault is None else self._use(fault)

    def expected(
        self, service: Service, subject: str, applies: Callable[[Fault], bool] = lambda fault: True
    ) -> Fault | None:
        """What `take` would give; nothing is counted."""
        matching = (fault for fault in self if fault.service is service and fault.match in subject)
        return next((fault for fault in matching if applies(fault)), None)

    def _use(self, fault: Fault) -> Fault:
        used = replace(fault, used=fault.used + 1)
        if used.times is not None and used.used >= used.times:
            del self._faults[used.number]
        else:
            self._faults[used.number] = used
        return used

    def clear(self, chosen: Callable[[Fault], bool] = lambda fault: True) -> int:
        """Ends the chosen faults (all); returns how many."""
        numbers = [fault.number for fault in self._faults.values() if chosen(fault)]
        for number in numbers:
            del self._faults[number]
        return len(numbers)

    def __iter__(self) -> Iterator[Fault]:
        """The faults in force, oldest first."""
        return iter(tuple(self._faults.values()))


def _optional(document: Mapping[str, Any], key: str, kind: Any) -> Any:
    value = document.get(key)
    if value is None or (isinstance(value, kind) and (kind is bool or not isinstance(value, bool))):
        return value
    raise BadFault(f"{key} has another type than it should")
