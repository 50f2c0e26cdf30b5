"""What is signed and opened with keys in a SoftHSM2, a real PKCS#11 module: judged by foreign programs."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.integration.encryption.conftest import octets_of
from tests.integration.signature.office import PDF, TEXT, XML, Office, around, wish
from tests.integration.signature.stacks import STACK, After, stack
from tests.judges import needs, openssl_verifies, pdfsig_verifies, pyhanko_verifies, xmlsec1_verifies
from tiaas.ades.found import SignatureFormat
from tiaas.base.clock import SystemClock
from tiaas.base.entropy import SystemEntropy
from tiaas.cli.compose import UpOptions, running
from tiaas.cli.progress import Progress
from tiaas.cli.upchoices import HsmKind
from tiaas.interfaces import encryption_service_v6_1 as v6_1
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import Document
from tiaas.interfaces.dss_core_v1_0 import IncludeObject
from tiaas.konnektor.cardtypes import CardType
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.events import Topic
from tiaas.lab.hsm import CONFIGURATION
from tiaas.lab.registry import Registry

pytestmark = pytest.mark.asyncio(loop_scope="module")

HSM = CardType.HSM_B
CRYPTS = pytest.mark.parametrize("crypt", [v7_5.Crypt.ECC, v7_5.Crypt.RSA])


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def office(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Office]:
    folder = tmp_path_factory.mktemp("office")
    clock = SystemClock()
    options = UpOptions(folder / "lab", hsm=HsmKind.SOFTHSM)
    registry = Registry({"XDG_STATE_HOME": str(folder / "state")})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(CONFIGURATION, "")
        async with running(options, registry, Progress(clock), clock=clock, entropy=SystemEntropy()) as run:
            made = Office(run)
            await made.until(lambda: any(card.card_type is HSM for card in made.context.cards))
            yield made


async def signed(office: Office, request: v7_5.SignRequest, crypt: v7_5.Crypt) -> v7_5.SignResponse:
    (response,) = (await office.call(office.sign(request, kind=HSM, crypt=crypt))).sign_response
    assert isinstance(response, v7_5.SignResponse)
    return response


def document(response: v7_5.SignResponse) -> bytes:
    assert response.optional_outputs is not None
    assert response.optional_outputs.document_with_signature is not None
    data = response.optional_outputs.document_with_signature.base64_data
    assert data is not None
    return data.data


@CRYPTS
@pytest.mark.requirement("TIP1-A_5447")
async def test_pades(office: Office, crypt: v7_5.Crypt) -> None:
    pdf = document(await signed(office, wish(PDF, "application/pdf-a"), crypt))
    assert pdf.startswith(PDF)
    await pyhanko_verifies(pdf, office.run.ca_bundle)


@needs("pdfsig")
@pytest.mark.requirement("TIP1-A_5447")
async def test_pades_by_poppler(office: Office, tmp_path: Path) -> None:
    """It knows RSA only."""
    pdfsig_verifies(document(await signed(office, wish(PDF, "application/pdf-a"), v7_5.Crypt.RSA)), tmp_path)


@needs("xmlsec1")
async def test_xades(office: Office, tmp_path: Path) -> None:
    around_it = v7_5.IncludeObjects(include_object=(IncludeObject(which_document="D1"),))
    response = await signed(office, wish(XML, xml=True, include_objects=around_it), v7_5.Crypt.ECC)
    xmlsec1_verifies(around(response), tmp_path, office.run.ca_bundle)


@CRYPTS
@needs("openssl")
async def test_smime(office: Office, tmp_path: Path, crypt: v7_5.Crypt) -> None:
    mail = b"From: a@example.org\r\nSubject: Befund\r\nContent-Type: text/plain\r\n\r\nText\r\n"
    response = await signed(office, wish(mail, signature_type=SignatureFormat.SMIME.value), crypt)
    assert openssl_verifies(document(response), tmp_path, office.run.ca_bundle, form="SMIME") == mail


@pytest.mark.parametrize("crypt", [v6_1.Crypt.ECC, v6_1.Crypt.RSA, v6_1.Crypt.RSA_ECC])
@pytest.mark.requirement("TIP1-A_4622-05")
async def test_an_encrypted_element_is_opened(office: Office, crypt: v6_1.Crypt) -> None:
    """XMLEnc, there and back."""
    card = office.card(HSM).handle
    on_card = v6_1.CertificateOnCard(card_handle=card, crypt=crypt)
    hidden = await office.call(
        v6_1.EncryptDocument(
            context=office.call_context(),
            recipient_keys=v6_1.RecipientKeys(certificate_on_card=on_card),
            document=Document(base64_xml=XML),
        )
    )
    assert b"EncryptedData" in octets_of(hidden.document)
    assert b"Guten Tag" not in octets_of(hidden.document)
    opened = await office.call(
        v6_1.DecryptDocument(
            context=office.call_context(),
            private_key_on_card=v6_1.PrivateKeyOnCard(card_handle=card),
            document=hidden.document,
        )
    )
    assert b"<Text>Guten Tag</Text>" in octets_of(opened.document)


@pytest.mark.requirement("TIP1-A_5666-02", "TIP1-A_4671")
@pytest.mark.code(4049)
async def test_a_stack_is_stopped_while_it_is_signed(office: Office) -> None:
    message = office.sign(*stack(STACK), kind=HSM)
    after = After(office, 3)
    job = asyncio.create_task(office.call(message))
    await after.wait()
    office.events.clear()
    await office.call(v7_5.StopSignature(context=office.call_context(), job_number=message.job_number or ""))
    with pytest.raises(KonnektorError) as ended:
        await job
    assert ended.value.code == 4049
    assert sum(event.topic == Topic.SIGN_NEXT_SUCCESSFUL for event in office.events) < STACK - 3
    await office.call(office.sign(wish(TEXT, "text/plain"), kind=HSM))
