"""What access rules speak about: the commands, named as in the object systems, with their header octets.

gemSpec_COS V3.12.0, 10.2 (accessMode). A rule of two octets fits every P1 and P2 of that CLA INS, one of four octets
only that header (as FCP shows them: `8C 02 CLA INS`, `8F 04 CLA INS P1 P2`); where the last octet is a password's or
a key's own reference, three octets are compared.
"""

from enum import Enum, unique


@unique
class Access(Enum):
    """A command, or a variant of it, that an access rule can allow; the value is its header's beginning."""

    ACTIVATE = bytes.fromhex("004400")
    DEACTIVATE = bytes.fromhex("000400")
    DELETE = bytes.fromhex("00E40000")
    LOAD_CHAINED = bytes.fromhex("10EA0000")
    LOAD = bytes.fromhex("00EA0000")
    GET_RANDOM = bytes.fromhex("80840000")
    GET_SECURITY_STATUS_KEY = bytes.fromhex("8082")
    FINGERPRINT = bytes.fromhex("80FA0000")
    READ_BINARY = bytes.fromhex("00B0")
    UPDATE_BINARY = bytes.fromhex("00D6")
    WRITE_BINARY = bytes.fromhex("00D0")
    ERASE_BINARY = bytes.fromhex("000E")
    SET_LOGICAL_EOF = bytes.fromhex("800E")
    READ_RECORD = bytes.fromhex("00B2")
    SEARCH_RECORD = bytes.fromhex("00A2")
    UPDATE_RECORD = bytes.fromhex("00DC")
    APPEND_RECORD = bytes.fromhex("00E2")
    ERASE_RECORD = bytes.fromhex("000C")
    DELETE_RECORD = bytes.fromhex("800C")
    ACTIVATE_RECORD = bytes.fromhex("0008")
    DEACTIVATE_RECORD = bytes.fromhex("0006")
    VERIFY = bytes.fromhex("002000")
    CHANGE_WITH_OLD = bytes.fromhex("002400")
    CHANGE_WITHOUT_OLD = bytes.fromhex("002401")
    RESET_PUK_NEW = bytes.fromhex("002C00")
    RESET_PUK = bytes.fromhex("002C01")
    RESET_NEW = bytes.fromhex("002C02")
    RESET_FREE = bytes.fromhex("002C03")
    DISABLE = bytes.fromhex("002600")
    DISABLE_FREE = bytes.fromhex("002601")
    ENABLE = bytes.fromhex("002800")
    ENABLE_FREE = bytes.fromhex("002801")
    GET_PIN_STATUS = bytes.fromhex("802000")
    INTERNAL_AUTHENTICATE = bytes.fromhex("008800")
    EXTERNAL_AUTHENTICATE = bytes.fromhex("008200")
    GENERAL_AUTHENTICATE = bytes.fromhex("1086")
    SIGN = bytes.fromhex("002A9E")
    DECIPHER = bytes.fromhex("002A8086")
    ENCIPHER = bytes.fromhex("002A8680")
    TRANSCIPHER = bytes.fromhex("002A86B8")
    VERIFY_CERTIFICATE = bytes.fromhex("002A00BE")
    READ_PUBLIC_KEY = bytes.fromhex("004681")
    GENERATE = bytes.fromhex("0046C0")
