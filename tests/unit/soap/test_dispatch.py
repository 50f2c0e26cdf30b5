"""The dispatcher and, as its counterpart, the client's reader."""

import asyncio
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast

import pytest

from tiaas.interfaces.card_service_common_v2_0 import PinResult
from tiaas.interfaces.card_service_v8_1 import VERIFY_PIN_ACTION, ChangePin, VerifyPin, VerifyPinResponse
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.connector_context_v2_0 import Context
from tiaas.interfaces.signature_service_v7_5 import VerifyDocument
from tiaas.interfaces.telematik_error_v2_0 import Error, Trace
from tiaas.soap import dispatch
from tiaas.soap.client import ReceivedFault, read_answer_untrusted, write_request
from tiaas.soap.dispatch import SERVED_CALL, AccessDeclaration, Dispatcher, Operation, UndeclaredAccess, operation
from tiaas.soap.envelope import SoapFault, places_in_body
from tiaas.soap.errors import BadEnvelope, BadMessage, FaultCode
from tiaas.soap.received import received_untrusted
from tiaas.soap.reply import SoapReply

CONTEXT = Context(mandant_id="m", client_system_id="c", workplace_id="w")
REQUEST = VerifyPin(context=CONTEXT, card_handle="h", pin_typ="PIN.SMC")
ANSWER = VerifyPinResponse(status=OK, pin_result=PinResult.OK)


@dataclass(frozen=True, slots=True)
class Open(AccessDeclaration):
    """Everybody may."""


@dataclass(frozen=True)
class Peer:
    """Who asks."""

    name: str


def fault_of(error: BaseException) -> SoapFault:
    trace = Trace(comp_type="Konnektor", code=4001, severity="Error", error_type="Technical", error_text="x")
    detail = Error(message_id=type(error).__name__, timestamp=datetime(2025, 1, 1, tzinfo=UTC), trace=(trace,))
    return SoapFault(FaultCode.SERVER, "x", detail)


def serving(answer: object) -> Dispatcher:
    async def handle(request: VerifyPin, peer: Peer) -> VerifyPinResponse:
        assert (request, peer.name) == (REQUEST, "p")
        if isinstance(answer, BaseException):
            raise answer
        return cast(VerifyPinResponse, answer)

    return Dispatcher(
        [operation(VerifyPin, VerifyPinResponse, handle, access=Open(), soap_action=VERIFY_PIN_ACTION)], fault_of
    )


async def ask(dispatcher: Dispatcher, body: bytes, content_type: str | None = "text/xml; charset=utf-8") -> SoapReply:
    return await dispatcher.handle(body, content_type, Peer("p"))


def fault_in(reply: SoapReply) -> tuple[FaultCode, str]:
    """Fault code and, from our `fault_of`, the name of the error."""
    assert (reply.status, reply.content_type) == (500, "text/xml; charset=utf-8")
    with pytest.raises(ReceivedFault) as caught:
        read_answer_untrusted(reply.body, VerifyPinResponse, (Error,))
    detail = caught.value.fault.detail
    assert isinstance(detail, Error)
    return caught.value.fault.code, detail.message_id


BODY = write_request(REQUEST, VERIFY_PIN_ACTION).body


@pytest.mark.pitfall(6)
async def test_served() -> None:
    reply = await ask(serving(ANSWER), BODY)
    assert (reply.status, reply.content_type) == (200, "text/xml; charset=utf-8")
    assert read_answer_untrusted(reply.body, VerifyPinResponse, (Error,)) == ANSWER


def test_the_request_names_its_action_in_quotes() -> None:
    assert ("SOAPAction", f'"{VERIFY_PIN_ACTION}"') in write_request(REQUEST, VERIFY_PIN_ACTION).headers


@pytest.mark.parametrize(
    "content_type", [None, "", "text/plain", 'text/xml;charset="UTF-8"', "application/soap+xml; charset=utf8; action=x"]
)
async def test_odd_content_types_are_served(content_type: str | None) -> None:
    assert (await ask(serving(ANSWER), BODY, content_type)).status == 200


@pytest.mark.parametrize(
    ("content_type", "body", "code", "name"),
    [
        ('Multipart/Related; type="application/xop+xml"', BODY, FaultCode.CLIENT, "MtomRefused"),
        ("text/xml; charset=iso-8859-15", BODY, FaultCode.CLIENT, "WrongEncoding"),
        ("text/xml", b"", FaultCode.CLIENT, "NotWellFormed"),
        ("text/xml", BODY.replace(b"PinTyp", b"PinTypes"), FaultCode.CLIENT, "BadMessage"),
        ("text/xml", write_request(ChangePin(context=CONTEXT, card_handle="h", pin_typ="p"), "").body,
         FaultCode.CLIENT, "UnknownOperation"),
        ("text/xml", BODY.replace(b"schemas.xmlsoap.org/soap/envelope/", b"www.w3.org/2003/05/soap-envelope"),
         FaultCode.VERSION_MISMATCH, "WrongVersion"),
    ],
)  # fmt: skip
async def test_bad_requests_are_client_faults(content_type: str, body: bytes, code: FaultCode, name: str) -> None:
    assert fault_in(await ask(serving(ANSWER), body, content_type)) == (code, name)


async def test_an_operation_of_another_namespace_is_told_its_own() -> None:
    namespace = "http://ws.gematik.de/conn/CardService/v8.1"
    other = BODY.replace(namespace.encode(), b"urn:other")
    told: list[str] = []

    def listening(error: BaseException) -> SoapFault:
        told.append(str(error))
        return fault_of(error)

    await Dispatcher(serving(ANSWER).operations, listening).handle(other, "text/xml", None)
    assert told == [f"the operation VerifyPin is in the namespace {namespace}, not in that of the body's first child"]


@pytest.mark.parametrize(
    ("body", "operation"),
    [
        (BODY.replace(b"PinTyp", b"PinTypes"), "VerifyPin"),
        (BODY.replace(b"PinTyp", b"PinTypes") + b" " * 300_000, "VerifyPin"),
        (BODY.replace(b"VerifyPin", b"Verify"), None),
        (BODY.replace(b"</", b"<"), None),
        (b"", None),
    ],
    ids=["wrong", "wrong and read in a thread", "unknown", "not well-formed", "nothing"],
)
async def test_a_fault_for_a_wrong_message_is_made_for_its_operation(body: bytes, operation: str | None) -> None:
    """Logs have it from there. Each call has its own number."""
    calls = []

    def listening(error: BaseException) -> SoapFault:
        calls.append(SERVED_CALL.get())
        return fault_of(error)

    dispatcher = Dispatcher(serving(ANSWER).operations, listening)
    for _ in range(2):
        assert (await ask(dispatcher, body)).status == 500
    assert [call and call.operation for call in calls] == [operation, operation]
    assert len({call and call.number for call in calls}) == (1 if operation is None else 2)


@pytest.mark.parametrize(
    ("answer", "name"),
    [
        (RuntimeError("boom"), "RuntimeError"),
        (OK, "TypeError"),
        (None, "TypeError"),
        (VerifyPinResponse(status=OK, pin_result=PinResult.OK, left_tries=-1), "UnfitMessage"),
    ],
)
async def test_failures_of_a_handler_are_server_faults(answer: object, name: str) -> None:
    assert fault_in(await ask(serving(answer), BODY)) == (FaultCode.SERVER, name)


async def test_cancellation_passes() -> None:
    with pytest.raises(asyncio.CancelledError):
        await ask(serving(asyncio.CancelledError()), BODY)


def test_an_operation_without_access_declaration_stops_the_start() -> None:
    (served,) = serving(ANSWER).operations
    undeclared = Operation(served.request, served.response, served.handler, cast(Any, None), served.soap_action)
    with pytest.raises(UndeclaredAccess):
        Dispatcher([undeclared], fault_of)


def test_an_operation_is_bound_once() -> None:
    (served,) = serving(ANSWER).operations
    with pytest.raises(ValueError, match="twice"):
        Dispatcher([served, served], fault_of)


def answer(inner: str) -> bytes:
    return f'<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>{inner}</s:Body></s:Envelope>'.encode()


@pytest.mark.parametrize(
    ("inner", "code", "text"),
    [
        (
            "<s:Fault><faultcode>s:Client.Authentication</faultcode><faultstring>a</faultstring></s:Fault>",
            "Client",
            "a",
        ),
        ("<s:Fault><faultcode>oops</faultcode><detail><x/></detail></s:Fault>", "Server", ""),
        ("<s:Fault/>", "Server", ""),
        ('<s:Fault><detail><Error xmlns="http://ws.gematik.de/tel/error/v2.0"/></detail></s:Fault>', "Server", ""),
    ],
)
def test_foreign_faults(inner: str, code: str, text: str) -> None:
    with pytest.raises(ReceivedFault) as caught:
        read_answer_untrusted(answer(inner), VerifyPinResponse, (Error,))
    assert (caught.value.fault.code, caught.value.fault.text, caught.value.fault.detail) == (code, text, None)


def test_foreign_answers() -> None:
    with pytest.raises(BadMessage):
        read_answer_untrusted(answer("<x/>"), VerifyPinResponse)
    with pytest.raises(BadEnvelope):
        read_answer_untrusted(b"<html>", VerifyPinResponse)


async def test_a_remembered_request_is_served_anew() -> None:
    """The same octets twice are decoded once, but each call has its own peer; another spelling is another request."""
    seen: list[tuple[VerifyPin, Peer]] = []

    async def handle(request: VerifyPin, peer: Peer) -> VerifyPinResponse:
        seen.append((request, peer))
        return ANSWER

    verify = operation(VerifyPin, VerifyPinResponse, handle, access=Open(), soap_action=VERIFY_PIN_ACTION)
    dispatcher = Dispatcher([verify], fault_of)
    for name in ("first", "second"):
        assert (await dispatcher.handle(BODY, None, Peer(name))).status == 200
    assert (
        await dispatcher.handle(BODY.replace(b"</S:Envelope>", b" </S:Envelope>"), None, Peer("third"))
    ).status == 200
    assert [peer.name for _, peer in seen] == ["first", "second", "third"]
    assert seen[0][0] is seen[1][0]
    assert seen[2][0] == seen[0][0]
    assert seen[2][0] is not seen[0][0]


async def test_broken_requests_are_not_remembered() -> None:
    dispatcher = serving(ANSWER)
    broken = BODY.replace(b"PinTyp>", b"PinTop>")
    assert [(await ask(dispatcher, broken)).status for _ in range(2)] == [500, 500]
    assert (await ask(dispatcher, BODY)).status == 200


class Watcher:
    """An `Observer` that keeps what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[float, object | None, object]] = []

    def begin(self) -> float:
        return 7.0

    def done(self, begun: float, request: object | None, answer: object) -> None:
        self.heard.append((begun, request, answer))


async def test_an_observer_hears_of_every_call() -> None:
    async def handle(request: VerifyPin, peer: Peer) -> VerifyPinResponse:
        if peer.name == "bad":
            raise ValueError
        return ANSWER

    served = operation(VerifyPin, VerifyPinResponse, handle, access=Open(), soap_action=VERIFY_PIN_ACTION)
    watcher = Watcher()
    dispatcher = Dispatcher([served], fault_of, observer=watcher)
    await dispatcher.handle(BODY, None, Peer("p"))
    await dispatcher.handle(BODY, None, Peer("bad"))
    await dispatcher.handle(b"<x/>", None, Peer("p"))
    assert dispatcher.refuse(ValueError()).status == 500
    assert watcher.heard[0] == (7.0, REQUEST, ANSWER)
    assert [(begun, request) for begun, request, _ in watcher.heard[1:]] == [(7.0, REQUEST), (7.0, None), (7.0, None)]
    assert all(isinstance(answer, SoapFault) for _, _, answer in watcher.heard[1:])


@pytest.mark.parametrize(
    ("more", "in_thread"),
    [
        (b"<x/>" * 10, False),
        (b"<x/>" * 5000, True),
        (b"<x " + b" ".join(b'x%d=""' % number for number in range(4000)) + b"/>", True),
        (b"<x/>" * 600, False),
        (b"<!--SignatureObject http://www.w3.org/2000/09/xmldsig#-->" + b"<x/>" * 600, True),
        (b"<x " + b" ".join(b'x%d=""' % number for number in range(600)) + b"/>", False),
        (b"<!--SignatureObject http://www.w3.org/2000/09/xmldsig#--><x a='%s'/>" % (b"=" * 600), True),
    ],
)
async def test_a_message_of_many_elements_is_read_in_a_thread(
    monkeypatch: pytest.MonkeyPatch, more: bytes, in_thread: bool
) -> None:
    threads = set()

    def received(*args: Any) -> Any:
        threads.add(threading.current_thread())
        return received_untrusted(*args)

    monkeypatch.setattr(dispatch, "received_untrusted", received)
    dispatcher = serving(ANSWER)
    monkeypatch.setattr(dispatcher, "_places", lambda: places_in_body((VerifyDocument,)))
    await ask(dispatcher, BODY.replace(b"VerifyPin>", b"VerifyPin>" + more, 1))
    assert (threads != {threading.main_thread()}) is in_thread
