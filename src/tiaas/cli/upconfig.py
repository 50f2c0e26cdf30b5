"""The file of `tiaas up --config`: how the lab's Konnektors behave towards their clients.

The defaults are what a Highspeed-Konnektor must have (gemSpec_Kon V5.18 §3.4.1, A_23303); everything else is for
tests of practice software. All practices of a lab get the same settings.
"""

from dataclasses import dataclass

from tiaas.base.config import setting
from tiaas.konnektor.config import AuthenticationMode, ClientAccess, Limits, Product
from tiaas.konnektor.keykind import KeyKind

_LIMITS, _PRODUCT = Limits(), Product()


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """ANCL_*: how clients reach the services."""

    tls_mandatory: bool = setting(True, "ANCL_TLS_MANDATORY; false: HTTP without TLS as well, at `plain_port`")
    client_authentication: bool = setting(True, "ANCL_CAUT_MANDATORY; false: TLS without client authentication")
    mode: AuthenticationMode = setting(
        AuthenticationMode.CERTIFICATE,
        "ANCL_CAUT_MODE; with PASSWORD the user is the Clientsystem's id, the password `client.p12_password`",
    )
    directory_open: bool = setting(True, "ANCL_DVD_OPEN: connector.sds without TLS, if there is a `plain_port`")
    plain_port: int = setting(0, "port for HTTP without TLS of practice 1, practice N gets it + N-1; 0: none")

    def access(self) -> ClientAccess:
        """As the Konnektor takes it."""
        return ClientAccess(self.tls_mandatory, self.client_authentication, self.mode, self.directory_open)


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """Bounds of the HTTP front."""

    body_octets: int = setting(_LIMITS.body_octets, "largest request")
    request_seconds: float = setting(_LIMITS.request_seconds, "from the first octet of a request to its last")
    keep_alive_seconds: int = setting(_LIMITS.keep_alive_seconds, "how long an idle connection is kept")
    connections: int = setting(_LIMITS.connections, "connections of one instance")
    connections_per_address: int = setting(_LIMITS.connections_per_address, "connections from one address")

    def limits(self) -> Limits:
        """As the Konnektor takes it."""
        return Limits(
            body_octets=self.body_octets,
            request_seconds=self.request_seconds,
            keep_alive_seconds=self.keep_alive_seconds,
            connections=self.connections,
            connections_per_address=self.connections_per_address,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ProductSettings:
    """What connector.sds says the Konnektor is."""

    product_type_version: str = setting(_PRODUCT.product_type_version, "ProductTypeVersion, n.n.n")
    vendor_id: str = setting(_PRODUCT.vendor_id, "ProductVendorID, up to 5 characters")
    product_code: str = setting(_PRODUCT.product_code, "ProductCode, up to 8 characters")
    firmware_version: str = setting(_PRODUCT.firmware_version, "FWVersion, n.n.n")

    def product(self) -> Product:
        """As the Konnektor takes it."""
        return Product(
            product_type_version=self.product_type_version,
            vendor_id=self.vendor_id,
            product_code=self.product_code,
            firmware_version=self.firmware_version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class UpConfig:
    """The whole file."""

    server_key: KeyKind = setting(KeyKind.P256, "key of the server certificate; a change makes a new certificate")
    client_key: KeyKind = setting(KeyKind.P256, "key of new client certificates")
    access: AccessSettings = setting(AccessSettings(), "client authentication")
    limits: LimitSettings = setting(LimitSettings(), "bounds of the HTTP front")
    product: ProductSettings = setting(ProductSettings(), "what connector.sds says")
