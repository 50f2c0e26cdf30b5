"""What our encoder writes is valid by the official XSD, and our decoder reads it back."""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from lxml import etree

from tests.conformance.soap.class_instances import random_message
from tests.conformance.soap.test_parity import MESSAGES
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.soap.envelope import Limits, SoapFault, parse_envelope_untrusted, write_envelope, write_fault
from tiaas.soap.errors import FaultCode
from tiaas.soap.mapping import decode, encode_document

_LAX = settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
# A seed, not `st.randoms()`: that draws every single number through Hypothesis, some twenty times slower.
_SEEDS = st.integers(0, 2**32 - 1)
_SCHEMAS: dict[Path, etree.XMLSchema] = {}


def schema_at(path: Path) -> etree.XMLSchema:
    if path not in _SCHEMAS:
        _SCHEMAS[path] = etree.XMLSchema(etree.parse(path))
    return _SCHEMAS[path]


def canonical(document: bytes) -> bytes:
    """Without namespaces that are declared and not used: opaque content brings those of the message it came in."""
    return etree.tostring(etree.fromstring(document), method="c14n", exclusive=True)


@pytest.mark.parametrize(("cls", "xsd"), MESSAGES)
@_LAX
@given(seed=_SEEDS)
def test_written_messages_are_valid(cls: type[Any], xsd: str, api: Path, seed: int) -> None:
    value = random_message(cls, Random(seed))
    document = encode_document(value)
    schema_at(api / xsd).assertValid(etree.fromstring(document))
    element = parse_envelope_untrusted(write_envelope(value), Limits())
    assert canonical(encode_document(decode(cls, element))) == canonical(document)


@_LAX
@given(seed=_SEEDS, text=st.text(st.characters(categories=("L", "P", "S", "Zs"))))
def test_fault_details_are_valid(api: Path, seed: int, text: str) -> None:
    detail = random_message(Error, Random(seed))
    fault = etree.fromstring(write_fault(SoapFault(FaultCode.SERVER, text, detail)))[0][0]
    assert [child.tag for child in fault] == ["faultcode", "faultstring", "detail"]
    assert (fault[1].text or "") == text
    schema_at(api / "tel/error/TelematikError.xsd").assertValid(fault[2][0])
