"""Qualified signatures with an HBA: TUC_KON_154 "QES Signaturen erstellen", TUC_KON_168 "Einzelsignatur QES erstellen",
the card's part of TUC_KON_150 (gemSpec_Kon V5.18 TIP1-A_4651-02, 4652-02, 4670, 5664, TAB_KON_192).

    one document, SE#1     SELECT DF.QES, PIN.QES, PSO COMPUTE DIGITAL SIGNATURE
    a stack, SE#2          SELECT DF.QES, MSE RESTORE 2; per part: PIN.QES by a gSMC-KT, secure channel with the SAK,
                           PSO COMPUTE DIGITAL SIGNATURE in secure messaging

A part holds as many signatures as EF.SSEC says one PIN entry pays for. At the end, whatever happened, DF.QES is left,
and with it the verified PIN.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field

from tiaas.base.clock import Clock
from tiaas.card import commands
from tiaas.card.link import CardLinkError
from tiaas.card.ssec import BadSsec, decode_ssec_untrusted
from tiaas.konnektor import displaytexts as texts
from tiaas.konnektor.cardmap import EF_SSEC, PIN_QES, Folder
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.config import SignatureSettings, SimpleMode
from tiaas.konnektor.cvcimport import CvcChain, Side, ok
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.keyuse import CertifiedKey
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.pinstates import PinOutcome
from tiaas.konnektor.qeskey import CommandLine, compute_signature, select_key
from tiaas.konnektor.qespin import QesPin, QesPins
from tiaas.konnektor.qesstack import (
    Consequence,
    Incident,
    Part,
    Phase,
    StackEnd,
    consequence,
    cut,
    end_of,
    group,
    incident_of,
)
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sakchannel import SakLink
from tiaas.konnektor.sessions import CardSession, Channel, ChannelClosed

STACK_ENVIRONMENT = 2
_FAULT_OF_OUTCOME = {PinOutcome.REJECTED: 4085, PinOutcome.BLOCKED: 4063}
"""No table names a code for a wrong PIN in TUC_KON_150; without the PIN the key's access condition does not hold."""


class StopSwitch:
    """What StopSignature turns: one per job."""

    def __init__(self) -> None:
        self._on = False

    def turn(self) -> None:
        """The job is to end as TAB_KON_192 says."""
        self._on = True

    def turned(self) -> bool:
        """Whether somebody did."""
        return self._on


@dataclass(frozen=True, slots=True)
class QesJob:
    """One job: who signs with which key (`certified_key` of C.QES), and its number, which the terminal shows.

    `on_signed` hears the index of each document that has all its signatures (SIG/SIGNDOC/NEXT_SUCCESSFUL).
    """

    card: Card
    session: CardSession
    workplace_id: str
    number: str
    key: CertifiedKey
    stop: StopSwitch = field(default_factory=StopSwitch)
    on_signed: Callable[[int], None] = lambda index: None


@dataclass(frozen=True, slots=True)
class StackResult:
    """The signature values of the documents that were signed, in order, each in the order of its hash values.

    ECDSA values are DER. Unless `end` is COMPLETE the last documents are missing.
    """

    values: tuple[tuple[bytes, ...], ...]
    end: StackEnd


class Qes:
    """The use case for one instance."""

    def __init__(
        self, pins: QesPins, remote: RemotePins, sak: SakLink, settings: SignatureSettings, clock: Clock
    ) -> None:
        self._pins = pins
        self._remote = remote
        self._sak = sak
        self._clock = clock
        self.settings = settings

    async def sign(self, job: QesJob, documents: Sequence[Sequence[bytes]]) -> StackResult:
        """Signs the SHA-256 hash values of each document, in order; reserves card and PIN pad for the whole job.

        Raises 4043 timeout, 4049 cancel key, 4053 and 4092 no protected entry possible, 4060 terminal in use, 4063 PIN
        blocked, 4065 transport PIN, 4085 wrong PIN, 4093 card in use, 4094 card pulled, 4118 several documents with an
        HBA-Vorläuferkarte, 4056, 4057, 4196, 4228, 4233 no secure channel, 4120 signature wrong, 4123 card refuses.
        """
        digests = [digest for document in documents for digest in document]
        run = _Run(job, digests, [len(document) for document in documents])
        alone = len(documents) == 1
        if job.card.card_type is not CardType.HBA:
            if not alone:
                raise KonnektorError(4118)
            return await self._sign_plain(run)
        if alone and len(digests) == 1 and self.settings.simple_mode is SimpleMode.SE1:
            return await self._sign_plain(run)
        return await self._sign_stack(run)

    async def _sign_plain(self, run: "_Run") -> StackResult:
        """TUC_KON_168."""
        job = run.job
        async with (
            job.card.reserve(),
            self._pins.reserve(job.card, job.session, job.workplace_id, protected=False) as pin,
            in_qes_folder(job.session) as channel,
        ):
            part = Part(0, len(run.digests))
            return await run.authorise(pin, channel) or await run.sign(channel, part) or run.complete()

    async def _sign_stack(self, run: "_Run") -> StackResult:
        """TUC_KON_154."""
        job, card = run.job, run.job.card
        async with card.reserve():
            with link_faults():
                hba = await self._remote.target_chain(card)
                most = await signatures_per_pin(card, self._clock)
            self._sak.require(hba)
            async with (
                self._pins.reserve(card, job.session, job.workplace_id, protected=True) as pin,
                in_qes_folder(job.session) as channel,
            ):
                restored = await channel.transmit(commands.mse_restore(STACK_ENVIRONMENT))
                ok(restored, Side.TARGET, "MANAGE SECURITY ENVIRONMENT")
                for part in cut(len(run.digests), most or len(run.digests)):
                    ended = await run.authorise(pin, channel) or await self._sign_part(run, channel, hba, part)
                    if ended is not None:
                        return ended
        return run.complete()

    async def _sign_part(self, run: "_Run", channel: Channel, hba: CvcChain, part: Part) -> StackResult | None:
        return await run.sign(await self._sak.open(channel, run.job.card, hba), part)


class _Run:
    """A job under way: what is signed so far."""

    def __init__(self, job: QesJob, digests: Sequence[bytes], sizes: Sequence[int]) -> None:
        self.job = job
        self.digests = digests
        self._sizes = sizes
        self._values: list[bytes] = []
        self._told = 0

    async def authorise(self, pin: QesPin, channel: Channel) -> StackResult | None:
        """PIN.QES; the stack's result if that ends it without an error."""
        phase = Phase.REPEATED_PIN if self._values else Phase.FIRST_PIN
        if self.job.stop.turned():
            return self._ended(Incident.STOPPED)
        try:
            result = await pin.ask(channel, self.job.session, texts.signature_prompts(self.job.number))
            if result.outcome is not PinOutcome.OK:
                raise KonnektorError(_FAULT_OF_OUTCOME[result.outcome])
        except KonnektorError as error:
            incident = Incident.STOPPED if self.job.stop.turned() else incident_of(error.code)
            if consequence(phase, incident) is not Consequence.KEEP_PARTS:
                raise
            return self._ended(incident)
        return self._ended(Incident.STOPPED) if self.job.stop.turned() else None

    async def sign(self, line: CommandLine, part: Part) -> StackResult | None:
        """A part's signatures; the stack's result if StopSignature ends it."""
        await select_key(line, self.job.key)
        for digest in self.digests[part.start : part.stop]:
            if not self.job.stop.turned():
                self._values.append(await compute_signature(line, self.job.key, digest))
                self._tell()
        if not self.job.stop.turned():
            return None
        del self._values[part.start :]
        return self._ended(Incident.STOPPED)

    def complete(self) -> StackResult:
        """All is signed."""
        return StackResult(group(self._values, self._sizes), StackEnd.COMPLETE)

    def _ended(self, incident: Incident) -> StackResult:
        return StackResult(group(self._values, self._sizes), end_of(incident))

    def _tell(self) -> None:
        while self._told < len(self._sizes) and sum(self._sizes[: self._told + 1]) <= len(self._values):
            self.job.on_signed(self._told)
            self._told += 1


async def signatures_per_pin(card: Card, clock: Clock) -> int | None:
    """How many signatures one PIN entry pays for in SE#2, by EF.SSEC; None if the card does not tell."""

    async def read() -> int | None:
        async with card.basic.mutex:
            response = await card.basic.read(EF_SSEC)
        try:
            return decode_ssec_untrusted(response.data).get(STACK_ENVIRONMENT)
        except BadSsec:
            return None

    return await card.cached("ssec", clock, read)


@asynccontextmanager
async def in_qes_folder(session: CardSession) -> AsyncIterator[Channel]:
    """The session's channel, held, with DF.QES selected anew; DF.QES is left at the end, whatever happened.

    Raises 4123 if the card has no DF.QES, 4093, `ChannelClosed`, `CardLinkError`.
    """
    async with AsyncExitStack() as stack:
        try:
            channel = await _enter(stack, session)
        except ChannelClosed:
            # The card was reset before; nothing is lost yet, so a new channel does.
            channel = await _enter(stack, session)
        try:
            yield channel
        finally:
            await leave_qes_folder(session, channel)


async def _enter(stack: AsyncExitStack, session: CardSession) -> Channel:
    channel = await stack.enter_async_context(session.use())
    channel.forget()
    response = await channel.select(Folder.QES)
    if channel.folder is not Folder.QES:
        raise KonnektorError(4123, f"DF.QES: {response.sw:04X}")
    return channel


async def leave_qes_folder(session: CardSession, channel: Channel) -> None:
    """Drops the verified PIN.QES and the secure channel by selecting the root folder.

    A channel that cannot is given up: it must not stay with a raised PIN.QES.
    """
    session.auth_state.pop(PIN_QES, None)
    channel.forget()
    with suppress(CardLinkError, KonnektorError):
        await channel.select(Folder.MF)
    if channel.folder is not Folder.MF and session.channel is channel:
        session.abandon()
