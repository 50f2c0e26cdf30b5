"""A trust list an instance holds, what it wrote about its last attempt to renew it, and both as rows of the store."""

import base64
from dataclasses import dataclass, replace
from datetime import datetime
from hashlib import sha256
from typing import Any

from tiaas.konnektor.store import Put
from tiaas.konnektor.trust import Issuer
from tiaas.konnektor.tslimport import Anchors
from tiaas.pki.certificate import decode_certificate_untrusted
from tiaas.pki.codes import PkiCode
from tiaas.pki.tsl import TrustList
from tiaas.pki.tslreader import decode_tsl_untrusted

KIND = "trust"


@dataclass(frozen=True, slots=True)
class HeldList:
    """A list in use. `content` is without services: what they say is in the trust space, once.

    `digest` is the SHA-256 of its octets, hexadecimal.
    """

    content: TrustList
    digest: str
    imported: datetime

    @staticmethod
    def of(document: bytes, content: TrustList, imported: datetime) -> "HeldList":
        """What is held of a list that was read from `document`."""
        return HeldList(replace(content, services=()), sha256(document).hexdigest(), imported)


@dataclass(frozen=True, slots=True)
class Attempt:
    """How the last import went. `fault` and `reason` say why it failed; `due` is when the next one is made."""

    at: datetime
    succeeded: bool
    due: datetime
    fault: PkiCode | None = None
    reason: str = ""


def put_list(key: str, document: bytes, imported: datetime) -> Put:
    """Writes a list as row `key`."""
    return Put(KIND, key, {"document": base64.b64encode(document).decode("ascii"), "imported": imported.isoformat()})


def read_list(row: dict[str, Any] | None) -> tuple[HeldList, TrustList] | None:
    """The list of a row, and all it says; its signature was checked before it was written."""
    if row is None:
        return None
    document = base64.b64decode(row["document"])
    content = decode_tsl_untrusted(document)
    return HeldList.of(document, content, datetime.fromisoformat(row["imported"])), content


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
    """The trust anchors of a row."""
    if row is None:
        return None
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
    """The attempt of a row."""
    if row is None:
        return None
    fault = row["fault"]
    return Attempt(
        datetime.fromisoformat(row["at"]),
        row["succeeded"],
        datetime.fromisoformat(row["due"]),
        None if fault is None else PkiCode.of(fault),
        row["reason"],
    )


def _issuer_row(issuer: Issuer) -> dict[str, str]:
    return {"certificate": issuer.certificate.encoded.hex(), "ocsp_url": issuer.ocsp_url}


def _issuer(row: dict[str, str]) -> Issuer:
    return Issuer(decode_certificate_untrusted(bytes.fromhex(row["certificate"])), row["ocsp_url"])
