"""Rules of a packet filter as an administrator writes them, and the table of ours that they go into. Pure.

The file is the inside of one nftables table, as nft(8) writes it:

    chain input {
        type filter hook input priority 0; policy accept;
        tcp dport 9100 drop
    }

It stays inside: the table's name is ours, braces must match, comments are taken out and strings may not hold what
bounds something, so that nft sees the same blocks as we do. What stands in the table directly is one of `_ITEMS`: no
flag (`flags dormant` is a table that filters nothing) and no other command. `include` would read any file that we may
read, and nft quotes what it cannot parse. Sets that packets change are refused, because nobody could tell then whether
the table stands as it was loaded.
"""

import re
from collections.abc import Iterator
from hashlib import sha256

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import TiaasError

RULES_OCTETS = 65_536
_DEPTH = 8
_TABLE = re.compile(r"tiaas_[a-z0-9_]{1,48}")
_ITEMS = frozenset({"chain", "counter", "define", "limit", "map", "quota", "set"})
_CHANGING = frozenset({"add", "delete", "dynamic", "flow", "last", "meter", "timeout", "update"})
_TOKEN = re.compile(
    r"""(?P<comment>\#[^\n]*)
      | (?P<string>"[ !%-:<-Z\[\]^-z|~]*")
      | (?P<mark>[{};\n])
      | (?P<text>[A-Za-z0-9_.\-/:,()\[\]@=!<>&|^~+*$ \t]+)""",
    re.VERBOSE,
)
_WORD = re.compile(r"[A-Za-z0-9_.\-/]+")
_LISTED = re.compile(rb"table inet (\S+) \{ # handle (\d{1,18})\n")


class BadRules(TiaasError):
    """A file is not the inside of one table; the message says where and why."""


class BadListing(TiaasError):
    """nft has listed something else than the table that was asked for."""


@dataclass(frozen=True, slots=True)
class Standing:
    """A table as it stands in the kernel: its handle, which no other table gets, and a digest of all that is in it."""

    handle: int
    digest: bytes


def decode_rules_untrusted(content: bytes) -> str:
    """The rules without comments, each on its line. Raises `BadRules`."""
    if len(content) > RULES_OCTETS:
        raise BadRules(f"more than {RULES_OCTETS} octets")
    try:
        text = content.decode("utf-8").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise BadRules("not UTF-8") from None
    blocks, kept = _Blocks(), []
    for kind, token in _tokens(text):
        if kind != "comment":
            blocks.take(kind, token)
            kept.append(token)
    if blocks.depth:
        raise BadRules("a block does not end")
    if not blocks.has_hook:
        raise BadRules("no chain has a hook: nothing would be filtered")
    return "".join(kept)


def _tokens(text: str) -> Iterator[tuple[str, str]]:
    at = 0
    while at < len(text):
        found = _TOKEN.match(text, at)
        if found is None or found.lastgroup is None:
            line = text.count("\n", 0, at) + 1
            raise BadRules(f"line {line}: {text[at]!a} has no place in rules")
        at = found.end()
        yield found.lastgroup, found.group()


class _Blocks:
    """How deep the tokens taken so far are in blocks, and whether an item of the table may begin now."""

    def __init__(self) -> None:
        self.depth = 0
        self.has_hook = False
        self._line = 1
        self._is_begin = True

    def take(self, kind: str, token: str) -> None:
        """Raises `BadRules`."""
        if kind == "mark":
            self._mark(token)
            return
        words = _WORD.findall(token) if kind == "text" else []
        self._check_words(token, words)
        self.has_hook = self.has_hook or (self.depth == 1 and "hook" in words)
        if self.depth == 0 and self._is_begin and token.strip():
            self._is_begin = False
            if not words or words[0] not in _ITEMS or not token.lstrip().startswith(words[0]):
                raise self._bad(f"a table holds {', '.join(sorted(_ITEMS))} and nothing else")

    def _mark(self, token: str) -> None:
        if token == "{":
            if self.depth == 0 and self._is_begin:
                raise self._bad("a block without a name")
            if self.depth == _DEPTH:
                raise self._bad(f"more than {_DEPTH} blocks in each other")
            self.depth += 1
        elif token == "}":
            if self.depth == 0:
                raise self._bad("a block ends that has not begun")
            self.depth -= 1
        self._is_begin = self.depth == 0
        self._line += token == "\n"

    def _check_words(self, token: str, words: list[str]) -> None:
        if "include" in token.lower():
            raise self._bad("include reads another file")
        changing = _CHANGING.intersection(words)
        if changing:
            raise self._bad(f"{min(changing)} is for what packets change; nobody could tell it from damage")

    def _bad(self, why: str) -> BadRules:
        return BadRules(f"line {self._line}: {why}")


def script(table: str, rules: str) -> bytes:
    """What nft gets: one transaction that puts `rules` in the place of what the table held. They keep their line
    numbers. Raises `ValueError` for a name of a table that is not ours."""
    if not _TABLE.fullmatch(table):
        raise ValueError(f"{table!r} is no name of a table of ours")
    return f"table inet {table}; delete table inet {table}; table inet {table} {{ {rules}\n}}\n".encode()


def read_listing_untrusted(listing: bytes, table: str) -> Standing:
    """What `nft --handle --stateless list table inet NAME` has written. Raises `BadListing`."""
    found = _LISTED.match(listing)
    if found is None or found.group(1) != table.encode():
        raise BadListing("nft does not list the table")
    return Standing(int(found.group(2)), sha256(listing).digest())
