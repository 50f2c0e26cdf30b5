"""GENERAL AUTHENTICATE: session keys from elliptic curve keys of both sides (gemSpec_COS V3.12.0, 14.7.2.2).

    step 1   10 86 00 00  7C { C3 CHR of the other }     → 7C { 85 own ephemeral point }
    step 2   00 86 00 00  7C { 85 other's ephemeral point }

Session keys come from ECDH(ephemeral of TC, static of SM) ‖ ECDH(static of TC, ephemeral of SM); both sides see it
from their end: SM (algorithm 54) as static·ephemeral ‖ ephemeral·static, TC (D4) the other way round.
"""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.card.apdu import ResponseApdu
from tiaas.card.elc import BadCryptogram, decode_point, encode_point, ephemeral_key
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.addresses import ALG_SESSION_SM, ALG_SESSION_TC
from tiaas.card.objsys.model import PrivateKey, parent_of
from tiaas.card.securemessaging import derive_session_keys
from tiaas.card.status import StatusWord
from tiaas.card.virtual import pace
from tiaas.card.virtual.authentication import refuse_expired, role_of
from tiaas.card.virtual.channel import Handshake, KeyUse, PaceHandshake, Session, SessionUse
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.keyselect import foreign_key, own_key
from tiaas.card.virtual.pace import authentication_value
from tiaas.card.virtual.refusal import Refused
from tiaas.tlv import encode

_NAME_SIZE: Final = 8
_CARD_NAME: Final = 12
# A curve of 256 bits gives AES-128 (N031.500b.1).
_KEY_SIZE: Final = 16


def general_authenticate_chained(run: Execution) -> ResponseApdu:
    """All steps but the last: of PACE if its key is selected, else the first one with elliptic curve keys."""
    return pace.step(run) if pace.is_selected(run) else _first(run)


def general_authenticate_last(run: Execution) -> ResponseApdu:
    """The last step, of what was begun."""
    return pace.last_step(run) if isinstance(run.channel.handshake, PaceHandshake) else _last(run)


def _first(run: Execution) -> ResponseApdu:
    """Step 1 (N085.052): finds both static keys, makes an ephemeral one."""
    partner_id = authentication_value(run, 0xC3)
    if partner_id[-_NAME_SIZE:] == run.contents.image.iccsn8:
        raise Refused(StatusWord.AUTHENTICATION_FAILED)
    item, alg = _session_key(run)
    if len(partner_id) != _CARD_NAME:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    partner = foreign_key(run, partner_id)
    refuse_expired(run, partner)
    run.contents.elc_key(item)
    ephemeral = ephemeral_key(run.contents.entropy)
    run.channel.handshake = Handshake(item.path, alg, partner_id, ephemeral)
    point = encode_point(ephemeral.public_key())
    return ResponseApdu(run.cut(encode(0x7C, encode(0x85, point))), StatusWord.OK)


def _last(run: Execution) -> ResponseApdu:
    """Step 2 (N085.054, N085.056): derives the keys; they take effect after the response."""
    handshake, run.channel.handshake = run.channel.handshake, None
    if not isinstance(handshake, Handshake):
        raise Refused(StatusWord.NOT_USABLE)
    try:
        point = decode_point(authentication_value(run, 0x85))
    except BadCryptogram:
        raise Refused(StatusWord.WRONG_DATA) from None
    item = run.contents.tree.objects[handshake.key_path]
    if not isinstance(item, PrivateKey):
        raise TypeError(f"{item.path} is no private key")
    run.require(item, Access.GENERAL_AUTHENTICATE)
    partner = foreign_key(run, handshake.partner_id)
    static = run.contents.elc_key(item).exchange(ec.ECDH(), point)
    ephemeral = handshake.ephemeral.exchange(ec.ECDH(), run.contents.loaded_public_key(partner))
    trusted_channel = handshake.alg == ALG_SESSION_TC
    material = ephemeral + static if trusted_channel else static + ephemeral
    role = role_of(partner)
    run.channel.add_role(role)
    run.channel.next_session = Session(
        use=SessionUse.TRUSTED_CHANNEL if trusted_channel else SessionUse.SECURE_MESSAGING,
        keys=derive_session_keys(material, _KEY_SIZE),
        partner=role,
        folder=parent_of(item.path),
    )
    return ResponseApdu(b"", StatusWord.OK)


def _session_key(run: Execution) -> tuple[PrivateKey, int]:
    item, alg = own_key(run, KeyUse.INTERNAL)
    if alg not in (ALG_SESSION_SM, ALG_SESSION_TC):
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return item, alg
