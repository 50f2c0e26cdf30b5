"""What a Fachmodul gets (`konnektor.basis`): eGK and HBA in a real terminal connection, rights by card to card."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any

import pytest
import pytest_asyncio

from tests.integration.base_services.test_kvk_service import FIELDS, inserted
from tests.integration.konnektor_core.surgery import CLOCK, ENTROPY, Surgery
from tests.structure.sources import ROOT
from tiaas.card.kvk import encode_kvk
from tiaas.card.virtual.card import VirtualCard
from tiaas.card.virtual.image import CardImage
from tiaas.card.virtual.kvkcard import KvkCard
from tiaas.konnektor.basis.cardfiles import WRITE_SIZE, CardFiles
from tiaas.konnektor.basis.held import HeldCard
from tiaas.konnektor.basis.refusal import CardRefusal
from tiaas.konnektor.cardmap import (
    EF_CONSENTS_GDD,
    EF_GDO,
    EF_LOGGING,
    EF_NFD,
    EF_RECEIPT,
    EF_STATUS_NFD,
    CardFile,
    Folder,
)
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.pinstates import PinOutcome, PinState
from tiaas.konnektor.sessions import CallContext
from tiaas.lab.personalise import Personaliser
from tiaas.lab.seed import ProfessionalKind
from tiaas.pki.profession import BusinessRole

pytestmark = pytest.mark.asyncio(loop_scope="session")

CALL = CallContext("M1", "CS1", "AP1", "UFM")
MISSING = CardFile(Folder.NFD, 0x1F, 0xD0FF)
ROOM = 0x2F2B
UPDATE_BINARY = 0xD6


class Desk:
    """A patient's card in slot 2 and a doctor's in slot 3, whose PIN.CH is verified for `CALL`."""

    def __init__(self, surgery: Surgery, image: CardImage) -> None:
        self.surgery = surgery
        self.base = surgery.core.base
        self.image = image
        self.hba = surgery.find(CardType.HBA)

    @property
    def egk(self) -> Card:
        """The patient's card: another object each time it was put in."""
        return self.surgery.find(CardType.EGK)

    @asynccontextmanager
    async def unlocked(self) -> AsyncIterator[HeldCard]:
        """The patient's card with the doctor's role."""
        async with self.base.hold(self.egk, CALL) as held:
            await self.base.unlock(held, self.hba)
            yield held

    @asynccontextmanager
    async def files(self) -> AsyncIterator[CardFiles]:
        """Its files."""
        async with self.unlocked() as held, held.files() as files:
            yield files

    @asynccontextmanager
    async def consents(self) -> AsyncIterator[CardFiles]:
        """Its files with MRPIN.GDD verified, and EF.EinwilligungGDD with two records."""
        async with self.unlocked() as held:
            assert (await self.base.verify_pin(held, "MRPIN.GDD")).outcome is PinOutcome.OK
            self.image.records["MF/DF.HCA/DF.GDD/EF.EinwilligungGDD"] = [b"first of 16 octs", b"second"]
            async with held.files() as files:
                yield files


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def desk(surgery: Surgery) -> AsyncIterator[Desk]:
    made = surgery.personaliser.egk(surgery.seed.patients[1])
    async with inserted(surgery, surgery.virtual(made)):
        out = Desk(surgery, made.image)
        session = out.hba.session(CALL)
        assert (await surgery.core.pins.verify(out.hba, session, "AP1", "PIN.CH")).outcome is PinOutcome.OK
        yield out


@contextmanager
def refused(code: int, sw: int | None = None) -> Iterator[None]:
    with pytest.raises(KonnektorError) as caught:
        yield
    assert caught.value.code == code
    if sw is not None:
        assert isinstance(caught.value, CardRefusal)
        assert caught.value.sw == sw


# ---- the worked example


async def test_the_example_of_the_documents(desk: Desk) -> None:
    """The code of `docs/reference/fachmodule.md`, as it stands there."""
    page = (ROOT / "docs" / "reference" / "fachmodule.md").read_text()
    names: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], names)
    desk.image.files["MF/DF.HCA/DF.NFD/EF.StatusNFD"] = b"0" + bytes(24)
    desk.image.files.pop("MF/DF.HCA/DF.NFD/EF.NFD", None)
    assert await names["emergency_data"](desk.base, desk.egk, desk.hba, CALL) is None
    desk.image.files["MF/DF.HCA/DF.NFD/EF.NFD"] = b"\x00\x07gzipped and what lies behind"
    assert await names["emergency_data"](desk.base, desk.egk, desk.hba, CALL) == b"gzipped"
    assert desk.image.records["MF/DF.HCA/EF.Logging"][0][6:16].hex() == desk.hba.data.iccsn
    desk.image.records["MF/DF.HCA/DF.GDD/EF.VerweiseGDD"] = [b"one", b"two"]
    assert await names["references"](desk.base, desk.egk, desk.hba, CALL) == [b"one", b"two"]


# ---- transparent files


@pytest.mark.requirement("TIP1-A_4573", "TIP1-A_4574", "TIP1-A_5476", "TIP1-A_4571-03", "TIP1-A_4572")
async def test_a_file_is_written_read_in_parts_and_erased(desk: Desk) -> None:
    content = bytes(range(256)) * 12
    async with desk.files() as files:
        await files.write(EF_NFD, content)
        assert desk.image.files["MF/DF.HCA/DF.NFD/EF.NFD"] == content
        assert await files.read(EF_NFD) == content
        assert await files.read(EF_NFD, 100, 20) == content[100:120]
        assert await files.read(EF_NFD, 2000, 20) == content[2000:2020]
        assert await files.read(EF_NFD, len(content) - 5, 20) == content[-5:]
        await files.write(EF_NFD, b"new", 1000)
        assert await files.read(EF_NFD, 998, 7) == content[998:1000] + b"new" + content[1003:1005]
        await files.erase(EF_NFD, 300)
        assert await files.read(EF_NFD) == content[:300] + bytes(len(content) - 300)
        await files.erase(EF_NFD)
        assert not any(await files.read(EF_NFD))
    assert not desk.egk.reserved


async def test_an_empty_file_gives_no_octets(desk: Desk) -> None:
    async with desk.files() as files:
        assert await files.read(EF_RECEIPT) == b""
        with refused(4120, 0x6B00):
            await files.read(EF_RECEIPT, 5)


@pytest.mark.code(4087)
async def test_a_missing_file_is_4087(desk: Desk) -> None:
    async with desk.files() as files:
        for using in (files.read(MISSING), files.write(MISSING, b"x"), files.write(MISSING, bytes(5000))):
            with refused(4087, 0x6A82):
                await using
        with refused(4087):
            await files.erase(MISSING, 300)


@pytest.mark.code(4087)
async def test_a_missing_folder_is_4087(desk: Desk) -> None:
    async with desk.files() as files:
        with refused(4087, 0x6A82):
            await files.read(CardFile(Folder.QES, 0x05))


@pytest.mark.code(4086)
async def test_a_deactivated_folder_is_4086(desk: Desk) -> None:
    """The insured person has switched off the emergency data."""
    desk.image.deactivated.add("MF/DF.HCA/DF.NFD")
    try:
        async with desk.files() as files:
            files.channel.forget()
            for _ in range(2):
                with refused(4086, 0x6283):
                    await files.read(EF_STATUS_NFD)
            with refused(4086):
                await files.write(EF_NFD, b"x")
            with refused(4086):
                await files.erase(EF_NFD)
    finally:
        desk.image.deactivated.clear()
        async with desk.files() as files:
            files.channel.forget()


@pytest.mark.code(4089)
async def test_a_file_of_records_is_none_of_octets_and_the_other_way_round(desk: Desk) -> None:
    async with desk.files() as files:
        for using in (files.read(EF_LOGGING), files.write(EF_LOGGING, b"x"), files.erase(EF_LOGGING)):
            with refused(4089, 0x6981):
                await using
        for using in (files.read_record(EF_NFD, 1), files.append_record(EF_NFD, b"x")):
            with refused(4089, 0x6981):
                await using


@pytest.mark.code(4247)
async def test_what_does_not_fit_is_4247_and_changes_nothing(desk: Desk) -> None:
    path = "MF/DF.HCA/DF.NFD/EF.NFD"
    async with desk.files() as files:
        await files.write(EF_NFD, b"emergency")
        before = desk.image.files[path]
        for data, offset in (
            (bytes(ROOM + 1), 0),
            (bytes(WRITE_SIZE + 1), ROOM - WRITE_SIZE),
            (b"xy", ROOM - 1),
            (b"x", ROOM),
        ):
            with refused(4247):
                await files.write(EF_NFD, data, offset)
            assert desk.image.files[path] == before
        await files.write(EF_NFD, bytes(ROOM))
        assert len(desk.image.files[path]) == ROOM


async def test_a_client_that_hangs_up_leaves_no_half_written_file(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    new = b"emergency" * 500
    card = desk.surgery.terminal.card_in(2)
    assert isinstance(card, VirtualCard)
    process = card.process

    async def write() -> None:
        async with desk.files() as files:
            await files.write(EF_NFD, new)

    def hang_up(command: bytes) -> bytes:
        if command[1] == UPDATE_BINARY:
            writing.cancel()
        return process(command)

    monkeypatch.setattr(card, "process", hang_up)
    writing = asyncio.create_task(write())
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert desk.image.files["MF/DF.HCA/DF.NFD/EF.NFD"].startswith(new)
    assert not desk.egk.reserved


@pytest.mark.requirement("TIP1-A_4584")
@pytest.mark.code(4085)
async def test_without_the_right_it_is_4085(desk: Desk) -> None:
    async with desk.unlocked() as held:
        async with held.files() as files:
            await files.write(EF_STATUS_NFD, b"0")
        await held.reset()
        assert not held.session.auth_state
        async with held.files() as files:
            assert await files.read(EF_GDO)
            with refused(4085, 0x6982):
                await files.read(EF_STATUS_NFD)
            with refused(4085):
                await files.write(EF_STATUS_NFD, b"0")


@pytest.mark.code(4209)
@pytest.mark.requirement("TIP1-A_5476", "TIP1-A_5477")
async def test_only_files_of_an_egk_are_erased(desk: Desk) -> None:
    async with desk.base.hold(desk.hba, CALL) as held, held.files() as files:
        for using in (files.erase(EF_GDO), files.erase_record(EF_GDO, 1)):
            with refused(4209):
                await using


# ---- records


@pytest.mark.requirement("TIP1-A_4575", "TIP1-A_4576", "TIP1-A_5477", "TIP1-A_4577", "TIP1-A_4578")
async def test_records_are_appended_read_written_searched_and_erased(desk: Desk) -> None:
    async with desk.consents() as files:
        await files.append_record(EF_CONSENTS_GDD, b"third")
        assert await files.read_record(EF_CONSENTS_GDD, 3) == b"third"
        await files.write_record(EF_CONSENTS_GDD, 2, b"second and longer")
        assert await files.read_record(EF_CONSENTS_GDD, 2) == b"second and longer"
        assert await files.search_record(EF_CONSENTS_GDD, b"d") == (2, 3)
        assert await files.search_record(EF_CONSENTS_GDD, b"d", 3) == (3,)
        assert await files.search_record(EF_CONSENTS_GDD, b"nowhere") == ()
        await files.erase_record(EF_CONSENTS_GDD, 1)
        assert await files.read_record(EF_CONSENTS_GDD, 1) == bytes(16)


@pytest.mark.code(4088)
async def test_a_record_longer_than_the_file_takes_is_4088(desk: Desk) -> None:
    async with desk.consents() as files:
        for using in (
            files.write_record(EF_CONSENTS_GDD, 1, bytes(61)),
            files.append_record(EF_CONSENTS_GDD, bytes(61)),
            files.append_record(EF_LOGGING, bytes(47)),
        ):
            with refused(4088, 0x6700):
                await using
        # Too short for a file whose records are all of one length: that is the card's own matter.
        with refused(4120, 0x6700):
            await files.append_record(EF_LOGGING, bytes(45))


@pytest.mark.code(4088, 4247)
async def test_a_full_file_of_records(desk: Desk) -> None:
    """600 octets in all: 4247 for one more record, 4088 for one that grows (TAB_KON_540 has no other code)."""
    async with desk.consents() as files:
        desk.image.records["MF/DF.HCA/DF.GDD/EF.EinwilligungGDD"] = [bytes(60)] * 9 + [bytes(30), bytes(25)]
        with refused(4247, 0x6A84):
            await files.append_record(EF_CONSENTS_GDD, bytes(20))
        with refused(4088, 0x6A84):
            await files.write_record(EF_CONSENTS_GDD, 11, bytes(40))


@pytest.mark.code(4091, 4087)
async def test_a_missing_record_is_4091_and_for_reading_4087(desk: Desk) -> None:
    async with desk.consents() as files:
        with refused(4087, 0x6A83):
            await files.read_record(EF_CONSENTS_GDD, 3)
        for using in (
            files.erase_record(EF_CONSENTS_GDD, 3),
            files.write_record(EF_CONSENTS_GDD, 3, b"x"),
            files.search_record(EF_CONSENTS_GDD, b"x", 3),
        ):
            with refused(4091, 0x6A83):
                await using


async def test_records_behind_a_pin_are_4085_without_it(desk: Desk) -> None:
    desk.image.records["MF/DF.HCA/DF.GDD/EF.EinwilligungGDD"] = [b"first", b"second"]
    async with desk.unlocked() as held:
        await held.reset()
        await desk.base.unlock(held, desk.hba)
        assert (await desk.base.pin_status(held, "MRPIN.GDD")).state is PinState.VERIFIABLE
        async with held.files() as files:
            with refused(4085, 0x6982):
                await files.read_record(EF_CONSENTS_GDD, 1)
        # The PIN is asked for while the card stays reserved; then nobody is asked again.
        for _ in range(2):
            assert (await desk.base.verify_pin(held, "MRPIN.GDD")).outcome is PinOutcome.OK
        async with held.files() as files:
            assert await files.search_record(EF_CONSENTS_GDD, b"second") == (2,)


# ---- locks, cards that go, the KVK


@pytest.mark.code(4093, 4232)
async def test_the_lock_counts(desk: Desk) -> None:
    async with desk.files() as files:
        with refused(4093):
            async with desk.base.hold(desk.egk, CALL):
                pass
    with refused(4232):
        await files.read(EF_GDO)
    async with desk.base.hold(desk.egk, CALL):
        with refused(4093):
            await files.read(EF_GDO)


@pytest.mark.code(4048, 4085)
async def test_card_to_card_wants_an_egk_and_a_card_that_is_unlocked(desk: Desk) -> None:
    smcb = desk.surgery.find(CardType.SMC_B)
    async with desk.base.hold(desk.egk, replace(CALL, user_id="somebody else")) as held:
        with refused(4085):
            await desk.base.unlock(held, desk.hba)
        with refused(4048):
            await desk.base.unlock(held, desk.egk)
    async with desk.base.hold(smcb, CALL) as held:
        with refused(4048):
            await desk.base.unlock(held, desk.hba)


@pytest.mark.requirement("TIP1-A_4580")
@pytest.mark.code(4251)
async def test_access_is_written_down_on_an_egk_only(desk: Desk) -> None:
    async with desk.files() as files:
        await desk.base.log.write(files, desk.hba, "NR")
    record = desk.image.records["MF/DF.HCA/EF.Logging"][0]
    assert record[4:6] == b"NR"
    assert record[6:16].hex() == desk.hba.data.iccsn
    async with desk.base.hold(desk.hba, CALL) as held, held.files() as files:
        with refused(4251):
            await desk.base.log.write(files, desk.hba, "NR")


@pytest.mark.requirement("TIP1-A_4573", "TIP1-A_4574", "TIP1-A_5478")
@pytest.mark.code(4085)
async def test_a_kvk_is_read_and_not_written(desk: Desk) -> None:
    record = encode_kvk(FIELDS)
    async with inserted(desk.surgery, KvkCard(record)) as card, desk.base.hold(card, CALL) as held:
        assert desk.base.role(held) is BusinessRole.VERSICHERTER
        async with held.files() as files:
            assert await files.read(EF_GDO) == record
            assert await files.read(EF_GDO, 2, 3) == record[2:5]
            for using in (
                files.write(EF_GDO, b"x"),
                files.write_record(EF_GDO, 1, b"x"),
                files.append_record(EF_GDO, b"x"),
            ):
                with refused(4085):
                    await using
            with refused(4209):
                await files.erase(EF_GDO)


@pytest.mark.code(4094)
async def test_a_card_that_is_pulled_is_4094(desk: Desk) -> None:
    with refused(4094):
        async with desk.files() as files, inserted(desk.surgery, KvkCard(encode_kvk(FIELDS))):
            await files.read(EF_GDO)


# ---- roles


@pytest.mark.requirement("TIP1-A_5478")
async def test_the_role_of_each_card(desk: Desk) -> None:
    surgery = desk.surgery
    expected = {
        CardType.EGK: BusinessRole.VERSICHERTER,
        CardType.HBA: BusinessRole.ARZT,
        CardType.SMC_B: BusinessRole.MITARBEITER_ARZT,
    }
    for card_type, role in expected.items():
        assert desk.base.role(surgery.find(card_type)) is role
    async with desk.base.hold(desk.egk, CALL) as held:
        assert desk.base.role(held) is BusinessRole.VERSICHERTER
        with refused(4093):
            desk.base.role(desk.egk)
    with refused(4232):
        desk.base.role(held)
    async with desk.base.hold(surgery.find(CardType.SMC_KT), CALL) as held:
        with refused(4209):
            desk.base.role(held)


@pytest.mark.requirement("TIP1-A_5478")
@pytest.mark.code(4210)
async def test_professions_of_several_roles_are_4210(desk: Desk) -> None:
    """A doctor whose certificate says that she is a dentist, too."""
    surgery = desk.surgery
    doctor = surgery.seed.professionals[0]
    both = replace(doctor, further=(ProfessionalKind.ZAHNARZT,))
    seed = replace(surgery.seed, professionals=(both, *surgery.seed.professionals[1:]))
    made = Personaliser(surgery.pki, seed, ENTROPY, CLOCK).hba(both, edition=7)
    async with inserted(surgery, surgery.virtual(made)) as hba, desk.base.hold(hba, CALL) as held:
        assert hba.card_type is CardType.HBA
        with refused(4210):
            desk.base.role(held)
