"""Receptions on loopback addresses with one real operation behind them; no cards, no terminals."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.hazmat.primitives.serialization import Encoding

from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.interfaces.card_service_v8_1 import Cards
from tiaas.interfaces.connector_common_v5_0 import Result, Status
from tiaas.interfaces.event_service_v7_2 import GetCards, GetCardsResponse
from tiaas.konnektor.gate import Gate
from tiaas.konnektor.identity import IssuedClient
from tiaas.konnektor.infomodel import AuthFeature, AuthKind, ClientSystem, InfoModel, Kind
from tiaas.konnektor.ingress import Ingress
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.reception import Reception

CLOCK = SystemClock()
ENTROPY = SystemEntropy()

CONTEXT = (
    '<X:Context xmlns:X="http://ws.gematik.de/conn/ConnectorContext/v2.0" '
    'xmlns:N="http://ws.gematik.de/conn/ConnectorCommon/v5.0"><N:MandantId>m</N:MandantId>'
    "<N:ClientSystemId>c</N:ClientSystemId><N:WorkplaceId>w</N:WorkplaceId></X:Context>"
)
GET_CARDS = (
    '<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/"><S:Body>'
    f'<E:GetCards xmlns:E="http://ws.gematik.de/conn/EventService/v7.2">{CONTEXT}</E:GetCards>'
    "</S:Body></S:Envelope>"
).encode()
PATH = "/ws/EventService"


@dataclass(slots=True)
class House:
    """One instance's front with what a test needs to visit it."""

    reception: Reception
    gate: Gate
    client: IssuedClient
    folder: Path
    ingress: Ingress
    peers: list[Peer] = field(default_factory=list)
    answer: Callable[[GetCards], Awaitable[GetCardsResponse]] | None = None

    @property
    def port(self) -> int:
        return self.reception.address.port

    @property
    def host(self) -> str:
        return self.reception.address.host

    def tls(self, client: IssuedClient | None, *, tls12: bool = False) -> ssl.SSLContext:
        """A client context that trusts this house and shows `client`."""
        context = ssl.create_default_context(cadata=self.gate.identity.ca_pem().decode())
        if tls12:
            context.maximum_version = ssl.TLSVersion.TLSv1_2
        if client is not None:
            context.load_cert_chain(*self.files(client))
        return context

    def files(self, client: IssuedClient) -> tuple[Path, Path]:
        """Certificate and key of a client as PEM files."""
        certificate = self.folder / f"{client.fingerprint[:16]}.crt"
        key = self.folder / f"{client.fingerprint[:16]}.key"
        certificate.write_bytes(client.certificate_pem())
        key.write_bytes(client.key_pem().reveal())
        return certificate, key

    async def connect(
        self, client: IssuedClient | None = None, *, tls12: bool = False
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A TLS connection with the house's own client or the one given."""
        return await asyncio.open_connection(
            self.host, self.port, ssl=self.tls(client or self.client, tls12=tls12), server_hostname="localhost"
        )

    async def stop(self) -> None:
        """Ends the house before the test does."""
        await self.reception.close(self.ingress)

    async def bind(self, fingerprint: str, client_system_id: str) -> None:
        """Gives an authentication feature to a Clientsystem, which is made if need be."""
        feature = AuthFeature(f"auth-{fingerprint[:8]}", AuthKind.CERTIFICATE, fingerprint)

        def change(model: InfoModel) -> InfoModel:
            held = model.clients.get(client_system_id)
            if held is None:
                return model.add(Kind.CLIENT, ClientSystem(client_system_id, (feature,)))
            return model.change(Kind.CLIENT, ClientSystem(client_system_id, (*held.auth_features, feature)))

        await self.gate.model.apply(change)
        self.reception.clients_changed()


def no_cards() -> GetCardsResponse:
    """The shortest answer."""
    return GetCardsResponse(status=Status(result=Result.OK), cards=Cards())


Build = Callable[..., Awaitable[House]]


def certificate_der(client: IssuedClient) -> bytes:
    return client.certificate.certificate.public_bytes(Encoding.DER)
