"""KVKService: a memory card in a real terminal connection."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.integration.base_services.conftest import code_of
from tests.integration.konnektor_core.surgery import CT, Surgery, context
from tiaas.card.kvk import KvkField, decode_kvk_untrusted, encode_kvk
from tiaas.card.objsys.model import Interface
from tiaas.card.virtual.kvkcard import KvkCard
from tiaas.interfaces.card_service_common_v2_0 import CardType as WireType
from tiaas.interfaces.card_terminal_service_v1_1 import RequestCard, Slot
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.interfaces.kvk_service_v4_0 import ReadKVK
from tiaas.interfaces.vsd_service_v5_2 import ReadVSD
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.soap.envelope import write_envelope
from tiaas.terminal.virtual.config import SlotCard

pytestmark = pytest.mark.asyncio(loop_scope="session")

FIELDS = {
    KvkField.KASSENNAME: "Testkasse",
    KvkField.KASSENNUMMER: "1234567",
    KvkField.VERSICHERTENNUMMER: "987654321",
    KvkField.STATUS: "1000",
    KvkField.VORNAME: "Jürgen",
    KvkField.FAMILIENNAME: "Süß TEST-ONLY",
    KvkField.GEBURTSDATUM: "01021953",
    KvkField.PLZ: "12345",
    KvkField.ORT: "Köln",
}


@asynccontextmanager
async def inserted(surgery: Surgery, card: SlotCard) -> AsyncIterator[Card]:
    """`card` in slot 2, instead of the eGK."""
    egk = surgery.terminal.eject(2)
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is None)
    surgery.terminal.insert(2, card)
    await surgery.until(lambda: surgery.core.cards.at(CT, 2) is not None)
    found = surgery.core.cards.at(CT, 2)
    assert found is not None
    try:
        yield found
    finally:
        surgery.terminal.eject(2)
        await surgery.until(lambda: surgery.core.cards.at(CT, 2) is None)
        surgery.terminal.insert(2, egk)
        await surgery.until(lambda: surgery.core.cards.at(CT, 2) is not None)


async def test_a_kvk_is_told_and_read(surgery: Surgery) -> None:
    record = encode_kvk(FIELDS)
    async with inserted(surgery, KvkCard(record)) as card:
        assert card.card_type is CardType.KVK
        (shown,) = (await surgery.call(GetCards(context=context(), card_type=WireType.KVK))).cards.card
        assert (shown.iccsn, shown.card_holder_name, shown.kvnr, shown.card_version) == (None, None, None, None)
        answer = await surgery.call(ReadKVK(kvk_handle=card.handle, context=context()))
        write_envelope(answer)
        assert answer.kvk == record
        assert decode_kvk_untrusted(answer.kvk).fields == FIELDS
        wanted = RequestCard(context=context(), slot=Slot(ct_id=CT, slot_id=2), card_type=WireType.KVK)
        assert (await surgery.call(wanted)).card.card_handle == card.handle
        # A KVK is an insured person's card: no workplace without the terminal reads it.
        assert await code_of(surgery, ReadKVK(kvk_handle=card.handle, context=context(workplace="AP2"))) == 4016
        smb = surgery.find(CardType.SMC_B).handle
        for perform in (False, True):
            read = ReadVSD(
                ehc_handle=card.handle,
                hpc_handle=smb,
                perform_online_check=perform,
                read_online_receipt=perform,
                context=context(),
            )
            assert await code_of(surgery, read) == 4058
    assert await code_of(surgery, ReadKVK(kvk_handle=card.handle, context=context())) == 4008
    assert await code_of(surgery, ReadKVK(kvk_handle=surgery.find(CardType.EGK).handle, context=context())) == 4209


@pytest.mark.code(3020)
@pytest.mark.parametrize("card", [KvkCard(encode_kvk(FIELDS), unreadable=True), KvkCard(b"\x80\x01A")])
async def test_a_worn_or_empty_kvk(surgery: Surgery, card: KvkCard) -> None:
    async with inserted(surgery, card) as found:
        assert await code_of(surgery, ReadKVK(kvk_handle=found.handle, context=context())) == 3020


@pytest.mark.code(3021)
async def test_a_flipped_bit(surgery: Surgery) -> None:
    record = bytearray(encode_kvk(FIELDS))
    record[10] ^= 0x20
    async with inserted(surgery, KvkCard(bytes(record))) as found:
        assert await code_of(surgery, ReadKVK(kvk_handle=found.handle, context=context())) == 3021


class _Token:
    """A memory card that is no KVK."""

    atr = bytes.fromhex("92231100")

    def reset(self, interface: Interface = Interface.CONTACT) -> bytes:
        return self.atr

    def process(self, raw: bytes) -> bytes:
        return b"\x69\x00"


async def test_another_memory_card_is_unknown(surgery: Surgery) -> None:
    async with inserted(surgery, _Token()) as found:
        assert found.card_type is CardType.UNKNOWN
