"""From the octets of a request to the octets of a reply: the operation is found by the body's first child.

SOAPAction is not looked at: in the field it comes quoted, unquoted, wrong or not at all. Source: SOAP 1.1, WS-I Basic
Profile 1.2 (TIP1-A_4519-01), gemSpec_Kon V5.18 §3.6.1.
"""

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable
from contextvars import ContextVar
from dataclasses import replace
from itertools import count
from typing import Any, NamedTuple, Protocol, TypeVar

from tiaas.base.dataclass import dataclass
from tiaas.base.entropy import Entropy
from tiaas.base.heavy import read_beside
from tiaas.soap.encoder import Part
from tiaas.soap.envelope import (
    Headed,
    Limits,
    SoapFault,
    decode_headers,
    known_headers,
    places_in_body,
    write_envelope_parts,
    write_fault,
)
from tiaas.soap.errors import MtomRefused, SoapError, UnknownOperation, WrongEncoding
from tiaas.soap.mapping import decode, root_name
from tiaas.soap.mtom import is_package, wants_package
from tiaas.soap.received import received_untrusted
from tiaas.soap.reply import CONTENT_TYPE, SoapReply, packaged_reply, plain_reply
from tiaas.soap.shapes import LONGEST, Shapes
from tiaas.soap.standalone import Places

Request = TypeVar("Request")
Response = TypeVar("Response")
Caller = TypeVar("Caller")

_ORDINARY = frozenset({"text/xml", "text/xml; charset=utf-8", "text/xml; charset=UTF-8", "text/xml;charset=UTF-8"})

# Per dispatcher, that is per instance: about 3 KiB each at most, so 50 KiB.
_REMEMBERED = 16
_REMEMBERED_OCTETS = 1024
# Reading less takes less time than changing to a thread is worth.
_IN_THREAD = 256 * 1024
_MANY_TAGS = 32 * 1024
_TAGS_IN_THREAD = 4_000
_LOOKED_AT_IN_THREAD = 500
# Less has no attributes that take long.
_MANY_ATTRIBUTES = 16 * 1024


class ServedCall(NamedTuple):
    """The call a task works for: a number that is unique in the process, and the name of its request message."""

    number: int
    operation: str


SERVED_CALL: ContextVar[ServedCall | None] = ContextVar("SERVED_CALL", default=None)
"""Set while an operation is executed, in all tasks it starts, and while a fault is made for a message of one that is
wrong; logs tell by it what belongs together."""

_NUMBERS = count(1)


class AccessDeclaration:
    """What must hold before an operation is executed. The layer above subclasses it (a frozen dataclass) with the
    parameters of its own access check; here only its presence is enforced."""

    __slots__ = ()


class UndeclaredAccess(TypeError):
    """An operation without access declaration is a defect and stops the start."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation. Build it with `operation()` or `headed_operation()`, which let the type checker compare handler
    and messages. `headers` are the classes of header blocks it understands; None: its messages have no headers."""

    request: type[Any]
    response: type[Any]
    handler: Callable[[Any, Any], Awaitable[Any]]
    access: AccessDeclaration
    soap_action: str
    headers: tuple[type[Any], ...] | None = None


def operation(
    request: type[Request],
    response: type[Response],
    handler: Callable[[Request, Caller], Awaitable[Response]],
    *,
    access: AccessDeclaration,
    soap_action: str,
) -> Operation:
    """An operation whose handler takes a `request` and the peer and gives a `response`."""
    return Operation(request, response, handler, access, soap_action)


def headed_operation(
    request: type[Request],
    response: type[Response],
    handler: Callable[[Headed[Request], Caller], Awaitable[Headed[Response]]],
    *,
    headers: tuple[type[Any], ...],
    access: AccessDeclaration,
    soap_action: str,
) -> Operation:
    """An operation whose messages have SOAP headers; its handler gets those blocks that are of the given classes."""
    return Operation(request, response, handler, access, soap_action, headers)


class Observer(Protocol):
    """Hears of every request that was served. Must neither raise nor block: it is in the way of every call."""

    def begin(self) -> float:
        """A request came in; what it gives is handed to `done`."""
        ...

    def done(self, begun: float, request: object | None, answer: object) -> None:
        """The answer is made: a response message or a `SoapFault`. `request` is None if it was not understood."""
        ...


class Dispatcher:
    """Serves a set of operations.

    `fault_of` turns any exception of decoding, access check or handler into a fault; for a `SoapError` the SOAP fault
    code of the error wins over the one in the result. `observer` hears of requests that were not cancelled. `guard` is
    asked before each operation is executed, and raises if it must not be. `mtom`, the source of boundaries, is given
    where messages may be packaged. Large messages are read in a thread.
    """

    def __init__(
        self,
        operations: Iterable[Operation],
        fault_of: Callable[[BaseException], SoapFault],
        limits: Limits | None = None,
        observer: Observer | None = None,
        guard: Callable[[Operation], None] = lambda operation: None,
        mtom: Entropy | None = None,
    ) -> None:
        self._guard = guard
        self._mtom = mtom
        self._operations: dict[str, Operation] = {}
        self._fault_of = fault_of
        self._limits = limits or Limits()
        self._observer = observer
        self._remembered: OrderedDict[bytes, tuple[Operation, Any]] = OrderedDict()
        self._shapes: Shapes[Operation] = Shapes()
        self._shaped = min(LONGEST, self._limits.octets, 2 * self._limits.nodes)
        for entry in operations:
            if not isinstance(entry.access, AccessDeclaration):
                raise UndeclaredAccess(f"{entry.request.__name__} declares no access")
            name = root_name(entry.request)
            root_name(entry.response)
            if name in self._operations:
                raise ValueError(f"{name} is bound twice")
            self._operations[name] = entry
        self._requests = tuple(entry.request for entry in self._operations.values())
        self._headers = known_headers(cls for entry in self._operations.values() for cls in entry.headers or ())

    @property
    def operations(self) -> tuple[Operation, ...]:
        """All operations, in the order given."""
        return tuple(self._operations.values())

    async def handle(
        self, body: bytes | bytearray, content_type: str | None, peer: object, accept: str | None = None
    ) -> SoapReply:
        """Serves one request; raises only when cancelled or when `fault_of` fails or gives an unfit fault.

        `content_type` and `accept` are the HTTP headers' values or None. The handler's failures are given to
        `fault_of`.
        """
        observer = self._observer
        begun = observer.begin() if observer is not None else 0.0
        SERVED_CALL.set(None)
        request, answer = None, None
        try:
            is_packaged = content_type is not None and content_type not in _ORDINARY and self._is_packaged(content_type)
            known = None if is_packaged else self._known(body)
            if known is None:
                known = await self._understood(body, content_type if is_packaged else None)
            entry, request = known
            # A large message must not be held beside what was read of it.
            body = b""
            SERVED_CALL.set(ServedCall(next(_NUMBERS), entry.request.__name__))
            self._guard(entry)
            given = await entry.handler(request, peer)
            answer, headers = (given, ()) if entry.headers is None else (given.message, given.headers)
            if not isinstance(answer, entry.response):
                raise TypeError(f"the handler of {entry.request.__name__} gave no {entry.response.__name__}")
            parts = write_envelope_parts(answer, headers)
            if is_packaged or (accept is not None and wants_package(accept)):
                reply = self._packaged_reply(parts)
            else:
                reply = plain_reply(200, parts)
        except Exception as error:  # noqa: BLE001 - whatever it is, the client gets a fault
            if isinstance(error, SoapError) and error.operation:
                SERVED_CALL.set(ServedCall(next(_NUMBERS), error.operation))
            answer = self._fault_of(error)
            if isinstance(error, SoapError):
                answer = replace(answer, code=error.fault_code)
            reply = SoapReply(500, CONTENT_TYPE, (write_fault(answer),))
        if observer is not None:
            observer.done(begun, request, answer)
        return reply

    def refuse(self, error: Exception) -> SoapReply:
        """The fault for a request that is not read; the observer hears of it as of one that was not understood."""
        begun = self._observer.begin() if self._observer is not None else 0.0
        SERVED_CALL.set(None)
        fault = self._fault_of(error)
        if self._observer is not None:
            self._observer.done(begun, None, fault)
        return SoapReply(500, CONTENT_TYPE, (write_fault(fault),))

    def _is_packaged(self, content_type: str) -> bool:
        if self._mtom is not None and is_package(content_type):
            return True
        _check_content_type(content_type)
        return False

    def _packaged_reply(self, parts: list[Part]) -> SoapReply:
        if self._mtom is None:
            return plain_reply(200, parts)
        return packaged_reply(200, parts, self._mtom.octets(16).hex())

    def _known(self, body: bytes | bytearray) -> tuple[Operation, Any] | None:
        """The operation and the message of a request, if it need not be parsed.

        Practice software polls with the same octets again and again, and messages are frozen: the last few small ones
        are remembered. Those of one operation differ in their values alone: the last few shapes are remembered.
        """
        if len(body) >= self._shaped:
            return None
        if len(body) > _REMEMBERED_OCTETS:
            return self._shapes.read(body)
        body = bytes(body)
        known = self._remembered.get(body)
        if known is not None:
            self._remembered.move_to_end(body)
            return known
        known = self._shapes.read(body)
        if known is not None:
            self._remember(body, known)
        return known

    async def _understood(self, body: bytes | bytearray, package: str | None) -> tuple[Operation, Any]:
        """The operation and the message of one that must; `package` is the Content-Type of one that is packaged."""
        if len(body) >= _IN_THREAD or self._takes_longer(body):
            return await read_beside(self._read, body, package)
        if package is not None or len(body) >= self._shaped:
            return self._read(body, package)
        understood = self._read(body, None, self._shapes)
        if len(body) <= _REMEMBERED_OCTETS:
            self._remember(bytes(body), understood)
        return understood

    def _remember(self, body: bytes, understood: tuple[Operation, Any]) -> None:
        self._remembered[body] = understood
        if len(self._remembered) > _REMEMBERED:
            self._remembered.popitem(last=False)

    def _unknown(self, tag: str) -> str:
        """Why there is no such operation; a name that is right in another namespace is the usual mistake."""
        local = tag.rpartition("}")[2]
        for name in self._operations:
            namespace, _, known = name.rpartition("}")
            if known == local:
                return (
                    f"the operation {known} is in the namespace {namespace[1:]}, not in that of the body's first child"
                )
        return "no operation has the name of the body's first child"

    def _places(self) -> Places:
        return places_in_body(self._requests)

    def _takes_longer(self, body: bytes | bytearray) -> bool:
        """Whether markup makes a message slow to read: many elements or attributes, or some whose octets count, as each
        tag is looked at."""
        tags = body.count(b"<")
        both = tags + body.count(b"=")
        if tags >= _TAGS_IN_THREAD or (len(body) > _MANY_ATTRIBUTES and both >= _TAGS_IN_THREAD):
            return True
        return (len(body) > _MANY_TAGS or both >= _LOOKED_AT_IN_THREAD) and self._places().may_be_in(body)

    def _read(
        self, body: bytes | bytearray, package: str | None, shapes: Shapes[Operation] | None = None
    ) -> tuple[Operation, Any]:
        with received_untrusted(body, package, self._limits, self._headers, self._places()) as (blocks, element):
            entry = self._operations.get(str(element.tag))
            if entry is None:
                raise UnknownOperation(self._unknown(str(element.tag)))
            try:
                request = decode(entry.request, element)
                if entry.headers is not None:
                    request = Headed(request, decode_headers(blocks, known_headers(entry.headers)))
            except SoapError as error:
                error.operation = entry.request.__name__
                raise
            if entry.headers is None and shapes is not None:
                shapes.learn(body, element, entry, request)
        return entry, request


def _check_content_type(content_type: str) -> None:
    """MTOM and foreign charsets are refused; the media type itself is not looked at (clients send odd ones)."""
    media_type, *parameters = content_type.lower().split(";")
    if media_type.strip() == "multipart/related":
        raise MtomRefused("this service takes text/xml, not multipart/related")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip() == "charset" and value.strip(" \t\"'") not in ("utf-8", "utf8"):
            raise WrongEncoding("the Content-Type names a charset other than utf-8")
