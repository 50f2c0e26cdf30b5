"""ReadVSD and EF.StatusVD: what is kept of it while the card is inserted, and what is asked again."""

from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.integration.konnektor_core.practice import CALL, DirectLine, Practice
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.status import StatusWord
from tiaas.card.virtual.card import VirtualCard
from tiaas.konnektor.cardmap import EF_STATUS_VD, Folder
from tiaas.konnektor.cards import Card
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.opencard import open_card
from tiaas.konnektor.vsdm import InsuredData, Wishes
from tiaas.lab.personalise import PersonalisedCard


@pytest.fixture
def practice() -> Practice:
    return Practice()


async def read(practice: Practice, egk: Card, smcb: Card) -> InsuredData:
    return await practice.vsdm.read(egk, smcb, CALL, Wishes())


async def refused(practice: Practice, egk: Card, smcb: Card) -> KonnektorError:
    with pytest.raises(KonnektorError) as caught:
        await read(practice, egk, smcb)
    return caught.value


async def unlocked_smcb(practice: Practice) -> Card:
    smcb = await practice.smcb()
    await practice.unlock(smcb, "PIN.SMC")
    return smcb


async def test_114_stays_114_after_other_folders_were_selected(practice: Practice) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    made.image.deactivated.add("MF/DF.HCA")
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    sent = practice.lines[egk.handle].sent
    for folder in (Folder.MF, Folder.ESIGN):
        async with egk.session(CALL).use() as channel:
            await channel.select(folder)
        sent.clear()
        assert (await refused(practice, egk, smcb)).code == 114
        assert not sent


class Hiccup(DirectLine):
    """Answers the first `left` commands that `concerns` picks with 6400, as a card with a bad contact does."""

    def __init__(self, card: VirtualCard, concerns: Callable[[CommandApdu], bool], left: int = 1) -> None:
        super().__init__(card)
        self.concerns = concerns
        self.left = left

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        if self.left and self.concerns(command):
            self.left -= 1
            return ResponseApdu(b"", StatusWord.KEY_INVALID)
        return await super().transmit(command)


def _reads_status(command: CommandApdu) -> bool:
    return (command.ins, command.p1) == (0xB0, 0x80 | EF_STATUS_VD.sfid)


def _selects_hca(command: CommandApdu) -> bool:
    return command.ins == 0xA4 and command.data == Folder.HCA.value


def _lists_keys(command: CommandApdu) -> bool:
    return command.ins == 0xCA


async def insert_with_hiccup(
    practice: Practice, concerns: Callable[[CommandApdu], bool], made: PersonalisedCard, left: int = 1
) -> Card:
    virtual = VirtualCard(made.image, clock=practice.clock, entropy=practice.entropy, source=practice.personaliser)
    line = Hiccup(virtual, lambda command: False, left)
    card = practice.cards.insert("CT1", 8, await open_card(line, virtual.atr), line)
    line.concerns = concerns
    with suppress(KonnektorError):
        await practice.vsdm.prepare(card)
    return card


@pytest.mark.parametrize("concerns", [_reads_status, _selects_hca, _lists_keys])
async def test_one_bad_answer_does_not_stay(practice: Practice, concerns: Callable[[CommandApdu], bool]) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    egk, smcb = await insert_with_hiccup(practice, concerns, made), await unlocked_smcb(practice)
    assert (await read(practice, egk, smcb)).gvd is not None


async def test_a_bad_answer_is_3011_as_long_as_it_lasts(practice: Practice) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    egk, smcb = await insert_with_hiccup(practice, _reads_status, made, left=3), await unlocked_smcb(practice)
    for _ in range(2):
        error = await refused(practice, egk, smcb)
        assert (error.code, error.detail) == (3011, "EF.StatusVD")
    assert (await read(practice, egk, smcb)).gvd is not None


async def test_one_bad_answer_does_not_hide_that_the_application_is_deactivated(practice: Practice) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    made.image.deactivated.add("MF/DF.HCA")
    egk, smcb = await insert_with_hiccup(practice, _selects_hca, made), await unlocked_smcb(practice)
    assert (await refused(practice, egk, smcb)).code == 114


async def test_a_deactivated_status_file_is_not_the_application(practice: Practice) -> None:
    made = practice.personaliser.egk(practice.seed.patients[0])
    made.image.deactivated.add("MF/DF.HCA/EF.StatusVD")
    egk, smcb = await practice.insert(made), await unlocked_smcb(practice)
    assert (await refused(practice, egk, smcb)).code == 3011
