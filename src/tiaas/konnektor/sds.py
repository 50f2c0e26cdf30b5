"""The service directory connector.sds (gemSpec_Kon V5.18 §3.5, ServiceDirectory.xsd 3.1.0).

The version strings are the ones clients look for literally, `TargetNamespace` is the WSDL's (VSDService: the body's),
as five certified devices have it. A service stands in the directory if an operation of it is registered.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.interfaces import (
    auth_signature_service_v7_4,
    card_service_v8_1,
    card_service_v8_2,
    card_terminal_service_v1_1,
    certificate_service_v6_0,
    encryption_service_v6_1,
    event_service_v7_2,
    kvk_service_v4_0,
    signature_service_v7_4,
    signature_service_v7_5,
    vsd_service_v5_2,
)
from tiaas.interfaces.product_information_v1_1 import (
    ProductIdentification,
    ProductInformation,
    ProductMiscellaneous,
    ProductTypeInformation,
    ProductVersion,
    ProductVersionLocal,
)
from tiaas.interfaces.service_directory_v3_1 import ConnectorServices
from tiaas.interfaces.service_information_v2_0 import Endpoint, Service, ServiceInformation, Version, Versions
from tiaas.konnektor.config import MEBIBYTE, ClientAccess, Product
from tiaas.soap.dispatch import Operation
from tiaas.soap.mapping import encode_document, root_name

PRODUCT_TYPE = "Konnektor"


@dataclass(frozen=True, slots=True)
class Published:
    """One service as it is published.

    `versions` are pairs of version and WSDL namespace. `path` is the endpoint of all versions; `bodies` are the
    namespaces of its messages; a service that shares one with another has `roots`, the local names of its requests, and
    stands before it in `PUBLISHED`. `body_octets` is the largest request. `mtom`: messages
    may be packaged (TIP1-A_5694-03, for services of documents only).
    """

    name: str
    abstract: str
    path: str
    versions: tuple[tuple[str, str], ...]
    bodies: tuple[str, ...]
    body_octets: int = 2 * MEBIBYTE
    roots: frozenset[str] = frozenset()
    mtom: bool = False

    def takes(self, request: str) -> bool:
        """Whether a request, by the name of its root element `{namespace}local`, is this service's."""
        namespace, _, local = request[1:].partition("}")
        return namespace in self.bodies and (not self.roots or local in self.roots)


_DOCUMENT_BODY = 48 * MEBIBYTE
"""A document of 25 MB in base64, encrypted and in base64 again, and a thousand certificates."""
_STACK_BODY = 360 * MEBIBYTE
"""250 MB of documents in base64 (TIP1-A_5010)."""

PUBLISHED: tuple[Published, ...] = (
    Published(
        event_service_v7_2.SERVICE,
        "Ereignisse und Systeminformationen",
        "/ws/EventService",
        tuple((version, event_service_v7_2.WSDL_NAMESPACE) for version in event_service_v7_2.VERSIONS),
        (event_service_v7_2.EVT.uri,),
    ),
    Published(
        card_service_v8_1.SERVICE,
        "Karten und PIN",
        "/ws/CardService",
        (
            *((version, card_service_v8_1.WSDL_NAMESPACE) for version in card_service_v8_1.VERSIONS),
            *((version, card_service_v8_2.WSDL_NAMESPACE) for version in card_service_v8_2.VERSIONS),
        ),
        (card_service_v8_1.CARD.uri, card_service_v8_2.CARD82.uri),
    ),
    Published(
        card_terminal_service_v1_1.SERVICE,
        "Karten anfordern und auswerfen",
        "/ws/CardTerminalService",
        tuple((version, card_terminal_service_v1_1.WSDL_NAMESPACE) for version in card_terminal_service_v1_1.VERSIONS),
        (card_terminal_service_v1_1.CT.uri,),
    ),
    Published(
        certificate_service_v6_0.SERVICE,
        "Zertifikate",
        "/ws/CertificateService",
        tuple((version, certificate_service_v6_0.WSDL_NAMESPACE) for version in certificate_service_v6_0.VERSIONS),
        (certificate_service_v6_0.CERT.uri,),
    ),
    Published(
        encryption_service_v6_1.SERVICE,
        "Ver- und Entschlüsselung",
        "/ws/EncryptionService",
        tuple((version, encryption_service_v6_1.WSDL_NAMESPACE) for version in encryption_service_v6_1.VERSIONS),
        (encryption_service_v6_1.CRYPT.uri,),
        body_octets=_DOCUMENT_BODY,
        mtom=True,
    ),
    Published(
        auth_signature_service_v7_4.SERVICE,
        "Authentisierung mit HBA und SM-B",
        "/ws/AuthSignatureService",
        tuple(
            (version, auth_signature_service_v7_4.WSDL_NAMESPACE) for version in auth_signature_service_v7_4.VERSIONS
        ),
        (signature_service_v7_4.SIG74.uri,),
        roots=frozenset({"ExternalAuthenticate"}),
    ),
    Published(
        vsd_service_v5_2.SERVICE,
        "Versichertenstammdaten",
        "/ws/VSDService",
        tuple((version, vsd_service_v5_2.WSDL_NAMESPACE) for version in vsd_service_v5_2.VERSIONS),
        (vsd_service_v5_2.VSD.uri,),
    ),
    Published(
        kvk_service_v4_0.SERVICE,
        "Krankenversichertenkarte",
        "/ws/KVKService",
        tuple((version, kvk_service_v4_0.WSDL_NAMESPACE) for version in kvk_service_v4_0.VERSIONS),
        (kvk_service_v4_0.KVK.uri,),
    ),
    Published(
        signature_service_v7_5.SERVICE,
        "Dokumente signieren und Signaturen prüfen",
        "/ws/SignatureService",
        (
            *((version, signature_service_v7_4.WSDL_NAMESPACE) for version in signature_service_v7_4.VERSIONS),
            *((version, signature_service_v7_5.WSDL_NAMESPACE) for version in signature_service_v7_5.VERSIONS),
        ),
        (signature_service_v7_4.SIG74.uri, signature_service_v7_5.SIG75.uri),
        body_octets=_STACK_BODY,
        mtom=True,
    ),
)
"""Paths are ours: nothing prescribes them, clients take them from here."""


class UnpublishedOperation(TypeError):
    """An operation whose message belongs to no published service: a defect that stops the start."""


def served(operations: Iterable[Operation]) -> tuple[tuple[Published, tuple[Operation, ...]], ...]:
    """Which services stand behind these operations, in the order of `PUBLISHED`. Raises `UnpublishedOperation`."""
    by_service: dict[str, list[Operation]] = {}
    for operation in operations:
        name = root_name(operation.request)
        for service in PUBLISHED:
            if service.takes(name):
                by_service.setdefault(service.name, []).append(operation)
                break
        else:
            raise UnpublishedOperation(f"no service is published for {name}")
    return tuple((s, tuple(by_service[s.name])) for s in PUBLISHED if s.name in by_service)


def service_directory(
    services: Sequence[Published],
    product: Product,
    access: ClientAccess,
    secure_base: str,
    plain_base: str | None,
    now: datetime,
) -> bytes:
    """The document. `secure_base` is like `https://host:port`, `plain_base` like `http://host:port`.

    With mandatory TLS or authentication only https endpoints are listed (gemSpec_Kon §4.1.3).
    """
    only_tls = access.tls_mandatory or access.authentication_mandatory
    plain = None if only_tls else plain_base
    return encode_document(
        ConnectorServices(
            product_information=product_information(product, now),
            tls_mandatory=access.tls_mandatory,
            client_aut_mandatory=access.authentication_mandatory,
            service_information=ServiceInformation(
                service=tuple(_service(service, secure_base, plain) for service in services)
            ),
        )
    )


def _service(service: Published, secure_base: str, plain_base: str | None) -> Service:
    return Service(
        name=service.name,
        abstract=service.abstract,
        versions=Versions(
            version=tuple(
                Version(
                    version=version,
                    target_namespace=namespace,
                    abstract=f"{service.name} {version}",
                    endpoint=Endpoint(location=plain_base + service.path) if plain_base else None,
                    endpoint_tls=Endpoint(location=secure_base + service.path),
                )
                for version, namespace in service.versions
            )
        ),
    )


def product_information(product: Product, now: datetime) -> ProductInformation:
    """What the Konnektor says it is."""
    return ProductInformation(
        information_date=now,
        product_type_information=ProductTypeInformation(
            product_type=PRODUCT_TYPE, product_type_version=product.product_type_version
        ),
        product_identification=ProductIdentification(
            product_vendor_id=product.vendor_id,
            product_code=product.product_code,
            product_version=ProductVersion(
                local=ProductVersionLocal(hw_version=product.hardware_version, fw_version=product.firmware_version)
            ),
        ),
        product_miscellaneous=ProductMiscellaneous(
            product_vendor_name=product.vendor_name, product_name=product.product_name
        ),
    )
