"""The caller's side of SOAP 1.1 without transport: octets of a request, and what the octets of an answer mean."""

from typing import TypeVar

from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.soap.envelope import (
    SOAP,
    Headed,
    Limits,
    SoapFault,
    decode_headers,
    known_headers,
    places_in_body,
    write_envelope,
)
from tiaas.soap.errors import BadMessage, FaultCode
from tiaas.soap.mapping import decode, root_name
from tiaas.soap.mtom import is_package
from tiaas.soap.received import received_untrusted

T = TypeVar("T")
XmlElement = etree._Element

ANSWER_LIMITS = Limits(octets=64 * 1024 * 1024, nodes=200_000)
_FAULT = f"{{{SOAP}}}Fault"


class ReceivedFault(TiaasError):
    """The service answered with a fault; `fault.detail` is its typed detail if there was one we know."""

    def __init__(self, fault: SoapFault) -> None:
        super().__init__(f"fault {fault.code}")
        self.fault = fault


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """What to POST."""

    headers: tuple[tuple[str, str], ...]
    body: bytes


def write_request(message: object, soap_action: str, headers: tuple[object, ...] = ()) -> SoapRequest:
    """A request with `message` in the body and `headers` as SOAP header blocks; raises UnfitMessage."""
    fields = (("Content-Type", "text/xml; charset=utf-8"), ("SOAPAction", f'"{soap_action}"'))
    return SoapRequest(fields, write_envelope(message, headers))


def read_answer_untrusted(
    document: bytes,
    expected: type[T],
    details: tuple[type[object], ...] = (),
    limits: Limits = ANSWER_LIMITS,
    content_type: str | None = None,
) -> T:
    """The response in an answer; of its Content-Type it matters whether it is that of a package (MTOM).

    Raises ReceivedFault for a fault (its detail decoded if it is one of `details`), BadEnvelope or BadMessage for
    what is neither.
    """
    return read_headed_answer_untrusted(document, expected, (), details, limits, content_type).message


def read_headed_answer_untrusted(
    document: bytes,
    expected: type[T],
    headers: tuple[type[object], ...],
    details: tuple[type[object], ...] = (),
    limits: Limits = ANSWER_LIMITS,
    content_type: str | None = None,
) -> Headed[T]:
    """As `read_answer_untrusted`, with those header blocks of the answer that are of the classes in `headers`."""
    known = known_headers(headers)
    package = content_type if content_type is not None and is_package(content_type) else None
    with received_untrusted(document, package, limits, known, places_in_body((expected,))) as (blocks, element):
        if element.tag == _FAULT:
            raise ReceivedFault(_read_fault(element, details))
        return Headed(decode(expected, element), decode_headers(blocks, known))


def _read_fault(element: XmlElement, details: tuple[type[object], ...]) -> SoapFault:
    detail = element.find("detail")
    return SoapFault(
        code=_code(element.findtext("faultcode", "")),
        text=element.findtext("faultstring", ""),
        detail=None if detail is None else _read_detail(detail, details),
    )


def _code(text: str) -> FaultCode:
    """The fault code of a QName such as `S:Client` or `S:Client.Authentication`; what is unknown counts as Server."""
    local = text.strip().rpartition(":")[2].partition(".")[0]
    return next((code for code in FaultCode if code == local), FaultCode.SERVER)


def _read_detail(detail: XmlElement, details: tuple[type[object], ...]) -> object | None:
    known = {root_name(cls): cls for cls in details}
    for child in detail:
        cls = known.get(str(child.tag))
        if cls is None:
            continue
        try:
            return decode(cls, child)
        except BadMessage:
            return None
    return None
