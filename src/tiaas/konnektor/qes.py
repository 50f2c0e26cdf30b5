"""Qualified signatures with an HBA: TUC_KON_154 "QES Signaturen erstellen", TUC_KON_168 "Einzelsignatur QES erstellen",
the card's part of TUC_KON_150 (gemSpec_Kon V5.18 TIP1-A_4651-02, 4652-02, 4670, 5664, TAB_KON_192).

    one document, SE#1     SELECT DF.QES, PIN.QES, PSO COMPUTE DIGITAL SIGNATURE
    a stack, SE#2          SELECT DF.QES, MSE RESTORE 2; per part: PIN.QES by a gSMC-KT, secure channel with the SAK,
                           PSO COMPUTE DIGITAL SIGNATURE in secure messaging

A part holds as many signatures as EF.SSEC says one PIN entry pays for. At the end, whatever happened, DF.QES is left,
and with it the verified PIN.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any

from tiaas.base.clock import Clock
from tiaas.card import commands
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.comfort import Comfort
from tiaas.konnektor.comfortusers import ComfortUsers
from tiaas.konnektor.config import SignatureSettings, SimpleMode
from tiaas.konnektor.cvcimport import CvcChain, Side, ok
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.linkfaults import link_faults
from tiaas.konnektor.qesfolder import STACK_ENVIRONMENT, in_qes_folder, signatures_per_pin
from tiaas.konnektor.qesjob import QesJob, StackResult, StackRun
from tiaas.konnektor.qespin import QesPins
from tiaas.konnektor.qesstack import Part, cut
from tiaas.konnektor.remotepin import RemotePins
from tiaas.konnektor.sakchannel import SakLink
from tiaas.konnektor.sessions import Channel

_log = logging.getLogger("tiaas.konnektor.qes")

_BUSY = "Ein Signaturauftrag belegt die Karte; vielleicht steht seine PIN-Eingabe noch am Kartenterminal"


class Qes:
    """The use case for one instance."""

    def __init__(
        self,
        pins: QesPins,
        remote: RemotePins,
        sak: SakLink,
        settings: SignatureSettings,
        users: ComfortUsers,
        clock: Clock,
        *,
        enabled: bool = True,
    ) -> None:
        self._pins = pins
        self._remote = remote
        self._sak = sak
        self._clock = clock
        self.settings = settings
        self._enabled = enabled
        self._left_behind: set[asyncio.Task[StackResult]] = set()
        self.comfort = Comfort(pins, remote, sak, settings, users, clock)

    def require_enabled(self) -> None:
        """Raises 4125 without MGM_LU_SAK."""
        if not self._enabled:
            raise KonnektorError(4125)

    async def configure(self, settings: SignatureSettings) -> None:
        """The administrator's settings from now on."""
        self.settings = settings
        await self.comfort.configure(settings)

    async def sign(self, job: QesJob, documents: Sequence[Sequence[bytes]]) -> StackResult:
        """Signs the SHA-256 hash values of each document, in order; reserves card and PIN pad for the whole job.

        StopSignature while a PIN is asked for ends it at once, as does a card that is pulled; card and PIN pad stay
        reserved until the terminal has answered.
        A session in comfort mode signs without a PIN and raises as `Comfort.sign`. Any other raises 4043 timeout, 4049
        cancel key, 4053 and 4092 no protected entry possible, 4060 terminal in use, 4063 PIN blocked, 4065 transport
        PIN, 4085 wrong PIN, 4093 card in use, 4094 card pulled, 4118 several documents with an HBA-Vorläuferkarte,
        4056, 4057, 4196, 4228, 4233 no secure channel, 4120 signature wrong, 4123 card refuses.
        """
        run = StackRun(job, documents)
        if self.comfort.holds(job.session):
            return await self.comfort.sign(run)
        work = asyncio.create_task(self._sign(run, alone=len(documents) == 1))
        try:
            ends: set[asyncio.Future[Any]] = {work, run.left}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        except asyncio.CancelledError:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            raise
        if work.done():
            return work.result()
        self._left_behind.add(work)
        work.add_done_callback(self._over)
        return run.left_result()

    async def stop(self) -> None:
        """Ends comfort sessions and what StopSignature left behind at a terminal."""
        await self.comfort.stop()
        for work in self._left_behind:
            work.cancel()
        await asyncio.gather(*self._left_behind, return_exceptions=True)

    def _over(self, work: "asyncio.Task[StackResult]") -> None:
        """The terminal has answered: whatever it said, the job was stopped and answered before."""
        self._left_behind.discard(work)
        if not work.cancelled() and work.exception() is not None:
            _log.debug("a stopped job ended", exc_info=work.exception())

    async def _sign(self, run: StackRun, *, alone: bool) -> StackResult:
        job = run.job
        if job.card.card_type is not CardType.HBA:
            if not alone:
                raise KonnektorError(4118)
            return await self._sign_plain(run)
        if alone and len(run.digests) == 1 and self.settings.simple_mode is SimpleMode.SE1:
            return await self._sign_plain(run)
        return await self._sign_stack(run)

    async def _sign_plain(self, run: StackRun) -> StackResult:
        """TUC_KON_168."""
        job = run.job
        async with (
            job.card.reserve(busy=_BUSY),
            self._pins.reserve(
                job.card, job.session, job.workplace_id, protected=False, mandant_id=job.mandant_id
            ) as pin,
            in_qes_folder(job.session) as channel,
        ):
            part = Part(0, len(run.digests))
            return await run.authorise(pin, channel) or await run.sign(channel, part) or run.complete()

    async def _sign_stack(self, run: StackRun) -> StackResult:
        """TUC_KON_154."""
        job, card = run.job, run.job.card
        async with card.reserve(busy=_BUSY):
            with link_faults():
                hba = await self._remote.target_chain(card)
                most = await signatures_per_pin(card, self._clock)
            self._sak.require(hba)
            async with (
                self._pins.reserve(
                    card, job.session, job.workplace_id, protected=True, mandant_id=job.mandant_id
                ) as pin,
                in_qes_folder(job.session) as channel,
            ):
                restored = await channel.transmit(commands.mse_restore(STACK_ENVIRONMENT))
                ok(restored, Side.TARGET, "MANAGE SECURITY ENVIRONMENT")
                for part in cut(len(run.digests), most or len(run.digests)):
                    ended = await run.authorise(pin, channel) or await self._sign_part(run, channel, hba, part)
                    if ended is not None:
                        return ended
        return run.complete()

    async def _sign_part(self, run: StackRun, channel: Channel, hba: CvcChain, part: Part) -> StackResult | None:
        return await run.sign(await self._sak.open(channel, run.job.card, hba), part)
