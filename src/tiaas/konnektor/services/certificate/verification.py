"""VerifyCertificate (gemSpec_Kon V5.18 TIP1-A_5449, TAB_KON_795, 797): TUC_KON_037 for any certificate.

INVALID and INCONCLUSIVE are answers, no faults. A status that could not be had does not make a certificate invalid
(offlineAllowNoCheck), but nobody can call it valid either: INCONCLUSIVE, with the warning in the trace. The operation
has no step TUC_KON_000; its context must still belong to the caller.
"""

from collections.abc import Iterator

from tiaas.base.heavy import beside
from tiaas.interfaces.certificate_service_v6_0 import (
    VERIFY_CERTIFICATE_ACTION,
    RoleList,
    VerificationResult,
    VerificationStatus,
    VerifyCertificate,
    VerifyCertificateResponse,
)
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.konnektor.errors import KonnektorError, gerror_of
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, declared
from tiaas.konnektor.verdict import Result, Verdict
from tiaas.pki.certificate import CERTIFICATE_QUICK_OCTETS, BadCertificate, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.soap.dispatch import Operation, operation

_NOT_IN_TSL = frozenset({PkiCode.CA_CERT_MISSING})
_UNNAMED = PkiCode.CA_CERT_MISSING
"""For the faults that Tab_PKI_274 has no code for: the issuer was not one that may issue."""


def operations(context: ServiceContext) -> list[Operation]:
    """The operation."""

    async def verify(request: VerifyCertificate, peer: Peer) -> VerifyCertificateResponse:
        return await _verify(context, request, peer)

    return [
        operation(
            VerifyCertificate,
            VerifyCertificateResponse,
            verify,
            access=declared("VerifyCertificate"),
            soap_action=VERIFY_CERTIFICATE_ACTION,
        )
    ]


async def _verify(context: ServiceContext, request: VerifyCertificate, peer: Peer) -> VerifyCertificateResponse:
    authorize(context, peer, request.context, "VerifyCertificate")
    der = request.x509_certificate
    try:
        if len(der) > CERTIFICATE_QUICK_OCTETS:
            await beside(len(der), decode_certificate_untrusted, der)
        else:
            decode_certificate_untrusted(der)
    except BadCertificate:
        raise KonnektorError(4000, "X509Certificate is no certificate") from None
    verdict = await context.trust.check_any(der, request.verification_time)
    result = VerificationResult.INCONCLUSIVE if verdict.warnings else VerificationResult(verdict.result.value)
    error = None if result is VerificationResult.VALID else _error(context, verdict)
    return VerifyCertificateResponse(
        status=OK,
        verification_status=VerificationStatus(verification_result=result, error=error),
        # The schema wants one role at least.
        role_list=RoleList(role=verdict.roles or ("",)),
    )


def _error(context: ServiceContext, verdict: Verdict) -> Error:
    return gerror_of(list(_steps(verdict)), context.instance_id, context.clock, context.entropy, context.protocol)


def _steps(verdict: Verdict) -> Iterator[KonnektorError]:
    """From cause to effect."""
    code = verdict.fault or next(iter(verdict.warnings), _UNNAMED)
    yield KonnektorError(code.number, verdict.reason)
    if verdict.result is Result.INVALID and verdict.fault in _NOT_IN_TSL:
        yield KonnektorError(4260)
