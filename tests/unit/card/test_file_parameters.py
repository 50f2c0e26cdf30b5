"""What SELECT says of a file's size, by the parameters that the virtual card writes."""

import pytest

from tests.cardbench import desk
from tiaas.card import commands
from tiaas.card.fileparameters import FileParameters, decode_file_parameters_untrusted
from tiaas.card.objsys.egk import AID_GDD, AID_HCA
from tiaas.tlv import BadTlv, encode


@pytest.mark.parametrize(
    ("folder", "fid", "expected"),
    [
        (AID_HCA, 0xD001, FileParameters(0x0352, None)),
        (AID_HCA, 0xD006, FileParameters(None, 0x2E)),
        (AID_GDD, 0xD013, FileParameters(0x0258, 0x3C)),
    ],
)
def test_size_and_length_of_records(folder: bytes, fid: int, expected: FileParameters) -> None:
    egk = desk()
    egk.ok(commands.select_aid(folder))
    assert decode_file_parameters_untrusted(egk.ok(commands.select_ef(fid, fcp=True))) == expected


def test_a_card_may_tell_nothing_of_it() -> None:
    assert decode_file_parameters_untrusted(encode(0x62, b"")) == FileParameters(None, None)
    assert decode_file_parameters_untrusted(encode(0x62, encode(0x82, b"\x0a\x41\x00"))) == FileParameters(None, None)


@pytest.mark.parametrize("raw", [b"", b"\x62", encode(0x63, b""), encode(0x62, b"\x80\x05")])
def test_what_is_no_such_template(raw: bytes) -> None:
    with pytest.raises(BadTlv):
        decode_file_parameters_untrusted(raw)
