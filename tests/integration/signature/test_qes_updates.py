"""A QES added to signatures that are there: made over nothing that could not be signed alone (gemSpec_Kon V5.18
TUC_KON_152 with TUC_KON_080, TAB_KON_778)."""

from typing import Any

import pytest

from tests.integration.signature.office import PDF, TEXT, TIFF, XML, Office, policy, wish
from tests.integration.signature.test_refusals import DEEP, SCHEMA, schemas
from tests.integration.signature.test_sign_document import CADES, COUNTER, PARALLEL, cms, intact, signed
from tiaas.ades.cadesread import read_cades_untrusted
from tiaas.ades.found import Integrity
from tiaas.ades.xadesvariants import NFDM_POLICY
from tiaas.cms.oids import Attribute
from tiaas.cms.signed import decode_signed_data_untrusted
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import Result
from tiaas.interfaces.dss_core_v1_0 import SignaturePlacement
from tiaas.konnektor.cardtypes import CardType

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.requirement("TIP1-A_4647-02", "TIP1-A_5447")]

UTF_8 = "text/plain; charset=utf-8"
ENTITY = b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'


async def of_the_practice(office: Office, octets: bytes, *, enveloping: bool = True) -> bytes:
    """An SMC-B's CMS signature of anything."""
    return cms(await signed(office, wish(octets, signature_type=CADES, include_e_content=enveloping)))


async def code_of_a_qes(office: Office, request: v7_5.SignRequest) -> int:
    return await office.code_of(office.sign(request, kind=CardType.HBA))


@pytest.mark.parametrize("update", [PARALLEL, COUNTER], ids=["parallel", "counter"])
@pytest.mark.parametrize(
    ("octets", "how", "code"),
    [
        pytest.param(b"\xff\0", {"mime_type": UTF_8}, 4024, id="no UTF-8"),
        pytest.param(TEXT, {}, 4110, id="binary"),
        pytest.param(TEXT, {"mime_type": "application/pkcs7-signature"}, 4110, id="called a signature"),
        pytest.param(TEXT, {"mime_type": "image/tiff"}, 4024, id="no TIFF"),
        pytest.param(PDF.replace(b"pdfaid:part>1", b"pdfaid:part>3"), {"mime_type": "application/pdf-a"}, 4024),
        pytest.param(ENTITY, {"xml": True}, 4281, id="entities"),
        pytest.param(DEEP, {"xml": True}, 4280, id="deep"),
        pytest.param(b"<a>", {"xml": True}, 4022, id="no XML"),
        pytest.param(XML, {"xml": True, "schemas": schemas(SCHEMA.replace(b"Text", b"Wort"))}, 4023, id="another one"),
    ],
)
@pytest.mark.code(4022, 4023, 4024, 4110, 4280, 4281)
async def test_a_document_in_a_signature_is_checked_as_if_alone(
    office: Office, octets: bytes, how: dict[str, Any], code: int, update: Any
) -> None:
    assert await code_of_a_qes(office, wish(octets, signature_type=CADES, **how)) == code
    inside = await of_the_practice(office, octets)
    request = wish(inside, signature_type=CADES, return_updated_signature=update, **how)
    assert await code_of_a_qes(office, request) == code


@pytest.mark.parametrize("update", [PARALLEL, COUNTER], ids=["parallel", "counter"])
@pytest.mark.parametrize(
    ("octets", "how", "warned"),
    [
        pytest.param(TEXT, {"mime_type": "text/plain"}, [], id="text"),
        pytest.param(TIFF, {"mime_type": "image/tiff"}, [], id="TIFF"),
        pytest.param(PDF, {"mime_type": "application/pdf-a"}, [], id="PDF"),
        pytest.param(XML, {"xml": True}, [4193], id="XML"),
        pytest.param(XML, {"xml": True, "schemas": schemas(SCHEMA)}, [], id="XML with schema"),
    ],
)
@pytest.mark.code(4193)
async def test_what_could_be_signed_alone_gets_one(
    office: Office, octets: bytes, how: dict[str, Any], warned: list[int], update: Any
) -> None:
    inside = await of_the_practice(office, octets)
    request = wish(inside, signature_type=CADES, return_updated_signature=update, **how)
    response = await signed(office, request, kind=CardType.HBA)
    found = read_cades_untrusted(cms(response), octets)
    assert len(found) == 2
    intact(found)
    error = response.status.error
    assert response.status.result is (Result.WARNING if warned else Result.OK)
    assert ([] if error is None else [trace.code for trace in error.trace]) == warned


async def test_only_who_checked_the_type_of_the_document_states_it(office: Office) -> None:
    """Nobody knows whether a nonQES is told the type of the document or of the CMS."""
    inside = await of_the_practice(office, TEXT)
    again = cms(await signed(office, wish(inside, "application/pkcs7-signature", return_updated_signature=PARALLEL)))
    third = wish(again, "text/plain", return_updated_signature=PARALLEL)
    signers = decode_signed_data_untrusted(cms(await signed(office, third, kind=CardType.HBA))).signers
    stated = [signer.signed_attribute(Attribute.MIME_TYPE) for signer in signers]
    assert len(stated) == 3
    assert [each[2:] for each in stated if each is not None] == [b"text/plain"]


@pytest.mark.code(4110)
async def test_no_qes_over_a_hash_value(office: Office) -> None:
    """A detached signature says what it was made over, and nobody sees it; what a counter signature signs is there."""
    detached = await of_the_practice(office, TEXT, enveloping=False)
    for_another = wish(detached, "text/plain", signature_type=CADES, return_updated_signature=PARALLEL)
    assert await code_of_a_qes(office, for_another) == 4110
    for_both = wish(detached, "text/plain", signature_type=CADES, return_updated_signature=COUNTER)
    found = read_cades_untrusted(cms(await signed(office, for_both, kind=CardType.HBA)), TEXT)
    assert [each.countersigns for each in found] == [None, 0]
    intact(found)


@pytest.mark.code(4110)
@pytest.mark.parametrize("enveloping", [True, False])
async def test_only_signatures_get_a_counter_signature(office: Office, enveloping: bool) -> None:
    inside = await of_the_practice(office, TEXT, enveloping=enveloping)
    (before,) = read_cades_untrusted(inside, TEXT)
    damaged = inside.replace(before.value, before.value[:-1] + bytes([before.value[-1] ^ 1]))
    (after,) = read_cades_untrusted(damaged, TEXT)
    assert after.integrity is Integrity.SIGNATURE_WRONG
    request = wish(damaged, "text/plain", signature_type=CADES, return_updated_signature=COUNTER)
    assert await code_of_a_qes(office, request) == 4110


@pytest.mark.code(4280)
@pytest.mark.parametrize("update", [None, PARALLEL], ids=["alone", "parallel"])
async def test_xml_has_no_more_room_than_without_signatures(office: Office, update: Any) -> None:
    nfdm: dict[str, Any] = {
        "policy": policy(NFDM_POLICY),
        "signature_placement": SignaturePlacement(xpath_first_child_of="/*"),
    }
    request = wish(DEEP, xml=True, ref_uri="#a", return_updated_signature=update, **nfdm)
    assert await code_of_a_qes(office, request) == 4280
