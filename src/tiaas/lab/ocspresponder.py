"""The lab's status service: RFC 6960 in the profile of the TI (gemSpec_PKI V2.14.1, 9.1), answers from the lab's books.

One certificate per request, answers signed by a responder of the CA's own (GS-A_5517, A_23142) with the responder's
certificate in them, the hash of the certificate in the answer, the nonce echoed, no reason for a revocation.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from tiaas.base.clock import Clock
from tiaas.base.dataclass import dataclass
from tiaas.lab.books import CertificateBook, Issued
from tiaas.lab.faults import Fault
from tiaas.lab.signers import Signers, der, ocsp_responder
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.ocsp import BadOcsp, decode_request_untrusted, encode_exception, encode_response
from tiaas.pki.ocspmessages import (
    CertHash,
    CertStatus,
    OcspRequest,
    Responder,
    ResponseStatus,
    SingleResponse,
    issuer_hashes,
)
from tiaas.pki.signature import SigningKey

_EXCEPTIONS = {
    "malformedRequest": ResponseStatus.MALFORMED_REQUEST,
    "internalError": ResponseStatus.INTERNAL_ERROR,
    "tryLater": ResponseStatus.TRY_LATER,
    "unauthorized": ResponseStatus.UNAUTHORIZED,
}
_EXPIRED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Question:
    """A request after it was read, and whom it is about; `issuer` None: no CA of this lab."""

    request: OcspRequest
    issuer: str | None
    issued: Issued | None

    @property
    def subject(self) -> str:
        """What a fault's `match` is compared with: `serial=HEX kind=C.HCI.AUT card=ICCSN`."""
        parts = [f"serial={self.request.cert_id.serial_number:X}"]
        if self.issued is not None:
            parts += [f"kind={self.issued.kind}", *([f"card={self.issued.card}"] if self.issued.card else [])]
        return " ".join(parts)


class StatusService:
    """Answers for all CAs of a lab."""

    def __init__(self, signers: Signers, book: CertificateBook, clock: Clock) -> None:
        self._signers = signers
        self._book = book
        self._clock = clock
        self._labels: dict[tuple[bytes, bytes], str] = {}
        self._responders: dict[str, Responder] = {}

    def question(self, octets: bytes) -> Question | None:
        """What a request asks; None for one that is none."""
        try:
            request = decode_request_untrusted(octets)
        except BadOcsp:
            return None
        label = self._label(request)
        issued = self._book.find(request.cert_id.serial_number)
        return Question(request, label, issued if issued is not None and issued.issuer == label else None)

    def answer(self, question: Question | None, fault: Fault | None = None) -> tuple[bytes, str]:
        """The answer, DER, and its outcome in a word. With the fault `revoked` a certificate is so since the fault."""
        code = None if fault is None else fault.code
        if question is None:
            return encode_exception(ResponseStatus.MALFORMED_REQUEST), "malformedRequest"
        if code in _EXCEPTIONS:
            return encode_exception(_EXCEPTIONS[code]), code
        if question.issuer is None:
            return encode_exception(ResponseStatus.UNAUTHORIZED), "unauthorized"
        now = self._clock.now() - (_EXPIRED if code == "expired" else timedelta())
        single = self._single(question, code, now, None if fault is None else fault.since)
        nonce = question.request.nonce
        if code == "nonce-wrong":
            nonce = sha256(nonce or b"").digest()
        octets = encode_response((single,), self._responder(question.issuer, code), now, nonce)
        return octets, code if code is not None else single.status.value

    def _single(self, question: Question, code: str | None, now: datetime, since: datetime | None) -> SingleResponse:
        issued = question.issued
        status = CertStatus.UNKNOWN if issued is None or code == "unknown" else CertStatus.GOOD
        revoked_at = None if issued is None or status is CertStatus.UNKNOWN else issued.revoked
        if code == "revoked":
            revoked_at = revoked_at or since or now
        cert_hash = None
        if issued is not None and code not in ("unknown", "certHash-missing"):
            cert_hash = (
                CertHash.of(b"") if code == "certHash-wrong" else replace(CertHash.of(b""), digest=issued.digest)
            )
        return SingleResponse(
            question.request.cert_id,
            status if revoked_at is None else CertStatus.REVOKED,
            this_update=now,
            next_update=now + _EXPIRED / 2 if code == "expired" else None,
            revoked_at=revoked_at,
            cert_hash=cert_hash,
        )

    def _responder(self, label: str, code: str | None) -> Responder:
        if code == "signer-unknown":
            return ocsp_responder(self._signers.foreign_ocsp(label))
        responder = self._responders.get(label)
        if responder is None:
            responder = self._responders[label] = ocsp_responder(self._signers.ocsp(label))
        if code == "signature-wrong":
            return replace(responder, key=_spoilt(responder.key))
        return responder

    def _label(self, request: OcspRequest) -> str | None:
        """The label of the CA whose hashes are in the request; only SHA-1 is known (Tab_PKI_290)."""
        cert_id = request.cert_id
        if cert_id.algorithm != "sha1":
            return None
        issuers = self._signers.issuers
        if len(issuers) != len(self._labels):
            self._labels = {
                issuer_hashes(decode_certificate_untrusted(der(issuer))): label for label, issuer in issuers.items()
            }
        return self._labels.get((cert_id.issuer_name_hash, cert_id.issuer_key_hash))


def _spoilt(key: SigningKey) -> SigningKey:
    """A key whose signatures are over something else."""
    return replace(key, sign=lambda signed: key.sign(signed + b"\x00"))
