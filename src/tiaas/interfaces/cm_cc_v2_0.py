"""CCS, the card communication service (CCS.wsdl 1.0.0; CmCcCommon, CmCcServiceRequest, CmCcServiceResponse 2.0.0).

What VSDD and CMS of a health insurer speak: commands for the card go out in packages, its responses come back, until
the service closes. Both ends put a ServiceLocalization (requests) and a SessionIdentifier into the SOAP header.
"""

from typing import Annotated

from tiaas.interfaces.cm_common_v2_0 import ICCSN, RECEIPT, UPDATE_ID
from tiaas.soap.mapping import Attribute, Element, Namespace, message
from tiaas.soap.simple import ANY_TYPE, BOOLEAN, HEX_BINARY, Hex

COM = Namespace("http://ws.gematik.de/cm/cc/CmCcCommon/v2.0", "COM")
CCS = Namespace("http://ws.gematik.de/cm/cc/CmCcServiceRequest/v2.0", "CCS")
CCSR = Namespace("http://ws.gematik.de/cm/cc/CmCcServiceResponse/v2.0", "CCSR")

PERFORM_UPDATES_ACTION = "http://ws.gematik.de/cm/cc/WSDL/v1.0#performupdates"
GET_NEXT_COMMAND_PACKAGE_ACTION = "http://ws.gematik.de/cm/cc/WSDL/v1.0#getnextcommandpackage"


@message(COM, root="CommandItem")
class CommandItem:
    """One command APDU and the status word with which the card must answer it."""

    command: Annotated[bytes, Element(COM, "Command", HEX_BINARY)]
    status_code_expected: Annotated[
        bytes, Element(COM, "StatusCodeExpected", Hex(base=HEX_BINARY, min_length=2, max_length=2))
    ]


@message(COM, root="CommandPackage")
class CommandPackage:
    """Commands for the card, in order. `last_if_ok`: no package follows if the card answers all as expected."""

    command_items: Annotated[tuple[CommandItem, ...], Element(COM, "CommandItem").occurs(1)]
    last_if_ok: Annotated[bool | None, Attribute("LastIfOk", BOOLEAN)] = None


@message(COM, root="UpdatePerformed")
class UpdatePerformed:
    """An update that is complete on the card, with the receipt (Prüfziffer) for it."""

    update_id: Annotated[bytes, UPDATE_ID]
    receipt: Annotated[bytes | None, RECEIPT] = None
    additional_info: Annotated[str | None, Element(COM, "AdditionalInfo", ANY_TYPE)] = None


@message(COM, root="Close")
class Close:
    """The service has nothing more to do."""


@message(COM, root="Abort")
class Abort:
    """The card gives no more answers. `command_sent_to_card`: the next command was sent, its effect is unknown."""

    command_sent_to_card: Annotated[bool, Attribute("CommandSentToCard", BOOLEAN)] = True


@message(CCS, root="PerformUpdates")
class PerformUpdates:
    """Starts updates of a card. Header: ServiceLocalization."""

    iccsn: Annotated[str, ICCSN]
    update_ids: Annotated[tuple[bytes, ...], UPDATE_ID.occurs(1)]
    additional_info: Annotated[str | None, Element(CCS, "AdditionalInfo", ANY_TYPE)] = None


@message(CCS, never_empty=True)
class CommandResponsePackage:
    """The card's answers to the commands of the last package, and whether it was aborted."""

    command_responses: Annotated[tuple[bytes, ...], Element(COM, "CommandResponse", HEX_BINARY)] = ()
    abort: Annotated[Abort | None, Element(COM, "Abort")] = None


@message(CCS, root="GetNextCommandPackage")
class GetNextCommandPackage:
    """Brings the card's answers and asks for more commands. Headers: ServiceLocalization, SessionIdentifier."""

    command_response_package: Annotated[CommandResponsePackage, Element(CCS, "CommandResponsePackage")]


_UPDATE_PERFORMED = Element(COM, "UpdatePerformed")
_COMMAND_PACKAGE = Element(COM, "CommandPackage").alternative("next")
_CLOSE = Element(COM, "Close").alternative("next")


@message(CCSR, root="PerformUpdatesResponse")
class PerformUpdatesResponse:
    """The first package, or Close. Header: SessionIdentifier."""

    updates_performed: Annotated[tuple[UpdatePerformed, ...], _UPDATE_PERFORMED] = ()
    command_package: Annotated[CommandPackage | None, _COMMAND_PACKAGE] = None
    close: Annotated[Close | None, _CLOSE] = None


@message(CCSR, root="GetNextCommandPackageResponse")
class GetNextCommandPackageResponse:
    """The next package, or Close. Header: SessionIdentifier."""

    updates_performed: Annotated[tuple[UpdatePerformed, ...], _UPDATE_PERFORMED] = ()
    command_package: Annotated[CommandPackage | None, _COMMAND_PACKAGE] = None
    close: Annotated[Close | None, _CLOSE] = None
