"""The lab's time server: answers with the lab's time, and with a wrong one if told to."""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any, cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tiaas.base.clock import Clock
from tiaas.interfaces.ntp_v4 import BadNtp, TimeAnswer, decode_question_untrusted, encode_answer
from tiaas.lab.errors import BadControlRequest

TIME_PORT = 8123
STRATUM = 2
_OFFSET_MAX = 10 * 366 * 86_400.0
_Reader = Callable[..., Awaitable[dict[str, Any]]]


class TimeServer:
    """NTP over UDP. `offset` (seconds) is added to the lab's time; `asked` counts questions."""

    def __init__(self, clock: Clock) -> None:
        self.offset = 0.0
        self.asked = 0
        self.port = 0
        self._clock = clock
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self, host: str, port: int) -> None:
        """Listens. Raises `OSError`."""
        # Bound by ourselves: uvloop tells of a taken address without its errno, and then no other port is tried.
        line = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        try:
            line.setblocking(False)
            line.bind((host, port))
            transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
                lambda: _Answering(self._answer), sock=line
            )
        except BaseException:
            line.close()
            raise
        self._transport = transport
        self.port = int(transport.get_extra_info("sockname")[1])

    def stop(self) -> None:
        """Listens no more."""
        if self._transport is not None:
            self._transport.close()
            self._transport = None

    def routes(self, read: _Reader) -> list[Route]:
        """The control port's part: GET /time; POST /time {"offset": seconds}."""

        async def get(request: Request) -> Response:
            return JSONResponse({"offset": self.offset, "asked": self.asked})

        async def post(request: Request) -> Response:
            offset = (await read(request, "offset")).get("offset")
            if isinstance(offset, bool) or not isinstance(offset, int | float) or not abs(offset) <= _OFFSET_MAX:
                raise BadControlRequest("offset is no number of seconds", 'send {"offset": 7200}')
            self.offset = float(offset)
            return await get(request)

        return [Route("/time", get, methods=["GET"]), Route("/time", post, methods=["POST"])]

    def _answer(self, packet: bytes) -> bytes | None:
        self.asked += 1
        try:
            nonce = decode_question_untrusted(packet)
        except BadNtp:
            return None
        now = self._clock.now() + timedelta(seconds=self.offset)
        return encode_answer(nonce, TimeAnswer(now, now, STRATUM))


class _Answering(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes], bytes | None]) -> None:
        self._of = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's datagram transport is a subclass.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        reply = self._of(data)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)
