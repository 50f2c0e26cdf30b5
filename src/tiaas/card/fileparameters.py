"""File control parameters as SELECT returns them, as far as who uses a file needs them (gemSpec_COS V3.12.0, 8.3.3).

62 { 80 size of a transparent file, octets of all records | 82 descriptor [41, record size (2), records (1)] … }
"""

from typing import Final

from tiaas.base.dataclass import dataclass
from tiaas.tlv import BadTlv, decode_one_untrusted, find

_TEMPLATE, _SIZE, _DESCRIPTOR = 0x62, 0x80, 0x82
_RECORD_SIZE: Final = slice(2, 4)


@dataclass(frozen=True, slots=True)
class FileParameters:
    """`size`: octets that a transparent file, or all records of a file together, may have; `record_size`: one record.

    Either is None where the card does not tell it.
    """

    size: int | None
    record_size: int | None


def decode_file_parameters_untrusted(raw: bytes) -> FileParameters:
    """Reads DO 62; raises only `BadTlv`."""
    template, _ = decode_one_untrusted(raw)
    if template.tag != _TEMPLATE:
        raise BadTlv(f"tag {template.tag:X} where file control parameters belong")
    parts = template.children()
    size, descriptor = find(parts, _SIZE), find(parts, _DESCRIPTOR)
    record = b"" if descriptor is None else descriptor.value[_RECORD_SIZE]
    return FileParameters(
        None if size is None else int.from_bytes(size.value, "big"),
        int.from_bytes(record, "big") if len(record) == 2 else None,
    )
