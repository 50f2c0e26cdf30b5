"""Deciphering, enciphering, and the checksums of a trusted channel (gemSpec_COS V3.12.0, 14.8.1, .3, .4, .6, .8)."""

from typing import Final

from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

from tiaas.card.apdu import ResponseApdu
from tiaas.card.elc import OID_BRAINPOOL_P256R1, BadCryptogram, decode_point, elc_decrypt, elc_encrypt
from tiaas.card.objsys.access import Access
from tiaas.card.objsys.addresses import ALG_ELC_SHARED_SECRET, ALG_RSA_OAEP_ENCIPHER
from tiaas.card.objsys.model import PrivateKey
from tiaas.card.securemessaging import SessionKeys
from tiaas.card.status import StatusWord
from tiaas.card.symmetric import BLOCK, PaddingError, cbc_decrypt, cbc_encrypt, checksum, ecb_encrypt, pad, unpad
from tiaas.card.virtual.channel import SESSION_KEY, KeyUse, SessionUse
from tiaas.card.virtual.execution import Execution
from tiaas.card.virtual.keyselect import own_key
from tiaas.card.virtual.refusal import Refused
from tiaas.tlv import BadTlv, Tlv, decode_one_untrusted

_OAEP: Final = padding.OAEP(padding.MGF1(SHA256()), SHA256(), None)
_MIN_MODULUS, _MAX_MODULUS = 256, 512
_MAX_EXPONENT: Final = 8


def decipher(run: Execution) -> ResponseApdu:
    """PSO DECIPHER: structure A6 for ELC, `00 ‖ C` for RSA, `01 ‖ C` with the keys of a trusted channel."""
    if run.select_key(KeyUse.DECIPHER)[0] == SESSION_KEY:
        plain = _decipher_session(run)
    else:
        item, alg = own_key(run, KeyUse.DECIPHER)
        run.require(item, Access.DECIPHER)
        if alg == ALG_ELC_SHARED_SECRET:
            plain = _decipher_elc(run, item, run.command.data)
        else:
            plain = _decipher_rsa(run, item, run.command.data)
    return ResponseApdu(run.cut(plain), StatusWord.OK)


def encipher(run: Execution) -> ResponseApdu:
    """PSO ENCIPHER: with the keys of a trusted channel, else with the key in the command (template A0)."""
    choice = run.channel.keys.get(KeyUse.ENCIPHER)
    if choice is not None and choice.key == SESSION_KEY:
        return ResponseApdu(run.cut(_encipher_session(run)), StatusWord.OK)
    template = _only(run.command.data, 0xA0)
    message = _child(template, 0x80, last=True)
    return ResponseApdu(run.cut(_encipher_for(run, template, message, StatusWord.KEY_INVALID)), StatusWord.OK)


def transcipher(run: Execution) -> ResponseApdu:
    """PSO TRANSCIPHER: `A6 {…}` deciphered and enciphered for the key in `A0 {…}` without coming out."""
    item, alg = own_key(run, KeyUse.DECIPHER)
    run.require(item, Access.TRANSCIPHER)
    try:
        cipher, rest = decode_one_untrusted(run.command.data)
    except BadTlv:
        raise Refused(StatusWord.WRONG_DATA) from None
    template = _only(rest, 0xA0)
    if cipher.tag != 0xA6:
        raise Refused(StatusWord.WRONG_DATA)
    if alg == ALG_ELC_SHARED_SECRET:
        message = _decipher_elc(run, item, cipher.encode())
    else:
        message = _decipher_rsa(run, item, _child(cipher, 0x86))
    return ResponseApdu(run.cut(_encipher_for(run, template, message, StatusWord.NO_MEMORY_OR_FULL)), StatusWord.OK)


def compute_checksum(run: Execution) -> ResponseApdu:
    """PSO COMPUTE CRYPTOGRAPHIC CHECKSUM: flag 01 counts up first (N087.248)."""
    keys = _session_keys(run)
    flag, data = run.command.data[:1], run.command.data[1:]
    if flag not in (b"\x00", b"\x01"):
        raise Refused(StatusWord.WRONG_DATA)
    sequence = keys.next() if flag == b"\x01" else keys.sequence()
    return ResponseApdu(run.cut(checksum(keys.mac, sequence + data)), StatusWord.OK)


def verify_checksum(run: Execution) -> ResponseApdu:
    """PSO VERIFY CRYPTOGRAPHIC CHECKSUM `80 data, 8E mac`: a wrong one ends the session (N096.370)."""
    keys = _session_keys(run)
    try:
        first, rest = decode_one_untrusted(run.command.data)
    except BadTlv:
        raise Refused(StatusWord.WRONG_DATA) from None
    mac = _only(rest, 0x8E).value
    if first.tag != 0x80 or checksum(keys.mac, keys.next() + first.value) != mac:
        run.channel.clear_session()
        raise Refused(StatusWord.WRONG_DATA)
    return ResponseApdu(b"", StatusWord.OK)


def _session_keys(run: Execution) -> SessionKeys:
    run.select_key(KeyUse.MAC)
    session = run.channel.session
    if session is None or session.use is not SessionUse.TRUSTED_CHANNEL:
        raise Refused(StatusWord.NOT_USABLE)
    return session.keys


def _encipher_session(run: Execution) -> bytes:
    keys = _session_keys(run)
    sequence = keys.next()
    return b"\x01" + cbc_encrypt(keys.enc, ecb_encrypt(keys.enc, sequence), pad(run.command.data))


def _decipher_session(run: Execution) -> bytes:
    keys = _session_keys(run)
    indicator, ciphertext = run.command.data[:1], run.command.data[1:]
    if indicator != b"\x01" or not ciphertext or len(ciphertext) % BLOCK:
        raise Refused(StatusWord.WRONG_DATA)
    try:
        return unpad(cbc_decrypt(keys.enc, ecb_encrypt(keys.enc, keys.sequence()), ciphertext))
    except PaddingError:
        run.channel.clear_session()
        raise Refused(StatusWord.WRONG_DATA) from None


def _decipher_elc(run: Execution, item: PrivateKey, cryptogram: bytes) -> bytes:
    key = run.contents.elc_key(item)
    try:
        return elc_decrypt(cryptogram, key)
    except BadCryptogram:
        raise Refused(StatusWord.WRONG_DATA) from None


def _decipher_rsa(run: Execution, item: PrivateKey, data: bytes) -> bytes:
    key = run.contents.rsa_key(item)
    if data[:1] != b"\x00":
        raise Refused(StatusWord.WRONG_DATA)
    try:
        return key.decrypt(data[1:], _OAEP)
    except ValueError:
        raise Refused(StatusWord.WRONG_DATA) from None


def _encipher_for(run: Execution, template: Tlv, message: bytes, too_long: StatusWord) -> bytes:
    """Enciphers for the public key in a template A0; `too_long` is the answer if the message does not fit."""
    algorithm = _child(template, 0x80)
    key = _child(template, 0x7F49)
    if algorithm == bytes([ALG_ELC_SHARED_SECRET]):
        return _encipher_elc(run, template, key, message)
    if algorithm == bytes([ALG_RSA_OAEP_ENCIPHER]):
        return b"\x00" + _encipher_rsa(key, message, too_long)
    raise Refused(StatusWord.UNSUPPORTED_FUNCTION)


def _encipher_elc(run: Execution, template: Tlv, key: bytes, message: bytes) -> bytes:
    if _child(template, 0x06) != OID_BRAINPOOL_P256R1:
        raise Refused(StatusWord.KEY_INVALID)
    try:
        point = decode_point(_child(Tlv(0x7F49, key), 0x86))
    except BadCryptogram:
        raise Refused(StatusWord.KEY_INVALID) from None
    return elc_encrypt(message, point, run.contents.entropy)


def _encipher_rsa(key: bytes, message: bytes, too_long: StatusWord) -> bytes:
    modulus, exponent = _child(Tlv(0x7F49, key), 0x81), _child(Tlv(0x7F49, key), 0x82)
    if not _MIN_MODULUS <= len(modulus) <= _MAX_MODULUS or len(exponent) > _MAX_EXPONENT:
        raise Refused(StatusWord.KEY_INVALID)
    numbers = rsa.RSAPublicNumbers(int.from_bytes(exponent, "big"), int.from_bytes(modulus, "big"))
    try:
        public = numbers.public_key()
    except ValueError:
        raise Refused(StatusWord.KEY_INVALID) from None
    try:
        return public.encrypt(message, _OAEP)
    except ValueError:
        raise Refused(too_long) from None


def _only(data: bytes, tag: int) -> Tlv:
    try:
        item, rest = decode_one_untrusted(data)
    except BadTlv:
        raise Refused(StatusWord.WRONG_DATA) from None
    if item.tag != tag or rest:
        raise Refused(StatusWord.WRONG_DATA)
    return item


def _child(item: Tlv, tag: int, last: bool = False) -> bytes:
    """The value of the first (or last: a template A0 has two DO 80) data object with that tag; else 6A80."""
    try:
        found = [child.value for child in item.children() if child.tag == tag]
    except BadTlv:
        raise Refused(StatusWord.WRONG_DATA) from None
    if not found:
        raise Refused(StatusWord.WRONG_DATA)
    return found[-1 if last else 0]
