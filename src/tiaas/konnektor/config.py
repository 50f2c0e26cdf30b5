"""Configuration of one instance: addresses, client authentication (ANCL_*), product data, bounds of the HTTP front.

Every value has a safe default but the instance's name and address. Parameters of gemSpec_Kon V5.18 §3.4 (TIP1-A_4515,
4516, 4518, 5009) keep their names in the comments of their fields.
"""

import enum
from collections.abc import Mapping
from dataclasses import field
from ipaddress import ip_address
from pathlib import Path

from tiaas import __version__
from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.base.secret import Secret
from tiaas.interfaces.management.boxnetwork import AdapterName, BoxNetworkSettings
from tiaas.interfaces.signature_service_v7_5 import Crypt
from tiaas.konnektor.hsm.settings import HsmSettings
from tiaas.konnektor.keykind import KeyKind
from tiaas.konnektor.terminalsettings import TerminalSettings

MEBIBYTE = 1024 * 1024

COMFORT_MAX = 250
COMFORT_HOURS = 24
_DNS_PORT = 53


class BadInstanceConfig(InvalidInput):
    """Values that do not go together; says which."""


@enum.unique
class AuthenticationMode(enum.StrEnum):
    """ANCL_CAUT_MODE."""

    CERTIFICATE = "CERTIFICATE"
    PASSWORD = "PASSWORD"


@enum.unique
class Variant(enum.Enum):
    """How Clientsysteme reach SOAP services (gemSpec_Kon §3.4.1); the value is the specification's name."""

    CERTIFICATE = "SOAP1"
    PASSWORD = "SOAP2"
    TLS_ONLY = "SOAP3"
    PLAIN_TOO = "SOAP4"


@enum.unique
class LdapVariant(enum.Enum):
    """How clients reach the LDAP proxy (A_21224-01, TAB_KON_865-01); the value is the specification's name."""

    CERTIFICATE = "LDAP1"
    TLS_WITHOUT_CERTIFICATE = "LDAP2"
    TLS_ONLY = "LDAP3"
    PLAIN_TOO = "LDAP4"


@dataclass(frozen=True, slots=True)
class ClientAccess:
    """The five switches; the defaults are the specification's and the only ones an HSK may run with (A_23303).

    `weaker_allowed` lets an instance of profile `hsk` run with others all the same: for tests of practice software,
    never in operation.
    """

    tls_mandatory: bool = True  # ANCL_TLS_MANDATORY
    authentication_mandatory: bool = True  # ANCL_CAUT_MANDATORY
    mode: AuthenticationMode = AuthenticationMode.CERTIFICATE  # ANCL_CAUT_MODE
    directory_open: bool = True  # ANCL_DVD_OPEN: connector.sds over plain HTTP, if the instance has a plain address
    ldap_authentication: bool = True  # ANCL_CAUT_LDAP: clients of the LDAP proxy show a certificate, whatever `mode` is
    weaker_allowed: bool = False

    @property
    def variant(self) -> Variant:
        """What the switches amount to."""
        if not self.tls_mandatory:
            return Variant.PLAIN_TOO
        if not self.authentication_mandatory:
            return Variant.TLS_ONLY
        return Variant.CERTIFICATE if self.mode is AuthenticationMode.CERTIFICATE else Variant.PASSWORD

    @property
    def ldap_variant(self) -> LdapVariant:
        """What the switches amount to for the LDAP proxy; ANCL_CAUT_MODE does not matter there."""
        if not self.tls_mandatory:
            return LdapVariant.PLAIN_TOO
        if not self.authentication_mandatory:
            return LdapVariant.TLS_ONLY
        return LdapVariant.CERTIFICATE if self.ldap_authentication else LdapVariant.TLS_WITHOUT_CERTIFICATE

    @property
    def clients_are_checked(self) -> bool:
        """Whether the call context's Clientsystem is compared with the transport's (4204)."""
        return self.variant in (Variant.CERTIFICATE, Variant.PASSWORD)

    @property
    def is_fit_for_hsk(self) -> bool:
        """Whether every Clientsystem shows a certificate in TLS (A_23303), or the lab's switch waives that."""
        strong = (self.variant, self.ldap_variant) == (Variant.CERTIFICATE, LdapVariant.CERTIFICATE)
        return strong or self.weaker_allowed


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of the HTTP front of one instance; sizes in octets, times in seconds."""

    head_octets: int = 32 * 1024
    body_octets: int = 2 * MEBIBYTE
    request_seconds: float = 30.0
    """From the first octet of a request (or the end of the handshake) to its last."""
    write_seconds: float = 60.0
    keep_alive_seconds: int = 75
    handshake_seconds: float = 10.0
    connections: int = 512
    connections_per_address: int = 256
    """A whole practice may come from the one address of its router or terminal server."""
    pipelined: int = 16
    ldap_connections: int = 128
    """Of the LDAP proxy; each has one to the directory beside it."""
    search_seconds: float = 120.0
    """How long the directory may say nothing while searches wait for it."""
    stop_seconds: float = 10.0


@dataclass(frozen=True, slots=True)
class Product:
    """What the instance says it is (ProductInformation 1.1); versions are three groups of up to three digits."""

    product_type_version: str = "5.1.0"
    vendor_id: str = "TIAAS"
    product_code: str = "TIAAS"
    hardware_version: str = "1.0.0"
    firmware_version: str = __version__
    vendor_name: str = "tiaas (TEST-ONLY)"
    product_name: str = "tiaas Highspeed-Konnektor (TEST-ONLY)"


@dataclass(frozen=True, slots=True)
class Address:
    """A local IP address and TCP port; port 0 lets the system choose."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def name_server_of(text: str) -> Address:
    """`10.0.0.1`, `10.0.0.1:5353`, `[fd00::1]:5353`; the port is 53 if none is told. Raises `BadInstanceConfig`."""
    host, colon, port = text.rpartition(":") if "]:" in text or text.count(":") == 1 else (text, "", "")
    try:
        address = Address(str(ip_address(host.strip("[]"))), int(port) if colon else _DNS_PORT)
    except ValueError:
        raise BadInstanceConfig(f"{text!r} is no IP address with or without port") from None
    if not 0 < address.port < 65536:
        raise BadInstanceConfig(f"{text!r} has no port from 1 to 65535")
    return address


@enum.unique
class Profile(enum.StrEnum):
    """What kind of Konnektor an instance is.

    `hsk` is a Highspeed-Konnektor; `einbox` has states and results besides that only a box in the practice has
    (standalone operation, E=4), for tests of Primärsysteme.
    """

    HSK = "hsk"
    EINBOX = "einbox"


@enum.unique
class Environment(enum.StrEnum):
    """Where an instance works (TIP1-A_4981); of a box the file EF.EnvironmentSettings of its gSMC-K says it."""

    TU = "TU"
    RU = "RU"
    PU = "PU"

    @property
    def shown(self) -> str | None:
        """What administrators see at all times in TU and RU; None in PU, which is not shown (TIP1-A_4982)."""
        return None if self is Environment.PU else self.value


@dataclass(frozen=True, slots=True)
class WatchDays:
    """When and how far ahead the certificates of cards are looked at (TAB_KON_606)."""

    every: int = 1  # CERT_EXPIRATION_CARD_CHECK_DAYS, 0 to 365; 0: never
    warn: int = 90  # CERT_EXPIRATION_WARN_DAYS, 0 to 180; 0: only of those that have ended


@enum.unique
class SimpleMode(enum.StrEnum):
    """SAK_SIMPLE_SIGNATURE_MODE: the security environment of an HBA in which a stack of one document is signed."""

    SE1 = "SE#1"
    SE2 = "SE#2"


@dataclass(frozen=True, slots=True)
class SignatureSettings:
    """How an instance makes signatures; SAK_* of gemSpec_Kon V5.18 TAB_KON_596.

    `default_crypt` counts for a SignDocument without Crypt: RSA_ECC goes by the card (gemILF_PS V2.17), RSA is the
    value of TAB_KON_862. `pdf_outside` answers a signed PDF where devices do, in Base64Signature alone.
    """

    simple_mode: SimpleMode = SimpleMode.SE1
    comfort: bool = False  # SAK_COMFORT_SIGNATURE; only where clients must use TLS and show who they are
    comfort_max: int = 100  # SAK_COMFORT_SIGNATURE_MAX, 1 to 250: signatures per PIN entry
    comfort_hours: int = 6  # SAK_COMFORT_SIGNATURE_TIMER, 1 to 24
    default_crypt: Crypt = Crypt.RSA_ECC
    pdf_outside: bool = False

    def __post_init__(self) -> None:
        if not 1 <= self.comfort_max <= COMFORT_MAX:
            raise BadInstanceConfig(f"SAK_COMFORT_SIGNATURE_MAX is 1 to {COMFORT_MAX}")
        if not 1 <= self.comfort_hours <= COMFORT_HOURS:
            raise BadInstanceConfig(f"SAK_COMFORT_SIGNATURE_TIMER is 1 to {COMFORT_HOURS} hours")


@dataclass(frozen=True, slots=True)
class TiAccess:
    """Where an instance finds the TI; an empty URL means that there is no such service to ask.

    `online` is MGM_LU_ONLINE, `sak` is MGM_LU_SAK, `standalone` (of a box) is MGM_STANDALONE_KON: no Clientsystem uses
    the Konnektor, so what it learns is left on the card (VSDM, E=4). Times are in seconds. Parameters of gemSpec_Kon
    V5.18 §4.1.9 and gemSpec_FM_VSDM.
    """

    online: bool = True
    sak: bool = True
    standalone: bool = False
    """Without the Signaturanwendungskomponente no BNetzA-VL is fetched."""
    tsl_url: str = ""
    """The list itself, by `http`: before the first one no certificate is trusted. Its hash lies beside it with the
    suffix `.sha2` instead of `.xml`, and comes over TLS."""
    tsl_tls_port: int = 443
    """Where the host of a list with an `http` address speaks TLS."""
    bnetza_url: str = ""
    """By `https` only (TIP1-A_5662)."""
    ocsp_forwarder: str = ""
    """The access provider's http-forwarder (CERT_OCSP_FORWARDER_ADDRESS, _PORT): every OCSP request goes there."""
    intermediaer: str = ""
    """Scheme, host, port and prefix of the VSDM Intermediär; `/IK/UFS/2.0` is added."""
    vzd: str = ""
    """The directory, like `ldaps://host:636`."""
    ocsp_seconds: float = 10.0  # CERT_OCSP_TIMEOUT_NONQES
    ocsp_qes_seconds: float = 10.0  # CERT_OCSP_TIMEOUT_QES
    ocsp_grace_seconds: float = 600.0  # CERT_OCSP_DEFAULT_GRACE_PERIOD_NONQES
    tsl_grace_days: int = 30  # CERT_TSL_DEFAULT_GRACE_PERIOD_DAYS
    tsl_seconds: float = 86_400.0  # TIP1-A_4684: daily
    bnetza_seconds: float = 86_400.0  # CERT_BNETZA_VL_UPDATE_INTERVAL
    vsdm_seconds: float = 30.0  # MAXTIME_VSDM
    offline_days_max: int = 0  # TIMEOUT_TI_OFFLINE; 0: no limit
    ksr_url: str = ""
    """The KSR's SOAP endpoint (MGM_KSR_FIRMWARE_URL), by `https`; files are below it."""
    ksr_config_url: str = ""
    """Where the KSR's configuration files lie (MGM_KSR_KONFIG_URL), by `https`."""
    ksr_seconds: float = 86_400.0  # TIP1-A_4836, TIP1-A_5152: daily
    ksr_auto_download: bool = True  # MGM_KSR_AUTODOWNLOAD
    ntp: tuple[Address, ...] = ()
    """NTP_SERVER_ADDR: the TI's time servers in the order they are asked; none: time is not compared."""
    dns: tuple[Address, ...] = ()
    """DNS_SERVERS_TI: name servers for names of the TI, in the order they are asked; none: the machine's."""
    receipt_secret: Secret | None = None
    """Input for the VSDM-PNW-Keys (VSDM-A_2776); Konnektors with the same one read each other's receipts."""

    def __post_init__(self) -> None:
        if self.tsl_url and not self.tsl_url.startswith("http://"):
            raise BadInstanceConfig(
                "the first TSL comes without TLS, for it says whose certificates are trusted; its address begins with http://"
            )
        if self.bnetza_url and not self.bnetza_url.startswith("https://"):
            raise BadInstanceConfig("TIP1-A_5662: the BNetzA-VL comes over TLS only; its address begins with https://")
        if any(url and not url.startswith("https://") for url in (self.ksr_url, self.ksr_config_url)):
            raise BadInstanceConfig("the KSR speaks TLS only; its address begins with https://")


@dataclass(frozen=True, slots=True)
class BoxAdapterAccess:
    """The adapters of a box: what the operator sets of them, the network devices they are, a folder for the DHCP
    server and client, and how many seconds a DHCP client waits for an answer (TIP1-A_4776: 30)."""

    settings: BoxNetworkSettings
    devices: Mapping[AdapterName, str]
    folder: Path
    dhcp_seconds: int = 30


@dataclass(frozen=True, slots=True)
class BoxAccess:
    """What only a box has (profile einbox): gateways that stand for the VPN-Konzentratoren of TI and SIS, and the IP
    addresses it was given, where the CRL is, and its adapters if it sets up any."""

    vpn_ti: Address | None = None
    vpn_sis: Address | None = None
    addresses: tuple[str, ...] = ()
    crl_url: str = ""
    adapters: BoxAdapterAccess | None = None
    registration_url: str = ""
    """MGM_ZGDP_REGSERVER, by `https`; empty: there is nobody to register at."""


@dataclass(frozen=True, slots=True)
class InstanceConfig:
    """One vInstanz.

    `hosts` are further names and addresses for the server certificate. `plain` is the address for HTTP without TLS; it
    serves connector.sds if `directory_open`, and everything if TLS is not mandatory. `ldap` is the LDAP proxy's
    address; that without TLS, `ldap_plain`, serves only if TLS is not mandatory. `source` is the local address the
    instance's own connections start from.
    """

    instance: str
    address: Address
    plain: Address | None = None
    ldap: Address | None = None
    ldap_plain: Address | None = None
    hosts: tuple[str, ...] = ()
    hostname: str = "konnektor"
    """MGM_KONN_HOSTNAME: what a terminal shows when it is paired."""
    server_key: KeyKind = KeyKind.P256
    access: ClientAccess = field(default_factory=ClientAccess)
    limits: Limits = field(default_factory=Limits)
    product: Product = field(default_factory=Product)
    profile: Profile = Profile.HSK
    environment: Environment = Environment.TU
    ti: TiAccess = field(default_factory=TiAccess)
    signature: SignatureSettings = field(default_factory=SignatureSettings)
    box: BoxAccess = field(default_factory=BoxAccess)
    card_seconds: int = 20
    """CARD_TIMEOUT_CARD: how long a card may take for one command; then 4094."""
    event_tries: int = 5
    """EVT_MAX_TRY: after so many failed connections in a row a receiver's subscriptions end."""
    watch: WatchDays = field(default_factory=WatchDays)
    source: str | None = None
    terminals: TerminalSettings = field(default_factory=TerminalSettings)
    """CTM_*, until an administrator has changed them."""
    local_sinks: bool = False
    """Whether events go to receivers on this machine and its links (loopback, link-local, multicast) as well."""
    recorder: bool = False
    """Whether what clients do can be recorded (`recorder.py`): for tests of practice software, never in operation."""
    hsms: tuple[HsmSettings, ...] = ()
    """HSMs with virtual SMC-Bs."""
    boot_seconds: float = 3.0
    """How long the start waits for terminals that were in use before, so that GetCards tells the truth at once."""

    @property
    def names(self) -> tuple[str, ...]:
        """What the server certificate names, each once."""
        return tuple(dict.fromkeys((*self.hosts, self.address.host)))

    def __post_init__(self) -> None:
        if not 1 <= len(self.instance) <= 64:
            raise BadInstanceConfig("an instance's name has 1 to 64 characters")
        if self.profile is Profile.HSK and self.ti.standalone:
            raise BadInstanceConfig(
                "TIP1-A_4822: only a box stands alone; a Highspeed-Konnektor has no MGM_STANDALONE_KON (profile einbox)"
            )
        if self.box.crl_url and not self.ti.tsl_url:
            raise BadInstanceConfig("TIP1-A_4684: the CRL is fetched after the TSL, so crl_url needs a tsl_url")
        if self.profile is Profile.HSK and not self.access.is_fit_for_hsk:
            raise BadInstanceConfig(
                "A_23303: clients of a Highspeed-Konnektor use TLS and show a certificate; a lab that tests other "
                "variants says so (weaker_variants of its configuration), or takes the profile einbox"
            )
        if self.signature.comfort and not (self.access.tls_mandatory and self.access.authentication_mandatory):
            raise BadInstanceConfig(
                "SAK_COMFORT_SIGNATURE needs ANCL_TLS_MANDATORY and ANCL_CAUT_MANDATORY (TIP1-A_4680)"
            )
        virtual = [smb.iccsn for hsm in self.hsms for smb in hsm.smbs]
        if len(set(virtual)) != len(virtual) or len({hsm.ct_id for hsm in self.hsms}) != len(self.hsms):
            raise BadInstanceConfig("two HSMs have the same ct_id, or the same virtual SMC-B")
        if self.plain is not None and self.plain == self.address and self.plain.port:
            raise BadInstanceConfig("the plain address is the TLS address")
        if self.ldap_plain is not None and self.ldap_plain == self.ldap and self.ldap_plain.port:
            raise BadInstanceConfig("the plain address of the LDAP proxy is its TLS address")
        if not self.access.tls_mandatory and self.plain is None:
            raise BadInstanceConfig("TLS is not mandatory, but there is no plain address to serve")
        if not self.access.tls_mandatory and self.ldap is not None and self.ldap_plain is None:
            raise BadInstanceConfig("TLS is not mandatory, but there is no plain address for the LDAP proxy")
