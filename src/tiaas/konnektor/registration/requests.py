"""Signed requests of the registration service, and what its answers mean (gemSpec_VPN_ZugD V1.21.0 TIP1-A_4390, 4391).

    draft = draft_request(RegisterRequest(…), REGISTER_ACTION, signer.certificate, signer.scheme, now, name)
    request = draft.finish(await signer.sign_digest(draft.digest, signer.scheme))

The signature is made with PrK.HCI.OSIG, over the whole request (Reference URI="": the SOAP envelope), and holds
C.HCI.OSIG. It is XAdES-BES, which is XMLDSig with more in it: A_14646 lets the service ask for nothing of that.
"""

from datetime import datetime
from hashlib import sha256
from typing import TypeVar

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from lxml import etree

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.interfaces.provisioning_service_v1_1 import DeregisterRequest, RegisterRequest
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.pki.keys import SigningScheme
from tiaas.soap.client import ReceivedFault, SoapRequest, read_answer_untrusted, write_request
from tiaas.soap.envelope import Limits
from tiaas.soap.errors import FaultCode, SoapError
from tiaas.soap.httpanswer import HttpAnswer
from tiaas.soap.parsers import fromstring
from tiaas.xmlsec.canonical import canonical_document
from tiaas.xmlsec.markup import scope_inside
from tiaas.xmlsec.names import SignatureMethod, Transform, ds
from tiaas.xmlsec.writer import Draft, Part, Plan, draft, raw_ecdsa

T = TypeVar("T")

ANSWER_OCTETS = 256 * 1024
_LIMITS = Limits(octets=ANSWER_OCTETS, nodes=1_000)
_TEXT_MAX = 1024
_NO_OPERATION = (404, 405, 501)
"""Statuses of HTTP of a server that does not know what it was asked for."""
_METHODS = {
    SigningScheme.ECDSA: SignatureMethod.ECDSA_SHA256,
    SigningScheme.RSASSA_PSS: SignatureMethod.RSA_PSS_SHA256,
}


class NotRegistered(TiaasError):
    """The service refused, or gave no answer. `code` is its own, if there is one; `text` and `remedy` are for the
    administrator."""

    def __init__(self, text: str, code: int | None = None, *, remedy: str = "ask the provider") -> None:
        super().__init__(text)
        self.text = text
        self.code = code
        self.remedy = remedy


class Refused(NotRegistered):
    """The service answered with a fault."""


class NoOperation(NotRegistered):
    """The service does not know the operation at all (A_21139)."""


@dataclass(frozen=True, slots=True, repr=False)
class DraftRequest:
    """A request without its signature value; `digest` is the SHA-256 to be signed."""

    digest: bytes
    _root: etree._Element
    _draft: Draft
    _curve_bits: int | None
    _headers: tuple[tuple[str, str], ...]

    def finish(self, value: bytes) -> SoapRequest:
        """With the value (ECDSA in DER)."""
        written = value if self._curve_bits is None else raw_ecdsa(value, self._curve_bits)
        self._root[-1][0].append(fromstring(self._draft.element(written)))
        return SoapRequest(self._headers, etree.tostring(self._root, encoding="UTF-8", xml_declaration=True))


def draft_request(
    message: RegisterRequest | DeregisterRequest,
    action: str,
    certificate: bytes,
    scheme: SigningScheme,
    moment: datetime,
    name: str,
) -> DraftRequest:
    """Makes a request ready to be signed with the key of `certificate` (DER); `name` makes Ids unique."""
    plain = write_request(message, action)
    root = fromstring(plain.body)
    request = root[-1][0]
    for place in request.findall(ds("Signature")):
        request.remove(place)
    transforms = (Transform.ENVELOPED, Transform.EXCLUSIVE_C14N)
    part = Part("", transforms, sha256(canonical_document(root)).digest())
    plan = Plan(name=name, moment=moment, parts=(part,), canonicalization=Transform.EXCLUSIVE_C14N)
    unsigned = draft(scope_inside(request), certificate, _METHODS[scheme], plan)
    key = x509.load_der_x509_certificate(certificate).public_key()
    bits = key.curve.key_size if isinstance(key, ec.EllipticCurvePublicKey) else None
    return DraftRequest(sha256(unsigned.octets).digest(), root, unsigned, bits, plain.headers)


def read_registration_untrusted(answer: HttpAnswer, expected: type[T]) -> T:
    """What an answer says. Raises only `NotRegistered`; `NoOperation` where the service has no such operation."""
    if answer.status in _NO_OPERATION:
        raise NoOperation(f"HTTP status {answer.status}")
    if answer.status not in (200, 500):
        raise NotRegistered(f"HTTP status {answer.status}")
    try:
        return read_answer_untrusted(answer.body, expected, (Error,), _LIMITS)
    except ReceivedFault as received:
        raise _refused(received) from None
    except SoapError as error:
        raise NotRegistered(f"no answer of the registration service ({type(error).__name__})") from None


def _refused(received: ReceivedFault) -> NotRegistered:
    detail = received.fault.detail
    if isinstance(detail, Error) and detail.trace:
        last = detail.trace[-1]
        return Refused(_printable(last.error_text), last.code)
    # A service that knows the operation tells what was wrong with it (Tab_Registrierungsserver_Fehlermeldungen).
    kind = NoOperation if received.fault.code is FaultCode.CLIENT else Refused
    return kind(f"fault {received.fault.code}: {_printable(received.fault.text)}")


def _printable(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text[:_TEXT_MAX])
