"""A Primärsystem of a few lines: SOAP as text over the standard library's mutual TLS, nothing of ours in it."""

import base64
import gzip
import http.client
import ssl
import time
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

from lxml import etree

SOAP = "http://schemas.xmlsoap.org/soap/envelope/"
CONN = "http://ws.gematik.de/conn/ConnectorCommon/v5.0"
CCTX = "http://ws.gematik.de/conn/ConnectorContext/v2.0"
CARDCMN = "http://ws.gematik.de/conn/CardServiceCommon/v2.0"
CARD = "http://ws.gematik.de/conn/CardService/v8.1"
EVENT = "http://ws.gematik.de/conn/EventService/v7.2"
CERT = "http://ws.gematik.de/conn/CertificateService/v6.0"
VSD = "http://ws.gematik.de/conn/vsds/VSDService/v5.2"
GERROR = "{http://ws.gematik.de/tel/error/v2.0}"
_SERVICE_INFORMATION = "{http://ws.gematik.de/conn/ServiceInformation/v2.0}"
SECONDS = 20


@dataclass(frozen=True, slots=True)
class Reply:
    """One HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def root(self) -> etree._Element:
        """The body as XML."""
        return etree.fromstring(self.body)

    def text(self, name: str) -> str | None:
        """Text of the first element with that local name."""
        return self.root.findtext(f".//{{*}}{name}")

    @property
    def code(self) -> int | None:
        """The last code of a fault's trace; None if it is no fault."""
        if self.status == 200:
            return None
        codes = self.root.findall(f".//{GERROR}Trace/{GERROR}Code")
        assert codes, f"HTTP {self.status} without a trace: {self.body[:300]!r}"
        return int(str(codes[-1].text))

    @property
    def detail(self) -> str:
        """Detail of the last trace entry."""
        return str(self.root.findall(f".//{GERROR}Detail")[-1].text)


def tls_of(instance: dict[str, Any], *, client: dict[str, Any] | None = None) -> ssl.SSLContext:
    """TLS to an instance of `ready.json`, by default with its own client certificate."""
    shown = client or instance["client"]
    context = ssl.create_default_context(cafile=instance["konnektor"]["ca"])
    context.load_cert_chain(shown["cert"], shown["key"])
    return context


class Caller:
    """One keep-alive connection to the Konnektor of an entry of `ready.json`."""

    def __init__(self, instance: dict[str, Any], seconds: float = SECONDS) -> None:
        self.instance = instance
        self.url = urlsplit(instance["konnektor"]["url"])
        self._tls = tls_of(instance)
        self._seconds = seconds
        self._connection = self.connect()
        self._paths: dict[str, str] = {}

    def __enter__(self) -> "Caller":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hangs up."""
        self._connection.close()

    def connect(self) -> http.client.HTTPSConnection:
        """A new connection."""
        host, port = str(self.url.hostname), self.url.port
        return http.client.HTTPSConnection(host, port, context=self._tls, timeout=self._seconds)

    def send(self, method: str, path: str, body: bytes | None = None, headers: dict[str, str] | None = None) -> Reply:
        """One request on the connection."""
        self._connection.request(method, path, body, headers or {})
        answer = self._connection.getresponse()
        return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def post(self, service: str, body: bytes, headers: dict[str, str] | None = None) -> Reply:
        """Octets to a service."""
        fields = {"Content-Type": "text/xml; charset=utf-8", **(headers or {})}
        return self.send("POST", self.path(service), body, fields)

    def path(self, service: str) -> str:
        """Where a service is, by connector.sds."""
        if not self._paths:
            self._paths = {name: urlsplit(url).path for (name, _), url in self.endpoints().items()}
        return self._paths[service]

    def endpoints(self) -> dict[tuple[str, str], str]:
        """Addresses by name and version of the service, from connector.sds."""
        directory = self.send("GET", urlsplit(self.instance["konnektor"]["sds"]).path).root
        return {
            (str(service.get("Name")), str(version.get("Version"))): str(
                version.find(f"{_SERVICE_INFORMATION}EndpointTLS").get("Location")  # type: ignore[union-attr]
            )
            for service in directory.iter(f"{_SERVICE_INFORMATION}Service")
            for version in service.iter(f"{_SERVICE_INFORMATION}Version")
        }

    # ---- operations ----------------------------------------------------------------------------------------------

    def context(self) -> str:
        """The call context of `ready.json`."""
        ids = self.instance["context"]
        return (
            f'<t:Context xmlns:t="{CCTX}" xmlns:n="{CONN}"><n:MandantId>{ids["mandant_id"]}</n:MandantId>'
            f"<n:ClientSystemId>{ids['client_system_id']}</n:ClientSystemId>"
            f"<n:WorkplaceId>{ids['workplace_id']}</n:WorkplaceId><n:UserId>{ids['user_id']}</n:UserId></t:Context>"
        )

    def get_cards_message(self) -> bytes:
        """GetCards for the Mandant."""
        return envelope(f'<e:GetCards xmlns:e="{EVENT}" mandant-wide="true">{self.context()}</e:GetCards>')

    def cards(self) -> list[dict[str, str]]:
        """The cards as GetCards lists them: local name → text."""
        reply = self.post("EventService", self.get_cards_message())
        assert reply.status == 200, reply.body
        return [
            {etree.QName(field).localname: str(field.text) for field in card if len(field) == 0}
            for card in reply.root.iter(f"{{{CARD}}}Card")
        ]

    def handle(self, card_type: str) -> str:
        """The handle of the first card of a type."""
        return next(card["CardHandle"] for card in self.cards() if card["CardType"] == card_type)

    def terminals(self) -> Reply:
        """GetCardTerminals."""
        return self.post(
            "EventService",
            envelope(f'<e:GetCardTerminals xmlns:e="{EVENT}">{self.context()}</e:GetCardTerminals>'),
        )

    def verify_pin(self, handle: str, pin: str) -> Reply:
        """VerifyPin."""
        return self.pin("VerifyPin", handle, pin)

    def pin_status(self, handle: str, pin: str) -> Reply:
        """GetPinStatus."""
        return self.pin("GetPinStatus", handle, pin)

    def pin(self, operation: str, handle: str, pin: str) -> Reply:
        """Any PIN operation."""
        body = (
            f'<p:{operation} xmlns:p="{CARD}" xmlns:c="{CARDCMN}">{self.context()}'
            f'<n:CardHandle xmlns:n="{CONN}">{handle}</n:CardHandle><c:PinTyp>{pin}</c:PinTyp></p:{operation}>'
        )
        return self.post("CardService", envelope(body))

    def certificate(self, handle: str, reference: str, crypt: str) -> Reply:
        """ReadCardCertificate."""
        body = (
            f'<z:ReadCardCertificate xmlns:z="{CERT}"><n:CardHandle xmlns:n="{CONN}">{handle}</n:CardHandle>'
            f"{self.context()}<z:CertRefList><z:CertRef>{reference}</z:CertRef></z:CertRefList>"
            f"<z:Crypt>{crypt}</z:Crypt></z:ReadCardCertificate>"
        )
        return self.post("CertificateService", envelope(body))

    def read_vsd(self, egk: str, hpc: str, *, online: bool = False) -> Reply:
        """ReadVSD, with online check and receipt or without both."""
        wanted = str(online).lower()
        body = (
            f'<v:ReadVSD xmlns:v="{VSD}"><v:EhcHandle>{egk}</v:EhcHandle><v:HpcHandle>{hpc}</v:HpcHandle>'
            f"<v:PerformOnlineCheck>{wanted}</v:PerformOnlineCheck>"
            f"<v:ReadOnlineReceipt>{wanted}</v:ReadOnlineReceipt>{self.context()}</v:ReadVSD>"
        )
        return self.post("VSDService", envelope(body))


def envelope(body: str, prolog: str = "") -> bytes:
    """A SOAP 1.1 message."""
    return f'{prolog}<S:Envelope xmlns:S="{SOAP}"><S:Body>{body}</S:Body></S:Envelope>'.encode()


def unzipped(encoded: str | None) -> etree._Element:
    """A document of ReadVSD: base64(gzip(ISO-8859-15 XML)) → XML."""
    assert encoded, "there is no document"
    octets = gzip.decompress(base64.b64decode(encoded, validate=True))
    document = etree.fromstring(octets)
    assert document.getroottree().docinfo.encoding == "ISO-8859-15"
    return document


def kvnr_of(reply: Reply) -> str | None:
    """The KVNR in the answer of ReadVSD."""
    assert reply.status == 200, reply.body
    return unzipped(reply.text("PersoenlicheVersichertendaten")).findtext(".//{*}Versicherten_ID")


def until(happened: Callable[[], bool], seconds: float = SECONDS) -> None:
    """Waits: a terminal's events reach the Konnektor a moment after the hand moved, its line comes back with jitter."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.01)


def pin_status(caller: Caller, handle: str, pin: str) -> tuple[str | None, str | None]:
    """PinStatus and LeftTries of GetPinStatus."""
    reply = caller.pin_status(handle, pin)
    assert reply.status == 200, reply.body
    return reply.text("PinStatus"), reply.text("LeftTries")


def outcome(reply: Reply) -> tuple[str | None, str | None]:
    """PinResult and LeftTries of VerifyPin."""
    assert reply.status == 200, reply.body
    return reply.text("PinResult"), reply.text("LeftTries")
