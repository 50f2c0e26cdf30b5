"""Recordings of invented practice software, written message by message."""

import base64
import dataclasses
import gzip
from datetime import UTC, datetime, timedelta

from tiaas.pvs.recording import Call, Delivery, Field, Handshake, Offered, Recording

BEGAN = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
CONTEXT = "http://ws.gematik.de/conn/ConnectorContext/v2.0"
EVENT, CARD, VSD = (
    "http://ws.gematik.de/conn/EventService/v7.2",
    "http://ws.gematik.de/conn/CardService/v8.1",
    "http://ws.gematik.de/conn/vsds/VSDService/v5.2",
)
OFFERED = (
    Offered("EventService", "7.2.0", "http://ws.gematik.de/conn/EventService/WSDL/v7.2", "/ws/EventService"),
    Offered("CardService", "8.1.2", "http://ws.gematik.de/conn/CardService/WSDL/v8.1", "/ws/CardService"),
    Offered("CardService", "8.2.1", "http://ws.gematik.de/conn/CardService/WSDL/v8.2", "/ws/CardService"),
    Offered("VSDService", "5.2.0", "http://ws.gematik.de/conn/vsds/VSDService/v5.2", "/ws/VSDService"),
)
_PATHS = {EVENT: "/ws/EventService", CARD: "/ws/CardService", VSD: "/ws/VSDService"}
_OK = "<C:Status xmlns:C='urn:c'><C:Result>OK</C:Result></C:Status>"


def fault(code: int) -> str:
    return (
        f"<E:Fault xmlns:E='{ENVELOPE}'><faultcode>E:Server</faultcode><faultstring>no</faultstring><detail>"
        f"<T:Error xmlns:T='http://ws.gematik.de/tel/error/v2.0'><T:Trace><T:Code>{code}</T:Code>"
        "<T:ErrorText>text</T:ErrorText></T:Trace></T:Error></detail></E:Fault>"
    )


def card(handle: str, kind: str, iccsn: str = "80276001", slot: int = 1) -> str:
    return (
        f"<Card><CardHandle>{handle}</CardHandle><CardType>{kind}</CardType><Iccsn>{iccsn}</Iccsn>"
        f"<CtId>CT-1</CtId><SlotId>{slot}</SlotId></Card>"
    )


def receipt(result: int) -> str:
    xml = f"<PN xmlns='http://ws.gematik.de/fa/vsdm/pnw/v1.0'><TS>20260302080000</TS><E>{result}</E></PN>"
    packed = base64.b64encode(gzip.compress(xml.encode())).decode()
    return f"<V:Pruefungsnachweis xmlns:V='{VSD}'>{packed}</V:Pruefungsnachweis>"


class Day:
    """Builds a recording: every message a second after the one before."""

    def __init__(self) -> None:
        self.now = BEGAN
        self.smcb = "smcb"
        self._calls: list[Call] = []
        self._deliveries: list[Delivery] = []
        self._handshakes: list[Handshake] = []
        self._last = 0
        self._defaults = Call(
            0, BEGAN, 0.01, "10.0.0.1:5000", "TLSv1.3 TLS_AES_256_GCM_SHA384", ("pvs",), "POST", "", 200,
            (Field("content-type", "text/xml; charset=utf-8"), Field("soapaction", '"urn:x"')), "", 0, "", 0,
        )  # fmt: skip

    def directory(self) -> "Day":
        self._call(method="GET", path="/connector.sds", answer_octets=5000)
        return self

    def ask(
        self,
        operation: str,
        body: str = "",
        told: str = _OK,
        *,
        namespace: str = EVENT,
        user: str = "",
        client: str = "pvs",
        after: float = 1.0,
        **call: object,
    ) -> "Day":
        """A SOAP call."""
        ids = (
            f"<X:MandantId>m</X:MandantId><X:ClientSystemId>{client}</X:ClientSystemId><X:WorkplaceId>w</X:WorkplaceId>"
        )
        ids += f"<X:UserId>{user}</X:UserId>" if user else ""
        context = f"<X:Context xmlns:X='{CONTEXT}'>{ids}</X:Context>"
        request = _envelope(f"<M:{operation} xmlns:M='{namespace}'>{context}{body}</M:{operation}>")
        is_fault = "Fault xmlns" in told
        answer = _envelope(
            told if is_fault else f"<M:{operation}Response xmlns:M='{namespace}'>{told}</M:{operation}Response>"
        )
        given = {"path": _PATHS.get(namespace, "/ws/Other"), "request": request, "answer": answer}
        self._call(after, **{**given, "status": 500 if is_fault else 200, **call})
        return self

    def event(
        self, topic: str, outcome: str = "delivered", said: str = "", after: float = 1.0, **parameters: str
    ) -> "Day":
        """An event that was sent."""
        self.now += timedelta(seconds=after)
        self._last += 1
        pairs = "".join(f"<Parameter><Key>{k}</Key><Value>{v}</Value></Parameter>" for k, v in parameters.items())
        head = f"<Topic>{topic}</Topic><SubscriptionID>S1</SubscriptionID>"
        xml = f"<Event xmlns='{EVENT}'>{head}<Message>{pairs}</Message></Event>"
        self._deliveries.append(Delivery(self._last, self.now, 0.01, "pvs", "10.0.0.1:8500", xml, outcome, said))
        return self

    def handshake(self, reason: str) -> "Day":
        """A client that TLS did not let in."""
        self._last += 1
        self._handshakes.append(Handshake(self._last, self.now, "10.0.0.1", reason))
        return self

    def cards(self, *cards: str) -> "Day":
        """GetCards."""
        return self.ask("GetCards", told=f"{_OK}<Cards>{''.join(cards)}</Cards>")

    def read(self, handle: str, told: str = "", *, check: bool = True, proof: bool = True, after: float = 1.0) -> "Day":
        """ReadVSD."""
        body = f"<EhcHandle>{handle}</EhcHandle><HpcHandle>{self.smcb}</HpcHandle>"
        body += f"<PerformOnlineCheck>{str(check).lower()}</PerformOnlineCheck>"
        body += f"<ReadOnlineReceipt>{str(proof).lower()}</ReadOnlineReceipt>"
        return self.ask("ReadVSD", body, told, namespace=VSD, after=after)

    def verify(self, handle: str, result: str = "OK") -> "Day":
        """VerifyPin."""
        body = f"<CardHandle>{handle}</CardHandle><PinTyp>PIN.SMC</PinTyp>"
        return self.ask("VerifyPin", body, f"{_OK}<PinResult>{result}</PinResult>", namespace=CARD)

    def recording(self) -> Recording:
        """Everything so far."""
        return Recording(
            "praxis-1", BEGAN, self.now, None, 0, OFFERED,
            tuple(self._calls), tuple(self._deliveries), tuple(self._handshakes),
        )  # fmt: skip

    def _call(self, after: float = 1.0, **values: object) -> None:
        self.now += timedelta(seconds=after)
        self._last += 1
        call = dataclasses.replace(self._defaults, number=self._last, at=self.now, **values)  # type: ignore[arg-type]
        if call.request:
            sizes = len(call.request.encode()), len(call.answer.encode())
            call = dataclasses.replace(call, request_octets=sizes[0], answer_octets=sizes[1])
        self._calls.append(call)


def _envelope(body: str) -> str:
    return f"<E:Envelope xmlns:E='{ENVELOPE}'><E:Body>{body}</E:Body></E:Envelope>"


def good_day() -> Day:
    """Practice software as it should be: directory, subscription, cards, a PIN, receipts, errors it can live with."""
    day = Day().directory()
    wish = "<Subscription><EventTo>cetp://10.0.0.1:8500</EventTo><Topic>CARD</Topic></Subscription>"
    made = "<SubscriptionID>S1</SubscriptionID><TerminationTime>2026-03-03T09:00:00Z</TerminationTime>"
    day.ask("Subscribe", wish, _OK + made)
    day.cards(card("smcb", "SMC-B", "80276883", 2), card("egk1", "EGK", "80276001"))
    day.read("egk1", fault(3041))
    day.verify("smcb")
    day.read("egk1", receipt(2))
    day.event("CARD/REMOVED", CardHandle="egk1", CardType="EGK", ICCSN="80276001")
    day.event("CARD/INSERTED", CardHandle="egk2", CardType="EGK", ICCSN="80276002")
    day.read("egk2", receipt(3))
    day.read("egk2", receipt(1), after=60)
    day.event("CARD/REMOVED", CardHandle="smcb", CardType="SMC-B", ICCSN="80276883")
    day.event("CARD/INSERTED", CardHandle="egk3", CardType="EGK", ICCSN="80276001")
    day.cards(card("smcb-new", "SMC-B", "80276883", 2), card("egk3", "EGK", "80276001"))
    day.smcb = "smcb-new"
    day.read("egk3", proof=False)
    return day
