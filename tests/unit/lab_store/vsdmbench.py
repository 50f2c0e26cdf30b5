"""The insurer's services of a lab without HTTP, and a Konnektor's part of an update: it carries APDUs to the card."""

from dataclasses import dataclass

from tiaas.card.apdu import decode_response_untrusted
from tiaas.card.status import tries_in
from tiaas.fachdienste.vsdm.pruefziffer import OperatorKey
from tiaas.interfaces import cm_cc_v2_0 as cc
from tiaas.interfaces.cm_common_v2_0 import ServiceLocalization, ServiceType, SessionIdentifier
from tiaas.interfaces.cm_uf_v2_0 import GetUpdateFlags, GetUpdateFlagsResponse
from tiaas.lab.faults import FaultBook, Service
from tiaas.lab.lab import Lab
from tiaas.lab.vsdm.books import Update
from tiaas.lab.vsdm.ccs import CardCommunicationService
from tiaas.lab.vsdm.receipts import Receipts
from tiaas.lab.vsdm.secrets import VsdmSecrets
from tiaas.lab.vsdm.server import Exchange
from tiaas.lab.vsdm.ufs import UpdateFlagService
from tiaas.soap.envelope import Headed

SERVICES = {ServiceType.UFS: Service.UFS, ServiceType.VSD: Service.VSDD, ServiceType.CMS: Service.CMS}


@dataclass(slots=True)
class Progress:
    """How an update went: commands the card got, updates performed, whether the service closed."""

    sent: int = 0
    performed: tuple[cc.UpdatePerformed, ...] = ()
    closed: bool = False
    packages: int = 0


class Bench:
    """All three services over the books of `lab`."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.secrets, _ = VsdmSecrets.load(lab.store, lab.entropy)
        receipts = Receipts(lab.books, self.secrets.operator_key, 2, lab.clock, lab.entropy)
        self.ufs = UpdateFlagService(lab.books, receipts)
        self.ccs = {
            kind: CardCommunicationService(kind, lab.books, receipts, self.secrets.card_keys, lab.clock, lab.entropy)
            for kind in (ServiceType.VSD, ServiceType.CMS)
        }
        self.faults = FaultBook(lab.clock)

    @property
    def operator_key(self) -> OperatorKey:
        return self.secrets.operator_key

    def exchange(self, iccsn: str, kind: ServiceType) -> Exchange:
        return Exchange(self.lab.books.insurer_of(iccsn) or "999999999", kind, SERVICES[kind], self.faults)

    async def flags(self, iccsn: str) -> GetUpdateFlagsResponse:
        exchange = self.exchange(iccsn, ServiceType.UFS)
        where = ServiceLocalization(type=ServiceType.UFS, provider=exchange.provider)
        return (await self.ufs.get_update_flags(Headed(GetUpdateFlags(iccsn=iccsn), (where,)), exchange)).message

    async def run(self, *updates: Update, stop_after: int | None = None, damage: int | None = None) -> Progress:
        """Runs updates of one card and service; the card is gone after `stop_after` commands.

        `damage`: the answer to that command (from 1) is changed on its way.
        """
        iccsn, kind = updates[0].iccsn, updates[0].task.service
        service, exchange = self.ccs[kind], self.exchange(iccsn, kind)
        card = self.lab.cards.get(iccsn).card
        where = ServiceLocalization(type=kind, provider=exchange.provider)
        progress = Progress()
        request = cc.PerformUpdates(iccsn=iccsn, update_ids=tuple(update.update_id for update in updates))
        first = await service.perform_updates(Headed(request, (where,)), exchange)
        session = first.header(SessionIdentifier)
        assert session is not None
        answer: cc.PerformUpdatesResponse | cc.GetNextCommandPackageResponse = first.message
        while True:
            progress.performed += answer.updates_performed
            if answer.command_package is None:
                progress.closed = answer.close is not None
                return progress
            progress.packages += 1
            responses: list[bytes] = []
            abort = None
            for item in answer.command_package.command_items:
                if progress.sent == stop_after:
                    abort = cc.Abort(command_sent_to_card=False)
                    break
                raw = card.process(item.command)
                progress.sent += 1
                if progress.sent == damage:
                    raw = bytes([raw[0] ^ 1]) + raw[1:] if len(raw) > 2 else b"\x65\x81"
                responses.append(raw)
                sw = decode_response_untrusted(raw).sw
                if sw != int.from_bytes(item.status_code_expected, "big") and tries_in(sw) is None:
                    break
            carried = cc.CommandResponsePackage(command_responses=tuple(responses), abort=abort)
            following = cc.GetNextCommandPackage(command_response_package=carried)
            answer = (await service.get_next_command_package(Headed(following, (where, session)), exchange)).message
