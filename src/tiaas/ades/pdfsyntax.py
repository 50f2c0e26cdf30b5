"""How tokens of a PDF document are written, as parts of regular expressions (ISO 32000-1:2008, 7.2 and 7.3).

All are bounded: a match keeps the interpreter's lock, and the same megabytes of white space may stand behind, or
before, thousands of tokens. What is longer than any program makes it is no token.
"""

from tiaas.base.slices import SLICE

_WHITE = rb"\x00\t\n\f\r "
_DELIMITER = rb"()<>\[\]{}/%"

BLANK = rb"[" + _WHITE + rb"]*+"
HEXADECIMAL = rb"[0-9A-Fa-f" + _WHITE + rb"]{0,%d}+" % SLICE
_LONG = 4096
_GAP = rb"[" + _WHITE + rb"]{1,%d}+" % _LONG
_COMMENT = rb"%%[^\r\n]{0,%d}+(?=[\r\n]|\Z)" % (32 * 1024)
SKIPPED = rb"(?:" + _GAP + rb"|" + _COMMENT + rb"){0,32}+"
"""Whitespace and comments, which may stand before any token."""
_REGULAR = rb"[^" + _WHITE + _DELIMITER + rb"]"
NAME = rb"/(" + _REGULAR + rb"{0,%d}+)(?!" % _LONG + _REGULAR + rb")"
PLAIN_NAME = rb"/([^#" + _WHITE + _DELIMITER + rb"]++)"
"""A name that is what it says, without `#xx`."""
REFERENCE = rb"(\d{1,10})" + _GAP + rb"(\d{1,5})" + _GAP + rb"R(?!" + _REGULAR + rb")"
INTEGER = rb"([+-]?\d{1,18})(?![\d.])"
_TOO_LONG = _GAP + rb"[" + _WHITE + rb"]"
NO_REFERENCE = rb"(?!" + _TOO_LONG + rb"|" + _GAP + rb"\d{1,5}" + _TOO_LONG + rb")"
"""Behind an integer: not so much white space that others might see a reference where none is read here."""
REAL = rb"([+-]?(?:\d{1,40}\.\d{0,40}|\.\d{1,40}))"
HEADER = rb"(\d{1,10})" + _GAP + rb"(\d{1,5})" + _GAP + rb"obj\b"
"""What an indirect object begins with: its number and generation number."""
