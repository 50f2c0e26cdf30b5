"""TIP1-A_4532: connector.sds has the form of ServiceDirectory.xsd 3.1.0."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
from lxml import etree

from tiaas.konnektor.config import ClientAccess, Product
from tiaas.konnektor.sds import PUBLISHED, service_directory

SCHEMA = Path(__file__).parents[4] / "shared" / "gematik-api" / "conn" / "ServiceDirectory.xsd"


@pytest.mark.parametrize("access", [ClientAccess(), ClientAccess(tls_mandatory=False, authentication_mandatory=False)])
@pytest.mark.requirement("TIP1-A_4529-02", "TIP1-A_4530", "TIP1-A_4531", "TIP1-A_4532")
def test_the_directory_is_valid(access: ClientAccess) -> None:
    if not SCHEMA.exists():
        pytest.skip("gematik's schemas are not beside this repository")
    schema = etree.XMLSchema(etree.parse(SCHEMA))
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    document = service_directory(PUBLISHED, Product(), access, "https://[::1]:443", "http://[::1]:80", now)
    schema.assertValid(etree.fromstring(document))
