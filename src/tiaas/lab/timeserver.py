"""The lab's time server: answers with the lab's time, unless a fault of service `time` strikes."""

import asyncio
import socket
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast

from tiaas.base.clock import Clock
from tiaas.interfaces.ntp_v4 import BadNtp, TimeAnswer, decode_question_untrusted, encode_answer
from tiaas.lab.faults import FaultBook, Service
from tiaas.lab.journal import Journal

TIME_PORT = 8123
STRATUM = 2


class TimeServer:
    """NTP over UDP. The line of a question for a fault's `match` is `NTP` and the address it came from."""

    def __init__(self, clock: Clock, faults: FaultBook, journal: Journal) -> None:
        self.port = 0
        self._clock = clock
        self._faults = faults
        self._journal = journal
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

    def _answer(self, packet: bytes, peer: str, send: Callable[[bytes], None]) -> None:
        try:
            nonce = decode_question_untrusted(packet)
        except BadNtp:
            return
        write = self._journal.begin(Service.TIME)
        fault = self._faults.take(Service.TIME, f"NTP {peer}")

        def answer() -> None:
            offset = 0.0 if fault is None or fault.offset is None else fault.offset
            is_silent = fault is not None and fault.code is not None
            if not is_silent:
                now = self._clock.now() + timedelta(seconds=offset)
                send(encode_answer(nonce, TimeAnswer(now, now, STRATUM)))
            outcome = "silent" if is_silent else f"{offset:+g} s" if offset else "the time"
            write("NTP", peer, outcome, fault=None if fault is None else fault.number)

        if fault is not None and fault.delay:
            asyncio.get_running_loop().call_later(fault.delay, answer)
        else:
            answer()


class _Answering(asyncio.DatagramProtocol):
    def __init__(self, answer: Callable[[bytes, str, Callable[[bytes], None]], None]) -> None:
        self._of = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # Not every loop's datagram transport is a subclass.
        self._transport = cast(asyncio.DatagramTransport, transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        def send(reply: bytes) -> None:
            if self._transport is not None and not self._transport.is_closing():
                self._transport.sendto(reply, addr)

        self._of(data, f"{addr[0]}:{addr[1]}", send)
