"""Documents about the authentication of Clientsysteme and the server's certificate (gemSpec_Kon V5.18 TIP1-A_4517)."""

import enum
from datetime import datetime
from typing import Annotated

from tiaas.base.dataclass import dataclass
from tiaas.base.secret import Secret
from tiaas.interfaces.management.fields import Items, Octets, Text, Told

Fingerprint = Annotated[str, Text(64, 64, "[0-9a-f]{64}"), Told("SHA-256 of the certificate (DER) in hex")]
_CERTIFICATE = Octets(1, 16_384)


@enum.unique
class KeyType(enum.StrEnum):
    """Kinds of key a certificate is made with."""

    P256 = "p256"
    BRAINPOOL_P256 = "brainpoolP256r1"
    RSA_2048 = "rsa2048"
    RSA_3072 = "rsa3072"


@enum.unique
class ReceiverTrust(enum.StrEnum):
    """How receivers of events are checked."""

    ANY = "any"
    PINNED = "pinned"
    CA = "ca"


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A certificate of a Clientsystem."""

    fingerprint: Fingerprint
    subject: str
    issuer: str
    not_after: datetime


@dataclass(frozen=True, slots=True)
class ReceiverCheck:
    """How the receivers of a Clientsystem's events are checked in TLS."""

    trust: ReceiverTrust
    fingerprints: Annotated[tuple[Fingerprint, ...], Items(0, 64)] = ()
    ca_pem: Annotated[str, Text(0, 65_536)] = ""


@dataclass(frozen=True, slots=True)
class ClientSystemAccess:
    """How a Clientsystem may show who it is."""

    client_system_id: str
    certificates: tuple[ClientCertificate, ...]
    users: tuple[str, ...]
    receivers: ReceiverCheck


@dataclass(frozen=True, slots=True)
class ClientSystemList:
    """All Clientsysteme."""

    client_systems: tuple[ClientSystemAccess, ...]


@dataclass(frozen=True, slots=True)
class NewClientCertificate:
    """A client certificate to be made. `modern`: PKCS#12 with AES-256 instead of what old programs read."""

    key: KeyType = KeyType.P256
    modern: bool = False


@dataclass(frozen=True, slots=True)
class IssuedCertificate:
    """A new client identity. The file and its password are shown this once; neither is kept."""

    fingerprint: str
    not_after: datetime
    pkcs12: bytes
    password: Secret


@dataclass(frozen=True, slots=True)
class ForeignCertificate:
    """A certificate made elsewhere, in DER or PEM."""

    certificate: Annotated[bytes, _CERTIFICATE]


@dataclass(frozen=True, slots=True)
class BasicUserChange:
    """A password for a user of HTTP Basic; left out: a random one is made and shown this once."""

    password: Annotated[Secret | None, Text(8, 128)] = None


@dataclass(frozen=True, slots=True)
class BasicUserSet:
    """A user of HTTP Basic; `password` only if it was made here."""

    user: str
    password: Annotated[Secret | None, Text(0, 128)]


@dataclass(frozen=True, slots=True)
class ServerCertificate:
    """The certificate that clients and administrators see, and the CA to trust (PEM)."""

    subject: str
    issuer: str
    hosts: tuple[str, ...]
    key: str
    not_after: datetime
    fingerprint: str
    is_imported: bool
    ca_pem: Annotated[str, Text(0, 65_536)]


@dataclass(frozen=True, slots=True)
class NewServerCertificate:
    """A server certificate to be made by the instance's own CA, for the names it has."""

    key: KeyType = KeyType.P256


@dataclass(frozen=True, slots=True)
class ForeignServerCertificate:
    """A server certificate with its key as PKCS#12."""

    pkcs12: Annotated[bytes, _CERTIFICATE]
    password: Annotated[Secret, Text(0, 256)]
