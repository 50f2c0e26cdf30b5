"""The official WSDLs drive our dispatcher through zeep, a client that knows nothing of our classes."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions
from lxml import etree

from tiaas.interfaces import card_service_v8_1 as card
from tiaas.interfaces import card_service_v8_2 as card_8_2
from tiaas.interfaces import card_terminal_info_v8_0 as ct
from tiaas.interfaces import card_terminal_service_v1_1 as card_terminal
from tiaas.interfaces import certificate_service_common_v2_0 as certcmn
from tiaas.interfaces import certificate_service_v6_0 as cert
from tiaas.interfaces import encryption_service_v6_1 as crypt
from tiaas.interfaces import event_service_v7_2 as event
from tiaas.interfaces import kvk_service_v4_0 as kvk
from tiaas.interfaces import product_information_v1_1 as product
from tiaas.interfaces import vsd_service_v5_2 as vsd
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResult
from tiaas.interfaces.connector_common_v5_0 import (
    OK,
    Connection,
    Connector,
    Document,
    ErrorState,
    OperatingState,
    StateSeverity,
    StateType,
    VpnStatus,
    WorkplaceIds,
)
from tiaas.interfaces.dss_core_v1_0 import Base64Data
from tiaas.interfaces.telematik_error_v2_0 import Detail, Error, Trace
from tiaas.soap.dispatch import AccessDeclaration, Dispatcher, operation
from tiaas.soap.envelope import SoapFault
from tiaas.soap.errors import FaultCode

NOW = datetime(2025, 1, 31, 10, 0, 0, 123000, UTC)
CONTEXT = {"MandantId": "m", "ClientSystemId": "cs", "WorkplaceId": "wp", "UserId": ""}

CARD = card.Card(
    card_handle="SMC-B-1",
    card_type=CardType.SMC_B,
    iccsn="80276001011699900861",
    ct_id="ct1",
    slot_id=1,
    insert_time=NOW,
    card_holder_name="Praxis Süß & Söhne",
    certificate_expiration_date=date(2029, 12, 31),
)
PRODUCT = product.ProductInformation(
    information_date=NOW,
    product_type_information=product.ProductTypeInformation(product_type="KT", product_type_version="1.2.3"),
    product_identification=product.ProductIdentification(
        product_vendor_id="TIAAS",
        product_code="VKT",
        product_version=product.ProductVersion(
            local=product.ProductVersionLocal(hw_version="1.0.0", fw_version="1.0.0")
        ),
    ),
    product_miscellaneous=product.ProductMiscellaneous(product_vendor_name="tiaas", product_name="Terminal"),
)
TERMINAL = ct.CardTerminal(
    product_information=PRODUCT,
    ct_id="ct1",
    workplace_ids=WorkplaceIds(workplace_id=("wp",)),
    name="Tresen",
    mac_address="00-1B-8F-00-00-01",
    ip_address=ct.IpAddress(ipv4_address="127.0.0.2"),
    slots=4,
    is_physical=True,
    connected=True,
)
CERTIFICATE = certcmn.X509DataInfo(
    cert_ref=certcmn.CertRef.C_AUT,
    x509_data=certcmn.X509Data(
        x509_issuer_serial=certcmn.X509IssuerSerial(x509_issuer_name="CN=CA", x509_serial_number="1"),
        x509_subject_name="CN=x",
        x509_certificate=b"0\x82",
    ),
)
RESPONSES: dict[type[Any], Any] = {
    event.GetCards: event.GetCardsResponse(status=OK, cards=card.Cards(card=(CARD,))),
    event.GetCardTerminals: event.GetCardTerminalsResponse(
        status=OK, card_terminals=ct.CardTerminals(card_terminal=(TERMINAL,))
    ),
    event.GetResourceInformation: event.GetResourceInformationResponse(
        status=OK,
        connector=Connector(
            vpn_ti_status=VpnStatus(connection_status=Connection.ONLINE, timestamp=NOW),
            vpn_sis_status=VpnStatus(connection_status=Connection.OFFLINE, timestamp=NOW),
            operating_state=OperatingState(
                error_state=(
                    ErrorState(
                        error_condition="EC_CardTerminal_Not_Available(ct1)",
                        severity=StateSeverity.ERROR,
                        type=StateType.OPERATION,
                        value=False,
                        valid_from=NOW,
                    ),
                )
            ),
        ),
    ),
    event.Subscribe: event.SubscribeResponse(status=OK, subscription_id="s1", termination_time=NOW),
    event.Unsubscribe: event.UnsubscribeResponse(status=OK),
    event.RenewSubscriptions: event.RenewSubscriptionsResponse(
        status=OK,
        subscribe_renewals=event.SubscribeRenewals(
            subscription_renewal=(event.SubscriptionRenewal(subscription_id="s1", termination_time=NOW),)
        ),
    ),
    event.GetSubscription: event.GetSubscriptionResponse(
        status=OK,
        subscriptions=event.Subscriptions(
            subscription=(
                event.Subscription(
                    subscription_id="s1", termination_time=NOW, event_to="cetp://127.0.0.1:5000", topic="CARD"
                ),
            )
        ),
    ),
    card.VerifyPin: card.VerifyPinResponse(status=OK, pin_result=PinResult.REJECTED, left_tries=2),
    card.GetPinStatus: card.GetPinStatusResponse(status=OK, pin_status=card.PinStatus.VERIFIABLE, left_tries=3),
    cert.ReadCardCertificate: cert.ReadCardCertificateResponse(
        status=OK, x509_data_info_list=certcmn.X509DataInfoList(x509_data_info=(CERTIFICATE,))
    ),
    crypt.EncryptDocument: crypt.EncryptDocumentResponse(
        status=OK, optional_outputs="", document=Document(base64_data=Base64Data(data=b"sealed"))
    ),
    crypt.DecryptDocument: crypt.DecryptDocumentResponse(status=OK, document=Document(base64_xml=b"<a/>")),
    vsd.ReadVSD: vsd.ReadVSDResponse(
        persoenliche_versichertendaten=b"\x1f\x8bPD",
        allgemeine_versicherungsdaten=b"\x1f\x8bVD",
        vsd_status=vsd.VsdStatus(status=vsd.Transactions.NONE_OPEN, timestamp=NOW, version="5.2.0"),
    ),
}
WSDL = {
    "EventService": "conn/EventService.wsdl",
    "CardService": "conn/CardService_v8_1_2.wsdl",
    "CertificateService": "conn/CertificateService_v6_0_1.wsdl",
    "EncryptionService": "conn/EncryptionService_v6_1_1.wsdl",
    "VSDService": "conn/vsds/VSDService.wsdl",
}


@dataclass(frozen=True, slots=True)
class Open(AccessDeclaration):
    """Everybody may."""


class Refused(Exception):
    """What a handler raises to get a fault."""


def fault_of(error: BaseException) -> SoapFault:
    detail = error.detail if hasattr(error, "detail") else str(error)
    trace = Trace(
        comp_type="Konnektor", code=4000, severity="Error", error_type="Technical", error_text="Syntaxfehler",
        detail=Detail(text=str(detail), encoding="UTF-8"),
    )  # fmt: skip
    return SoapFault(FaultCode.SERVER, "Syntaxfehler", Error(timestamp=NOW, trace=(trace,)))


class InProcess(zeep.Transport):
    """Hands requests to a dispatcher. It takes no SOAPAction, so no spelling of it can matter."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._dispatcher = dispatcher

    def load(self, url: str) -> bytes:
        return Path(url).read_bytes()

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> requests.Response:
        reply = asyncio.run(self._dispatcher.handle(message, headers.get("Content-Type"), "peer"))
        response = requests.Response()
        response.status_code = reply.status
        response._content = reply.body
        response.headers["Content-Type"] = reply.content_type
        return response


def dispatcher(received: list[Any]) -> Dispatcher:
    def handler(answer: Any) -> Callable[[Any, object], Awaitable[Any]]:
        async def handle(request: Any, _: object) -> Any:
            received.append(request)
            if isinstance(request, card.VerifyPin) and request.pin_typ == "PIN.NONE":
                raise Refused
            return answer

        return handle

    return Dispatcher(
        [
            operation(request, type(answer), handler(answer), access=Open(), soap_action="any")
            for request, answer in RESPONSES.items()
        ],
        fault_of,
    )


def service(api: Path, name: str, received: list[Any]) -> Any:
    # The XMLDSig schema that ConnectorCommon imports declares entities.
    settings = zeep.Settings(strict=True, forbid_entities=False)
    transport = InProcess(dispatcher(received))
    client: Any = zeep.Client(str(api / WSDL[name]), transport=transport, settings=settings)  # type: ignore[no-untyped-call]
    (binding,) = client.wsdl.bindings
    return client.create_service(binding, "https://konnektor.konlan/services")


def test_event_service(api: Path) -> None:
    received: list[Any] = []
    proxy = service(api, "EventService", received)
    answer = proxy.GetCards(Context=CONTEXT, CardType="SM-B", **{"mandant-wide": True})
    assert answer.Status.Result == "OK"
    assert answer.Cards.Card[0].CardHolderName == "Praxis Süß & Söhne"
    assert answer.Cards.Card[0].InsertTime == NOW
    request = received[0]
    assert (request.mandant_wide, request.card_type, request.context.user_id) == (True, CardType.SM_B, "")
    terminal = proxy.GetCardTerminals(Context=CONTEXT).CardTerminals.CardTerminal[0]
    assert (terminal.MacAddress, terminal.IPAddress.IPV4Address, terminal.Slots) == (
        "00-1B-8F-00-00-01",
        "127.0.0.2",
        4,
    )


def test_event_service_subscriptions(api: Path) -> None:
    received: list[Any] = []
    proxy = service(api, "EventService", received)
    wish = {"EventTo": "cetp://192.168.178.20:20000", "Topic": "CARD/INSERTED/", "Filter": "EVT:Event"}
    made = proxy.Subscribe(Context=CONTEXT, Subscription=wish)
    assert (made.SubscriptionID, made.TerminationTime) == ("s1", NOW)
    assert received[0].subscription.event_to == "cetp://192.168.178.20:20000"
    assert received[0].subscription.topic == "CARD/INSERTED/"
    renewals = proxy.RenewSubscriptions(Context=CONTEXT, SubscriptionID=["s1", "s2"]).SubscribeRenewals
    assert renewals.SubscriptionRenewal[0].SubscriptionID == "s1"
    assert received[1].subscription_id == ("s1", "s2")
    held = proxy.GetSubscription(Context=CONTEXT, **{"mandant-wide": True}).Subscriptions.Subscription
    assert [entry.Topic for entry in held] == ["CARD"]
    assert proxy.Unsubscribe(Context=CONTEXT, SubscriptionID="s1").Result == "OK"
    assert received[3].subscription_id == "s1"


def test_event_service_resource(api: Path) -> None:
    connector = service(api, "EventService", []).GetResourceInformation(Context=CONTEXT).Connector
    assert connector.VPNTIStatus.ConnectionStatus == "Online"
    (entry,) = connector.OperatingState._value_1  # zeep's name for a sequence that may repeat
    state = entry["ErrorState"]
    assert (state.ErrorCondition, state.Value) == ("EC_CardTerminal_Not_Available(ct1)", False)


def test_card_service(api: Path) -> None:
    received: list[Any] = []
    proxy = service(api, "CardService", received)
    answer = proxy.VerifyPin(Context=CONTEXT, CardHandle="h", PinTyp="PIN.SMC")
    assert (answer.PinResult, answer.LeftTries) == ("REJECTED", 2)
    status = proxy.GetPinStatus(Context=CONTEXT, CardHandle="h", PinTyp="PIN.SMC")
    assert (status.PinStatus, status.LeftTries) == ("VERIFIABLE", 3)
    assert [type(request) for request in received] == [card.VerifyPin, card.GetPinStatus]


def test_fault_reaches_the_client(api: Path) -> None:
    proxy = service(api, "CardService", [])
    with pytest.raises(zeep.exceptions.Fault) as caught:
        proxy.VerifyPin(Context=CONTEXT, CardHandle="h", PinTyp="PIN.NONE")
    assert caught.value.message == "Syntaxfehler"
    error = caught.value.detail[0]
    etree.XMLSchema(etree.parse(api / "tel/error/TelematikError.xsd")).assertValid(error)
    assert error.findtext("{*}Trace/{*}Code") == "4000"


def test_undeclared_operation_is_a_client_fault(api: Path) -> None:
    proxy = service(api, "CardService", [])
    with pytest.raises(zeep.exceptions.Fault) as caught:
        proxy.ChangePin(Context=CONTEXT, CardHandle="h", PinTyp="PIN.SMC")
    assert caught.value.code.endswith(":Client")


def test_certificate_service(api: Path) -> None:
    received: list[Any] = []
    proxy = service(api, "CertificateService", received)
    answer = proxy.ReadCardCertificate(
        CardHandle="h", Context=CONTEXT, CertRefList={"CertRef": ["C.AUT", "C.ENC"]}, Crypt="ECC"
    )
    assert answer.X509DataInfoList.X509DataInfo[0].X509Data.X509Certificate == b"0\x82"
    assert received[0].cert_ref_list.cert_ref == (certcmn.CertRef.C_AUT, certcmn.CertRef.C_ENC)
    assert received[0].crypt is cert.Crypt.ECC


def test_encryption_service(api: Path) -> None:
    received: list[Any] = []
    proxy = service(api, "EncryptionService", received)
    attribute = etree.fromstring("<CMSAttribute>AAEC</CMSAttribute>")
    answer = proxy.EncryptDocument(
        Context=CONTEXT,
        RecipientKeys={"CertificateOnCard": {"CardHandle": "h", "Crypt": "ECC"}, "Certificate": [b"c1", b"c2"]},
        Document={"ID": "d", "Base64Data": {"MimeType": "text/plain", "_value_1": b"text"}},
        OptionalInputs={
            "EncryptionType": "urn:ietf:rfc:5652",
            "UnprotectedProperties": {"Property": [{"Identifier": "urn:x", "Value": {"_value_1": [attribute]}}]},
        },
    )
    assert answer.Document.Base64Data._value_1 == b"sealed"
    sent = received[0]
    assert sent.recipient_keys.certificate == (b"c1", b"c2")
    assert sent.recipient_keys.certificate_on_card.crypt is crypt.Crypt.ECC
    assert sent.document.base64_data.data == b"text"
    (held,) = sent.optional_inputs.unprotected_properties.property[0].value
    assert etree.fromstring(held).text == "AAEC"
    opened = proxy.DecryptDocument(
        Context=CONTEXT, PrivateKeyOnCard={"CardHandle": "h"}, Document={"Base64XML": b"<a/>"}
    )
    assert opened.Document.Base64XML == b"<a/>"


def test_vsd_service(api: Path) -> None:
    received: list[Any] = []
    proxy = service(api, "VSDService", received)
    answer = proxy.ReadVSD(
        EhcHandle="e", HpcHandle="s", PerformOnlineCheck=False, ReadOnlineReceipt=False, Context=CONTEXT
    )
    assert answer.PersoenlicheVersichertendaten == b"\x1f\x8bPD"
    assert answer.GeschuetzteVersichertendaten is None
    assert answer.VSD_Status.Version == "5.2.0"
    assert received[0].ehc_handle == "e"


def test_soap_actions_are_those_of_the_wsdl(api: Path) -> None:
    """Our constants equal the soapAction of every operation; namespaces equal those of WSDL and XSD."""
    for module in (event, card, cert, crypt, vsd):
        root = etree.parse(api / WSDL[module.SERVICE]).getroot()
        actions = set(root.xpath("//*[local-name()='operation']/@soapAction"))
        ours = {value for key, value in vars(module).items() if key.endswith("_ACTION")}
        assert actions == ours
        assert root.get("targetNamespace") == module.WSDL_NAMESPACE


@pytest.mark.parametrize(
    ("module", "wsdl"),
    [
        (card_8_2, "conn/CardService_v8_2_1.wsdl"),
        (card_terminal, "conn/CardTerminalService.wsdl"),
        (kvk, "conn/vsds/KvkService.wsdl"),
    ],
    ids=lambda value: getattr(value, "SERVICE", None),
)
def test_soap_actions_of_the_card_services(api: Path, module: Any, wsdl: str) -> None:
    root = etree.parse(api / wsdl).getroot()
    ours = {value for key, value in vars(module).items() if key.endswith("_ACTION")}
    assert set(root.xpath("//*[local-name()='operation']/@soapAction")) == ours
    assert root.get("targetNamespace") == module.WSDL_NAMESPACE
