"""Documents whose long texts never become text of a tree: the tree has a mark in their place.

An XML document of 25 MB may have 30,000 elements, so nearly all of it is long text, in which nothing has to be decoded:
its canonical form is the octets themselves (Canonical XML 1.1, 2.3). Parsed as it is, it would be in memory as octets,
as text of the tree, and as canonical octets, twice while libxml2 makes them. So such texts are cut out before the
parser sees the document, and whoever hashes its canonical form puts them back.

    document: <a>…25 MB…</a>      thin.octets: <a>MARK</a>      thin.digest(b"<a>MARK</a>") == sha256(document)

A mark holds a hash of all that is left, so nothing that is left can contain one.
"""

import re
from codecs import getincrementaldecoder
from collections.abc import Iterator
from hashlib import sha256

from tiaas.base.dataclass import dataclass
from tiaas.base.slices import found, slices

LONG = 16 * 1024
"""From here on a text is cut out."""
_BLANK = b" \t\n"
_AS_IT_IS = bytes(octet for octet in range(0x20, 0x80) if octet not in b"<>&") + b"\t\n"
"""ASCII that is allowed in text and that neither a parser nor canonicalisation changes; a carriage return is not in it
(XML 1.0, 2.11), and no ">", so that nothing in a start tag, an instruction or the end of CDATA is taken for text."""
_HIGH = bytes(range(0x80, 0x100))
_NO_CHARACTERS = ("\ufffe", "\uffff")


@dataclass(frozen=True, slots=True, repr=False)
class Thin:
    """A document with marks for its long texts."""

    octets: bytes
    _texts: tuple[memoryview, ...]
    _name: str
    _mark: re.Pattern[bytes]

    def digest(self, canonical: bytes) -> bytes:
        """The SHA-256 of the canonical octets of this document, or of a part of it, with the texts put back."""
        state = sha256()
        for piece in self.pieces(canonical):
            state.update(piece)
        return state.digest()

    def pieces(self, canonical: bytes) -> Iterator[memoryview]:
        """The canonical octets of this document, or of a part of it, with the texts put back."""
        done, view = 0, memoryview(canonical)
        for mark in self._mark.finditer(canonical):
            yield view[done : mark.start()]
            yield self._texts[int(mark[1])]
            done = mark.end()
        yield view[done:]

    def is_marked(self, text: str) -> bool:
        """Whether a text of the tree has a mark in it."""
        return self._name in text


def thin(document: bytes, encoding: str, long: int = LONG) -> Thin | None:
    """The document without its texts of at least `long` octets; None if it has none. `encoding` contains ASCII.

    It is well-formed exactly if `document` is, and has the same elements and attributes. There must be no DTD.
    """
    view, kept, texts, done = memoryview(document), list[memoryview](), list[memoryview](), 0
    has_comments = found(document, b"<!--") >= 0
    for start, end in _between_tags(document, long):
        # Two hyphens would end a comment too early, and in a mark there are none.
        if has_comments and found(document, b"--", start, end) >= 0:
            continue
        if _is_plain(view[start:end], encoding):
            kept.append(view[done:start])
            texts.append(view[start:end])
            done = end
    if not texts:
        return None
    kept.append(view[done:])
    state = sha256()
    for part in kept:
        state.update(part)
    name = f"tiaas-text-{state.hexdigest()}-".encode()
    pieces = [bytes(kept[0])]
    for number, part in enumerate(kept[1:]):
        pieces += (b"%s%d." % (name, number), bytes(part))
    return Thin(b"".join(pieces), tuple(texts), name.decode(), re.compile(re.escape(name) + rb"(\d+)\."))


def _between_tags(document: bytes, long: int) -> Iterator[tuple[int, int]]:
    """Where at least `long` octets stand between the first ">" behind a "<" and the next "<"."""
    tag = found(document, b"<")
    while tag >= 0:
        # A section may be full of "<", and none of them is worth a look.
        last = document.rfind(b"<", tag + 1, tag + 1 + long)
        if last >= 0:
            tag = last
            continue
        following = found(document, b"<", tag + 1 + long)
        if following < 0:
            return
        start = found(document, b">", tag, following) + 1
        if start > 0 and following - start >= long:
            yield start, following
        tag = following


def _is_plain(text: memoryview, encoding: str) -> bool:
    """Whether all of a text stays as it is and not all of it is space, which may stand outside the document element."""
    decoder, is_blank, is_open = getincrementaldecoder("utf-8")(), True, False
    for part in slices(text):
        octets = bytes(part)
        other = octets.translate(None, _AS_IT_IS)
        if other or is_open:
            if encoding not in ("utf-8", "utf8") or other.translate(None, _HIGH):
                return False
            try:
                characters = decoder.decode(octets)
            except UnicodeDecodeError:
                return False
            if any(character in characters for character in _NO_CHARACTERS):
                return False
            is_open = bool(decoder.getstate()[0])
        is_blank = is_blank and not other and not octets.strip(_BLANK)
    return not is_blank and not is_open
