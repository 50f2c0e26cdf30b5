"""Fuzz target: requests to UFS and CCS with their header blocks, and their answers as the Konnektor reads them."""

from contextlib import suppress

from tiaas.interfaces.cm_cc_v2_0 import (
    Abort,
    Close,
    CommandItem,
    CommandPackage,
    CommandResponsePackage,
    GetNextCommandPackage,
    GetNextCommandPackageResponse,
    PerformUpdates,
    PerformUpdatesResponse,
    UpdatePerformed,
)
from tiaas.interfaces.cm_common_v2_0 import (
    ServiceLocalization,
    ServiceReceipt,
    SessionIdentifier,
    UpdateFlag,
    UpdatePriority,
)
from tiaas.interfaces.cm_uf_v2_0 import GetUpdateFlags, GetUpdateFlagsResponse
from tiaas.interfaces.telematik_error_v2_0 import Error
from tiaas.soap.client import ReceivedFault, read_headed_answer_untrusted
from tiaas.soap.envelope import Limits, decode_headers, known_headers, open_envelope_untrusted, write_envelope
from tiaas.soap.errors import SoapError
from tiaas.soap.mapping import decode, encode, root_name

_REQUESTS = {root_name(cls): cls for cls in (GetUpdateFlags, PerformUpdates, GetNextCommandPackage)}
_ANSWERS = (GetUpdateFlagsResponse, PerformUpdatesResponse, GetNextCommandPackageResponse)
_HEADERS = (ServiceLocalization, SessionIdentifier)
_KNOWN = known_headers(_HEADERS)
_LIMITS = Limits(octets=1 << 20, nodes=1000, depth=16)

_ICCSN = "80276999901000000001"
_UPDATE = bytes(range(8))
_WHERE = ServiceLocalization(type="VSD", provider="999567890")
_SESSION = SessionIdentifier(conversation_id="0f.9-a")
_FLAG = UpdateFlag(
    service_localization=_WHERE, update_id=_UPDATE, update_priority=UpdatePriority.MANDATORY, short_description="x"
)
_PACKAGE = CommandPackage(
    command_items=(CommandItem(command=bytes.fromhex("00A4040C06D27600000102"), status_code_expected=b"\x90\0"),),
    last_if_ok=True,
)
_PERFORMED = UpdatePerformed(update_id=_UPDATE, receipt=b"receipt", additional_info="y")

SEEDS: list[bytes] = [
    write_envelope(GetUpdateFlags(iccsn=_ICCSN), (_WHERE,)),
    write_envelope(PerformUpdates(iccsn=_ICCSN, update_ids=(_UPDATE, b"")), (_WHERE,)),
    write_envelope(
        GetNextCommandPackage(
            command_response_package=CommandResponsePackage(
                command_responses=(b"\x90\0",), abort=Abort(command_sent_to_card=False)
            )
        ),
        (_WHERE, _SESSION),
    ),
    write_envelope(
        GetUpdateFlagsResponse(
            update_flags=(_FLAG,), service_receipts=(ServiceReceipt(service_localization=_WHERE, receipt=b"r"),)
        )
    ),
    write_envelope(PerformUpdatesResponse(command_package=_PACKAGE), (_SESSION,)),
    write_envelope(GetNextCommandPackageResponse(updates_performed=(_PERFORMED,), close=Close()), (_SESSION,)),
]


def target(data: bytes) -> None:
    """Only `SoapError` (and `ReceivedFault` for an answer) may escape; what is decoded is valid."""
    with suppress(SoapError):
        blocks, element = open_envelope_untrusted(data, _LIMITS, _KNOWN)
        for header in decode_headers(blocks, _KNOWN):
            encode(header)
        cls = _REQUESTS.get(str(element.tag))
        if cls is not None:
            encode(decode(cls, element))
    for answer in _ANSWERS:
        with suppress(SoapError, ReceivedFault):
            encode(read_headed_answer_untrusted(data, answer, _HEADERS, (Error,), _LIMITS).message)
