"""The file of `tiaas up --config`: how the lab's Konnektors behave towards their clients.

The defaults are what a Highspeed-Konnektor must have (gemSpec_Kon V5.18 §3.4.1, A_23303); everything else is for
tests of practice software. All practices of a lab get the same settings.
"""

import math
import re
from dataclasses import replace
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.config import setting
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.inputfile import read_input
from tiaas.base.secret import Secret
from tiaas.cli.boxsettings import BoxSettings
from tiaas.cli.signaturesettings import SignatureChoices
from tiaas.interfaces.management.clientsystems import ReceiverCheck, ReceiverTrust
from tiaas.interfaces.management.parameters import SECRET_OCTETS
from tiaas.konnektor.config import (
    Address,
    AuthenticationMode,
    ClientAccess,
    Environment,
    Limits,
    Product,
    Profile,
    TiAccess,
    name_server_of,
)
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.sinkchecks import SinkCheck, SinkTrust

_LIMITS, _PRODUCT, _TI = Limits(), Product(), TiAccess()
_BODY_OCTETS_MIN = 65536
_VERSION = re.compile(r"[0-9]{1,3}(\.[0-9]{1,3}){2}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessSettings:
    """ANCL_*: how clients reach the services."""

    tls_mandatory: bool = setting(
        True,
        "ANCL_TLS_MANDATORY; false (SOAP4): HTTP without TLS as well, at `plain_port`, and no client is authenticated, "
        "over HTTPS neither",
    )
    client_authentication: bool = setting(True, "ANCL_CAUT_MANDATORY; false: TLS without client authentication")
    mode: AuthenticationMode = setting(
        AuthenticationMode.CERTIFICATE,
        "ANCL_CAUT_MODE; with PASSWORD the user is the Clientsystem's id, the password `client.p12_password`",
    )
    directory_open: bool = setting(True, "ANCL_DVD_OPEN: connector.sds without TLS, if there is a `plain_port`")
    plain_port: int = setting(0, "port for HTTP without TLS of practice 1, practice N gets it + N-1; 0: none")
    ldap_authentication: bool = setting(True, "ANCL_CAUT_LDAP; false: LDAP clients show no certificate")
    weaker_variants: bool = setting(
        False, "true: also profile hsk takes other values than the defaults above, which A_23303 forbids; for tests"
    )

    def __post_init__(self) -> None:
        if not 0 <= self.plain_port <= 65535:
            raise InvalidInput("plain_port is a port from 1 to 65535, or 0 for none")
        if not self.tls_mandatory and not self.plain_port:
            raise InvalidInput("without tls_mandatory a plain_port must be given")

    def notices(self) -> tuple[str, ...]:
        """What somebody who sets one switch may not expect of another (SOAP3, SOAP4)."""
        if not self.tls_mandatory:
            told = "access.tls_mandatory is false (SOAP4): no client is authenticated, neither over HTTP nor over HTTPS"
            return (f"{told}; access.client_authentication and access.mode have no effect",)
        if not self.client_authentication and self.mode is AuthenticationMode.PASSWORD:
            return (
                "access.client_authentication is false (SOAP3): no password is asked for; access.mode has no effect",
            )
        return ()

    def access(self) -> ClientAccess:
        """As the Konnektor takes it."""
        return ClientAccess(
            self.tls_mandatory,
            self.client_authentication,
            self.mode,
            self.directory_open,
            self.ldap_authentication,
            self.weaker_variants,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSettings:
    """Bounds of the HTTP front."""

    body_octets: int = setting(_LIMITS.body_octets, "largest request, from 65536 on")
    request_seconds: float = setting(_LIMITS.request_seconds, "from the first octet of a request to its last")
    write_seconds: float = setting(_LIMITS.write_seconds, "how long a client may leave an answer unread")
    keep_alive_seconds: int = setting(_LIMITS.keep_alive_seconds, "how long an idle connection is kept")
    connections: int = setting(_LIMITS.connections, "connections of one instance")
    connections_per_address: int = setting(_LIMITS.connections_per_address, "connections from one address")

    def __post_init__(self) -> None:
        for name in ("request_seconds", "write_seconds"):
            if not (math.isfinite(getattr(self, name)) and getattr(self, name) > 0):
                raise InvalidInput(f"{name} must be more than 0")
        if self.body_octets < _BODY_OCTETS_MIN:
            raise InvalidInput(f"body_octets must be at least {_BODY_OCTETS_MIN}")
        for name in ("keep_alive_seconds", "connections", "connections_per_address"):
            if getattr(self, name) < 1:
                raise InvalidInput(f"{name} must be at least 1")

    def limits(self) -> Limits:
        """As the Konnektor takes it."""
        return Limits(
            body_octets=self.body_octets,
            request_seconds=self.request_seconds,
            write_seconds=self.write_seconds,
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
    firmware_version: str = setting(_PRODUCT.firmware_version, "FWVersion, n.n.n; default: that of the program")
    hersteller_ca: Path | None = setting(
        None, "file with the CA certificates (PEM) of whoever signs Update-Pakete; none: the lab's Hersteller"
    )

    def __post_init__(self) -> None:
        for name in ("product_type_version", "firmware_version"):
            if not _VERSION.fullmatch(getattr(self, name)):
                raise InvalidInput(f"{name} is n.n.n, each with up to three digits")
        for name, most in (("vendor_id", 5), ("product_code", 8)):
            if not re.fullmatch(rf"[A-Za-z0-9_]{{0,{most}}}", getattr(self, name)):
                raise InvalidInput(f"{name} has at most {most} letters, digits and underscores")
        self.hersteller()

    def hersteller(self) -> tuple[bytes, ...]:
        """The CAs (DER) of the Hersteller; empty: none is named. Raises `InvalidInput`."""
        if self.hersteller_ca is None:
            return ()
        try:
            found = x509.load_pem_x509_certificates(read_input(self.hersteller_ca))
        except (InvalidInput, ValueError):
            raise InvalidInput("the file named by hersteller_ca has no certificates that can be read") from None
        return tuple(each.public_bytes(Encoding.DER) for each in found)

    def product(self) -> Product:
        """As the Konnektor takes it."""
        return Product(
            product_type_version=self.product_type_version,
            vendor_id=self.vendor_id,
            product_code=self.product_code,
            firmware_version=self.firmware_version,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class TiSettings:
    """How the Konnektors use the TI; where its services are the lab knows."""

    online: bool = setting(
        _TI.online, "MGM_LU_ONLINE; false: lists by hand at each start, no OCSP, no online check of a card"
    )
    ocsp_seconds: float = setting(_TI.ocsp_seconds, "CERT_OCSP_TIMEOUT_NONQES, 1 to 120 seconds")
    ocsp_qes_seconds: float = setting(_TI.ocsp_qes_seconds, "CERT_OCSP_TIMEOUT_QES, 1 to 120 seconds")
    ocsp_grace_minutes: int = setting(
        int(_TI.ocsp_grace_seconds // 60), "CERT_OCSP_DEFAULT_GRACE_PERIOD_NONQES, 0 to 20 minutes"
    )
    tsl_grace_days: int = setting(_TI.tsl_grace_days, "CERT_TSL_DEFAULT_GRACE_PERIOD_DAYS, 1 to 30")
    lists_minutes: int = setting(
        int(_TI.tsl_seconds // 60), "how often both trust lists are renewed, 1 to 10080 minutes; specified: daily"
    )
    ksr_minutes: int = setting(
        int(_TI.ksr_seconds // 60),
        "how often the KSR is asked for firmware and networks, 1 to 10080 minutes; specified: daily",
    )
    vsdm_seconds: float = setting(_TI.vsdm_seconds, "MAXTIME_VSDM: how long an online check may take, 1 to 120 seconds")
    offline_days: int = setting(
        _TI.offline_days_max, "TIMEOUT_TI_OFFLINE: days without online check until E=3 becomes E=6; 0: never"
    )
    name_servers: tuple[str, ...] = setting(
        (),
        "DNS_SERVERS_TI: IP addresses, with :PORT if it is not 53, for names below telematik(-test); none: the host's",
    )
    receipt_secret: Path | None = setting(
        None, "file whose content (16 to 4096 octets) KEY_RECEIPT comes from; same file, same practice; none: random"
    )

    def __post_init__(self) -> None:
        if not 1 <= self.ocsp_seconds <= 120:
            raise InvalidInput("ocsp_seconds is 1 to 120")
        if not 1 <= self.ocsp_qes_seconds <= 120:
            raise InvalidInput("ocsp_qes_seconds is 1 to 120")
        if not 0 <= self.ocsp_grace_minutes <= 20:
            raise InvalidInput("ocsp_grace_minutes is 0 to 20")
        if not 1 <= self.tsl_grace_days <= 30:
            raise InvalidInput("tsl_grace_days is 1 to 30")
        if not 1 <= self.lists_minutes <= 7 * 24 * 60:
            raise InvalidInput("lists_minutes is 1 to 10080")
        if not 1 <= self.ksr_minutes <= 7 * 24 * 60:
            raise InvalidInput("ksr_minutes is 1 to 10080")
        if not 1 <= self.vsdm_seconds <= 120:
            raise InvalidInput("vsdm_seconds is 1 to 120")
        if not 0 <= self.offline_days <= 3650:
            raise InvalidInput("offline_days is 0 to 3650")
        self._servers()
        self._secret()

    def applied(self, access: TiAccess) -> TiAccess:
        """`access`, which has the addresses, with these settings."""
        return replace(
            access,
            online=self.online,
            ocsp_seconds=self.ocsp_seconds,
            ocsp_qes_seconds=self.ocsp_qes_seconds,
            ocsp_grace_seconds=self.ocsp_grace_minutes * 60.0,
            tsl_grace_days=self.tsl_grace_days,
            tsl_seconds=self.lists_minutes * 60.0,
            bnetza_seconds=self.lists_minutes * 60.0,
            ksr_seconds=self.ksr_minutes * 60.0,
            vsdm_seconds=self.vsdm_seconds,
            offline_days_max=self.offline_days,
            dns=self._servers(),
            receipt_secret=self._secret(),
        )

    def _servers(self) -> tuple[Address, ...]:
        return tuple(name_server_of(text) for text in self.name_servers)

    def _secret(self) -> Secret | None:
        if self.receipt_secret is None:
            return None
        try:
            content = read_input(self.receipt_secret)
        except InvalidInput:
            raise InvalidInput("the file named by receipt_secret cannot be read") from None
        if len(content) not in SECRET_OCTETS:
            raise InvalidInput("the file named by receipt_secret has 16 to 4096 octets")
        return Secret(content)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkSettings:
    """How receivers of events are checked in TLS; stored for the practice's Clientsystem at every start."""

    check: SinkTrust = setting(
        SinkTrust.ANY, "any: every certificate; pinned: those in `fingerprints`; ca: those issued by the CAs in `ca`"
    )
    fingerprints: tuple[str, ...] = setting((), "SHA-256 of accepted certificates, 64 hex digits each")
    ca: Path | None = setting(None, "file with CA certificates in PEM")
    local: bool = setting(True, "events go to loopback, link-local and multicast addresses as well")

    def __post_init__(self) -> None:
        self.sink_check()

    def receiver_check(self) -> ReceiverCheck:
        """As the management interface takes it. Raises `InvalidInput`."""
        check = self.sink_check()
        return ReceiverCheck(ReceiverTrust(check.trust.value), tuple(sorted(check.fingerprints)), check.ca_pem)

    def sink_check(self) -> SinkCheck:
        """As the Konnektor checks it. Raises `InvalidInput`."""
        try:
            pem = "" if self.ca is None else read_input(self.ca).decode("ascii")
        except (InvalidInput, UnicodeDecodeError):
            raise InvalidInput("the file named by ca cannot be read") from None
        prints = (text.replace(":", "").lower() for text in self.fingerprints)
        return SinkCheck(self.check, frozenset(prints), pem)


@dataclass(frozen=True, slots=True, kw_only=True)
class UpConfig:
    """The whole file."""

    profile: Profile = setting(
        Profile.HSK, "hsk: a Highspeed-Konnektor; einbox: also states and results that only a box in a practice has"
    )
    environment: Environment = setting(
        Environment.TU, "shown to administrators in TU (Testumgebung) and RU (Referenzumgebung), not in PU"
    )
    server_key: KeyKind = setting(KeyKind.P256, "key of the server certificate; a change makes a new certificate")
    client_key: KeyKind = setting(KeyKind.P256, "key of new client certificates")
    access: AccessSettings = setting(AccessSettings(), "client authentication")
    limits: LimitSettings = setting(LimitSettings(), "bounds of the HTTP front")
    sinks: SinkSettings = setting(SinkSettings(), "receivers of events")
    product: ProductSettings = setting(ProductSettings(), "what connector.sds says")
    recorder: bool = setting(True, "what clients do can be recorded, see `tiaas record`")
    ti: TiSettings = setting(TiSettings(), "the way into the TI")
    signature: SignatureChoices = setting(SignatureChoices(), "how signatures are made")
    box: BoxSettings = setting(BoxSettings(), "what only profile `einbox` has")

    def __post_init__(self) -> None:
        if self.profile is Profile.HSK and not self.access.access().is_fit_for_hsk:
            raise InvalidInput(
                "clients of profile hsk use TLS and show a certificate (A_23303): "
                "set access.weaker_variants = true for a test lab, or take profile einbox"
            )
        if self.profile is Profile.HSK and self.box.packet_filter is not None:
            raise InvalidInput("box.packet_filter: a Highspeed-Konnektor has no packet filter; take profile einbox")
        if self.profile is Profile.HSK and self.box.lan.is_set:
            raise InvalidInput("box.lan: a Highspeed-Konnektor sets up no adapters; take profile einbox")
