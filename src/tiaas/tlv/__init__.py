"""BER-TLV as cards, terminals and CV certificates use it (ISO/IEC 7816-4:2020, 6.3; ISO/IEC 8825-1)."""

from tiaas.tlv.ber import BadTlv, Tlv, decode_one_untrusted, decode_untrusted, encode, find, header

__all__ = ["BadTlv", "Tlv", "decode_one_untrusted", "decode_untrusted", "encode", "find", "header"]
