"""Fuzz target: what the Intermediär answers, from the octets of HTTP to the message in it."""

from contextlib import suppress
from gzip import compress

from tiaas.fachdienste.vsdm.services import ANSWER_MAX, NoAnswer, ServiceFault, read_service_answer_untrusted
from tiaas.interfaces.cm_cc_v2_0 import CommandItem, CommandPackage, PerformUpdatesResponse
from tiaas.interfaces.cm_common_v2_0 import ServiceLocalization, ServiceReceipt, SessionIdentifier
from tiaas.interfaces.cm_uf_v2_0 import GetUpdateFlagsResponse
from tiaas.soap.envelope import SoapFault, write_envelope, write_fault
from tiaas.soap.errors import FaultCode
from tiaas.soap.httpanswer import AnswerReader, BadHttp, HttpAnswer

_WHERE = ServiceLocalization(type="UFS", provider="109990018")
_FLAGS = write_envelope(
    GetUpdateFlagsResponse(service_receipts=(ServiceReceipt(service_localization=_WHERE, receipt=b"U" * 47),))
)
_ITEM = CommandItem(command=bytes.fromhex("00A4040C06D27600000102"), status_code_expected=b"\x90\x00")
_PACKAGE = write_envelope(
    PerformUpdatesResponse(command_package=CommandPackage(command_items=(_ITEM,))),
    (SessionIdentifier(conversation_id="lab.1"),),
)
_FAULT = write_fault(SoapFault(FaultCode.SERVER, "x"))


def _http(status: int, body: bytes, *fields: bytes) -> bytes:
    head = b"".join(field + b"\r\n" for field in fields)
    return b"HTTP/1.1 %d X\r\n%scontent-length: %d\r\n\r\n%s" % (status, head, len(body), body)


SEEDS: list[bytes] = [
    _http(200, _FLAGS),
    _http(200, compress(_PACKAGE, mtime=0), b"Content-Encoding: gzip", b"Via: 1.1 x"),
    _http(500, _FAULT, b"Via: 1.1 x", b"Connection: close"),
    _http(503, b"busy"),
    b"HTTP/1.1 100 Continue\r\n\r\n" + _http(200, _FLAGS),
    b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\nPRI",
    b"HTTP/1.0 204 No\r\n\r\n",
    _FLAGS,
    _PACKAGE,
]


def target(data: bytes) -> None:
    """Only `BadHttp` may escape the reader, only `NoAnswer` and `ServiceFault` the message, whatever the pieces are."""
    answers = [HttpAnswer(200, {"via": "1.1 x"}, data, False)]
    for size in (len(data) or 1, 7):
        reader = AnswerReader(ANSWER_MAX)
        with suppress(BadHttp):
            for at in range(0, len(data), size):
                answer = reader.feed_untrusted(data[at : at + size])
                if answer is not None:
                    assert len(answer.body) <= ANSWER_MAX
                    answers.append(answer)
                    break
    for answer in answers:
        for expected in (GetUpdateFlagsResponse, PerformUpdatesResponse):
            with suppress(NoAnswer, ServiceFault):
                read_service_answer_untrusted(answer, expected)
