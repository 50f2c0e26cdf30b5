"""Cards in every state at the Konnektor, behind a real terminal: GetCards, ReadVSD, PIN operations, certificates."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest
import pytest_asyncio

from tests.integration.konnektor_core.surgery import CLOCK, CT, ENTROPY, Surgery, context
from tiaas.card.objsys.model import KeyProfile
from tiaas.card.virtual.defects import DefectKind
from tiaas.interfaces.card_service_common_v2_0 import CardType as WireType
from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import GetPinStatus, PinStatus, VerifyPin
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import CertRefList, Crypt, ReadCardCertificate
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.interfaces.vsd_service_v5_2 import ReadVSD
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.lab.cardform import DefectForm, Generation, PinCondition, PinForm, StateForm
from tiaas.lab.cardstates import apply_state
from tiaas.lab.personalise import PersonalisedCard, Personaliser
from tiaas.pki.issue import Validity
from tiaas.terminal.virtual.config import PinMode, PinPolicy
from tiaas.terminal.virtual.shapes import SHAPES

EGK_SLOT, HBA_SLOT, ANTENNA = 2, 3, 5


class States(Surgery):
    """A surgery whose cards are exchanged for others again and again."""

    editions = 0
    shape = SHAPES["desk-contactless"]

    def made(self, kind: CardType, state: StateForm, maker: Personaliser | None = None) -> PersonalisedCard:
        """A new card of a kind in a state."""
        self.editions += 1
        maker = maker or self.personaliser
        transport = any(pin.state is PinCondition.TRANSPORT for pin in state.pins)
        if kind is CardType.EGK:
            made = maker.egk(self.seed.patients[1], edition=self.editions)
        elif kind is CardType.HBA:
            made = maker.hba(self.seed.professionals[1], edition=self.editions, transport=transport)
        else:
            made = maker.smcb(self.seed.institutions[1], edition=self.editions, transport=transport)
        made.image.profile = state.profile
        apply_state(made.image, state)
        return made

    @asynccontextmanager
    async def inserted(self, made: PersonalisedCard, slot: int = EGK_SLOT) -> AsyncIterator[Card]:
        """The card in a slot, as the Konnektor opened it."""
        if self.terminal.card_in(slot) is not None:
            self.terminal.eject(slot)
            await self.until(lambda: self.core.cards.at(CT, slot) is None)
        self.terminal.insert(slot, self.virtual(made))
        await self.until(lambda: self.core.cards.at(CT, slot) is not None)
        card = self.core.cards.at(CT, slot)
        assert card is not None
        yield card
        self.terminal.eject(slot)
        await self.until(lambda: self.core.cards.at(CT, slot) is None)

    async def read_vsd(self, card: Card) -> int:
        """0, or the code of the fault."""
        request = ReadVSD(
            ehc_handle=card.handle,
            hpc_handle=self.find(CardType.SMC_B).handle,
            perform_online_check=False,
            read_online_receipt=False,
            context=context(),
        )
        return await self.code(request)

    async def code(self, request: object) -> int:
        try:
            await self.call(request)
        except KonnektorError as error:
            return error.code
        return 0

    async def told(self, card: Card) -> WireType:
        """The type that GetCards tells."""
        found = await self.call(GetCards(context=context(), mandant_wide=False))
        told: WireType = next(entry.card_type for entry in found.cards.card if entry.card_handle == card.handle)
        return told


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def surgery(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[States]:
    out = States(tmp_path_factory.mktemp("surgery"))
    presses = asyncio.create_task(_press_ok(out))
    try:
        await out.open()
        presses.cancel()
        out.terminal.machine.switch_contactless(on=True)
        smcb = out.find(CardType.SMC_B).handle
        await out.call(VerifyPin(context=context(), card_handle=smcb, pin_typ="PIN.SMC"))
        yield out
    finally:
        await out.close()


async def _press_ok(surgery: Surgery) -> None:
    while True:
        await asyncio.sleep(0.02)
        terminal = getattr(surgery, "terminal", None)
        if terminal is not None and "PAIREN" in str(terminal.snapshot()):
            terminal.press("ok")


pytestmark = pytest.mark.asyncio(loop_scope="module")


def broken(kind: DefectKind, file: str | None = None, commands: int = 0) -> StateForm:
    return StateForm(defect=DefectForm(kind=kind, file=file, commands=commands))


@pytest.mark.requirement("TIP1-A_4565", "TIP1-A_4988-02")
@pytest.mark.code(105, 113, 114, 3001, 3011)
@pytest.mark.parametrize(
    ("state", "kind", "code"),
    [
        (StateForm(), WireType.EGK, 0),
        (StateForm(keys=KeyProfile.ECC_ONLY), WireType.EGK, 0),
        (StateForm(locked=True), WireType.EGK, 114),
        (StateForm(open_transaction=True), WireType.EGK, 3001),
        (StateForm(generation=Generation.G1), WireType.UNKNOWN, 113),
        (StateForm(generation=Generation.G3), WireType.UNKNOWN, 105),
        (broken(DefectKind.MUTE), WireType.UNKNOWN, 105),
        (broken(DefectKind.WRONG_ATR), WireType.UNKNOWN, 105),
        (broken(DefectKind.GARBAGE), WireType.UNKNOWN, 105),
        (broken(DefectKind.BROKEN_FILE, "EF.GDO"), WireType.UNKNOWN, 105),
        (broken(DefectKind.READ_ERROR, "DF.ESIGN/EF.C.CH.AUT.E256"), WireType.UNKNOWN, 105),
        (broken(DefectKind.READ_ERROR, "DF.HCA/EF.PD"), WireType.EGK, 3011),
        (broken(DefectKind.BROKEN_FILE, "DF.HCA/EF.StatusVD"), WireType.EGK, 3011),
        (broken(DefectKind.WRONG_CHECKSUM), WireType.EGK, 0),
    ],
    ids=lambda value: repr(value)[:60] if isinstance(value, StateForm) else None,
)
async def test_health_cards(surgery: States, state: StateForm, kind: WireType, code: int) -> None:
    async with surgery.inserted(surgery.made(CardType.EGK, state)) as card:
        assert await surgery.told(card) is kind
        assert await surgery.read_vsd(card) == code


@pytest.mark.code(4044)
async def test_a_card_that_dies_while_it_is_read(surgery: States) -> None:
    made = surgery.made(CardType.EGK, StateForm())
    async with surgery.inserted(made) as card:
        apply_state(made.image, broken(DefectKind.DIES))
        assert await surgery.read_vsd(card) == 4044
        assert await surgery.told(card) is WireType.EGK


async def test_a_card_of_generation_2_0_has_rsa_identities_only(surgery: States) -> None:
    async with surgery.inserted(surgery.made(CardType.EGK, StateForm(generation=Generation.G2_0))) as card:
        assert card.card_type is CardType.EGK
        assert str(card.data.versions.object_system if card.data.versions else None) == "4.3.0"
        assert card.data.kvnr == surgery.seed.patients[1].kvnr


@pytest.mark.code(107)
async def test_an_expired_card(surgery: States) -> None:
    end = CLOCK.now() - timedelta(days=3)
    maker = Personaliser(surgery.pki, surgery.seed, ENTROPY, CLOCK, validity=Validity(end - timedelta(days=900), end))
    async with surgery.inserted(surgery.made(CardType.EGK, StateForm(), maker)) as card:
        assert card.data.certificate_expiration == end.date()
        assert await surgery.read_vsd(card) == 107


@pytest.mark.requirement("TIP1-A_4567", "TIP1-A_4570")
@pytest.mark.code(4063, 4065)
@pytest.mark.parametrize(
    ("pin", "status", "left", "outcome"),
    [
        (PinForm(name="PIN.CH"), PinStatus.VERIFIABLE, 3, PinResult.OK),
        (PinForm(name="PIN.CH", tries=1), PinStatus.VERIFIABLE, 1, PinResult.OK),
        (PinForm(name="PIN.CH", state=PinCondition.TRANSPORT), PinStatus.TRANSPORT_PIN, None, PinResult.TRANSPORT_PIN),
        (PinForm(name="PIN.CH", state=PinCondition.EMPTY), PinStatus.EMPTY_PIN, None, PinResult.TRANSPORT_PIN),
        (PinForm(name="PIN.CH", state=PinCondition.BLOCKED), PinStatus.BLOCKED, 0, PinResult.WASBLOCKED),
        (PinForm(name="PIN.CH", state=PinCondition.PUK_BLOCKED), PinStatus.BLOCKED, 0, PinResult.WASBLOCKED),
        (PinForm(name="PIN.CH", state=PinCondition.DISABLED), PinStatus.DISABLED, None, PinResult.OK),
    ],
    ids=lambda value: value.state.value if isinstance(value, PinForm) else None,
)
async def test_pins_of_an_hba(
    surgery: States, pin: PinForm, status: PinStatus, left: int | None, outcome: PinResult
) -> None:
    async with surgery.inserted(surgery.made(CardType.HBA, StateForm(pins=(pin,))), HBA_SLOT) as card:
        asked = GetPinStatus(context=context(user="U1"), card_handle=card.handle, pin_typ="PIN.CH")
        answer = await surgery.call(asked)
        assert (answer.pin_status, answer.left_tries) == (status, left)
        verify = VerifyPin(context=context(user="U1"), card_handle=card.handle, pin_typ="PIN.CH")
        assert (await surgery.call(verify)).pin_result is outcome


async def test_a_health_card_on_the_antenna(surgery: States) -> None:
    """Its holder types the number printed on it; above the terminal nothing differs from a card at contacts."""
    async with surgery.inserted(surgery.made(CardType.EGK, StateForm()), ANTENNA) as card:
        assert await surgery.told(card) is WireType.EGK
        assert await surgery.read_vsd(card) == 0
        assert any("CAN" in shown for shown in surgery.terminal.snapshot().history)


@pytest.mark.parametrize("mode", [PinMode.WRONG, PinMode.CANCEL])
async def test_a_card_on_the_antenna_without_its_number_stays_unknown(surgery: States, mode: PinMode) -> None:
    surgery.terminal.pin_policy = PinPolicy(mode)
    try:
        async with surgery.inserted(surgery.made(CardType.EGK, StateForm()), ANTENNA) as card:
            assert await surgery.told(card) is WireType.UNKNOWN
            assert await surgery.read_vsd(card) == 105
    finally:
        surgery.terminal.pin_policy = PinPolicy()


async def test_certificates_of_an_ecc_only_card(surgery: States) -> None:
    """ECC as ever; for RSA there is an entry without certificate (divergences, TAB_KON_679)."""
    made = surgery.made(CardType.HBA, StateForm(keys=KeyProfile.ECC_ONLY))
    async with surgery.inserted(made, HBA_SLOT) as card:
        for crypt, there in ((Crypt.ECC, True), (Crypt.RSA, False)):
            answer = await surgery.call(
                ReadCardCertificate(
                    card_handle=card.handle,
                    context=context(user="U1"),
                    cert_ref_list=CertRefList(cert_ref=(CertRef.C_AUT,)),
                    crypt=crypt,
                )
            )
            entry = answer.x509_data_info_list.x509_data_info[0]
            assert (entry.x509_data is not None) is there
