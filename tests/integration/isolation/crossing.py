"""Requests that cross the border between two instances, and the judgement whether one was served.

A request has four dimensions: the instance it is sent to, the client certificate, the call context (Mandant,
Clientsystem, Arbeitsplatz) and the handles in it. It crosses if any of the last three is not the addressee's own.
It was served if the answer is no fault, or if any octet of the other practice stands in it.
"""

from dataclasses import dataclass, field
from random import Random
from typing import Any

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
CONN = "http://ws.gematik.de/conn/ConnectorCommon/v5.0"
CCTX = "http://ws.gematik.de/conn/ConnectorContext/v2.0"
CARDCMN = "http://ws.gematik.de/conn/CardServiceCommon/v2.0"


@dataclass(frozen=True, slots=True)
class Practice:
    """One instance as `ready.json` and its own GetCards describe it."""

    url: str
    client: dict[str, str]
    context: dict[str, str]
    handles: dict[str, str]
    traces_of_it: frozenset[bytes] = field(repr=False)

    @property
    def key(self) -> str:
        return self.url


@dataclass(frozen=True, slots=True)
class Request:
    """One crossed request; `certificate` is the practice whose client certificate is shown, None for no certificate."""

    addressee: Practice
    certificate: Practice | None
    body: bytes
    path: str
    foreign: tuple[str, ...]


def draw(random: Random, practices: list[Practice], paths: dict[str, str]) -> Request:
    """A random request in which at least one dimension is foreign (`paths`: service name → endpoint path)."""
    while True:
        addressee = random.choice(practices)
        operation = random.choice(list(_BODIES))
        names = ("certificate", "mandant_id", "client_system_id", "workplace_id", *_HANDLES[operation])
        # Half of the requests have one foreign dimension only, to get past the checks before it.
        alone = random.choice(names) if random.random() < 0.5 else None
        owners: dict[str, Practice | None] = {
            name: addressee if alone not in (None, name) else random.choice(practices) for name in names
        }
        if random.random() < 0.01:
            owners["certificate"] = None
        foreign = tuple(name for name, owner in owners.items() if owner is None or owner.key != addressee.key)
        # Mandant-wide the Arbeitsplatz is not looked at (rule R1, gemSpec_Kon 4.1.1.4): alone it is no crossing there.
        wide = foreign != ("workplace_id",) and random.random() < 0.5
        # A foreign certificate ends at TLS and hides everything behind it: keep it to a tenth of the walk.
        if not foreign or ("certificate" in foreign and random.random() > 0.1):
            continue
        ids = {name: (owners[name] or addressee).context[name] for name in names[1:4]}
        handles = {name: (owners[name] or addressee).handles[name] for name in names[4:]}
        body = _envelope(_BODIES[operation](ids, handles, wide))
        return Request(addressee, owners["certificate"], body, paths[_SERVICE[operation]], foreign)


def leaks(answer: bytes, request: Request, practices: list[Practice]) -> list[str]:
    """What is wrong with an answer to a crossed request: served, or naming something of another practice.

    What the client itself sent is no leak; it may stand in a fault's detail.
    """
    found = []
    if b"Fault>" not in answer:
        found.append("served")
    for other in practices:
        if other.key == request.addressee.key:
            continue
        found += [f"names {mark!r}" for mark in other.traces_of_it if mark in answer and mark not in request.body]
    return found


def _envelope(body: str) -> bytes:
    return (
        f'<S:Envelope xmlns:S="{SOAP}" xmlns:CONN="{CONN}" xmlns:CCTX="{CCTX}" xmlns:C="{CARDCMN}">'
        f"<S:Body>{body}</S:Body></S:Envelope>"
    ).encode()


def _context(ids: dict[str, str]) -> str:
    return (
        f"<CCTX:Context><CONN:MandantId>{ids['mandant_id']}</CONN:MandantId>"
        f"<CONN:ClientSystemId>{ids['client_system_id']}</CONN:ClientSystemId>"
        f"<CONN:WorkplaceId>{ids['workplace_id']}</CONN:WorkplaceId><CONN:UserId>walker</CONN:UserId></CCTX:Context>"
    )


def _event(operation: str) -> Any:
    def body(ids: dict[str, str], handles: dict[str, str], wide: bool) -> str:
        return (
            f'<E:{operation} xmlns:E="http://ws.gematik.de/conn/EventService/v7.2" mandant-wide="{str(wide).lower()}">'
            f"{_context(ids)}</E:{operation}>"
        )

    return body


def _pin(operation: str) -> Any:
    def body(ids: dict[str, str], handles: dict[str, str], wide: bool) -> str:
        return (
            f'<P:{operation} xmlns:P="http://ws.gematik.de/conn/CardService/v8.1">{_context(ids)}'
            f"<CONN:CardHandle>{handles['any']}</CONN:CardHandle><C:PinTyp>PIN.SMC</C:PinTyp></P:{operation}>"
        )

    return body


def _certificate(ids: dict[str, str], handles: dict[str, str], wide: bool) -> str:
    return (
        '<Z:ReadCardCertificate xmlns:Z="http://ws.gematik.de/conn/CertificateService/v6.0">'
        f"<CONN:CardHandle>{handles['any']}</CONN:CardHandle>{_context(ids)}"
        "<Z:CertRefList><Z:CertRef>C.AUT</Z:CertRef></Z:CertRefList><Z:Crypt>ECC</Z:Crypt></Z:ReadCardCertificate>"
    )


def _vsd(ids: dict[str, str], handles: dict[str, str], wide: bool) -> str:
    return (
        '<V:ReadVSD xmlns:V="http://ws.gematik.de/conn/vsds/VSDService/v5.2">'
        f"<V:EhcHandle>{handles['egk']}</V:EhcHandle><V:HpcHandle>{handles['smcb']}</V:HpcHandle>"
        f"<V:PerformOnlineCheck>false</V:PerformOnlineCheck><V:ReadOnlineReceipt>false</V:ReadOnlineReceipt>"
        f"{_context(ids)}</V:ReadVSD>"
    )


_BODIES = {
    "GetCards": _event("GetCards"),
    "GetCardTerminals": _event("GetCardTerminals"),
    "VerifyPin": _pin("VerifyPin"),
    "GetPinStatus": _pin("GetPinStatus"),
    "ReadCardCertificate": _certificate,
    "ReadVSD": _vsd,
}
_HANDLES: dict[str, tuple[str, ...]] = {
    "GetCards": (),
    "GetCardTerminals": (),
    "VerifyPin": ("any",),
    "GetPinStatus": ("any",),
    "ReadCardCertificate": ("any",),
    "ReadVSD": ("egk", "smcb"),
}
_SERVICE = {
    "GetCards": "EventService",
    "GetCardTerminals": "EventService",
    "VerifyPin": "CardService",
    "GetPinStatus": "CardService",
    "ReadCardCertificate": "CertificateService",
    "ReadVSD": "VSDService",
}
