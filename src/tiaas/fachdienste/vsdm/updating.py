"""Runs the updates that wait for an eGK (gemSpec_SST_FD_VSDM V1.6.0, 4 and 5; VSDM-A_2601 to 2606).

The commands of a package go to the card as they are, in order, until one is answered otherwise than the service
expects; 63Cx counts as 9000 (VSDM-A_2552). All answers go back, and so on until the service closes. If the card gives
no answer any more the service is told (Abort) and the update ends.
"""

import re
from typing import Protocol

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.card.apdu import BadApdu, CommandApdu, ResponseApdu, decode_command_untrusted
from tiaas.fachdienste.vsdm.services import NoAnswer, Services
from tiaas.interfaces.cm_cc_v2_0 import (
    Abort,
    CommandPackage,
    CommandResponsePackage,
    GetNextCommandPackageResponse,
    PerformUpdatesResponse,
    UpdatePerformed,
)
from tiaas.interfaces.cm_common_v2_0 import ServiceType, SessionIdentifier, UpdateFlag, UpdatePriority
from tiaas.interfaces.cm_uf_v2_0 import GetUpdateFlagsResponse

COMMAND_MAX = 3082
"""Octets of a command (gemSpec_SST_FD_VSDM V1.6.0, 4.1.3)."""
PACKAGES_MAX = 200
"""Packages of one update; no service needs a tenth of it, and one that never closes must not keep the card."""

_OK = 0x9000
_CONVERSATION = re.compile(r"[A-Za-z0-9.-]{1,60}")

Answer = PerformUpdatesResponse | GetNextCommandPackageResponse


class CardLost(TiaasError):
    """The card gives no answers any more. `sent`: the command went out, its effect is unknown."""

    def __init__(self, *, sent: bool) -> None:
        super().__init__("the card gives no answers any more")
        self.sent = sent


class CardPort(Protocol):
    """The card that is updated."""

    async def transmit(self, command: CommandApdu) -> ResponseApdu:
        """Sends one command. Raises `CardLost`."""
        ...


@dataclass(frozen=True, slots=True, repr=False)
class Waiting:
    """What the update flag service says: updates to run, in order, and the Prüfziffer if none is needed."""

    updates: tuple[UpdateFlag, ...]
    proof: bytes | None

    def __repr__(self) -> str:
        return f"Waiting({len(self.updates)} updates)"


def waiting(response: GetUpdateFlagsResponse) -> Waiting:
    """The mandatory updates in the order delivered; optional ones are left out (VSDM-A_2601)."""
    updates = tuple(flag for flag in response.update_flags if flag.update_priority is UpdatePriority.MANDATORY)
    proofs = [receipt.receipt for receipt in response.service_receipts]
    return Waiting(updates, proofs[0] if proofs else None)


class Updater:
    """Runs updates of one card."""

    def __init__(self, services: Services, iccsn: str, card: CardPort) -> None:
        self._services = services
        self._iccsn = iccsn
        self._card = card
        self.touched = False
        """Whether any command went to the card."""

    async def run(self, flag: UpdateFlag) -> bytes | None:
        """One update from the first package to Close; the Prüfziffer of VSDD if the service gave one.

        Raises `NoAnswer` (also if the service closes without having performed the update), `ServiceFault`, `CardLost`
        once the service was told.
        """
        where = flag.service_localization
        first = await self._services.perform_updates(where, self._iccsn, flag.update_id)
        answer: Answer = first.message
        performed = list(answer.updates_performed)
        session = first.header(SessionIdentifier)
        for _ in range(PACKAGES_MAX):
            if answer.command_package is None:
                return _proof(flag, performed)
            if session is None or not _CONVERSATION.fullmatch(session.conversation_id):
                raise NoAnswer("a package without a conversation")
            responses, lost = await self._execute(answer.command_package)
            report = CommandResponsePackage(
                command_responses=responses, abort=None if lost is None else Abort(command_sent_to_card=lost.sent)
            )
            try:
                answer = await self._services.next_package(where, session, report)
            except TiaasError:
                if lost is not None:
                    raise lost from None
                raise
            performed += answer.updates_performed
            if lost is not None:
                raise lost
        raise NoAnswer("the service does not close")

    async def _execute(self, package: CommandPackage) -> tuple[tuple[bytes, ...], CardLost | None]:
        """The card's answers, up to and with the first that was not expected."""
        responses: list[bytes] = []
        for item in package.command_items:
            command = _command(item.command)
            self.touched = True
            try:
                response = await self._card.transmit(command)
            except CardLost as lost:
                return tuple(responses), lost
            responses.append(response.encode())
            if not _expected(response.sw, int.from_bytes(item.status_code_expected, "big")):
                break
        return tuple(responses), None


def _command(raw: bytes) -> CommandApdu:
    if len(raw) > COMMAND_MAX:
        raise NoAnswer("a command that is too long")
    try:
        return decode_command_untrusted(raw)
    except BadApdu:
        raise NoAnswer("a command that is no APDU") from None


def _expected(sw: int, wanted: int) -> bool:
    return sw == wanted or (wanted == _OK and sw & 0xFFF0 == 0x63C0)


def _proof(flag: UpdateFlag, performed: list[UpdatePerformed]) -> bytes | None:
    done = [update for update in performed if update.update_id == flag.update_id]
    if not done:
        raise NoAnswer("the service closed without having performed the update")
    # A Prüfziffer of CMS is not used (gemSpec_SST_FD_VSDM V1.6.0, 4).
    return done[-1].receipt if flag.service_localization.type == ServiceType.VSD else None
