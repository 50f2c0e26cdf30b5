"""What a service of an insurer finds in its database about a card, whole or as a fault of the lab has left it.

No fault here says what is answered. The service reads, and judges what it has read (gemSpec_SST_VSDM V2.5.0,
Tab_SST_VSDM_11; gemSpec_SST_FD_VSDM V1.6.0, Tab_SST_FD_15, _41):

    record-missing      there is no record of the card          UFS 11101, CCS 12101
    record-mixed-up     it is another card's                    UFS 11999, CCS 12999
    record-unreadable   its octets end in the middle            500: nobody has foreseen that
    database-away       the database does not open              1011
"""

import json

from tiaas.lab.vsdm.books import Books
from tiaas.lab.vsdm.errors import ServiceError
from tiaas.lab.vsdm.server import Exchange

NOT_AVAILABLE = 1011


def insurer_of(books: Books, iccsn: str, exchange: Exchange, unspecified: int) -> str | None:
    """IK of the insurer of a card by its record; None: there is none.

    Raises `ServiceError` 1011, or `unspecified` for a record that cannot be the card's; `ValueError` for no record at
    all, which is a defect.
    """
    try:
        stored = _stored(books, iccsn, exchange.cause)
    except ConnectionError as error:
        raise ServiceError(NOT_AVAILABLE, f"database: {error}; a later try may do") from None
    if stored is None:
        return None
    record = json.loads(stored)
    if record["iccsn"] != iccsn:
        exchange.notes.append("the record is another card's")
        raise ServiceError(unspecified, "record of the card inconsistent")
    return str(record["insurer"])


def _stored(books: Books, iccsn: str, defect: str | None) -> bytes | None:
    """The octets of a card's record. Raises `ConnectionError` if the database is away."""
    if defect == "database-away":
        raise ConnectionRefusedError("does not open")
    insurer = books.insurer_of(iccsn)
    if insurer is None or defect == "record-missing":
        return None
    owner = iccsn[::-1] if defect == "record-mixed-up" else iccsn
    octets = json.dumps({"iccsn": owner, "insurer": insurer}).encode()
    return octets[: len(octets) // 2] if defect == "record-unreadable" else octets
