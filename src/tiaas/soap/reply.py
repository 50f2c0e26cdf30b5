"""What goes back over HTTP: octets in pieces, so that a long content is in memory once, base64 only on its way.

A response is packaged (MTOM) where the request was or its `Accept` says so (gemSpec_Kon V5.18 TIP1-A_5694-03); a fault
never is.
"""

from collections.abc import Iterable, Iterator, Sequence

from tiaas.base.dataclass import dataclass
from tiaas.base.slices import SLICE, slices
from tiaas.soap.bulk import INCLUDE, LONG, base64_size, base64_slices
from tiaas.soap.encoder import Long, Part
from tiaas.soap.mtom import attachment_head, package_end, package_type, root_head

CONTENT_TYPE = "text/xml; charset=utf-8"
_XOP = INCLUDE[1:].partition("}")[0]

Piece = bytes | Long
"""A `Long` is written as base64."""


@dataclass(frozen=True, slots=True)
class SoapReply:
    """One answer: HTTP status, Content-Type, and the body in pieces."""

    status: int
    content_type: str
    pieces: tuple[Piece, ...]

    @property
    def size(self) -> int:
        """Octets of the body."""
        return sum(base64_size(piece.octets) if isinstance(piece, Long) else len(piece) for piece in self.pieces)

    def slices(self, size: int = SLICE) -> Iterator[bytes]:
        """The body, a piece of about `size` at most at a time; `size` is a multiple of 3."""
        for piece in self.pieces:
            if isinstance(piece, Long):
                yield from base64_slices(piece.octets, size)
            elif len(piece) <= size:
                yield piece
            else:
                yield from map(bytes, slices(piece, size))

    @property
    def body(self) -> bytes:
        """The whole body."""
        if len(self.pieces) == 1 and isinstance(self.pieces[0], bytes):
            return self.pieces[0]
        return b"".join(self.slices())


def plain_reply(status: int, parts: Sequence[Part]) -> SoapReply:
    """An envelope as `text/xml`, long contents in it as base64."""
    try:
        # Nearly all are text alone.
        return SoapReply(status, CONTENT_TYPE, ("".join(parts).encode(),))  # type: ignore[arg-type]
    except TypeError:
        return SoapReply(status, CONTENT_TYPE, _pieces(parts))


def packaged_reply(status: int, parts: Iterable[Part], boundary: str) -> SoapReply:
    """An envelope with its long contents as attachments. `boundary` must be random: contents must not hold it."""
    attached: list[bytes] = []
    root: list[Part] = [root_head(boundary)]
    for part in parts:
        if not isinstance(part, Long):
            root.append(part)
            continue
        name = f"{len(attached) // 2 + 1}@{boundary}"
        root.append(f'<xop:Include xmlns:xop="{_XOP}" href="cid:{name}"/>')
        attached += (attachment_head(boundary, name), part.octets)
    return SoapReply(status, package_type(boundary), (*_pieces(root), *attached, package_end(boundary)))


def _pieces(parts: Sequence[Part]) -> tuple[Piece, ...]:
    pieces: list[Piece] = []
    octets: list[bytes] = []
    texts: list[str] = []
    for part in parts:
        if isinstance(part, str):
            texts.append(part)
            continue
        octets.append("".join(texts).encode())
        texts.clear()
        if isinstance(part, bytes) and len(part) < LONG:
            octets.append(part)
        else:
            pieces += (b"".join(octets), part)
            octets.clear()
    octets.append("".join(texts).encode())
    pieces.append(b"".join(octets))
    return tuple(pieces)
