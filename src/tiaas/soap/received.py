"""Opens a message that came over HTTP, plain or packaged, with its large contents set apart from the tree."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from lxml import etree

from tiaas.base.slices import copied, counted
from tiaas.soap.bulk import BULK, Bulk
from tiaas.soap.envelope import Limits, open_envelope_untrusted
from tiaas.soap.errors import TooLarge
from tiaas.soap.mtom import open_package_untrusted

XmlElement = etree._Element


@contextmanager
def received_untrusted(
    body: bytes | bytearray,
    package: str | None,
    limits: Limits,
    known: Mapping[str, type[Any]] | None = None,
) -> Iterator[tuple[list[XmlElement], XmlElement]]:
    """The header blocks that are `known` and the first element in the body, to be decoded while the context lasts.

    `package` is the Content-Type of a packaged message, else None. `limits` hold for what is left without large
    contents; how long these may be is the business of whoever reads the body. Raises `BadEnvelope` or a subclass.
    """
    opened = None if package is None else open_package_untrusted(package, body)
    bulk = Bulk() if opened is None else Bulk(opened.attachments)
    envelope = body if opened is None else copied(opened.root)
    if counted(envelope, b"<") > 2 * limits.nodes:
        raise TooLarge(f"more than {limits.nodes} elements")
    document = copied(bulk.cut_untrusted(envelope))
    blocks, element = open_envelope_untrusted(document, limits, known)
    reset = BULK.set(bulk)
    try:
        yield blocks, element
    finally:
        BULK.reset(reset)
