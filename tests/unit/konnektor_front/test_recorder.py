"""Whose a recorded message is."""

import pytest

from tiaas.base.clock import SystemClock
from tiaas.konnektor.recorder import BODY_MAX, Recorder


@pytest.mark.parametrize(
    ("body", "whose"),
    [
        (b"<c:ClientSystemId>CS1</c:ClientSystemId>", ("CS1",)),
        (b'<ClientSystemId a="b">\n  CS 1\n</ClientSystemId>', ("CS 1",)),
        (b"<ClientSystemId> </ClientSystemId>", ()),
        (b"<ClientSystemId>" + b"x" * 300 + b"</ClientSystemId>", ()),
        (b"<ClientSystemId>" + b" " * BODY_MAX, ()),
        (b"<ClientSystemId>" * (BODY_MAX // 16), ()),
    ],
)
def test_a_message_without_certificate_says_whose_it_is(body: bytes, whose: tuple[str, ...]) -> None:
    recorder = Recorder("praxis-1", SystemClock(), lambda fingerprint: frozenset({"CS2"}))
    assert recorder.whose(None, body) == whose
    assert recorder.whose("ab", body) == ("CS2",)
