"""Secure messaging with AES session keys, both ends (gemSpec_COS V3.12.0, chapter 13; ISO/IEC 7816-4, 10).

    command   CLA' INS P1 P2 { [89 04 head] [87 01 ‖ C | 81 data] [97 Le] 8E MAC }
    response  { [87 01 ‖ C | 81 data] 99 SW 8E MAC } SW

The send sequence counter goes up before each command and each response. IV = AES(Kenc, counter);
MAC = CMAC(Kmac, counter ‖ head padded ‖ data objects), 8 octets. DO 89 holds the head on channels from 4 on.
"""

from dataclasses import field, replace
from hashlib import sha1, sha256
from hmac import compare_digest

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError
from tiaas.card.apdu import NE_EXTENDED_MAX, NE_SHORT_MAX, CommandApdu, ResponseApdu
from tiaas.card.symmetric import BLOCK, PaddingError, cbc_decrypt, cbc_encrypt, checksum, ecb_encrypt, pad, unpad
from tiaas.tlv import BadTlv, Tlv, decode_untrusted, encode

_DO_PLAIN, _DO_CIPHER, _DO_HEAD, _DO_LE, _DO_STATUS, _DO_MAC = 0x81, 0x87, 0x89, 0x97, 0x99, 0x8E
_INDICATOR = b"\x01"


class BadSecureMessaging(TiaasError):
    """A protected message that cannot be: structure, counter, checksum or padding wrong."""


@dataclass(slots=True)
class SessionKeys:
    """AES keys of a session and its counter; both ends count alike."""

    enc: bytes = field(repr=False)
    mac: bytes = field(repr=False)
    counter: int = 0

    def next(self) -> bytes:
        """Counts one up; the counter as 16 octets."""
        self.counter += 1
        return self.sequence()

    def sequence(self) -> bytes:
        """The counter as it is, 16 octets."""
        return self.counter.to_bytes(BLOCK, "big")


def derive_session_keys(material: bytes, size: int) -> SessionKeys:
    """Keys of `size` octets (16 with SHA-1; 24, 32 with SHA-256) from KD.i XOR KD.e (6.2.2 to 6.2.4, N001.520)."""
    digest = sha1 if size == BLOCK else sha256
    enc = digest(material + b"\0\0\0\x01").digest()[:size]
    mac = digest(material + b"\0\0\0\x02").digest()[:size]
    return SessionKeys(enc, mac)


def protect_command(keys: SessionKeys, command: CommandApdu, encipher: bool = True) -> CommandApdu:
    """The command as it goes to the card; data enciphered or plain."""
    sequence = keys.next()
    extended_channel = bool(command.cla & 0x40)
    cla = command.cla | (0x20 if extended_channel else 0x0C)
    head = bytes([cla, command.ins, command.p1, command.p2])
    objects = _protect_data(keys, sequence, command.data, encipher) + _expected_length(command)
    if extended_channel:
        head_object = encode(_DO_HEAD, head)
        mac = checksum(keys.mac, sequence + head_object + objects)
        objects = head_object + objects
    else:
        mac = checksum(keys.mac, sequence + (pad(head) + objects if objects else head))
    body = objects + encode(_DO_MAC, mac)
    short = command.ne is None and len(body) <= 255
    return CommandApdu(cla, command.ins, command.p1, command.p2, body, NE_SHORT_MAX if short else NE_EXTENDED_MAX)


def unprotect_command(keys: SessionKeys, command: CommandApdu) -> tuple[CommandApdu, bool]:
    """The plain command and whether its data came enciphered; raises only `BadSecureMessaging`."""
    sequence = keys.next()
    objects = _read_objects(command.data, (_DO_HEAD, _DO_PLAIN, _DO_CIPHER, _DO_LE))
    head = bytes([command.cla, command.ins, command.p1, command.p2])
    extended_channel = bool(command.cla & 0x40)
    if extended_channel != (_DO_HEAD in objects) or (extended_channel and objects[_DO_HEAD] != head):
        raise BadSecureMessaging("the protected head is not the command's")
    inner = command.data[: -(len(objects[_DO_MAC]) + 2)]
    source = inner if extended_channel or not inner else pad(head) + inner
    expected = checksum(keys.mac, sequence + (source or head))
    if not compare_digest(expected, objects[_DO_MAC]):
        raise BadSecureMessaging("checksum of the command wrong")
    plain = CommandApdu(
        cla=command.cla & (0xDF if extended_channel else 0xF3),
        ins=command.ins,
        p1=command.p1,
        p2=command.p2,
        data=_unprotect_data(keys, sequence, objects),
        ne=_read_expected_length(objects.get(_DO_LE)),
    )
    return plain, _DO_CIPHER in objects


def protect_response(keys: SessionKeys, response: ResponseApdu, encipher: bool) -> ResponseApdu:
    """The response as the card sends it; data enciphered or plain."""
    sequence = keys.next()
    objects = _protect_data(keys, sequence, response.data, encipher)
    objects += encode(_DO_STATUS, response.sw.to_bytes(2, "big"))
    return replace(response, data=objects + encode(_DO_MAC, checksum(keys.mac, sequence + objects)))


def unprotect_response(keys: SessionKeys, response: ResponseApdu) -> ResponseApdu:
    """The plain response; raises only `BadSecureMessaging`."""
    sequence = keys.next()
    objects = _read_objects(response.data, (_DO_PLAIN, _DO_CIPHER, _DO_STATUS))
    inner = response.data[: -(len(objects[_DO_MAC]) + 2)]
    if not compare_digest(checksum(keys.mac, sequence + inner), objects[_DO_MAC]):
        raise BadSecureMessaging("checksum of the response wrong")
    status = objects.get(_DO_STATUS, b"")
    if len(status) != 2 or int.from_bytes(status, "big") != response.sw:
        raise BadSecureMessaging("status word inside and outside differ")
    return ResponseApdu(_unprotect_data(keys, sequence, objects), response.sw)


def _protect_data(keys: SessionKeys, sequence: bytes, data: bytes, encipher: bool) -> bytes:
    if not data:
        return b""
    if not encipher:
        return encode(_DO_PLAIN, data)
    ciphertext = cbc_encrypt(keys.enc, ecb_encrypt(keys.enc, sequence), pad(data))
    return encode(_DO_CIPHER, _INDICATOR, ciphertext)


def _unprotect_data(keys: SessionKeys, sequence: bytes, objects: dict[int, bytes]) -> bytes:
    if _DO_PLAIN in objects:
        return objects[_DO_PLAIN]
    content = objects.get(_DO_CIPHER)
    if content is None:
        return b""
    if content[:1] != _INDICATOR or len(content) == 1 or (len(content) - 1) % BLOCK:
        raise BadSecureMessaging("padding indicator or length of the cryptogram wrong")
    try:
        return unpad(cbc_decrypt(keys.enc, ecb_encrypt(keys.enc, sequence), content[1:]))
    except PaddingError:
        raise BadSecureMessaging("padding wrong") from None


def _read_objects(data: bytes, order: tuple[int, ...]) -> dict[int, bytes]:
    """The values by tag, if the objects come in `order`, each at most once, with an 8-octet MAC behind them."""
    try:
        items: tuple[Tlv, ...] = decode_untrusted(data)
    except BadTlv as error:
        raise BadSecureMessaging(str(error)) from None
    tags = [item.tag for item in items]
    if tags[-1:] != [_DO_MAC] or len(items[-1].value) != 8 or data[-10:-8] != b"\x8e\x08":
        raise BadSecureMessaging("checksum missing")
    if tags[:-1] != [tag for tag in order if tag in tags] or (_DO_PLAIN in tags and _DO_CIPHER in tags):
        raise BadSecureMessaging("data objects unknown, doubled or in another order")
    return {item.tag: item.value for item in items}


def _expected_length(command: CommandApdu) -> bytes:
    if command.ne is None:
        return b""
    if command.extended:
        return encode(_DO_LE, (command.ne & 0xFFFF).to_bytes(2, "big"))
    return encode(_DO_LE, bytes([command.ne & 0xFF]))


def _read_expected_length(value: bytes | None) -> int | None:
    if value is None:
        return None
    if len(value) == 1:
        return value[0] or NE_SHORT_MAX
    if len(value) == 2:
        return int.from_bytes(value, "big") or NE_EXTENDED_MAX
    raise BadSecureMessaging("length of the Le field wrong")
