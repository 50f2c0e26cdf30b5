"""Opens a message that came over HTTP, plain or packaged, with its large contents set apart from the tree."""

from collections.abc import Mapping
from contextvars import Token
from types import TracebackType
from typing import Any

from lxml import etree

from tiaas.base.slices import SLICE, copied, counted
from tiaas.soap.bulk import BULK, Bulk
from tiaas.soap.envelope import Limits, open_envelope_untrusted
from tiaas.soap.errors import TooLarge
from tiaas.soap.mtom import open_package_untrusted
from tiaas.soap.standalone import NOWHERE, Places

XmlElement = etree._Element


class Received:
    """A message that is to be decoded while the context lasts: the header blocks that are known and the body's first
    element."""

    __slots__ = ("_bulk", "_opened", "_reset")

    def __init__(self, bulk: Bulk, blocks: list[XmlElement], element: XmlElement) -> None:
        self._bulk = bulk
        self._opened = blocks, element

    def __enter__(self) -> tuple[list[XmlElement], XmlElement]:
        self._reset: Token[Bulk | None] = BULK.set(self._bulk)
        return self._opened

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        BULK.reset(self._reset)


def received_untrusted(
    body: bytes | bytearray,
    package: str | None,
    limits: Limits,
    known: Mapping[str, type[Any]] | None = None,
    places: Places = NOWHERE,
) -> Received:
    """Opens a message; `known` are the header blocks that are understood, `places` where its octets count.

    `package` is the Content-Type of a packaged message, else None. `limits` hold for what is left without large
    contents, and as many elements more may be in what stands at `places`; how long and how deep these are is the
    business of whoever reads them. Raises `BadEnvelope` or a subclass.
    """
    opened = None if package is None else open_package_untrusted(package, body)
    bulk = Bulk() if opened is None else Bulk(opened.attachments)
    # A large one, with an element in it whose octets count, is in memory once.
    envelope = body if opened is None else opened.root if len(opened.root) > SLICE else copied(opened.root)
    has_places = places.may_be_in(envelope)
    nodes = 2 * limits.nodes if has_places else limits.nodes
    if len(envelope) > 2 * nodes and counted(envelope, b"<") > 2 * nodes:
        raise TooLarge(f"more than {limits.nodes} elements")
    document = bulk.cut_untrusted(envelope)
    if has_places:
        document = bulk.take_out_untrusted(document, places, limits)
    return Received(bulk, *open_envelope_untrusted(copied(document), limits, known))
