"""The operations on signatures: SignatureService 7.5 and 7.4, AuthSignatureService 7.4."""

import re
from base64 import b64encode
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Literal

from tiaas.ades.xadesvariants import Update
from tiaas.base.dataclass import dataclass
from tiaas.client.caller import Caller, ServiceKind, trace_of, warning_of
from tiaas.client.errors import BadAnswer, TraceEntry
from tiaas.client.signaturepolicies import UnderPolicy
from tiaas.interfaces import auth_signature_service_v7_4 as auth_service
from tiaas.interfaces import signature_service_v7_4 as v7_4
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.dss_core_v1_0 import (
    AdditionalKeyInfo,
    Base64Data,
    Base64Signature,
    IncludeObject,
    ReturnUpdatedSignature,
    SignatureObject,
    SignaturePlacement,
    UseVerificationTime,
)
from tiaas.interfaces.oasis_signature_policy_v1_0 import GenerateUnderSignaturePolicy
from tiaas.interfaces.oasis_verification_report_v1_0 import ReturnVerificationReport
from tiaas.interfaces.signature_service_v7_5 import (
    ComfortSignatureStatus,
    Crypt,
    HighLevelResult,
    SignatureMode,
    SignatureScheme,
    TimestampType,
    TvMode,
)

AUTHENTICATION = ServiceKind(auth_service.SERVICE, "7.4")

_DOCUMENT_ID = "document"
_XADES = "urn:ietf:rfc:3275"
_DECLARATION = re.compile(r"\A\s*<\?xml[^>]*\?>\s*")
_SECONDS_PER_DOCUMENT = 2.0
_KEY_INFO = (
    '<ds:KeyInfo xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:X509Data><ds:X509Certificate>{}'
    "</ds:X509Certificate></ds:X509Data></ds:KeyInfo>"
)


@dataclass(frozen=True, slots=True)
class _Messages:
    """The messages of one version of SignatureService."""

    kind: ServiceKind
    namespace: str
    sign: type[v7_5.SignDocument]
    signed: type[v7_5.SignDocumentResponse]
    verify: type[v7_5.VerifyDocument]
    verified: type[v7_5.VerifyDocumentResponse]
    ask_number: type[v7_5.GetJobNumber]
    number: type[v7_5.GetJobNumberResponse]
    stop: type[v7_5.StopSignature]
    stopped: type[v7_5.StopSignatureResponse]


_V7_5 = _Messages(
    ServiceKind(v7_5.SERVICE, "7.5"),
    v7_5.SIG75.uri,
    v7_5.SignDocument,
    v7_5.SignDocumentResponse,
    v7_5.VerifyDocument,
    v7_5.VerifyDocumentResponse,
    v7_5.GetJobNumber,
    v7_5.GetJobNumberResponse,
    v7_5.StopSignature,
    v7_5.StopSignatureResponse,
)
_V7_4 = _Messages(
    ServiceKind(v7_4.SERVICE, "7.4"),
    v7_4.SIG74.uri,
    v7_4.SignDocument,
    v7_4.SignDocumentResponse,
    v7_4.VerifyDocument,
    v7_4.VerifyDocumentResponse,
    v7_4.GetJobNumber,
    v7_4.GetJobNumberResponse,
    v7_4.StopSignature,
    v7_4.StopSignatureResponse,
)


@dataclass(frozen=True, slots=True, repr=False)
class DocumentToSign:
    """A document and how it is to be signed.

    `content` is XML (`is_xml`), or of the MIME type given (None: binary). `signature_type` is the URI of a format
    (None: what the Konnektor takes for such a document), `enveloping` whether the signature contains the document (CMS,
    or XAdES where `signature_type` says so). With `update` the content is a CMS or XML signature, or XML that has some
    in it, and the new signature is put beside or upon those. `short_text` names the document to people; for a qualified
    signature it is needed. `under` is for a qualified signature of XML in it, see `under_policy`.
    """

    content: bytes
    is_xml: bool = False
    mime_type: str | None = None
    signature_type: str | None = None
    enveloping: bool | None = None
    short_text: str | None = None
    include_revocation_info: bool = False
    under: UnderPolicy | None = None
    update: Update | None = None


@dataclass(frozen=True, slots=True, repr=False)
class SignedResult:
    """What became of one document, `index` says which (from 0).

    `content` is the document with its signature in it (`is_document`), or the signature, of type `signature_type`.
    """

    index: int
    content: bytes
    is_document: bool
    signature_type: str | None
    warning: tuple[TraceEntry, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Verification:
    """The Konnektor's verdict; `report` is the OASIS verification report (XML) if it gave one."""

    result: HighLevelResult
    timestamp: datetime
    timestamp_type: TimestampType
    warning: tuple[TraceEntry, ...]
    report: str | None


@dataclass(frozen=True, slots=True)
class ComfortState:
    """Whether comfort signatures are allowed, how many and for how long; the session's rest if there is one."""

    status: ComfortSignatureStatus
    most: int
    timer: timedelta
    mode: SignatureMode | None
    remaining: int | None
    time_left: timedelta | None


class SignatureServices(Caller):
    """See module. All operations raise what `Konnektor` says."""

    async def get_job_number(self) -> str:
        """A number for a job, as it will be shown at the terminal (`ABC-123`)."""
        messages = self._signature_messages()
        answer = await self.call(
            messages.kind,
            f"{messages.namespace}#GetJobNumber",
            messages.ask_number(context=self.context),
            messages.number,
        )
        return answer.job_number

    async def stop_signature(self, job_number: str) -> None:
        """Ends the job with this number; what is signed already stays or not as TAB_KON_192 says."""
        messages = self._signature_messages()
        request = messages.stop(context=self.context, job_number=job_number)
        await self.call(messages.kind, f"{messages.namespace}#StopSignature", request, messages.stopped)

    async def sign_documents(
        self,
        card_handle: str,
        documents: Sequence[DocumentToSign],
        job_number: str | None = None,
        crypt: Crypt | None = None,
    ) -> tuple[SignedResult, ...]:
        """Signs documents, in their order, with an HBA (qualified; somebody types PIN.QES) or an SMC-B.

        Those that were signed when a stack ended early are in the result; compare the lengths. Without `job_number` one
        is asked for first.
        """
        number = await self.get_job_number() if job_number is None else job_number
        messages = self._signature_messages()
        request = messages.sign(
            card_handle=card_handle,
            crypt=crypt,
            context=self.context,
            tv_mode=TvMode.NONE,
            job_number=number,
            sign_request=tuple(_request(index, document) for index, document in enumerate(documents)),
        )
        answer = await self.call(
            messages.kind,
            f"{messages.namespace}#SignDocument",
            request,
            messages.signed,
            self._transport.timeouts.person + _SECONDS_PER_DOCUMENT * len(documents),
        )
        url = self.directory.find(messages.kind.name, messages.kind.version).location
        return tuple(_result(response, documents, url) for response in answer.sign_response)

    async def verify_document(
        self,
        document: DocumentToSign | None,
        signature: bytes | None = None,
        signature_type: str | None = None,
        *,
        certificate: bytes | None = None,
        at: datetime | Literal["now"] | None = None,
        include_revocation_info: bool = False,
    ) -> Verification:
        """Whether the signatures in a document, or in `signature` of `signature_type` beside it, are good.

        A bad signature is a verdict, no error. `signature` of type urn:ietf:rfc:3275 is a ds:Signature in UTF-8;
        `certificate` (DER) is the signer's where the signature does not bring it; `at` another time than
        the one that the signature claims, "now" that of the Konnektor. Of `document` only content, form and ShortText
        count.
        """
        messages = self._signature_messages()
        inputs = v7_5.VerifyInputs(
            use_verification_time=None if at is None else _time(at),
            additional_key_info=None
            if certificate is None
            else AdditionalKeyInfo(key_info=_KEY_INFO.format(b64encode(certificate).decode())),
            return_verification_report=ReturnVerificationReport(
                include_verifier=False, include_certificate_values=True, include_revocation_values=True
            ),
        )
        request = messages.verify(
            context=self.context,
            optional_inputs=inputs,
            document=None if document is None else _document(document),
            signature_object=None if signature is None else _object(signature, signature_type),
            include_revocation_info=include_revocation_info,
        )
        answer = await self.call(messages.kind, f"{messages.namespace}#VerifyDocument", request, messages.verified)
        found, outputs = answer.verification_result, answer.optional_outputs
        return Verification(
            found.high_level_result,
            found.timestamp,
            found.timestamp_type,
            warning_of(answer.status),
            None if outputs is None else outputs.verification_report,
        )

    async def external_authenticate(
        self,
        card_handle: str,
        digest: bytes,
        signature_type: str | None = None,
        scheme: SignatureScheme | None = None,
    ) -> bytes:
        """Signs a hash value with the authentication key of an HBA or SMC-B; a PIN was verified before.

        `urn:ietf:rfc:3447` (the default) is RSA, RSASSA-PSS unless `scheme` says otherwise, `urn:bsi:tr:03111:ecdsa`
        ECDSA in DER.
        """
        inputs = None
        if signature_type is not None or scheme is not None:
            inputs = v7_5.AuthenticateInputs(signature_type=signature_type, signature_schemes=scheme)
        request = v7_4.ExternalAuthenticate(
            card_handle=card_handle,
            context=self.context,
            optional_inputs=inputs,
            binary_string=v7_5.BinaryString(base64_data=Base64Data(data=digest, mime_type="application/octet-stream")),
        )
        answer = await self.call(
            AUTHENTICATION, auth_service.EXTERNAL_AUTHENTICATE_ACTION, request, v7_4.ExternalAuthenticateResponse
        )
        found = answer.signature_object
        if found is None or found.base64_signature is None:
            url = self.directory.find(AUTHENTICATION.name, AUTHENTICATION.version).location
            raise BadAnswer(url, 200, "without a signature")
        return found.base64_signature.value

    async def activate_comfort_signature(self, card_handle: str) -> SignatureMode:
        """Lets the holder of an HBA type PIN.QES once for many signatures (SignatureService 7.5)."""
        request = v7_5.ActivateComfortSignature(card_handle=card_handle, context=self.context)
        answer = await self.call(
            _V7_5.kind,
            v7_5.ACTIVATE_COMFORT_SIGNATURE_ACTION,
            request,
            v7_5.ActivateComfortSignatureResponse,
            self._transport.timeouts.person,
        )
        return answer.signature_mode

    async def deactivate_comfort_signature(self, *card_handles: str) -> None:
        """Ends all comfort sessions on these cards (SignatureService 7.5)."""
        request = v7_5.DeactivateComfortSignature(card_handle=card_handles)
        await self.call(
            _V7_5.kind,
            v7_5.DEACTIVATE_COMFORT_SIGNATURE_ACTION,
            request,
            v7_5.DeactivateComfortSignatureResponse,
        )

    async def get_signature_mode(self, card_handle: str) -> ComfortState:
        """Whether a comfort session is open, and what is left of it (SignatureService 7.5)."""
        request = v7_5.GetSignatureMode(card_handle=card_handle, context=self.context)
        answer = await self.call(_V7_5.kind, v7_5.GET_SIGNATURE_MODE_ACTION, request, v7_5.GetSignatureModeResponse)
        session = answer.session_info
        return ComfortState(
            answer.comfort_signature_status,
            answer.comfort_signature_max,
            answer.comfort_signature_timer,
            None if session is None else session.signature_mode,
            None if session is None else session.count_remaining,
            None if session is None else session.time_remaining,
        )

    def _signature_messages(self) -> _Messages:
        """Those of 7.5 if the Konnektor has it."""
        versions = {item.number[:2] for item in self.directory.versions if item.service == v7_5.SERVICE}
        return _V7_5 if (7, 5) in versions else _V7_4


def _request(index: int, document: DocumentToSign) -> v7_5.SignRequest:
    name, under = f"{_DOCUMENT_ID}{index}", document.under
    inputs, is_xades = None, document.signature_type == _XADES
    if any(wanted is not None for wanted in (under, document.signature_type, document.enveloping, document.update)):
        inputs = v7_5.SignInputs(
            signature_type=document.signature_type,
            include_e_content=None if is_xades else document.enveloping,
            include_objects=_around(name) if is_xades and document.enveloping else None,
            return_updated_signature=None if document.update is None else _updated(document.update),
            signature_placement=None if under is None else _placement(name, under),
            policy=None if under is None else GenerateUnderSignaturePolicy(identifier=under.policy),
        )
    return v7_5.SignRequest(
        optional_inputs=inputs,
        document=_document(document, name),
        include_revocation_info=document.include_revocation_info,
        request_id=str(index),
    )


def _updated(update: Update) -> ReturnUpdatedSignature:
    return ReturnUpdatedSignature(type=update.value)


def _around(name: str) -> v7_5.IncludeObjects:
    return v7_5.IncludeObjects(include_object=(IncludeObject(which_document=name),))


def _placement(name: str, under: UnderPolicy) -> SignaturePlacement:
    """As gematik's example of a SignDocument under a policy has it."""
    return SignaturePlacement(xpath_first_child_of=under.holder, which_document=name, enveloped=False)


def _document(document: DocumentToSign, name: str = _DOCUMENT_ID) -> v7_5.Document:
    if document.is_xml:
        part = None if document.under is None else f"#{document.under.part_id}"
        return v7_5.Document(id=name, ref_uri=part, short_text=document.short_text, base64_xml=document.content)
    data = Base64Data(data=document.content, mime_type=document.mime_type)
    return v7_5.Document(id=name, short_text=document.short_text, base64_data=data)


def _time(at: datetime | Literal["now"]) -> UseVerificationTime:
    return UseVerificationTime(current_time="") if at == "now" else UseVerificationTime(specific_time=at)


def _object(signature: bytes, signature_type: str | None) -> SignatureObject:
    if signature_type == _XADES:
        text = _DECLARATION.sub("", signature.decode("utf-8-sig", "replace"), count=1)
        return SignatureObject(signature=text.encode())
    return SignatureObject(base64_signature=Base64Signature(value=signature, type=signature_type))


def _result(response: v7_5.SignResponse, documents: Sequence[DocumentToSign], url: str) -> SignedResult:
    """The signature outside the document, else the document with its signature: makers fill one, or both."""
    if not response.request_id.isdecimal() or int(response.request_id) >= len(documents):
        raise BadAnswer(url, 200, "with a signature of another request")
    index, outside = int(response.request_id), response.signature_object
    warning = () if response.status.error is None else trace_of(response.status.error)
    if outside is not None and outside.base64_signature is not None:
        found = outside.base64_signature
        inside = found.type == "http://uri.etsi.org/02778/3"
        return SignedResult(index, found.value, inside, found.type, warning)
    if outside is not None and outside.signature_octets is not None:
        return SignedResult(index, outside.signature_octets, False, _XADES, warning)
    document = None if response.optional_outputs is None else response.optional_outputs.document_with_signature
    content = None if document is None else document.base64_xml
    if content is None and document is not None and document.base64_data is not None:
        content = document.base64_data.data
    if not content:
        raise BadAnswer(url, 200, "without a signature")
    return SignedResult(index, content, True, documents[index].signature_type, warning)
