"""TUC_KON_005 "Card-to-Card authentisieren", HBA or SM-B and an eGK (gemSpec_Kon V5.18 TIP1-A_4572, TAB_KON_673, 674).

One-sided: the eGK imports the source's CV certificates as far as it lacks them, gives a challenge, the source signs
it, the eGK grants the role's rights to its channel. Mutual: the Konnektor checks the eGK's CV certificate
(TUC_KON_042) and lets it sign a challenge of its own. Either certificate must name the very card it was read from.

Every command is a round trip to the practice, so nothing is asked twice: the source's certificates are kept (24 h), of
the eGK is known which public keys it holds, and while the source signs the eGK is kept busy with other commands.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.card import commands
from tiaas.card.objsys.addresses import ALG_ROLE
from tiaas.card.status import StatusWord
from tiaas.konnektor import rounds
from tiaas.konnektor.cardmap import EF_CVC_CA, EF_CVC_ROLE, HOLDER_PIN, ROLE_KEY
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cvcimport import (
    CvcChain,
    KeyMissing,
    Side,
    fault,
    import_chain,
    list_keys,
    ok,
    read_chain,
    require_own,
    select_key,
)
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.heldkeys import HeldKeys
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.sessions import AuthValue, CardSession, Channel
from tiaas.konnektor.trust import NotGenuine, check_role_token
from tiaas.konnektor.trustservice import Trust
from tiaas.pki.keys import Digest, SigningScheme

T = TypeVar("T")

CHALLENGE_SIZE = 16
_COORDINATE = 32
_ICCSN8 = slice(-16, None)  # the last 8 of the 10 octets of an ICCSN, in its digits
_C2C = "C2C:"
_UNCERTAIN = _C2C + "?"
_KEY_ID = {Side.SOURCE: bytes.fromhex("0006"), Side.TARGET: bytes.fromhex("0009")}
"""First octets of the CHR of AUTR_CVC.E256 (HBA, SMC-B) and eGK.AUT_CVC.E256; the ICCSN follows."""


@dataclass(slots=True)
class Target:
    """What is known of an eGK: its certificates and the ids of the public keys it holds."""

    certificates: CvcChain
    known_keys: frozenset[bytes]


class CardToCard:
    """The use case for one instance."""

    def __init__(self, trust: Trust, clock: Clock, entropy: Entropy) -> None:
        self._trust = trust
        self._clock = clock
        self._entropy = entropy

    async def source(self, card: Card) -> CvcChain:
        """The source's certificates, read once in 24 hours. Raises 4056."""
        if card.held is not None:
            if card.held.role is None:
                raise KonnektorError(4056)
            return card.held.role
        return await card.cached("cvc", self._clock, lambda: _read_on_basic(card, Side.SOURCE))

    async def target(self, card: Card) -> Target:
        """What can be known of an eGK beforehand; also selects its own key. Raises 4057."""
        return await card.cached("cvc", self._clock, lambda: _inspect(card))

    @staticmethod
    def doubt(egk_session: CardSession) -> None:
        """Somebody else is about to use the eGK's channel: what was granted counts no more, the next use resets it."""
        egk_session.auth_state.clear()
        egk_session.auth_state[_UNCERTAIN] = AuthValue.AUTHENTICATED

    async def unlock(
        self,
        egk: Card,
        egk_session: CardSession,
        hpc: Card,
        hpc_session: CardSession,
        meanwhile: Callable[[], Awaitable[T]],
    ) -> T:
        """Mutual authentication of HBA or SM-B `hpc` and `egk`; the result of `meanwhile`, run while the source signs.

        The caller holds the channel of `egk_session` (the basic one). If the eGK proved itself and granted the role of
        this source before, in this insertion, nothing but `meanwhile` is done. Raises 4085 if the source's PIN is not
        verified in its session, 4056, 4057, 4196, 4228, 4233, `CardLinkError`.
        """
        self._require_pin(hpc, hpc_session)
        granted = f"{_C2C}{hpc.handle}"
        if egk_session.auth_state.get(granted) is AuthValue.AUTHENTICATED:
            return await meanwhile()
        if any(reference.startswith(_C2C) for reference in egk_session.auth_state):
            # Rights granted to another source must not serve this one.
            await egk.basic.reset()
            egk_session.auth_state.clear()
        source, target = await self.source(hpc), await self.target(egk)
        require_own(source, hpc, Side.SOURCE, _KEY_ID[Side.SOURCE])
        today = self._clock.now().date()
        if source.end_entity.ced > today or source.ca.ced > today:
            raise KonnektorError(4233)
        self._trust.check_egk_cvc(target.certificates.end_entity, target.certificates.ca, today)
        require_own(target.certificates, egk, Side.TARGET, _KEY_ID[Side.TARGET])
        await self._bring_key(egk.basic, egk, target, source)
        challenge = ok(await egk.basic.transmit(commands.get_challenge(CHALLENGE_SIZE)), Side.TARGET, "GET CHALLENGE")
        token = challenge.data + bytes.fromhex((egk.data.iccsn or "")[_ICCSN8])
        signature, result = await rounds.together(
            self._sign(hpc, hpc_session, token), self._prove_and(egk, target, meanwhile)
        )
        # Until the answer is there the eGK may have granted the role or not; the next source starts from a reset then.
        egk_session.auth_state[_UNCERTAIN] = AuthValue.AUTHENTICATED
        ok(await egk.basic.transmit(commands.external_authenticate(signature)), Side.TARGET, "EXTERNAL AUTHENTICATE")
        del egk_session.auth_state[_UNCERTAIN]
        egk_session.auth_state[granted] = AuthValue.AUTHENTICATED
        return result

    def _require_pin(self, hpc: Card, session: CardSession) -> None:
        if HOLDER_PIN[hpc.card_type] not in session.auth_state:
            raise KonnektorError(4085)

    # ---- target ------------------------------------------------------------------------------------------------------

    async def _bring_key(self, channel: Channel, egk: Card, target: Target, source: CvcChain) -> None:
        """The source's public key selected on the eGK, imported before if needed."""
        try:
            await self._import(channel, target, source)
        except KeyMissing:
            target.known_keys = await list_keys(channel, Side.TARGET)
            try:
                await self._import(channel, target, source)
            except KeyMissing:
                egk.forget("cvc")
                raise fault(Side.TARGET, "MANAGE SECURITY ENVIRONMENT", StatusWord.KEY_OR_PASSWORD_NOT_FOUND) from None

    async def _import(self, channel: Channel, target: Target, source: CvcChain) -> None:
        target.known_keys = await import_chain(channel, Side.TARGET, target.known_keys, source, self._trust.cross_to)
        await select_key(channel, Side.TARGET, commands.mse_public_auth(source.end_entity.chr, ALG_ROLE))

    async def _prove_and(self, egk: Card, target: Target, meanwhile: Callable[[], Awaitable[T]]) -> T:
        result = await meanwhile()
        ok(await egk.basic.use_role_key(ROLE_KEY[egk.card_type]), Side.TARGET, "MANAGE SECURITY ENVIRONMENT")
        # The eGK signs RND ‖ CARD.ICCSN (TUC_KON_005, variant 9 g); a token that ends with its own ICCSN8 it refuses
        # (gemSpec_COS 14.7.4), so the Konnektor gives 8 octets of its own in that place.
        token = self._entropy.octets(CHALLENGE_SIZE + 8)
        response = await egk.basic.transmit(commands.internal_authenticate(token))
        ok(response, Side.TARGET, "INTERNAL AUTHENTICATE")
        try:
            check_role_token(target.certificates.end_entity, token, response.data)
        except NotGenuine:
            raise fault(Side.TARGET, "Echtheit", response.sw) from None
        return result

    # ---- source ------------------------------------------------------------------------------------------------------

    async def _sign(self, hpc: Card, session: CardSession, token: bytes) -> bytes:
        if hpc.held is not None:
            return await _prove_role(hpc.held, token)
        async with session.use() as channel:
            ok(await channel.use_role_key(ROLE_KEY[hpc.card_type]), Side.SOURCE, "MANAGE SECURITY ENVIRONMENT")
            response = await channel.transmit(commands.internal_authenticate(token))
        if response.sw == StatusWord.SECURITY_STATUS_NOT_SATISFIED:
            session.auth_state.pop(HOLDER_PIN[hpc.card_type], None)
            raise KonnektorError(4085)
        return ok(response, Side.SOURCE, "INTERNAL AUTHENTICATE").data


async def _prove_role(held: HeldKeys, token: bytes) -> bytes:
    """The role proof of a virtual SMC-B: ECDSA over token ‖ algorithm identifier; r ‖ s.

    What is signed is as long as the curve's order (gemSpec_COS V3.12.0 N086.900a).
    """
    message = (token + bytes([ALG_ROLE])).rjust(Digest.SHA256.size, b"\0")
    with link_faults():
        value = await held.store.sign(held.role_label, message, SigningScheme.ECDSA, Digest.SHA256)
    r, s = decode_dss_signature(value)
    return r.to_bytes(_COORDINATE, "big") + s.to_bytes(_COORDINATE, "big")


async def _read_on_basic(card: Card, side: Side) -> CvcChain:
    async with card.basic.mutex:
        return await _read_role_chain(card.basic, side)


async def _read_role_chain(channel: Channel, side: Side) -> CvcChain:
    return await read_chain(channel, side, EF_CVC_ROLE, EF_CVC_CA)


async def _inspect(egk: Card) -> Target:
    """Runs on the basic channel, whose mutex the caller holds."""
    certificates = await _read_role_chain(egk.basic, Side.TARGET)
    await egk.basic.use_role_key(ROLE_KEY[egk.card_type])
    return Target(certificates, await list_keys(egk.basic, Side.TARGET))
