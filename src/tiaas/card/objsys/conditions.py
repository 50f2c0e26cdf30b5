"""Conditions of access rules (gemSpec_COS V3.12.0, 10.3): a tree whose leaves ask the state of the channel."""

from tiaas.base.dataclass import dataclass


@dataclass(frozen=True, slots=True)
class Always:
    """ALW: true."""


@dataclass(frozen=True, slots=True)
class Never:
    """NEV: false."""


@dataclass(frozen=True, slots=True)
class Pwd:
    """PWD: the password with this reference (bit 8 set: searched upwards from the object's folder) is verified."""

    ref: int


@dataclass(frozen=True, slots=True)
class AutFlag:
    """AUT: one authenticated card has all these bits of the flag list."""

    oid: bytes
    flags: bytes


@dataclass(frozen=True, slots=True)
class SmMacKey:
    """SmMac: the command is protected with session keys negotiated with this symmetric (or CAN) key."""

    ref: int


@dataclass(frozen=True, slots=True)
class SmMacFlag:
    """SmMac: the command is protected with session keys negotiated with a card having all these bits."""

    oid: bytes
    flags: bytes


@dataclass(frozen=True, slots=True)
class SmCmdEnc:
    """The command data came enciphered."""


@dataclass(frozen=True, slots=True)
class SmRspEnc:
    """The response data go out enciphered; true of itself."""


@dataclass(frozen=True, slots=True)
class AllOf:
    """AND of at least two conditions."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """OR of at least two conditions, tried from left to right."""

    parts: tuple["Condition", ...]


Condition = Always | Never | Pwd | AutFlag | SmMacKey | SmMacFlag | SmCmdEnc | SmRspEnc | AllOf | AnyOf

ALWAYS = Always()
NEVER = Never()
