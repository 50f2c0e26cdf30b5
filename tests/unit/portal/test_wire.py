"""JSON into dataclasses."""

from typing import Any

import pytest

from tiaas.base.wire import BadDocument, decode_document_untrusted
from tiaas.portal.status import Call, Instance, Listing, Pin

CALL: dict[str, Any] = {"number": 1, "at": "2026-03-02T09:30:00.000Z", "operation": None, "ms": 1, "outcome": "ok"}


def test_what_is_missing_has_its_default_and_what_is_more_is_left_alone() -> None:
    call = decode_document_untrusted(Call, {**CALL, "later": [1, 2]})
    assert (call.code, call.ms, call.operation) == (None, 1.0, None)
    assert call.at.isoformat() == "2026-03-02T09:30:00+00:00"
    assert decode_document_untrusted(Pin, {"name": "PIN.SMC", "state": "VERIFIED"}).sessions == 0


@pytest.mark.parametrize(
    "change",
    [
        {"number": "1"},
        {"number": True},
        {"number": 1.5},
        {"ms": "1"},
        {"ms": True},
        {"ms": 10**400},
        {"at": "yesterday"},
        {"at": "2026-03-02T09:30:00"},
        {"at": None},
        {"outcome": None},
        {"operation": 3},
    ],
)
def test_another_type_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadDocument):
        decode_document_untrusted(Call, CALL | change)


@pytest.mark.parametrize("document", [None, [], "x", 1, {}, {"version": 1}, {"version": 1, "instances": {}}])
def test_another_form_is_refused(document: object) -> None:
    for shape in (Listing, Instance):
        with pytest.raises(BadDocument):
            decode_document_untrusted(shape, document)
