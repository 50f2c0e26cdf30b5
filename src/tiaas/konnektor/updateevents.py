"""Events of the KSR client (gemSpec_Kon V5.18 TAB_KON_668, TIP1-A_4836; catalogue of events in appendix G)."""

from tiaas.konnektor.codes import ErrorType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventSeverity, EventType, Topic, parameters
from tiaas.konnektor.updateoffers import Found, Offer


def ksr_failure(error: KonnektorError) -> Event:
    """KSR/ERROR of TUC_KON_282: of no device."""
    security = error.entry.error_type is ErrorType.SECURITY
    return Event(
        Topic.KSR_ERROR,
        parameters(("Error", error.code), ("Bedeutung", error.entry.filled(error.fill))),
        kind=EventType.SECURITY if security else EventType.OPERATION,
        severity=EventSeverity(error.entry.severity.value),
    )


def updates_available(found: Found, offer: Offer) -> Event:
    """KSR/UPDATES_AVAILABLE for one package; for clients only."""
    return Event(Topic.KSR_UPDATES_AVAILABLE, _package(found, offer), log=False)


def download_ended(found: Found, offer: Offer) -> Event:
    """KSR/UPDATE/KONNEKTOR_DOWNLOAD_END for the package that is here now (TIP1-A_4836-02)."""
    return Event(Topic.KSR_UPDATE_KONNEKTOR_DOWNLOAD_END, _package(found, offer))


def _package(found: Found, offer: Offer) -> tuple[tuple[str, str], ...]:
    return parameters(
        ("ProductVendorID", found.device.vendor_id),
        ("ProductCode", found.device.product_code),
        ("ProductName", offer.product_name),
        ("FirmwareVersion", offer.version),
        ("Deadline", offer.deadline),
        ("FWPriority", "Kritisch" if offer.is_critical else "Normal"),
        ("FirmwareReleaseNotes", offer.notes),
    )
