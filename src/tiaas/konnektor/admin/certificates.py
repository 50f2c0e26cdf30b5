"""Certificates in use and when they end (gemSpec_Kon V5.18 TIP1-A_4812 ff., A_21849), and the run over all cards
(TIP1-A_4704). Those of the device, which a gSMC-K would hold, are shown with their keys (A_18931)."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import rsa

from tiaas.interfaces.management.roles import Role
from tiaas.interfaces.management.system import (
    CertificateEntry,
    CertificateOverview,
    ExpiringCertificate,
    ExpiryRun,
    SmbCertificate,
    UnreadCard,
)
from tiaas.konnektor.admin.asked import instance_of
from tiaas.konnektor.admin.roles import INSTANCE_ROLES, ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, get, post
from tiaas.konnektor.box import device_iccsn
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardstatus import CheckedCertificate
from tiaas.konnektor.cardtypes import HBAX, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.expiry import CardDates
from tiaas.konnektor.infoentities import AuthKind
from tiaas.konnektor.instance import Instance
from tiaas.konnektor.keykind import key_name


async def _overview(call: Call) -> CertificateOverview:
    instance = instance_of(call)
    now = instance.context.clock.now()
    found = sorted(_all(instance), key=lambda entry: entry[3])
    return CertificateOverview(
        tuple(
            CertificateEntry(use, where, subject, until, (until - now) // timedelta(days=1), key)
            for use, where, subject, until, key in found
        ),
        all(isinstance(certificate.public_key(), rsa.RSAPublicKey) for _, _, certificate in _device(instance)),
    )


def _device(instance: Instance) -> Iterator[tuple[str, str, x509.Certificate]]:
    """The identities that are given to an instance; with which key its server works its administrator chooses."""
    box = instance.health.box
    if box is not None and box.device is not None:
        yield "NK", device_iccsn(box.device), x509.load_der_x509_certificate(box.device.encoded)
    yield "SAK", "towards terminals", instance.sak.certificate


def _all(instance: Instance) -> Iterator[tuple[str, str, str, datetime, str | None]]:
    for use, where, certificate in _device(instance):
        yield use, where, *_told(certificate)
    yield "server", instance.url, *_told(instance.identity.server.certificate)
    known = instance.identity.client_certificates
    for client in instance.model.current.clients.values():
        for feature in client.auth_features:
            if feature.kind is AuthKind.CERTIFICATE and feature.value in known:
                der = known[feature.value]
                yield "client", client.client_system_id, *_told(x509.load_der_x509_certificate(der))
    for entry in instance.context.terminals:
        pairing = entry.config.pairing
        if pairing is not None:
            yield "terminal", entry.config.ct_id, *_told(x509.load_der_x509_certificate(pairing.certificate))
    for card in instance.context.cards:
        ends = card.data.certificate_expiration
        if ends is not None:
            yield "card", card.handle, card.card_type.value, datetime.combine(ends, time(), UTC), None


async def _run(call: Call) -> ExpiryRun:
    instance = instance_of(call)
    remote = call.caller.role is Role.REMOTE
    watch, today = instance.expiry, instance.context.clock.now().date()
    # Cards of persons are not shown to a Remote-Administrator, nor whose a card is (TIP1-A_5652).
    found = [dates async for dates in watch.dates() if not (remote and dates.card.card_type in _PERSONS)]
    read = [dates for dates in found if dates.fault is None]
    expiring = [
        _expiring(dates.card, name, facts.expires.isoformat(), (facts.expires - today).days, remote=remote)
        for dates in read
        for name, facts in dates.certificates
        if watch.is_near(facts, today)
    ]
    expiring.sort(key=lambda entry: entry.days_left)
    unread = tuple(_unread(dates) for dates in found if dates.fault is not None)
    count = sum(len(dates.certificates) for dates in read)
    smbs = [_smb(card, checked) async for card, found in watch.statuses.look() for checked in found]
    return ExpiryRun(instance.config.watch.warn, len(read), count, tuple(expiring), unread, tuple(smbs))


_PERSONS = HBAX | {CardType.EGK}


def _expiring(card: Card, name: str, expires: str, left: int, *, remote: bool) -> ExpiringCertificate:
    whose = (None, None) if remote else (card.data.iccsn, card.data.holder_name)
    return ExpiringCertificate(card.handle, card.card_type.value, card.ct_id, card.slot, *whose, name, expires, left)


def _unread(dates: CardDates) -> UnreadCard:
    card, fault = dates.card, dates.fault
    code = fault.code if isinstance(fault, KonnektorError) else None
    return UnreadCard(card.handle, card.card_type.value, card.ct_id, card.slot, code)


def _smb(card: Card, checked: CheckedCertificate) -> SmbCertificate:
    code = None if checked.fault is None else checked.fault.number
    return SmbCertificate(
        card.handle, card.card_type.value, card.ct_id, card.slot, checked.name, checked.status.value, code
    )


def _told(certificate: x509.Certificate) -> tuple[str, datetime, str]:
    key = key_name(certificate.public_key())
    return certificate.subject.rfc4514_string(), certificate.not_valid_after_utc, key


CERTIFICATE_ROUTES: tuple[Route, ...] = (
    get("/certificates", ON_SITE, "All certificates in use, their keys, when they end", _overview, CertificateOverview),
    post(
        "/certificates/expiry-run",
        INSTANCE_ROLES,
        "Reads the certificates of all reachable cards: which end soon, which of SM-Bs count; no client is told",
        _run,
        response=ExpiryRun,
        changes=False,
    ),
)
