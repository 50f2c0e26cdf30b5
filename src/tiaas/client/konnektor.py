"""The client: one object per Konnektor and call context, one coroutine per operation.

    async with connect(load_kon(path, os.environ)) as konnektor:
        for card in await konnektor.get_cards(card_type=CardType.EGK):
            …

It reads the service directory, takes the highest version it speaks of each service, and works against any Konnektor.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from cryptography import x509

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.client.caller import ServiceKind, status_meaning, warning_of
from tiaas.client.cardkeys import OneKey, one_key
from tiaas.client.cardservices import CardServices
from tiaas.client.directory import BadDirectory, decode_directory_untrusted
from tiaas.client.encryption import EncryptionServices
from tiaas.client.errors import BadAnswer, TraceEntry
from tiaas.client.kon import Kon
from tiaas.client.signatures import SignatureServices
from tiaas.client.transport import Timeouts, Transport
from tiaas.client.vsd import Vsd, read_response
from tiaas.interfaces import card_service_v8_1 as card_service
from tiaas.interfaces import certificate_service_v6_0 as certificate_service
from tiaas.interfaces import event_service_v7_2 as event_service
from tiaas.interfaces import vsd_service_v5_2 as vsd_service
from tiaas.interfaces.card_service_common_v2_0 import CardType, PinResponse, PinResult
from tiaas.interfaces.card_service_v8_1 import Card, PinStatus
from tiaas.interfaces.card_terminal_info_v8_0 import CardTerminal
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import CertRefList
from tiaas.interfaces.connector_common_v5_0 import Connector

EVENT = ServiceKind(event_service.SERVICE, "7.2")
CARD = ServiceKind(card_service.SERVICE, "8.1")
CERTIFICATE = ServiceKind(certificate_service.SERVICE, "6.0")
VSD = ServiceKind(vsd_service.SERVICE, "5.2")


@dataclass(frozen=True, slots=True)
class PinOutcome:
    """What became of a PIN operation. `warning` is the Konnektor's error in the status, if it gave one."""

    result: PinResult
    left_tries: int | None
    warning: tuple[TraceEntry, ...]

    @property
    def ok(self) -> bool:
        """True if what was asked for is done."""
        return self.result is PinResult.OK


@dataclass(frozen=True, slots=True)
class PinState:
    """State of a PIN; `left_tries` where the Konnektor told it."""

    status: PinStatus | None
    left_tries: int | None


@dataclass(frozen=True, slots=True)
class CardCertificate:
    """A certificate of a card (DER) and the reference asked for."""

    ref: CertRef
    der: bytes

    def load(self) -> x509.Certificate:
        """The certificate as an object of `cryptography`."""
        return x509.load_der_x509_certificate(self.der)


@dataclass(frozen=True, slots=True)
class EventSubscription:
    """A subscription's id and end."""

    subscription_id: str
    ends: datetime


class Konnektor(CardServices, SignatureServices, EncryptionServices):
    """A Konnektor in one call context. Made by `connect`.

    All operations raise `KonnektorFault` if the Konnektor says no, `KonnektorUnreachable` if it says nothing,
    `BadAnswer` if what it says cannot be read, `ServiceMissing` if it has no such service.
    """

    async def get_cards(
        self,
        card_type: CardType | None = None,
        ct_id: str | None = None,
        slot_id: int | None = None,
        mandant_wide: bool = False,
    ) -> tuple[Card, ...]:
        """The cards in the terminals of this workplace, or of the Mandant; the others narrow it down."""
        request = event_service.GetCards(
            context=self.context, card_type=card_type, ct_id=ct_id, slot_id=slot_id, mandant_wide=mandant_wide
        )
        answer = await self.call(EVENT, event_service.GET_CARDS_ACTION, request, event_service.GetCardsResponse)
        return answer.cards.card

    async def get_card_terminals(self, mandant_wide: bool = False) -> tuple[CardTerminal, ...]:
        """The terminals of this workplace, or of the Mandant."""
        request = event_service.GetCardTerminals(context=self.context, mandant_wide=mandant_wide)
        answer = await self.call(
            EVENT, event_service.GET_CARD_TERMINALS_ACTION, request, event_service.GetCardTerminalsResponse
        )
        return answer.card_terminals.card_terminal

    async def get_resource_information(
        self,
        *,
        ct_id: str | None = None,
        slot_id: int | None = None,
        iccsn: str | None = None,
        card_handle: str | None = None,
    ) -> Card | CardTerminal | Connector:
        """One card, one terminal, or without arguments the Konnektor with its error conditions."""
        request = event_service.GetResourceInformation(
            context=self.context, ct_id=ct_id, slot_id=slot_id, iccsn=iccsn, card_handle=card_handle
        )
        answer = await self.call(
            EVENT,
            event_service.GET_RESOURCE_INFORMATION_ACTION,
            request,
            event_service.GetResourceInformationResponse,
        )
        found = answer.card or answer.card_terminal or answer.connector
        if found is None:
            url = self.directory.find(EVENT.name, EVENT.version).location
            raise BadAnswer(url, 200, "without card, terminal and connector")
        return found

    async def subscribe(self, event_to: str, topic: str = "", xpath: str | None = None) -> EventSubscription:
        """Subscribes `cetp://host:port` to the topics that begin with `topic`; `xpath` filters the events."""
        wish = event_service.Subscription(event_to=event_to, topic=topic, filter=xpath)
        request = event_service.Subscribe(context=self.context, subscription=wish)
        answer = await self.call(EVENT, event_service.SUBSCRIBE_ACTION, request, event_service.SubscribeResponse)
        return EventSubscription(answer.subscription_id, answer.termination_time)

    async def renew_subscriptions(self, *subscription_ids: str) -> tuple[EventSubscription, ...]:
        """Renews; those that the Konnektor does not know are left out of the answer, if it knows one at least."""
        request = event_service.RenewSubscriptions(context=self.context, subscription_id=subscription_ids)
        answer = await self.call(
            EVENT, event_service.RENEW_SUBSCRIPTIONS_ACTION, request, event_service.RenewSubscriptionsResponse
        )
        renewals = answer.subscribe_renewals.subscription_renewal
        return tuple(EventSubscription(entry.subscription_id, entry.termination_time) for entry in renewals)

    async def unsubscribe(self, subscription_id: str | None = None, *, event_to: str | None = None) -> None:
        """Ends one subscription, or all that go to `event_to`: exactly one of the two."""
        request = event_service.Unsubscribe(context=self.context, subscription_id=subscription_id, event_to=event_to)
        await self.call(EVENT, event_service.UNSUBSCRIBE_ACTION, request, event_service.UnsubscribeResponse)

    async def get_subscriptions(
        self, subscription_id: str | None = None, mandant_wide: bool = False
    ) -> tuple[event_service.Subscription, ...]:
        """One subscription, or those of this workplace, or of the Mandant."""
        request = event_service.GetSubscription(
            context=self.context, subscription_id=subscription_id, mandant_wide=mandant_wide
        )
        answer = await self.call(
            EVENT, event_service.GET_SUBSCRIPTION_ACTION, request, event_service.GetSubscriptionResponse
        )
        return answer.subscriptions.subscription

    async def verify_pin(self, card_handle: str, pin_typ: str) -> PinOutcome:
        """Lets somebody type a PIN (`PIN.SMC`, `PIN.CH`, …) at the terminal; a wrong PIN is an outcome, no error."""
        request = card_service.VerifyPin(context=self.context, card_handle=card_handle, pin_typ=pin_typ)
        return await self._pin(card_service.VERIFY_PIN_ACTION, request, card_service.VerifyPinResponse)

    async def change_pin(self, card_handle: str, pin_typ: str) -> PinOutcome:
        """Lets the holder type the old PIN and twice a new one; also takes a Transport-PIN out of its state."""
        request = card_service.ChangePin(context=self.context, card_handle=card_handle, pin_typ=pin_typ)
        return await self._pin(card_service.CHANGE_PIN_ACTION, request, card_service.ChangePinResponse)

    async def unblock_pin(self, card_handle: str, pin_typ: str, set_new_pin: bool = False) -> PinOutcome:
        """Lets the holder type the PUK, with `set_new_pin` also twice a new PIN; tries left are those of the PUK."""
        request = card_service.UnblockPin(
            context=self.context, card_handle=card_handle, pin_typ=pin_typ, set_new_pin=set_new_pin
        )
        return await self._pin(card_service.UNBLOCK_PIN_ACTION, request, card_service.UnblockPinResponse)

    async def enable_pin(self, card_handle: str, pin_typ: str) -> PinOutcome:
        """Lets the insured person switch the need for a PIN of an eGK on (`MRPIN.NFD`, `MRPIN.AMTS`, …)."""
        request = card_service.EnablePin(context=self.context, card_handle=card_handle, pin_typ=pin_typ)
        return await self._pin(card_service.ENABLE_PIN_ACTION, request, card_service.EnablePinResponse)

    async def disable_pin(self, card_handle: str, pin_typ: str) -> PinOutcome:
        """The contrary of `enable_pin`."""
        request = card_service.DisablePin(context=self.context, card_handle=card_handle, pin_typ=pin_typ)
        return await self._pin(card_service.DISABLE_PIN_ACTION, request, card_service.DisablePinResponse)

    async def get_pin_status(self, card_handle: str, pin_typ: str) -> PinState:
        """The state of a PIN."""
        request = card_service.GetPinStatus(context=self.context, card_handle=card_handle, pin_typ=pin_typ)
        answer = await self.call(CARD, card_service.GET_PIN_STATUS_ACTION, request, card_service.GetPinStatusResponse)
        return PinState(answer.pin_status, answer.left_tries)

    async def read_card_certificate(
        self, card_handle: str, refs: Sequence[CertRef], crypt: OneKey | None = None
    ) -> tuple[CardCertificate, ...]:
        """Certificates of a card, RSA if `crypt` is not given; what the card does not have is left out."""
        request = certificate_service.ReadCardCertificate(
            card_handle=card_handle,
            context=self.context,
            cert_ref_list=CertRefList(cert_ref=tuple(refs)),
            crypt=one_key(crypt),
        )
        answer = await self.call(
            CERTIFICATE,
            certificate_service.READ_CARD_CERTIFICATE_ACTION,
            request,
            certificate_service.ReadCardCertificateResponse,
        )
        return tuple(
            CardCertificate(item.cert_ref, item.x509_data.x509_certificate)
            for item in answer.x509_data_info_list.x509_data_info
            if item.x509_data is not None
        )

    async def read_vsd(
        self, ehc_handle: str, hpc_handle: str, perform_online_check: bool = False, read_online_receipt: bool = False
    ) -> Vsd:
        """The insured person's data from the eGK `ehc_handle` with the right of the HBA or SMC-B `hpc_handle`."""
        request = vsd_service.ReadVSD(
            ehc_handle=ehc_handle,
            hpc_handle=hpc_handle,
            perform_online_check=perform_online_check,
            read_online_receipt=read_online_receipt,
            context=self.context,
        )
        answer = await self.call(VSD, vsd_service.READ_VSD_ACTION, request, vsd_service.ReadVSDResponse)
        try:
            return read_response(answer)
        except TiaasError as error:
            url = self.directory.find(VSD.name, VSD.version).location
            raise BadAnswer(url, 200, f"with data that cannot be read: {error}") from error

    async def _pin(self, soap_action: str, request: object, expected: type[PinResponse]) -> PinOutcome:
        """An operation during which somebody types at a terminal."""
        answer = await self.call(CARD, soap_action, request, expected, self._transport.timeouts.person)
        return PinOutcome(answer.pin_result, answer.left_tries, warning_of(answer.status))


@asynccontextmanager
async def connect(kon: Kon, timeouts: Timeouts | None = None) -> AsyncIterator[Konnektor]:
    """Reads the Konnektor's service directory and gives a client for as long as the context lasts.

    Raises `BadKon`, `KonnektorUnreachable`, `BadAnswer`.
    """
    async with Transport(kon, timeouts or Timeouts()) as transport:
        url = f"{kon.url.rstrip('/')}/connector.sds"
        status, body = await transport.get(url)
        if status != 200:
            raise BadAnswer(url, status, status_meaning(status))
        try:
            directory = decode_directory_untrusted(body)
        except BadDirectory as error:
            raise BadAnswer(url, status, f"not a service directory: {error}") from error
        yield Konnektor(kon, transport, directory.rewritten(kon.url) if kon.rewrite_service_endpoints else directory)
