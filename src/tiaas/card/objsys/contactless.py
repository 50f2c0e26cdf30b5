"""Access rules of the contactless interface, made from those of the contact interface.

gemSpec_eGK/HBA/SMC-B_ObjSys G2.1 list both; the second list follows from the first by one transformation (gaps_closed
§3.7): every right needs the PACE channel beside its own condition, what is read goes out enciphered, what is written
comes in enciphered. A card management system's own channel stays enough where it was enough, and may read in place of
the PACE channel what it may write.
"""

from collections.abc import Mapping
from typing import Final

from tiaas.card.objsys.access import Access
from tiaas.card.objsys.addresses import KEY_CAN
from tiaas.card.objsys.conditions import (
    ALWAYS,
    AllOf,
    AnyOf,
    AutFlag,
    Condition,
    Pwd,
    SmCmdEnc,
    SmMacFlag,
    SmMacKey,
    SmRspEnc,
)
from tiaas.card.objsys.notation import OID_FLAGS_TI, all_of, any_of, flag_bits

_IN, _OUT = SmCmdEnc(), SmRspEnc()
_READING: Final = (Access.READ_BINARY, Access.READ_RECORD, Access.READ_PUBLIC_KEY, Access.GET_RANDOM, Access.GENERATE)
_WRITING: Final = (Access.UPDATE_BINARY, Access.WRITE_BINARY, Access.APPEND_RECORD, Access.UPDATE_RECORD)
_BOTH_WAYS: Final = (
    Access.SEARCH_RECORD,
    Access.INTERNAL_AUTHENTICATE,
    Access.SIGN,
    Access.DECIPHER,
    Access.ENCIPHER,
    Access.TRANSCIPHER,
)
_SECRETS: Final = (
    Access.VERIFY,
    Access.CHANGE_WITH_OLD,
    Access.CHANGE_WITHOUT_OLD,
    Access.RESET_PUK_NEW,
    Access.RESET_PUK,
    Access.RESET_NEW,
    Access.RESET_FREE,
    Access.DISABLE,
    Access.DISABLE_FREE,
    Access.ENABLE,
    Access.ENABLE_FREE,
)
# What the channel must do beside carrying the command; a command that is not here needs no enciphering.
_ENCIPHERED: Final[Mapping[Access, tuple[Condition, ...]]] = {
    **dict.fromkeys(_READING, (_OUT,)),
    **dict.fromkeys(_WRITING + _SECRETS, (_IN,)),
    **dict.fromkeys(_BOTH_WAYS, (_IN, _OUT)),
}
_FREE: Final = frozenset(
    {
        Access.GENERAL_AUTHENTICATE,
        Access.EXTERNAL_AUTHENTICATE,
        Access.VERIFY_CERTIFICATE,
        Access.GET_SECURITY_STATUS_KEY,
    }
)
_OPEN_FILES: Final = frozenset({"MF/EF.ATR", "MF/EF.CardAccess", "MF/EF.Version", "MF/EF.Version2"})
_CAN: Final = SmMacKey(KEY_CAN)
# HBA, DF.QES in security environment 2: the channel of the signing device stands in place of PACE.
_SIGNING_DEVICE: Final = SmMacFlag(OID_FLAGS_TI, flag_bits(55))
_PIN_SENDER: Final = SmMacFlag(OID_FLAGS_TI, flag_bits(54))
_OSE_FILE: Final = "MF/DF.HCA/DF.OSE/EF.StatusOSE"
_OSE_PIN: Final = Pwd(0x09)


def contactless_rules(path: str, environment: int, rules: Mapping[Access, Condition]) -> dict[Access, Condition]:
    """The rule set of the object at `path` in a security environment; `rules` is that of the contact interface."""
    found: dict[Access, Condition] = {}
    writers = _administrators(rules)
    for access, condition in rules.items():
        if access is Access.FINGERPRINT:
            continue
        if access in _FREE or (path in _OPEN_FILES and access in (*_READING, Access.SEARCH_RECORD)):
            found[access] = condition
            continue
        channel: Condition = _CAN
        if environment == 2:
            channel = _PIN_SENDER if access in _SECRETS else _SIGNING_DEVICE
        elif access in _READING and condition == ALWAYS:
            channel = any_of(_CAN, *writers)
        found[access] = _guarded(channel, _ENCIPHERED.get(access, ()), _special(path, access, condition))
    return found


def _guarded(channel: Condition, enciphered: tuple[Condition, ...], condition: Condition) -> Condition:
    alternatives = condition.parts if isinstance(condition, AnyOf) else (condition,)
    own = tuple(part for part in alternatives if not _needs_channel(part))
    foreign = tuple(part for part in alternatives if _needs_channel(part))
    if not own:
        return condition
    rest = () if own == (ALWAYS,) else (any_of(*own),)
    return any_of(all_of(channel, *enciphered, *rest), *foreign)


def _needs_channel(condition: Condition) -> bool:
    """True if the condition asks for session keys of its own."""
    match condition:
        case SmMacKey() | SmMacFlag():
            return True
        case AllOf(parts) | AnyOf(parts):
            return any(_needs_channel(part) for part in parts)
        case _:
            return False


def _administrators(rules: Mapping[Access, Condition]) -> tuple[Condition, ...]:
    """The session keys under which the object may be written."""
    for access in _WRITING:
        condition = rules.get(access)
        if isinstance(condition, AllOf) and condition.parts[-1:] == (_IN,):
            who = condition.parts[0]
            parts = who.parts if isinstance(who, AnyOf) else (who,)
            if all(isinstance(part, SmMacKey | SmMacFlag) for part in parts):
                return parts
    return ()


def _special(path: str, access: Access, condition: Condition) -> Condition:
    """EF.StatusOSE: reading with the PIN of the organ donor data is left out of the contactless list."""
    if path != _OSE_FILE or access is not Access.READ_BINARY or not isinstance(condition, AnyOf):
        return condition
    return any_of(*(part for part in condition.parts if not _with_role(part, _OSE_PIN)))


def _with_role(condition: Condition, password: Pwd) -> bool:
    if not isinstance(condition, AllOf):
        return False
    return password in condition.parts and any(isinstance(part, AutFlag) for part in condition.parts)
