"""Which handler a command goes to (gemSpec_COS V3.12.0, CosT_c84)."""

from collections.abc import Callable, Mapping
from typing import Final

from tiaas.card.apdu import ResponseApdu
from tiaas.card.status import StatusWord
from tiaas.card.virtual import (
    agreement,
    authentication,
    certificates,
    channels,
    ciphering,
    files,
    keyselect,
    passwords,
    records,
    signing,
)
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.refusal import Refused

Handler = Callable[[Execution], ResponseApdu]

_OPERATIONS: Final[Mapping[tuple[int, int], Handler]] = {
    (0x9E, 0x9A): signing.compute_digital_signature,
    (0x80, 0x86): ciphering.decipher,
    (0x86, 0x80): ciphering.encipher,
    (0x86, 0xB8): ciphering.transcipher,
    (0x8E, 0x80): ciphering.compute_checksum,
    (0x00, 0xA2): ciphering.verify_checksum,
    (0x00, 0xBE): certificates.verify_certificate,
}


def _perform_security_operation(run: Execution) -> ResponseApdu:
    handler = _OPERATIONS.get((run.command.p1, run.command.p2))
    if handler is None:
        raise Refused(StatusWord.INCORRECT_P1_P2)
    return handler(run)


# By CLA without channel and secure messaging bits, and INS.
_HANDLERS: Final[Mapping[tuple[int, int], Handler]] = {
    (0x00, 0xB0): files.read_binary,
    (0x00, 0xA4): files.select,
    (0x00, 0xD6): files.update_binary,
    (0x00, 0xD0): files.write_binary,
    (0x00, 0x0E): files.erase_binary,
    (0x80, 0x0E): files.set_logical_eof,
    (0x00, 0x44): files.activate,
    (0x00, 0x04): files.deactivate,
    (0x00, 0xB2): records.read_record,
    (0x00, 0xA2): records.search_record,
    (0x00, 0xE2): records.append_record,
    (0x00, 0xDC): records.update_record,
    (0x00, 0x0C): records.erase_record,
    (0x80, 0x0C): records.delete_record,
    (0x00, 0x08): records.activate_record,
    (0x00, 0x06): records.deactivate_record,
    (0x00, 0x20): passwords.verify,
    (0x00, 0x24): passwords.change_reference_data,
    (0x00, 0x2C): passwords.reset_retry_counter,
    (0x00, 0x26): passwords.disable_verification_requirement,
    (0x00, 0x28): passwords.enable_verification_requirement,
    (0x80, 0x20): passwords.get_pin_status,
    (0x80, 0x82): authentication.get_security_status_key,
    (0x00, 0x84): authentication.get_challenge,
    (0x80, 0x84): authentication.get_random,
    (0x00, 0x88): authentication.internal_authenticate,
    (0x00, 0x82): authentication.external_authenticate,
    (0x10, 0x86): agreement.general_authenticate_chained,
    (0x00, 0x86): agreement.general_authenticate_last,
    (0x00, 0x22): keyselect.manage_security_environment,
    (0x00, 0x2A): _perform_security_operation,
    (0x00, 0x46): signing.key_pair,
    (0x80, 0xCA): certificates.list_public_keys,
    (0x00, 0x70): channels.manage_channel,
    (0x80, 0xFA): channels.fingerprint,
}
_INSTRUCTIONS: Final = frozenset(ins for _, ins in _HANDLERS)


def execute(run: Execution, cla: int) -> ResponseApdu:
    """Carries the command out; `cla` is its class without channel and secure messaging bits. Raises `Refused`."""
    handler = _HANDLERS.get((cla, run.command.ins))
    if handler is not None:
        return handler(run)
    raise Refused(StatusWord.CLASS_UNKNOWN if run.command.ins in _INSTRUCTIONS else StatusWord.INSTRUCTION_UNKNOWN)
