"""Messages with SOAP header blocks: written, read, dispatched."""

from dataclasses import dataclass

import pytest

from tiaas.interfaces.cm_common_v2_0 import CM, ServiceLocalization, SessionIdentifier
from tiaas.interfaces.cm_uf_v2_0 import GET_UPDATE_FLAGS_ACTION, GetUpdateFlags, GetUpdateFlagsResponse
from tiaas.soap.client import read_answer_untrusted, read_headed_answer_untrusted, write_request
from tiaas.soap.dispatch import AccessDeclaration, Dispatcher, headed_operation
from tiaas.soap.envelope import SOAP, Headed, SoapFault, write_envelope
from tiaas.soap.errors import BadMessage, FaultCode, NotUnderstood
from tiaas.soap.reply import SoapReply

WHERE = ServiceLocalization(type="UFS", provider="123456789")
SESSION = SessionIdentifier(conversation_id="c-1")
REQUEST = GetUpdateFlags(iccsn="80276999901000000001")
ANSWER = GetUpdateFlagsResponse()


@dataclass(frozen=True, slots=True)
class Open(AccessDeclaration):
    """Everybody may."""


def fault_of(error: BaseException) -> SoapFault:
    return SoapFault(FaultCode.SERVER, type(error).__name__)


def serving(headers: tuple[type[object], ...], seen: list[Headed[GetUpdateFlags]]) -> Dispatcher:
    async def handle(request: Headed[GetUpdateFlags], peer: None) -> Headed[GetUpdateFlagsResponse]:
        seen.append(request)
        return Headed(ANSWER, (SESSION,))

    served = headed_operation(
        GetUpdateFlags,
        GetUpdateFlagsResponse,
        handle,
        headers=headers,
        access=Open(),
        soap_action=GET_UPDATE_FLAGS_ACTION,
    )
    return Dispatcher([served], fault_of)


async def ask(dispatcher: Dispatcher, body: bytes) -> SoapReply:
    return await dispatcher.handle(body, "text/xml", None)


def foreign(header: str) -> bytes:
    """A request as other software may write it."""
    body = f'<u:GetUpdateFlags xmlns:u="http://ws.gematik.de/cm/uf/CmUfServiceRequest/v2.0" xmlns:c="{CM.uri}">'
    body += f"<c:Iccsn>{REQUEST.iccsn}</c:Iccsn></u:GetUpdateFlags>"
    parts = f"<s:Header>{header}</s:Header><s:Body>{body}</s:Body>"
    return f'<s:Envelope xmlns:s="{SOAP}" xmlns:c="{CM.uri}">{parts}</s:Envelope>'.encode()


async def test_headers_reach_the_handler_and_the_caller() -> None:
    seen: list[Headed[GetUpdateFlags]] = []
    request = write_request(REQUEST, GET_UPDATE_FLAGS_ACTION, (WHERE,))
    reply = await ask(serving((ServiceLocalization,), seen), request.body)
    assert seen == [Headed(REQUEST, (WHERE,))]
    answer = read_headed_answer_untrusted(reply.body, GetUpdateFlagsResponse, (SessionIdentifier,))
    assert answer == Headed(ANSWER, (SESSION,))
    assert answer.header(SessionIdentifier) == SESSION
    assert answer.header(ServiceLocalization) is None
    assert read_answer_untrusted(reply.body, GetUpdateFlagsResponse) == ANSWER


async def test_a_header_without_meaning_is_dropped() -> None:
    seen: list[Headed[GetUpdateFlags]] = []
    await ask(serving((SessionIdentifier,), seen), write_envelope(REQUEST, (WHERE, SESSION)))
    assert seen == [Headed(REQUEST, (SESSION,))]


LOCALIZATION = "<c:Type>UFS</c:Type><c:Provider>123456789</c:Provider></c:ServiceLocalization>"


async def test_a_known_header_may_demand_to_be_understood() -> None:
    seen: list[Headed[GetUpdateFlags]] = []
    header = f'<c:ServiceLocalization s:mustUnderstand="1" s:actor="">{LOCALIZATION}<x xmlns="urn:x"/>'
    assert (await ask(serving((ServiceLocalization,), seen), foreign(header))).status == 200
    assert seen == [Headed(REQUEST, (WHERE,))]


@pytest.mark.parametrize(
    ("header", "error"),
    [
        ('<x xmlns="urn:x" s:mustUnderstand="1"/>', NotUnderstood),
        (f'<c:ServiceLocalization mine="1">{LOCALIZATION}', BadMessage),
        ("<c:ServiceLocalization/>", BadMessage),
    ],
)
async def test_refused(header: str, error: type[Exception]) -> None:
    seen: list[Headed[GetUpdateFlags]] = []
    reply = await ask(serving((ServiceLocalization,), seen), foreign(header))
    assert reply.status == 500
    assert error.__name__.encode() in reply.body
    assert not seen


async def test_a_block_for_somebody_else_is_not_ours() -> None:
    seen: list[Headed[GetUpdateFlags]] = []
    header = f'<c:ServiceLocalization s:actor="urn:other">{LOCALIZATION}'
    assert (await ask(serving((ServiceLocalization,), seen), foreign(header))).status == 200
    assert seen == [Headed(REQUEST, ())]
