"""UFS: tells which updates wait for a card; gives the Prüfziffer where none of data does (gemSpec_SST_FD_VSDM, 3)."""

from tiaas.fachdienste.vsdm.pruefziffer import Reason
from tiaas.interfaces.cm_common_v2_0 import (
    ServiceLocalization,
    ServiceReceipt,
    ServiceType,
    UpdateFlag,
    UpdatePriority,
)
from tiaas.interfaces.cm_uf_v2_0 import GET_UPDATE_FLAGS_ACTION, GetUpdateFlags, GetUpdateFlagsResponse
from tiaas.lab.vsdm.books import DESCRIPTIONS, Books, Task
from tiaas.lab.vsdm.errors import ServiceError
from tiaas.lab.vsdm.localization import check_localization
from tiaas.lab.vsdm.receipts import Receipts
from tiaas.lab.vsdm.records import insurer_of
from tiaas.lab.vsdm.server import Exchange, FromIntermediaer
from tiaas.soap.dispatch import Operation, headed_operation
from tiaas.soap.envelope import Headed

NOT_RESPONSIBLE, UNSPECIFIED = 11101, 11999


class UpdateFlagService:
    """GetUpdateFlags for all insurers of a lab."""

    def __init__(self, books: Books, receipts: Receipts) -> None:
        self._books = books
        self._receipts = receipts

    def operations(self) -> tuple[Operation, ...]:
        """What it serves."""
        return (
            headed_operation(
                GetUpdateFlags,
                GetUpdateFlagsResponse,
                self.get_update_flags,
                headers=(ServiceLocalization,),
                access=FromIntermediaer(),
                soap_action=GET_UPDATE_FLAGS_ACTION,
            ),
        )

    async def get_update_flags(
        self, request: Headed[GetUpdateFlags], exchange: Exchange
    ) -> Headed[GetUpdateFlagsResponse]:
        """All updates that wait, mandatory or not, in order. A receipt if no mandatory one of data is among them."""
        iccsn = request.message.iccsn
        await exchange.about("GetUpdateFlags", iccsn)
        check_localization(request.header(ServiceLocalization), exchange, (ServiceType.UFS,))
        if insurer_of(self._books, iccsn, exchange, UNSPECIFIED) != exchange.provider:
            raise ServiceError(NOT_RESPONSIBLE)
        pending = self._books.pending(iccsn)
        flags = tuple(
            UpdateFlag(
                service_localization=ServiceLocalization(type=update.task.service, provider=exchange.provider),
                update_id=update.update_id,
                update_priority=update.priority,
                short_description=DESCRIPTIONS[update.task],
            )
            for update in pending
        )
        exchange.notes.append(f"{len(flags)} flags" if flags else "no flags")
        must = any(entry.task is Task.DATA and entry.priority is UpdatePriority.MANDATORY for entry in pending)
        return Headed(
            GetUpdateFlagsResponse(
                update_flags=flags, service_receipts=() if must else (self._receipt(iccsn, exchange.provider),)
            )
        )

    def _receipt(self, iccsn: str, provider: str) -> ServiceReceipt:
        return ServiceReceipt(
            service_localization=ServiceLocalization(type=ServiceType.UFS, provider=provider),
            receipt=self._receipts.receipt(iccsn, Reason.UFS),
        )
