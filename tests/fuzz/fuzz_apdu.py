"""Fuzz target: command and response APDUs."""

from tiaas.card.apdu import BadApdu, decode_command_untrusted, decode_response_untrusted

SEEDS: list[bytes] = [
    bytes.fromhex("00A4040C07D2760001448000"),
    bytes.fromhex("00B0820000"),
    bytes.fromhex("00B08200000000"),
    bytes.fromhex("0020000108241234FFFFFFFFFF"),
    bytes.fromhex("00D60000000003AABBCC0000"),
    bytes.fromhex("9000"),
]


def target(data: bytes) -> None:
    """Only `BadApdu` may escape; a command encodes to octets that read the same."""
    try:
        command = decode_command_untrusted(data)
        if decode_command_untrusted(command.encode()) != command:
            raise AssertionError("not reproducible")
    except BadApdu:
        pass
    try:
        response = decode_response_untrusted(data)
        if response.encode() != data:
            raise AssertionError("not reproducible")
    except BadApdu:
        return
