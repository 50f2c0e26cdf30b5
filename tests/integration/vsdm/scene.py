"""A practice whose Konnektor goes online, for tests."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest

from tests.integration.konnektor_core.practice import CALL, Practice
from tests.integration.vsdm.fachdienst import Behaviour, Call, Fachdienst, Reply, flag
from tiaas.fachdienste.vsdm.receipt import Receipt, decode_receipt_untrusted
from tiaas.interfaces.cm_uf_v2_0 import GetUpdateFlags
from tiaas.konnektor.cards import Card
from tiaas.konnektor.config import TiAccess
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.sessions import CallContext
from tiaas.konnektor.vsdm import InsuredData, Wishes

EF_STATUS = "MF/DF.HCA/EF.StatusVD"
EF_RECEIPT = "MF/DF.HCA/EF.Pruefungsnachweis"
SELECT_HCA = "00A4040C06D27600000102"
UPDATE_RECEIPT = "00D69C0004AABBCCDD"


@dataclass
class Scene:
    """A practice with an unlocked SMC-B, an eGK, and the TI behind a real TLS socket."""

    practice: Practice
    service: Fachdienst
    access: TiAccess
    smcb: Card
    egk: Card

    def configure(self, **changes: object) -> None:
        if self.practice.intermediaer is not None:
            self.practice.intermediaer.close()
        self.practice.vsdm = self.practice.fachmodul(replace(self.access, **changes))  # type: ignore[arg-type]

    async def read(
        self, *, online: bool = True, receipt: bool = True, call: CallContext = CALL, hpc: Card | None = None
    ) -> InsuredData:
        wishes = Wishes(online, receipt, self.smcb)
        return await self.practice.vsdm.read(self.egk, hpc or self.smcb, call, wishes)

    async def receipt(self) -> Receipt:
        block = (await self.read()).receipt
        assert block is not None
        return decode_receipt_untrusted(block)

    async def refused(self, *, online: bool = True, receipt: bool = True) -> int:
        with pytest.raises(KonnektorError) as caught:
            await self.read(online=online, receipt=receipt)
        assert not self.egk.reserved
        return caught.value.code

    def image(self) -> dict[str, bytes]:
        return self.practice.lines[self.egk.handle].card.image.files

    def on_perform(self, behaviour: Behaviour) -> None:
        """Another answer of CCS; UFS says that an update waits."""
        self.service.flags = [flag()]

        async def behave(call: Call) -> Reply | None:
            return None if isinstance(call.message, GetUpdateFlags) else await behaviour(call)

        self.service.behave = behave


@asynccontextmanager
async def practice_online() -> AsyncIterator[Scene]:
    practice = Practice()
    practice.clock.advance((datetime.now(UTC) - practice.clock.now()).total_seconds())
    practice = Practice(clock=practice.clock)
    service = Fachdienst(practice.pki)
    await service.start()
    access = TiAccess(intermediaer=service.url, vsdm_seconds=5.0)
    smcb = await practice.smcb()
    await practice.unlock(smcb, "PIN.SMC")
    out = Scene(practice, service, access, smcb, await practice.egk())
    out.configure()
    yield out
    if practice.intermediaer is not None:
        practice.intermediaer.close()
    await service.stop()


def answering(reply: Reply) -> Behaviour:
    async def behave(call: Call) -> Reply | None:
        return reply

    return behave
