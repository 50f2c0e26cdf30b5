"""Status words of a G2.1 card (gemSpec_COS V3.12.0, 16.2 and the tables of chapter 14).

Not in that specification, which leaves refusing of other variants to the maker, are 6700 for wrong command lengths,
6A86, 6D00 for an unknown instruction and 6E00; they are used as in ISO/IEC 7816-4, 5.6.
"""

from enum import IntEnum, unique


@unique
class StatusWord(IntEnum):
    """Trailer of a response; a family with a counter (63Cx) is built by `retries_left`."""

    OK = 0x9000
    # GET PIN STATUS (14.6.4)
    TRANSPORT_PIN = 0x62C1
    LEER_PIN = 0x62C7
    PASSWORD_DISABLED = 0x62D0
    # Warnings
    DATA_TRUNCATED = 0x6200
    CORRUPT_DATA = 0x6281
    END_OF_FILE_OR_NOT_FOUND = 0x6282
    FILE_DEACTIVATED = 0x6283
    FILE_TERMINATED = 0x6285
    RECORD_DEACTIVATED = 0x6287
    AUTHENTICATION_FAILED = 0x6300
    PASSWORD_BLOCKED_STATUS = 0x63C0
    KEY_NOT_AUTHENTICATED = 0x63CF
    # Errors
    KEY_INVALID = 0x6400
    MEMORY_FAILURE = 0x6581
    WRONG_LENGTH = 0x6700
    CHANNEL_CLOSED = 0x6881
    WRONG_FILE_TYPE = 0x6981
    SECURITY_STATUS_NOT_SATISFIED = 0x6982
    BLOCKED_OR_EXPIRED = 0x6983
    NOT_USABLE = 0x6985
    NO_CURRENT_EF = 0x6986
    SM_OBJECT_INCORRECT = 0x6988
    WRONG_DATA = 0x6A80
    UNSUPPORTED_FUNCTION = 0x6A81
    FILE_NOT_FOUND = 0x6A82
    RECORD_NOT_FOUND = 0x6A83
    NO_MEMORY_OR_FULL = 0x6A84
    KEY_OR_PASSWORD_NOT_FOUND = 0x6A88
    INCORRECT_P1_P2 = 0x6A86
    OFFSET_TOO_BIG = 0x6B00
    INSTRUCTION_UNKNOWN = 0x6D00
    CLASS_UNKNOWN = 0x6E00


def retries_left(count: int) -> int:
    """63Cx with x = tries left, at most F (gemSpec_COS 14.6.1, WrongSecretWarning)."""
    return 0x63C0 | min(count, 15)


def tries_in(sw: int) -> int | None:
    """The tries left that 63Cx tells, None for any other status word."""
    return sw & 0x0F if sw & 0xFFF0 == 0x63C0 else None
