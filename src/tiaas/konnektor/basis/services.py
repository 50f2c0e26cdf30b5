"""What a Fachmodul of one instance gets (gemSpec_Kon V5.18, "Interne TUCs, auch durch Fachmodule nutzbar").

| TUC | here |
|---|---|
| 023, 026 reserve a card, session; 024 reset it | `hold`, `HeldCard.reset` |
| 012 verify a PIN, 022 its status | `verify_pin`, `pin_status` |
| 005 card to card | `unlock` |
| 202 to 204, 209 to 211, 214, 215 files and records | `HeldCard.files`, then the methods of `CardFiles` |
| 006 access log on the eGK | `log` |
| 036 role | `role` |
| 072, 073, 075, 076 symmetric encryption | `encrypt_document` and so on |
| 037 certificates, 256 events, 271 log | `trust`, `hub`, `protocol` |
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import field

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import beside
from tiaas.base.secret import Secret
from tiaas.konnektor.basis import symmetric
from tiaas.konnektor.basis.accesslog import AccessLog
from tiaas.konnektor.basis.held import HeldCard, hold
from tiaas.konnektor.basis.roles import business_role
from tiaas.konnektor.basis.symmetric import Encrypted
from tiaas.konnektor.c2c import CardToCard
from tiaas.konnektor.cardmap import HOLDER_PIN
from tiaas.konnektor.cards import Card, CardList
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import EventHub
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.pins import Pins
from tiaas.konnektor.pinstates import PinResult, PinStatus, VerificationType
from tiaas.konnektor.protocol import ProtocolService
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.trustservice import Trust
from tiaas.pki.profession import BusinessRole


@dataclass(frozen=True, slots=True)
class BaseServices:
    """The base services of one instance. Who calls has checked the access (TUC_KON_000, `services.context.authorize`).

    Whatever is raised is a `KonnektorError` with the code that the specification gives it.
    """

    cards: CardList
    pins: Pins
    c2c: CardToCard
    log: AccessLog
    trust: Trust
    hub: EventHub
    protocol: ProtocolService
    entropy: Entropy = field(repr=False)

    @classmethod
    def build(
        cls,
        cards: CardList,
        pins: Pins,
        trust: Trust,
        hub: EventHub,
        protocol: ProtocolService,
        clock: Clock,
        entropy: Entropy,
    ) -> "BaseServices":
        """Those of an instance with these parts."""
        return cls(cards, pins, CardToCard(trust, clock, entropy), AccessLog(clock), trust, hub, protocol, entropy)

    @asynccontextmanager
    async def hold(self, card: Card, call: CallContext) -> AsyncIterator[HeldCard]:
        """The card for this use case alone, as long as the block lasts. Raises 4093, 4094."""
        async with hold(card, call) as held:
            yield held

    async def unlock(self, egk: HeldCard, hpc: Card) -> None:
        """TUC_KON_005, mutual: the role of `hpc` (HBA or SM-B) on the eGK. Raises 4085 if the PIN of `hpc` is not
        verified in the caller's session, 4048 for other cards, 4056, 4057, 4196, 4228, 4233, 4093, 4094.
        """
        if egk.card.card_type is not CardType.EGK or hpc.card_type not in HOLDER_PIN:
            raise KonnektorError(4048, f"{hpc.card_type.value}, {egk.card.card_type.value}")

        async def nothing() -> None:
            return None

        with link_faults():
            session = hpc.session(egk.call)
            async with egk.session.use():
                await self.c2c.unlock(egk.card, egk.session, hpc, session, nothing)

    async def verify_pin(self, held: HeldCard, pin: str) -> PinResult:
        """TUC_KON_012 for the session, at the caller's workplace: nobody is asked for a PIN that is verified or off.

        A wrong PIN is an outcome. Raises what `Pins.verify` raises.
        """
        kind = VerificationType.SESSION
        return await self.pins.verify(held.card, held.session, held.call.workplace_id, pin, kind, held.holder)

    async def pin_status(self, held: HeldCard, pin: str) -> PinStatus:
        """TUC_KON_022. Raises 4072, 4094."""
        return await self.pins.status(held.card, held.session, pin, held.holder)

    def role(self, card: Card | HeldCard) -> BusinessRole:
        """TUC_KON_036. Raises 4093 if it is another's, 4209, 4210, 4148."""
        return business_role(card.card, card.holder) if isinstance(card, HeldCard) else business_role(card)

    async def encrypt_document(self, document: bytes, key: Secret | None = None) -> Encrypted:
        """TUC_KON_072: a CMS. Raises 4108."""
        return await beside(len(document), symmetric.encrypt_document, document, self.entropy, key)

    async def decrypt_document(self, encrypted: bytes, key: Secret) -> bytes:
        """TUC_KON_073. Raises 4109."""
        return await beside(len(encrypted), symmetric.decrypt_document, encrypted, key)

    async def encrypt_octets(self, data: bytes, key: Secret | None = None, associated: bytes = b"") -> Encrypted:
        """TUC_KON_075: nonce ‖ ciphertext ‖ tag. Raises 4108."""
        return await beside(len(data), symmetric.encrypt_octets, data, self.entropy, key, associated)

    async def decrypt_octets(self, encrypted: bytes, key: Secret, associated: bytes = b"") -> bytes:
        """TUC_KON_076. Raises 4109."""
        return await beside(len(encrypted), symmetric.decrypt_octets, encrypted, key, associated)
