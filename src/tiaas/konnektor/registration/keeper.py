"""Registration of a box at its VPN-Zugangsdienst, and what it sends there (gemSpec_Kon V5.18 §4.3.7: TIP1-A_4824 to
4827, TUC_KON_411; §4.1.14).

An administrator says which contract and which SM-B (MGM_ZGDP_CONTRACTID, MGM_ZGDP_SMCB), and registers. What became of
it (MGM_TI_ACCESS_GRANTED) is kept in the store with the C.NK.VPN that was registered, by which it is deregistered.
"""

import logging
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import datetime
from typing import Any

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_uuid
from tiaas.interfaces.provisioning_service_v1_1 import (
    DEREGISTER_ACTION,
    REGISTER_ACTION,
    SEND_DATA_ACTION,
    ContractStatus,
    DataType,
    DeregisterRequest,
    DeregisterResponse,
    RegisterRequest,
    RegisterResponse,
    RegistrationStatus,
    SendDataRequest,
    SendDataResponse,
    SentData,
)
from tiaas.konnektor.box import device_iccsn
from tiaas.konnektor.cardmap import AUT, ECC, HOLDER_PIN, RSA_ECC, SIG
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtls import CardIdentity
from tiaas.konnektor.cardtypes import SM_B, CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, EventSeverity, Topic, parameters
from tiaas.konnektor.keys import signer_of
from tiaas.konnektor.onlinemode import OnlineMode
from tiaas.konnektor.registration.client import RegistrationClient
from tiaas.konnektor.registration.daily import DailySending
from tiaas.konnektor.registration.requests import NotRegistered, Refused, draft_request, read_registration_untrusted
from tiaas.konnektor.sessions import CardSession
from tiaas.konnektor.store import InstanceStore
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.keys import SigningScheme
from tiaas.soap.client import write_request

_log = logging.getLogger("tiaas.konnektor.registration")

REGISTRATION_KIND, REGISTRATION_WISH_KIND, _KEY = "registration", "registration-wish", "current"
_FILE, _XML = "OperatingData.xml", "text/xml"
_BLOCKED = 4002
"""EC_FW_Not_Valid_Status_Blocked (TIP1-A_6025)."""


@dataclass(frozen=True, slots=True)
class RegistrationSettings:
    """MGM_ZGDP_CONTRACTID and MGM_ZGDP_SMCB, an ICCSN; empty: not said yet."""

    contract_id: str = ""
    smb: str = ""

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        return {"contract_id": self.contract_id, "smb": self.smb}

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "RegistrationSettings":
        """What `to_row` wrote. Raises `KeyError`."""
        return RegistrationSettings(str(row["contract_id"]), str(row["smb"]))


@dataclass(frozen=True, slots=True)
class Registered:
    """MGM_TI_ACCESS_GRANTED=Enabled: since when, with which contract, SM-B (ICCSN) and C.NK.VPN (DER)."""

    at: datetime
    contract_id: str
    smb: str
    certificate: bytes
    contract: ContractStatus
    information: str = ""
    sent: datetime | None = None
    """When operating data arrived last."""

    def to_row(self) -> dict[str, Any]:
        """For the store."""
        return {
            "at": self.at.isoformat(),
            "contract_id": self.contract_id,
            "smb": self.smb,
            "certificate": self.certificate.hex(),
            "contract": self.contract.value,
            "information": self.information,
            "sent": None if self.sent is None else self.sent.isoformat(),
        }

    @staticmethod
    def from_row(row: Mapping[str, Any]) -> "Registered":
        """What `to_row` wrote. Raises `KeyError`, `TypeError`, `ValueError` for a damaged row."""
        return Registered(
            datetime.fromisoformat(row["at"]),
            str(row["contract_id"]),
            str(row["smb"]),
            bytes.fromhex(row["certificate"]),
            ContractStatus(row["contract"]),
            str(row["information"]),
            None if row["sent"] is None else datetime.fromisoformat(row["sent"]),
        )


class NoSmb(NotRegistered):
    """There is no SM-B whose PIN is verified, for the one that was wanted."""

    def __init__(self) -> None:
        super().__init__(
            "the SM-B is not inserted, or its PIN is not verified",
            remedy="have PIN.SMC verified (POST /smbs/{iccsn}/pin/verify)",
        )


class Unregistered(NotRegistered):
    """There is no registration."""

    def __init__(self) -> None:
        super().__init__(
            "the box is not registered", remedy="register it first (POST /registration/register, admin register)"
        )


class Registration:
    """One box and its registration. `content` makes the operating data; `device` is its C.NK.VPN (DER)."""

    def __init__(
        self,
        client: RegistrationClient,
        device: bytes,
        cards: CardList,
        store: InstanceStore,
        hub: EventHub,
        online: OnlineMode,
        clock: Clock,
        entropy: Entropy,
    ) -> None:
        self.client = client
        self.settings = RegistrationSettings()
        self.registered: Registered | None = None
        self.send_failure = ""
        """Why the last sending failed."""
        self.content: Callable[[], bytes] = bytes
        self.daily = DailySending(self.send_data, self._due, clock, entropy)
        self._device = device
        self._cards = cards
        self._store = store
        self._hub = hub
        self._online = online
        self._clock = clock
        self._entropy = entropy

    async def start(self) -> None:
        """Reads what is kept, and sends operating data from now on if it is registered. Raises `StoreError`."""
        settings = await self._store.get(REGISTRATION_WISH_KIND, _KEY)
        state = await self._store.get(REGISTRATION_KIND, _KEY)
        try:
            if settings is not None:
                self.settings = RegistrationSettings.from_row(settings)
            if state is not None:
                self.registered = Registered.from_row(state)
        except (KeyError, TypeError, ValueError):
            _log.error("stored registration not readable")
        self.daily.start()

    async def stop(self) -> None:
        """Sends no more."""
        await self.daily.stop()
        self.client.close()

    async def configure(self, settings: RegistrationSettings) -> None:
        """Counts for the next registration. Raises `StoreError`."""
        await self._store.put(REGISTRATION_WISH_KIND, _KEY, settings.to_row())
        self.settings = settings

    async def register(self) -> Registered:
        """TIP1-A_4825. A box whose new registration is refused is not registered any more.

        Raises `NotRegistered`, `KonnektorError` (the card), `StoreError`.
        """
        wish = self.settings
        async with self._smb("Register") as card:
            message = RegisterRequest(
                timestamp=self._clock.now(), certificate=self._device, contract_id=wish.contract_id
            )
            try:
                answer = await self._ask(card, message, REGISTER_ACTION, RegisterResponse)
                if answer.status is not RegistrationStatus.REGISTERED:
                    raise Refused(f"the registration service says: {answer.status}")
            except Refused:
                await self._keep(None)
                raise
        now = self._clock.now()
        made = Registered(now, wish.contract_id, wish.smb, self._device, answer.contract, answer.information or "")
        await self._keep(made)
        self.daily.look()
        return made

    async def deregister(self) -> None:
        """TIP1-A_4827; after a failure the box is still registered. Raises as `register`."""
        held = self.registered
        if held is None:
            raise Unregistered
        async with self._smb("Deregister") as card:
            message = DeregisterRequest(
                timestamp=self._clock.now(), certificate=held.certificate, contract_id=held.contract_id
            )
            answer = await self._ask(card, message, DEREGISTER_ACTION, DeregisterResponse)
            if answer.status is not RegistrationStatus.NOT_REGISTERED:
                raise Refused(f"the registration service says: {answer.status}")
        await self._keep(None)

    async def send_data(self) -> None:
        """A_21136, A_23275, with any SM-B whose PIN is verified. Raises `NotRegistered`, `StoreError`."""
        held = self.registered
        if held is None:
            raise Unregistered
        try:
            self._require_way()
            card, session = self._unlocked("")
            message = SendDataRequest(
                data=SentData(content=self.content(), name=_FILE, mime_type=_XML), type=DataType.OPERATING_DATA
            )
            answer = await self.client.post(write_request(message, SEND_DATA_ACTION), self._identity(card, session))
            read_registration_untrusted(answer, SendDataResponse)
        except NotRegistered as error:
            self.send_failure = error.text
            raise
        self.send_failure = ""
        if self.registered is held:
            await self._keep(replace(held, sent=self._clock.now()))

    async def _ask(self, found: tuple[Card, CardSession], message: Any, action: str, expected: type[Any]) -> Any:
        card, session = found
        signer = await signer_of(card, session, SIG, RSA_ECC, self._clock)
        scheme = signer.scheme
        name = random_uuid(self._entropy)
        drawn = draft_request(message, action, signer.certificate, scheme, self._clock.now(), name)
        request = drawn.finish(await signer.sign_digest(drawn.digest, scheme))
        return read_registration_untrusted(await self.client.post(request, self._identity(card, session)), expected)

    def _identity(self, card: Card, session: CardSession) -> CardIdentity:
        async def sign(digest: bytes) -> bytes:
            signer = await signer_of(card, session, AUT, ECC, self._clock)
            return await signer.sign_digest(digest, SigningScheme.ECDSA)

        return CardIdentity(card.data.aut_certificate or b"", sign)

    def _unlocked(self, iccsn: str) -> tuple[Card, CardSession]:
        """An SM-B whose PIN is verified in some session of it; raises `NoSmb`."""
        for card in self._cards:
            if card.card_type not in SM_B or (iccsn and card.data.iccsn != iccsn):
                continue
            card.take_activations()
            for session in card.sessions.values():
                if HOLDER_PIN[CardType.SMC_B] in session.auth_state:
                    return card, session
        raise NoSmb

    @asynccontextmanager
    async def _smb(self, operation: str) -> AsyncIterator[tuple[Card, CardSession]]:
        """The SM-B for a registration; whatever goes wrong with it is SMC_K/REGISTER/ERROR."""
        fail = "Other"
        try:
            self._require_way()
            try:
                found = self._unlocked(self.settings.smb)
            except NoSmb:
                fail = "No_Smcb"
                raise
            yield found
        except (NotRegistered, KonnektorError):
            self._failed(operation, fail)
            raise

    def _require_way(self) -> None:
        if self._online.is_blocked:
            raise NotRegistered("the firmware is too old for the TI", _BLOCKED, remedy="update the Konnektor")
        if not self._online.active:
            raise NotRegistered("MGM_LU_ONLINE is off", remedy="switch it on (admin parameters online=true)")

    async def _keep(self, registered: Registered | None) -> None:
        was = self.registered is not None
        if registered is not None:
            await self._store.put(REGISTRATION_KIND, _KEY, registered.to_row())
        elif was:
            await self._store.delete(REGISTRATION_KIND, _KEY)
        self.registered = registered
        if was is not (registered is not None):
            active = "Enabled" if registered is not None else "Disabled"
            self._hub.publish(Event(Topic.MGM_TI_ACCESS_GRANTED, parameters(("Active", active))))

    def _failed(self, operation: str, fail: str) -> None:
        device = decode_certificate_untrusted(self._device)
        told = parameters(
            ("Iccsn", device_iccsn(device)),
            ("Serial", device.serial_number),
            ("Operation", operation),
            ("Fail", fail),
        )
        self._hub.publish(Event(Topic.SMC_K_REGISTER_ERROR, told, severity=EventSeverity.ERROR))

    def _due(self, every: float) -> float | None:
        held = self.registered
        if held is None:
            return None
        if held.sent is None:
            return 0.0
        return every - (self._clock.now() - held.sent).total_seconds()
