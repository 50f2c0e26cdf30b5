"""Status words of card terminals (SICCT V1.3.0, 5.4.1, 5.4.2 and the tables of each command; gemSpec_KT V3.17.0, 3.7).

Above them a terminal passes a card's own status words through (raw APDU, PERFORM and MODIFY). 6900 and 64A1 are not
used by a gematik COS, so the two layers can be told apart (gemSpec_KT, note to TIP1-A_3266-01).
"""

import enum


@enum.unique
class Sw(enum.IntEnum):
    """What a terminal answers."""

    OK = 0x9000  # 5.4.1
    OK_ASYNCHRONOUS = 0x9001  # 5.12.6, 5.13.6: processor card; 5.14.6: card removed
    NOT_IN_TIME = 0x6200  # 5.13.6 no card came, 5.14.6 card stayed; CONTROL COMMAND (TIP1-A_3264)
    ALREADY_ACTIVE = 0x6201  # 5.13.6
    EXECUTION_ERROR = 0x6400  # 5.10.6 account, 5.17.6 timeout, gemSpec_KT CMD_KT_0003
    CANCELLED = 0x6401  # 5.17.6
    NEW_PINS_DIFFER = 0x6402  # 5.20.6
    WRONG_SESSION_ID = 0x6403  # 5.10.6
    NO_CARD = 0x64A1  # 5.4.1
    CARD_NOT_ACTIVE = 0x64A2  # 5.4.1
    MEMORY_FAILURE = 0x6501  # 5.23.6: memory of a download
    WRONG_LC = 0x6700  # 5.4.2, priority 3
    NOT_ALLOWED = 0x6900  # 5.4.1; gemSpec_KT A_22456
    NO_VALID_CLIENT = 0x6901  # gemSpec_KT TIP1-A_3136-01
    NO_TIMER = 0x6930  # 5.4.2, priority 9
    NO_DISPLAY = 0x6940  # 5.4.2, priority 10
    BUSY = 0x6941  # 5.4.1
    NO_CHARACTER_SET = 0x6942  # 5.4.2, priority 11
    WRONG_PARAMETERS = 0x6A00  # 5.4.2, priority 5
    INVALID_DATA_OBJECT = 0x6A80  # 5.4.2, priority 6
    MISSING_DATA_OBJECT = 0x6A88  # 5.4.2, priority 7
    TOO_MANY_DATA_OBJECTS = 0x6A89  # 5.4.2, priority 8
    WRONG_LE = 0x6C00  # 5.4.2, priority 4
    UNKNOWN_INSTRUCTION = 0x6D00  # 5.4.2, priority 2
    UNKNOWN_CLASS = 0x6E00  # 5.4.2, priority 1
    COMMUNICATION = 0x6F00  # 5.4.1
