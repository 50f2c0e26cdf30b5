"""Fuzz target: files of the eGK with insured data, and the XML in them."""

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

from tiaas.fachdienste.vsdm import containers
from tiaas.fachdienste.vsdm.containers import StatusVd, VdBlocks
from tiaas.interfaces import vsd_v5_2
from tiaas.interfaces.vsd_gzip import BadContainer, compress, decompress_untrusted
from tiaas.interfaces.vsd_v5_2 import BadVsd, Kostentraeger, Selektivvertraege

_PD = vsd_v5_2.encode_pd(
    vsd_v5_2.PersoenlicheVersichertendaten("A123456780", "19700101", "Änne", "Muster", "W", titel="Dr.")
)
_VD = vsd_v5_2.encode_vd(
    vsd_v5_2.AllgemeineVersicherungsdaten("20200101", Kostentraeger("109990018", "D", "Testkasse"), "1", "72")
)
_GVD = vsd_v5_2.encode_gvd(vsd_v5_2.GeschuetzteVersichertendaten(True, Selektivvertraege(1, 0, "1000"), "20261231"))

SEEDS: list[bytes] = [
    containers.encode_pd(compress(_PD)),
    containers.encode_vd(VdBlocks(compress(_VD), compress(_GVD))),
    containers.encode_status_vd(StatusVd(False, datetime(2026, 6, 1, tzinfo=UTC))),
    _PD,
    _VD,
    _GVD,
    compress(_PD),
    compress(bytes(200_000)),
]

_DOCUMENTS: tuple[Callable[[bytes], object], ...] = (
    vsd_v5_2.decode_pd_untrusted,
    vsd_v5_2.decode_vd_untrusted,
    vsd_v5_2.decode_gvd_untrusted,
)


def target(data: bytes) -> None:
    """Only `BadContainer` may escape the containers, only `BadVsd` the documents."""
    blocks = []
    with suppress(BadContainer):
        containers.decode_status_vd_untrusted(data)
    with suppress(BadContainer):
        blocks.append(containers.decode_pd_untrusted(data))
    with suppress(BadContainer):
        blocks.append(containers.decode_gvd_untrusted(data))
    with suppress(BadContainer):
        found = containers.decode_vd_untrusted(data)
        blocks += [block for block in (found.vd, found.gvd) if block is not None]
    documents = [data]
    for block in (data, *blocks):
        with suppress(BadContainer):
            documents.append(decompress_untrusted(block))
    for document in documents:
        for decode in _DOCUMENTS:
            with suppress(BadVsd):
                decode(document)
