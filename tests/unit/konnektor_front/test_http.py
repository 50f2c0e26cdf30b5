"""What `konnektor/http.py` reads of uvicorn is still there; a new version that changes it fails here first."""

import inspect

import httptools
import pytest
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from tiaas.konnektor.http import HttpConnection


def test_the_pinned_version() -> None:
    assert uvicorn.__version__.startswith("0.54.")


def test_the_methods_we_extend_and_call() -> None:
    for name, method in vars(HttpConnection).items():
        if name.startswith(("on_", "connection_", "data_", "pause_", "resume_", "timeout_")):
            assert hasattr(HttpToolsProtocol, name), name
            base = inspect.signature(getattr(HttpToolsProtocol, name)).parameters
            assert list(inspect.signature(method).parameters) == list(base), name
    assert "_unset_keepalive_if_required" in vars(HttpToolsProtocol)


def test_the_fields_we_read() -> None:
    source = inspect.getsource(HttpToolsProtocol)
    for field in ("self.pipeline", "self.cycle", "self.scope", "self.headers", "self.parser", "self.logger"):
        assert f"{field}:" in source or f"{field} =" in source, field
    cycle = inspect.getsource(RequestResponseCycle)
    for field in ("response_started", "response_complete", "disconnected", "message_event", "keep_alive"):
        assert f"self.{field} = " in cycle, field


def test_httptools_still_ends_an_upgrade_without_its_body() -> None:
    """The reason for `_go_on_after_offer`; if this fails, that can go."""
    seen: list[bytes] = []

    class Sink:
        def on_body(self, body: bytes) -> None:
            seen.append(body)

    parser = httptools.HttpRequestParser(Sink())
    head = b"POST / HTTP/1.1\r\nConnection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\n"
    with pytest.raises(httptools.HttpParserUpgrade) as offer:
        parser.feed_data(head + b"abc")
    assert offer.value.args[0] == len(head)
    assert not seen
