"""INTERNAL, EXTERNAL, MUTUAL AUTHENTICATE and their surroundings (gemSpec_COS V3.12.0, 14.7, 14.9.4, 14.9.5).

Role proof with ECDSA: the token RND(16) ‖ ICCSN8 is not hashed; what is signed is the 32-octet number
`token ‖ 00`, the last octet being the algorithm identifier (N086.900a, N084.400a).
"""

from hmac import compare_digest
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed, encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from tiaas.card.apdu import ResponseApdu
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.model import SymmetricKey, parent_of
from tiaas.card.securemessaging import derive_session_keys
from tiaas.card.status import StatusWord
from tiaas.card.symmetric import BLOCK, MAC_SIZE, cbc_decrypt, cbc_encrypt, checksum
from tiaas.card.virtual.channel import KeyUse, Role, Session, SessionUse
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.image import PublicKey
from tiaas.card.virtual.keyselect import foreign_key, own_key
from tiaas.card.virtual.refusal import Refused
from tiaas.card.virtual.signing import sign_ecdsa, sign_pkcs1, sign_pss
from tiaas.tlv import BadTlv, decode_one_untrusted

_DONE: Final = ResponseApdu(b"", StatusWord.OK)
_PREHASHED: Final = ec.ECDSA(Prehashed(SHA256()))

_TOKEN_SIZE: Final = 24
_CHALLENGE_SIZE: Final = 16
_NAME_SIZE: Final = 8
_MATERIAL_SIZE: Final = 64
_COORDINATE: Final = 32
# S of MUTUAL AUTHENTICATE: RND.ext ‖ ICCSN8.ext ‖ RND.int ‖ ICCSN8.int ‖ KD.e
_MUTUAL_SIZE: Final = 2 * (_CHALLENGE_SIZE + _NAME_SIZE) + _MATERIAL_SIZE

_MAX_RANDOM: Final = 32768


def role_input(token: bytes) -> bytes:
    """What is signed to prove a role: the number `token ‖ 00` in 32 octets."""
    return (token + b"\0").rjust(_COORDINATE, b"\0")


def signature_fits(key: ec.EllipticCurvePublicKey, digest: bytes, signature: bytes) -> bool:
    """True if r ‖ s is a signature over these 32 octets."""
    if len(signature) != 2 * _COORDINATE:
        return False
    r = int.from_bytes(signature[:_COORDINATE], "big")
    s = int.from_bytes(signature[_COORDINATE:], "big")
    try:
        key.verify(encode_dss_signature(r, s), digest, _PREHASHED)
    except InvalidSignature:
        return False
    return True


def get_challenge(run: Execution) -> ResponseApdu:
    """GET CHALLENGE (14.9.4): the random octets are kept for the next authentication."""
    if run.command.ne is None:
        raise Refused(StatusWord.WRONG_LENGTH)
    run.channel.challenge = run.contents.entropy.octets(min(run.command.ne, _MAX_RANDOM))
    return ResponseApdu(run.channel.challenge, StatusWord.OK)


def get_random(run: Execution) -> ResponseApdu:
    """GET RANDOM (14.9.5)."""
    run.require(run.contents.tree.objects[run.channel.folder], Access.GET_RANDOM)
    if run.command.ne is None:
        raise Refused(StatusWord.WRONG_LENGTH)
    return ResponseApdu(run.contents.entropy.octets(min(run.command.ne, _MAX_RANDOM)), StatusWord.OK)


def internal_authenticate(run: Execution) -> ResponseApdu:
    """INTERNAL AUTHENTICATE (14.7.4): role proof, or client authentication with RSA."""
    item, alg = own_key(run, KeyUse.INTERNAL)
    run.require(item, Access.INTERNAL_AUTHENTICATE)
    token = run.command.data
    match alg:
        case 0x00:
            key = run.contents.elc_key(item)
            if len(token) != _TOKEN_SIZE or token[-_NAME_SIZE:] == run.contents.image.iccsn8:
                raise Refused(StatusWord.WRONG_DATA)
            response = sign_ecdsa(key, role_input(token))
        case 0x02:
            response = sign_pkcs1(run.contents.rsa_key(item), token)
        case 0x05:
            response = sign_pss(run.contents.rsa_key(item), token)
        case _:
            raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return ResponseApdu(run.cut(response), StatusWord.OK)


def external_authenticate(run: Execution) -> ResponseApdu:
    """EXTERNAL or MUTUAL AUTHENTICATE (14.7.1): uses up the challenge whatever comes of it."""
    challenge, run.channel.challenge = run.channel.challenge, None
    if challenge is None:
        raise Refused(StatusWord.NOT_USABLE)
    key, _ = run.select_key(KeyUse.EXTERNAL)
    if len(challenge) != _CHALLENGE_SIZE:
        raise Refused(StatusWord.NOT_USABLE)
    if isinstance(key, bytes):
        return _check_role(run, foreign_key(run, key), challenge)
    item = run.contents.tree.objects[key]
    if not isinstance(item, SymmetricKey):
        raise Refused(StatusWord.UNSUPPORTED_FUNCTION)
    return _authenticate_mutually(run, item, challenge)


def get_security_status_key(run: Execution) -> ResponseApdu:
    """GET SECURITY STATUS KEY (14.7.3) of a role `7F4C {06 oid, 53 flags}` or a symmetric key `83 01 ref`."""
    run.require(run.contents.tree.objects[run.channel.folder], Access.GET_SECURITY_STATUS_KEY)
    try:
        item, _ = decode_one_untrusted(run.command.data)
        if item.tag == 0x7F4C:
            oid, flags = item.child(0x06).value, item.child(0x53).value
            known = any(role.has(oid, flags) for role in run.channel.roles)
        elif item.tag == 0x83 and len(item.value) == 1:
            key = run.contents.tree.secret_key(run.channel.folder, item.value[0])
            if key is None:
                raise Refused(StatusWord.KEY_OR_PASSWORD_NOT_FOUND)
            known = key.path in run.channel.authenticated
        else:
            raise Refused(StatusWord.WRONG_DATA)
    except BadTlv:
        raise Refused(StatusWord.WRONG_DATA) from None
    return ResponseApdu(b"", StatusWord.OK if known else StatusWord.KEY_NOT_AUTHENTICATED)


def refuse_expired(run: Execution, key: PublicKey) -> None:
    """6983 if the key's last day lies before the card's point in time."""
    if key.expires is not None and key.expires < run.contents.image.point_in_time:
        raise Refused(StatusWord.BLOCKED_OR_EXPIRED)


def role_of(key: PublicKey) -> Role:
    """The authorisation a holder of the key proves; imported keys belong to the root folder."""
    return Role(key.flag_oid, key.flags, "MF")


def _check_role(run: Execution, key: PublicKey, challenge: bytes) -> ResponseApdu:
    refuse_expired(run, key)
    digest = role_input(challenge + run.contents.image.iccsn8)
    if not signature_fits(run.contents.loaded_public_key(key), digest, run.command.data):
        run.channel.drop_role(role_of(key))
        raise Refused(StatusWord.AUTHENTICATION_FAILED)
    run.channel.add_role(role_of(key))
    return _DONE


def _authenticate_mutually(run: Execution, item: SymmetricKey, challenge: bytes) -> ResponseApdu:
    """AES session keys with a key both sides know (N084.410a)."""
    run.require(item, Access.EXTERNAL_AUTHENTICATE)
    enc, mac = run.contents.symmetric_key(item.path, item.size)
    cryptogram, tag = run.command.data[:-MAC_SIZE], run.command.data[-MAC_SIZE:]
    if len(cryptogram) != _MUTUAL_SIZE or not compare_digest(checksum(mac, cryptogram), tag):
        run.channel.drop_key(item.path)
        raise Refused(StatusWord.AUTHENTICATION_FAILED)
    message = cbc_decrypt(enc, bytes(BLOCK), cryptogram)
    half = _CHALLENGE_SIZE + _NAME_SIZE
    outer, inner, material = message[:half], message[half : 2 * half], message[2 * half :]
    own = run.contents.image.iccsn8
    if inner != challenge + own or outer[_CHALLENGE_SIZE:] == own:
        run.channel.drop_key(item.path)
        raise Refused(StatusWord.AUTHENTICATION_FAILED)
    own_material = run.contents.entropy.octets(_MATERIAL_SIZE)
    answer = cbc_encrypt(enc, bytes(BLOCK), inner + outer + own_material)
    mixed = bytes(a ^ b for a, b in zip(material, own_material, strict=True))
    run.channel.add_key(item.path)
    run.channel.next_session = Session(
        use=SessionUse.SECURE_MESSAGING,
        keys=derive_session_keys(mixed, item.size),
        partner=item.path,
        folder=parent_of(item.path),
    )
    return ResponseApdu(run.cut(answer + checksum(mac, answer)), StatusWord.OK)
