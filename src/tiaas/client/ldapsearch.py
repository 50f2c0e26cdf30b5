"""Searches in the directory of the TI through a Konnektor's LDAP proxy (LDAPv3, anonymous)."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from urllib.parse import urlsplit

from tiaas.base.errors import InvalidInput
from tiaas.client.errors import BadAnswer, ClientError, KonnektorUnreachable
from tiaas.interfaces.ldap_v3 import (
    BadLdap,
    Entry,
    FrameReader,
    Message,
    Operation,
    Result,
    SearchRequest,
    bind_request,
    decode_entry_untrusted,
    decode_message_untrusted,
    decode_result_untrusted,
)

_PORTS = {"ldaps": 636, "ldap": 389}
_MOST = 4 * 1024 * 1024
_CHUNK = 64 * 1024
_BIND, _SEARCH = 1, 2


class SearchEnded(ClientError):
    """The directory ended a search otherwise than with success; entries that came before are valid.

    `code` is the LDAP result code (4: more were found than it gives).
    """

    def __init__(self, code: int, diagnostic: str) -> None:
        super().__init__(f"the directory answered {code}" + (f": {diagnostic}" if diagnostic else ""))
        self.code = code
        self.diagnostic = diagnostic


async def search_directory(
    url: str, request: SearchRequest, context: ssl.SSLContext | None, wait: float = 30.0
) -> AsyncIterator[Entry]:
    """The entries found, as they come. `context` is for `ldaps`; `wait` is in seconds, for each step.

    Raises `SearchEnded`, `KonnektorUnreachable`, `BadAnswer`, `InvalidInput` for a bad URL.
    """
    parts = urlsplit(url)
    if parts.scheme not in _PORTS or not parts.hostname:
        raise InvalidInput(f"{url!r} is no ldaps or ldap URL with a host")
    secure = context if parts.scheme == "ldaps" else None
    try:
        async with asyncio.timeout(wait):
            reader, writer = await asyncio.open_connection(
                parts.hostname, parts.port or _PORTS[parts.scheme], ssl=secure
            )
        try:
            writer.write(Message(_BIND, Operation.BIND_REQUEST, bind_request()).encode())
            writer.write(Message(_SEARCH, Operation.SEARCH_REQUEST, request.encode()).encode())
            async for entry in _entries(reader, wait):
                yield entry
            writer.write(Message(_SEARCH + 1, Operation.UNBIND_REQUEST, b"").encode())
        finally:
            writer.transport.abort()
    except TimeoutError:
        raise KonnektorUnreachable(url, f"nothing within {wait:g} s") from None
    except OSError as error:
        raise KonnektorUnreachable(url, type(error).__name__) from None
    except BadLdap as error:
        raise BadAnswer(url, 0, str(error)) from error


async def _entries(reader: asyncio.StreamReader, wait: float) -> AsyncIterator[Entry]:
    frames = FrameReader(_MOST)
    while True:
        async with asyncio.timeout(wait):
            data = await reader.read(_CHUNK)
        if not data:
            raise ConnectionResetError
        for frame in frames.feed_untrusted(data):
            message = decode_message_untrusted(frame)
            if message.operation == Operation.SEARCH_ENTRY:
                yield decode_entry_untrusted(message.body)
            elif message.operation == Operation.SEARCH_DONE:
                _check(decode_result_untrusted(message.body))
                return
            elif message.operation in (Operation.BIND_RESPONSE, Operation.EXTENDED_RESPONSE):
                _check(decode_result_untrusted(message.body))


def _check(result: Result) -> None:
    if result.code:
        raise SearchEnded(result.code, result.diagnostic)
