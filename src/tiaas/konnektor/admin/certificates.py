"""Certificates in use and when they end (gemSpec_Kon V5.18 TIP1-A_4812 ff., A_21849)."""

from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta

from cryptography import x509

from tiaas.interfaces.management.system import CertificateEntry, CertificateOverview
from tiaas.konnektor.admin.roles import ON_SITE
from tiaas.konnektor.admin.routes import Call, Route, get
from tiaas.konnektor.infoentities import AuthKind
from tiaas.konnektor.instance import Instance


async def _overview(call: Call) -> CertificateOverview:
    instance: Instance = call.plane.instance
    now = instance.context.clock.now()
    found = sorted(_all(instance), key=lambda entry: entry[3])
    return CertificateOverview(
        tuple(
            CertificateEntry(use, where, subject, until, (until - now) // timedelta(days=1))
            for use, where, subject, until in found
        )
    )


def _all(instance: Instance) -> Iterator[tuple[str, str, str, datetime]]:
    yield "server", instance.url, *_told(instance.identity.server.certificate)
    yield "SAK", "towards terminals", *_told(instance.sak.certificate)
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
            yield "card", card.handle, card.card_type.value, datetime.combine(ends, time(), UTC)


def _told(certificate: x509.Certificate) -> tuple[str, datetime]:
    return certificate.subject.rfc4514_string(), certificate.not_valid_after_utc


CERTIFICATE_ROUTES: tuple[Route, ...] = (
    get("/certificates", ON_SITE, "All certificates in use and when they end", _overview, CertificateOverview),
)
