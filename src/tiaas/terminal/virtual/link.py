"""The terminal's end of one TLS connection (SICCT V1.3.0, 6.2.4.4–6.2.4.6)."""

import asyncio
import logging
import ssl
from contextlib import suppress
from dataclasses import replace
from typing import Protocol, cast

from tiaas.terminal.sicct.connection import Broken, CommandReceived, CommandTooLong, Connection, Fault, Role
from tiaas.terminal.sicct.envelope import SIZE, decode_envelope_untrusted
from tiaas.terminal.sicct.events import Event, keep_alive, sign_off
from tiaas.terminal.sicct.status import Sw
from tiaas.terminal.virtual.client import konnektor_key
from tiaas.terminal.virtual.interpreter import interpret
from tiaas.terminal.virtual.machine import Client, Machine
from tiaas.terminal.virtual.mishaps import CommandMishap, Lie

_log = logging.getLogger("tiaas.terminal.virtual")
_NOTHING = CommandMishap()
_GOODBYE_SECONDS = 0.5  # for SIGN OFF and the end of TLS to get out


class LinkHost(Protocol):
    """The terminal, as its link sees it."""

    machine: Machine

    def link_up(self, link: "ClientLink") -> bool:
        """False if the connection may not be: there is one already, or no gSMC-KT."""
        ...

    def link_down(self, link: "ClientLink") -> None:
        """The connection that was accepted is gone."""
        ...


class ClientLink(asyncio.Protocol):
    """One connection. Commands run as tasks, so that one waiting for a person does not hold up the others."""

    def __init__(self, host: LinkHost) -> None:
        self._host = host
        self._machine = host.machine
        self._connection = Connection(
            Role.TERMINAL, known_unit=self._machine.existing, limit=self._machine.config.command_buffer
        )
        self._transport: asyncio.Transport | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._timer: asyncio.TimerHandle | None = None
        self._accepted = False
        self._commanded_at = self._spoken_at = self._now()
        self._closed = asyncio.Event()
        self.client = Client(None)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """TLS stands: who is it?"""
        self._transport = cast(asyncio.Transport, transport)
        tls = cast(ssl.SSLObject, transport.get_extra_info("ssl_object"))
        cipher = tls.cipher()
        self.client = Client(konnektor_key(tls.getpeercert(True)), rsa=cipher is not None and "-RSA-" in cipher[0])
        self._accepted = self._host.link_up(self)
        if not self._accepted:
            self._transport.close()
            return
        self._commanded_at = self._spoken_at = self._now()
        self._set_timer()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends what was running; the terminal resets its cards."""
        self._transport = None
        self._closed.set()
        if self._timer is not None:
            self._timer.cancel()
        for task in self._tasks:
            task.cancel()
        if self._accepted:
            self._host.link_down(self)

    def data_received(self, data: bytes) -> None:
        """Feeds the state machine."""
        if not self._accepted:
            return
        for happening in self._connection.receive(data, self._now()):
            if isinstance(happening, CommandReceived):
                self._start(happening)
            elif isinstance(happening, CommandTooLong):
                self._write(self._connection.send_response(happening.sequence, Sw.WRONG_LC.to_bytes(2, "big")))
            elif isinstance(happening, Fault):
                _log.warning("wrong SICCT message", extra={"fault": happening.fault.name})
                self._write(happening.reply)
            elif isinstance(happening, Broken):
                self._end(happening)
        self._set_timer()

    def tell(self, event: Event) -> None:
        """Sends an event; nothing happens outside a session."""
        self._write(self._connection.send_event(event))

    def sign_off(self) -> None:
        """Says goodbye and closes."""
        self.tell(sign_off())
        self._close()

    def abort(self) -> None:
        """Drops the connection without a word."""
        if self._transport is not None:
            self._transport.abort()

    async def ended(self) -> None:
        """Waits until the connection is gone and the commands that were running have ended."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GOODBYE_SECONDS):
                await self._closed.wait()
        self.abort()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _start(self, received: CommandReceived) -> None:
        self._commanded_at = self._now()
        task = asyncio.get_running_loop().create_task(self._answer(received))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _answer(self, received: CommandReceived) -> None:
        mishap = self._machine.mishaps.at_command(received.unit, received.payload) or _NOTHING
        if mishap.is_silent:
            return
        if mishap.breaks:
            await self._break(received, mishap.delay)
            return
        answer = await self._do(received, mishap)
        if mishap.delay:
            await asyncio.sleep(mishap.delay)
        octets = self._connection.send_response(received.sequence, answer)
        if mishap.lie is Lie.WRONG_SEQUENCE:
            octets = _with_another_sequence(octets)
        self._connection.session_open = self.client.role is not None
        self._write(octets)

    async def _do(self, received: CommandReceived, mishap: CommandMishap) -> bytes:
        if mishap.status is not None:
            return mishap.status.to_bytes(2, "big")
        answer = await interpret(self._machine, self.client, received.unit, received.payload)
        if mishap.lie is Lie.GARBAGE:
            return self._machine.entropy.octets(max(len(answer), 2))
        return answer

    async def _break(self, received: CommandReceived, seconds: float) -> None:
        """Drops the connection some seconds after a command came, while it is being done or after it."""
        work = asyncio.ensure_future(interpret(self._machine, self.client, received.unit, received.payload))
        try:
            await asyncio.sleep(seconds)
        finally:
            work.cancel()
            await asyncio.wait({work})
        self.abort()

    def _end(self, broken: Broken) -> None:
        _log.warning("SICCT connection ended", extra={"reason": broken.reason})
        self._write(broken.reply)
        self._close()

    def _close(self) -> None:
        # TLS that is closed a second time cannot be aborted any more.
        if self._transport is not None and not self._transport.is_closing():
            self._transport.close()

    def _write(self, octets: bytes) -> None:
        if octets and self._transport is not None:
            self._spoken_at = self._now()
            self._transport.write(octets)

    def _set_timer(self) -> None:
        """One timer for the nearest of read timeout, silence of the client and our own keep-alive."""
        if self._timer is not None:
            self._timer.cancel()
        config = self._machine.config
        moments = [self._commanded_at + config.silence_seconds, self._spoken_at + config.keep_alive_seconds]
        deadline = self._connection.deadline()
        if deadline is not None:
            moments.append(deadline)
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(max(0.0, min(moments) - self._now()) + 0.01, self._on_timer)

    def _on_timer(self) -> None:
        now, config = self._now(), self._machine.config
        deadline = self._connection.deadline()
        if deadline is not None and now >= deadline:
            self._end(self._connection.timed_out())
            return
        if now >= self._commanded_at + config.silence_seconds:
            self.sign_off()
            return
        if now >= self._spoken_at + config.keep_alive_seconds:
            self._spoken_at = now
            self.tell(keep_alive())
        self._set_timer()

    def _now(self) -> float:
        return self._machine.clock.monotonic()


def _with_another_sequence(message: bytes) -> bytes:
    head = decode_envelope_untrusted(message[:SIZE])
    return replace(head, sequence=head.sequence ^ 0x0055).encode() + message[SIZE:]
