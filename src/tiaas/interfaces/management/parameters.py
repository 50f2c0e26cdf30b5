"""Documents about the parameters of an instance that an administrator sets (gemSpec_Kon V5.18; ranges as there)."""

import enum
from dataclasses import field
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.interfaces.management.fields import Items, Number, Octets, Text, Told

NameServer = Annotated[str, Text(2, 47, r"[0-9A-Fa-f:.\[\]]+")]
"""An IP address, with `:PORT` if it is not 53; one of IPv6 with a port in brackets."""
SECRET_OCTETS = range(16, 4097)
"""Octets that the secret may have which keys of receipts come from."""


@enum.unique
class AuthenticationChoice(enum.StrEnum):
    """ANCL_CAUT_MODE."""

    CERTIFICATE = "CERTIFICATE"
    PASSWORD = "PASSWORD"


@enum.unique
class SimpleModeChoice(enum.StrEnum):
    """SAK_SIMPLE_SIGNATURE_MODE."""

    SE1 = "SE#1"
    SE2 = "SE#2"


@dataclass(frozen=True, slots=True)
class Parameters:
    """What an administrator set; left out or null: as the operator's configuration has it."""

    hostname: Annotated[str | None, Text(1, 12, "[A-Za-z0-9-]+"), Told("MGM_KONN_HOSTNAME")] = None
    online: Annotated[bool | None, Told("MGM_LU_ONLINE; at once for Fachdienste, LDAP, OCSP and trust lists")] = None
    sak: Annotated[bool | None, Told("MGM_LU_SAK; false: no BNetzA-VL is fetched or taken")] = None
    standalone: Annotated[
        bool | None, Told("MGM_STANDALONE_KON, profile einbox only: no Clientsystem uses the Konnektor")
    ] = None
    tls_mandatory: Annotated[
        bool | None, Told("ANCL_TLS_MANDATORY; false needs a plain address; no client is checked")
    ] = None
    authentication_mandatory: Annotated[bool | None, Told("ANCL_CAUT_MANDATORY")] = None
    authentication_mode: Annotated[AuthenticationChoice | None, Told("ANCL_CAUT_MODE")] = None
    directory_open: Annotated[bool | None, Told("ANCL_DVD_OPEN")] = None
    ldap_authentication: Annotated[
        bool | None, Told("ANCL_CAUT_LDAP; false: clients of the LDAP proxy show no certificate")
    ] = None
    name_servers: Annotated[
        tuple[NameServer, ...] | None,
        Items(0, 8),
        Told("DNS_SERVERS_TI, in the order they are asked for names of the TI; none: the machine's"),
    ] = None
    ocsp_seconds: Annotated[int | None, Number(1, 120), Told("CERT_OCSP_TIMEOUT_NONQES")] = None
    ocsp_qes_seconds: Annotated[int | None, Number(1, 120), Told("CERT_OCSP_TIMEOUT_QES")] = None
    ocsp_grace_minutes: Annotated[int | None, Number(0, 20), Told("CERT_OCSP_DEFAULT_GRACE_PERIOD_NONQES")] = None
    tsl_grace_days: Annotated[int | None, Number(1, 30), Told("CERT_TSL_DEFAULT_GRACE_PERIOD_DAYS")] = None
    bnetza_hours: Annotated[int | None, Number(1, 168), Told("CERT_BNETZA_VL_UPDATE_INTERVAL")] = None
    ksr_auto_download: Annotated[
        bool | None, Told("MGM_KSR_AUTODOWNLOAD: firmware for card terminals is fetched when the KSR has newer one")
    ] = None
    expiry_check_days: Annotated[
        int | None, Number(0, 365), Told("CERT_EXPIRATION_CARD_CHECK_DAYS; 0: cards are not looked at")
    ] = None
    expiry_warn_days: Annotated[
        int | None, Number(0, 180), Told("CERT_EXPIRATION_WARN_DAYS; 0: only what has ended is told")
    ] = None
    card_seconds: Annotated[int | None, Number(5, 120), Told("CARD_TIMEOUT_CARD, for one command to a card")] = None
    event_tries: Annotated[
        int | None, Number(1, 100), Told("EVT_MAX_TRY: failed connections in a row that end subscriptions")
    ] = None
    offline_days_max: Annotated[int | None, Number(0, 365), Told("TIMEOUT_TI_OFFLINE; 0: no limit")] = None
    vsdm_seconds: Annotated[int | None, Number(1, 300), Told("MAXTIME_VSDM")] = None
    simple_signature_mode: Annotated[
        SimpleModeChoice | None, Told("SAK_SIMPLE_SIGNATURE_MODE: how an HBA signs one document; counts at once")
    ] = None
    comfort_signature: Annotated[
        bool | None, Told("SAK_COMFORT_SIGNATURE; needs TLS and client authentication; counts at once")
    ] = None
    comfort_signature_max: Annotated[
        int | None, Number(1, 250), Told("SAK_COMFORT_SIGNATURE_MAX: signatures per PIN entry; counts at once")
    ] = None
    comfort_signature_hours: Annotated[
        int | None, Number(1, 24), Told("SAK_COMFORT_SIGNATURE_TIMER: hours per PIN entry; counts at once")
    ] = None


@dataclass(frozen=True, slots=True)
class ParameterInForce:
    """The value of a parameter that counts now, as text: true, false, a number, a word, addresses.

    That of `receipt_secret` is never its octets, but who gave them: none, configuration, administrator.
    """

    name: Annotated[str, Told("as in Parameters; receipt_secret")]
    value: str
    is_set: Annotated[bool, Told("false: by the operator's configuration")]
    configured: Annotated[str, Told("the value in the operator's configuration")]


@dataclass(frozen=True, slots=True)
class ParametersInForce:
    """What counts now; what was set and needs a restart is not in it yet."""

    parameters: tuple[ParameterInForce, ...]


@dataclass(frozen=True, slots=True)
class ReceiptSecret:
    """What keys of VSDM receipts are made from (VSDM-A_2776); nobody is shown it again."""

    secret: Annotated[
        bytes,
        Octets(SECRET_OCTETS[0], SECRET_OCTETS[-1]),
        Told("the same in another Konnektor of the practice: each reads the other's receipts"),
    ] = field(repr=False)
