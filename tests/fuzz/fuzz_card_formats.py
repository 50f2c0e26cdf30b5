"""Decoders of card formats: information files, PIN blocks, ELC and OAEP cryptograms, secured commands, images."""

import json
from collections.abc import Callable

from tiaas.base.entropy import SeededEntropy
from tiaas.base.secret import Secret
from tiaas.card.apdu import CommandApdu, ResponseApdu
from tiaas.card.elc import BadCryptogram, decode_elc_cryptogram_untrusted, elc_decrypt, elc_encrypt, ephemeral_key
from tiaas.card.fileparameters import decode_file_parameters_untrusted
from tiaas.card.objsys import basefiles
from tiaas.card.objsys.model import CardKind
from tiaas.card.pinblock import BadPinBlock, decode_pin_block_untrusted, encode_pin_block
from tiaas.card.securemessaging import (
    BadSecureMessaging,
    SessionKeys,
    protect_command,
    protect_response,
    unprotect_command,
    unprotect_response,
)
from tiaas.card.ssec import BadSsec, decode_ssec_untrusted, encode_ssec
from tiaas.card.virtual.image import BadImage, CardImage
from tiaas.pki.oaep import BadOaep, decode_oaep_untrusted
from tiaas.tlv import BadTlv

_KEY = ephemeral_key(SeededEntropy(b"fuzz"))


def _keys() -> SessionKeys:
    return SessionKeys(bytes(16), bytes(16))


def _pin_block(data: bytes) -> None:
    block = Secret(data)
    if encode_pin_block(decode_pin_block_untrusted(block)) != block:
        raise AssertionError("not reproducible")


def _cryptogram(data: bytes) -> None:
    decode_elc_cryptogram_untrusted(data)
    elc_decrypt(data, _KEY)


def _image(data: bytes) -> None:
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    CardImage.from_document(document)


_TARGETS: list[tuple[Callable[[bytes], object], type[Exception]]] = [
    (basefiles.decode_gdo_untrusted, basefiles.BadBaseFile),
    (basefiles.decode_version2_untrusted, basefiles.BadBaseFile),
    (basefiles.decode_atr_file_untrusted, basefiles.BadBaseFile),
    (basefiles.decode_directory_record_untrusted, basefiles.BadBaseFile),
    (basefiles.decode_card_access_untrusted, basefiles.BadBaseFile),
    (_pin_block, BadPinBlock),
    (_cryptogram, BadCryptogram),
    (decode_oaep_untrusted, BadOaep),
    (lambda data: unprotect_command(_keys(), CommandApdu(0x0C, 0xB0, 0, 0, data)), BadSecureMessaging),
    (lambda data: unprotect_response(_keys(), ResponseApdu(data, 0x9000)), BadSecureMessaging),
    (_image, BadImage),
    (decode_ssec_untrusted, BadSsec),
    (decode_file_parameters_untrusted, BadTlv),
]

SEEDS = [
    encode_ssec(bytes.fromhex("D27600006601"), 0x81, {1: 250, 2: 250}),
    basefiles.encode_card_access(),
    basefiles.encode_gdo(bytes(10)),
    basefiles.encode_version2(CardKind.EGK),
    basefiles.encode_atr_file(CardKind.HBA),
    bytes.fromhex("61094F07D2760001448000"),
    bytes.fromhex("620E8002025882060441003C14008A0105"),
    bytes.fromhex("26123456FFFFFFFF"),
    elc_encrypt(b"message", _KEY.public_key(), SeededEntropy(b"seed")),
    protect_command(_keys(), CommandApdu(0x00, 0xB0, 0, 0, b"data", 256)).data,
    protect_response(_keys(), ResponseApdu(b"data", 0x9000), True).data,
    (
        b'{"version": 1, "kind": "eGK", "iccsn": "00000000000000000000", "point_in_time": "2026-01-01", "files": {}, '
        b'"records": {}, "passwords": {}, "keys": {}, "public_keys": [], "deactivated": [], "deactivated_records": {}}'
    ),
]


def target(data: bytes) -> None:
    """Each decoder's own error is the only one that may come out."""
    for decode, error in _TARGETS:
        try:
            decode(data)
        except error:
            continue
