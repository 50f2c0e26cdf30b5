"""The trust service in the status document: what is trusted, how old the lists are, how OCSP goes."""

from typing import Any

from tiaas.konnektor.ocsp import OcspCounts
from tiaas.konnektor.statustime import time_text
from tiaas.konnektor.truststatus import AnchorStatus, ListStatus, TrustStatus
from tiaas.konnektor.tslservice import TslContact


def trust_document(trust: TrustStatus) -> dict[str, Any]:
    """The object under `trust`."""
    return {
        "lists": trust.has_lists,
        "issuers": trust.issuers,
        "ocsp_signers": trust.ocsp_signers,
        "tsl": _list(trust.tsl),
        "bnetza": _list(trust.bnetza),
        "tsl_service": _contact(trust.tsl_service),
        "anchor": _anchor(trust.anchor),
        "next_anchor": _anchor(trust.next_anchor),
        "next_anchor_from": time_text(trust.next_anchor_from),
        "ocsp": _ocsp(trust.ocsp),
    }


def _list(held: ListStatus) -> dict[str, Any]:
    return {
        "number": held.sequence_number,
        "issued": time_text(held.issued),
        "next_update": time_text(held.next_update),
        "imported": time_text(held.imported),
        "last_attempt": time_text(held.last_attempt),
        "succeeded": held.last_succeeded,
        "code": held.last_code,
        "reason": held.last_reason,
        "next_attempt": time_text(held.next_attempt),
    }


def _contact(contact: TslContact | None) -> dict[str, Any] | None:
    if contact is None:
        return None
    return {"at": time_text(contact.at), "code": contact.code, "reason": contact.reason}


def _anchor(anchor: AnchorStatus | None) -> dict[str, Any] | None:
    if anchor is None:
        return None
    return {
        "name": anchor.name,
        "fingerprint": anchor.fingerprint,
        "since": time_text(anchor.since),
        "not_after": time_text(anchor.not_after),
    }


def _ocsp(counts: OcspCounts) -> dict[str, Any]:
    return {
        "requests": counts.requests,
        "cache_hits": counts.cache_hits,
        "failures": counts.failures,
        "last_at": time_text(counts.last_at),
        "last_ms": None if counts.last_seconds is None else round(counts.last_seconds * 1000, 1),
        "code": None if counts.last_fault is None else counts.last_fault.number,
        "reason": counts.last_reason,
    }
