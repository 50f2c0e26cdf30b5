"""The operations on slots, certificates and memory cards, and card sessions for PoPP: CardTerminalService 1.1,
CertificateService 6.0, KVKService 4.0, CardService 8.2."""

from datetime import datetime

from tiaas.base.dataclass import dataclass
from tiaas.client.caller import Caller, ServiceKind, trace_of, warning_of
from tiaas.client.cardkeys import OneKey, one_key
from tiaas.client.errors import BadAnswer, TraceEntry
from tiaas.interfaces import card_service_v8_2 as card_session
from tiaas.interfaces import card_terminal_service_v1_1 as card_terminal
from tiaas.interfaces import certificate_service_v6_0 as certificate_service
from tiaas.interfaces import kvk_service_v4_0 as kvk_service
from tiaas.interfaces.card_service_common_v2_0 import CardType
from tiaas.interfaces.card_service_v8_1 import Card
from tiaas.interfaces.certificate_service_v6_0 import CertificateExpiration, VerificationResult

CARD_SESSION = ServiceKind(card_session.SERVICE, "8.2")
CARD_TERMINAL = ServiceKind(card_terminal.SERVICE, "1.1")
CERTIFICATE = ServiceKind(certificate_service.SERVICE, "6.0")
KVK = ServiceKind(kvk_service.SERVICE, "4.0")

_DEFAULT_SECONDS = 20.0
"""How long a Konnektor asks for a card, or to take one out, if it is not told (gemSpec_Kon TAB_KON_716 ff.)."""
_PATIENCE = 15.0
"""Seconds that an answer may come later than the time given to the person at the terminal."""


@dataclass(frozen=True, slots=True)
class RequestedCard:
    """The card in the slot; `already_inserted` if nobody had to be asked."""

    card: Card
    already_inserted: bool


@dataclass(frozen=True, slots=True)
class CertificateEnds:
    """When certificates end; `warning` names cards without the certificate asked for (4257)."""

    certificates: tuple[CertificateExpiration, ...]
    warning: tuple[TraceEntry, ...]


@dataclass(frozen=True, slots=True)
class CertificateVerdict:
    """What the Konnektor says of a certificate: the verdict, its reasons from cause to effect, the roles (OIDs)."""

    result: VerificationResult
    reasons: tuple[TraceEntry, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ScenarioAnswers:
    """The card's answers (data and status word) to the commands sent, and how long they took in milliseconds."""

    responses: tuple[bytes, ...]
    milliseconds: int


class CardServices(Caller):
    """See module. All operations raise what `Konnektor` says."""

    async def request_card(
        self,
        ct_id: str,
        slot_id: int,
        card_type: CardType | None = None,
        message: str | None = None,
        seconds: int | None = None,
    ) -> RequestedCard:
        """Asks somebody at the terminal for a card (RequestCard), `seconds` long; the Konnektor's own default is 20."""
        request = card_terminal.RequestCard(
            context=self.context,
            slot=card_terminal.Slot(ct_id=ct_id, slot_id=slot_id),
            card_type=card_type,
            display_msg=message,
            time_out=seconds,
        )
        answer = await self.call(
            CARD_TERMINAL,
            card_terminal.REQUEST_CARD_ACTION,
            request,
            card_terminal.RequestCardResponse,
            self._patient(seconds),
        )
        if answer.card is None:
            url = self.directory.find(CARD_TERMINAL.name, CARD_TERMINAL.version).location
            raise BadAnswer(url, 200, "without a card")
        return RequestedCard(answer.card, bool(answer.already_inserted))

    async def eject_card(
        self,
        card_handle: str | None = None,
        *,
        ct_id: str | None = None,
        slot_id: int | None = None,
        message: str | None = None,
        milliseconds: int | None = None,
    ) -> None:
        """Asks somebody to take a card out (EjectCard): by its handle, or by terminal and slot."""
        slot = None if ct_id is None or slot_id is None else card_terminal.Slot(ct_id=ct_id, slot_id=slot_id)
        request = card_terminal.EjectCard(
            context=self.context, card_handle=card_handle, slot=slot, display_msg=message, time_out=milliseconds
        )
        await self.call(
            CARD_TERMINAL,
            card_terminal.EJECT_CARD_ACTION,
            request,
            card_terminal.EjectCardResponse,
            self._patient(None if milliseconds is None else milliseconds / 1000),
        )

    async def check_certificate_expiration(
        self, card_handle: str | None = None, crypt: OneKey | None = None
    ) -> CertificateEnds:
        """When the certificate of a card ends, or those of the Konnektor and of all cards of the Mandant."""
        request = certificate_service.CheckCertificateExpiration(
            card_handle=card_handle, context=self.context, crypt=one_key(crypt)
        )
        answer = await self.call(
            CERTIFICATE,
            certificate_service.CHECK_CERTIFICATE_EXPIRATION_ACTION,
            request,
            certificate_service.CheckCertificateExpirationResponse,
        )
        return CertificateEnds(answer.certificate_expiration, warning_of(answer.status))

    async def verify_certificate(self, der: bytes, at: datetime | None = None) -> CertificateVerdict:
        """Whether a certificate (DER) is valid, now or at another time."""
        request = certificate_service.VerifyCertificate(
            context=self.context, x509_certificate=der, verification_time=at
        )
        answer = await self.call(
            CERTIFICATE,
            certificate_service.VERIFY_CERTIFICATE_ACTION,
            request,
            certificate_service.VerifyCertificateResponse,
        )
        status = answer.verification_status
        reasons = () if status.error is None else trace_of(status.error)
        return CertificateVerdict(
            status.verification_result, reasons, tuple(role for role in answer.role_list.role if role)
        )

    async def read_kvk(self, kvk_handle: str) -> bytes:
        """The record of a Krankenversichertenkarte as it stands on the card; `card.kvk` reads it."""
        request = kvk_service.ReadKVK(kvk_handle=kvk_handle, context=self.context)
        answer = await self.call(KVK, kvk_service.READ_KVK_ACTION, request, kvk_service.ReadKVKResponse)
        return answer.kvk or b""

    async def start_card_session(self, card_handle: str) -> str:
        """Reserves an eGK for a PoPP service and returns the session's name."""
        request = card_session.StartCardSession(context=self.context, card_handle=card_handle)
        answer = await self.call(
            CARD_SESSION,
            card_session.START_CARD_SESSION_ACTION,
            request,
            card_session.StartCardSessionResponse,
        )
        return answer.session_id

    async def secure_send_apdu(self, signed_scenario: str) -> ScenarioAnswers:
        """Sends a signed scenario (compact JWS) to the card of the session that it names."""
        request = card_session.SecureSendAPDU(signed_scenario=signed_scenario)
        answer = await self.call(
            CARD_SESSION, card_session.SECURE_SEND_APDU_ACTION, request, card_session.SecureSendAPDUResponse
        )
        found = answer.signed_scenario_response
        responses = tuple(bytes.fromhex(text) for text in found.response_apdu_list.response_apdu)
        return ScenarioAnswers(responses, found.time_span)

    async def stop_card_session(self, session_id: str) -> None:
        """Ends a session and gives its card free."""
        request = card_session.StopCardSession(session_id=session_id)
        await self.call(
            CARD_SESSION, card_session.STOP_CARD_SESSION_ACTION, request, card_session.StopCardSessionResponse
        )

    def _patient(self, seconds: float | None) -> float:
        asked = _DEFAULT_SECONDS if seconds is None else seconds
        return max(self._transport.timeouts.answer, asked + _PATIENCE)
