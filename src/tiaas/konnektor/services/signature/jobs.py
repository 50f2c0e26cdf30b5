"""GetJobNumber and StopSignature 7.4 and 7.5 (gemSpec_Kon V5.18 TIP1-A_5667, TIP1-A_5666; TAB_KON_844, TAB_KON_841)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TypeVar

from tiaas.interfaces import signature_service_v7_4 as v7_4
from tiaas.interfaces import signature_service_v7_5 as v7_5
from tiaas.interfaces.connector_common_v5_0 import OK
from tiaas.konnektor.errors import KonnektorError
from tiaas.konnektor.peer import Peer
from tiaas.konnektor.services.context import ServiceContext, authorize, declared
from tiaas.soap.dispatch import Operation, operation

Number = TypeVar("Number", bound=v7_5.GetJobNumberResponse)
Stopped = TypeVar("Stopped", bound=v7_5.StopSignatureResponse)


def operations(context: ServiceContext) -> list[Operation]:
    """Both operations in both versions."""
    return [
        _get_job_number(context, v7_4.GetJobNumber, v7_4.GetJobNumberResponse, v7_4.GET_JOB_NUMBER_ACTION),
        _get_job_number(context, v7_5.GetJobNumber, v7_5.GetJobNumberResponse, v7_5.GET_JOB_NUMBER_ACTION),
        _stop_signature(context, v7_4.StopSignature, v7_4.StopSignatureResponse, v7_4.STOP_SIGNATURE_ACTION),
        _stop_signature(context, v7_5.StopSignature, v7_5.StopSignatureResponse, v7_5.STOP_SIGNATURE_ACTION),
    ]


def _get_job_number(
    context: ServiceContext, request: type[v7_5.GetJobNumber], response: type[Number], action: str
) -> Operation:
    async def serve(message: v7_5.GetJobNumber, peer: Peer) -> Number:
        with _as_arguments():
            authorize(context, peer, message.context, "GetJobNumber")
        return response(job_number=context.jobs.new_number())

    return operation(request, response, serve, access=declared("GetJobNumber"), soap_action=action)


def _stop_signature(
    context: ServiceContext, request: type[v7_5.StopSignature], response: type[Stopped], action: str
) -> Operation:
    """Returns at once: the job ends as soon as its card has answered."""

    async def serve(message: v7_5.StopSignature, peer: Peer) -> Stopped:
        job = context.jobs.find(message.job_number)
        if job is None:
            raise KonnektorError(4243)
        with _as_arguments():
            authorize(context, peer, message.context, "StopSignature", card_handle=job.card_handle)
        job.stop.turn()
        return response(status=OK)

    return operation(request, response, serve, access=declared("StopSignature"), soap_action=action)


@contextmanager
def _as_arguments() -> Iterator[None]:
    """Who calls belongs to checkArguments here: what is wrong with it is 4000 (TAB_KON_841, 844, step 1)."""
    try:
        yield
    except KonnektorError as error:
        raise KonnektorError(4000, evidence=error.evidence) from error
