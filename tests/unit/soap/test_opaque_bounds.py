"""Opaque elements are counted before they are written out with all namespaces in force."""

import pytest
from lxml import etree

from tests.integration.signature.office import wish
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.dss_core_v1_0 import Properties, Property, PropertyList, Schema, Schemas
from tiaas.interfaces.signature_service_v7_5 import SignDocument, TvMode
from tiaas.konnektor.cmsattributes import attributes_in
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.services.signature.wishes import octets_to_parse
from tiaas.soap import markup
from tiaas.soap.errors import BadMessage
from tiaas.soap.mapping import decode, encode


def message(lists: int, values: int, namespaces: int, uri: str = "urn:") -> etree._Element:
    """A SignDocument with so many properties of so many values, and namespaces that are in force there."""
    prefixes = "".join(f' xmlns:a{number}="{uri}{number}"' for number in range(namespaces))
    entry = Property(identifier="u", value=("<x/>",) * values)
    properties = Properties(signed_properties=PropertyList(property=(entry,) * lists))
    request = SignDocument(
        card_handle="h",
        context=Context(mandant_id="m", client_system_id="c", workplace_id="w"),
        tv_mode=TvMode.NONE,
        job_number="AAA-001",
        sign_request=(wish(b"x", "text/plain", properties=properties),),
    )
    return etree.fromstring(f"<Around{prefixes}>{encode(request)}</Around>")[0]


@pytest.mark.parametrize(("lists", "values", "namespaces"), [(1, 50, 10), (1, 200, 0), (500, 2, 10)])
def test_usual_ones_are_read(lists: int, values: int, namespaces: int) -> None:
    (request,) = decode(SignDocument, message(lists, values, namespaces)).sign_request
    assert request.optional_inputs is not None
    properties = request.optional_inputs.properties
    assert properties is not None
    assert properties.signed_properties is not None
    assert [len(entry.value or ()) for entry in properties.signed_properties.property] == [values] * lists


@pytest.mark.parametrize(
    ("lists", "values", "namespaces", "uri"),
    [(1, 201, 0, ""), (1, 3500, 100, "urn:"), (100, 100, 100, "urn:"), (20, 200, 1, "urn:" + "u" * 2000)],
)
def test_what_becomes_large_is_refused_unwritten(
    lists: int, values: int, namespaces: int, uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = list[object]()
    monkeypatch.setattr(markup, "written", written.append)
    with pytest.raises(BadMessage, match="too many|more than"):
        decode(SignDocument, message(lists, values, namespaces, uri))
    assert not written


@pytest.mark.parametrize("texts", [("no XML",) * 201, ("x" * 1024 * 1024,) * 3], ids=["many", "large"])
def test_values_are_counted_before_they_are_parsed(texts: tuple[str, ...]) -> None:
    values = PropertyList(property=(Property(identifier="u", value=texts),))
    with pytest.raises(KonnektorError) as caught:
        attributes_in(values)
    assert caught.value.code == 4000


def test_what_is_to_be_parsed_is_measured() -> None:
    """By it SignDocument decides whether it reads its inputs in the event loop."""
    entry = Property(identifier="u", value=("<x/>",) * 3)
    properties = Properties(signed_properties=PropertyList(property=(entry, entry)))
    schemas = Schemas(schema=(Schema(inline_xml="<InlineXML/>", ref_uri="urn:x"), Schema(base64_xml=b"12")))
    requests = [wish(b"x"), wish(b"x", properties=properties), wish(b"x", schemas=schemas)]
    assert [octets_to_parse([one]) for one in requests] == [0, 24, 12]
    assert octets_to_parse(requests) == 36
