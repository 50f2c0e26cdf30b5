"""Card sessions for a PoPP service: TUC_KON_223 start, 208 SecureSendAPDU, 224 stop (gemSpec_Kon V5.27 A_26067,
A_26069-01, A_26068; the messages are those of the PoPP service).

Theory of operation. A session holds the card's lock, so no other operation gets between its steps. It belongs to the
TLS identity (or Basic user) that started it, because SecureSendAPDU and StopCardSession carry no context. What is sent
to the card comes signed by the PoPP service: signature, certificate (type, role, validity, status), session and counter
are checked before the first octet goes out. The session ends by StopCardSession, with the card, or when its time is
over: a message says how long the service takes for its next one. Whatever ends it, the card loses the states raised.
"""

import asyncio
from dataclasses import field

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy, random_uuid
from tiaas.card.apdu import ResponseApdu
from tiaas.card.link import CardLinkError
from tiaas.card.scenario import BadScenario, Scenario, decode_scenario_untrusted
from tiaas.konnektor.cards import Card, Reservation
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Event, EventHub, Topic
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.sessions import CardSession, Channel
from tiaas.konnektor.trustservice import Trust
from tiaas.konnektor.verdict import Result
from tiaas.pki.certificate import BadCertificate, decode_certificate_untrusted
from tiaas.pki.jws import BadJws, Jws, check_signature, decode_jws_untrusted, read_object_untrusted
from tiaas.pki.oids import CertificateType, KeyUsage, Role
from tiaas.pki.path import Demands
from tiaas.terminal.front import FrontError

POPP_SIGNER = Demands(key_usage=frozenset({KeyUsage.DIGITAL_SIGNATURE}), types=frozenset({CertificateType.ZD_SIG}))
NO_LOCK = 4232
_SIGNATURE_WRONG = 4115
_NOT_PERMITTED = 4058
_SYNTAX = 4000


@dataclass(frozen=True, slots=True)
class Limits:
    """How long a session waits for its first message, and how much later than announced a next one may come (s)."""

    first: float = 60.0
    grace: float = 30.0


@dataclass(frozen=True, slots=True)
class Answers:
    """The card's answers, and how long all steps took in milliseconds."""

    responses: tuple[ResponseApdu, ...]
    milliseconds: int


@dataclass(slots=True, eq=False)
class _Session:
    card: Card
    lock: Reservation
    channel_of: CardSession
    owner: tuple[str | None, str | None]
    counter: int = 0
    timer: asyncio.TimerHandle | None = None
    busy: asyncio.Lock = field(default_factory=asyncio.Lock)


class PoppSessions:
    """The sessions of one instance."""

    def __init__(
        self,
        trust: Trust,
        hub: EventHub,
        clock: Clock,
        entropy: Entropy,
        limits: Limits | None = None,
    ) -> None:
        self.limits = limits or Limits()
        self._trust = trust
        self._clock = clock
        self._entropy = entropy
        self._sessions: dict[str, _Session] = {}
        self._ending: set[asyncio.Task[None]] = set()
        hub.subscribe(self._on_event, Topic.CARD_REMOVED)

    async def start(self, card: Card, session: CardSession, peer: Peer) -> str:
        """Reserves the card and returns the session's name. Raises 4093, 4094."""
        lock = card.reserve()
        await lock.__aenter__()
        name = random_uuid(self._entropy)
        self._sessions[name] = made = _Session(card, lock, session, _owner(peer))
        self._wait(name, made, self.limits.first)
        return name

    async def send(self, signed: str, peer: Peer) -> Answers:
        """SecureSendAPDU: checks the scenario and sends its commands until an answer is not expected.

        Raises `KonnektorError` 4000 (no JWS, no scenario), 4058 (counter), 4115 with the reason before it, 4232 (no
        such session of this caller), 4094, 4044.
        """
        try:
            jws = decode_jws_untrusted(signed)
            scenario = decode_scenario_untrusted(read_object_untrusted(jws.payload))
        except (BadJws, BadScenario) as bad:
            raise KonnektorError(_SYNTAX, str(bad)) from None
        found = self._of(scenario.session_id, peer)
        await self._require_signer(jws)
        async with found.busy:
            found = self._of(scenario.session_id, peer)
            if scenario.counter != found.counter:
                raise KonnektorError(_NOT_PERMITTED, "sequenceCounter")
            found.counter += 1
            self._still(found)
            try:
                return await self._run(found, scenario)
            finally:
                # Also after a card or terminal that did not answer: nobody may ever send or stop again.
                if self._sessions.get(scenario.session_id) is found:
                    self._wait(scenario.session_id, found, scenario.time_span / 1000 + self.limits.grace)

    async def stop(self, name: str, peer: Peer) -> None:
        """Ends a session. Raises 4232."""
        await self._end(name, self._of(name, peer))

    async def close(self) -> None:
        """Ends all sessions: the instance stops."""
        for name, session in list(self._sessions.items()):
            await self._end(name, session)
        for task in tuple(self._ending):
            await task

    async def _require_signer(self, jws: Jws) -> None:
        """TUC_KON_208: the signature is the PoPP service's. An unknown status is not enough."""
        der = jws.certificates[0]
        try:
            check_signature(jws, decode_certificate_untrusted(der).key())
        except (BadCertificate, BadJws) as bad:
            raise KonnektorError(_SIGNATURE_WRONG, str(bad)) from None
        verdict = await self._trust.check(der, POPP_SIGNER)
        if verdict.result is not Result.VALID:
            causes = () if verdict.fault is None else (KonnektorError(verdict.fault.number, verdict.reason),)
            raise KonnektorError(_SIGNATURE_WRONG, "the PoPP service's certificate", causes=causes)
        if Role.POPP.oid not in verdict.roles:
            raise KonnektorError(_SIGNATURE_WRONG, "a certificate without the role oid_popp")

    async def _run(self, session: _Session, scenario: Scenario) -> Answers:
        begun = self._clock.monotonic()
        responses: list[ResponseApdu] = []
        with link_faults():
            async with session.channel_of.use() as channel:
                try:
                    for step in scenario.steps:
                        responses.append(await channel.transmit(step.command))
                        if responses[-1].sw not in step.expected:
                            break
                finally:
                    channel.forget()
        return Answers(tuple(responses), round((self._clock.monotonic() - begun) * 1000))

    def _of(self, name: str, peer: Peer) -> _Session:
        session = self._sessions.get(name)
        if session is None or session.owner != _owner(peer):
            raise KonnektorError(NO_LOCK)
        return session

    def _wait(self, name: str, session: _Session, seconds: float) -> None:
        self._still(session)
        session.timer = asyncio.get_running_loop().call_later(seconds, self._late, name, session)

    def _still(self, session: _Session) -> None:
        if session.timer is not None:
            session.timer.cancel()
            session.timer = None

    def _late(self, name: str, session: _Session) -> None:
        task = asyncio.get_running_loop().create_task(self._end(name, session))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def _end(self, name: str, session: _Session) -> None:
        if self._sessions.pop(name, None) is None:
            return
        self._still(session)
        try:
            if not session.card.removed:
                async with session.channel_of.use() as channel:
                    await _reset(channel)
        finally:
            session.channel_of.auth_state.clear()
            await session.lock.__aexit__(None, None, None)

    def _on_event(self, event: Event) -> None:
        for name, session in list(self._sessions.items()):
            if session.card.handle == event.card_handle:
                self._still(session)
                del self._sessions[name]


async def _reset(channel: Channel) -> None:
    """The card forgets what the scenario raised. One that does not answer is told by its own operations later."""
    try:
        await channel.reset()
    except (CardLinkError, FrontError, KonnektorError):
        # FrontError: another owner has the terminal by now. Whoever stops an instance has more to end than this.
        channel.forget()


def _owner(peer: Peer) -> tuple[str | None, str | None]:
    """Who may go on with a session: the same certificate, or the same Basic user."""
    return peer.certificate_fingerprint, peer.basic_user
