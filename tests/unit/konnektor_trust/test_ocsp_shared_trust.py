"""An answer that two checks wait for, while the trust list becomes another one between them."""

import asyncio
from dataclasses import replace

from tests.unit.konnektor_trust.test_ocsp_client import SUBJECT, a_bench
from tiaas.pki.codes import PkiCode


async def test_who_comes_with_another_list_gets_no_answer_of_a_signer_it_does_not_name() -> None:
    bench = await a_bench()
    before = bench.space
    after = replace(before, ocsp_signers=())
    try:
        first = asyncio.create_task(bench.client.status(SUBJECT, before.issuers[0], before))
        await asyncio.sleep(0)
        second = asyncio.create_task(bench.client.status(SUBJECT, after.issuers[0], after))
        assert (await first).fault is None
        assert (await second).fault is PkiCode.OCSP_CERT_MISSING, "the list of that check names no signer"
    finally:
        await bench.client.stop()
        bench.client._web.close()
        await bench.forwarder.stop()
