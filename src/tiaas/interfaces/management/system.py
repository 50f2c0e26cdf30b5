"""Documents about an instance as a whole: state, trust lists, cards, product (gemSpec_Kon V5.18 §4.3)."""

from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.interfaces.management.fields import Host, Id, Number, Octets, Port, Text, Told

LIST_OCTETS = 16 * 1024 * 1024
CONFIG_OCTETS = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ConditionState:
    """One error condition that holds."""

    name: str
    of: Annotated[str, Told("the terminal, where there is one state per terminal")]
    severity: str
    since: datetime


@dataclass(frozen=True, slots=True)
class FachmodulVersion:
    """A Fachmodul of the software and its version (TIP1-A_7255)."""

    name: str
    version: str


@dataclass(frozen=True, slots=True)
class SystemState:
    """What the instance is and how it is; of the product all that ProductInformation.xsd has (TIP1-A_4812)."""

    name: str
    profile: str
    environment: Annotated[str | None, Told("TU or RU; null in the Produktivumgebung, which is not shown")]
    url: str
    serves_since: datetime | None
    now: datetime
    product_type: str
    product_name: str
    vendor_id: str
    vendor_name: str
    product_code: str
    product_type_version: str
    hardware_version: str
    firmware_version: str
    firmware_group: Annotated[str | None, Told("Firmware-Gruppenversion; null: no package replaces the program")]
    fachmodule: tuple[FachmodulVersion, ...]
    restart_needed: Annotated[bool, Told("parameters were changed that count from the next start on")]
    conditions: tuple[ConditionState, ...]


@dataclass(frozen=True, slots=True)
class TrustList:
    """A trust list and the last attempt to renew it."""

    id: str | None
    sequence_number: int | None
    issued: datetime | None
    next_update: datetime | None
    imported: datetime | None
    last_attempt: datetime | None
    last_succeeded: bool | None
    last_reason: str
    next_attempt: datetime | None


@dataclass(frozen=True, slots=True)
class TslServiceContact:
    """The last TLS connection to the TSL service. `code` null: it proved who it is; else 4235 or 4236, and why."""

    at: datetime
    code: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """A TSL-Signer-CA. `fingerprint` is SHA-256 in hexadecimal, `since` the StatusStartingTime that a TSL tells."""

    name: str
    fingerprint: str
    since: datetime | None
    not_after: datetime


@dataclass(frozen=True, slots=True)
class TrustState:
    """What the instance trusts. `tsl_type` is RSA or ECC-RSA; it and `anchor` are null without trust lists."""

    has_lists: bool
    issuers: int
    ocsp_signers: int
    ocsp_answers_kept: int
    tsl: TrustList
    bnetza: TrustList
    tsl_type: str | None
    anchor: TrustAnchor | None
    tsl_service: TslServiceContact | None


@dataclass(frozen=True, slots=True)
class ListImport:
    """A trust list to be imported by hand."""

    document: Annotated[bytes, Octets(1, LIST_OCTETS)]


@dataclass(frozen=True, slots=True)
class ListRefreshed:
    """Whether the attempt went well; why not is in the state of the list."""

    succeeded: bool


@dataclass(frozen=True, slots=True)
class CardEntry:
    """An inserted card. Personal data are shown to administrators on site only and never logged."""

    card_handle: str
    card_type: str
    ct_id: str
    slot: int
    inserted: datetime
    iccsn: str | None
    holder: str | None
    expires: str | None


@dataclass(frozen=True, slots=True)
class CardOverview:
    """All inserted cards."""

    cards: tuple[CardEntry, ...]


@dataclass(frozen=True, slots=True)
class ReachabilityTest:
    """Whether a TCP connection to a host can be opened from the instance."""

    host: Host
    port: Port


@dataclass(frozen=True, slots=True)
class Reachability:
    """The result; `reason` is empty if it is reachable."""

    is_reachable: bool
    reason: str
    milliseconds: int


@dataclass(frozen=True, slots=True)
class SmbPinCall:
    """For which Mandant, and at which workplace the PIN is typed."""

    mandant_id: Id
    workplace_id: Id


@dataclass(frozen=True, slots=True)
class SmbPinState:
    """State or result of PIN.SMC."""

    state: str
    left_tries: int | None


@dataclass(frozen=True, slots=True)
class FactoryReset:
    """`confirm` is the instance's name: whoever types it means this instance."""

    confirm: Annotated[str, Text(1, 64)]


@dataclass(frozen=True, slots=True)
class ExportedConfig:
    """A configuration, encrypted and signed. The passphrase is shown this once."""

    file: Annotated[bytes, Octets(1, CONFIG_OCTETS)]
    passphrase: Annotated[Secret, Text(16, 64)]


@dataclass(frozen=True, slots=True)
class ConfigImport:
    """An exported configuration. Without `confirm` it is checked and shown and nothing changes."""

    file: Annotated[bytes, Octets(1, CONFIG_OCTETS)]
    passphrase: Annotated[Secret, Text(16, 64)]
    confirm: bool = False


@dataclass(frozen=True, slots=True)
class ConfigShown:
    """What an exported configuration is: who signed it, when, and what is in it."""

    instance: str
    exported: datetime
    signer: str
    signer_fingerprint: str
    rows: int
    kinds: tuple[str, ...]
    was_imported: bool
    to_be_activated: Annotated[
        tuple[str, ...], Told("ctId of terminals that are gepairt once it is taken, and not in use until activated")
    ] = ()


@dataclass(frozen=True, slots=True)
class SmbUnblock:
    """For which Mandant, at which workplace, and whether a new PIN is set."""

    mandant_id: Id
    workplace_id: Id
    set_new_pin: bool = False


@dataclass(frozen=True, slots=True)
class CertificateEntry:
    """A certificate in use. `days_left` is negative for one that is over."""

    use: Annotated[str, Told("NK (C.NK.VPN of a box), SAK (C.SAK.AUT), server (C.AK.AUT), client, terminal, card")]
    where: Annotated[str, Told("Clientsystem, terminal, or card handle")]
    subject: str
    not_after: datetime
    days_left: Annotated[int, Number(-100_000, 100_000)]
    key: Annotated[str | None, Told("the curve, or rsa and bits; null for a card, which has several")]


@dataclass(frozen=True, slots=True)
class CertificateOverview:
    """All certificates in use, the first to expire first."""

    certificates: tuple[CertificateEntry, ...]
    is_rsa_only: Annotated[bool, Told("whether the device's own identities, NK and SAK, have no ECC key")]


@dataclass(frozen=True, slots=True)
class ExpiringCertificate:
    """A certificate on a card that has ended or ends within CERT_EXPIRATION_WARN_DAYS."""

    card_handle: str
    card_type: str
    ct_id: str
    slot: int
    iccsn: Annotated[str | None, Told("not shown to a Remote-Administrator")]
    holder: Annotated[str | None, Told("not shown to a Remote-Administrator")]
    certificate: str
    expires: str
    days_left: Annotated[int, Number(-100_000, 100_000), Told("negative for one that has ended")]


@dataclass(frozen=True, slots=True)
class UnreadCard:
    """A card whose certificates could not be read."""

    card_handle: str
    card_type: str
    ct_id: str
    slot: int
    code: Annotated[int | None, Told("gematik's code, where there is one")]


@dataclass(frozen=True, slots=True)
class SmbCertificate:
    """A certificate of an SM-B and what its status service says of it."""

    card_handle: str
    card_type: str
    ct_id: str
    slot: int
    certificate: str
    status: Annotated[str, Told("Good, NotAvailable, Inconclusive, Invalid, Unknown, Revoked")]
    code: Annotated[int | None, Told("of Tab_PKI_274, what is wrong")]


@dataclass(frozen=True, slots=True)
class ExpiryRun:
    """What a run over all reachable cards found, the first to expire first."""

    warn_days: Annotated[int, Told("CERT_EXPIRATION_WARN_DAYS")]
    cards: Annotated[int, Told("cards whose certificates were read")]
    certificates: Annotated[int, Told("certificates that were read")]
    expiring: tuple[ExpiringCertificate, ...]
    unread: tuple[UnreadCard, ...]
    smbs: tuple[SmbCertificate, ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmValue:
    """From which sum of ten minutes on an operation raises EC_CRYPTOPERATION_ALARM; 0: never."""

    operation: Annotated[str, Text(1, 64, "[A-Za-z]+")]
    value: Annotated[int, Number(0, 9_999)]


@dataclass(frozen=True, slots=True)
class MisuseSettings:
    """Alarm values of the operations that are watched (TIP1-A_4597)."""

    alarm_values: tuple[AlarmValue, ...]
