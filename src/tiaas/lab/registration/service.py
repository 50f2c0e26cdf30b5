"""I_Registration_Service of a VPN-Zugangsdienst (gemSpec_VPN_ZugD V1.21.0 §5.3; ProvisioningService.wsdl 1.1.1).

    POST /registration      registerKonnektor, deregisterKonnektor, sendData

A request is checked as the tables say: the signature and C.HCI.OSIG of its signer, C.NK.VPN, contract, time.
"""

import asyncio
from collections.abc import Iterable
from datetime import datetime, timedelta
from hashlib import sha256

from cryptography import x509
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from tiaas.ades.found import BadSignatureFile, FoundSignature, Integrity
from tiaas.ades.xadesread import read_xades_untrusted
from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.interfaces.operating_data_v1_1 import OperatingData
from tiaas.interfaces.provisioning_service_v1_1 import (
    DEREGISTER_ACTION,
    REGISTER_ACTION,
    SEND_DATA_ACTION,
    DeregisterRequest,
    DeregisterResponse,
    RegisterRequest,
    RegisterResponse,
    RegistrationStatus,
    SendDataRequest,
    SendDataResponse,
)
from tiaas.lab.books import CertificateBook
from tiaas.lab.faults import Fault, FaultBook, Service
from tiaas.lab.journal import Journal
from tiaas.lab.ksr.striking import number, outcome, struck
from tiaas.lab.registration.contracts import Contracts, Entry
from tiaas.lab.registration.errors import (
    CONTRACT,
    DEVICE,
    NOT_ENTERED,
    NOT_REMOVED,
    SCHEMA,
    SIGNATURE,
    SIGNER,
    TIME,
    RegistrationRefused,
    fault_of,
)
from tiaas.lab.vsdm.server import read_body
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.oids import CertificateType
from tiaas.soap.dispatch import AccessDeclaration, Dispatcher, Operation, operation
from tiaas.soap.envelope import SoapFault
from tiaas.soap.errors import SoapError
from tiaas.soap.mapping import decode
from tiaas.soap.markup import Limits, parse_untrusted

REGISTRATION_PATH = "/registration"
NO_AUTHORISATION, NO_SEND_DATA = "authorisation-away", "no-send-data"
LATE = timedelta(seconds=300)
_XML = "text/xml"
_LIMITS = Limits(octets=1024 * 1024, nodes=20_000)
_GOOD = frozenset({Integrity.INTACT})


@dataclass(frozen=True, slots=True)
class _ByTls(AccessDeclaration):
    """Whoever has shown C.HCI.AUT of an SM-B: `server` lets nobody else in."""


@dataclass(slots=True)
class _Exchange:
    """One request: its octets, what it is about, what struck it, how it was refused."""

    body: bytes
    fault: Fault | None
    operation: str = "?"
    subject: str = ""
    code: int | None = None


class RegistrationService:
    """Answers from `contracts`; `book` knows the certificates of the lab's CAs."""

    def __init__(
        self,
        contracts: Contracts,
        book: CertificateBook,
        faults: FaultBook,
        journal: Journal,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self._contracts = contracts
        self._book = book
        self._faults = faults
        self._journal = journal
        self._clock = clock
        self._entropy = entropy

    def app(self) -> Starlette:
        """The application."""
        routes = [Route(REGISTRATION_PATH, self._soap, methods=["POST"])]
        return Starlette(routes=routes, exception_handlers={ClientDisconnect: _on_disconnect})

    async def _soap(self, request: Request) -> Response:
        write = self._journal.begin(Service.REGISTRATION)
        body = await read_body(request)
        if body is None:
            write("?", "", "HTTP 400")
            return Response(status_code=400)
        action = request.headers.get("soapaction", "").strip('"').removeprefix("urn:#").removesuffix("Operation")
        codes = (None, NO_SEND_DATA if action == "sendData" else NO_AUTHORISATION)
        fault = self._faults.take(Service.REGISTRATION, f"POST {action}", lambda fault: fault.code in codes)
        if fault is not None:
            await asyncio.sleep(fault.delay)
        refusal = struck(fault, request)
        if refusal is not None:
            write(action, "", outcome(fault), number(fault))
            return refusal
        exchange = _Exchange(body, fault)

        def told(error: BaseException) -> SoapFault:
            exchange.code = error.code if isinstance(error, RegistrationRefused) else None
            return fault_of(error, self._clock, self._entropy)

        dispatcher = Dispatcher(tuple(self._operations(fault)), told, _LIMITS)
        reply = await dispatcher.handle(body, request.headers.get("content-type"), exchange)
        ended = "ok" if reply.status == 200 else f"fault {exchange.code or 'without code'}"
        write(exchange.operation, exchange.subject, ended, number(fault))
        return Response(reply.body, reply.status, {"content-type": reply.content_type})

    def _operations(self, fault: Fault | None) -> Iterable[Operation]:
        access = _ByTls()
        yield operation(RegisterRequest, RegisterResponse, self._register, access=access, soap_action=REGISTER_ACTION)
        yield operation(
            DeregisterRequest, DeregisterResponse, self._deregister, access=access, soap_action=DEREGISTER_ACTION
        )
        if fault is None or fault.code != NO_SEND_DATA:
            yield operation(SendDataRequest, SendDataResponse, self._take, access=access, soap_action=SEND_DATA_ACTION)

    async def _register(self, request: RegisterRequest, exchange: _Exchange) -> RegisterResponse:
        exchange.operation, exchange.subject = "registerKonnektor", request.contract_id
        device, signer = self._checked(request, exchange)
        contract = self._contracts.status(request.contract_id)
        if contract is None:
            raise RegistrationRefused(CONTRACT)
        if _is_away(exchange):
            raise RegistrationRefused(NOT_ENTERED)
        now = self._clock.now()
        self._contracts.enter(Entry(request.contract_id, _serial(device), _serial(signer), now))
        return RegisterResponse(timestamp=now, status=RegistrationStatus.REGISTERED, contract=contract)

    async def _deregister(self, request: DeregisterRequest, exchange: _Exchange) -> DeregisterResponse:
        exchange.operation, exchange.subject = "deregisterKonnektor", request.contract_id
        device, _ = self._checked(request, exchange)
        contract = self._contracts.status(request.contract_id)
        if contract is None:
            raise RegistrationRefused(CONTRACT)
        if _is_away(exchange) or not self._contracts.remove(request.contract_id, _serial(device)):
            raise RegistrationRefused(NOT_REMOVED)
        return DeregisterResponse(
            timestamp=self._clock.now(), status=RegistrationStatus.NOT_REGISTERED, contract=contract
        )

    async def _take(self, request: SendDataRequest, exchange: _Exchange) -> SendDataResponse:
        exchange.operation, exchange.subject = "sendData", request.type
        try:
            if request.data.mime_type != _XML:
                raise RegistrationRefused(SCHEMA)
            decode(OperatingData, parse_untrusted(request.data.content, _LIMITS))
        except SoapError:
            raise RegistrationRefused(SCHEMA) from None
        self._contracts.take_data(self._clock.now(), request.data.content)
        return SendDataResponse(timestamp=self._clock.now())

    def _checked(
        self, request: RegisterRequest | DeregisterRequest, exchange: _Exchange
    ) -> tuple[Certificate, Certificate]:
        """C.NK.VPN and C.HCI.OSIG of a request. Raises `RegistrationRefused`."""
        now = self._clock.now()
        found = _signature(exchange.body)
        if found.certificate is None:
            raise RegistrationRefused(SIGNATURE)
        signer = self._certificate(found.certificate, CertificateType.HCI_OSIG, SIGNER, now)
        if found.integrity not in _GOOD:
            raise _about(SIGNATURE, signer)
        device = self._certificate(request.certificate, CertificateType.NK_VPN, DEVICE, now)
        if abs(now - request.timestamp) > LATE:
            raise RegistrationRefused(TIME)
        return device, signer

    def _certificate(self, der: bytes, kind: CertificateType, code: int, now: datetime) -> Certificate:
        """A certificate of that kind that a CA of the lab issued, that is valid and not revoked."""
        try:
            certificate = decode_certificate_untrusted(der)
        except BadCertificate:
            raise RegistrationRefused(code) from None
        issued = self._book.find(certificate.serial_number)
        is_ours = issued is not None and issued.digest == sha256(der).digest() and kind.oid in certificate.policies
        is_valid = certificate.not_before <= now <= certificate.not_after
        if not is_ours or not is_valid or issued is None or issued.revoked is not None:
            raise _about(code, certificate)
        return certificate


def _signature(body: bytes) -> FoundSignature:
    """The signature of a request. Raises `RegistrationRefused` if there is not exactly one, over all of it."""
    try:
        found = read_xades_untrusted(body)
    except BadSignatureFile:
        raise RegistrationRefused(SIGNATURE) from None
    if len(found) != 1:
        raise RegistrationRefused(SIGNATURE)
    return found[0]


def _about(code: int, certificate: Certificate) -> RegistrationRefused:
    issuer = x509.load_der_x509_certificate(certificate.encoded).issuer.rfc4514_string()
    return RegistrationRefused(code, issuer, _serial(certificate))


def _serial(certificate: Certificate) -> str:
    return f"{certificate.serial_number:X}"


def _is_away(exchange: _Exchange) -> bool:
    """Whether the authorisation server behind the service cannot be reached."""
    return exchange.fault is not None and exchange.fault.code == NO_AUTHORISATION


async def _on_disconnect(request: Request, error: Exception) -> Response:
    # Nobody reads this answer; without it the server would log a defect.
    return Response(status_code=499)
