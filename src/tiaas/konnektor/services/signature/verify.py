"""VerifyDocument 7.4 and 7.5 (gemSpec_Kon V5.18 TIP1-A_5034-06, TAB_KON_066, TAB_KON_760).

INVALID and INCONCLUSIVE are answers; what led to them stands in the status, as a warning, and in the report. A fault is
for what cannot be verified at all.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from tiaas.ades.found import SignatureFormat
from tiaas.base.heavy import beside
from tiaas.interfaces import signature_service_v7_4 as v7_4
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import OK, Status
from tiaas.interfaces.connector_common_v5_0 import Result as CallResult
from tiaas.konnektor.errors import KonnektorError, gerror_of
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, declared
from tiaas.konnektor.services.signature.verifyanswer import updated
from tiaas.konnektor.services.signature.verifyrequest import NO_INPUTS, check_arguments, material_beside, user_time
from tiaas.konnektor.verdict import Result
from tiaas.konnektor.verification.moments import TimeSource
from tiaas.konnektor.verification.reading import Material
from tiaas.konnektor.verification.reporting import DIALECT_7_4, DIALECT_7_5, Dialect, Reports
from tiaas.konnektor.verification.reportwords import ReportWish
from tiaas.konnektor.verification.verifying import Rules, Verification, verify
from tiaas.soap.dispatch import Operation, operation

Answer = TypeVar("Answer", bound=v7_5.VerifyDocumentResponse)

_NOT_EMBEDDED, _IGNORED = 4261, 4264
_NO_OUTPUTS = v7_5.VerifyOutputs()
_RESULTS = {result: v7_5.HighLevelResult(result.value) for result in Result}
_SOURCES = {source: v7_5.TimestampType(source.value) for source in TimeSource}
_WITHOUT_EMBEDDING = frozenset(SignatureFormat) - {SignatureFormat.CADES, SignatureFormat.XADES}


def operations(context: ServiceContext) -> list[Operation]:
    """The operation in both versions."""
    reports = Reports()

    async def serve_7_4(request: v7_4.VerifyDocument, peer: Peer) -> v7_4.VerifyDocumentResponse:
        return await _verify(context, reports, request, peer, v7_4.VerifyDocumentResponse, DIALECT_7_4)

    async def serve_7_5(request: v7_5.VerifyDocument, peer: Peer) -> v7_5.VerifyDocumentResponse:
        return await _verify(context, reports, request, peer, v7_5.VerifyDocumentResponse, DIALECT_7_5)

    access = declared("VerifyDocument")
    return [
        operation(
            v7_4.VerifyDocument,
            v7_4.VerifyDocumentResponse,
            serve_7_4,
            access=access,
            soap_action=v7_4.VERIFY_DOCUMENT_ACTION,
        ),
        operation(
            v7_5.VerifyDocument,
            v7_5.VerifyDocumentResponse,
            serve_7_5,
            access=access,
            soap_action=v7_5.VERIFY_DOCUMENT_ACTION,
        ),
    ]


async def _verify(
    context: ServiceContext,
    reports: Reports,
    request: v7_5.VerifyDocument,
    peer: Peer,
    answer: type[Answer],
    dialect: Dialect,
) -> Answer:
    check_arguments(request)
    authorize(context, peer, request.context, "VerifyDocument")
    material = await material_beside(request)
    inputs = request.optional_inputs or NO_INPUTS
    embeds = request.include_revocation_info and material.format not in _WITHOUT_EMBEDDING
    now = context.clock.now()
    rules = Rules(user_time(request, now), inputs.verify_manifests is not None, embeds, context.qes.require_enabled)
    verified = await verify(material, rules, context.trust, context.public_keys, now)
    wished = inputs.return_verification_report
    manifests = verified.manifests
    outputs = _NO_OUTPUTS
    if embeds:
        with_values = await beside(material.octets, updated, request, material, verified)
        embeds, outputs = with_values is not None, with_values or _NO_OUTPUTS
    if wished is not None:
        text = await reports.written(verified.judgements, verified.time, ReportWish.of(wished), dialect, manifests)
        reported = v7_5.VerifyOutputs(verification_report=text)
        outputs = reported if outputs is _NO_OUTPUTS else replace(outputs, verification_report=text)
    elif manifests is not None:
        outputs = replace(outputs, verify_manifest_results=manifests)
    ignores_revocation = request.include_revocation_info and not embeds
    errors = list(_errors(verified, material, ignores_revocation=ignores_revocation))
    result = v7_5.VerificationResult(
        high_level_result=_RESULTS[verified.result],
        timestamp_type=_SOURCES[verified.time.source],
        timestamp=verified.time.at,
    )
    return answer(
        status=_status(context, errors),
        verification_result=result,
        optional_outputs=None if outputs is _NO_OUTPUTS else outputs,
    )


def _errors(verified: Verification, material: Material, *, ignores_revocation: bool) -> Iterator[KonnektorError]:
    """What the status tells, each once: what was left out, then the document, then what led to the verdicts."""
    if ignores_revocation:
        yield KonnektorError(_NOT_EMBEDDED)
    if verified.reading.ignored(material.certificates):
        yield KonnektorError(_IGNORED)
    if verified.document_fault is not None:
        yield verified.document_fault
    for code in dict.fromkeys(code for one in verified.judgements for code in one.codes):
        yield KonnektorError(code)


def _status(context: ServiceContext, errors: list[KonnektorError]) -> Status:
    """PS read the last trace: it is the code of the Konnektor that the verdict rests on."""
    if not errors:
        return OK
    error = gerror_of(errors, context.instance_id, context.clock, context.entropy, context.protocol)
    return Status(result=CallResult.WARNING, error=error)
