"""Prüfungsnachweise as Pruefungsnachweis.xsd 1.0.0 wants them (VSDM-A_2588, 2631)."""

from datetime import UTC, datetime
from itertools import product
from pathlib import Path

import pytest
from lxml import etree

from tiaas.fachdienste.vsdm.receipt import Receipt, Result, encode_receipt
from tiaas.interfaces.vsd_gzip import decompress_untrusted

XSD = Path(__file__).parents[3].parent / "shared" / "gematik-api" / "fa" / "vsds" / "Pruefungsnachweis.xsd"


@pytest.mark.skipif(not XSD.is_file(), reason=f"the schema is not at {XSD}")
def test_every_receipt_is_valid() -> None:
    schema = etree.XMLSchema(etree.parse(XSD))
    moment = datetime(2026, 11, 25, 23, 3, 54, tzinfo=UTC)
    for result, code, proof in product(Result, (None, 0, 99999), (None, b"U" * 47, b"U" * 65)):
        block = encode_receipt(Receipt(moment, result, code, proof))
        schema.assertValid(etree.fromstring(decompress_untrusted(block)))
