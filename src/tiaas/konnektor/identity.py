"""The TLS identity of one instance and the certificates of its Clientsysteme.

Rows: `identity`/`ca`, `identity`/`server` with private keys; `client-certificate`/FINGERPRINT without (ANCL_CCERT_LIST:
which Clientsystem a certificate belongs to says the information model, its CS-AuthMerkmal carries the fingerprint).
A client's private key is handed out once, as PKCS#12, and not kept.

PKCS#12: the default encryption is the one of RFC 7292 (3DES and SHA-1 with 20,000 rounds), because Java before 8u301,
Windows Server 2016 and Go's `x/crypto/pkcs12` read nothing else; the password is random and long. `modern=True` uses
PBES2 with AES-256 and SHA-256. The file holds one certificate and one key and no CA: some readers refuse more.
"""

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import field
from datetime import timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, PrivateFormat, pkcs12
from cryptography.x509.oid import ExtendedKeyUsageOID

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.errors import InvalidInput
from tiaas.base.heavy import beside
from tiaas.base.secret import Secret
from tiaas.konnektor.issuing import KeyPair, create_ca, issue_client, issue_server
from tiaas.konnektor.keykind import KeyKind, PrivateKey
from tiaas.konnektor.pkcs12file import load_pkcs12
from tiaas.konnektor.store import InstanceStore, StoreError

KONLAN = "konnektor.konlan"
"""The name of a Konnektor in its LAN (gemSpec_Kon V5.18, TIP1-A_4797); Primärsysteme verify it."""

RENEW_BEFORE = timedelta(days=30)
_PKCS12_ROUNDS = 20_000
IDENTITY_KIND = "identity"
CLIENT_KIND = "client-certificate"


class UnusableCertificate(InvalidInput):
    """A certificate that cannot be accepted as a client's; says why."""


@dataclass(frozen=True, slots=True)
class IssuedClient:
    """A new client identity. It is not kept: who loses it issues another."""

    fingerprint: str
    certificate: KeyPair

    def certificate_pem(self) -> bytes:
        """The certificate alone."""
        return self.certificate.certificate.public_bytes(Encoding.PEM)

    def key_pem(self) -> Secret:
        """The private key, PKCS#8."""
        return self.certificate.key_pem()

    def pkcs12(self, name: str, password: Secret, *, modern: bool = False) -> Secret:
        """The PKCS#12 file with friendly name `name` (see the module's head for its encryption)."""
        if modern:
            algorithm, mac = pkcs12.PBES.PBESv2SHA256AndAES256CBC, hashes.SHA256()
            builder = PrivateFormat.PKCS12.encryption_builder().key_cert_algorithm(algorithm).hmac_hash(mac)
        else:
            legacy = pkcs12.PBES.PBESv1SHA1And3KeyTripleDESCBC
            builder = PrivateFormat.PKCS12.encryption_builder().key_cert_algorithm(legacy).hmac_hash(hashes.SHA1())  # noqa: S303
        encryption = builder.kdf_rounds(_PKCS12_ROUNDS).build(password.reveal())
        pair = self.certificate
        return Secret(
            pkcs12.serialize_key_and_certificates(name.encode(), pair.key, pair.certificate, None, encryption)
        )


def fingerprint_of(certificate: bytes) -> str:
    """SHA-256 of a DER certificate in lower-case hex."""
    return hashlib.sha256(certificate).hexdigest()


@dataclass(slots=True)
class Identity:
    """CA and server certificate in force, client certificates known. Build it with `load`."""

    store: InstanceStore
    clock: Clock
    entropy: Entropy
    ca: KeyPair
    server: KeyPair
    server_names: tuple[str, ...]
    client_certificates: dict[str, bytes] = field(default_factory=dict)
    is_imported: bool = False
    """Whether the server certificate was made elsewhere."""

    @classmethod
    async def load(
        cls, store: InstanceStore, hosts: tuple[str, ...], kind: KeyKind, clock: Clock, entropy: Entropy
    ) -> "Identity":
        """Reads the identity from the store; makes what is missing and renews a server certificate that does not fit.

        It does not fit if its hosts or its kind of key changed or less than `RENEW_BEFORE` of its validity is left.
        """
        now = clock.now()
        rows = await store.list(IDENTITY_KIND)
        ca = read_pair(rows.get("ca"))
        if ca is None:
            ca = await beside(0, create_ca, store.owner.instance, now, entropy)
            await store.put(IDENTITY_KIND, "ca", _pair_row(ca))
        names = _server_names(hosts)
        row = rows.get("server", {})
        server = read_pair(rows.get("server"))
        # What an administrator chose (kind of key) or brought along stays as it is.
        chosen = {"chosen": row["chosen"]} if "chosen" in row else {}
        kind = KeyKind(chosen.get("chosen", kind))
        wanted = {"hosts": list(names), "kind": kind.value}
        fits = all(row.get(key) == value for key, value in wanted.items())
        is_imported = bool(row.get("imported"))
        is_due = server is None or not fits or server.certificate.not_valid_after_utc - now < RENEW_BEFORE
        if server is None or (is_due and not is_imported):
            server = await beside(0, issue_server, ca, kind, names, now, entropy)
            await store.put(IDENTITY_KIND, "server", _pair_row(server) | wanted | chosen)
        known = {key: read_client(key, body) for key, body in (await store.list(CLIENT_KIND)).items()}
        return cls(store, clock, entropy, ca, server, names, known, is_imported)

    async def renew_server(self, kind: KeyKind) -> None:
        """A new server certificate of the instance's own CA, for the same hosts, with a key of `kind` from now on."""
        names, now = self.server_names, self.clock.now()
        server = await beside(0, issue_server, self.ca, kind, names, now, self.entropy)
        row = _pair_row(server) | {"hosts": list(names), "kind": kind.value, "chosen": kind.value}
        await self.store.put(IDENTITY_KIND, "server", row)
        self.server, self.is_imported = server, False

    async def import_server(self, pkcs12_file: bytes, password: Secret) -> None:
        """Takes a server certificate with its key (TIP1-A_4517). Raises `UnusableCertificate`, `BadPkcs12`."""
        key, certificate = await beside(0, load_pkcs12, pkcs12_file, password)
        if certificate is None or not isinstance(key, PrivateKey):
            raise UnusableCertificate("the file holds no certificate with its EC or RSA key")
        if not certificate.not_valid_before_utc <= self.clock.now() < certificate.not_valid_after_utc:
            raise UnusableCertificate("the certificate is not valid now")
        server = KeyPair(certificate, key)
        await self.store.put(IDENTITY_KIND, "server", _pair_row(server) | {"imported": True})
        self.server, self.is_imported = server, True

    def ca_pem(self) -> bytes:
        """What a client trusts."""
        return self.ca.certificate.public_bytes(Encoding.PEM)

    async def component(self, name: str, given: KeyPair | None) -> KeyPair | None:
        """An identity made elsewhere (`sak`: ID.SAK.AUT): keeps the one given, else gives the one kept, if any."""
        if given is not None:
            await self.store.put(IDENTITY_KIND, name, _pair_row(given))
            return given
        return read_pair(await self.store.get(IDENTITY_KIND, name))

    async def issue_client(self, client_system_id: str, kind: KeyKind) -> IssuedClient:
        """Makes a client certificate and remembers it; it counts once the information model binds its fingerprint."""
        pair = await beside(0, issue_client, self.ca, kind, client_system_id, self.clock.now(), self.entropy)
        fingerprint = await self._remember(pair.certificate.public_bytes(Encoding.DER))
        return IssuedClient(fingerprint, pair)

    async def import_client(self, certificate: bytes) -> str:
        """Remembers a foreign certificate (DER) and gives its fingerprint. Raises `UnusableCertificate`.

        It is matched as it is, not by its chain; there is no OCSP or CRL check for it (gemSpec_Kon §3.4.1).
        """
        try:
            usage = (
                x509.load_der_x509_certificate(certificate)
                .extensions.get_extension_for_class(x509.ExtendedKeyUsage)
                .value
            )
        except x509.ExtensionNotFound:
            return await self._remember(certificate)
        except ValueError:
            raise UnusableCertificate("this is no X.509 certificate in DER") from None
        if not {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE} & set(usage):
            raise UnusableCertificate("its extended key usage does not allow TLS client authentication")
        return await self._remember(certificate)

    async def forget_client(self, fingerprint: str) -> None:
        """Forgets a client certificate; nothing happens if it is not known."""
        await self.store.delete(CLIENT_KIND, fingerprint)
        self.client_certificates.pop(fingerprint, None)

    async def _remember(self, certificate: bytes) -> str:
        fingerprint = fingerprint_of(certificate)
        await self.store.put(CLIENT_KIND, fingerprint, {"certificate": b64encode(certificate).decode()})
        self.client_certificates[fingerprint] = certificate
        return fingerprint


def _server_names(hosts: tuple[str, ...]) -> tuple[str, ...]:
    """The names in the server certificate: `localhost`, `konnektor.konlan`, then `hosts`; wildcards left out."""
    names = dict.fromkeys((KONLAN, "localhost"))
    for host in hosts:
        if not _is_unspecified(host):
            names[host.lower()] = None
    return tuple(names)


def _is_unspecified(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _pair_row(pair: KeyPair) -> dict[str, Any]:
    certificate = pair.certificate.public_bytes(Encoding.DER)
    return {"certificate": b64encode(certificate).decode(), "key": b64encode(pair.key_der().reveal()).decode()}


def read_pair(row: Mapping[str, Any] | None) -> KeyPair | None:
    """A certificate with its key; None if there is no row. Raises `StoreError` for a damaged one."""
    if row is None:
        return None
    try:
        return KeyPair.load(_octets(row["certificate"]), Secret(_octets(row["key"])))
    except (KeyError, ValueError):
        raise StoreError("a stored identity is damaged") from None


def read_identity(name: str, row: Mapping[str, Any]) -> None:
    """Raises `StoreError` for a row that `Identity.load` or `Identity.component` cannot read."""
    if name not in ("ca", "server", "sak"):
        raise StoreError("a stored identity of an unknown kind")
    read_pair(row)
    try:
        KeyKind(row.get("chosen", KeyKind.P256))
    except ValueError:
        raise StoreError("a stored identity is damaged") from None


def read_client(fingerprint: str, row: Mapping[str, Any]) -> bytes:
    """A Clientsystem's certificate (DER). Raises `StoreError` for a damaged row."""
    try:
        der = _octets(row["certificate"])
        x509.load_der_x509_certificate(der)
    except (KeyError, ValueError, TypeError):
        raise StoreError("a stored certificate of a Clientsystem is damaged") from None
    if fingerprint_of(der) != fingerprint:
        raise StoreError("a stored certificate of a Clientsystem is another one")
    return der


def _octets(text: Any) -> bytes:
    return b64decode(text, validate=True)
