"""A trust list an instance holds, what it wrote about its last attempt to renew it, and both as rows of the store."""

import base64
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from tiaas.base.dataclass import dataclass
from tiaas.base.errors import InvalidInput
from tiaas.konnektor.store import Put
from tiaas.konnektor.trust import Issuer
from tiaas.konnektor.tslimport import Anchors, ListMark, ReadList
from tiaas.pki.certificate import BadCertificate, Certificate, decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.tsl import TrustList

KIND = "trust"


class BadTrustRow(InvalidInput):
    """A row that cannot be read; says why without its content."""


@dataclass(frozen=True, slots=True)
class HeldList:
    """A list in use. `content` is as in `ReadList`: what the list says is in the trust space, once.

    `digest` is the SHA-256 of its octets, hexadecimal; `signer` who signed it.
    """

    content: TrustList
    digest: str
    signer: Certificate
    imported: datetime

    @staticmethod
    def of(read: ReadList, imported: datetime) -> "HeldList":
        """What is held of a list."""
        return HeldList(read.content, read.digest, read.signer, imported)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the last import went. `fault` and `reason` say why it failed; `due` is when the next one is made."""

    at: datetime
    succeeded: bool
    due: datetime
    fault: PkiCode | None = None
    reason: str = ""


def put_list(key: str, document: bytes, mark: ListMark, imported: datetime) -> Put:
    """Writes a list as row `key`; its mark stands beside it, for the day the document cannot be read."""
    return Put(
        KIND,
        key,
        {
            "document": base64.b64encode(document).decode("ascii"),
            "imported": imported.isoformat(),
            "id": mark.id,
            "number": mark.sequence_number,
        },
    )


def read_document(row: dict[str, Any] | None) -> tuple[bytes, datetime] | None:
    """The octets of a row's list and when it was imported. Raises `BadTrustRow`."""
    if row is None:
        return None
    with _one_error():
        return base64.b64decode(row["document"]), datetime.fromisoformat(row["imported"])


def read_mark(row: dict[str, Any] | None) -> ListMark | None:
    """The mark of a row's list; None in a row that has none. Raises `BadTrustRow`."""
    if row is None or "number" not in row:
        return None
    with _one_error():
        return ListMark(str(row["id"]), int(row["number"]))


def put_anchors(key: str, anchors: Anchors) -> Put:
    """Writes the trust anchors as row `key`."""
    following = anchors.following
    moment = anchors.following_from
    return Put(
        KIND,
        key,
        {
            "active": _issuer_row(anchors.active),
            "following": None if following is None else _issuer_row(following),
            "following_from": None if moment is None else moment.isoformat(),
        },
    )


def read_anchors(row: dict[str, Any] | None) -> Anchors | None:
    """The trust anchors of a row. Raises `BadTrustRow`."""
    if row is None:
        return None
    with _one_error():
        following, moment = row["following"], row["following_from"]
        return Anchors(
            _issuer(row["active"]),
            None if following is None else _issuer(following),
            None if moment is None else datetime.fromisoformat(moment),
        )


def put_attempt(key: str, attempt: Attempt) -> Put:
    """Writes an attempt as row `key`."""
    return Put(
        KIND,
        key,
        {
            "at": attempt.at.isoformat(),
            "succeeded": attempt.succeeded,
            "due": attempt.due.isoformat(),
            "fault": None if attempt.fault is None else attempt.fault.number,
            "reason": attempt.reason,
        },
    )


def read_attempt(row: dict[str, Any] | None) -> Attempt | None:
    """The attempt of a row. Raises `BadTrustRow`."""
    if row is None:
        return None
    with _one_error():
        fault = row["fault"]
        return Attempt(
            datetime.fromisoformat(row["at"]),
            bool(row["succeeded"]),
            datetime.fromisoformat(row["due"]),
            None if fault is None else PkiCode.of(fault),
            str(row["reason"]),
        )


@contextmanager
def _one_error() -> Iterator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, BadCertificate) as error:
        raise BadTrustRow(f"a stored row cannot be read ({type(error).__name__})") from error


def _issuer_row(issuer: Issuer) -> dict[str, str]:
    row = {"certificate": issuer.certificate.encoded.hex(), "ocsp_url": issuer.ocsp_url}
    return row if issuer.since is None else {**row, "since": issuer.since.isoformat()}


def _issuer(row: dict[str, str]) -> Issuer:
    since = row.get("since")
    certificate = decode_certificate_untrusted(bytes.fromhex(row["certificate"]))
    return Issuer(certificate, row["ocsp_url"], since=None if since is None else datetime.fromisoformat(since))
