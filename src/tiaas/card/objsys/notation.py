"""Reads access rules in the short notation of the object system tables.

    READ: ALW; ERASE/SETEOF: VSD; UPD/WRITE: VSD*
    CDS: P(02) or [P(01)+TI(b12)]

A rule is commands, colon, condition; rules are parted by semicolons. Conditions: `P(xx)` password reference,
`TI(b17+b33)` one role with all these flags, `TI(b46/b47)` with one of them, `SM(b54)` session with a card that has the
flag, `CMS`, `VSD`, `ADM` as named by the card's table (`*`: and command data enciphered), `CE`, `RE` command and
response enciphered, `ALW` always; `[a+b]` both, `a or b` one of them.
"""

import re
from collections.abc import Mapping

from tiaas.card.objsys.access import Access
from tiaas.card.objsys.conditions import (
    ALWAYS,
    AllOf,
    AnyOf,
    AutFlag,
    Condition,
    Pwd,
    SmCmdEnc,
    SmMacFlag,
    SmRspEnc,
)

# gemSpec_OID Tab_PKI_408.
OID_FLAGS_TI = bytes.fromhex("2A8214004C048118")
OID_FLAGS_CMS = bytes.fromhex("2A8214004C048119")

_FLAG_OCTETS = 7

_COMMANDS: Mapping[str, tuple[Access, ...]] = {
    "READ": (Access.READ_BINARY,),
    "UPD": (Access.UPDATE_BINARY,),
    "WRITE": (Access.WRITE_BINARY,),
    "ERASE": (Access.ERASE_BINARY,),
    "SETEOF": (Access.SET_LOGICAL_EOF,),
    "RREC": (Access.READ_RECORD,),
    "SREC": (Access.SEARCH_RECORD,),
    "UREC": (Access.UPDATE_RECORD,),
    "EREC": (Access.ERASE_RECORD,),
    "DELREC": (Access.DELETE_RECORD,),
    "APPEND00": (Access.APPEND_RECORD,),
    "ACTREC": (Access.ACTIVATE_RECORD,),
    "DEACTREC": (Access.DEACTIVATE_RECORD,),
    "ACT00": (Access.ACTIVATE,),
    "DEACT00": (Access.DEACTIVATE,),
    "DELETE": (Access.DELETE,),
    "LOAD": (Access.LOAD_CHAINED, Access.LOAD),
    "RANDOM": (Access.GET_RANDOM,),
    "KEYSTATUS": (Access.GET_SECURITY_STATUS_KEY,),
    "FINGERPRINT": (Access.FINGERPRINT,),
    "VERIFY00": (Access.VERIFY,),
    "CHANGE00": (Access.CHANGE_WITH_OLD,),
    "CHANGE01": (Access.CHANGE_WITHOUT_OLD,),
    "RESET00": (Access.RESET_PUK_NEW,),
    "RESET01": (Access.RESET_PUK,),
    "RESET02": (Access.RESET_NEW,),
    "STATUS00": (Access.GET_PIN_STATUS,),
    "DISABLE00": (Access.DISABLE,),
    "ENABLE00": (Access.ENABLE,),
    "INTAUTH00": (Access.INTERNAL_AUTHENTICATE,),
    "MUTAUTH": (Access.EXTERNAL_AUTHENTICATE,),
    "GENAUTH": (Access.GENERAL_AUTHENTICATE,),
    "CDS": (Access.SIGN,),
    "DEC": (Access.DECIPHER,),
    "TRANSC": (Access.TRANSCIPHER,),
    "VCERT": (Access.VERIFY_CERTIFICATE,),
    "GENKEY81": (Access.READ_PUBLIC_KEY,),
    "GENKEYc0": (Access.GENERATE,),
}

_TOKEN = re.compile(r"\s*(P\([0-9a-f]{2}\)|TI\([b0-9+/]+\)|SM\(b\d+\)|or\b|[A-Z]+|[\[\]+*])")


def flag_bits(*numbers: int) -> bytes:
    """A flag list of 7 octets with these bits set; b0 is the leftmost."""
    value = sum(1 << (8 * _FLAG_OCTETS - 1 - number) for number in numbers)
    return value.to_bytes(_FLAG_OCTETS, "big")


def all_of(*parts: Condition) -> Condition:
    """AND; a single part stands for itself."""
    return parts[0] if len(parts) == 1 else AllOf(parts)


def any_of(*parts: Condition) -> Condition:
    """OR; a single part stands for itself."""
    return parts[0] if len(parts) == 1 else AnyOf(parts)


def read_rules(text: str, names: Mapping[str, Condition]) -> dict[Access, Condition]:
    """The rule set that `text` describes; `names` gives the meaning of CMS, VSD, ADM. Raises `ValueError`."""
    rules: dict[Access, Condition] = {}
    for rule in filter(None, (part.strip() for part in text.split(";"))):
        commands, _, condition = rule.partition(":")
        meaning = _Reader(condition, names).read()
        for command in commands.split("/"):
            rules.update(dict.fromkeys(_COMMANDS[command.strip()], meaning))
    return rules


class _Reader:
    """Recursive descent over the tokens of one condition."""

    def __init__(self, text: str, names: Mapping[str, Condition]) -> None:
        self._names = names
        self._tokens: list[str] = []
        position = 0
        text = text.rstrip()
        while position < len(text):
            match = _TOKEN.match(text, position)
            if match is None:
                raise ValueError(f"unreadable access condition: {text[position:]}")
            self._tokens.append(match.group(1))
            position = match.end()

    def read(self) -> Condition:
        condition = self._alternatives()
        if self._tokens:
            raise ValueError(f"access condition goes on: {self._tokens}")
        return condition

    def _alternatives(self) -> Condition:
        parts = [self._term()]
        while self._accept("or"):
            parts.append(self._term())
        return any_of(*parts)

    def _term(self) -> Condition:
        if not self._accept("["):
            return self._factor()
        parts = [self._factor()]
        while self._accept("+"):
            parts.append(self._factor())
        if not self._accept("]"):
            raise ValueError("access condition without ]")
        return all_of(*parts)

    def _factor(self) -> Condition:
        if not self._tokens:
            raise ValueError("access condition ends too early")
        condition = self._leaf(self._tokens.pop(0))
        return AllOf((condition, SmCmdEnc())) if self._accept("*") else condition

    def _leaf(self, token: str) -> Condition:
        argument = token[token.find("(") + 1 : -1]
        if token.startswith("P("):
            return Pwd(int(argument, 16))
        if token.startswith("TI("):
            return any_of(*(_role(choice) for choice in argument.split("/")))
        if token.startswith("SM("):
            return SmMacFlag(OID_FLAGS_TI, flag_bits(int(argument[1:])))
        fixed: Mapping[str, Condition] = {"ALW": ALWAYS, "CE": SmCmdEnc(), "RE": SmRspEnc()}
        return fixed[token] if token in fixed else self._names[token]

    def _accept(self, token: str) -> bool:
        if self._tokens and self._tokens[0] == token:
            self._tokens.pop(0)
            return True
        return False


def _role(text: str) -> Condition:
    return AutFlag(OID_FLAGS_TI, flag_bits(*(int(flag[1:]) for flag in text.split("+"))))
