"""A server that looks like a Konnektor to a client: TLS with client certificates, a service directory, set answers."""

import asyncio
import ipaddress
import json
import ssl
from base64 import b64encode
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import pkcs12
from cryptography.x509.oid import NameOID

from tiaas.pki.tlsfiles import load_identity, pem_of
from tiaas.soap.envelope import write_envelope

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
PASSWORD = "geheim"

_SDS = """<?xml version="1.0" encoding="UTF-8"?>
<C:ConnectorServices xmlns:C="http://ws.gematik.de/conn/ServiceDirectory/v3.1"
 xmlns:SI="http://ws.gematik.de/conn/ServiceInformation/v2.0"
 xmlns:PI="http://ws.gematik.de/int/version/ProductInformation/v1.1">
<PI:ProductInformation><PI:ProductType>Konnektor</PI:ProductType></PI:ProductInformation>
<SI:ServiceInformation>{services}</SI:ServiceInformation></C:ConnectorServices>"""
_SERVICE = """<SI:Service Name="{name}"><SI:Abstract>x</SI:Abstract><SI:Versions>
<SI:Version Version="{version}" TargetNamespace="urn:x"><SI:Abstract>x</SI:Abstract>
<SI:EndpointTLS Location="{location}"/></SI:Version></SI:Versions></SI:Service>"""
SERVICES = (
    ("EventService", "7.2.0"), ("CardService", "8.1.1"), ("CardService", "8.1.2"), ("CardService", "8.2.1"),
    ("CertificateService", "6.0.1"), ("VSDService", "5.2.0"), ("SignatureService", "7.4.2"),
    ("SignatureService", "7.5.5"), ("AuthSignatureService", "7.4.1"), ("EncryptionService", "6.1.1"),
)  # fmt: skip


@dataclass
class Received:
    """One request."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class FakeKonnektor:
    """`answers` maps a SOAPAction's operation to a message, or to status and octets."""

    port: int = 0
    answers: dict[str, Any] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    sds: Callable[["FakeKonnektor"], tuple[int, bytes]] | None = None

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    def directory(self) -> bytes:
        services = "".join(
            _SERVICE.format(name=name, version=version, location=f"{self.url}/{name}/{version}")
            for name, version in SERVICES
        )
        return _SDS.format(services=services).encode()

    def answer(self, request: Received) -> tuple[int, bytes]:
        if request.path == "/connector.sds":
            return self.sds(self) if self.sds else (200, self.directory())
        operation = request.headers.get("soapaction", "").strip('"').rpartition("#")[2]
        found = self.answers[operation]
        return found if isinstance(found, tuple) else (200, write_envelope(found))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                first, *rest = head.decode().split("\r\n")
                method, path, _ = first.split(" ")
                headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in rest if line)}
                body = await reader.readexactly(int(headers.get("content-length", "0")))
                request = Received(method, path, headers, body)
                self.received.append(request)
                status, answer = self.answer(request)
                writer.write(f"HTTP/1.1 {status} X\r\nContent-Length: {len(answer)}\r\n\r\n".encode() + answer)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()


def self_signed(key: Key, ca: bool = True, host: str = "127.0.0.1") -> x509.Certificate:
    """A certificate for `host` (an address or a name)."""
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST-ONLY")])
    try:
        entry: x509.GeneralName = x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        entry = x509.DNSName(host)
    start = datetime.now(UTC) - timedelta(hours=1)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=ca, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([entry]), critical=False)
        .sign(key, hashes.SHA256())
    )


@dataclass
class Identities:
    """Server's and client's keys and certificates."""

    server_key: Key
    server: x509.Certificate
    client_key: Key
    client: x509.Certificate

    def p12(self) -> bytes:
        return pkcs12.serialize_key_and_certificates(
            b"x", self.client_key, self.client, None, serialization.BestAvailableEncryption(PASSWORD.encode())
        )

    def kon(self, url: str, **changes: object) -> str:
        """The `.kon` text for this client at `url`."""
        document: dict[str, object] = {
            "version": "1.0.0",
            "url": url,
            "mandantId": "M1",
            "workplaceId": "W1",
            "clientSystemId": "C1",
            "userId": "",
            "credentials": {"type": "pkcs12", "data": b64encode(self.p12()).decode(), "password": PASSWORD},
            "env": "ru",
            "expectedHost": "127.0.0.1",
            "trustStore": [b64encode(self.server.public_bytes(serialization.Encoding.DER)).decode()],
        }
        return json.dumps({**document, **changes})


def make_identities(curve: ec.EllipticCurve | None = None, *, ca: bool = True, host: str = "127.0.0.1") -> Identities:
    """Fresh ones; the client's key is on `curve` (P-256 if none is given)."""
    server_key = ec.generate_private_key(ec.SECP256R1())
    client_key = ec.generate_private_key(curve or ec.SECP256R1())
    return Identities(server_key, self_signed(server_key, ca, host), client_key, self_signed(client_key))


@asynccontextmanager
async def running(identities: Identities, *, client_certificates: bool = True) -> AsyncIterator[FakeKonnektor]:
    """The server, listening."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    load_identity(context, identities.server_key, identities.server)
    if client_certificates:
        context.verify_mode = ssl.CERT_REQUIRED
        context.load_verify_locations(cadata=pem_of(identities.client).decode())
    fake = FakeKonnektor()
    server = await asyncio.start_server(fake.serve, "127.0.0.1", 0, ssl=context)
    fake.port = server.sockets[0].getsockname()[1]
    try:
        yield fake
    finally:
        server.close()
        await server.wait_closed()
