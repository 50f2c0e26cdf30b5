"""MANAGE SECURITY ENVIRONMENT (gemSpec_COS V3.12.0, 14.9.9) and how a selected key is found again."""

from collections.abc import Mapping
from typing import Final

from tiaas.card.apdu import ResponseApdu
from tiaas.card.objsys.model import Algorithm, ConnectionKey, PrivateKey, SymmetricKey, parent_of
from tiaas.card.pace import OID_PACE
from tiaas.card.status import StatusWord
from tiaas.card.virtual.channel import KeyChoice, KeyUse
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.image import PublicKey
from tiaas.card.virtual.refusal import Refused
from tiaas.tlv import BadTlv, decode_untrusted

_DONE: Final = ResponseApdu(b"", StatusWord.OK)
_RESTORE: Final = 0xF3
_ENVIRONMENTS: Final = range(1, 5)
_CA_NAME, _CARD_NAME = 8, 12

# CosT_7a2, CosT_c40, CosT_605: algorithm octet by the use of a private key.
_ALGORITHMS: Final[Mapping[KeyUse, Mapping[int, frozenset[Algorithm]]]] = {
    KeyUse.INTERNAL: {
        0x00: frozenset({Algorithm.ELC_ROLE_AUTHENTICATION}),
        0x02: frozenset({Algorithm.SIGN_PKCS1}),
        0x05: frozenset({Algorithm.RSA_CLIENT_AUTHENTICATION}),
        0x54: frozenset({Algorithm.ELC_SESSIONKEY_4SM}),
        0xD4: frozenset({Algorithm.ELC_SESSIONKEY_4TC}),
        0xF4: frozenset({Algorithm.ELC_ASYNCHRON_ADMIN}),
    },
    KeyUse.SIGNATURE: {
        0x00: frozenset({Algorithm.SIGN_ECDSA}),
        0x02: frozenset({Algorithm.SIGN_PKCS1}),
        0x05: frozenset({Algorithm.SIGN_PSS, Algorithm.RSA_CLIENT_AUTHENTICATION}),
    },
    KeyUse.DECIPHER: {
        0x0B: frozenset({Algorithm.ELC_SHARED_SECRET}),
        0x85: frozenset({Algorithm.RSA_DECIPHER_OAEP}),
    },
}

_AES_SESSIONKEY_4SM: Final = 0x54

# P1 P2: which place, and whether the reference names an own (84, 83 symmetric) or a foreign key (83).
_PLACES: Final[Mapping[tuple[int, int], KeyUse]] = {
    (0x41, 0xA4): KeyUse.INTERNAL,
    (0x81, 0xA4): KeyUse.EXTERNAL,
    (0x41, 0xB6): KeyUse.SIGNATURE,
    (0x81, 0xB6): KeyUse.CERTIFICATE,
    (0x41, 0xB8): KeyUse.DECIPHER,
    (0x81, 0xB8): KeyUse.ENCIPHER,
}
_PACE: Final = (0xC1, 0xA4)
# Stands for the mechanism of PACE, which is named by an object identifier.
ALG_PACE: Final = -1


def manage_security_environment(run: Execution) -> ResponseApdu:
    """MSE RESTORE and MSE SET; a refused one changes nothing (N104.320)."""
    command = run.command
    if command.p1 == _RESTORE:
        if command.p2 not in _ENVIRONMENTS or command.data:
            raise Refused(StatusWord.INCORRECT_P1_P2)
        run.channel.restore_environment(command.p2)
        return _DONE
    if (command.p1, command.p2) == _PACE:
        run.channel.keys[KeyUse.INTERNAL] = _connection_key(run)
        return _DONE
    use = _PLACES.get((command.p1, command.p2))
    if use is None:
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    run.channel.keys[use] = _choose(run, use)
    return _DONE


def own_key(run: Execution, use: KeyUse) -> tuple[PrivateKey, int]:
    """The selected private key and algorithm octet; refuses with 6985, 6A88, 6A81."""
    path, alg = run.select_key(use)
    item = run.contents.tree.objects.get(path) if isinstance(path, str) else None
    if item is None:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    if not isinstance(item, PrivateKey):
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return item, alg


def foreign_key(run: Execution, key_id: bytes) -> PublicKey:
    """A public key for authentication; refuses with 6A88, and with 6A81 if it checks certificates."""
    key = run.contents.public_key(key_id)
    if key is None:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    if key.checks_certificates:
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return key


def _choose(run: Execution, use: KeyUse) -> KeyChoice:
    objects = _read(run.command.data)
    if use is KeyUse.CERTIFICATE:
        return _issuer_key(run, objects.get(0x83, b""))
    algorithm = objects.get(0x80, b"")
    if len(algorithm) != 1:
        raise Refused(StatusWord.WRONG_DATA)
    private, other = objects.get(0x84, b""), objects.get(0x83, b"")
    if len(private) == 1 and use in _ALGORITHMS:
        return _private_key(run, use, private[0], algorithm[0])
    if len(other) == 1:
        return _symmetric_key(run, use, other[0], algorithm[0])
    if len(other) == _CARD_NAME and use is KeyUse.EXTERNAL:
        return _card_key(run, other, algorithm[0])
    if len(other) == _CARD_NAME:
        # Keys for enciphering can only come from an object system; these cards have none.
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    raise Refused(StatusWord.WRONG_DATA)


def _connection_key(run: Execution) -> KeyChoice:
    """MSE SET for PACE (14.9.9.7): mechanism and the connection key."""
    objects = _read(run.command.data)
    reference = objects.get(0x83, b"")
    if len(reference) != 1:
        raise Refused(StatusWord.WRONG_DATA)
    item = run.contents.tree.secret_key(run.channel.folder, reference[0])
    if item is None:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    if not isinstance(item, ConnectionKey) or objects.get(0x80) != OID_PACE:
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return KeyChoice(item.path, parent_of(item.path), ALG_PACE)


def _private_key(run: Execution, use: KeyUse, reference: int, algorithm: int) -> KeyChoice:
    item = run.contents.tree.secret_key(run.channel.folder, reference)
    if item is None:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    allowed = _ALGORITHMS[use].get(algorithm, frozenset())
    if not isinstance(item, PrivateKey) or not allowed & item.algorithms:
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return KeyChoice(item.path, parent_of(item.path), algorithm)


def _symmetric_key(run: Execution, use: KeyUse, reference: int, algorithm: int) -> KeyChoice:
    item = run.contents.tree.secret_key(run.channel.folder, reference)
    if item is None:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    if not isinstance(item, SymmetricKey) or use is not KeyUse.EXTERNAL or algorithm != _AES_SESSIONKEY_4SM:
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return KeyChoice(item.path, parent_of(item.path), algorithm)


def _card_key(run: Execution, key_id: bytes, algorithm: int) -> KeyChoice:
    foreign_key(run, key_id)
    if algorithm != 0x00:
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return KeyChoice(key_id, "MF", algorithm)


def _issuer_key(run: Execution, key_id: bytes) -> KeyChoice:
    if len(key_id) != _CA_NAME:
        raise Refused(StatusWord.WRONG_DATA)
    key = run.contents.public_key(key_id)
    if key is None:
        raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
    if not key.checks_certificates:
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return KeyChoice(key_id, "MF", 0)


def _read(data: bytes) -> dict[int, bytes]:
    try:
        return {item.tag: item.value for item in decode_untrusted(data)}
    except BadTlv:
        raise Refused(StatusWord.WRONG_DATA) from None
