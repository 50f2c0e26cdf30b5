"""Fuzz target: CV certificates from cards and terminals."""

from tiaas.pki.cvc import BadCvc, decode_cvc_untrusted, decode_cvc_value_untrusted

SEEDS: list[bytes] = [
    bytes.fromhex(
        "7F2181D87F4E81915F290170420844454758588402167F494D06082A8648CE3D0403028641040E33B79383171D098F140E3F9336CE25D450"
        "AFACDCDA30C97EBC74A2C60680D28D89AAD9B4418C62FAB1481D7485DF045E09E03E87368D1A283145BF46B8F6BB5F200844454758588302"
        "147F4C1306082A8214004C0481185307FFFFFFFFFFFFFF5F25060106000300085F24060206000300075F3740" + "11" * 64
    ),
    bytes.fromhex("7F2100"),
    bytes.fromhex("7F4E005F3700"),
]


def target(data: bytes) -> None:
    """Only `BadCvc` may escape the two decoders, and what they take encodes to the same octets."""
    for decode in (decode_cvc_untrusted, decode_cvc_value_untrusted):
        try:
            cvc = decode(data)
        except BadCvc:
            continue
        if decode_cvc_untrusted(cvc.encoded) != cvc or data not in (cvc.encoded, cvc.value):
            raise AssertionError("not reproducible")
