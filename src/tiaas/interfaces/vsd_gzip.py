"""The gzip around insured data: on the eGK, in ReadVSDResponse, around a receipt (gemSpec_SST_PS_VSDM V1.5.0)."""

import gzip
import zlib

from tiaas.base.errors import TiaasError

MAX_XML = 64 * 1024
"""Octets of a document; the largest file of the eGK holds 1,250 octets of gzip."""


class BadContainer(TiaasError):
    """Insured data are not in the form specified: no gzip, cut off, too large, a file of the wrong layout."""


def compress(xml: bytes) -> bytes:
    """gzip without a time stamp, so that the same document gives the same octets."""
    return gzip.compress(xml, compresslevel=9, mtime=0)


def decompress_untrusted(block: bytes) -> bytes:
    """The document in a gzip block, at most 64 KiB of it; raises only `BadContainer`."""
    stream = zlib.decompressobj(wbits=31)
    try:
        document = stream.decompress(block, MAX_XML + 1)
    except zlib.error:
        raise BadContainer("not a gzip block") from None
    if len(document) > MAX_XML:
        raise BadContainer("the document is larger than 64 KiB")
    if not stream.eof:
        raise BadContainer("the gzip block is cut off")
    return document
