"""An HBA-Vorläuferkarte (HBA-qSig) at a terminal: what it does, and what only an HBA does (TIP1-A_4629)."""

from collections.abc import AsyncIterator
from dataclasses import replace

import pytest
import pytest_asyncio

from tests.integration.signature.office import TEXT, TIFF, Office, wish
from tests.integration.signature.test_sign_document import cms, intact, signed
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.base.config import read_config
from tiaas.cli.cardquestions import ask_form
from tiaas.interfaces import encryption_service_v6_1 as encryption
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.card_service_common_v2_0 import CardType as WireType
from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import VerifyPin
from tiaas.interfaces.certificate_service_common_v2_0 import CertRef
from tiaas.interfaces.certificate_service_v6_0 import CertRefList, Crypt, ReadCardCertificate
from tiaas.interfaces.connector_common_v5_0 import Document
from tiaas.interfaces.dss_core_v1_0 import Base64Data
from tiaas.interfaces.event_service_v7_2 import GetCards
from tiaas.konnektor.cards import Card
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.verdict import Result
from tiaas.lab.cardform import CardForm
from tiaas.pki.keys import SigningScheme

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.requirement("TIP1-A_4629")]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def precursor(office: Office) -> AsyncIterator[Card]:
    """One in the slot of the HBA."""
    lab, place = office.run.lab, office.card(CardType.HBA)
    made = lab.make_card(read_config(CardForm, ask_form(lambda question: "", "HBA-qSig")))
    hba = lab.eject(place.ct_id, place.slot)
    await office.until(lambda: office.context.cards.at(place.ct_id, place.slot) is None)
    lab.insert(place.ct_id, place.slot, made.iccsn)
    await office.until(lambda: office.context.cards.at(place.ct_id, place.slot) is not None)
    yield office.card(CardType.HBA_QSIG)
    lab.eject(place.ct_id, place.slot)
    await office.until(lambda: office.context.cards.at(place.ct_id, place.slot) is None)
    lab.insert(place.ct_id, place.slot, hba)
    await office.until(lambda: any(card.card_type is CardType.HBA for card in office.context.cards))


async def test_it_is_told_without_a_version(office: Office, precursor: Card) -> None:
    answer = await office.call(GetCards(context=office.call_context()))
    (found,) = [card for card in answer.cards.card if card.card_handle == precursor.handle]
    assert (found.card_type, found.card_version) == (WireType.HBA_QSIG, None)
    assert found.card_holder_name


@pytest.mark.parametrize("crypt", [None, v7_5.Crypt.RSA, v7_5.Crypt.RSA_ECC])
async def test_it_signs_one_document(office: Office, precursor: Card, crypt: v7_5.Crypt | None) -> None:
    response = await signed(office, wish(TIFF, "image/tiff"), kind=CardType.HBA_QSIG, crypt=crypt)
    found = intact(read_cades_untrusted(cms(response), TIFF))
    assert found.algorithm is not None
    assert found.algorithm[0] is SigningScheme.RSASSA_PSS
    assert found.certificate is not None
    verdict = await office.context.trust.check_any(found.certificate)
    assert (verdict.result, verdict.warnings) == (Result.VALID, ())


@pytest.mark.code(4118)
async def test_a_stack_is_for_an_hba(office: Office, precursor: Card) -> None:
    """TUC_KON_150, step 7: its card has no CV certificates for the secure channel."""
    stack = [wish(TIFF, "image/tiff", name=name, document_id=name) for name in ("A", "B")]
    assert await office.code_of(office.sign(*stack, kind=CardType.HBA_QSIG)) == 4118


async def test_it_has_no_key_on_a_curve(office: Office, precursor: Card) -> None:
    ecc = office.sign(wish(TIFF, "image/tiff"), kind=CardType.HBA_QSIG, crypt=v7_5.Crypt.ECC)
    assert await office.code_of(ecc) == 4123
    wanted = CertRefList(cert_ref=(CertRef.C_AUT, CertRef.C_ENC, CertRef.C_QES))
    read = ReadCardCertificate(
        card_handle=precursor.handle, context=office.call_context(), cert_ref_list=wanted, crypt=Crypt.RSA
    )
    answer = await office.call(read)
    assert all(info.x509_data is not None for info in answer.x509_data_info_list.x509_data_info)


async def test_no_pin_comes_from_another_terminal(office: Office, precursor: Card) -> None:
    """Without CV certificates no gSMC-KT builds a trusted channel to it."""
    with pytest.raises(KonnektorError) as caught:
        await office.context.pins._remote.way(precursor.ct_id, precursor)
    assert caught.value.code == 4053


@pytest.mark.code(4274)
async def test_comfort_signatures_are_for_an_hba(office: Office, precursor: Card) -> None:
    user = office.call_context(user="2f1a3b52-6a0f-4f0c-9f4c-0d3c1f1b8a11")
    wanted = v7_5.ActivateComfortSignature(card_handle=precursor.handle, context=user)
    settings = office.context.qes.settings
    await office.context.qes.configure(replace(settings, comfort=True))
    try:
        assert await office.code_of(wanted) == 4274
    finally:
        await office.context.qes.configure(settings)


async def test_it_decrypts_with_its_one_key(office: Office, precursor: Card) -> None:
    on_card = encryption.CertificateOnCard(card_handle=precursor.handle, crypt=encryption.Crypt.RSA)
    sealed = await office.call(
        encryption.EncryptDocument(
            context=office.call_context(),
            recipient_keys=encryption.RecipientKeys(certificate_on_card=on_card),
            document=Document(base64_data=Base64Data(data=TEXT)),
        )
    )
    opened = encryption.DecryptDocument(
        context=office.call_context(),
        private_key_on_card=encryption.PrivateKeyOnCard(card_handle=precursor.handle),
        document=sealed.document,
    )
    assert await office.code_of(opened) == 4085
    verified = await office.call(
        VerifyPin(context=office.call_context(), card_handle=precursor.handle, pin_typ="PIN.CH")
    )
    assert verified.pin_result is PinResult.OK
    answer = await office.call(opened)
    assert answer.document.base64_data.data == TEXT
