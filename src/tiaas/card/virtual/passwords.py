"""Commands on password objects (gemSpec_COS V3.12.0, 14.6).

Order of checks: password found 6A88, access rule 6982, counter 6983, transport state 6985, length of a new secret
6985, compare 63Cx.
"""

from hmac import compare_digest
from typing import Final

from tiaas.base.secret import Secret
from tiaas.card.apdu import ResponseApdu
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.model import Password, PasswordObject, TransportStatus, parent_of
from tiaas.card.pinblock import BLOCK_SIZE, BadPinBlock, decode_pin_block_untrusted, encode_pin_block
from tiaas.card.status import StatusWord, retries_left
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.image import PasswordState
from tiaas.card.virtual.refusal import Refused

_DONE: Final = ResponseApdu(b"", StatusWord.OK)

_RESETS: Final = {
    0x00: (Access.RESET_PUK_NEW, 2 * BLOCK_SIZE),
    0x01: (Access.RESET_PUK, BLOCK_SIZE),
    0x02: (Access.RESET_NEW, BLOCK_SIZE),
    0x03: (Access.RESET_FREE, 0),
}


def verify(run: Execution) -> ResponseApdu:
    """VERIFY (14.6.6): loads the security status evaluation counter of the active environment."""
    item = _find(run)
    _require(run, item, {0x00: (Access.VERIFY, BLOCK_SIZE)})
    base, state = run.contents.password_base(item)
    _check_usable(state)
    _compare(run, item, base, state, run.command.data)
    environment = run.channel.environment(parent_of(item.path))
    run.channel.set_verified(item.path, item.security_stack.get(environment, 0))
    return _DONE


def change_reference_data(run: Execution) -> ResponseApdu:
    """CHANGE REFERENCE DATA (14.6.1): does not verify."""
    item = _find(run)
    variants = {0x00: (Access.CHANGE_WITH_OLD, 2 * BLOCK_SIZE), 0x01: (Access.CHANGE_WITHOUT_OLD, BLOCK_SIZE)}
    _require(run, item, variants)
    base, state = run.contents.password_base(item)
    # N015.610: once a Leer-PIN has a secret, it can no longer be set without the old one.
    if run.command.p1 == 0x01 and base.transport is TransportStatus.LEER_PIN is not state.transport:
        raise Refused(StatusWord.SECURITY_STATUS_NOT_SATISFIED)
    if state.retry_counter == 0:
        raise Refused(StatusWord.BLOCKED_OR_EXPIRED)
    new = _new_secret(base, run.command.data[-BLOCK_SIZE:])
    if run.command.p1 == 0x00:
        _compare(run, item, base, state, run.command.data[:BLOCK_SIZE])
    run.contents.set_secret(state, new)
    return _DONE


def reset_retry_counter(run: Execution) -> ResponseApdu:
    """RESET RETRY COUNTER (14.6.5): takes a use of the PUK even if it is right."""
    item = _find(run)
    _require(run, item, _RESETS)
    base, state = run.contents.password_base(item)
    mode = run.command.p1
    new = _new_secret(base, run.command.data[-BLOCK_SIZE:]) if mode in (0x00, 0x02) else None
    run.channel.clear_verified(item.path)
    if mode in (0x00, 0x01):
        _check_puk(run, state)
    run.contents.set_retries(state, base.start_retries)
    if new is not None:
        run.contents.set_secret(state, new)
    return _DONE


def disable_verification_requirement(run: Execution) -> ResponseApdu:
    """DISABLE VERIFICATION REQUIREMENT (14.6.2)."""
    return _switch(run, {0x00: (Access.DISABLE, BLOCK_SIZE), 0x01: (Access.DISABLE_FREE, 0)}, False)


def enable_verification_requirement(run: Execution) -> ResponseApdu:
    """ENABLE VERIFICATION REQUIREMENT (14.6.3)."""
    return _switch(run, {0x00: (Access.ENABLE, BLOCK_SIZE), 0x01: (Access.ENABLE_FREE, 0)}, True)


def get_pin_status(run: Execution) -> ResponseApdu:
    """GET PIN STATUS (14.6.4, N078.350 to N078.800)."""
    item = _find(run)
    _require(run, item, {0x00: (Access.GET_PIN_STATUS, 0)})
    _, state = run.contents.password_base(item)
    return ResponseApdu(b"", _status(run, item, state))


def _status(run: Execution, item: PasswordObject, state: PasswordState) -> int:
    if state.retry_counter == 0:
        return StatusWord.PASSWORD_BLOCKED_STATUS
    if not run.contents.password_enabled(item):
        return StatusWord.PASSWORD_DISABLED
    if run.channel.verified.get(item.path, 0) != 0:
        return StatusWord.OK
    if state.transport is TransportStatus.TRANSPORT_PIN:
        return StatusWord.TRANSPORT_PIN
    if state.transport is TransportStatus.LEER_PIN:
        return StatusWord.LEER_PIN
    return retries_left(state.retry_counter)


def _switch(run: Execution, variants: dict[int, tuple[Access, int]], enabled: bool) -> ResponseApdu:
    item = _find(run)
    _require(run, item, variants)
    if run.contents.password_enabled(item) == enabled:
        return _DONE
    base, state = run.contents.password_base(item)
    if run.command.p1 == 0x00:
        _check_usable(state)
        _compare(run, item, base, state, run.command.data)
    run.contents.set_password_enabled(item, enabled)
    return _DONE


def _find(run: Execution) -> PasswordObject:
    item = run.contents.tree.password(run.channel.folder, run.command.p2)
    if item is None:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    return item


def _require(run: Execution, item: PasswordObject, variants: dict[int, tuple[Access, int]]) -> None:
    """P1 is a known variant, its access rule holds, the data have its length."""
    if run.command.p1 not in variants:
        raise Refused(StatusWord.INCORRECT_P1_P2)
    access, size = variants[run.command.p1]
    run.require(item, access)
    if len(run.command.data) != size:
        raise Refused(StatusWord.WRONG_LENGTH)


def _check_usable(state: PasswordState) -> None:
    if state.retry_counter == 0:
        raise Refused(StatusWord.BLOCKED_OR_EXPIRED)
    if state.transport is not TransportStatus.REGULAR:
        raise Refused(StatusWord.NOT_USABLE)


def _compare(run: Execution, item: PasswordObject, base: Password, state: PasswordState, block: bytes) -> None:
    """Compares the secret; a wrong one costs a try and the verified state of this channel (N082.900)."""
    if state.secret is not None and compare_digest(encode_pin_block(state.secret).reveal(), block):
        run.contents.set_retries(state, base.start_retries)
        return
    run.channel.clear_verified(item.path)
    run.contents.set_retries(state, state.retry_counter - 1)
    raise Refused(retries_left(state.retry_counter))


def _check_puk(run: Execution, state: PasswordState) -> None:
    if state.puk_uses == 0:
        raise Refused(StatusWord.BLOCKED_OR_EXPIRED)
    run.contents.use_puk(state)
    block = run.command.data[:BLOCK_SIZE]
    if state.puk is None or not compare_digest(encode_pin_block(state.puk).reveal(), block):
        raise Refused(retries_left(state.puk_uses))


def _new_secret(base: Password, block: bytes) -> Secret:
    """The digits of a new secret; refuses with 6985 what is no block or too short or too long."""
    try:
        secret = decode_pin_block_untrusted(Secret(block))
    except BadPinBlock:
        raise Refused(StatusWord.NOT_USABLE) from None
    if not base.min_length <= len(secret.reveal()) <= base.max_length:
        raise Refused(StatusWord.NOT_USABLE)
    return secret
