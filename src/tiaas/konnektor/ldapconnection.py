"""One client of the LDAP proxy: what it may ask, and how its answers flow (RFC 4511; TIP1-A_5518 to 5521).

    Bind       answered here: anonymous only, the directory knows no users
    Search     checked, then sent on unchanged; limits and controls are the directory's business
    Abandon    sent on for a search under way, whose further answers are dropped
    Unbind     ends both connections
    the rest   unwillingToPerform (53)

Nothing is collected: messages pass one by one. A client that reads slowly stops the directory's connection, one that
reads nothing for `write_seconds` is dropped. A directory that says nothing for `search_seconds` ends the searches that
wait for it with timeLimitExceeded (3). What is no LDAP ends with a Notice of Disconnection (4.4.1).
"""

import asyncio
import hashlib
import logging
from collections.abc import Callable
from typing import Any, cast

from tiaas.interfaces.ldap_v3 import (
    ANSWERS,
    NOTICE_OF_DISCONNECTION,
    SIMPLE,
    VERSION,
    BadLdap,
    FrameReader,
    Message,
    Operation,
    Result,
    ResultCode,
    decode_abandon_untrusted,
    decode_bind_untrusted,
    decode_message_untrusted,
    decode_search_untrusted,
)
from tiaas.konnektor.config import Limits
from tiaas.konnektor.ldapupstream import Listener, NoDirectory, Upstream, VzdDialer

_log = logging.getLogger("tiaas.konnektor.ldap")

REQUEST_OCTETS = 64 * 1024
EARLY_OCTETS = 4 * REQUEST_OCTETS
IDLE_SECONDS = 900.0
SEARCHES_MAX = 32
"""Searches under way on one connection; one more is `busy`."""
_PASSING = (Operation.SEARCH_ENTRY, Operation.SEARCH_REFERENCE, Operation.INTERMEDIATE_RESPONSE)


class LdapConnection(asyncio.Protocol):
    """A `Visit` of the door. Nothing is read from the client before the directory stands or has failed."""

    transport: asyncio.Transport

    def __init__(
        self,
        instance: str,
        dialer: VzdDialer,
        limits: Limits,
        on_open: Callable[[Any], bool],
        on_closed: Callable[[Any], None],
        tasks: "set[asyncio.Task[None]]",
    ) -> None:
        self.certificate_fingerprint: str | None = None
        self._instance = instance
        self._dialer = dialer
        self._limits = limits
        self._on_open = on_open
        self._on_closed = on_closed
        self._tasks = tasks
        self._reader = FrameReader(REQUEST_OCTETS)
        self._upstream: Upstream | None = None
        self._failure: NoDirectory | None = None
        self._searches: set[int] = set()
        self._is_in_message = False
        self._early: bytearray | None = bytearray()
        self._loop = asyncio.get_running_loop()
        self._patience: asyncio.TimerHandle | None = None
        self._write_deadline: asyncio.TimerHandle | None = None
        self._search_deadline: asyncio.TimerHandle | None = None
        self._opening: asyncio.Task[None] | None = None
        self._is_leaving = False
        self._waited_for: set[str] = set()

    # ---- the door's view ---------------------------------------------------------------------------------------------

    def is_quiet(self) -> bool:
        """No search is under way and nothing waits to be read by the client."""
        return not self._searches and not self.transport.get_write_buffer_size()

    def shutdown(self) -> None:
        """Ends after the searches under way."""
        self._is_leaving = True
        if not self._searches:
            self._disconnect(ResultCode.UNAVAILABLE, "the Konnektor stops")

    def forbid(self) -> None:
        """Ends at once: the operating state allows no way into the TI any more."""
        if self._upstream is not None:
            self._lost()
        else:
            self.transport.abort()

    # ---- called by the event loop ------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        session = transport.get_extra_info("ssl_object")
        certificate = session.getpeercert(binary_form=True) if session is not None else None
        if certificate is not None:
            self.certificate_fingerprint = hashlib.sha256(certificate).hexdigest()
        if not self._on_open(self):
            self.transport.abort()
            return
        self.transport.pause_reading()
        self._opening = self._loop.create_task(self._open())
        self._tasks.add(self._opening)
        self._opening.add_done_callback(self._tasks.discard)

    def data_received(self, data: bytes) -> None:
        if self._early is not None:
            # What came with the end of the handshake is handed over although reading is paused.
            self._early += data
            if len(self._early) > EARLY_OCTETS:
                self.transport.abort()
            return
        self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            for frame in self._reader.feed_untrusted(data):
                self._serve(decode_message_untrusted(frame))
                if self.transport.is_closing():
                    return
        except BadLdap as error:
            _log.info("no LDAP", extra={"instance": self._instance, "reason": str(error)})
            self._disconnect(ResultCode.PROTOCOL_ERROR, "no LDAPv3 message")
            return
        self._wait_for_more()

    def eof_received(self) -> bool:
        return False

    def pause_writing(self) -> None:
        self._wait_for("client", True)
        if self._upstream is not None:
            self._upstream.hold(True)
        if self._write_deadline is None:
            self._write_deadline = self._loop.call_later(self._limits.write_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        self._cancel_write_deadline()
        self._wait_for("client", False)
        if self._upstream is not None:
            self._upstream.hold(False)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._opening is not None:
            self._opening.cancel()
        if self._patience is not None:
            self._patience.cancel()
        self._cancel_write_deadline()
        self._searches.clear()
        self._await_directory()
        if self._upstream is not None:
            self._upstream.send(Message(1, Operation.UNBIND_REQUEST, b"").encode())
            self._upstream.abort()
        self._on_closed(self)

    # ---- requests ----------------------------------------------------------------------------------------------------

    def _serve(self, message: Message) -> None:
        """Raises `BadLdap`."""
        if message.number == 0:
            raise BadLdap("messageID 0")
        operation = message.operation
        if operation == Operation.UNBIND_REQUEST:
            self.transport.close()
        elif operation == Operation.ABANDON_REQUEST:
            self._abandon(message)
        elif operation == Operation.BIND_REQUEST:
            self._bind(message)
        elif operation == Operation.SEARCH_REQUEST:
            self._search(message)
        elif operation in ANSWERS:
            self._answer(message, Result(ResultCode.UNWILLING_TO_PERFORM, diagnostic="Bind, Search, Unbind, Abandon"))
        else:
            raise BadLdap("no request")

    def _bind(self, message: Message) -> None:
        bind = decode_bind_untrusted(message.body)
        if bind.version != VERSION:
            self._answer(message, Result(ResultCode.PROTOCOL_ERROR, diagnostic="LDAPv3 only"))
        elif self._failure is not None:
            self._refuse(message)
        elif bind.is_anonymous:
            self._answer(message, Result(ResultCode.SUCCESS))
        elif bind.method == SIMPLE and not bind.has_credentials:
            # A name without a password is no authentication (RFC 4513, 5.1.2).
            self._answer(message, Result(ResultCode.UNWILLING_TO_PERFORM, diagnostic="anonymous only"))
        else:
            self._answer(message, Result(ResultCode.AUTH_METHOD_NOT_SUPPORTED, diagnostic="anonymous only"))

    def _search(self, message: Message) -> None:
        decode_search_untrusted(message.body)
        if message.number in self._searches:
            raise BadLdap("messageID in use")
        if self._upstream is None or self._upstream.is_closed or self._is_leaving:
            self._refuse(message)
        elif len(self._searches) >= SEARCHES_MAX:
            self._answer(message, Result(ResultCode.BUSY, diagnostic=f"{SEARCHES_MAX} searches are under way"))
        else:
            self._searches.add(message.number)
            if self._search_deadline is None:
                self._await_directory()
            self._upstream.send(message.encode())

    def _abandon(self, message: Message) -> None:
        number = decode_abandon_untrusted(message.body)
        if number in self._searches and self._upstream is not None:
            self._searches.discard(number)
            if not self._searches:
                self._await_directory()
            self._upstream.send(message.encode())

    def _refuse(self, message: Message) -> None:
        reason = "no directory" if self._failure is None else self._failure.reason
        self._answer(message, Result(ResultCode.UNAVAILABLE, diagnostic=reason))
        self.transport.close()

    def _answer(self, message: Message, result: Result) -> None:
        answer = ANSWERS[Operation(message.operation)]
        self.transport.write(Message(message.number, answer, result.encode()).encode())

    def _disconnect(self, code: ResultCode, reason: str) -> None:
        if self.transport.is_closing():
            return
        notice = Result(code, diagnostic=reason, oid=NOTICE_OF_DISCONNECTION)
        self.transport.write(Message(0, Operation.EXTENDED_RESPONSE, notice.encode()).encode())
        self.transport.close()

    # ---- the directory -----------------------------------------------------------------------------------------------

    async def _open(self) -> None:
        listener = Listener(self._found, self._lost, self._full)
        try:
            self._upstream = await self._dialer.open(listener)
        except NoDirectory as error:
            self._failure = error
            fields = {"instance": self._instance, "reason": error.reason, "code": error.code}
            _log.warning("no connection to the directory", extra=fields)
        early, self._early = self._early, None
        if not self.transport.is_closing():
            if not self._waited_for:
                self.transport.resume_reading()
            self._take(bytes(early or b""))

    def _found(self, frames: list[bytes]) -> None:
        passing: list[bytes] = []
        for frame in frames:
            try:
                message = decode_message_untrusted(frame)
            except BadLdap:
                self._lost()
                return
            if message.number not in self._searches:
                continue
            if message.operation == Operation.SEARCH_DONE:
                self._searches.discard(message.number)
            elif message.operation not in _PASSING:
                continue
            passing.append(frame)
        if passing and not self.transport.is_closing():
            self.transport.write(b"".join(passing))
        if passing:
            self._await_directory()
        self._wait_for_more()
        if self._is_leaving and not self._searches:
            self._disconnect(ResultCode.UNAVAILABLE, "the Konnektor stops")

    def _lost(self, code: ResultCode = ResultCode.UNAVAILABLE, why: str = "the directory's connection ended") -> None:
        """The directory is gone: searches under way end with `code`, then the client's connection."""
        if self._upstream is not None:
            self._upstream.abort()
        result = Result(code, diagnostic=why)
        for number in sorted(self._searches):
            self.transport.write(Message(number, Operation.SEARCH_DONE, result.encode()).encode())
        self._searches.clear()
        self._disconnect(ResultCode.UNAVAILABLE, why)

    def _full(self, wait: bool) -> None:
        self._wait_for("directory", wait)

    def _wait_for(self, whom: str, wait: bool) -> None:
        """Nothing is read from a client that does not take its answers, nor while the directory takes no more."""
        were_waited_for = bool(self._waited_for)
        if wait:
            self._waited_for.add(whom)
        else:
            self._waited_for.discard(whom)
        if self._early is not None or self.transport.is_closing() or were_waited_for is bool(self._waited_for):
            return
        if wait:
            self.transport.pause_reading()
        else:
            self.transport.resume_reading()

    # ---- patience ----------------------------------------------------------------------------------------------------

    def _wait_for_more(self) -> None:
        """A message begun must arrive in `request_seconds`; a client that asks nothing is let go after a while."""
        if self._patience is not None:
            if self._reader.pending and self._is_in_message:
                return
            self._patience.cancel()
        self._is_in_message = bool(self._reader.pending)
        seconds = self._limits.request_seconds if self._is_in_message else IDLE_SECONDS
        self._patience = self._loop.call_later(seconds, self._too_slow)

    def _too_slow(self) -> None:
        self._patience = None
        if self._searches and not self._is_in_message:
            self._wait_for_more()
        else:
            self._disconnect(ResultCode.UNAVAILABLE, "idle for too long")

    def _await_directory(self) -> None:
        """The time in which the directory must say something begins anew, or ends if nobody waits for it."""
        if self._search_deadline is not None:
            self._search_deadline.cancel()
            self._search_deadline = None
        if self._searches:
            self._search_deadline = self._loop.call_later(self._limits.search_seconds, self._unanswered)

    def _unanswered(self) -> None:
        self._search_deadline = None
        if "client" in self._waited_for:
            self._await_directory()  # it is the client that keeps the directory from speaking
            return
        self._lost(ResultCode.TIME_LIMIT_EXCEEDED, "the directory does not answer")

    def _cancel_write_deadline(self) -> None:
        if self._write_deadline is not None:
            self._write_deadline.cancel()
            self._write_deadline = None
