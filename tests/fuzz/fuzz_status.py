"""Fuzz target: the instances' JSON interface as the portal reads it."""

import json
from datetime import date

from tiaas.base.wire import BadDocument, decode_document_untrusted
from tiaas.portal.lights import sentence, way_of
from tiaas.portal.status import Instance, Listing
from tiaas.portal.texts_en import EN

_INSTANCE = {
    "version": 1,
    "name": "praxis-1",
    "url": "https://127.0.0.1:8443",
    "profile": "hsk",
    "since": "2026-01-31T12:00:00.000Z",
    "product": {"vendor": "v", "name": "n", "firmware": "1.0.0"},
    "connections": 1,
    "clients": [{"id": "pvs", "certificates": 1, "users": 0}],
    "terminals": [
        {
            "ct_id": "CT-1",
            "name": "KT",
            "address": "127.0.0.1:4742",
            "connected": True,
            "correlation": "aktiv",
            "slots": [
                {
                    "number": 1,
                    "card": {
                        "handle": "h",
                        "type": "SMC-B",
                        "expires": "2026-02-01",
                        "pin": {"name": "PIN.SMC", "state": "VERIFIED"},
                    },
                }
            ],
        }
    ],
    "calls_total": 1,
    "calls": [{"number": 1, "at": "2026-01-31T12:00:00Z", "operation": None, "ms": 1, "outcome": "ok", "code": 4021}],
    "events": [{"number": 1, "at": "2026-01-31T12:00:00Z", "topic": "CT/ERROR", "type": "Operation", "severity": "x"}],
    "ti": {"online": True},
    "conditions": [{"name": "EC_TSL_Expiring", "severity": "Info"}],
}
SEEDS: list[bytes] = [
    json.dumps(_INSTANCE).encode(),
    json.dumps({"version": 1, "instances": []}).encode(),
]


def target(data: bytes) -> None:
    """Only `BadDocument` may escape; what was read gives a diagnosis."""
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return
    for shape in (Listing, Instance):
        try:
            read = decode_document_untrusted(shape, document)
        except BadDocument:
            continue
        if isinstance(read, Instance):
            sentence(way_of(read, EN, date(2026, 1, 31)), EN)
