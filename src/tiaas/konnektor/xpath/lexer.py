"""Tokens of an XPath expression (§3.7)."""

import enum
import re

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput


class BadXPath(InvalidInput):
    """An expression cannot be used; `at` is the character (from 1) and `reason` what is wrong there."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(f"{reason} at character {at}")
        self.at = at
        self.reason = reason


@enum.unique
class TokenKind(enum.Enum):
    """Kinds of token. OPERATOR are those that may also be names or `*`, told apart by what comes before."""

    NUMBER = "number"
    LITERAL = "literal"
    NAME = "name"
    MARK = "mark"
    OPERATOR = "operator"
    END = "end"


@dataclass(frozen=True, slots=True)
class Token:
    """`text` as written (a literal without its quotes), `at` its place."""

    kind: TokenKind
    text: str
    at: int


_NC = r"[^\W\d][\w.\-]*"
_TOKEN = re.compile(
    rf"""[ \t\r\n]*(?:
        (?P<number>\d+(?:\.\d*)?|\.\d+)
      | "(?P<double>[^"]*)" | '(?P<single>[^']*)'
      | (?P<name>{_NC}(?::(?!:)(?:{_NC}|\*))?)
      | (?P<mark>//|::|!=|<=|>=|\.\.|[()\[\].@,/|+\-=<>*$])
      | (?P<end>\Z)
    )""",
    re.VERBOSE,
)
_WORDS = frozenset({"and", "or", "mod", "div"})
_OPERATORS = frozenset({"/", "//", "|", "+", "-", "=", "!=", "<", "<=", ">", ">="})
_OPENING = frozenset({"@", "::", "(", "[", ","}) | _OPERATORS


def tokens(expression: str) -> list[Token]:
    """All tokens, the last of kind END. Raises `BadXPath`."""
    found: list[Token] = []
    at = 0
    while True:
        match = _TOKEN.match(expression, at)
        if match is None:
            raise BadXPath(at + 1, "no XPath token")
        group = str(match.lastgroup)
        token = _token(group, match[group], match.start(group) + 1, found[-1] if found else None)
        found.append(token)
        if token.kind is TokenKind.END:
            return found
        at = match.end()


def _token(group: str, text: str, at: int, before: Token | None) -> Token:
    if group in ("double", "single"):
        return Token(TokenKind.LITERAL, text, at)
    if group in ("number", "end"):
        return Token(TokenKind(group), text, at)
    after_operand = before is not None and not (
        before.kind is TokenKind.OPERATOR or (before.kind is TokenKind.MARK and before.text in _OPENING)
    )
    if after_operand and (text == "*" or group == "name"):
        if text != "*" and text not in _WORDS:
            raise BadXPath(at, "an operator is expected")
        return Token(TokenKind.OPERATOR, text, at)
    if text == "*":
        return Token(TokenKind.NAME, text, at)
    return Token(TokenKind.NAME if group == "name" else TokenKind.MARK, text, at)
