"""VSD of every patient of the packaged seed against the official schema, and the layout of the files (Tab_eGK_Fach)."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from tiaas.fachdienste.vsdm import containers
from tiaas.interfaces.vsd_gzip import decompress_untrusted
from tiaas.interfaces.vsd_v5_2 import decode_gvd_untrusted, decode_pd_untrusted, decode_vd_untrusted
from tiaas.lab.insured import insurance_data, insured_files, personal_data, protected_data
from tiaas.lab.seed import Patient, load_seed

SCHEMA = Path(__file__).parents[3].parent / "shared" / "gematik-api" / "fa" / "vsds" / "Schema_VSD.xsd"
SEED = load_seed()
NOW = datetime(2026, 6, 1, tzinfo=UTC)

pytestmark = pytest.mark.skipif(not SCHEMA.is_file(), reason="../shared/gematik-api is not there")


@pytest.fixture(scope="module")
def schema() -> etree.XMLSchema:
    return etree.XMLSchema(etree.parse(SCHEMA))


@pytest.mark.parametrize("patient", SEED.patients, ids=lambda patient: patient.kvnr)
@pytest.mark.pitfall(50)
def test_vsdm_a_2567_documents_are_valid_and_read_back(patient: Patient, schema: etree.XMLSchema) -> None:
    files = insured_files(patient, SEED, NOW)
    blocks = (
        containers.decode_pd_untrusted(files["MF/DF.HCA/EF.PD"]),
        containers.decode_vd_untrusted(files["MF/DF.HCA/EF.VD"]).vd or b"",
        containers.decode_gvd_untrusted(files["MF/DF.HCA/EF.GVD"]),
    )
    documents = [decompress_untrusted(block) for block in blocks]
    for document in documents:
        schema.assertValid(etree.fromstring(document))
        assert b"encoding='ISO-8859-15'" in document[:60]
    assert decode_pd_untrusted(documents[0]) == personal_data(patient)
    assert decode_vd_untrusted(documents[1]) == insurance_data(patient, SEED)
    assert decode_gvd_untrusted(documents[2]) == protected_data(patient)


@pytest.mark.parametrize("patient", SEED.patients, ids=lambda patient: patient.kvnr)
def test_ef_vd_has_the_copy_of_recorded_cards(patient: Patient) -> None:
    files = insured_files(patient, SEED, NOW)
    assert len(files["MF/DF.HCA/EF.VD"]) == containers.EF_VD_SIZE
    copy = containers.decode_vd_untrusted(files["MF/DF.HCA/EF.VD"]).gvd
    assert copy == containers.decode_gvd_untrusted(files["MF/DF.HCA/EF.GVD"])


def test_schema_refuses_what_it_should(schema: etree.XMLSchema) -> None:
    """The oracle works: a document with a wrong KVNR is not valid."""
    files = insured_files(SEED.patients[0], SEED, NOW)
    document = decompress_untrusted(containers.decode_pd_untrusted(files["MF/DF.HCA/EF.PD"]))
    assert not schema.validate(etree.fromstring(document.replace(SEED.patients[0].kvnr.encode(), b"x")))
