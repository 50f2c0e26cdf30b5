"""Messages that a Konnektor could answer with."""

import gzip
from datetime import UTC, date, datetime

from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResponse, PinResult
from tiaas.interfaces.card_service_v8_1 import (
    Card,
    Cards,
    ChangePinResponse,
    DisablePinResponse,
    EnablePinResponse,
    GetPinStatusResponse,
    PinStatus,
    UnblockPinResponse,
    VerifyPinResponse,
)
from tiaas.interfaces.card_terminal_info_v8_0 import CardTerminal, CardTerminals, IpAddress
from tiaas.interfaces.certificate_service_common_v2_0 import (
    CertRef,
    X509Data,
    X509DataInfo,
    X509DataInfoList,
    X509IssuerSerial,
)
from tiaas.interfaces.certificate_service_v6_0 import ReadCardCertificateResponse
from tiaas.interfaces.connector_common_v5_0 import OK, WorkplaceIds
from tiaas.interfaces.event_service_v7_2 import GetCardsResponse, GetCardTerminalsResponse
from tiaas.interfaces.product_information_v1_1 import (
    ProductIdentification,
    ProductInformation,
    ProductMiscellaneous,
    ProductTypeInformation,
    ProductVersion,
    ProductVersionLocal,
)
from tiaas.interfaces.telematik_error_v2_0 import Detail, Error, Trace
from tiaas.interfaces.vsd_service_v5_2 import ReadVSDResponse, Transactions, VsdStatus
from tiaas.interfaces.vsd_v5_2 import (
    AllgemeineVersicherungsdaten,
    GeschuetzteVersichertendaten,
    Kostentraeger,
    PersoenlicheVersichertendaten,
    Selektivvertraege,
    StrassenAdresse,
    encode_gvd,
    encode_pd,
    encode_vd,
)
from tiaas.soap.envelope import SoapFault, write_fault
from tiaas.soap.errors import FaultCode

NOW = datetime(2026, 1, 31, 12, 0, 0, 123000, tzinfo=UTC)
PERSON = PersoenlicheVersichertendaten(
    versicherten_id="X110411675",
    geburtsdatum="19800112",
    vorname="Łukasz",
    nachname="Müller",
    geschlecht="M",
    strassen_adresse=StrassenAdresse(ort="Köln", land="D", postleitzahl="50667", strasse="Domplatte", hausnummer="1"),
)
INSURANCE = AllgemeineVersicherungsdaten(
    beginn="20200101", kostentraeger=Kostentraeger("109500969", "D", "Testkasse"), versichertenart="1", wop="38"
)
PROTECTED = GeschuetzteVersichertendaten(zuzahlung_befreit=True, selektivvertraege=Selektivvertraege(1, 9))


def card(kind: CardType, handle: str, iccsn: str, slot: int) -> Card:
    egk = kind is CardType.EGK
    return Card(
        card_handle=handle,
        card_type=kind,
        iccsn=iccsn,
        ct_id="CT1",
        slot_id=slot,
        insert_time=NOW,
        card_holder_name="Łukasz Müller" if egk else "Praxis Test",
        kvnr="X110411675" if egk else None,
        certificate_expiration_date=date(2030, 1, 1),
    )


EGK = card(CardType.EGK, "egk-1", "80276883110000012345", 1)
SMCB = card(CardType.SMC_B, "smcb-1", "80276001011699910001", 2)
HBA = card(CardType.HBA, "hba-1", "80276001011699910002", 3)
CARDS = GetCardsResponse(status=OK, cards=Cards(card=(EGK, SMCB)))
TERMINALS = GetCardTerminalsResponse(
    status=OK,
    card_terminals=CardTerminals(
        card_terminal=(
            CardTerminal(
                product_information=ProductInformation(
                    information_date=NOW,
                    product_type_information=ProductTypeInformation(product_type="KT", product_type_version="1.0.0"),
                    product_identification=ProductIdentification(
                        product_vendor_id="T",
                        product_code="T",
                        product_version=ProductVersion(
                            local=ProductVersionLocal(hw_version="1.0.0", fw_version="1.0.0")
                        ),
                    ),
                    product_miscellaneous=ProductMiscellaneous(product_vendor_name="T", product_name="T"),
                ),
                ct_id="CT1",
                workplace_ids=WorkplaceIds(workplace_id=("W1", "W2")),
                name="Empfang",
                mac_address="00-00-00-00-00-01",
                ip_address=IpAddress(ipv4_address="192.168.178.20"),
                slots=3,
                is_physical=True,
                connected=False,
            ),
        )
    ),
)


_PIN_RESPONSES: dict[str, type[PinResponse]] = {
    "VerifyPin": VerifyPinResponse,
    "ChangePin": ChangePinResponse,
    "UnblockPin": UnblockPinResponse,
    "EnablePin": EnablePinResponse,
    "DisablePin": DisablePinResponse,
}


def pin_response(result: PinResult, left_tries: int | None = None, operation: str = "VerifyPin") -> PinResponse:
    return _PIN_RESPONSES[operation](status=OK, pin_result=result, left_tries=left_tries)


def pin_status(status: PinStatus, left_tries: int | None = None) -> GetPinStatusResponse:
    return GetPinStatusResponse(status=OK, pin_status=status, left_tries=left_tries)


def certificates(*found: tuple[CertRef, bytes | None]) -> ReadCardCertificateResponse:
    return ReadCardCertificateResponse(
        status=OK,
        x509_data_info_list=X509DataInfoList(
            x509_data_info=tuple(
                X509DataInfo(
                    cert_ref=ref,
                    x509_data=None
                    if der is None
                    else X509Data(
                        x509_issuer_serial=X509IssuerSerial(x509_issuer_name="CN=x", x509_serial_number="1"),
                        x509_subject_name="CN=x",
                        x509_certificate=der,
                    ),
                )
                for ref, der in found
            )
        ),
    )


def vsd(*, protected: bool = True, personal: bytes | None = None) -> ReadVSDResponse:
    return ReadVSDResponse(
        persoenliche_versichertendaten=gzip.compress(encode_pd(PERSON)) if personal is None else personal,
        allgemeine_versicherungsdaten=gzip.compress(encode_vd(INSURANCE)),
        geschuetzte_versichertendaten=gzip.compress(encode_gvd(PROTECTED)) if protected else None,
        vsd_status=VsdStatus(status=Transactions.NONE_OPEN, timestamp=NOW, version="5.2.0"),
    )


def fault(code: int, text: str, detail: str | None = None) -> tuple[int, bytes]:
    error = Error(
        message_id="m-1",
        timestamp=NOW,
        trace=(
            Trace(comp_type="x", code=11000, severity="Error", error_type="Technical", error_text="cause"),
            Trace(
                event_id="e-1",
                instance="kon",
                comp_type="Konnektor",
                code=code,
                severity="Error",
                error_type="Technical",
                error_text=text,
                detail=None if detail is None else Detail(text=detail),
            ),
        ),
    )
    return 500, write_fault(SoapFault(FaultCode.SERVER, text, error))
