"""The service directory `connector.sds` as a client reads it (ServiceDirectory.xsd 3.1, ServiceInformation.xsd 2.0).

Konnektors in the field fill it in their own ways, so nothing is asked of it but what is needed: services by name, and
of each version its number, its namespace and where it is.
"""

import re
from urllib.parse import urlsplit

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.client.errors import ServiceMissing
from tiaas.interfaces.service_directory_v3_1 import SDS
from tiaas.interfaces.service_information_v2_0 import SI
from tiaas.soap.errors import BadEnvelope
from tiaas.soap.markup import Limits, local_name, parse_untrusted

_LIMITS = Limits(octets=1024 * 1024, nodes=10_000)
_NUMBER = re.compile(r"\d{1,6}(\.\d{1,6}){0,3}")


class BadDirectory(TiaasError):
    """Octets that are no service directory."""


@dataclass(frozen=True, slots=True)
class ServiceVersion:
    """One version of a service at `location`; `number` is its version for comparing."""

    service: str
    version: str
    target_namespace: str
    location: str

    @property
    def number(self) -> tuple[int, ...]:
        """`7.2.0` → (7, 2, 0); what is no number comes before all."""
        return tuple(map(int, self.version.split("."))) if _NUMBER.fullmatch(self.version) else ()


@dataclass(frozen=True, slots=True)
class ServiceDirectory:
    """What a Konnektor offers. `product` names it as it names itself: type, version, vendor, code."""

    product: tuple[tuple[str, str], ...]
    versions: tuple[ServiceVersion, ...]

    def find(self, service: str, wanted: str) -> ServiceVersion:
        """The highest version of a service that begins with `wanted` (as in `7.2`). Raises `ServiceMissing`."""
        offered = [item for item in self.versions if item.service == service and item.location]
        prefix = tuple(map(int, wanted.split(".")))
        fitting = [item for item in offered if item.number[: len(prefix)] == prefix]
        if not fitting:
            raise ServiceMissing(service, wanted, tuple(item.version for item in offered))
        return max(fitting, key=lambda item: item.number)

    def rewritten(self, base: str) -> "ServiceDirectory":
        """The same with scheme, host and port of `base` in all locations: for a Konnektor behind a NAT or a proxy."""
        origin = urlsplit(base)
        moved = tuple(
            ServiceVersion(
                item.service,
                item.version,
                item.target_namespace,
                urlsplit(item.location)._replace(scheme=origin.scheme, netloc=origin.netloc).geturl(),
            )
            for item in self.versions
        )
        return ServiceDirectory(self.product, moved)


def decode_directory_untrusted(document: bytes) -> ServiceDirectory:
    """Reads `connector.sds`; raises only `BadDirectory`."""
    try:
        root = parse_untrusted(document, _LIMITS)
    except BadEnvelope as error:
        raise BadDirectory(str(error)) from None
    if root.tag != f"{{{SDS.uri}}}ConnectorServices":
        raise BadDirectory("the root element is not ConnectorServices")
    versions = tuple(
        version
        for service in root.iter(f"{{{SI.uri}}}Service")
        for element in service.iter(f"{{{SI.uri}}}Version")
        if (version := _version(service.get("Name", ""), element)) is not None
    )
    return ServiceDirectory(_product(root), versions)


def _version(service: str, element: etree._Element) -> ServiceVersion | None:
    # Where client certificates are in use the TLS endpoint is the one; some offer the other only.
    endpoint = element.find(f"{{{SI.uri}}}EndpointTLS")
    if endpoint is None:
        endpoint = element.find(f"{{{SI.uri}}}Endpoint")
    location = "" if endpoint is None else endpoint.get("Location", "").strip()
    try:
        usable = urlsplit(location).scheme in ("https", "http")
    except ValueError:
        usable = False
    if not usable:
        return None
    return ServiceVersion(service, element.get("Version", "").strip(), element.get("TargetNamespace", ""), location)


def _product(root: etree._Element) -> tuple[tuple[str, str], ...]:
    wanted = ("ProductType", "ProductTypeVersion", "ProductVendorID", "ProductCode", "HWVersion", "FWVersion")
    found = {local_name(element): (element.text or "").strip() for element in root.iter("{*}*")}
    return tuple((name, found[name]) for name in wanted if found.get(name))
