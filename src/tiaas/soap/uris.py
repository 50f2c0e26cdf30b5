"""`anyURI` of XML Schema 1.0 part 2 (see `tiaas.soap.simple`)."""

import re
from functools import lru_cache
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.latepattern import late_pattern
from tiaas.soap.simpletype import LexicalError, SimpleType, collapse, require_characters

# RFC 3986 §3 with the characters that XLink 1.0 §5.4 escapes (non-ASCII, space, <>"{}|\\^`) allowed as data. XML Schema
# 1.0 names RFC 2396, whose only difference here is a looser authority.
_DATA = r"""A-Za-z0-9\-._~!$&'()*+,;= <>"{}|\\^`\u0080-\U0010ffff"""


def _run(more: str = "") -> str:
    """Data and `more`, as much as there is: what may follow is no data, so nothing is gained by giving some back."""
    return rf"(?:[{_DATA}{more}]++|%[0-9A-Fa-f]{{2}})*+"


_HOST = rf"(?:\[[0-9A-Fa-fv:.]++\]|{_run()})"
_AUTHORITY = rf"//(?:{_run(':')}@)?{_HOST}(?::[0-9]*+)?(?=[/?#]|\Z)"
_PATH = _run(":@/")
_ANY_URI = late_pattern(
    rf"(?:(?:[A-Za-z][A-Za-z0-9+.\-]*+:)(?:{_AUTHORITY}|(?!//)){_PATH}"
    rf"|(?:{_AUTHORITY}{_PATH}|(?!//){_run('@')}(?:/{_PATH})?))"
    rf"(?:\?{_run(':@/?')})?(?:#{_run(':@/?')})?"
)


URI_MAX = 8 * 1024
"""Characters of a URI, with the blanks around it; XML Schema has no bound, and what is longer is text."""
_KNOWN_URI_MAX = 100


def _is_uri(text: str) -> bool:
    return _ANY_URI.fullmatch(text) is not None


_is_known_uri = lru_cache(1024)(_is_uri)
"""Messages name the same few types and algorithms over and over; only short ones are remembered."""


@lru_cache(1024)
def _stands_as_it_is(text: str) -> bool:
    return text.isprintable() and collapse(text) == text and _is_uri(text)


@dataclass(frozen=True, slots=True, kw_only=True)
class AnyUri(SimpleType):
    """`anyURI` with maxLength and pattern facets."""

    max_length: int | None = None
    pattern: re.Pattern[str] | None = None

    def decode(self, text: str) -> str:
        if len(text) > URI_MAX:
            raise LexicalError(f"longer than {URI_MAX} characters")
        text = collapse(text)
        if self.max_length is not None and len(text) > self.max_length:
            raise LexicalError(f"longer than {self.max_length} characters")
        if not (_is_known_uri(text) if len(text) <= _KNOWN_URI_MAX else _is_uri(text)):
            raise LexicalError("is not a URI")
        if self.pattern is not None and self.pattern.fullmatch(text) is None:
            raise LexicalError("does not match the pattern of its type")
        return text

    def encode(self, value: Any) -> str:
        text: str = value
        if self.max_length is None and self.pattern is None and len(text) <= _KNOWN_URI_MAX and _stands_as_it_is(text):
            return text
        require_characters(text)
        return self.decode(text)
