"""EF.SSEC of an HBA: how many signatures one VERIFY of PIN.QES pays for (gemSpec_HBA_ObjSys G2.1 V5.0.0, DF.QES).

    7B { 80 01 security environment, A4 { 82 06 AID of DF.QES, 83 01 PIN reference, 95 01 08, C0 01 signatures }, ... }

One pair of objects 80 and A4 per security environment. The layout is read from a card image; the text of the
specification was not at hand.
"""

from collections.abc import Mapping
from typing import Final

from tiaas.base.errors import TiaasError
from tiaas.tlv import BadTlv, Tlv, decode_one_untrusted, encode

_SETS, _ENVIRONMENT, _RULE = 0x7B, 0x80, 0xA4
_FOLDER, _REFERENCE, _USAGE, _COUNT = 0x82, 0x83, 0x95, 0xC0
_USAGE_USER: Final = b"\x08"


class BadSsec(TiaasError):
    """The content of EF.SSEC cannot be read."""


def encode_ssec(folder: bytes, reference: int, counts: Mapping[int, int]) -> bytes:
    """The file for the PIN `reference` of the folder with that AID; `counts` by security environment."""
    objects = b"".join(
        encode(_ENVIRONMENT, bytes([environment]))
        + encode(
            _RULE,
            encode(_FOLDER, folder),
            encode(_REFERENCE, bytes([reference])),
            encode(_USAGE, _USAGE_USER),
            encode(_COUNT, bytes([count])),
        )
        for environment, count in counts.items()
    )
    return encode(_SETS, objects)


def decode_ssec_untrusted(raw: bytes) -> dict[int, int]:
    """Signatures per VERIFY by security environment, each at least 1; raises only `BadSsec`."""
    try:
        outer, _ = decode_one_untrusted(raw)
        if outer.tag != _SETS:
            raise BadSsec("not a data object 7B")
        items = outer.children()
        if not items or len(items) % 2:
            raise BadSsec("not pairs of data objects")
        return dict(_pair(items[at], items[at + 1]) for at in range(0, len(items), 2))
    except BadTlv as error:
        raise BadSsec(str(error)) from None


def _pair(environment: Tlv, rule: Tlv) -> tuple[int, int]:
    if environment.tag != _ENVIRONMENT or rule.tag != _RULE or len(environment.value) != 1:
        raise BadSsec("not an environment and its rule")
    count = int.from_bytes(rule.child(_COUNT).value, "big")
    if count < 1:
        raise BadSsec("no signature allowed")
    return environment.value[0], count
