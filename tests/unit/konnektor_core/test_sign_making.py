"""What SignDocument does at once and what in a thread: the event loop is everybody's."""

from dataclasses import replace

import pytest

from tests.integration.signature.office import wish
from tiaas.ades.xadesvariants import Update
from tiaas.interfaces.dss_core_v1_0 import Schema, Schemas
from tiaas.konnektor.services.signature.making import _size
from tiaas.konnektor.services.signature.wishes import Wish, wish_of

XML = b"<a/>"
SCHEMAS = Schemas(schema=(Schema(base64_xml=b"<xs:schema/>", ref_uri="urn:x"),))


def made(data: bytes, schemas: Schemas | None = None) -> Wish:
    request = wish(data, xml=True) if schemas is None else wish(data, xml=True, schemas=schemas)
    return wish_of(request, False)


@pytest.mark.parametrize(
    ("wishes", "expected"),
    [
        ([made(XML)] * 3, True),
        ([made(XML), made(b"<a>" + b" " * 32 * 1024 + b"</a>")], False),
        # 30 KiB of optional elements keep libxml2 busy for seconds, whatever the document.
        ([made(XML), made(XML, SCHEMAS)], False),
        ([made(XML)] * 10, True),
        ([made(XML)] * 11, False),
    ],
)
def test_small_work_is_done_at_once(wishes: list[Wish], expected: bool) -> None:
    assert (_size(wishes) is None) is expected


def test_what_is_added_to_signatures_is_made_in_a_thread() -> None:
    """It may verify all that are there."""
    one = made(XML)
    assert _size([one, replace(one, update=Update.PARALLEL)]) is not None
