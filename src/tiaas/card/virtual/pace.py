"""GENERAL AUTHENTICATE with PACE, the card's half (gemSpec_COS V3.12.0, 14.7.2.1; see `card/pace` for the steps).

A wrong access number costs no try: nothing counts, a real card answers more slowly instead (which this one does not).
"""

from dataclasses import replace
from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec

from tiaas.card.apdu import ResponseApdu
from tiaas.card.brainpool import NoPoint
from tiaas.card.elc import BadCryptogram, decode_point, encode_point, ephemeral_key
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.model import ConnectionKey, parent_of
from tiaas.card.pace import KEY_SIZE, encipher_number, mapped_generator, multiple, token
from tiaas.card.securemessaging import derive_session_keys
from tiaas.card.status import StatusWord
from tiaas.card.symmetric import BLOCK
from tiaas.card.virtual.channel import KeyUse, PaceHandshake, Session, SessionUse
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.refusal import Refused
from tiaas.tlv import BadTlv, decode_one_untrusted, encode

_ENCIPHERED, _MAP_OTHER, _MAP_OWN, _KEY_OTHER, _KEY_OWN, _TOKEN_OTHER, _TOKEN_OWN = range(0x80, 0x87)
_EMPTY: Final = encode(0x7C, b"")


def is_selected(run: Execution) -> bool:
    """True if MSE has selected a connection key."""
    choice = run.channel.keys.get(KeyUse.INTERNAL)
    return choice is not None and isinstance(_item(run, choice.key), ConnectionKey)


def step(run: Execution) -> ResponseApdu:
    """Steps 1 to 3; one that does not follow the step before is refused with 6985."""
    handshake, run.channel.handshake = run.channel.handshake, None
    if run.command.data == _EMPTY:
        return _begin(run)
    if not isinstance(handshake, PaceHandshake):
        raise Refused(StatusWord.NOT_USABLE)
    try:
        return _map(run, handshake) if handshake.generator is None else _agree(run, handshake)
    except (BadCryptogram, NoPoint):
        raise Refused(StatusWord.WRONG_DATA) from None


def last_step(run: Execution) -> ResponseApdu:
    """Step 4: both checksums; the session keys take effect after the response."""
    handshake, run.channel.handshake = run.channel.handshake, None
    if not isinstance(handshake, PaceHandshake) or handshake.keys is None:
        raise Refused(StatusWord.NOT_USABLE)
    if not compare_digest(authentication_value(run, _TOKEN_OTHER), token(handshake.keys, handshake.own_point)):
        run.channel.drop_key(handshake.key_path)
        raise Refused(StatusWord.AUTHENTICATION_FAILED)
    answer = token(handshake.keys, handshake.other_point)
    run.channel.drop_key(handshake.key_path)
    run.channel.add_key(handshake.key_path)
    run.channel.next_session = Session(
        use=SessionUse.SECURE_MESSAGING,
        keys=handshake.keys,
        partner=handshake.key_path,
        folder=parent_of(handshake.key_path),
    )
    return _answer(run, _TOKEN_OWN, answer)


def authentication_value(run: Execution, tag: int) -> bytes:
    """The value of that tag in the command's `7C { … }`; refuses with 6A80."""
    try:
        outer, rest = decode_one_untrusted(run.command.data)
        if outer.tag != 0x7C or rest:
            raise Refused(StatusWord.WRONG_DATA)
        return outer.child(tag).value
    except BadTlv:
        raise Refused(StatusWord.WRONG_DATA) from None


def _begin(run: Execution) -> ResponseApdu:
    path, _ = run.select_key(KeyUse.INTERNAL)
    item = _item(run, path)
    if not isinstance(item, ConnectionKey):
        raise TypeError("no connection key is selected")
    run.require(item, Access.GENERAL_AUTHENTICATE)
    number = run.contents.entropy.octets(BLOCK)
    cryptogram = encipher_number(run.contents.connection_key(item.path), number)
    run.channel.handshake = PaceHandshake(item.path, number)
    return _answer(run, _ENCIPHERED, cryptogram)


def _map(run: Execution, handshake: PaceHandshake) -> ResponseApdu:
    own = ephemeral_key(run.contents.entropy)
    generator = mapped_generator(handshake.number, own, decode_point(authentication_value(run, _MAP_OTHER)))
    run.channel.handshake = replace(handshake, generator=generator)
    return _answer(run, _MAP_OWN, encode_point(own.public_key()))


def _agree(run: Execution, handshake: PaceHandshake) -> ResponseApdu:
    if handshake.generator is None or handshake.keys is not None:
        raise Refused(StatusWord.NOT_USABLE)
    other = decode_point(authentication_value(run, _KEY_OTHER))
    own = ephemeral_key(run.contents.entropy)
    own_point = encode_point(multiple(own, handshake.generator))
    keys = derive_session_keys(own.exchange(ec.ECDH(), other), KEY_SIZE)
    run.channel.handshake = replace(handshake, keys=keys, own_point=own_point, other_point=encode_point(other))
    return _answer(run, _KEY_OWN, own_point)


def _answer(run: Execution, tag: int, value: bytes) -> ResponseApdu:
    return ResponseApdu(run.cut(encode(0x7C, encode(tag, value))), StatusWord.OK)


def _item(run: Execution, key: str | bytes) -> object:
    return run.contents.tree.objects.get(key) if isinstance(key, str) else None
