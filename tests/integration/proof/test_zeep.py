"""gematik's own WSDLs drive a running lab through zeep: addresses from connector.sds, mutual TLS, official schemas.

What comes back is judged twice: zeep reads it by the WSDL, and the raw octets are validated by lxml with the XSD.
"""

import base64
import gzip
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
import zeep
import zeep.exceptions
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, pkcs12
from lxml import etree

from tests.integration.lab.labprocess import LabProcess
from tests.integration.proof.caller import GERROR, Caller, unzipped

SERVICES = {
    "EventService": ("7.2.0", "conn/EventService.wsdl", "conn/EventService.xsd"),
    "CardService": ("8.1.2", "conn/CardService_v8_1_2.wsdl", "conn/CardService_v8_1_3.xsd"),
    "CertificateService": ("6.0.1", "conn/CertificateService_v6_0_1.wsdl", "conn/CertificateService_v6_0_2.xsd"),
    "CardService/8.2": ("8.2.1", "conn/CardService_v8_2_1.wsdl", "conn/CardService_v8_2_1.xsd"),
    "CardTerminalService": ("1.1.0", "conn/CardTerminalService.wsdl", "conn/CardTerminalService.xsd"),
    "SignatureService": ("7.5.6", "conn/SignatureService_V7_5_6.wsdl", "conn/SignatureService_V7_5_6.xsd"),
    "SignatureService/7.4": ("7.4.2", "conn/SignatureService_V7_4_2.wsdl", "conn/SignatureService_V7_4_4.xsd"),
    "EncryptionService": ("6.1.1", "conn/EncryptionService_v6_1_1.wsdl", "conn/EncryptionService_v6_1_2.xsd"),
    "KVKService": ("4.0.0", "conn/vsds/KvkService.wsdl", "conn/vsds/KvkService.xsd"),
    "VSDService": ("5.2.0", "conn/vsds/VSDService.wsdl", "conn/vsds/VSDService.xsd"),
}
VSD_SCHEMA = "fa/vsds/Schema_VSD.xsd"


class Wire(zeep.Transport):
    """zeep's transport; remembers the last answer and may spell the SOAPAction its own way."""

    def __init__(self, session: requests.Session) -> None:
        super().__init__(session=session, timeout=20, operation_timeout=20)  # type: ignore[no-untyped-call]
        self.last: requests.Response | None = None
        self.action: str | None = "as zeep does"

    def post(self, address: str, message: bytes, headers: dict[str, str]) -> requests.Response:
        headers = dict(headers)
        if self.action is None:
            del headers["SOAPAction"]
        elif self.action != "as zeep does":
            headers["SOAPAction"] = self.action
        self.last = super().post(address, message, headers)  # type: ignore[no-untyped-call]
        return self.last


class Practice:
    """A Primärsystem that knows the official WSDLs and a `ready.json`."""

    def __init__(self, api: Path, ready: dict[str, Any], session: requests.Session) -> None:
        self.api = api
        self.wire = Wire(session)
        ids = ready["context"]
        self.context = {
            "MandantId": ids["mandant_id"],
            "ClientSystemId": ids["client_system_id"],
            "WorkplaceId": ids["workplace_id"],
            "UserId": ids["user_id"],
        }
        with Caller(ready) as caller:
            self._endpoints = caller.endpoints()
        self._proxies: dict[str, Any] = {}
        self._schemas: dict[str, etree.XMLSchema] = {}

    def service(self, name: str) -> Any:
        """The service's operations, at the address that the service directory gives for the WSDL's version."""
        if name not in self._proxies:
            version, wsdl, _ = SERVICES[name]
            # The XMLDSig schema that ConnectorCommon imports declares entities.
            settings = zeep.Settings(strict=True, forbid_entities=False)
            client: Any = zeep.Client(str(self.api / wsdl), transport=self.wire, settings=settings)  # type: ignore[no-untyped-call]
            (binding,) = client.wsdl.bindings
            self._proxies[name] = client.create_service(binding, self._endpoints[name.partition("/")[0], version])
        return self._proxies[name]

    def check(self, name: str) -> None:
        """The last answer was a valid message of that service in a SOAP envelope, HTTP 200."""
        body = self._body(200)
        assert len(body) == 1
        self._schema(SERVICES[name][2]).assertValid(body[0])

    def check_fault(self) -> list[etree._Element]:
        """The last answer was a SOAP fault with a valid GERROR; gives the entries of its trace."""
        fault = self._body(500)[0]
        assert fault.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Fault"
        assert [child.tag for child in fault] == ["faultcode", "faultstring", "detail"]
        (error,) = fault[2]
        self._schema("tel/error/TelematikError.xsd").assertValid(error)
        traces = error.findall(f"{GERROR}Trace")
        assert all(trace.findtext(f"{GERROR}Detail") for trace in traces)
        return traces

    def _body(self, status: int) -> etree._Element:
        answer = self.wire.last
        assert answer is not None
        assert answer.status_code == status, answer.content
        assert answer.headers["Content-Type"] == "text/xml; charset=utf-8"
        root = etree.fromstring(answer.content)
        assert root.tag == "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"
        body = root.find("{http://schemas.xmlsoap.org/soap/envelope/}Body")
        assert body is not None
        return body

    def _schema(self, path: str) -> etree.XMLSchema:
        if path not in self._schemas:
            self._schemas[path] = etree.XMLSchema(etree.parse(self.api / path))
        return self._schemas[path]

    # ---- shorthands ----------------------------------------------------------------------------------------------

    def cards(self) -> dict[str, Any]:
        """The cards by type."""
        answer = self.service("EventService").GetCards(Context=self.context, **{"mandant-wide": True})
        return {card.CardType: card for card in answer.Cards.Card}

    def handle(self, card_type: str) -> str:
        """The handle of the card of that type."""
        return str(self.cards()[card_type].CardHandle)

    def certificate(self, handle: str, reference: str, **crypt: str) -> x509.Certificate:
        """ReadCardCertificate of one reference."""
        answer = self.service("CertificateService").ReadCardCertificate(
            CardHandle=handle, Context=self.context, CertRefList={"CertRef": [reference]}, **crypt
        )
        self.check("CertificateService")
        assert answer.Status.Result == "OK"
        (entry,) = answer.X509DataInfoList.X509DataInfo
        assert entry.CertRef == reference
        certificate = x509.load_der_x509_certificate(entry.X509Data.X509Certificate)
        assert int(entry.X509Data.X509IssuerSerial.X509SerialNumber) == certificate.serial_number
        return certificate

    def read_vsd(self, egk: str, hpc: str, *, online: bool = False) -> Any:
        """ReadVSD, with online check and receipt or without both."""
        return self.service("VSDService").ReadVSD(
            EhcHandle=egk, HpcHandle=hpc, PerformOnlineCheck=online, ReadOnlineReceipt=online, Context=self.context
        )


def session_with(ready: dict[str, Any], identity: tuple[str, str]) -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.verify = ready["konnektor"]["ca"]
    session.cert = identity
    return session


def pem_of_p12(ready: dict[str, Any], path: Path) -> tuple[str, str]:
    """The identity in `client.p12` as the PEM files that requests takes."""
    client = ready["client"]
    key, certificate, _ = pkcs12.load_key_and_certificates(
        Path(client["p12"]).read_bytes(), client["p12_password"].encode()
    )
    assert key is not None
    assert certificate is not None
    (path / "cert.pem").write_bytes(certificate.public_bytes(Encoding.PEM))
    (path / "key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return str(path / "cert.pem"), str(path / "key.pem")


@pytest.fixture(scope="module")
def practice(api: Path, lab: LabProcess, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Practice]:
    ready = lab.ready
    with session_with(ready, pem_of_p12(ready, tmp_path_factory.mktemp("p12"))) as session:
        yield Practice(api, ready, session)


@pytest.fixture(autouse=True)
def usual_action(practice: Practice) -> Iterator[None]:
    yield
    practice.wire.action = "as zeep does"


@pytest.mark.requirement("TIP1-A_4605", "TIP1-A_4600")
def test_get_cards(practice: Practice, lab: LabProcess) -> None:
    cards = practice.cards()
    practice.check("EventService")
    known = {"EGK": "egk", "SMC-B": "smcb", "HBA": "hba"}
    for card_type, kind in known.items():
        expected = lab.ready["cards"][kind][0]
        card = cards[card_type]
        assert card.Iccsn == expected["iccsn"]
        assert (card.CtId, card.SlotId) == (expected["in"]["ct_id"], expected["in"]["slot"])
        assert card.CardHolderName
        assert card.InsertTime.tzinfo is not None
        assert card.CertificateExpirationDate
        assert card.Kvnr == expected["kvnr"]


@pytest.mark.parametrize("card_type", ["EGK", "SMC-B", "SM-B", "HBA", "HBAx"])
@pytest.mark.requirement("TIP1-A_4605", "TIP1-A_4600")
@pytest.mark.pitfall(24)
def test_get_cards_honours_the_filter(practice: Practice, card_type: str) -> None:
    answer = practice.service("EventService").GetCards(Context=practice.context, CardType=card_type)
    practice.check("EventService")
    (card,) = answer.Cards.Card
    assert card.CardType == {"SM-B": "SMC-B", "HBAx": "HBA"}.get(card_type, card_type)


@pytest.mark.requirement("TIP1-A_4604", "TIP1-A_4599", "TIP1-A_4603-02")
def test_get_card_terminals(practice: Practice, lab: LabProcess) -> None:
    answer = practice.service("EventService").GetCardTerminals(Context=practice.context)
    practice.check("EventService")
    (terminal,) = answer.CardTerminals.CardTerminal
    expected = lab.ready["terminals"][0]
    assert (terminal.CtId, terminal.Name, terminal.Slots) == (expected["ct_id"], expected["name"], 4)
    assert terminal.Connected
    assert terminal.IS_PHYSICAL
    assert terminal.WorkplaceIds.WorkplaceId == [lab.ready["context"]["workplace_id"]]
    assert terminal.MacAddress
    assert terminal.IPAddress.IPV4Address == "127.0.0.1"
    assert terminal.ProductInformation.ProductTypeInformation.ProductType


@pytest.mark.requirement("TIP1-A_4586-03", "TIP1-A_4587", "TIP1-A_4589")
def test_pin_status_and_verify_pin(practice: Practice) -> None:
    cards = practice.service("CardService")
    hba = practice.handle("HBA")
    before = cards.GetPinStatus(Context=practice.context, CardHandle=hba, PinTyp="PIN.CH")
    practice.check("CardService")
    assert (before.Status.Result, before.PinStatus, before.LeftTries) == ("OK", "VERIFIABLE", 3)
    verified = cards.VerifyPin(Context=practice.context, CardHandle=hba, PinTyp="PIN.CH")
    practice.check("CardService")
    assert (verified.Status.Result, verified.PinResult) == ("OK", "OK")
    after = cards.GetPinStatus(Context=practice.context, CardHandle=hba, PinTyp="PIN.CH")
    practice.check("CardService")
    assert after.PinStatus == "VERIFIED"
    smcb = cards.GetPinStatus(Context=practice.context, CardHandle=practice.handle("SMC-B"), PinTyp="PIN.SMC")
    practice.check("CardService")
    assert smcb.PinStatus == "VERIFIED"


@pytest.mark.parametrize(("card_type", "reference"), [
    ("SMC-B", "C.AUT"), ("SMC-B", "C.ENC"), ("SMC-B", "C.SIG"), ("HBA", "C.AUT"), ("HBA", "C.ENC"), ("HBA", "C.QES")
])  # fmt: skip
@pytest.mark.requirement("TIP1-A_4698-03", "TIP1-A_4700", "TIP1-A_4585")
def test_read_card_certificate(practice: Practice, card_type: str, reference: str) -> None:
    handle = practice.handle(card_type)
    by_rsa = practice.certificate(handle, reference, Crypt="RSA")
    by_ecc = practice.certificate(handle, reference, Crypt="ECC")
    assert isinstance(by_rsa.public_key(), rsa.RSAPublicKey)
    key = by_ecc.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert key.curve.name == "brainpoolP256r1"
    # Without Crypt the schema's default counts.
    assert practice.certificate(handle, reference) in (by_rsa, by_ecc)


def test_read_vsd(practice: Practice, lab: LabProcess) -> None:
    expected = lab.ready["cards"]["egk"][0]
    answer = practice.read_vsd(practice.handle("EGK"), practice.handle("SMC-B"))
    practice.check("VSDService")
    assert answer.VSD_Status.Version == "5.2.0"
    assert answer.Pruefungsnachweis is None
    schema = etree.XMLSchema(etree.parse(practice.api / VSD_SCHEMA))
    documents = [
        answer.PersoenlicheVersichertendaten,
        answer.AllgemeineVersicherungsdaten,
        answer.GeschuetzteVersichertendaten,
    ]
    for octets, root in zip(documents, ["PersoenlicheVersichertendaten", "AllgemeineVersicherungsdaten",
                                        "GeschuetzteVersichertendaten"], strict=True):  # fmt: skip
        document = etree.fromstring(gzip.decompress(octets))
        assert etree.QName(document).localname == f"UC_{root}XML"
        schema.assertValid(document)
    personal = unzipped(base64.b64encode(documents[0]).decode())
    assert personal.findtext(".//{*}Versicherten_ID") == expected["kvnr"]
    assert str(personal.findtext(".//{*}Nachname")) in expected["holder"]


@pytest.mark.code(4008, 4058, 4072, 4149, 4090, 3040)
def test_faults_are_valid(practice: Practice) -> None:
    egk, smcb, hba = (practice.handle(kind) for kind in ("EGK", "SMC-B", "HBA"))
    unknown = {**practice.context, "MandantId": "somebody"}
    pins, vsd, events = (practice.service(name) for name in ("CardService", "VSDService", "EventService"))
    certificates = practice.service("CertificateService")
    faults: list[tuple[int, Callable[[], Any]]] = [
        (4008, lambda: practice.read_vsd("nothing", smcb)),
        (4058, lambda: practice.read_vsd(egk, egk)),
        (4021, lambda: events.GetCards(Context=unknown)),
        (4072, lambda: pins.GetPinStatus(Context=practice.context, CardHandle=hba, PinTyp="PIN.SMC")),
        (4072, lambda: pins.VerifyPin(Context=practice.context, CardHandle=smcb, PinTyp="PIN.CH")),
        (4149, lambda: certificates.ReadCardCertificate(
            CardHandle=smcb, Context=practice.context, CertRefList={"CertRef": ["C.QES"]})),
        (4090, lambda: certificates.ReadCardCertificate(
            CardHandle=egk, Context=practice.context, CertRefList={"CertRef": ["C.AUT"]})),
        (3040, lambda: vsd.ReadVSD(
            EhcHandle=egk, HpcHandle=smcb, PerformOnlineCheck=False, ReadOnlineReceipt=True, Context=practice.context)),
    ]  # fmt: skip
    for code, call in faults:
        with pytest.raises(zeep.exceptions.Fault) as caught:
            call()
        trace = practice.check_fault()[-1]
        assert trace.findtext(f"{GERROR}Code") == str(code)
        assert caught.value.message == trace.findtext(f"{GERROR}ErrorText")


@pytest.mark.parametrize("action", [None, "", '""', "wrong", '"http://example.invalid/Wrong#Thing"', "'quoted'"])
@pytest.mark.pitfall(1)
def test_soap_action_is_not_looked_at(practice: Practice, action: str | None) -> None:
    practice.wire.action = action
    assert set(practice.cards()) >= {"EGK", "SMC-B", "HBA"}
    practice.check("EventService")


@pytest.mark.parametrize("quote", ["", '"'])
@pytest.mark.pitfall(1)
def test_the_irregular_soap_action_of_read_vsd(practice: Practice, quote: str) -> None:
    practice.wire.action = f"{quote}http://ws.gematik.de/conn/vsds/VSDService/v6.0#ReadVSD{quote}"
    egk, smcb = practice.handle("EGK"), practice.handle("SMC-B")
    assert practice.read_vsd(egk, smcb).VSD_Status
    practice.check("VSDService")


def test_the_pem_files_open_the_same_door(practice: Practice, lab: LabProcess) -> None:
    ready = lab.ready
    with session_with(ready, (ready["client"]["cert"], ready["client"]["key"])) as session:
        assert Practice(practice.api, ready, session).cards().keys() == practice.cards().keys()


@pytest.mark.requirement("TIP1-A_4528", "TIP1-A_4529-02")
def test_the_service_directory_is_valid(practice: Practice, lab: LabProcess, caller: Caller) -> None:
    answer = caller.send("GET", "/connector.sds")
    assert answer.status == 200
    etree.XMLSchema(etree.parse(practice.api / "conn/ServiceDirectory.xsd")).assertValid(answer.root)
    listed = caller.endpoints()
    for key, (version, wsdl, _) in SERVICES.items():
        name = key.partition("/")[0]
        assert listed[name, version].startswith(lab.ready["konnektor"]["url"])
        namespace = etree.parse(practice.api / wsdl).getroot().get("targetNamespace")
        entry = f"//*[local-name()='Service'][@Name='{name}']//*[local-name()='Version'][@Version='{version}']"
        assert answer.root.xpath(f"{entry}/@TargetNamespace") == [namespace]


def test_read_vsd_online(practice: Practice) -> None:
    """The last one: it leaves a receipt on the card."""
    answer = practice.read_vsd(practice.handle("EGK"), practice.handle("SMC-B"), online=True)
    practice.check("VSDService")
    receipt = etree.fromstring(gzip.decompress(answer.Pruefungsnachweis))
    etree.XMLSchema(etree.parse(practice.api / "fa/vsds/Pruefungsnachweis.xsd")).assertValid(receipt)
    assert receipt.findtext("{*}E") == "2"
    assert receipt.findtext("{*}PZ")
