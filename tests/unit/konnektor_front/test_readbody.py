"""A request's body as it comes from the HTTP server."""

from collections.abc import Iterator, MutableMapping
from typing import Any

import pytest

from tiaas.base.heavy import LARGE
from tiaas.konnektor.webapp import Gone, Receive, TooLong, read_body

WHOLE = bytes(range(256)) * (5 * LARGE // 256) + b"end"


def announced(size: int) -> dict[bytes, bytes]:
    return {b"content-length": str(size).encode()}


def giving(parts: Iterator[MutableMapping[str, Any]]) -> Receive:
    async def receive() -> MutableMapping[str, Any]:
        return next(parts)

    return receive


def of(octets: bytes, size: int = 64 * 1024) -> Iterator[MutableMapping[str, Any]]:
    for start in range(0, len(octets), size):
        yield {"type": "http.request", "body": octets[start : start + size], "more_body": start + size < len(octets)}


@pytest.mark.parametrize("fields", [announced(len(WHOLE)), {b"transfer-encoding": b"chunked"}], ids=["size", "chunks"])
async def test_a_large_body_is_taken_whole(fields: dict[bytes, bytes]) -> None:
    assert await read_body(fields, giving(of(WHOLE)), len(WHOLE)) == WHOLE


@pytest.mark.parametrize(
    "end", [{"type": "http.disconnect"}, {"type": "http.request", "body": b"", "more_body": False}], ids=["gone", "end"]
)
async def test_of_one_that_ends_early_nothing_is_given_out(end: MutableMapping[str, Any]) -> None:
    async def receive() -> MutableMapping[str, Any]:
        part = next(parts, end)
        return {**part, "more_body": True} if part is not end else end

    parts = of(WHOLE[: 2 * LARGE])
    with pytest.raises(Gone):
        await read_body(announced(len(WHOLE)), receive, len(WHOLE))


@pytest.mark.parametrize("fields", [announced(len(WHOLE)), {b"transfer-encoding": b"chunked"}], ids=["size", "chunks"])
async def test_too_long_is_refused(fields: dict[bytes, bytes]) -> None:
    with pytest.raises(TooLong):
        await read_body(fields, giving(of(WHOLE)), len(WHOLE) - 1)
